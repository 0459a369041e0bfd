"""What a folder's store makes of a disk that fails, of strangers in the folder, and of an interrupted writer."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chain.storage.contract import NO_HINTS, TEMPORARY_SUFFIX, next_batch
from chain.storage.files import FileStore
from domain.errors import AccessDenied, ConflictError, PolicyCortexError, UnavailableError


def failing(code: int) -> Callable[[int], None]:
    def sync(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    return sync


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (errno.ENOSPC, UnavailableError, "no space left"),
        (errno.EIO, UnavailableError, "the disk failed"),
        (errno.EACCES, AccessDenied, "not allowed"),
    ],
)
def test_a_disk_that_fails_leaves_the_object_as_it_was(
    tmp_path: Path, code: int, kind: type[PolicyCortexError], text: str
) -> None:
    FileStore(tmp_path).put("a", b"before")
    store = FileStore(tmp_path, sync=failing(code))
    with pytest.raises(kind, match=text):
        store.put("a", b"after")
    with pytest.raises(kind, match=text):
        store.put_all([("a", b"after", NO_HINTS)])
    assert store.get("a").content == b"before"
    assert [item.name for item in store.listing()] == ["a"]


def test_a_file_and_a_folder_cannot_have_one_name(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("file", b"")
    store.put("folder/file", b"")
    for name in ("file/below", "folder"):
        with pytest.raises(ConflictError, match="folder's"):
            store.put(name, b"")
        with pytest.raises(ConflictError, match="folder's"):
            store.put_all([(name, b"", NO_HINTS)])
        store.delete(name)
    assert [item.name for item in store.listing()] == ["file", "folder/file"]
    assert list(tmp_path.rglob(f"*{TEMPORARY_SUFFIX}")) == []


def test_what_an_interrupted_writer_left_is_no_object_and_is_tidied_away(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("a/b", b"")
    for path in (tmp_path / f"a/c{TEMPORARY_SUFFIX}", tmp_path / f"new/d{TEMPORARY_SUFFIX}"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    assert [item.name for item in store.listing()] == ["a/b"]
    store.tidy()
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == ["a", "a/b"]


def test_an_interrupted_writing_of_many_leaves_whole_objects_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, replace, moved = FileStore(tmp_path), Path.replace, 0

    def crash(path: Path, target: Path) -> Path:
        nonlocal moved
        moved += 1
        if moved == 3:
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            store.put_all((f"{number}", b"whole", NO_HINTS) for number in range(5))
    assert {store.get(item.name).content for item in store.listing()} == {b"whole"}
    store.put_all((f"{number}", b"again", NO_HINTS) for number in range(5))
    assert [store.get(item.name).content for item in store.listing()] == [b"again"] * 5


def test_every_file_is_synced_before_it_is_moved_into_place(tmp_path: Path) -> None:
    synced: list[int] = []

    def sync(handle: int) -> None:
        assert not any(path.suffix == ".txt" for path in tmp_path.iterdir())
        synced.append(handle)

    FileStore(tmp_path, sync=sync).put_all((f"{number}.txt", b"", NO_HINTS) for number in range(40))
    assert len(synced) == 40
    assert len(list(tmp_path.glob("*.txt"))) == 40


def test_many_large_objects_are_taken_in_batches() -> None:
    items = iter([(f"{number}", b"12345", NO_HINTS) for number in range(6)])
    taken = [len(next_batch(items, count_max=3, size_bytes=size)) for size in (6, 99, 99, 99)]
    assert taken == [2, 3, 1, 0]


def test_links_in_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(ConflictError, match="neither file nor folder"):
        FileStore(tmp_path).listing()


def test_files_have_the_permissions_that_were_asked_for(tmp_path: Path) -> None:
    FileStore(tmp_path, mode=0o600).below("inner/").put("a", b"")
    assert (tmp_path / "inner/a").stat().st_mode & 0o777 == 0o600
