"""The journal: the one file that decides what was recorded.

A batch is a frame: epoch, first index, entries, and a digest over the frame and its predecessor. A batch is accepted
when its frame is written and synced; everything else (trees, tiles, request ids) is derived from the journal when the
log is opened. A frame that the file ends in the middle of was never acknowledged: it is moved aside and the log goes
on. A broken frame with something behind it is damage, and the log stays shut.
"""

from __future__ import annotations

import hashlib
import os
import struct
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from chain.durable import replace_file, reporting_full_disk, sync_directory, write_all
from domain.errors import IntegrityError, UnavailableError

_MAGIC: Final = b"policycortex evidence journal 1\n"
_HEADER = struct.Struct(">4sIQQI")  # mark, payload bytes, epoch, first index, entries
_MARK: Final = b"FRAM"
_LENGTH = struct.Struct(">H")
_DIGEST_SIZE_BYTES = 32
PAYLOAD_SIZE_BYTES_MAX: Final = 1 << 30

Sync = Callable[[int], None]


class Journal:
    """Append-only frames of entries in one file; the caller holds the lock.

    Args:
        sync: makes written bytes durable; another one is given by tests that fail here.
        is_read_only: leaves the file as it is, a torn end too; needs no lock.
    """

    def __init__(self, path: Path, *, sync: Sync = os.fdatasync, is_read_only: bool = False) -> None:
        self._path = path
        self._sync = sync
        self._is_broken = False
        self._offsets = array("Q")
        self._lengths = array("H")
        self._digest = hashlib.sha256(_MAGIC).digest()
        self._end = 0
        self._is_read_only = is_read_only
        self.epoch_last = 0
        self.torn_size_bytes = 0
        self._handle = os.open(path, os.O_RDONLY if is_read_only else os.O_RDWR | os.O_CREAT, 0o600)

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self._offsets)

    def close(self) -> None:
        os.close(self._handle)

    def entry(self, index: int) -> bytes:
        return os.pread(self._handle, self._lengths[index], self._offsets[index])

    def append(self, entries: Sequence[bytes], *, epoch: int) -> None:
        """Make a batch durable; on return it is.

        Raises:
            UnavailableError: the disk is full or failed; nothing was recorded.
        """
        if self._is_broken:
            raise UnavailableError(
                "evidence log stopped after a failed write", path=str(self._path), todo="Open the log again"
            )
        frame, digest = self._frame(entries, epoch)
        self._is_broken = True
        with reporting_full_disk(self._path):
            try:
                os.lseek(self._handle, self._end, os.SEEK_SET)
                write_all(self._handle, frame)
            except OSError:
                os.ftruncate(self._handle, self._end)
                self._is_broken = False
                raise
            self._sync(self._handle)
        self._is_broken = False
        self._accept(entries, start=self._end + _HEADER.size, digest=digest)
        self._end += len(frame)

    def replay(self) -> Iterator[list[bytes]]:
        """Read all batches from the start, once, and repair a torn end.

        Raises:
            IntegrityError: the file is no journal, or damaged before its end.
        """
        total = os.fstat(self._handle).st_size
        if total < len(_MAGIC):
            self._begin(total)
            return
        if os.pread(self._handle, len(_MAGIC), 0) != _MAGIC:
            raise IntegrityError("not a journal of this version", path=str(self._path))
        self._end = len(_MAGIC)
        while self._end < total:
            entries = self._read_frame(total)
            if entries is None:
                self._cut_torn_end(total)
                return
            yield entries

    def _begin(self, total: int) -> None:
        if os.pread(self._handle, total, 0) != _MAGIC[:total]:
            raise IntegrityError("not a journal of this version", path=str(self._path))
        self.torn_size_bytes = total
        if self._is_read_only:
            return
        os.ftruncate(self._handle, 0)
        with reporting_full_disk(self._path):
            os.lseek(self._handle, 0, os.SEEK_SET)
            write_all(self._handle, _MAGIC)
            os.fsync(self._handle)
        sync_directory(self._path.parent)
        self._end = len(_MAGIC)

    def _frame(self, entries: Sequence[bytes], epoch: int) -> tuple[bytes, bytes]:
        payload = b"".join([_LENGTH.pack(len(entry)) + entry for entry in entries])
        assert len(payload) <= PAYLOAD_SIZE_BYTES_MAX, "batch larger than a frame"
        content = _HEADER.pack(_MARK, len(payload), epoch, self.size, len(entries)) + payload
        digest = hashlib.sha256(self._digest + content).digest()
        return content + digest, digest

    def _accept(self, entries: Sequence[bytes], *, start: int, digest: bytes) -> None:
        for entry in entries:
            start += _LENGTH.size
            self._offsets.append(start)
            self._lengths.append(len(entry))
            start += len(entry)
        self._digest = digest

    def _read_frame(self, total: int) -> list[bytes] | None:
        """The next frame's entries; ``None`` where the file ends inside the frame."""
        start = self._end + _HEADER.size
        if start > total:
            return None
        mark, length, epoch, first, count = _HEADER.unpack(os.pread(self._handle, _HEADER.size, self._end))
        if mark != _MARK or length > PAYLOAD_SIZE_BYTES_MAX:
            self._require_torn(is_torn=not os.pread(self._handle, total - self._end, self._end).strip(b"\0"))
            return None
        stop = start + length + _DIGEST_SIZE_BYTES
        if stop > total:
            return None
        content = os.pread(self._handle, stop - self._end, self._end)
        digest = hashlib.sha256(self._digest + content[:-_DIGEST_SIZE_BYTES]).digest()
        if digest != content[-_DIGEST_SIZE_BYTES:]:
            self._require_torn(is_torn=stop == total)
            return None
        entries = _split(content[_HEADER.size : -_DIGEST_SIZE_BYTES])
        if (first, count) != (self.size, len(entries)) or epoch < self.epoch_last:
            raise IntegrityError("journal has a frame out of order", path=str(self._path), index=self.size, epoch=epoch)
        self.epoch_last = epoch
        self._accept(entries, start=start, digest=digest)
        self._end = stop
        return entries

    def _require_torn(self, *, is_torn: bool) -> None:
        if not is_torn:
            raise IntegrityError(
                "journal is damaged",
                path=str(self._path),
                index=self.size,
                offset=self._end,
                todo="Restore the journal from a copy; the entries before this index are whole",
            )

    def _cut_torn_end(self, total: int) -> None:
        """Keep what was torn off beside the journal, then end the journal at its last whole frame."""
        self.torn_size_bytes = total - self._end
        if self._is_read_only:
            return
        torn = os.pread(self._handle, total - self._end, self._end)
        replace_file(self._path.with_name(f"{self._path.name}.torn-{self._end}"), torn, mode=0o600)
        os.ftruncate(self._handle, self._end)
        os.fsync(self._handle)


def _split(payload: bytes) -> list[bytes]:
    entries, at = [], 0
    while at < len(payload):
        (length,) = _LENGTH.unpack_from(payload, at)
        at += _LENGTH.size
        entries.append(payload[at : at + length])
        at += length
    return entries
