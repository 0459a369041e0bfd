"""The mark of a publication under way: from which entry on its files may be half written."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from chain.durable import replace_file
from chain.storage.contract import BlobStore
from domain.durable import sync_directory
from domain.errors import NotFound


class Mark(Protocol):
    """Stands from before the first file is touched until after the last one is durable."""

    def read(self) -> int | None:
        """The first entry whose files may be half written; ``None`` where nothing is under way."""

    def set(self, start: int) -> None:
        """Set the mark; durable on return."""

    def clear(self) -> None:
        """Remove the mark; durable on return, since nobody writes a closed year's files again to remove it later."""


class FileMark:
    """A mark in the state directory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> int | None:
        try:
            return _start(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def set(self, start: int) -> None:
        replace_file(self._path, b"%d\n" % start, mode=0o600)

    def clear(self) -> None:
        self._path.unlink()
        sync_directory(self._path.parent)


class BlobMark:
    """A mark in a store that holds the writer's state."""

    def __init__(self, store: BlobStore, name: str = "publishing") -> None:
        self._store = store
        self._name = name

    def read(self) -> int | None:
        try:
            return _start(self._store.get(self._name).content)
        except NotFound:
            return None

    def set(self, start: int) -> None:
        self._store.put(self._name, b"%d\n" % start)

    def clear(self) -> None:
        self._store.delete(self._name)


def _start(content: bytes) -> int:
    """What a mark says; one that says nothing readable takes nothing for granted."""
    text = content.removesuffix(b"\n")
    return int(text) if text.isdigit() and content != text else 0
