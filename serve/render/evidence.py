"""Evidence and logs as lines. In a pipe every id is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from serve.render.columns import Cell, Column, Fit, lay_out
from serve.render.figures import count
from serve.render.terminal import QUIET, WARN

Row = Mapping[str, Any]


def evidence_lines(rows: Sequence[Row], *, width: int | None) -> list[Text]:
    """One line a piece of evidence, newest first."""
    cells = [
        (
            Cell(row["evidence_id"]),
            Cell(str(row["at"]), QUIET),
            Cell(row["type"]),
            Cell(row["result"] or "", WARN if row["result"] in {"not_satisfied", "violation"} else ""),
            Cell(row["subject"] or row["id"] or ""),
        )
        for row in rows
    ]
    columns = (Column(), Column(drop=3), Column(drop=1), Column(drop=2), Column(Fit.END, width_min=16))
    return lay_out(cells, columns, width=width, indent=0)


def log_lines(rows: Sequence[Row], *, width: int | None) -> list[Text]:
    """One line a year's log, and what of it is not published."""
    cells = [
        (
            Cell(row["origin"]),
            Cell(f"{count(row['recorded'])} recorded"),
            Cell(f"{count(row['size'])} published", QUIET),
            Cell(f"{count(row['blocks'])} blocks", QUIET),
            Cell(_behind(row), WARN),
        )
        for row in rows
    ]
    columns = (
        Column(Fit.MIDDLE, width_min=24),
        Column(is_right=True),
        Column(is_right=True, drop=1),
        Column(is_right=True, drop=2),
        Column(),
    )
    return lay_out(cells, columns, width=width, indent=0)


def key_lines(rows: Sequence[Row], *, width: int | None) -> list[Text]:
    """One line a key: what it is to its log, and which trees it may sign."""
    cells = [
        (
            Cell("frozen" if row["frozen_at"] else row["status"], WARN if row["frozen_at"] else ""),
            Cell(_sizes(row), QUIET),
            Cell(row["key"]),
        )
        for row in rows
    ]
    columns = (Column(), Column(drop=1), Column(Fit.MIDDLE, width_min=24))
    return lay_out(cells, columns, width=width, indent=0)


def _sizes(row: Row) -> str:
    last = row["last_size"]
    return f"from {count(row['first_size'])} entries" + ("" if last is None else f" to {count(last)}")


def _behind(row: Row) -> str:
    left = row["recorded"] - row["size"]
    return f"{count(left)} to publish" if left > 0 else ""
