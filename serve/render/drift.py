"""Drift as commands print it: a line for each resource, with the attributes and who it was below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from serve.render.columns import Cell, Column, Fit, lay_out
from serve.render.figures import count, counted, end
from serve.render.terminal import QUIET, SEVERITY_STYLES

Row = Mapping[str, Any]
VALUE_LENGTH_MAX: Final = 120
NOT_SET: Final = "not set"

KIND_WORDS: Final = {
    "changed": "changed",
    "unmanaged": "declared by nothing",
    "missing": "declared, and gone",
    "moved": "moved",
}


_COLUMNS: Final = (
    Column(),
    Column(),
    Column(Fit.MIDDLE, width_min=20),
    Column(Fit.MIDDLE, width_min=12, drop=2),
    Column(drop=1),
)


def drift_lines(rows: Sequence[Row], *, width: int | None) -> list[Text]:
    """Every drift with what differs. In a pipe every id is whole."""
    heads = lay_out(
        [
            (
                Cell(row["severity"], SEVERITY_STYLES[row["severity"]]),
                Cell(KIND_WORDS[row["kind"]]),
                Cell(_title(row, is_whole=width is None)),
                Cell(row["resource_type"], QUIET),
                Cell(str(row["changed_at"] or row["detected_at"] or "")[:16].replace("T", " "), QUIET),
            )
            for row in rows
        ],
        (
            Column(),
            Column(),
            Column(Fit.MIDDLE, width_min=20),
            Column(Fit.MIDDLE, width_min=12, drop=2),
            Column(drop=1),
        ),
        width=width,
        indent=0,
    )
    lines: list[Text] = []
    for row, head in zip(rows, heads, strict=True):
        lines += [head, *_below(row, width)]
    return lines


def drift_total(page: Mapping[str, Any]) -> str:
    """How many there are, by severity."""
    parts = [f"{count(number)} {name}" for name, number in page["by_severity"].items() if number]
    return "   ".join([counted(page["total"], "drift", "drifts"), *parts])


def _title(row: Row, *, is_whole: bool) -> str:
    return str(row["resource_id"] if is_whole else row["address"] or row["name"] or row["resource_id"])


def _below(row: Row, width: int | None) -> list[Text]:
    lines = []
    for attribute in row["attributes"]:
        expected, actual = (_value(attribute, key) for key in ("expected", "actual"))
        lines.append(_quiet(f"{attribute['path']}: {expected} -> {actual}", width))
    if row["changed_by"]:
        by = row["changed_by"]
        lines.append(_quiet(f"by {by['principal']} with {by['operation']} at {by['at']}", width))
    return lines


def _value(attribute: Mapping[str, Any], key: str) -> str:
    if key not in attribute:
        return NOT_SET
    value = attribute[key]
    shown = value if isinstance(value, str) else _json(value)
    return end(shown, VALUE_LENGTH_MAX)


def _json(value: object) -> str:
    import orjson  # noqa: PLC0415 (only values that are no text need it)

    return orjson.dumps(value).decode()


def _quiet(text: str, width: int | None) -> Text:
    return Text(f"    {text}" if width is None else "    " + end(text, max(20, width - 4)), QUIET)
