"""FOCUS tables in the columns of `domain.focus`: exact decimals, instants in UTC, text; what a version lacks is null.

Files in the wild write the text `NULL` for null and leave out the zone of a time, which is UTC then. A row without a
mandatory value cannot be costed: it is left out and named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import polars as pl

from connectors.focus.versions import REQUIRED, SUCCESSORS
from domain.focus import FOCUS_COLUMNS, FocusColumn, FocusKind

NULLS = ("", "NULL", "null", "Null", "N/A")
DECIMAL = pl.Decimal(38, 12)
INSTANT = pl.Datetime("us", "UTC")
_ROW = "_row"
_ZONE = r"(Z|[+-]\d{2}:?\d{2})$"


@dataclass(frozen=True, slots=True)
class Costed:
    """A table in our columns, and the rows left out: (1-based row, reason)."""

    frame: pl.DataFrame
    left_out: tuple[tuple[int, str], ...]


def normalize(frame: pl.DataFrame) -> Costed:
    """Read a FOCUS table whose mandatory columns are all there."""
    typed = frame.select(*(_column(column, frame).alias(column.name) for column in FOCUS_COLUMNS)).with_row_index(
        _ROW, offset=1
    )
    is_whole = pl.all_horizontal(pl.col(name).is_not_null() for name in REQUIRED)
    broken = typed.filter(~is_whole).select(_ROW, *REQUIRED)
    return Costed(typed.filter(is_whole).drop(_ROW), tuple(_reasons(broken)))


def _reasons(broken: pl.DataFrame) -> Iterator[tuple[int, str]]:
    for row in broken.iter_rows(named=True):
        bad = [name for name in REQUIRED if row[name] is None]
        yield int(row[_ROW]), f"no readable value in {', '.join(bad)}"


def _column(column: FocusColumn, frame: pl.DataFrame) -> pl.Expr:
    name = column.name if column.name in frame.columns else SUCCESSORS.get(column.name, column.name)
    if name not in frame.columns:
        return pl.lit(None, dtype=_dtype(column.kind))
    given = frame.schema[name]
    value = pl.col(name)
    if given == pl.String:
        value = pl.when(value.str.strip_chars().is_in(NULLS)).then(None).otherwise(value.str.strip_chars())
    if column.kind is FocusKind.DECIMAL:
        return _decimal(value, given)
    if column.kind is FocusKind.INSTANT:
        return _instant(value, given)
    return _text(value, given)


def _dtype(kind: FocusKind) -> pl.DataType | type[pl.DataType]:
    return {FocusKind.DECIMAL: DECIMAL, FocusKind.INSTANT: INSTANT}.get(kind, pl.String)


def _decimal(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    """Plain decimals exactly; scientific notation, which providers write for tiny prices, through a float."""
    if given == pl.String:
        tiny = pl.when(value.str.contains(r"[eE]")).then(value).cast(pl.Float64, strict=False)
        plain = pl.when(~value.str.contains(r"[eE]")).then(value)
        return pl.coalesce(plain.cast(DECIMAL, strict=False), tiny.cast(DECIMAL, strict=False))
    return value.cast(DECIMAL, strict=False)


def _instant(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    if isinstance(given, pl.Datetime):
        aware = value.dt.convert_time_zone("UTC") if given.time_zone else value.dt.replace_time_zone("UTC")
        return aware.cast(INSTANT)
    if given == pl.Date:
        return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    spelled = value.cast(pl.String).str.replace(" ", "T", literal=True).str.replace("TUTC", "Z", literal=True)
    spelled = pl.when(spelled.str.contains("T", literal=True)).then(spelled).otherwise(spelled + "T00:00:00")
    spelled = pl.when(spelled.str.contains(_ZONE)).then(spelled.str.replace("Z$", "+0000")).otherwise(spelled + "+0000")
    forms = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z", "%m/%d/%YT%H:%M:%S%z")
    return pl.coalesce(spelled.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in forms)


def _text(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    if isinstance(given, pl.Struct):
        return value.struct.json_encode()
    if isinstance(given, pl.List):
        return value.map_elements(_pairs_as_json, return_dtype=pl.String)
    return value.cast(pl.String, strict=False)


def _pairs_as_json(pairs: pl.Series) -> str:
    """A map in Parquet is a list of key and value."""
    return orjson.dumps({str(each["key"]): each["value"] for each in pairs}).decode()
