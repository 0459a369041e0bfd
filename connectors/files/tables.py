"""CSV and Parquet files: FOCUS billing, tables whose rows are resources, and what else they may turn out to be."""

from __future__ import annotations

import io
from collections.abc import Iterator

import orjson
import polars as pl

from connectors.files.decode import DOCUMENT_BYTES_MAX, Source
from connectors.files.records import Record
from connectors.focus.normalize import NULLS
from domain.value import Json

_ROW_COLUMNS = (
    frozenset({"resource"}),
    frozenset({"asset"}),
    frozenset({"row"}),
    frozenset({"id", "type"}),
    frozenset({"resourceid", "resourcetype"}),
    frozenset({"arn", "resourcetype"}),
    frozenset({"name", "asset_type"}),
)
_SPELLED = {name.lower(): name for name in ("tenantId", "resourceGroup", "subscriptionId", "managedBy", "resourceId",
                                             "resourceType", "resourceName", "accountId", "awsRegion",
                                             "availabilityZone", "supplementaryConfiguration",
                                             "configurationItemCaptureTime", "configurationItemStatus")}  # fmt: skip


def read_csv(source: Source, head: bytes) -> pl.DataFrame | str:
    """A CSV file, every cell as text; or why it cannot be read."""
    first = head.partition(b"\n")[0]
    separator = max((",", ";", "\t"), key=lambda mark: first.count(mark.encode()))
    content: bytes | io.BytesIO | str = str(source.path)
    if source.is_gzip:
        unpacked = _unpacked(source)
        if isinstance(unpacked, str):
            return unpacked
        whole = unpacked[: unpacked.rfind(b"\n") + 1] if source.problem else unpacked
        content = io.BytesIO(whole)
    else:
        source.bytes_done = source.bytes_total
    try:
        return pl.read_csv(
            content,
            separator=separator,
            infer_schema=False,
            truncate_ragged_lines=True,
            null_values=list(NULLS[1:]),
            encoding="utf8-lossy",
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        return f"not a readable table: {type(error).__name__}"


def read_parquet(source: Source) -> pl.DataFrame | str:
    """A Parquet file, or why it cannot be read."""
    content: io.BytesIO | str = str(source.path)
    if source.is_gzip:
        unpacked = _unpacked(source)
        if isinstance(unpacked, str):
            return unpacked
        content = io.BytesIO(unpacked)
    source.bytes_done = source.bytes_total
    try:
        return pl.read_parquet(content)
    except (pl.exceptions.PolarsError, OSError) as error:
        return f"not a readable Parquet file: {type(error).__name__}"


def _unpacked(source: Source) -> bytes | str:
    pieces, size = [], 0
    for chunk in source.chunks():
        pieces.append(chunk)
        size += len(chunk)
        if size > DOCUMENT_BYTES_MAX:
            return f"the archive unpacks to over {DOCUMENT_BYTES_MAX >> 20} MiB"
    return source.problem if source.is_refused else b"".join(pieces)


def holds_records(frame: pl.DataFrame) -> bool:
    """Whether the rows of a table are resources, or lines that wrap them."""
    columns = {name.lower() for name in frame.columns}
    return any(needed <= columns for needed in _ROW_COLUMNS)


def rows(frame: pl.DataFrame, *, first_line: int) -> Iterator[Record]:
    """Rows as records; JSON text in a cell is read, and an empty cell is left out."""
    names = [_SPELLED.get(name.lower(), name.lower() if name.isupper() else name) for name in frame.columns]
    for number, values in enumerate(frame.iter_rows(), first_line):
        yield Record(number, {name: _cell(value) for name, value in zip(names, values, strict=True)
                              if value not in (None, "")})  # fmt: skip


def _cell(value: object) -> Json:
    if isinstance(value, str):
        if value[:1] in {"{", "["}:
            try:
                parsed: Json = orjson.loads(value)
            except orjson.JSONDecodeError:
                return value
            return parsed
        return value
    if isinstance(value, bool | int | float | dict | list) or value is None:
        return value
    return str(value)
