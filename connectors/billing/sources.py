"""The files of a delivery of billing data: found, recognised, and read in batches that fit in memory.

Files are CSV (with , ; or tab), Parquet or newline-delimited JSON, plain or gzip, alone or in partitioned folders: a
folder named ``column=value`` gives the column where the files do not have it. What is no bill is passed over and named.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import polars as pl

from connectors.billing import aws, gcp
from connectors.billing.formats import BillingFormat, format_of
from connectors.focus.cells import NULLS
from connectors.focus.versions import version_of
from domain.errors import InputError, NotFound
from domain.focus import SOURCE_ROW

BATCH_ROWS: Final = 250_000
HEAD_BYTES: Final = 1 << 20
_KINDS: Final = {".csv": "csv", ".parquet": "parquet", ".json": "json", ".ndjson": "json", ".jsonl": "json"}
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class BillingSource:
    """One file of a delivery.

    Args:
        name: its path below what was given, as reports and rows name it.
        version: of FOCUS where it is FOCUS, otherwise of the export, where that has one.
        columns: the columns as read, partitions included.
        partitions: columns that the folders' names give.
    """

    path: Path
    name: str
    kind: str
    format: BillingFormat
    version: str
    digest: str
    columns: tuple[str, ...]
    partitions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was found: the bills, and the files passed over with the reason."""

    sources: tuple[BillingSource, ...]
    passed_over: tuple[tuple[str, str], ...]


def find_sources(paths: Sequence[Path]) -> Delivery:
    """Look at the files and folders of a delivery.

    Raises:
        NotFound: a path does not exist.
        InputError: a file cannot be read, is there twice, or nothing is a bill.
    """
    found: list[BillingSource] = []
    passed: list[tuple[str, str]] = []
    for path, name in _files(paths):
        kind = _kind(path)
        source = None if kind is None else _recognise(path, name, kind)
        if source is None:
            passed.append((name, "no table" if kind is None else "no billing columns"))
        else:
            found.append(source)
    if not found:
        raise InputError(
            "nothing here is a bill",
            where=", ".join(map(str, paths)),
            got=", ".join(name for name, _ in passed[:5]),
            expected="FOCUS, AWS CUR, Azure cost, GCP billing export or Oracle cost report",
            todo="Name the files of the export",
        )
    _refuse_copies(found)
    return Delivery(tuple(found), tuple(passed))


def read_batches(source: BillingSource, *, rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
    """The rows of a file as they stand, numbered from 1.

    Raises:
        InputError: the file ends early or is not what its name says.
    """
    done = 0
    try:
        for batch in _scan(source).collect_batches(chunk_size=rows, maintain_order=True, lazy=True, engine="streaming"):
            if batch.height:
                yield batch.with_columns(
                    *(pl.lit(value).alias(name) for name, value in source.partitions.items()),
                    pl.int_range(done + 1, done + 1 + batch.height, dtype=pl.Int64).alias(SOURCE_ROW),
                )
            done += batch.height
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            "a billing file cannot be read to its end",
            where=source.name,
            rows_read=done,
            reason=str(error).splitlines()[0][:200],
            todo="Export or copy the file again",
        ) from None


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    for given in paths:
        if given.is_dir():
            inside = sorted(
                path for path in given.rglob("*") if path.is_file() and not path.name.startswith((".", "_"))
            )
            yield from ((path, path.relative_to(given).as_posix()) for path in inside)
        elif given.exists():
            yield given, given.name
        else:
            raise NotFound("no such file or folder", path=str(given), todo="Check the path")


def _kind(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    return next((kind for ending, kind in _KINDS.items() if name.endswith(ending)), None)


def _recognise(path: Path, name: str, kind: str) -> BillingSource | None:
    partitions = _partitions(name)
    try:
        names = _head_names(path, kind)
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        raise InputError(
            "a billing file cannot be read", where=name, reason=str(error).splitlines()[0][:200], todo="Export it again"
        ) from None
    given = {column: value for column, value in partitions.items() if column not in names}
    columns = (*names, *given)
    kind_of_bill = format_of([*columns, *aws.flat_names(columns).values()])
    if kind_of_bill is None:
        return None
    version = version_of(columns) if kind_of_bill is BillingFormat.FOCUS else _export_version(kind_of_bill)
    return BillingSource(path, name, kind, kind_of_bill, version, _digest(path), columns, given)


def _export_version(kind: BillingFormat) -> str:
    return {BillingFormat.AWS_CUR_2: "2.0", BillingFormat.AWS_CUR: "legacy"}.get(kind, "")


def _partitions(name: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in name.split("/")[:-1])
    return {column: value for column, mark, value in pairs if mark and column}


def _head_names(path: Path, kind: str) -> list[str]:
    if kind == "parquet":
        return pl.scan_parquet(path).collect_schema().names()
    with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if kind == "csv":
        return _csv_names(head, _separator(head))
    line = head.partition(b"\n")[0].strip()
    return pl.read_ndjson(line).columns if line.startswith(b"{") else []


def _csv_names(head: bytes, separator: str) -> list[str]:
    whole = head[: head.rfind(b"\n") + 1] or head
    if not whole.strip():
        return []
    read = pl.read_csv(whole, separator=separator, infer_schema=False, n_rows=0, truncate_ragged_lines=True)
    return [column.removeprefix("\ufeff") for column in read.columns]


def _separator(head: bytes) -> str:
    first = head.partition(b"\n")[0]
    return max((",", ";", "\t"), key=lambda mark: first.count(mark.encode()))


def _scan(source: BillingSource) -> pl.LazyFrame:
    if source.kind == "parquet":
        return pl.scan_parquet(source.path)
    if source.kind == "json":
        schema = gcp.JSON_SCHEMA if source.format is BillingFormat.GCP else None
        return pl.scan_ndjson(source.path, schema=schema, infer_schema_length=None)
    with gzip.open(source.path) if source.path.name.lower().endswith(".gz") else source.path.open("rb") as stream:
        separator = _separator(stream.read(HEAD_BYTES))
    return pl.scan_csv(
        source.path,
        separator=separator,
        infer_schema=False,
        null_values=list(NULLS[1:]),
        encoding="utf8-lossy",
    )


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _refuse_copies(sources: Sequence[BillingSource]) -> None:
    first: dict[str, str] = {}
    for source in sources:
        if source.digest in first:
            raise InputError(
                "one file is in the delivery twice",
                where=source.name,
                expected="each file once",
                got=f"the same bytes as {first[source.digest]}",
                todo="Leave one of them out",
            )
        first[source.digest] = source.name
