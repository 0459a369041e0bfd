"""A log in a folder, written and read by any process of this machine: segment files of frames, under a lock.

An entry is durable when `append` returns. Appending takes the folder's lock and first reads what others have added; the
number of an entry is its place. A frame that a crash cut short was never acknowledged and is cut off by the next
append; a whole frame that is not what was written is damage, and the log says so instead of passing it over.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Final

from connectors.stream.position import Position
from domain.clock import Clock, SystemClock
from domain.durable import locked, sync_directory
from domain.errors import IntegrityError, UnavailableError

SEGMENT_BYTES_MAX: Final = 1 << 20
POLL_S: Final = 0.004

_FRAME: Final = struct.Struct(">4sIHIQ")  # mark, bytes of the payload, bytes of the key, checksum, milliseconds
_CHECKED: Final = struct.Struct(">HIQ")
_MARK: Final = b"PCE1"
_TRIMMED: Final = "trimmed"
_DIGITS: Final = 14
_FULL_ENOUGH: Final = 8
_GAP: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry. The key is what it is known by; it may be empty."""

    position: Position
    key: bytes
    payload: bytes


@dataclass(slots=True)
class _Segment:
    """What is known of one file: where its frames begin, when they were written, and their keys."""

    path: Path
    first: int
    size_bytes: int = 0
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    times: array[int] = field(default_factory=lambda: array("Q"))
    keys: dict[bytes, int] = field(default_factory=dict)

    @property
    def next(self) -> int:
        """Number of the entry that comes behind this file."""
        return self.first + len(self.offsets)


class FileLog:
    """A log in a folder that others may have open too. Safe for several threads.

    Args:
        is_synced: an append returns when it would survive a power cut, not only a crash.
    """

    def __init__(
        self,
        folder: Path,
        *,
        is_synced: bool = True,
        clock: Clock | None = None,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
    ) -> None:
        self._folder = folder
        self._is_synced = is_synced
        self._clock = clock or SystemClock()
        self._segment_bytes_max = segment_bytes_max
        self._segments: list[_Segment] = []
        self._mutex = RLock()
        self._is_held = False

    def append(self, entries: Sequence[tuple[bytes, bytes]]) -> list[Position]:
        """Add (key, payload) pairs; their positions.

        Raises:
            IntegrityError: the log is damaged.
            UnavailableError: the disk is full.
        """
        with self.held():
            segment = self._writable()
            last, frames, placed = self._last(), [], []
            now_ms = int(self._clock.now().timestamp() * 1000)
            for key, payload in entries:
                last = last.following(now_ms)
                placed.append(last)
                frames.append(_frame(key, payload, last.at_ms))
            self._write(segment, b"".join(frames))
            self._catch_up()
            return placed

    @contextmanager
    def held(self) -> Iterator[None]:
        """The right to write, with everything read that others wrote; may be taken again by its holder."""
        with self._mutex:
            if self._is_held:
                yield
                return
            with self._locked():
                self._catch_up()
                yield

    def find(self, key: bytes) -> Position | None:
        """Where the newest entry of this key is, as far as has been read; None also where it was let go."""
        with self._mutex:
            for segment in reversed(self._segments):
                at = segment.keys.get(key)
                if at is not None:
                    found = Position(segment.times[at], segment.first + at)
                    return found if found > self.trimmed() else None
            return None

    def read(self, after: Position, limit: int, *, block_s: float = 0.0) -> list[LogEntry]:
        """Entries behind a position, in order, without those that were let go."""
        deadline = time.monotonic() + block_s
        found = self._read_now(after, limit)
        while not found and time.monotonic() < deadline:
            time.sleep(POLL_S)
            if self._may_have_grown():
                found = self._read_now(after, limit)
        return found

    def last(self) -> Position:
        """The newest entry's position."""
        with self._mutex:
            self._catch_up()
            return self._last()

    def trimmed(self) -> Position:
        """The newest position that was let go."""
        try:
            return Position.parse((self._folder / _TRIMMED).read_text().strip())
        except FileNotFoundError:
            return Position(0, 0)

    def trim(self, upto: Position) -> None:
        """Let go of entries up to a position; files go as soon as all of their entries may."""
        with self.held():
            upto = min(upto, self._last())
            if upto <= self.trimmed():
                return
            _replace(self._folder / _TRIMMED, str(upto).encode())
            newest = self._segments[-1]
            if newest.next == upto.number + 1 and newest.size_bytes > self._segment_bytes_max // _FULL_ENOUGH:
                self._roll()
            while len(self._segments) > 1 and self._segments[0].next <= upto.number + 1:
                self._segments.pop(0).path.unlink(missing_ok=True)

    def shorten(self, kept: int) -> None:
        """Let go of all but the newest entries."""
        with self.held():
            number = self._last().number - kept
            for segment in self._segments:
                if segment.first <= number < segment.next:
                    self.trim(Position(segment.times[number - segment.first], number))
                    return

    def _read_now(self, after: Position, limit: int) -> list[LogEntry]:
        with self._mutex:
            self._catch_up()
            return self._entries(max(after, self.trimmed()), limit)

    def _may_have_grown(self) -> bool:
        """Whether there may be anything that was not read; asked hundreds of times a second, and so of two files."""
        segments = self._segments
        if not segments:
            return self._folder.exists()
        newest = segments[-1]
        try:
            if newest.path.stat().st_size != newest.size_bytes:
                return True
        except FileNotFoundError:
            return True
        return self._path(newest.next).exists()

    def _entries(self, after: Position, limit: int) -> list[LogEntry]:
        found: list[LogEntry] = []
        for segment in self._segments:
            start = self._start(segment, after)
            stop = min(len(segment.offsets), start + limit - len(found))
            if start < stop:
                found.extend(self._load(segment, start, stop))
        return found

    def _start(self, segment: _Segment, after: Position) -> int:
        """Place in the segment of the first entry that is later than a position."""
        low, high = 0, len(segment.offsets)
        while low < high:
            middle = (low + high) // 2
            if Position(segment.times[middle], segment.first + middle) <= after:
                low = middle + 1
            else:
                high = middle
        return low

    def _load(self, segment: _Segment, start: int, stop: int) -> list[LogEntry]:
        begin = segment.offsets[start]
        end = segment.offsets[stop] if stop < len(segment.offsets) else segment.size_bytes
        with segment.path.open("rb") as stream:
            stream.seek(begin)
            content = stream.read(end - begin)
        entries = []
        for at in range(start, stop):
            offset = segment.offsets[at] - begin
            _, size, key_size, check, at_ms = _FRAME.unpack_from(content, offset)
            body = content[offset + _FRAME.size : offset + _FRAME.size + key_size + size]
            if _checksum(key_size, at_ms, body) != check:
                raise _damage(segment.path, segment.offsets[at])
            entries.append(LogEntry(Position(at_ms, segment.first + at), body[:key_size], body[key_size:]))
        return entries

    def _last(self) -> Position:
        for segment in reversed(self._segments):
            if segment.offsets:
                return Position(segment.times[-1], segment.next - 1)
        trimmed = self.trimmed()
        return Position(trimmed.at_ms, self._segments[-1].first - 1) if self._segments else trimmed

    def _catch_up(self) -> None:
        """Read what has been added since the last time."""
        while self._segments and not self._segments[0].path.exists():
            self._segments.pop(0)
        if not self._segments and self._folder.exists():
            with self._undisturbed():
                self._open()
        while self._segments:
            segment = self._segments[-1]
            self._scan(segment)
            following = self._path(segment.next)
            if following == segment.path or not following.exists():
                return
            self._segments.append(_Segment(following, segment.next))

    def _open(self) -> None:
        """Take all files there are; together they must be one sequence."""
        for path in sorted(each for each in self._folder.glob("*.log") if each.stem.isdigit()):
            segment = _Segment(path, int(path.stem))
            if self._segments and self._segments[-1].next != segment.first:
                raise _damage(path, 0)
            self._scan(segment)
            self._segments.append(segment)

    def _scan(self, segment: _Segment) -> None:
        try:
            size = segment.path.stat().st_size
        except FileNotFoundError:
            return
        if size <= segment.size_bytes:
            return
        with segment.path.open("rb") as stream:
            stream.seek(segment.size_bytes)
            content = stream.read(size - segment.size_bytes)
        base, at = segment.size_bytes, 0
        while (frame := _whole_frame(content, at)) is not None:
            end, key, at_ms = frame
            if key:
                segment.keys[key] = len(segment.offsets)
            segment.offsets.append(base + at)
            segment.times.append(at_ms)
            at = end
        segment.size_bytes = base + at
        if at < len(content) and _is_damaged(content, at):
            self._look_again(segment)

    def _look_again(self, segment: _Segment) -> None:
        """What looks damaged beside a writer may be whole behind it."""
        if self._is_held:
            raise _damage(segment.path, segment.size_bytes)
        with self._undisturbed():
            self._scan(segment)

    def _writable(self) -> _Segment:
        if not self._segments:
            self._begin(self._last().number + 1)
        segment = self._segments[-1]
        if segment.size_bytes < segment.path.stat().st_size:
            os.truncate(segment.path, segment.size_bytes)
        if segment.size_bytes >= self._segment_bytes_max:
            self._roll()
        return self._segments[-1]

    def _roll(self) -> None:
        if self._segments[-1].offsets:
            self._begin(self._segments[-1].next)

    def _begin(self, number: int) -> None:
        path = self._path(number)
        path.touch(mode=0o600)
        if self._is_synced:
            sync_directory(self._folder)
        self._segments.append(_Segment(path, number))

    def _write(self, segment: _Segment, content: bytes) -> None:
        handle = os.open(segment.path, os.O_WRONLY | os.O_APPEND)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
            if self._is_synced:
                os.fdatasync(handle)
        except OSError as error:
            os.ftruncate(handle, segment.size_bytes)
            raise UnavailableError(
                "the change log cannot be written",
                path=str(segment.path),
                reason=error.strerror,
                todo="Free space on that disk and repeat; nothing that was acknowledged is lost",
            ) from error
        finally:
            os.close(handle)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:0{_DIGITS}d}.log"

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """No writer beside this one, for what follows."""
        if self._is_held:
            yield
            return
        with self._locked():
            yield

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self._folder / "lock"):
            self._is_held = True
            try:
                yield
            finally:
                self._is_held = False


def _frame(key: bytes, payload: bytes, at_ms: int) -> bytes:
    body = key + payload
    return _FRAME.pack(_MARK, len(payload), len(key), _checksum(len(key), at_ms, body), at_ms) + body


def _checksum(key_size: int, at_ms: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_CHECKED.pack(key_size, len(body), at_ms)))


def _whole_frame(content: bytes, at: int) -> tuple[int, bytes, int] | None:
    """End, key and time of the frame that begins here; None where there is no whole and right one."""
    if at + _FRAME.size > len(content):
        return None
    mark, size, key_size, check, at_ms = _FRAME.unpack_from(content, at)
    start = at + _FRAME.size
    end = start + key_size + size
    if mark != _MARK or end > len(content) or _checksum(key_size, at_ms, content[start:end]) != check:
        return None
    return end, content[start : start + key_size], at_ms


def _is_damaged(content: bytes, at: int) -> bool:
    """Whether what begins here was once a whole frame: it has its full length without a gap, or one stands behind it.

    A write that a crash interrupted leaves a shorter file, or zeros where blocks were not written.
    """
    if at + _FRAME.size <= len(content):
        mark, size, key_size, _, _ = _FRAME.unpack_from(content, at)
        if mark == _MARK and at + _FRAME.size + key_size + size <= len(content) and _GAP not in content[at:]:
            return True
    at = content.find(_MARK, at + 1)
    while at >= 0:
        if _whole_frame(content, at) is not None:
            return True
        at = content.find(_MARK, at + 1)
    return False


def _damage(path: Path, offset: int) -> IntegrityError:
    return IntegrityError(
        "the change log is damaged",
        path=str(path),
        offset=offset,
        todo="Move the tenant's folder of changes aside and collect the inventory again",
    )


def _replace(path: Path, content: bytes) -> None:
    """Now or not at all; an older content after a power cut only holds what was let go."""
    aside = path.with_suffix(".partial")
    aside.write_bytes(content)
    aside.replace(path)
