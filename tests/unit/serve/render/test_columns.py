"""Rows in aligned columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serve.render.columns import Cell, Column, Fit, lay_out

COLUMNS = (
    Column(),
    Column(Fit.MIDDLE, width_min=6),
    Column(Fit.END, width_min=5, drop=1),
    Column(is_right=True, drop=2),
)


def row(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text) for text in texts)


def plain(rows: list[tuple[Cell, ...]], width: int | None) -> list[str]:
    return [line.plain for line in lay_out(rows, COLUMNS, width=width, indent=2)]


def test_columns_are_aligned_and_numbers_stand_right() -> None:
    lines = plain([row("a", "one", "x", "1"), row("bbb", "three", "yy", "1,000")], 80)
    assert lines == ["  a    one    x       1", "  bbb  three  yy  1,000"]


def test_nothing_is_cut_where_there_is_no_terminal() -> None:
    long = "x" * 300
    assert long in plain([row("a", long, long, "1")], None)[0]


def test_columns_that_may_go_are_left_out_before_the_rest_becomes_unreadable() -> None:
    line = plain([row("critical", "stprodlogs-and-more", "public access", "1,240 EUR/mo")], 20)[0]
    assert "EUR" not in line
    assert line.startswith("  critical  ")
    assert len(line) <= 20


def test_an_empty_column_takes_no_room() -> None:
    assert plain([row("a", "b", "", "1")], 40) == ["  a  b  1"]


@given(st.lists(st.tuples(*[st.text("abc", max_size=30)] * 4), min_size=1, max_size=5), st.integers(60, 120))
def test_no_line_is_wider_than_the_terminal(texts: list[tuple[str, ...]], width: int) -> None:
    assert all(len(line) <= width for line in plain([row(*each) for each in texts], width))
