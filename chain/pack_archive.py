"""The container of a report pack: a zip of which every byte follows from the names and contents in it.

Files stand one after another in order of name, stored without compression, with fixed times and no extra fields. So a
pack holds nothing between its files, unpacks to its own size, and one changed bit anywhere is a difference. Whatever a
reader needs not agree on (compression, comments, encryption, links, a second entry of one name) cannot be written.

An unpacked pack is read from its folder in the same way.

Source: PKWARE APPNOTE 6.3.3, sections 4.3.7, 4.3.12 and 4.3.16.
"""

from __future__ import annotations

import binascii
import os
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from chain.finding import Findings
from chain.folder import Folder
from domain.errors import InputError

FILES_MAX: Final = 60_000
FILE_SIZE_BYTES_MAX: Final = 512 * 1024 * 1024
ARCHIVE_SIZE_BYTES_MAX: Final = 2**32 - 2

_MANIFEST: Final = "manifest.json"
_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}/){0,4}[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_MIDNIGHT, _FIRST_DAY = 0, 0x21
_STORED, _NEEDED, _UNIX = 0, 10, 0x030A
_REGULAR_FILE = 0o100644 << 16
_TODO: Final = "Get the pack again from whoever made it"


def is_pack(path: Path) -> bool:
    """Whether a path is to be read as a pack: a file, or a folder with a manifest."""
    return path.is_file() or (path / _MANIFEST).is_file()


class PackFiles(Protocol):
    """The files of a pack, wherever they lie."""

    @property
    def names(self) -> Sequence[str]:
        """All of them, in order."""

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is no such file."""

    def report(self, findings: Findings) -> None:
        """Say what is wrong with the container itself, as far as it was read."""


@dataclass(frozen=True, slots=True)
class _Member:
    """Where a file's content stands, and what the container says of it."""

    offset: int
    size: int
    crc: int


class PackArchive:
    """A pack in one file. Its directory is checked before anything in it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: list[tuple[str, str, object, object]] = []
        try:
            self._file = path.open("rb")
            self._size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise InputError("cannot read the pack", path=str(path), reason=error.strerror) from error
        self._members = self._read_directory()

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._members)

    def read(self, name: str) -> bytes | None:
        member = self._members.get(name)
        if member is None:
            return None
        header = _local_header(name, member.crc, member.size)
        found, content = self._at(member.offset, len(header)), self._at(member.offset + len(header), member.size)
        if found != header:
            self._faults.append((name, "header in the zip", header.hex(), found.hex()))
        if binascii.crc32(content) != member.crc:
            self._faults.append((name, "checksum in the zip", f"{member.crc:08x}", f"{binascii.crc32(content):08x}"))
        return content

    def report(self, findings: Findings) -> None:
        for name, field, expected, got in self._faults:
            findings.add(name, field=field, expected=expected, got=got)

    def close(self) -> None:
        self._file.close()

    def _at(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        content = self._file.read(size)
        if len(content) != size:
            raise InputError("the pack is cut short", path=str(self._path), todo=_TODO)
        return content

    def _read_directory(self) -> dict[str, _Member]:
        if not _END.size <= self._size <= ARCHIVE_SIZE_BYTES_MAX:
            raise self._refusal("its size", f"{_END.size} to {ARCHIVE_SIZE_BYTES_MAX} bytes", self._size)
        end = self._at(self._size - _END.size, _END.size)
        count, size, offset = _END.unpack(end)[4:7]
        if end != _end_record(count, size, offset) or offset + size + _END.size != self._size or count > FILES_MAX:
            raise self._refusal("its end", f"the end of a zip of at most {FILES_MAX} files", end.hex())
        members: dict[str, _Member] = {}
        directory, at, expected_offset = self._at(offset, size), 0, 0
        for _ in range(count):
            name, member = self._read_record(directory, at, expected_offset)
            if members and name <= next(reversed(members)):
                raise self._refusal("the order of its files", f"a name after {next(reversed(members))}", name)
            members[name] = member
            at += _CENTRAL.size + len(name)
            expected_offset += _LOCAL.size + len(name) + member.size
        if at != size or expected_offset != offset:
            raise self._refusal("its directory", f"{size} and {offset} bytes", f"{at} and {expected_offset} bytes")
        return members

    def _read_record(self, directory: bytes, at: int, offset: int) -> tuple[str, _Member]:
        fixed = directory[at : at + _CENTRAL.size]
        if len(fixed) != _CENTRAL.size:
            raise self._refusal("its directory", "a record for every file", f"{len(fixed)} bytes")
        fields = _CENTRAL.unpack(fixed)
        crc, size, name_size = fields[7], fields[9], fields[10]
        name = directory[at + _CENTRAL.size : at + _CENTRAL.size + name_size].decode("ascii", errors="replace")
        if _NAME.fullmatch(name) is None or size > FILE_SIZE_BYTES_MAX:
            raise self._refusal("the name or size of a file", f"up to {FILE_SIZE_BYTES_MAX} bytes", f"{name!r}: {size}")
        expected = _central_header(name, crc, size, offset)
        if fixed + name.encode("ascii") != expected:
            raise self._refusal(f"the record of {name}", expected.hex(), fixed.hex())
        return name, _Member(offset, size, crc)

    def _refusal(self, what: str, expected: object, got: object) -> InputError:
        self._file.close()
        return InputError(
            f"not a whole report pack: {what} is not as it must be",
            path=str(self._path),
            expected=expected,
            got=got,
            todo=_TODO,
        )


class PackFolder:
    """A pack that was unpacked."""

    def __init__(self, path: Path) -> None:
        self._folder = Folder(path)

    @property
    def names(self) -> Sequence[str]:
        return self._folder.names

    def read(self, name: str) -> bytes | None:
        return self._folder.read(name)

    def report(self, findings: Findings) -> None:
        self._folder.report_irregular(findings)


class PackMemory:
    """A pack that was not written yet."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    @property
    def names(self) -> Sequence[str]:
        return sorted(self._files)

    def read(self, name: str) -> bytes | None:
        return self._files.get(name)

    def report(self, findings: Findings) -> None:
        """Nothing but contents is there to be wrong."""


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """The one zip of these files.

    Raises:
        InputError: a name or a size that a pack cannot have.
    """
    parts: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, content in sorted(files.items()):
        if _NAME.fullmatch(name) is None or len(content) > FILE_SIZE_BYTES_MAX:
            raise InputError("a pack cannot hold such a file", name=name, size_bytes=len(content))
        crc = binascii.crc32(content)
        parts += [_local_header(name, crc, len(content)), content]
        directory.append(_central_header(name, crc, len(content), offset))
        offset += len(parts[-2]) + len(content)
    size = sum(map(len, directory))
    if len(files) > FILES_MAX or offset + size + _END.size > ARCHIVE_SIZE_BYTES_MAX:
        raise InputError(
            "the pack is too large",
            files=len(files),
            files_max=FILES_MAX,
            size_bytes=offset,
            todo="Choose a shorter window, or leave artifacts out",
        )
    return b"".join([*parts, *directory, _end_record(len(files), size, offset)])


def _local_header(name: str, crc: int, size: int) -> bytes:
    fixed = _LOCAL.pack(
        b"PK\3\4", _NEEDED, 0, _STORED, _MIDNIGHT, _FIRST_DAY, crc, size, size, len(name), 0
    )  # fmt: skip
    return fixed + name.encode("ascii")


def _central_header(name: str, crc: int, size: int, offset: int) -> bytes:
    fixed = _CENTRAL.pack(
        b"PK\1\2", _UNIX, _NEEDED, 0, _STORED, _MIDNIGHT, _FIRST_DAY, crc, size, size, len(name),
        0, 0, 0, 0, _REGULAR_FILE, offset,
    )  # fmt: skip
    return fixed + name.encode("ascii")


def _end_record(count: int, size: int, offset: int) -> bytes:
    return _END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)
