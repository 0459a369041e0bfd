"""Two tables of the same paths as one: the rows of the second behind those of the first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graph.columns import ChildTable, Column, Table
from graph.shred import column_key


def joined(first: Table, second: Table) -> Table:
    """Both tables' rows; each distinct value of a column stands once."""
    columns, children = _both(first.columns, second.columns), _inside(first, second)
    return Table(first.size + second.size, columns, children)


def _both(first: Mapping[str, Column], second: Mapping[str, Column]) -> dict[str, Column]:
    return {path: _column(column, second[path]) for path, column in first.items()}


def _column(first: Column, second: Column) -> Column:
    codes = {column_key(value): code for code, value in enumerate(first.values)}
    values = list(first.values)
    moved = np.empty(len(second.values), np.int32)
    for at, value in enumerate(second.values):
        key = column_key(value)
        if key not in codes:
            codes[key] = len(values)
            values.append(value)
        moved[at] = codes[key]
    behind = moved[second.codes] if len(second.codes) else second.codes
    return Column(np.concatenate([first.codes, behind]), tuple(values))


def _inside(first: Table | ChildTable, second: Table | ChildTable) -> dict[str, ChildTable]:
    return {path: _child(child, second.children[path], first.size) for path, child in first.children.items()}


def _child(first: ChildTable, second: ChildTable, parents: int) -> ChildTable:
    return ChildTable(
        size=first.size + second.size,
        parents=np.concatenate([first.parents, second.parents + np.int32(parents)]),
        states=np.concatenate([first.states, second.states]),
        columns=_both(first.columns, second.columns),
        children=_inside(first, second),
    )
