"""What a conversion to FOCUS is: an expression for each column it can fill, and what else the importer must know.

A conversion says nothing of what its source does not: a column that it leaves out is null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from connectors.focus.cells import DECIMAL, Cells, dtype_of
from domain.focus import FOCUS_COLUMNS, SOURCE_ROW

SOURCE_COST: Final = "_source_cost"
"""What the source itself bills for the row; the import's totals are proved against it."""

IS_SHARED: Final = "_is_shared"
"""Rows that the source's sister export holds as well: Azure's actual and amortised cost."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How one table becomes FOCUS.

    Args:
        columns: FOCUS columns by name.
        source_cost: what the source bills for a row.
        is_shared: rows that a sister export repeats.
        split: adds the rows that FOCUS wants apart, after the columns are there.
    """

    columns: Mapping[str, pl.Expr]
    source_cost: pl.Expr
    is_shared: pl.Expr = field(default_factory=lambda: pl.lit(value=False))
    split: Callable[[pl.DataFrame], pl.DataFrame] | None = None

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Convert a batch, whose rows are numbered in `SOURCE_ROW`."""
        kept = {SOURCE_ROW: pl.col(SOURCE_ROW), SOURCE_COST: self.source_cost, IS_SHARED: self.is_shared}
        converted = frame.select(**_every(self.columns), **kept)
        return converted if self.split is None else self.split(converted)


def nothing() -> pl.Expr:
    """The amount zero."""
    return pl.lit(0).cast(DECIMAL)


def said(text: str) -> pl.Expr:
    """The same text for every row."""
    return pl.lit(text, dtype=pl.String)


def chosen(cells: pl.Expr, words: Mapping[str, str], otherwise: str | None = None) -> pl.Expr:
    """A word by another, without regard to case."""
    return cells.str.to_lowercase().replace_strict(
        [word.lower() for word in words], list(words.values()), default=otherwise, return_dtype=pl.String
    )


def _every(columns: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
    return {
        column.name: columns[column.name] if column.name in columns else pl.lit(None, dtype=dtype_of(column.kind))
        for column in FOCUS_COLUMNS
    }


Converter = Callable[[Cells], Conversion]
