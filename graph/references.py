"""Relationships between resources, read out of their documents.

Any string that names another item is a reference; its place and its target say what it means (rules in
`graph.reference_rules`). Containment comes from the ids themselves. A string that names something which is not
among the items is returned as dangling, never dropped. The order of the answer depends on the items alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.resource import ConfigurationItem, Provider, Relationship, RelationshipKind, ResourceId, Strength
from graph.identifiers import DANGLING, HEADS, IdentifierIndex
from graph.reference_rules import FALLBACK, NAME_RULES, RULES, Direction, NameRule, Rule

KINDS: tuple[RelationshipKind, ...] = tuple(RelationshipKind)
STRENGTHS: tuple[Strength, ...] = tuple(Strength)

_Trail: TypeAlias = "tuple[Any, str] | None"
"""A place in a document: the place above it, and the last name; elements of an array are ``[*]``."""


@dataclass(frozen=True, slots=True)
class Dangling:
    """A string in the shape of an id that names no item (or no single one)."""

    source: ResourceId
    path: str
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """Edges as columns, in order of source, target and kind.

    Shapes:
        sources, targets: int32 (e,), rows of the items given.
        kinds, strengths: uint8 (e,), indexes into `KINDS` and `STRENGTHS`.
    """

    uids: tuple[ResourceId, ...]
    sources: NDArray[np.int32]
    targets: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    strengths: NDArray[np.uint8]
    paths: tuple[str, ...]
    dangling: tuple[Dangling, ...]

    def relationships(self) -> tuple[Relationship, ...]:
        """The edges as objects."""
        columns = (self.sources.tolist(), self.targets.tolist(), self.kinds.tolist(), self.strengths.tolist())
        return tuple(
            Relationship(self.uids[source], self.uids[target], KINDS[kind], STRENGTHS[strength], path)
            for source, target, kind, strength, path in zip(*columns, self.paths, strict=True)
        )


def relationships(items: Sequence[ConfigurationItem]) -> tuple[Relationship, ...]:
    """What the items say about each other."""
    return find_references(items).relationships()


def find_references(items: Sequence[ConfigurationItem]) -> References:
    """What the items say about each other, and what they name that is not among them.

    Args:
        items: one per id.
    """
    finder = _Finder(items)
    for row in range(len(items)):
        finder.read(row)
    return finder.result()


class _Finder:
    """Collects edges over all items; what a place means is remembered per type and place."""

    def __init__(self, items: Sequence[ConfigurationItem]) -> None:
        self._items = items
        self._index = IdentifierIndex(items)
        self._types = [item.type.lower() for item in items]
        self._names = _names(items, self._types)
        self._meanings: dict[tuple[str, str, str], Rule] = {}
        self._edges: dict[tuple[int, int, int], tuple[int, str]] = {}
        self._dangling: list[Dangling] = []

    def read(self, row: int) -> None:
        """Add the edges of one item."""
        item = self._items[row]
        self._contain(row, item)
        for text, trail in _candidates(item.properties, self._index):
            named = self._index.resolve(text)
            if named is None:
                continue
            target = self._index.nearest(named, item.scope) if isinstance(named, tuple) else named
            if target == DANGLING:
                self._dangling.append(Dangling(item.uid, _path(trail), text))
            elif target != row:
                self._refer(row, target, _path(trail))
        for rule in _NAME_RULES_BY_SOURCE.get(self._types[row], ()):
            for name in _values(item.properties, rule.path.split(".")):
                target = self._names.get((item.scope, rule.target, name.lower()), row)
                if target != row:
                    self._add(row, target, rule.kind, rule.strength, rule.path)

    def result(self) -> References:
        """Everything found, in order."""
        ordered = sorted(self._edges.items())
        keys = np.array([key for key, _ in ordered], np.int32).reshape(-1, 3)
        return References(
            uids=tuple(item.uid for item in self._items),
            sources=np.ascontiguousarray(keys[:, 0]),
            targets=np.ascontiguousarray(keys[:, 1]),
            kinds=keys[:, 2].astype(np.uint8),
            strengths=np.array([strength for _, (strength, _) in ordered], np.uint8),
            paths=tuple(path for _, (_, path) in ordered),
            dangling=tuple(self._dangling),
        )

    def _refer(self, row: int, target: int, path: str) -> None:
        key, other = self._index.keys[row], self._index.keys[target]
        if other.startswith(key) and other[len(key)] == "/":
            return
        rule = self._meaning(self._types[row], path, self._types[target])
        if key.startswith(other) and key[len(other)] == "/" and rule is FALLBACK:
            return
        if rule.direction is Direction.REVERSE:
            row, target = target, row
        self._add(row, target, rule.kind, rule.strength, path)

    def _contain(self, row: int, item: ConfigurationItem) -> None:
        for spelling in _containers(item, self._index.keys[row]):
            parent = self._index.spellings.get(spelling)
            if isinstance(parent, int) and parent != row:
                self._add(row, parent, RelationshipKind.CONTAINS, Strength.HARD, "@id")
                return

    def _meaning(self, source: str, path: str, target: str) -> Rule:
        place = (source, path, target)
        if place not in self._meanings:
            self._meanings[place] = _matching(source, path, target)
        return self._meanings[place]

    def _add(self, source: int, target: int, kind: RelationshipKind, strength: Strength, path: str) -> None:
        key = (source, target, _KIND_CODES[kind])
        found = (_STRENGTH_CODES[strength], path)
        before = self._edges.get(key)
        if before is None or found < before:
            self._edges[key] = found


def _candidates(document: object, index: IdentifierIndex) -> list[tuple[str, _Trail]]:
    """Strings of a document that could name something, each with its place."""
    found: list[tuple[str, _Trail]] = []
    pending: list[tuple[Any, _Trail]] = [(document, None)]
    while pending:
        node, trail = pending.pop()
        if isinstance(node, dict):
            if next(iter(node), "")[:1] == "/":  # a map by id, such as userAssignedIdentities
                found.extend((name, trail) for name in node)
            entries: Iterable[tuple[str, Any]] = node.items()
        else:
            entries = zip(repeat("[*]"), node)
        _sort_out(entries, trail, index, found, pending)
    return found


def _sort_out(
    entries: Iterable[tuple[str, Any]],
    trail: _Trail,
    index: IdentifierIndex,
    found: list[tuple[str, _Trail]],
    pending: list[tuple[Any, _Trail]],
) -> None:
    """Put strings that could name something on one list, and what is to be looked into on the other."""
    spellings, heads = index.spellings, HEADS
    for name, value in entries:
        kind = type(value)
        if kind is str:
            if value[:3] in heads or value in spellings:
                found.append((value, (trail, name)))
        elif kind in _CONTAINERS and value:
            pending.append((value, (trail, name)))


_CONTAINERS = frozenset({dict, list})
_KIND_CODES = {kind: code for code, kind in enumerate(KINDS)}
_STRENGTH_CODES = {strength: code for code, strength in enumerate(STRENGTHS)}


def _path(trail: _Trail) -> str:
    names = []
    while trail is not None:
        trail, name = trail
        names.append(name)
    return ".".join(reversed(names)).replace(".[*]", "[*]")


def _matching(source: str, path: str, target: str) -> Rule:
    place = f".{path.lower().replace('[*]', '')}."
    for rule in _ORDERED_RULES:
        if rule.source in {"", source} and rule.target in {"", target} and _stands(rule.path, place):
            return rule
    return FALLBACK


def _stands(path: str, place: str) -> bool:
    if path.endswith(".*"):
        return f".{path[:-2]}." in place
    return not path or place.endswith(f".{path}.")


def _specificity(rule: Rule) -> tuple[bool, int, bool]:
    return (bool(rule.source), len(rule.path.split(".")) if rule.path else 0, bool(rule.target))


_ORDERED_RULES: tuple[Rule, ...] = tuple(sorted(RULES, key=_specificity, reverse=True))


def _by_source(rules: Iterable[NameRule]) -> dict[str, tuple[NameRule, ...]]:
    grouped: dict[str, tuple[NameRule, ...]] = {}
    for rule in rules:
        grouped[rule.source] = (*grouped.get(rule.source, ()), rule)
    return grouped


_NAME_RULES_BY_SOURCE = _by_source(NAME_RULES)
_NAMED_TYPES = frozenset(rule.target for rule in NAME_RULES)


def _names(items: Sequence[ConfigurationItem], types: Sequence[str]) -> dict[tuple[str, str, str], int]:
    """Rows by scope, type and name, for the types that are referred to by name."""
    return {
        (item.scope, kind, item.name.lower()): row
        for row, (item, kind) in enumerate(zip(items, types, strict=True))
        if kind in _NAMED_TYPES
    }


def _values(node: object, path: Sequence[str]) -> Iterator[str]:
    """Strings at a path, through arrays, names compared without case."""
    if isinstance(node, list):
        for element in node:
            yield from _values(element, path)
    elif not path:
        if isinstance(node, str):
            yield node
    elif isinstance(node, dict):
        for name, value in node.items():
            if name.lower() == path[0]:
                yield from _values(value, path[1:])


def _containers(item: ConfigurationItem, key: str) -> Iterator[str]:
    """Spellings of what may contain the item, nearest first."""
    if item.provider is Provider.AZURE:
        head = key.rpartition("/")[0].rpartition("/")[0]
        while head.count("/") >= 2:
            yield head.removesuffix("/providers")
            head = head.rpartition("/")[0].rpartition("/")[0]
    elif item.provider is Provider.GCP and key.startswith("//"):
        head = key[2:].partition("/")[2].rpartition("/")[0].rpartition("/")[0]
        while "/" in head:
            yield head
            head = head.rpartition("/")[0].rpartition("/")[0]
    if item.scope:
        yield item.scope
        yield item.scope.lower()
        yield "/".join(item.scope.rsplit("/", 2)[-2:])
