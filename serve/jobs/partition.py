"""Inputs in object storage, cut into parts that one task reads: byte ranges of NDJSON, row groups of Parquet.

A URI is what pyarrow understands (``file:///…``, ``s3://bucket/…``, ``gs://bucket/…``) or a local path. A part never
cuts a line: it holds the lines that begin within it, the last one whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from domain.errors import InputError

NDJSON = (".ndjson", ".jsonl")
WHOLE = (".json", ".ndjson.gz", ".jsonl.gz", ".json.gz")
PARQUET = (".parquet",)
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of one file: bytes [start, end) of NDJSON, row groups [start, end) of Parquet, or all of another."""

    uri: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.uri.rpartition("/")[2]


def parts(uri: str, *, bytes_max: int) -> list[Part]:
    """Cut what lies at a URI, a file or everything below a folder, in order of path.

    Raises:
        InputError: nothing there that can be read.
    """
    system, path = _open(uri)
    prefix = uri[: len(uri) - len(path)] if uri.endswith(path) else f"{system.type_name}://"
    info = system.get_file_info(path)
    found = (
        [info] if info.is_file else system.get_file_info(pafs.FileSelector(path, recursive=True, allow_not_found=True))
    )
    files = sorted((each for each in found if each.is_file), key=lambda each: each.path)
    cut = [part for each in files for part in _cut(system, each, prefix + each.path, bytes_max)]
    if not cut:
        raise InputError(
            "no input here",
            where=uri,
            expected="NDJSON, JSON or Parquet files",
            todo="Give a file or folder of exports",
        )
    return cut


def fetch(part: Part, folder: Path) -> Path:
    """Copy a part into a local folder, as a file of the same kind."""
    system, path = _open(part.uri)
    target = folder / part.name
    with system.open_input_file(path) as stream:
        if part.name.endswith(PARQUET):
            table = pq.ParquetFile(stream).read_row_groups(list(range(part.start, part.end)))
            frame = pl.from_arrow(table)
            assert isinstance(frame, pl.DataFrame)
            frame.write_parquet(target)
        else:
            with target.open("wb") as copy:
                for chunk in _lines(stream, part) if part.name.endswith(NDJSON) else _chunks(stream):
                    copy.write(chunk)
    return target


def _open(uri: str) -> tuple[pafs.FileSystem, str]:
    try:
        system, path = pafs.FileSystem.from_uri(uri if "://" in uri else str(Path(uri).resolve()))
    except (ValueError, OSError) as error:
        raise InputError(
            "not a place that can be read",
            where=uri,
            reason=str(error),
            todo="Give file://, s3:// or gs://, or a local path",
        ) from None
    return system, path


def _cut(system: pafs.FileSystem, file: pafs.FileInfo, uri: str, bytes_max: int) -> Iterator[Part]:
    if file.path.endswith(NDJSON):
        for start in range(0, file.size, bytes_max):
            yield Part(uri, start, min(start + bytes_max, file.size))
    elif file.path.endswith(PARQUET):
        with system.open_input_file(file.path) as stream:
            groups = pq.ParquetFile(stream).num_row_groups
        width = max(1, groups * bytes_max // max(file.size, 1))
        for start in range(0, groups, width):
            yield Part(uri, start, min(start + width, groups))
    elif file.path.endswith(WHOLE):
        yield Part(uri, 0, file.size)


def _chunks(stream: Any) -> Iterator[bytes]:
    while chunk := stream.read(_READ_BYTES):
        yield chunk


def _lines(stream: Any, part: Part) -> Iterator[bytes]:
    """The lines that begin within the part."""
    start = part.start
    if start:
        stream.seek(start - 1)
        start += len(_until_line_end(stream)) - 1
    stream.seek(start)
    left = part.end - start
    while left > 0:
        chunk = stream.read(min(_READ_BYTES, left))
        left -= len(chunk)
        yield chunk
    if start < part.end:
        stream.seek(part.end - 1)
        yield _until_line_end(stream)[1:]


def _until_line_end(stream: Any) -> bytes:
    """Bytes up to and with the next line end, or the end of the file."""
    found = bytearray()
    while chunk := stream.read(_READ_BYTES):
        at = chunk.find(b"\n")
        if at >= 0:
            return bytes(found + chunk[: at + 1])
        found += chunk
    return bytes(found)
