"""A file of records that are synced before they count, beside a database that takes them in later.

Each record has its length and checksum before it. What was not wholly written when the process ended was acknowledged
to nobody and is cut off; a record that is damaged where others follow is an alarm.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Final
from zlib import crc32

from domain.durable import sync_directory
from domain.errors import IntegrityError, UnavailableError
from domain.tenancy import TenantId

_FRAME: Final = Struct("<II")
_MAGIC: Final = b"pcg journal 1 "


class JournalFile:
    """One tenant's records, in the order in which they were added.

    Raises:
        IntegrityError: the file is damaged, or another tenant's.
        UnavailableError: it cannot be read or written.
    """

    def __init__(self, path: Path, tenant: TenantId) -> None:
        self._path = path
        self._head = _MAGIC + tenant.encode() + b"\n"
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self.found = self._read()
        except OSError as error:
            self.close()
            raise self._unwritable(error) from None
        except IntegrityError:
            self.close()
            raise

    @property
    def size_bytes(self) -> int:
        """How much is written down, without the head."""
        return self._end - len(self._head)

    def add(self, record: bytes) -> None:
        """Write a record; when this returns, it is on the disk.

        Raises:
            UnavailableError: it could not be written, and nothing of it counts.
        """
        frame = _FRAME.pack(len(record), crc32(record)) + record
        try:
            if self._end == 0:
                self._begin()
            written = os.pwrite(self._descriptor, frame, self._end)
            if written != len(frame):
                raise OSError(0, "only a part of it was written")  # noqa: TRY301 (handled as any other failure)
            os.fdatasync(self._descriptor)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            raise self._unwritable(error) from None
        self._end += len(frame)

    def clear(self) -> None:
        """Forget every record, once all of them are kept elsewhere."""
        self.found = ()
        if self.size_bytes > 0:
            with suppress(OSError):  # they are known again by their numbers
                os.ftruncate(self._descriptor, len(self._head))
                self._end = len(self._head)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _begin(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, self._head, 0)
        sync_directory(self._path.parent)
        self._end = len(self._head)

    def _read(self) -> tuple[bytes, ...]:
        """The records that are there, and where they end."""
        content = self._path.read_bytes()
        self._end = 0
        if not content.startswith(self._head):
            if self._head.startswith(content):  # nothing was written yet, or not even that
                return ()
            raise self._damaged("it is not this tenant's journal")
        records = []
        at = len(self._head)
        while at + _FRAME.size <= len(content):
            size, checksum = _FRAME.unpack_from(content, at)
            record = content[at + _FRAME.size : at + _FRAME.size + size]
            if not size or len(record) < size:
                break
            if crc32(record) != checksum:
                if at + _FRAME.size + size < len(content):
                    raise self._damaged("a record is not what was written")
                break
            records.append(record)
            at += _FRAME.size + size
        self._end = at
        if at < len(content):
            os.ftruncate(self._descriptor, at)
        return tuple(records)

    def _damaged(self, reason: str) -> IntegrityError:
        return IntegrityError(
            "the store's journal cannot be read",
            path=str(self._path),
            reason=reason,
            todo="Restore the database file and its journal from a copy, or remove the journal to lose what it holds",
        )

    def _unwritable(self, error: OSError) -> UnavailableError:
        return UnavailableError(
            "the store cannot be written, the disk may be full",
            path=str(self._path),
            reason=error.strerror or str(error),
            todo="Free some space, or choose another folder with --store; nothing of this change was kept",
        )
