"""Inputs in object storage, cut into parts that one task reads: byte ranges of NDJSON, row groups of Parquet.

A part never cuts a line: it holds the lines that begin within it, the last one whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from domain.errors import InputError
from serve.jobs.place import FoundFile, Place

NDJSON = (".ndjson", ".jsonl")
WHOLE = (".json", ".ndjson.gz", ".jsonl.gz", ".json.gz")
PARQUET = (".parquet",)
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of one file: bytes [start, end) of NDJSON, row groups [start, end) of Parquet, or all of another.

    Args:
        version: size and time of the file when it was cut; another one is another input.
    """

    place: Place
    start: int
    end: int
    version: str = ""

    @property
    def uri(self) -> str:
        """The file, as it may be shown."""
        return self.place.shown

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.uri.rpartition("/")[2]


def parts(uri: str, *, bytes_max: int) -> list[Part]:
    """Cut what lies at a URI, a file or everything below a folder, in order of path.

    Raises:
        InputError: nothing there that can be read.
    """
    place = Place(uri)
    cut = [part for file in place.files() for part in _cut(place.below(file.name), file, bytes_max)]
    if not cut:
        raise InputError(
            "no input here",
            where=place.shown,
            expected="NDJSON, JSON or Parquet files",
            todo="Give a file or folder of exports",
        )
    return cut


def fetch(part: Part, folder: Path) -> Path:
    """Copy a part into a local folder, as a file of the same kind."""
    target = folder / part.name
    with part.place.reading() as stream:
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


def _cut(place: Place, file: FoundFile, bytes_max: int) -> Iterator[Part]:
    name = place.shown
    version = f"{file.size}@{file.changed_at.isoformat() if file.changed_at else ''}"
    if name.endswith(NDJSON):
        for start in range(0, file.size, bytes_max):
            yield Part(place, start, min(start + bytes_max, file.size), version)
    elif name.endswith(PARQUET):
        with place.reading() as stream:
            groups = pq.ParquetFile(stream).num_row_groups
        width = max(1, groups * bytes_max // max(file.size, 1))
        for start in range(0, groups, width):
            yield Part(place, start, min(start + width, groups), version)
    elif name.endswith(WHOLE):
        yield Part(place, 0, file.size, version)


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
