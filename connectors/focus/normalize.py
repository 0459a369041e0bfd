"""FOCUS tables in the columns of `domain.focus`; what a version lacks is null.

A row without a mandatory value cannot be costed: it is left out and named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from connectors.focus.cells import DECIMAL, INSTANT, NULLS, Cells, Dtype, whole_texts, with_instants
from connectors.focus.versions import REQUIRED, SUCCESSORS
from domain.focus import FOCUS_COLUMNS, FocusColumn, FocusKind

__all__ = ["DECIMAL", "INSTANT", "INSTANTS", "NULLS", "Costed", "focus_columns", "normalize"]
INSTANTS = tuple(column.name for column in FOCUS_COLUMNS if column.kind is FocusKind.INSTANT)
_ROW = "_row"


@dataclass(frozen=True, slots=True)
class Costed:
    """A table in our columns, and the rows left out: (1-based row, reason)."""

    frame: pl.DataFrame
    left_out: tuple[tuple[int, str], ...]


def normalize(frame: pl.DataFrame) -> Costed:
    """Read a FOCUS table whose mandatory columns are all there."""
    read = with_instants(frame, INSTANTS)
    typed = read.select(**focus_columns(read.schema, whole_texts(read))).with_row_index(_ROW, offset=1)
    is_whole = pl.all_horizontal(pl.col(name).is_not_null() for name in REQUIRED)
    broken = typed.filter(~is_whole).select(_ROW, *REQUIRED)
    return Costed(typed.filter(is_whole).drop(_ROW), tuple(_reasons(broken)))


def focus_columns(schema: Mapping[str, Dtype], whole: Collection[str] = ()) -> dict[str, pl.Expr]:
    """Our columns out of a FOCUS table's, by name; `whole` are its `whole_texts`."""
    cells = Cells(schema, whole)
    return {column.name: _column(column, cells) for column in FOCUS_COLUMNS}


def _reasons(broken: pl.DataFrame) -> Iterator[tuple[int, str]]:
    for row in broken.iter_rows(named=True):
        bad = [name for name in REQUIRED if row[name] is None]
        yield int(row[_ROW]), f"no readable value in {', '.join(bad)}"


def _column(column: FocusColumn, cells: Cells) -> pl.Expr:
    name = column.name if column.name in cells else SUCCESSORS.get(column.name, column.name)
    if column.kind is FocusKind.DECIMAL:
        return cells.decimal(name)
    return cells.instant(name) if column.kind is FocusKind.INSTANT else cells.text(name)
