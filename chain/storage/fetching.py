"""A copy of published files in a folder, all of one state of the log, to be read or verified without the store."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chain.layout import checkpoint_path
from chain.storage.contract import BlobStore, Listed, Source
from chain.storage.files import FileStore
from chain.tree_hash import BOTH
from domain.errors import ConflictError, InputError, NotFound, UnavailableError

ATTEMPTS_MAX: Final = 5

_HEADS: Final = tuple(checkpoint_path(tree) for tree in (BOTH.sha256, BOTH.sha3_256))


def fetch(store: BlobStore, folder: Path) -> int:
    """Copy everything below a store's folder: one log, or a tenant's logs of all years.

    A log that is published meanwhile is fetched again, so that files and checkpoints belong together.

    Returns:
        Number of files.

    Raises:
        InputError: nothing is there.
        ConflictError: the folder is not empty.
        UnavailableError: the log is published faster than it can be read.
    """
    copy = FileStore(folder)
    if next(copy.listing(), None) is not None:
        raise ConflictError("folder is not empty", path=str(folder), todo="Give a new folder for the copy")
    listed = list(store.listing())
    if not listed:
        raise InputError("nothing is published there", store=store.location, todo="Check the address")
    for _ in range(ATTEMPTS_MAX):
        before = _heads(store, listed)
        try:
            _copy(store, listed, copy)
        except NotFound:  # a partial tile that became whole
            before = {}
        now = list(store.listing())
        if before and now == listed and _heads(store, now) == before:
            return len(listed)
        gone = {item.name for item in listed} - {item.name for item in now}
        copy.delete_all(gone)
        listed = now
    raise UnavailableError("log was published while it was read", store=store.location, todo="Try again")


def _copy(store: BlobStore, listed: list[Listed], copy: FileStore) -> None:
    for item in listed:
        copy.put_chunks(item.name, _content(store, item.name))


def _content(store: BlobStore, name: str) -> Source:
    return lambda: store.chunks(name)


def _heads(store: BlobStore, listed: list[Listed]) -> dict[str, bytes]:
    """The checkpoints among the files."""
    names = [item.name for item in listed if item.name.endswith(_HEADS)]
    return {name: store.get(name).content for name in names}
