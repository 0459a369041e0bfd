"""From configuration items of one type to dictionary-encoded columns, for just the paths asked for.

A document is walked once, along a tree of the wanted paths. Which keys of an object are wanted is remembered
by the object's key names in order, so that names are folded once per shape and not once per item.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import orjson

from domain.resource import ConfigurationItem
from domain.value import MISSING, UNREAD, Json, Value
from graph.columns import ArrayState, ChildTable, Column, Table
from graph.path import EACH, INSIDE, Path, element, fold, is_unread, item_field, parse_path

_SHAPES_MAX: Final = 4096


def shred(items: Sequence[ConfigurationItem], paths: Collection[str]) -> Table:
    """Read `paths` of items that share one type. Every path gets a column, those with ``[*]`` in child tables."""
    types = {fold(kind) for kind in {item.type for item in items}}
    assert len(types) <= 1, f"one type at a time, not {sorted(types)}"
    root = _Rows()
    fields = _Node()
    document = _Node()
    for text in sorted(set(paths)):
        whole = parse_path(text)
        path = next((whole.on(kind) for kind in types), whole)
        is_here = path is not None
        start = fields if whole.segments[0].startswith("@") else document
        _plant(start if is_here else _Node(), root, path or whole, name=text if whole.others else "", is_here=is_here)
    for row, item in enumerate(items):
        for name, node in fields.children.items():
            value = item_field(item, name)
            if value is not MISSING:
                _visit(node, value, row)
        _visit(document, item.properties, row)  # type: ignore[arg-type]
        if item.unread:
            _mark_unread(root, row, row + 1, item.unread)
    root.size = len(items)
    columns, children = root.finish()
    return Table(len(items), columns, children)


class _Encoder:
    """Codes of one column under construction; rows that are never added are MISSING.

    `first` is the path's first segment, or None where items of this type cannot have the path.
    """

    __slots__ = ("codes", "first", "index", "rows", "values")

    def __init__(self, first: str | None) -> None:
        self.first = first
        self.rows: list[int] = []
        self.codes: list[int] = []
        self.values: list[Value] = [MISSING]
        self.index: dict[object, int] = {}

    def add(self, row: int, value: Value) -> None:
        key = value if type(value) is str else column_key(value)
        code = self.index.get(key)
        if code is None:
            code = self.index[key] = len(self.values)
            self.values.append(value)
        self.rows.append(row)
        self.codes.append(code)

    def finish(self, size: int) -> Column:
        codes = np.zeros(size, dtype=np.int32)
        codes[self.rows] = self.codes
        if size and len(self.rows) == size:  # no row is MISSING, so that a value which all rows share decides for all
            return Column(codes - 1, tuple(self.values[1:]))
        return Column(codes, tuple(self.values))


def column_key(value: Value) -> object:
    """Something hashable that differs where values differ: ``1``, ``1.0`` and ``true`` are three values."""
    if isinstance(value, dict | list):
        return encoded(value)
    return (type(value), value)


def encoded(value: Json) -> bytes:
    """A value's bytes, equal where values are equal."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(value, sort_keys=True).encode()


@dataclass(slots=True)
class _Rows:
    """A table under construction: the root, or the elements of one array."""

    first: str | None = None
    size: int = 0
    parents: list[int] = field(default_factory=list)
    present: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    encoders: dict[str, _Encoder] = field(default_factory=dict)
    children: dict[str, _Rows] = field(default_factory=dict)

    def finish(self) -> tuple[dict[str, Column], dict[str, ChildTable]]:
        columns = {path: encoder.finish(self.size) for path, encoder in self.encoders.items()}
        return columns, {path: child.as_table(self.size) for path, child in self.children.items()}

    def as_table(self, parents: int) -> ChildTable:
        states = np.full(parents, ArrayState.MISSING, dtype=np.uint8)
        states[self.unread] = ArrayState.UNREAD
        states[self.present] = ArrayState.PRESENT
        columns, children = self.finish()
        return ChildTable(self.size, np.array(self.parents, dtype=np.int32), states, columns, children)


class _Node:
    """One segment of the wanted paths, and what to do with a value found there."""

    __slots__ = ("children", "each", "encoders", "plans", "rows")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.encoders: list[_Encoder] = []
        self.rows: _Rows | None = None
        self.each: _Node | None = None
        self.plans: dict[tuple[str, ...], list[tuple[str, _Node]]] = {}

    def plan(self, keys: tuple[str, ...]) -> list[tuple[str, _Node]]:
        """Which of these keys lead on, each wanted name once: the first spelling counts."""
        wanted: dict[str, tuple[str, _Node]] = {}
        for key in keys:
            name = fold(key)
            if name in self.children and name not in wanted:
                wanted[name] = (key, self.children[name])
        found = list(wanted.values())
        if len(self.plans) < _SHAPES_MAX:
            self.plans[keys] = found
        return found


def _plant(node: _Node, rows: _Rows, path: Path, *, name: str, is_here: bool) -> None:
    """Add one path to the tree, its column under `name` if given; arrays on the way open child tables."""
    first = path.segments[0] if is_here else None
    for at, segment in enumerate(path.segments):
        if segment == INSIDE:
            return
        if segment != EACH:
            node = node.children.setdefault(segment, _Node())
            continue
        rows = rows.children.setdefault(str(path.prefix(at + 1)), _Rows(first))
        node.rows = rows
        if node.each is None:
            node.each = _Node()
        node = node.each
    encoder = rows.encoders.setdefault(name or str(path), _Encoder(first))
    node.encoders.append(encoder)


def _visit(node: _Node, value: Value, row: int) -> None:
    for encoder in node.encoders:
        encoder.add(row, value)
    if node.children and isinstance(value, dict):
        keys = tuple(value)
        plan = node.plans.get(keys)
        for key, child in node.plan(keys) if plan is None else plan:
            _visit(child, value[key], row)
    elif node.children and isinstance(value, list):
        _visit_indexed(node, value, row)
    if node.rows is not None:
        _visit_elements(node, node.rows, value, row)


def _visit_indexed(node: _Node, value: list[Json], row: int) -> None:
    for segment, child in node.children.items():
        found = element(value, segment) if segment.startswith("[") else MISSING
        if found is not MISSING:
            _visit(child, found, row)


def _visit_elements(node: _Node, rows: _Rows, value: Value, row: int) -> None:
    each = node.each
    assert each is not None
    if isinstance(value, list):
        rows.present.append(row)
        for element in value:
            at = rows.size
            rows.size = at + 1
            rows.parents.append(row)
            _visit(each, element, at)


def _mark_unread(rows: _Rows, start: int, end: int, unread: Iterable[str]) -> None:
    """Turn what is absent from rows [start, end) into UNREAD where nobody asked for it."""
    for encoder in rows.encoders.values():
        if encoder.first is not None and is_unread(unread, encoder.first):
            for row in _absent(encoder.rows, start, end):
                encoder.add(row, UNREAD)
    for child in rows.children.values():
        if child.first is not None and is_unread(unread, child.first):
            child.unread.extend(_absent(child.present, start, end))
            first = _first_with_parent(child.parents, start)
            _mark_unread(child, first, child.size, unread)


def _absent(rows: list[int], start: int, end: int) -> list[int]:
    seen = set()
    for row in reversed(rows):
        if row < start:
            break
        seen.add(row)
    return [row for row in range(start, end) if row not in seen]


def _first_with_parent(parents: list[int], start: int) -> int:
    """The first element whose parent is at or after `start`; parents ascend."""
    at = len(parents)
    while at and parents[at - 1] >= start:
        at -= 1
    return at
