"""Frames: how a batch of entries stands in a journal, whatever the journal is kept on.

A frame holds runs, each of consecutive entries of one log, and ends in a digest over itself and the digest of the frame
before it. So frames cannot be reordered, dropped or replaced without every later one showing it.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

DIGEST_SIZE_BYTES: Final = 32
PAYLOAD_SIZE_BYTES_MAX: Final = 1 << 30

_MARK: Final = b"FRAM"
_HEADER = struct.Struct(">4sIQQI")  # mark, payload bytes, epoch, sequence, runs
_RUN = struct.Struct(">HQI")  # bytes of the origin, index of the first entry in its log, entries
HEADER_SIZE_BYTES: Final = _HEADER.size
_GAP = bytes(32)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive entries of one log."""

    origin: str
    entries: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class PlacedRun:
    """A run within a frame.

    Args:
        first: index of its first entry in the log.
        lengths: sizes of the entries in bytes, as unsigned 16-bit numbers.
        offset: where its first entry begins, from the start of the frame; the others follow without a gap.
    """

    origin: str
    first: int
    lengths: array[int]
    offset: int

    def entries(self, frame: bytes) -> list[bytes]:
        """Cut the entries out of their frame."""
        return [frame[start:stop] for start, stop in pairwise(accumulate(self.lengths, initial=self.offset))]


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What a frame says of itself before its payload."""

    payload_size_bytes: int
    epoch: int
    sequence: int
    runs: int

    @property
    def size_bytes(self) -> int:
        """Size of the whole frame, digest included."""
        return HEADER_SIZE_BYTES + self.payload_size_bytes + DIGEST_SIZE_BYTES


def write_frame(
    runs: Sequence[Run], firsts: Sequence[int], *, epoch: int, sequence: int, former: bytes
) -> tuple[bytes, list[PlacedRun]]:
    """Write a frame whose last bytes are its digest.

    Args:
        firsts: index in its log of each run's first entry.
        former: digest of the frame before it.
    """
    parts: list[bytes] = [b""]
    placed: list[PlacedRun] = []
    at = HEADER_SIZE_BYTES
    for run, first in zip(runs, firsts, strict=True):
        name = run.origin.encode("utf-8")
        lengths = array("H", map(len, run.entries))
        head = _RUN.pack(len(name), first, len(lengths)) + name + _big_endian(lengths)
        parts += [head, *run.entries]
        placed.append(PlacedRun(run.origin, first, lengths, at + len(head)))
        at += len(head) + sum(lengths)
    size = at - HEADER_SIZE_BYTES
    assert size <= PAYLOAD_SIZE_BYTES_MAX, "batch larger than a frame"
    parts[0] = _HEADER.pack(_MARK, size, epoch, sequence, len(placed))
    content = b"".join(parts)
    return content + frame_digest(former, content), placed


def frame_digest(former: bytes, content: bytes) -> bytes:
    """Digest of a frame, whose content is all of it but the digest itself."""
    digest = hashlib.sha256(former)
    digest.update(content)
    return digest.digest()


def read_header(content: bytes) -> FrameHeader | None:
    """A frame's header; ``None`` where these bytes are not one."""
    mark, size, epoch, sequence, runs = _HEADER.unpack(content)
    return FrameHeader(size, epoch, sequence, runs) if mark == _MARK and size <= PAYLOAD_SIZE_BYTES_MAX else None


def read_runs(frame: bytes, header: FrameHeader) -> list[PlacedRun]:
    """The runs of a frame whose digest was found right, so that its form needs no doubt."""
    placed, at = [], HEADER_SIZE_BYTES
    for _ in range(header.runs):
        name_size, first, count = _RUN.unpack_from(frame, at)
        at += _RUN.size
        origin = frame[at : at + name_size].decode("utf-8")
        at += name_size
        lengths = array("H", frame[at : at + 2 * count])
        if sys.byteorder == "little":
            lengths.byteswap()
        at += 2 * count
        placed.append(PlacedRun(origin, first, lengths, at))
        at += sum(lengths)
    return placed


def holds_frame_behind(rest: bytes, former: bytes) -> bool:
    """Whether a whole frame stands behind a broken one, so that the broken one was once whole too.

    A frame is known by its digest over the one before it, which is the last thing before it in the file; where that is
    what was changed, it is computed. Entries cannot pass for frames: they are JSON, and a frame's header has zeros.

    Args:
        rest: what follows the last frame that was found right.
        former: digest of that frame.
    """
    at = rest.find(_MARK, 1)
    while at >= 0:
        header = read_header(rest[at : at + HEADER_SIZE_BYTES]) if at + HEADER_SIZE_BYTES <= len(rest) else None
        if header and at + header.size_bytes <= len(rest):
            end = at + header.size_bytes - DIGEST_SIZE_BYTES
            before = max(at - DIGEST_SIZE_BYTES, 0)
            formers = (rest[before:at], frame_digest(former, rest[:before]))
            if rest[end : end + DIGEST_SIZE_BYTES] in [frame_digest(each, rest[at:end]) for each in formers]:
                return True
        at = rest.find(_MARK, at + 1)
    return False


def was_whole(rest: bytes, former: bytes, *, epoch: int, sequence: int) -> bool:
    """Whether the broken end of a journal is a frame that was changed, rather than one that was never finished.

    A write that a crash interrupted leaves a shorter file, or zeros where blocks were not written. A frame of its full
    length without such a gap was written as a whole, and may have been acknowledged.

    Args:
        rest: everything behind the last frame that was found right.
        former: digest of that frame.
        epoch, sequence: what the frame's header must say.
    """
    if len(rest) < HEADER_SIZE_BYTES + DIGEST_SIZE_BYTES or _GAP in rest:
        return False
    runs, size = _HEADER.unpack_from(rest)[-1], len(rest) - HEADER_SIZE_BYTES - DIGEST_SIZE_BYTES
    header = read_header(rest[:HEADER_SIZE_BYTES])
    if header is not None and header.size_bytes == len(rest):
        return True
    mended = _HEADER.pack(_MARK, size, epoch, sequence, runs) + rest[HEADER_SIZE_BYTES:-DIGEST_SIZE_BYTES]
    return frame_digest(former, mended) == rest[-DIGEST_SIZE_BYTES:]


def _big_endian(lengths: array[int]) -> bytes:
    if sys.byteorder == "little":
        lengths = array("H", lengths)
        lengths.byteswap()
    return lengths.tobytes()
