"""The journal on a file system: segment files, one behind the other, under a lock and an epoch.

A segment states in its header the digest that its chain continues and the length of the segment before it. Every
opening that writes begins a segment of its own. So the end of a former segment is decided by whoever took over, and
what a paused writer adds to it after that is behind the end: read by nobody, and never acknowledged, because the epoch
is asked again after the sync. A segment is also ended by its size, and by the year, so that what is kept of a year can
be deleted as a whole.

Where the last file ends inside a frame, that was never acknowledged and is moved aside. A broken frame of its full
length, or with a whole one behind it, is damage, and the store stays shut.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from chain.durable import make_private_directory, replace_file, reporting_full_disk, write_all
from chain.fence import Fence
from chain.frame import (
    DIGEST_SIZE_BYTES,
    HEADER_SIZE_BYTES,
    FrameHeader,
    PlacedRun,
    Run,
    frame_digest,
    holds_frame_behind,
    read_header,
    read_runs,
    was_whole,
    write_frame,
)
from chain.journal import EntryPlaces
from domain.errors import IntegrityError, NotFound, UnavailableError

SEGMENT_SIZE_BYTES_MAX: Final = 256 * 1024 * 1024
HANDLES_MAX: Final = 64
SYNCED_BESIDE_SIZE_BYTES_MIN: Final = 32 * 1024
"""From this size of a frame on, another thread syncs it: below, handing over costs more than the sync takes."""

FOLDER: Final = "journal"

_MAGIC: Final = b"policycortex evidence journal 2\n"
_HEADER = struct.Struct(">IHQQ32sQ")  # number, year, epoch, next sequence, digest to continue, length of the former
_START: Final = len(_MAGIC) + _HEADER.size + DIGEST_SIZE_BYTES
_NAME = re.compile(r"[0-9]{8}-[0-9]{4}")

Sync = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Segment:
    """One file's header."""

    path: Path
    number: int
    year: int
    epoch: int
    sequence: int
    former: bytes
    former_size_bytes: int

    @property
    def head(self) -> bytes:
        fields = (self.number, self.year, self.epoch, self.sequence, self.former, self.former_size_bytes)
        return _MAGIC + _HEADER.pack(*fields)

    @property
    def digest(self) -> bytes:
        """Where the segment's own chain of frames begins."""
        return hashlib.sha256(self.head).digest()


class FileJournal:
    """Segments below a store's private folder.

    Args:
        directory: the store's chain folder; holds lock, epoch and the folder of segments.
        sync: makes written bytes durable; another one is given by tests that fail here.
        is_read_only: takes no lock, leaves the files as they are, a torn end too.
        keeps_places: where entries lie, ten bytes an entry; without it they are seen in the replay alone.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sync: Sync = os.fdatasync,
        segment_size_bytes_max: int = SEGMENT_SIZE_BYTES_MAX,
        is_read_only: bool = False,
        keeps_places: bool = True,
    ) -> None:
        self._folder = directory / FOLDER
        self._sync = sync
        self._segment_size_bytes_max = segment_size_bytes_max
        self._fence = None if is_read_only else _fence(directory)
        self._last: _Segment | None = None
        self._is_own = False
        self._end = 0
        self._digest = bytes(DIGEST_SIZE_BYTES)
        self._sequence = 0
        self._epoch_last = 0
        self._is_broken = False
        self._keeps_places = keeps_places
        self._syncing = ThreadPoolExecutor(1, "journal-sync")
        self._places: dict[str, EntryPlaces] = {}
        self._sizes: dict[str, int] = {}
        self._expired: set[str] = set()
        self._paths: dict[int, Path] = {}
        self._handles: dict[int, int] = {}
        self.torn_size_bytes = 0

    @property
    def epoch(self) -> int:
        return self._fence.epoch if self._fence else self._epoch_last

    @property
    def is_stopped(self) -> bool:
        return self._is_broken

    def require_held(self) -> None:
        assert self._fence is not None, "a journal opened for reading is not held"
        self._fence.require_held()

    def origins(self) -> Sequence[str]:
        return tuple(self._sizes)

    def size(self, origin: str) -> int:
        return self._sizes.get(origin, 0)

    def entry(self, origin: str, index: int) -> bytes:
        return self._read(*self._places[origin].find(index))

    def entries(self, origin: str, start: int, stop: int) -> list[bytes]:
        return self._places[origin].read(start, stop, self._read) if start < stop else []

    def close(self) -> None:
        self._syncing.shutdown()
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()
        if self._fence:
            self._fence.close()

    def replay(self) -> Iterator[list[Run]]:
        segments = self._segments()
        for place, segment in enumerate(segments):
            self._enter(segment, is_first=place == 0)
            self._require_newer(segment)
            is_last = place + 1 == len(segments)
            size = self._handle_size(segment)
            total = size if is_last else segments[place + 1].former_size_bytes
            if size < total:
                raise _damage(segment.path, offset=size, sequence=self._sequence)
            yield from self._frames(segment, total, is_last=is_last)

    def append(self, runs: Sequence[Run], *, year: int, meanwhile: Callable[[], None] | None = None) -> None:
        self.require_held()
        if self._is_broken:
            raise UnavailableError(
                "evidence log stopped after a failed write", path=str(self._folder), todo="Open the log again"
            )
        segment = self._writable(year)
        firsts = [self.size(run.origin) for run in runs]
        frame, placed = write_frame(runs, firsts, epoch=self.epoch, sequence=self._sequence, former=self._digest)
        self._write(segment, frame, meanwhile or _nothing)
        self._accept(segment, frame[-DIGEST_SIZE_BYTES:], placed, size_bytes=len(frame))

    def forget(self, year: int) -> list[Path]:
        """Delete the segments that were begun in a year or before it, except the one that is being written.

        For the end of retention alone: the logs of those years are no longer known afterwards.
        """
        self.require_held()
        old = [
            path
            for path in self._paths.values()
            if int(path.name[-4:]) <= year and self._last and path != self._last.path and path.exists()
        ]
        for path in old:
            path.unlink()
        return old

    def _write(self, segment: _Segment, frame: bytes, meanwhile: Callable[[], None]) -> None:
        """Write, sync, and ask whether this is still the writer, in this order."""
        self._is_broken = True
        handle = self._handle(segment.number)
        with reporting_full_disk(segment.path):
            try:
                os.lseek(handle, self._end, os.SEEK_SET)
                write_all(handle, frame)
            except OSError:
                os.ftruncate(handle, self._end)
                self._is_broken = False
                raise
            if len(frame) < SYNCED_BESIDE_SIZE_BYTES_MIN:
                self._sync(handle)
                meanwhile()
            else:
                begun = Event()
                synced = self._syncing.submit(self._sync_beside, handle, begun)
                begun.wait()  # the interpreter would let the other thread begin only after its switch interval
                meanwhile()
                synced.result()
        self.require_held()
        self._is_broken = False

    def _sync_beside(self, handle: int, begun: Event) -> None:
        begun.set()
        self._sync(handle)

    def _accept(self, segment: _Segment, digest: bytes, placed: Sequence[PlacedRun], *, size_bytes: int) -> None:
        for run in placed:
            if run.origin in self._expired:
                continue
            self._sizes[run.origin] = run.first + len(run.lengths)
            if self._keeps_places:
                self._places.setdefault(run.origin, EntryPlaces()).add(segment.number, self._end, run)
        self._digest = digest
        self._sequence += 1
        self._end += size_bytes

    def _writable(self, year: int) -> _Segment:
        """The segment to write to; the first write of an opening, a full segment or a new year begin another."""
        last = self._last
        if last is not None and self._is_own and year <= last.year and self._end < self._segment_size_bytes_max:
            return last
        number, newest_year = (last.number + 1, max(year, last.year)) if last else (1, year)
        path = self._folder / f"{number:08d}-{newest_year:04d}"
        segment = _Segment(path, number, newest_year, self.epoch, self._sequence, self._digest, self._end)
        replace_file(path, segment.head + segment.digest, mode=0o600)
        self._enter(segment, is_first=last is None)
        self._is_own = True
        return segment

    def _segments(self) -> list[_Segment]:
        names = sorted(path for path in self._folder.glob("*") if _NAME.fullmatch(path.name))
        return [self._read_head(path) for path in names]

    def _read_head(self, path: Path) -> _Segment:
        with path.open("rb") as stream:
            content = stream.read(_START)
        if content[: len(_MAGIC)] != _MAGIC or len(content) < _START:
            raise IntegrityError("not a journal of this version", path=str(path))
        number, *fields = _HEADER.unpack_from(content, len(_MAGIC))
        segment = _Segment(path, number, *fields)
        if content[-DIGEST_SIZE_BYTES:] != segment.digest or path.name != f"{number:08d}-{segment.year:04d}":
            raise _damage(path, offset=0, sequence=segment.sequence)
        return segment

    def _enter(self, segment: _Segment, *, is_first: bool) -> None:
        """Go on in a segment: it must continue exactly what was read, unless earlier ones were deleted."""
        follows = self._last.number + 1 if self._last else segment.number
        stated = (segment.number, segment.sequence, segment.former)
        if not is_first and stated != (follows, self._sequence, self._digest):
            raise IntegrityError(
                "journal's segments do not continue each other",
                path=str(segment.path),
                expected=f"segment {follows}, frame {self._sequence}",
                got=f"segment {segment.number}, frame {segment.sequence}",
                todo="Restore the journal's folder from a copy",
            )
        self._last, self._sequence, self._end, self._digest = segment, segment.sequence, _START, segment.digest
        self._epoch_last = segment.epoch
        self._paths[segment.number] = segment.path

    def _frames(self, segment: _Segment, total: int, *, is_last: bool) -> Iterator[list[Run]]:
        while self._end < total:
            frame = self._read_frame(segment, total, is_last=is_last)
            if frame is None:
                self._cut_torn_end(segment, total)
                return
            yield frame

    def _read_frame(self, segment: _Segment, total: int, *, is_last: bool) -> list[Run] | None:
        """The next frame's runs; ``None`` where the last file ends inside the frame."""
        handle, left = self._handle(segment.number), total - self._end
        header = read_header(os.pread(handle, HEADER_SIZE_BYTES, self._end)) if left >= HEADER_SIZE_BYTES else None
        frame = os.pread(handle, header.size_bytes, self._end) if header and header.size_bytes <= left else b""
        digest = frame_digest(self._digest, frame[:-DIGEST_SIZE_BYTES])
        if header is None or digest != frame[-DIGEST_SIZE_BYTES:]:
            rest = os.pread(handle, left, self._end)
            is_changed = was_whole(rest, self._digest, epoch=self._epoch_last, sequence=self._sequence)
            if not is_last or is_changed or holds_frame_behind(rest, self._digest):
                raise _damage(segment.path, offset=self._end, sequence=self._sequence)
            return None
        placed = self._require_order(segment, header, read_runs(frame, header))
        self._accept(segment, digest, placed, size_bytes=header.size_bytes)
        return [Run(run.origin, run.entries(frame)) for run in placed if run.origin not in self._expired]

    def _require_order(self, segment: _Segment, header: FrameHeader, placed: list[PlacedRun]) -> list[PlacedRun]:
        for run in placed:
            if run.first and run.origin not in self._sizes and 1 not in self._paths:
                self._expired.add(run.origin)  # its beginning was deleted with its year
        firsts = [run.first for run in placed if run.origin not in self._expired]
        sizes = [self.size(run.origin) for run in placed if run.origin not in self._expired]
        if header.sequence != self._sequence or header.epoch != self._epoch_last or firsts != sizes:
            raise IntegrityError(
                "journal has a frame out of order", path=str(segment.path), sequence=self._sequence, got=header.sequence
            )
        return placed

    def _cut_torn_end(self, segment: _Segment, total: int) -> None:
        """Keep what was torn off beside the journal, then end the segment at its last whole frame."""
        self.torn_size_bytes = total - self._end
        if self._fence is None:
            return
        handle = self._handle(segment.number)
        torn = os.pread(handle, self.torn_size_bytes, self._end)
        replace_file(segment.path.with_name(f"torn-{segment.path.name}-{self._end}"), torn, mode=0o600)
        os.ftruncate(handle, self._end)
        os.fsync(handle)

    def _require_newer(self, segment: _Segment) -> None:
        """An epoch file that is behind the journal would let two writers have the same epoch."""
        if self._fence is not None and segment.epoch >= self._fence.epoch:
            raise IntegrityError(
                "journal is of a later epoch than its epoch file",
                path=str(segment.path),
                expected=f"below {self._fence.epoch}",
                got=segment.epoch,
                todo="Restore the epoch file from a copy",
            )

    def _read(self, number: int, offset: int, size_bytes: int) -> bytes:
        return os.pread(self._handle(number), size_bytes, offset)

    def _handle_size(self, segment: _Segment) -> int:
        return os.fstat(self._handle(segment.number)).st_size

    def _handle(self, number: int) -> int:
        """An open file of the segment; the one that was opened first makes room."""
        handle = self._handles.get(number)
        if handle is None:
            path = self._paths.get(number)
            if path is None or not path.exists():
                raise NotFound("this part of the journal was deleted", segment=number, path=str(self._folder))
            handle = os.open(path, os.O_RDONLY if self._fence is None else os.O_RDWR)
            while len(self._handles) >= HANDLES_MAX:
                os.close(self._handles.pop(next(iter(self._handles))))
            self._handles[number] = handle
        return handle


def _nothing() -> None:
    """What a caller does meanwhile that has nothing to do."""


def _fence(directory: Path) -> Fence:
    make_private_directory(directory)
    make_private_directory(directory / FOLDER)
    return Fence(directory)


def _damage(path: Path, *, offset: int, sequence: int) -> IntegrityError:
    return IntegrityError(
        "journal is damaged",
        path=str(path),
        offset=offset,
        sequence=sequence,
        todo="Restore the journal's folder from a copy; the frames before this one are whole",
    )
