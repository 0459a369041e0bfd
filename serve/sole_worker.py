"""Of several processes on one store one does what must be done once; when it ends, another goes on."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class SoleWorker:
    """A place that one process holds at a time, until it lets go or ends.

    Args:
        path: the file whose lock is the place; made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def is_mine(self) -> bool:
        """Whether this one holds the place; it takes it where it is free."""
        if self._handle is not None:
            return True
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def let_go(self) -> None:
        """Leave the place to another one."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
