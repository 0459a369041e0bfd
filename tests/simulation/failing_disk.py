"""A disk that dies with the process: every call that changes a file is a place to be killed.

`os` is wrapped before anything of the product is imported, so that every module calls through here. When the armed
count is reached the process loses what a power cut could take (bytes written but not synced, names changed in a
directory that was not synced), chosen by the seed, and ends as `kill -9` would end it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any, Final

KILLED: Final = 137
_CALLS: Final = ("write", "fsync", "fdatasync", "replace", "unlink", "ftruncate")

REAL: Final[dict[str, Callable[..., Any]]] = {name: getattr(os, name) for name in _CALLS}


@dataclass
class _Unsynced:
    """What a power cut could take back.

    Args:
        sizes: of files with bytes that are not synced: how long they were when they last were.
        tails: what was cut off a file whose new length is not synced.
        names: undoing of changed names, by directory, oldest first.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    tails: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, list[Callable[[], None]]] = field(default_factory=dict)


class FailingDisk:
    """Counts the calls below one folder, before and after each; dies at the armed one.

    Args:
        folder: only files below it count.
        tell: gets the name of the place of death, such as ``before fsync``.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder = str(folder.resolve())
        self._tell = tell
        self._left: int | None = None
        self._random = Random()
        self._loses = False
        self._unsynced = _Unsynced()
        self._lock = Lock()
        self.places: Counter[str] = Counter()

    def install(self) -> None:
        """Put the wrappers into `os`."""
        for name in _CALLS:
            setattr(os, name, getattr(self, f"_{name}"))

    def arm(self, place: int | None, *, seed: int, loses: bool) -> None:
        """Die at that place from now on; with `loses`, take unsynced changes along."""
        self._left, self._random, self._loses, self._unsynced = place, Random(seed), loses, _Unsynced()
        self.places.clear()

    def _write(self, handle: int, content: Any) -> int:
        path = _path(handle)
        if not self._counts(path):
            return int(REAL["write"](handle, content))
        self._unsynced.sizes.setdefault(path, os.fstat(handle).st_size)
        self._pass("within write", lambda: self._write_some(handle, content))
        return int(REAL["write"](handle, content))

    def _write_some(self, handle: int, content: Any) -> None:
        REAL["write"](handle, bytes(content)[: self._random.randrange(len(content) + 1)])

    def _fsync(self, handle: int) -> None:
        self._sync("fsync", handle)

    def _fdatasync(self, handle: int) -> None:
        self._sync("fdatasync", handle)

    def _sync(self, name: str, handle: int) -> None:
        path = _path(handle)
        if not self._counts(path):
            REAL[name](handle)
            return
        self._pass(f"before {name}")
        REAL[name](handle)
        self._unsynced.sizes.pop(path, None)
        self._unsynced.tails.pop(path, None)
        self._unsynced.names.pop(path, None)
        self._pass(f"after {name}")

    def _replace(self, source: Any, target: Any) -> None:
        path = str(Path(target).resolve())
        if not self._counts(path):
            REAL["replace"](source, target)
            return
        self._pass("before replace")
        former = Path(path).read_bytes() if Path(path).is_file() else None
        REAL["replace"](source, target)
        self._forget_name(path, former)
        self._pass("after replace")

    def _unlink(self, path: Any, **options: Any) -> None:
        name = str(Path(path).absolute())
        if not self._counts(name) or not Path(name).is_file():
            REAL["unlink"](path, **options)
            return
        self._pass("before unlink")
        former = Path(name).read_bytes()
        REAL["unlink"](path, **options)
        self._forget_name(name, former)
        self._pass("after unlink")

    def _ftruncate(self, handle: int, length: int) -> None:
        path = _path(handle)
        if self._counts(path):
            self._pass("before ftruncate")
            self._unsynced.tails.setdefault(path, Path(path).read_bytes()[length:])
        REAL["ftruncate"](handle, length)
        if self._counts(path):
            self._pass("after ftruncate")

    def _forget_name(self, path: str, former: bytes | None) -> None:
        def undo() -> None:
            if former is not None:
                Path(path).parent.mkdir(parents=True, exist_ok=True)  # the folder's own removal was not synced either
                Path(path).write_bytes(former)
            elif Path(path).exists():
                REAL["unlink"](path)

        self._unsynced.names.setdefault(str(Path(path).parent), []).append(undo)

    def _counts(self, path: str) -> bool:
        return self._left is not None and path.startswith(self._folder)

    def _pass(self, place: str, last_act: Callable[[], None] = lambda: None) -> None:
        """Count a place, and die there if it is the one; the product's other threads then wait here for the end."""
        with self._lock:
            self.places[place] += 1
            assert self._left is not None, "only an armed disk counts"
            self._left -= 1
            if self._left > 0:
                return
            last_act()
            if self._loses:
                self._lose()
            self._tell(place)
            os._exit(KILLED)

    def _lose(self) -> None:
        """Keep some prefix of what was not synced: of each directory's changes, and of each file's new bytes."""
        for undos in self._unsynced.names.values():
            for undo in reversed(undos[self._random.randrange(len(undos) + 1) :]):
                undo()
        for path, size in self._unsynced.sizes.items():
            now = Path(path).stat().st_size if Path(path).exists() else 0
            if now > size:
                os.truncate(path, self._random.randint(size, now))
        for path, tail in self._unsynced.tails.items():
            if Path(path).exists() and self._random.random() < 0.5:
                with Path(path).open("ab") as file:
                    file.write(tail)


def _path(handle: int) -> str:
    return str(Path(f"/proc/self/fd/{handle}").readlink())
