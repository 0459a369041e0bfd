"""A folder that one process at a time writes, of all that share the file system."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chain.durable import make_private_directory


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder, made where it is missing; wait while another one does."""
    make_private_directory(folder)
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
