"""Rows of cells in aligned columns that fit a width: shrink what may shrink, then drop what may be dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from rich.text import Text

from serve.render.figures import end, middle

GAP = 2


class Fit(Enum):
    """How a cell gives way on a narrow terminal."""

    WHOLE = "whole"
    MIDDLE = "middle"
    END = "end"


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is set.

    Args:
        width_min: it never shrinks below this.
        drop: columns with a higher number are left out first; 0 is never left out.
    """

    fit: Fit = Fit.WHOLE
    is_right: bool = False
    width_min: int = 0
    drop: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and its style."""

    text: str
    style: str = ""


def lay_out(rows: Sequence[Sequence[Cell]], columns: Sequence[Column], *, width: int | None, indent: int) -> list[Text]:
    """One line per row. Without a width nothing is cut.

    Args:
        width: columns of the terminal, or None where the output is no terminal.
    """
    natural = [max((len(row[i].text) for row in rows), default=0) for i in range(len(columns))]
    widths = natural if width is None else _fitted(natural, columns, width - indent)
    return [_line(row, columns, widths, indent) for row in rows]


def _fitted(natural: list[int], columns: Sequence[Column], width: int) -> list[int]:
    widths = list(natural)
    for _ in range(len(columns) + 1):
        least = [_least(natural[i], columns[i]) if widths[i] else 0 for i in range(len(columns))]
        if _total(least) <= width:
            break
        droppable = [i for i in range(len(columns)) if columns[i].drop and widths[i]]
        if not droppable:
            break
        widths[max(droppable, key=lambda i: columns[i].drop)] = 0
    for chosen in _rounds(columns):
        _shrink(widths, [_least(natural[i], columns[i]) for i in range(len(columns))], chosen, width)
    return widths


def _rounds(columns: Sequence[Column]) -> tuple[list[int], ...]:
    """Which columns give way first: those that could be left out, then ids, then texts."""
    optional = [i for i, column in enumerate(columns) if column.drop]
    ids = [i for i, column in enumerate(columns) if not column.drop and column.fit is Fit.MIDDLE]
    texts = [i for i, column in enumerate(columns) if not column.drop and column.fit is Fit.END]
    return (optional, ids, texts)


def _shrink(widths: list[int], least: Sequence[int], chosen: Sequence[int], width: int) -> None:
    """Take from the widest of the chosen columns, one place at a time, until the row fits."""
    while _total(widths) > width:
        wide = [i for i in chosen if widths[i] > least[i]]
        if not wide:
            return
        widths[max(wide, key=lambda i: widths[i])] -= 1


def _least(natural: int, column: Column) -> int:
    return natural if column.fit is Fit.WHOLE else min(natural, column.width_min)


def _total(widths: Sequence[int]) -> int:
    shown = [width for width in widths if width]
    return sum(shown) + GAP * max(0, len(shown) - 1)


def _line(row: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int], indent: int) -> Text:
    line = Text(" " * indent)
    for cell, column, width in zip(row, columns, widths, strict=True):
        if width == 0:
            continue
        text = middle(cell.text, width) if column.fit is Fit.MIDDLE else end(cell.text, width)
        padded = text.rjust(width) if column.is_right else text.ljust(width)
        line.append(padded, cell.style or None)
        line.append(" " * GAP)
    line.rstrip()
    return line
