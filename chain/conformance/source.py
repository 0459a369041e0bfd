"""Files of a folder of vectors, each read within bounds, and who has taken which.

Links are not followed: what they point to may be outside the folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from domain.errors import InputError

FILE_SIZE_BYTES_MAX: Final = 256 * 1024 * 1024
FILES_MAX: Final = 1_000_000

_LINE_SIZE_BYTES_MAX: Final = 64 * 1024 * 1024
_DOCUMENTATION: Final = re.compile(
    r"(readme|licen[cs]e|copying|notice|authors|contributors|changelog)([-._].*)?"
    r"|.*\.(md|rst|html?|go|py|rs|js|sh|ya?ml|toml|lock)",
    re.IGNORECASE,
)
_REFUSED: Final = re.compile(
    r"(^|[^a-z])(invalid|malformed|tampered|corrupt(ed)?|forged|refused?|rejected?|fail(s|ed|ure|ures)?)([^a-z]|$)"
)


class Source:
    """One file."""

    def __init__(self, root: Path, name: str) -> None:
        self._path = root / name
        self.name = name
        self.folder, _, self.base = name.rpartition("/")

    @property
    def is_documentation(self) -> bool:
        is_hidden = any(part.startswith(".") for part in self.name.split("/"))
        return is_hidden or _DOCUMENTATION.fullmatch(self.base) is not None

    @property
    def is_to_be_refused(self) -> bool:
        """Whether the file's or a folder's name says that its vectors are invalid."""
        return any(_REFUSED.search(part.lower()) for part in self.name.split("/"))

    @property
    def size_bytes(self) -> int:
        return self._path.stat().st_size

    def head(self, count: int) -> bytes:
        """The first bytes."""
        with self._path.open("rb") as file:
            return file.read(count)

    def read(self) -> bytes:
        """The whole content.

        Raises:
            InputError: longer than a vector may be.
        """
        if self.size_bytes > FILE_SIZE_BYTES_MAX:
            raise InputError("file is too long", size_bytes=self.size_bytes, size_bytes_max=FILE_SIZE_BYTES_MAX)
        return self._path.read_bytes()

    def text(self) -> str:
        """The content as text.

        Raises:
            InputError: too long, or not UTF-8.
        """
        try:
            return self.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError("file is not UTF-8", reason=str(error)) from error

    def lines(self) -> Iterator[str]:
        """Lines of a file of any length; what is not ASCII is replaced."""
        with self._path.open("rb") as file:
            while line := file.readline(_LINE_SIZE_BYTES_MAX):
                yield line.decode("ascii", errors="replace").rstrip("\r\n")

    def json(self) -> Any:
        """The content as JSON, read as other programs read it.

        Raises:
            InputError: not JSON.
        """
        try:
            return json.loads(self.text().removeprefix("\ufeff"))
        except (ValueError, RecursionError) as error:
            raise InputError("file is not JSON", reason=str(error) or type(error).__name__) from error


class Corpus:
    """All files below a folder.

    ``remembered`` holds what was derived from a folder's files once and is asked for again.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InputError("no such folder", path=str(root), todo="Give a folder of test vectors")
        self.links: list[str] = []
        self.remembered: dict[str, Any] = {}
        self._sources = {name: Source(root, name) for name in sorted(self._walk(root))}
        self._taken: set[str] = set()
        self._folders: dict[str, list[Source]] = {}
        for source in self._sources.values():
            self._folders.setdefault(source.folder, []).append(source)

    def __iter__(self) -> Iterator[Source]:
        """Files that nobody has taken yet."""
        return iter([source for name, source in self._sources.items() if name not in self._taken])

    def get(self, name: str) -> Source | None:
        return self._sources.get(name)

    def folder(self, name: str) -> list[Source]:
        """Files directly in a folder."""
        return self._folders.get(name, [])

    def take(self, *sources: Source) -> None:
        """Mark files as recognised."""
        self._taken.update(source.name for source in sources)

    def _walk(self, root: Path) -> Iterator[str]:
        pending, found = [root], 0
        while pending:
            for path in pending.pop().iterdir():
                name = path.relative_to(root).as_posix()
                if path.is_symlink():
                    self.links.append(name)
                elif path.is_dir():
                    pending.append(path)
                elif path.is_file():
                    found += 1
                    if found > FILES_MAX:
                        raise InputError("folder has too many files", path=str(root), files_max=FILES_MAX)
                    yield name


def ancestors(folder: str) -> Iterator[str]:
    """The folder and each above it, up to the top, which has the empty name."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""
