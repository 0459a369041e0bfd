"""One writer: a lock that the kernel holds, and an epoch that outlives it.

The lock keeps a second process out while the first lives. The epoch catches what a lock cannot: a writer whose lock
file was deleted or replaced under it. Every opening raises the epoch, every write asks whether it is still the one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from chain.durable import replace_file
from domain.errors import ConflictError, IntegrityError

EPOCH_FILE: Final = "epoch"

_DOMAIN = b"policycortex/epoch/v1\n"


class Fence:
    """The right to write into a state directory, from construction to ``close``."""

    def __init__(self, state_directory: Path) -> None:
        self._epoch_path = state_directory / EPOCH_FILE
        self._lock = os.open(state_directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise ConflictError(
                "another process is writing this evidence log",
                path=str(state_directory),
                todo="Wait until it has ended, or send the work to the running platform",
            ) from None
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            self.epoch = self._stored() + 1
            replace_file(self._epoch_path, format_epoch(self.epoch), mode=0o600)
            on_failure.pop_all()

    def require_held(self) -> None:
        """Raise unless this is still the newest writer.

        Raises:
            ConflictError: another writer has taken over.
        """
        stored = self._stored()
        if stored != self.epoch:
            raise ConflictError(
                "another writer has taken over this evidence log",
                path=str(self._epoch_path),
                epoch=self.epoch,
                newest=stored,
                todo="Stop this writer; repeat the request, it goes to the new one",
            )

    def close(self) -> None:
        os.close(self._lock)

    def _stored(self) -> int:
        return read_epoch(self._epoch_path.parent)


def read_epoch(state_directory: Path) -> int:
    """The newest writer's epoch; 0 where nobody ever wrote.

    Raises:
        IntegrityError: the file is damaged; a wrong epoch could let two writers in.
    """
    path = state_directory / EPOCH_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return 0
    digits = content.partition(b" ")[0]
    if not digits.isdigit() or content != format_epoch(int(digits)):
        raise IntegrityError(
            "epoch file is damaged",
            path=str(path),
            got=content[:40],
            todo="Restore it from a copy, or write the journal's last epoch, which fsck tells",
        )
    return int(digits)


def format_epoch(epoch: int) -> bytes:
    """The file's content: the number, and a digest that shows a changed one."""
    digits = b"%d" % epoch
    return digits + b" " + hashlib.sha256(_DOMAIN + digits).hexdigest()[:16].encode() + b"\n"
