"""Cells of billing tables as typed values: exact decimals, instants in UTC, text. A value that cannot be read is null.

Files in the wild write the text `NULL` for null, times without zone, and tiny prices in scientific notation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from typing import Final

import polars as pl
from polars.datatypes import DataTypeClass

from domain.focus import FocusKind

NULLS: Final = ("", "NULL", "null", "Null", "N/A")
_NULL_BYTES_MAX: Final = max(map(len, NULLS))
DECIMAL: Final = pl.Decimal(38, 12)
INSTANT: Final = pl.Datetime("us", "UTC")
_ZONE: Final = r"(Z|[+-]\d{2}:?\d{2})$"
_FORMS: Final = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z", "%m/%d/%YT%H:%M:%S%z")
Dtype = pl.DataType | DataTypeClass


def dtype_of(kind: FocusKind) -> Dtype:
    """The type that a column of a kind has here."""
    return {FocusKind.DECIMAL: DECIMAL, FocusKind.INSTANT: INSTANT}.get(kind, pl.String)


def present(value: pl.Expr) -> pl.Expr:
    """Text without the words that mean null. One comparison a word is ten times as fast as a set of them."""
    return pl.when(pl.all_horizontal(value != word for word in NULLS)).then(value)


def whole_texts(frame: pl.DataFrame) -> frozenset[str]:
    """The columns of text in which no word means null, so that nobody need look for one again.

    Looking at lengths first is what is quick: few columns have texts as short as those words.
    """
    names = [name for name, given in frame.schema.items() if given == pl.String]
    short = _any(frame, {name: pl.col(name).str.len_bytes() <= _NULL_BYTES_MAX for name in names})
    spoilt = _any(frame, {name: pl.any_horizontal(pl.col(name) == word for word in NULLS) for name in short})
    return frozenset(names) - spoilt


def _any(frame: pl.DataFrame, conditions: Mapping[str, pl.Expr]) -> frozenset[str]:
    """The names whose condition some row meets."""
    if not conditions or frame.is_empty():
        return frozenset()
    found = frame.select(**{name: condition.any() for name, condition in conditions.items()}).row(0)
    return frozenset(name for name, is_met in zip(conditions, found, strict=True) if is_met)


def decimal(value: pl.Expr, given: Dtype) -> pl.Expr:
    """An amount with twelve places."""
    if given == pl.Boolean:
        return value.cast(pl.Int8).cast(DECIMAL)
    return value.cast(DECIMAL, strict=False)


def instant(value: pl.Expr, given: Dtype) -> pl.Expr:
    """A time in UTC: ISO 8601, `2026-05-01 07:00:00 UTC`, or the `5/1/2026` of Azure's exports."""
    if isinstance(given, pl.Datetime):
        aware = value.dt.convert_time_zone("UTC") if given.time_zone else value.dt.replace_time_zone("UTC")
        return aware.cast(INSTANT)
    if given == pl.Date:
        return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    spelled = value.cast(pl.String)
    spelled = spelled.str.replace(" UTC", "Z", literal=True).str.replace(" ", "T", literal=True)
    spelled = pl.when(spelled.str.contains("T", literal=True)).then(spelled).otherwise(spelled + "T00:00:00")
    spelled = pl.when(spelled.str.contains(_ZONE)).then(spelled.str.replace("Z$", "+0000")).otherwise(spelled + "+0000")
    return pl.coalesce(spelled.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in _FORMS)


def text(value: pl.Expr, given: Dtype) -> pl.Expr:
    """Text; a structure becomes JSON, and so does the list of keys and values that is a map in Parquet."""
    if isinstance(given, pl.Struct):
        return value.struct.json_encode()
    if isinstance(given, pl.List):
        return _pairs_as_json(value, given)
    return present(value.cast(pl.String, strict=False))


def with_instants(frame: pl.DataFrame, names: Collection[str]) -> pl.DataFrame:
    """A table whose times are read already: each distinct text once, because a bill has few and reading is slow."""
    wanted = {name.lower() for name in names}
    read = [
        _read_once(frame[name]).alias(name)
        for name, given in frame.schema.items()
        if given == pl.String and name.lower() in wanted
    ]
    return frame.with_columns(read)


def _read_once(texts: pl.Series) -> pl.Series:
    distinct = texts.unique().drop_nulls()
    times = distinct.to_frame("text").select(instant(pl.col("text"), pl.String))["text"]
    return texts.replace_strict(distinct, times, default=None, return_dtype=INSTANT)


class Cells:
    """Reads the columns of one table by name, without regard to case; a column that is not there is null.

    Args:
        whole: its `whole_texts`, where someone looked.
    """

    def __init__(self, schema: Mapping[str, Dtype], whole: Collection[str] = ()) -> None:
        self._schema = schema
        self._whole = whole
        self._names = {name.lower(): name for name in reversed(tuple(schema))}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._names

    def text(self, *names: str) -> pl.Expr:
        """The first of these columns that has a value."""
        return self._first(names, FocusKind.TEXT)

    def decimal(self, *names: str) -> pl.Expr:
        """As `text`, an amount."""
        return self._first(names, FocusKind.DECIMAL)

    def instant(self, *names: str) -> pl.Expr:
        """As `text`, a time."""
        return self._first(names, FocusKind.INSTANT)

    def path(self, *steps: str) -> pl.Expr:
        """Text inside nested structures; null where any step is missing."""
        found = self._names.get(steps[0].lower())
        if found is None:
            return pl.lit(None, dtype=pl.String)
        value, given = pl.col(found), self._schema[found]
        for step in steps[1:]:
            fields = {field.name: field.dtype for field in given.fields} if isinstance(given, pl.Struct) else {}
            if step not in fields:
                return pl.lit(None, dtype=pl.String)
            value, given = value.struct.field(step), fields[step]
        return text(value, given)

    def starting(self, *prefixes: str) -> dict[str, pl.Expr]:
        """Text of every column whose name starts with one of these, the first that fits, by the rest of the name."""
        found: dict[str, pl.Expr] = {}
        for name, given in self._schema.items():
            prefix = next((prefix for prefix in prefixes if name.startswith(prefix) and name != prefix), None)
            if prefix is not None:
                found[name[len(prefix) :]] = self._text(name, given)
        return found

    def _first(self, names: tuple[str, ...], kind: FocusKind) -> pl.Expr:
        found = [self._names[name.lower()] for name in names if name.lower() in self._names]
        if not found:
            return pl.lit(None, dtype=dtype_of(kind))
        values = [self._read(name, kind) for name in found]
        return values[0] if len(values) == 1 else pl.coalesce(values)

    def _read(self, name: str, kind: FocusKind) -> pl.Expr:
        given = self._schema[name]
        if kind is FocusKind.DECIMAL:
            return decimal(pl.col(name), given)
        return instant(pl.col(name), given) if kind is FocusKind.INSTANT else self._text(name, given)

    def _text(self, name: str, given: Dtype) -> pl.Expr:
        return pl.col(name) if name in self._whole else text(pl.col(name), given)


def json_object(members: Mapping[str, pl.Expr]) -> pl.Expr:
    """A JSON object of text members; those without a value are left out, and an object of none is null."""
    if not members:
        return pl.lit(None, dtype=pl.String)
    pairs = [
        pl.when(value.is_not_null()).then(pl.lit(",") + _quoted(pl.lit(name)) + pl.lit(":") + _quoted(value))
        for name, value in members.items()
    ]
    joined = reduce(lambda left, right: left + right.fill_null(""), pairs[1:], pairs[0].fill_null(""))
    return pl.when(joined != "").then(pl.lit("{") + joined.str.slice(1) + pl.lit("}"))


def _pairs_as_json(value: pl.Expr, given: pl.List) -> pl.Expr:
    fields = {field.name for field in given.inner.fields} if isinstance(given.inner, pl.Struct) else set()
    if not {"key", "value"} <= fields:
        return value.list.eval(pl.element().cast(pl.String, strict=False)).list.join(",")
    key, member = pl.element().struct.field("key"), pl.element().struct.field("value")
    pairs = _quoted(key.cast(pl.String)) + pl.lit(":") + _quoted(member.cast(pl.String).fill_null(""))
    joined = value.list.eval(pairs).list.join(",")
    return pl.when(value.list.len() > 0).then(pl.lit("{") + joined + pl.lit("}"))


def _quoted(value: pl.Expr) -> pl.Expr:
    """Text as a JSON string: what encodes a structure of one member writes its value so."""
    return pl.struct(k=value).struct.json_encode().str.slice(5).str.strip_suffix("}")
