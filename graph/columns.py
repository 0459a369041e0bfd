"""Dictionary-encoded columns: the distinct values of a path once, and a small code for each row.

Decided here: how a table of configuration items looks to whoever evaluates it. Rows of a `Table` are items;
rows of a `ChildTable` are elements of one array, each naming the row of its parent. Not decided here: how
values get into columns (`graph.shred`) and what they mean (`policy.evaluate`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from domain.value import MISSING, Value

Codes = NDArray[np.int32]


class ArrayState(IntEnum):
    """Whether a parent has the array that a child table enumerates."""

    PRESENT = 0
    MISSING = 1
    UNREAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One path over all rows.

    Shapes:
        codes: int32 (n,), each an index into `values`.
    """

    codes: Codes
    values: tuple[Value, ...]

    def value(self, row: int) -> Value:
        """What one row holds."""
        return self.values[int(self.codes[row])]

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, slots=True, eq=False)
class ChildTable:
    """The elements of one array path, over all parents that have it.

    Args:
        states: an `ArrayState` per row of the parent table.

    Shapes:
        parents: int32 (m,), ascending; the parent's row of each element.
        states: uint8 (n,), n the size of the parent table.
    """

    size: int
    parents: Codes
    states: NDArray[np.uint8]
    columns: Mapping[str, Column]
    children: Mapping[str, ChildTable] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns by path, and child tables by array path (ending in ``[*]``)."""

    size: int
    columns: Mapping[str, Column]
    children: Mapping[str, ChildTable] = field(default_factory=dict)

    @property
    def paths(self) -> frozenset[str]:
        """Every path that has a column here or in a child."""
        return frozenset(_paths(self.columns, self.children))


def _paths(columns: Mapping[str, Column], children: Mapping[str, ChildTable]) -> set[str]:
    found = set(columns)
    for child in children.values():
        found |= _paths(child.columns, child.children)
    return found


def narrowed(table: Table, paths: Collection[str]) -> Table:
    """The table with the columns of some paths, and with the arrays that some of them go through."""
    columns = {path: column for path, column in table.columns.items() if path in paths}
    children = {array: c for array, c in table.children.items() if any(path.startswith(array) for path in paths)}
    return Table(table.size, columns, children)


def take(table: Table, rows: NDArray[np.int64]) -> Table:
    """The table of some rows, in their order; a row may stand there more than once."""
    return Table(len(rows), _taken(table.columns, rows), {path: _inside(c, rows) for path, c in table.children.items()})


def _taken(columns: Mapping[str, Column], rows: NDArray[np.int64]) -> dict[str, Column]:
    return {path: Column(column.codes[rows], column.values) for path, column in columns.items()}


def _inside(child: ChildTable, rows: NDArray[np.int64]) -> ChildTable:
    """The elements of the arrays of some parents: those of each parent are neighbours, since parents ascend."""
    starts = np.searchsorted(child.parents, rows)
    sizes = np.searchsorted(child.parents, rows, side="right") - starts
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    elements = np.arange(total) - np.repeat(ends - sizes, sizes) + np.repeat(starts, sizes)
    return ChildTable(
        total,
        np.repeat(np.arange(len(rows), dtype=np.int32), sizes),
        child.states[rows],
        _taken(child.columns, elements),
        {path: _inside(inner, elements) for path, inner in child.children.items()},
    )


def compacted(table: Table) -> Table:
    """The table without values that no row has any longer: a leaf is decided once for each value."""
    return Table(table.size, _used(table.columns), {path: _compacted(c) for path, c in table.children.items()})


def _compacted(child: ChildTable) -> ChildTable:
    inner = {path: _compacted(each) for path, each in child.children.items()}
    return ChildTable(child.size, child.parents, child.states, _used(child.columns), inner)


def _used(columns: Mapping[str, Column]) -> dict[str, Column]:
    found = {}
    for path, column in columns.items():
        used, codes = np.unique(column.codes, return_inverse=True)
        values = tuple(column.values[code] for code in used.tolist())
        found[path] = Column(codes.astype(column.codes.dtype), values)
    return found


def constant(value: Value, size: int) -> Column:
    """A column that holds one value everywhere."""
    return Column(np.zeros(size, dtype=np.int32), (value,))


def missing(size: int) -> Column:
    """A column in which no row has a value."""
    return constant(MISSING, size)
