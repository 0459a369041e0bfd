"""Files that survive a power cut: written aside, synced, and moved into place.

Everything that the log promises rests on these few functions. A full disk is reported as such and leaves what was
there before.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from domain.durable import sync_directory
from domain.errors import UnavailableError

TEMPORARY_SUFFIX: Final = ".partial-write"


@contextmanager
def reporting_full_disk(path: Path) -> Iterator[None]:
    """Turn "no space left" into an error that says where and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise UnavailableError(
            "no space left for the evidence log",
            path=str(path),
            todo="Free space on that disk and repeat; nothing that was recorded is lost",
        ) from error


def make_private_directory(path: Path) -> None:
    """Make a directory that its owner alone can enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def create_private(path: Path, content: bytes) -> None:
    """Make a file that did not exist, readable by its owner alone, and sync it."""
    with reporting_full_disk(path):
        replace_file(path, content, mode=0o600)


def replace_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Make the file hold exactly this content, now or not at all."""
    aside = path.with_name(path.name + TEMPORARY_SUFFIX)
    with reporting_full_disk(path):
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            write_all(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        aside.replace(path)
        sync_directory(path.parent)


def write_all(handle: int, content: bytes) -> None:
    """Write everything; a short write is continued."""
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def sync_file_system(path: Path) -> None:
    """Make everything durable that was written to the file system of this path: many files for the price of one sync.

    Source: Linux, syncfs(2); since 5.8 it reports what could not be written.
    """
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(handle)
