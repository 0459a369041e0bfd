"""A store in a local folder: written aside, synced, moved into place, and the folder's names synced.

Changes hold the kernel's lock on the folder, so conditions hold between processes too; the lock is the folder's own and
leaves no file. A local file system is presumed: over NFS neither the lock nor the sync means what it says.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Final, Self

from chain.durable import reporting_full_disk, write_all
from chain.storage.contract import (
    CHUNK_SIZE_BYTES,
    NO_HINTS,
    TEMPORARY_SUFFIX,
    Blob,
    Hints,
    Item,
    Listed,
    Source,
    Version,
    next_batch,
    require_folder,
    require_name,
)
from domain.durable import sync_directory
from domain.errors import AccessDenied, ConflictError, NotFound, UnavailableError

_BATCH_COUNT: Final = 4096
_SYNC_THREADS: Final = 8

SyncFile = Callable[[int], None]


class FileStore:
    """Objects as files below a directory.

    Args:
        mode: permissions of new files.
        sync: makes a file's bytes durable; another one is given by tests that fail here.
    """

    def __init__(self, root: Path, *, mode: int = 0o644, sync: SyncFile = os.fsync) -> None:
        self._root = root
        self._mode = mode
        self._sync = sync
        with self._telling(root):
            _make_directories(root)

    @property
    def location(self) -> str:
        return str(self._root)

    def get(self, name: str) -> Blob:
        path = self._path(name)
        with self._reading(path):
            content = path.read_bytes()
        return Blob(content, _version(content))

    def part(self, name: str, *, start: int, size_bytes: int) -> bytes:
        path = self._path(name)
        with self._reading(path), path.open("rb") as file:
            file.seek(start)
            return file.read(size_bytes)

    def chunks(self, name: str) -> Iterator[bytes]:
        path = self._path(name)
        with self._reading(path), path.open("rb") as file:
            while chunk := file.read(CHUNK_SIZE_BYTES):
                yield chunk

    def size_bytes(self, name: str) -> int:
        path = self._path(name)
        with self._reading(path):
            state = path.stat()
            if not stat.S_ISREG(state.st_mode):
                raise IsADirectoryError
            return state.st_size

    def put(self, name: str, content: bytes, hints: Hints = NO_HINTS) -> Version:  # noqa: ARG002 (nowhere to keep them)
        with self._changing(name) as path:
            self._replace(path, (content,))
        return _version(content)

    def put_new(self, name: str, content: bytes, hints: Hints = NO_HINTS) -> Version:  # noqa: ARG002
        with self._changing(name) as path:
            if path.exists():
                raise ConflictError("object exists", path=str(path), todo="Read it; somebody else made it")
            self._replace(path, (content,))
        return _version(content)

    def put_if_match(self, name: str, content: bytes, version: Version, hints: Hints = NO_HINTS) -> Version:  # noqa: ARG002
        with self._changing(name) as path:
            if not path.is_file() or _version(path.read_bytes()) != version:
                raise ConflictError("object has changed since it was read", path=str(path), todo="Read it again")
            self._replace(path, (content,))
        return _version(content)

    def put_chunks(self, name: str, source: Source, hints: Hints = NO_HINTS) -> None:  # noqa: ARG002
        with self._changing(name) as path:
            self._replace(path, source())

    def put_all(self, items: Iterable[Item]) -> None:
        pending, folders = iter(items), set[Path]()
        while batch := next_batch(pending, count_max=_BATCH_COUNT):
            folders |= self._put_batch(batch)
        _together(sync_directory, folders)

    def listing(self, folder: str = "") -> Iterator[Listed]:
        start = self._root / require_folder(folder)
        with self._telling(start):
            found = self._walk(start) if start.is_dir() else []
            self._root.stat()
        return iter(sorted(found, key=lambda item: item.name))

    def delete(self, name: str) -> None:
        self.delete_all([name])

    def delete_all(self, names: Iterable[str]) -> None:
        with self._changing() as root:
            folders = set[Path]()
            for name in names:
                path = self._path(name)
                with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
                    path.unlink()
                    folders.add(path.parent)
            self._finish_removal(root, folders)

    def tidy(self) -> None:
        with self._changing() as root:
            asides = [path for path in root.rglob(f"*{TEMPORARY_SUFFIX}") if path.is_file()]
            for aside in asides:
                aside.unlink()
            empty = [path for path in root.rglob("*") if path.is_dir() and not any(path.iterdir())]
            self._finish_removal(root, {*empty, *(aside.parent for aside in asides)})

    def below(self, folder: str) -> Self:
        return type(self)(self._root / require_folder(folder), mode=self._mode, sync=self._sync)

    def _path(self, name: str) -> Path:
        return self._root / require_name(name)

    @contextmanager
    def _changing(self, name: str | None = None) -> Iterator[Path]:
        """The object's path, or the folder's, while nobody else changes anything here."""
        path = self._root if name is None else self._path(name)
        with self._telling(path):
            lock = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield path
            finally:
                os.close(lock)

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        with self._telling(path):
            try:
                yield
            except (IsADirectoryError, NotADirectoryError) as error:
                raise FileNotFoundError from error

    @contextmanager
    def _telling(self, path: Path) -> Iterator[None]:
        """Turn what the system reports into what it means for the caller."""
        try:
            with reporting_full_disk(path):
                yield
        except PermissionError as error:
            raise AccessDenied(
                "not allowed to use a file of the store", path=str(path), todo="Mend its owner"
            ) from error
        except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
            raise ConflictError("a name is a folder's, or a folder's name is a file's", path=str(path)) from error
        except FileNotFoundError as error:
            if self._root.is_dir():
                raise NotFound("no such object", path=str(path)) from error
            raise UnavailableError("the store's folder is gone", path=str(self._root), todo="Mount it again") from error
        except OSError as error:
            raise UnavailableError("the disk failed", path=str(path), reason=error.strerror or "") from error

    def _replace(self, path: Path, chunks: Iterable[bytes]) -> None:
        _make_directories(path.parent)
        _move(self._write_aside(path, chunks, sync=self._sync), path)
        sync_directory(path.parent)

    def _write_aside(self, path: Path, chunks: Iterable[bytes], *, sync: SyncFile | None) -> Path:
        aside = path.with_name(path.name + TEMPORARY_SUFFIX)
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._mode)
        with ExitStack() as on_failure:
            on_failure.callback(aside.unlink)
            try:
                for chunk in chunks:
                    write_all(handle, chunk)
                if sync:
                    sync(handle)
            finally:
                os.close(handle)
            on_failure.pop_all()
        return aside

    def _put_batch(self, batch: list[Item]) -> set[Path]:
        """Write all aside, then sync all at once, then move all."""
        with self._changing():
            moves, folders = dict[Path, Path](), set[Path]()
            for name, content, _ in batch:
                path = self._path(name)
                if path.parent not in folders:
                    _make_directories(path.parent)
                    folders.add(path.parent)
                moves[self._write_aside(path, (content,), sync=None)] = path
            _together(self._sync_path, moves)
            for aside, path in moves.items():
                _move(aside, path)
        return folders

    def _sync_path(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            self._sync(handle)
        finally:
            os.close(handle)

    def _walk(self, start: Path) -> list[Listed]:
        found, pending = list[Listed](), [start]
        while pending:
            with os.scandir(pending.pop()) as items:
                for item in items:
                    if item.is_dir(follow_symlinks=False):
                        pending.append(Path(item.path))
                    elif not item.is_file(follow_symlinks=False):
                        raise ConflictError("folder holds what is neither file nor folder", path=item.path)
                    elif not item.name.endswith(TEMPORARY_SUFFIX):
                        name = Path(item.path).relative_to(self._root).as_posix()
                        found.append(Listed(name, item.stat(follow_symlinks=False).st_size))
        return found

    def _finish_removal(self, root: Path, folders: Iterable[Path]) -> None:
        """Remove folders that hold nothing any more, and make durable what was removed."""
        changed = {_prune(folder, root) for folder in folders}
        for folder in changed:
            if folder.is_dir():
                sync_directory(folder)


def _together(sync: Callable[[Path], None], paths: Collection[Path]) -> None:
    """Sync many at once, each thread a share of them: the disk joins syncs that are asked for together."""

    def sync_share(first: int) -> None:
        for path in islice(paths, first, None, _SYNC_THREADS):
            sync(path)

    with ThreadPoolExecutor(_SYNC_THREADS) as pool:
        list(pool.map(sync_share, range(min(_SYNC_THREADS, len(paths)))))


def _prune(folder: Path, root: Path) -> Path:
    """Remove a folder and those above it as far as they are empty; the first that stays."""
    while folder != root and not (folder.is_dir() and any(folder.iterdir())):
        if folder.is_dir():
            folder.rmdir()
        folder = folder.parent
    return folder


def _make_directories(folder: Path) -> None:
    """Make a folder and those above it, and make their names durable."""
    if not folder.is_dir():
        _make_directories(folder.parent)
        folder.mkdir()
        sync_directory(folder.parent)


def _move(aside: Path, path: Path) -> None:
    try:
        aside.replace(path)
    except OSError:
        aside.unlink()
        raise


def _version(content: bytes) -> Version:
    return Version(hashlib.sha256(content).hexdigest())
