"""Destroying a secret's file: overwritten, synced, removed, and the removal synced.

After a return the name is gone and stays gone. Whether the bytes are, the disk decides: a file system that copies on
write, a snapshot, a journal of data, or flash that levels its wear may keep the old blocks, and a back-up keeps what it
copied. There the promise rests on the disk's own encryption and on the age at which back-ups are discarded.
"""

from __future__ import annotations

import os
from pathlib import Path

from chain.durable import write_all
from domain.durable import sync_directory


def destroy_file(path: Path) -> None:
    """Destroy a file; one that is not there is already destroyed. Safe to repeat after an interruption."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        write_all(handle, bytes(os.fstat(handle).st_size))
        os.fsync(handle)
    finally:
        os.close(handle)
    path.unlink()
    sync_directory(path.parent)
