"""How frames stand in object storage: each in an object of its own at first, many in one later.

A piece is a head and a frame. The head states the year and the digest that the chain continues; the frame's own digest
covers it. A frame without runs opens a writer's time. Objects that hold many pieces hold them one behind the other,
unchanged.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chain.frame import (
    DIGEST_SIZE_BYTES,
    HEADER_SIZE_BYTES,
    FrameHeader,
    PlacedRun,
    Run,
    frame_digest,
    read_header,
    read_runs,
    write_frame,
)
from domain.errors import IntegrityError

FRAMES: Final = "frame/"
VOLUMES: Final = "volume/"

_MAGIC: Final = b"policycortex evidence frame 1\n"
_HEAD = struct.Struct(">H32s")  # year, digest to continue
FRAME_OFFSET: Final = len(_MAGIC) + _HEAD.size
OPENING_SIZE_BYTES: Final = FRAME_OFFSET + HEADER_SIZE_BYTES + DIGEST_SIZE_BYTES
"""Size of a piece without runs, and of no other."""

_FRAME_NAME = re.compile(r"frame/([0-9]{12})")
_VOLUME_NAME = re.compile(r"volume/([0-9]{12})-([0-9]{12})")


@dataclass(frozen=True, slots=True)
class Piece:
    """A frame as it was found in an object.

    Args:
        start: where the piece begins in the object.
        digest: what the next piece continues.
    """

    year: int
    former: bytes
    header: FrameHeader
    start: int
    frame: bytes
    digest: bytes

    @property
    def sequence(self) -> int:
        return self.header.sequence

    @property
    def frame_start(self) -> int:
        """Where the frame itself begins in the object; places of entries are counted from there."""
        return self.start + FRAME_OFFSET

    @property
    def end(self) -> int:
        """Where the next piece begins in the object."""
        return self.frame_start + len(self.frame)

    def runs(self) -> list[PlacedRun]:
        return read_runs(self.frame, self.header)


def write_piece(
    runs: Sequence[Run], firsts: Sequence[int], *, year: int, epoch: int, sequence: int, former: bytes
) -> bytes:
    """A frame ready to be stored; without runs it opens a writer's time."""
    head = _MAGIC + _HEAD.pack(year, former)
    frame, _ = write_frame(runs, firsts, epoch=epoch, sequence=sequence, former=hashlib.sha256(head).digest())
    return head + frame


def read_pieces(content: bytes, *, name: str) -> Iterator[Piece]:
    """The pieces of an object, each found right in itself.

    Raises:
        IntegrityError: something in the object is not a whole piece.
    """
    at = 0
    while at < len(content) or at == 0:
        piece = _read_piece(content, at)
        if piece is None:
            raise _damage(name, at=at)
        yield piece
        at = piece.end


def frame_name(sequence: int) -> str:
    """Object of one frame."""
    return f"{FRAMES}{sequence:012d}"


def volume_name(first: int, last: int) -> str:
    """Object of many frames."""
    return f"{VOLUMES}{first:012d}-{last:012d}"


def range_of(name: str) -> tuple[int, int] | None:
    """First and last frame of an object by its name; ``None`` where it holds none."""
    matched = _FRAME_NAME.fullmatch(name)
    if matched:
        return int(matched[1]), int(matched[1])
    matched = _VOLUME_NAME.fullmatch(name)
    return (int(matched[1]), int(matched[2])) if matched else None


def _damage(name: str, *, at: int) -> IntegrityError:
    return IntegrityError(
        "journal is damaged",
        object=name,
        offset=at,
        todo="Restore that object from its former version or a copy; the frames before it are whole",
    )


def _read_piece(content: bytes, at: int) -> Piece | None:
    begin = at + FRAME_OFFSET
    if content[at : at + len(_MAGIC)] != _MAGIC or len(content) < begin + HEADER_SIZE_BYTES:
        return None
    year, former = _HEAD.unpack_from(content, at + len(_MAGIC))
    header = read_header(content[begin : begin + HEADER_SIZE_BYTES])
    if header is None:
        return None
    frame = content[begin : begin + header.size_bytes]
    chain = hashlib.sha256(content[at:begin]).digest()
    digest = frame[-DIGEST_SIZE_BYTES:]
    if len(frame) != header.size_bytes or frame_digest(chain, frame[:-DIGEST_SIZE_BYTES]) != digest:
        return None
    return Piece(year, former, header, at, frame, digest)
