"""From a file to its bytes, bounded: gunzip while reading, split into lines, refuse what is too large.

A truncated archive gives what came before the break; a line over the limit is skipped without being held.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
LINE_BYTES_MAX = 64 << 20
DOCUMENT_BYTES_MAX = 1 << 30
UNPACK_RATIO_MAX = 200
UNPACK_BYTES_FREE = 1 << 20
"""An archive that gives less than this is never refused."""

GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end; `content` is None where it was over the limit."""

    number: int
    content: bytes | None


@dataclass(slots=True)
class Source:
    """A file being read once, from front to back.

    Args:
        bytes_done: bytes of the file itself taken so far, compressed where it is.
        problem: why reading stopped before the end; empty while all is well.
    """

    path: Path
    bytes_total: int
    is_gzip: bool
    bytes_done: int = 0
    problem: str = ""
    is_refused: bool = False

    def chunks(self) -> Iterator[bytes]:
        """The unpacked content, piece by piece."""
        with self.path.open("rb") as handle:
            yield from self._unpacked(handle) if self.is_gzip else self._plain(handle)

    def _plain(self, handle: BinaryIO) -> Iterator[bytes]:
        while chunk := handle.read(CHUNK_BYTES):
            self.bytes_done += len(chunk)
            yield chunk

    def _unpacked(self, handle: BinaryIO) -> Iterator[bytes]:
        unpack, is_inside, produced = zlib.decompressobj(wbits=31), False, 0
        while packed := handle.read(CHUNK_BYTES >> 2):
            self.bytes_done += len(packed)
            while packed:
                try:
                    chunk = unpack.decompress(packed, CHUNK_BYTES)
                except zlib.error:
                    self.problem = "the archive is damaged"
                    return
                produced += len(chunk)
                if produced > UNPACK_BYTES_FREE and produced > UNPACK_RATIO_MAX * self.bytes_done:
                    self.is_refused = True
                    self.problem = f"the archive unpacks over {UNPACK_RATIO_MAX}-fold"
                    return
                if chunk:
                    yield chunk
                is_inside, packed = True, unpack.unconsumed_tail
                if unpack.eof:
                    packed = unpack.unused_data.lstrip(b"\0")
                    unpack, is_inside = zlib.decompressobj(wbits=31), False
        if is_inside:
            self.problem = "the archive is truncated"


def open_source(path: str) -> Source:
    """Look at a file without reading it.

    Raises:
        OSError: it cannot be opened.
    """
    file = Path(path)
    with file.open("rb") as handle:
        magic = handle.read(2)
    return Source(path=file, bytes_total=file.stat().st_size, is_gzip=magic == GZIP_MAGIC)


def lines(chunks: Iterator[bytes]) -> Iterator[Line]:
    """Lines that are not blank, numbered from 1. One over the limit is passed over in pieces, never held."""
    held: list[bytes] = []
    number, held_bytes, is_over = 1, 0, False
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            if held or is_over:
                piece = b"".join([*held, piece])  # noqa: PLW2901
                held, held_bytes = [], 0
            if is_over or len(piece) > LINE_BYTES_MAX:
                yield Line(number, None)
                is_over = False
            elif piece and not piece.isspace():
                yield Line(number, piece)
            number += 1
        if rest and not is_over:
            held.append(rest)
            held_bytes += len(rest)
            if held_bytes > LINE_BYTES_MAX:
                held, held_bytes, is_over = [], 0, True
    last = b"".join(held)
    if is_over:
        yield Line(number, None)
    elif last and not last.isspace():
        yield Line(number, last)
