"""Publishing to a folder and to a bucket: the same files, in an order that a stop at any moment does not break."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chain.cosigned import CosignedNote
from chain.layout import KEYS_FILE, bundles, checkpoint_path, tiles
from chain.merkle import Tree
from chain.proof import prove_consistency
from chain.publication import Publication, hints_of
from chain.publishing_mark import BlobMark, FileMark, Mark
from chain.signer import FileSigner, Notary
from chain.storage.contract import NO_HINTS, Blob, BlobStore, Hints, Item, Listed, Source, Version
from chain.storage.files import FileStore
from chain.storage.opening import open_store
from chain.tile_content import bundle_content, tile_content
from chain.tree_hash import BOTH, Twin
from domain.errors import ConflictError

ORIGIN = "example.org/evidence/acme"


class SmallLog:
    """Entries, trees and signed notes, with no journal."""

    def __init__(self, path: Path, origin: str = ORIGIN) -> None:
        path.mkdir(exist_ok=True)
        self.entries: list[bytes] = []
        self.trees = Twin(Tree(BOTH.sha256), Tree(BOTH.sha3_256))
        names = Twin(origin, f"{origin}/sha3-256")
        self._notaries = Twin(
            Notary(FileSigner(path / "key", name=names.sha256), BOTH.sha256, path / "signed"),
            Notary(FileSigner(path / "key3", name=names.sha3_256), BOTH.sha3_256, path / "signed3"),
        )
        self.keys = Twin(self._notaries.sha256.key, self._notaries.sha3_256.key)

    def grow(self, size: int) -> None:
        new = [b"entry %d" % index for index in range(len(self.entries), size)]
        self.entries += new
        for tree in (self.trees.sha256, self.trees.sha3_256):
            tree.extend(tree.hash.leaves(new))

    def notes(self) -> Twin[CosignedNote]:
        pairs = ((self._notaries.sha256, self.trees.sha256), (self._notaries.sha3_256, self.trees.sha3_256))
        return Twin(*(CosignedNote(_sign(notary, tree)) for notary, tree in pairs))

    def between(self, start: int, stop: int) -> list[bytes]:
        return self.entries[start:stop]

    def publish(self, publication: Publication, artifacts: dict[str, Path | Source] | None = None) -> None:
        publication.write(self.trees, self.between, artifacts or {}, self.notes())

    def files(self, size: int) -> dict[str, bytes]:
        """Tiles that a log of that size must have."""
        wanted = {name.path: bundle_content(name, self.between) for name in bundles(size)}
        for tree in (self.trees.sha256, self.trees.sha3_256):
            wanted |= {name.path: tile_content(name, tree) for name in tiles(tree.hash, size)}
        return wanted


def _sign(notary: Notary, tree: Tree) -> str:
    last = notary.last
    return notary.sign(tree.size, tree.root(), prove_consistency(tree, last.size) if last and last.size else None)


class StoppedError(Exception):
    """The process ends here."""


@dataclass
class StoppingStore:
    """A store whose user is stopped before its n-th change."""

    inner: BlobStore
    changes_left: int

    def _change(self) -> None:
        if self.changes_left == 0:
            raise StoppedError
        self.changes_left -= 1

    @property
    def location(self) -> str:
        return self.inner.location

    def get(self, name: str) -> Blob:
        return self.inner.get(name)

    def part(self, name: str, *, start: int, size_bytes: int) -> bytes:
        return self.inner.part(name, start=start, size_bytes=size_bytes)

    def chunks(self, name: str) -> Iterator[bytes]:
        return self.inner.chunks(name)

    def size_bytes(self, name: str) -> int:
        return self.inner.size_bytes(name)

    def put(self, name: str, content: bytes, hints: Hints = NO_HINTS) -> Version:
        self._change()
        return self.inner.put(name, content, hints)

    def put_new(self, name: str, content: bytes, hints: Hints = NO_HINTS) -> Version:
        self._change()
        return self.inner.put_new(name, content, hints)

    def put_if_match(self, name: str, content: bytes, version: Version, hints: Hints = NO_HINTS) -> Version:
        self._change()
        return self.inner.put_if_match(name, content, version, hints)

    def put_chunks(self, name: str, source: Source, hints: Hints = NO_HINTS) -> None:
        self._change()
        self.inner.put_chunks(name, source, hints)

    def put_all(self, items: Iterable[Item]) -> None:
        for item in items:
            self.put(*item)

    def listing(self, folder: str = "") -> Iterator[Listed]:
        return self.inner.listing(folder)

    def delete(self, name: str) -> None:
        self._change()
        self.inner.delete(name)

    def delete_all(self, names: Iterable[str]) -> None:
        for name in names:
            self.delete(name)

    def tidy(self) -> None:
        self.inner.tidy()

    def below(self, folder: str) -> StoppingStore:
        return StoppingStore(self.inner.below(folder), self.changes_left)


@pytest.fixture(params=["files", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return open_store(str(tmp_path / "evidence") if request.param == "files" else "memory:///")


@pytest.fixture(params=["file", "blob"])
def mark(request: pytest.FixtureRequest, tmp_path: Path) -> Mark:
    return FileMark(tmp_path / "mark") if request.param == "file" else BlobMark(open_store("memory:///"))


def content(store: BlobStore) -> dict[str, bytes]:
    return {item.name: store.get(item.name).content for item in store.listing()}


def test_a_bucket_gets_the_same_files_as_a_folder(tmp_path: Path) -> None:
    log, bucket, artifact = SmallLog(tmp_path), open_store("memory:///"), tmp_path / "artifact"
    artifact.write_bytes(b"artifact")
    for size in (0, 1, 200, 256, 300, 700):
        log.grow(size)
        for folder, name in ((tmp_path / "evidence", "one"), (bucket, "two")):
            log.publish(Publication(folder, tmp_path / name, log.keys), {"ab" * 32: artifact})
    files = content(FileStore(tmp_path / "evidence"))
    assert files == content(bucket)
    assert log.files(700).items() <= files.items()
    assert files[f"artifact/{'ab' * 32}"] == b"artifact"


def test_partial_tiles_go_when_the_whole_one_is_published(tmp_path: Path, store: BlobStore, mark: Mark) -> None:
    log = SmallLog(tmp_path)
    for size in (100, 200):
        log.grow(size)
        log.publish(Publication(store, mark, log.keys))
    assert {"tile/0/000.p/100", "tile/0/000.p/200", "sha3/tile/0/000.p/200"} <= content(store).keys()
    log.grow(300)
    log.publish(Publication(store, mark, log.keys))
    fixed = {checkpoint_path(BOTH.sha256), checkpoint_path(BOTH.sha3_256), KEYS_FILE}
    assert content(store).keys() == log.files(300).keys() | fixed


@pytest.mark.parametrize("kind", ["files", "memory"])
def test_a_stop_at_any_moment_leaves_what_the_checkpoint_covers_and_is_repaired(tmp_path: Path, kind: str) -> None:
    for changes in range(200):
        folder = tmp_path / f"{changes}"
        log = SmallLog(folder)
        store = open_store(str(folder / "evidence") if kind == "files" else "memory:///")
        log.grow(250)
        log.publish(Publication(store, folder / "mark", log.keys))
        log.grow(600)
        is_stopped = _publish_and_stop(log, store, folder / "mark", changes)
        size = int(store.get("checkpoint").content.split(b"\n")[1])
        assert log.files(size).items() <= content(store).items() or (size == 250 and _covers(log, store))
        log.grow(601)
        again = Publication(store, folder / "mark", log.keys)
        assert again.size == (250 if is_stopped else 600)
        log.publish(again)
        whole = {path for path in log.files(601) if ".p/" not in path}
        assert {path for path in content(store) if "tile/" in path and ".p/" not in path} == whole
        assert log.files(601).items() <= content(store).items()
        assert not any(path.startswith(("tile/0/000.p/", "tile/0/001.p/")) for path in content(store))
        if not is_stopped:
            break
    assert changes > 12


def _publish_and_stop(log: SmallLog, store: BlobStore, mark: Path, changes: int) -> bool:
    try:
        log.publish(Publication(StoppingStore(store, changes), mark, log.keys), {"ab" * 32: lambda: [b"artifact"]})
    except StoppedError:
        return True
    return False


def _covers(log: SmallLog, store: BlobStore) -> bool:
    """Whether every tile of the small log is there, or the whole one that replaces it."""
    files = content(store)
    return all(
        path in files or files.get(path.partition(".p/")[0], b"").startswith(tile)
        for path, tile in log.files(250).items()
    )


def test_a_mark_that_says_nothing_takes_nothing_for_granted(tmp_path: Path) -> None:
    log = SmallLog(tmp_path)
    log.grow(300)
    log.publish(Publication(tmp_path / "evidence", tmp_path / "mark", log.keys))
    (tmp_path / "evidence/tile/0/000").write_bytes(b"torn")
    for text in (b"", b"12", b"x\n"):
        (tmp_path / "mark").write_bytes(text)
        publication = Publication(tmp_path / "evidence", tmp_path / "mark", log.keys)
        assert (publication.size, publication.needs_everything) == (0, True)
    log.publish(publication)
    assert log.files(300).items() <= content(FileStore(tmp_path / "evidence")).items()


def test_tiles_ahead_of_the_log_are_removed_when_an_interrupted_publication_is_repaired(
    tmp_path: Path, store: BlobStore
) -> None:
    log = SmallLog(tmp_path)
    log.grow(300)
    log.publish(Publication(store, tmp_path / "mark", log.keys))
    for name in ("tile/0/001.p/200", "tile/0/009", "sha3/tile/1/000.p/2"):
        store.put(name, b"ahead")
    (tmp_path / "mark").write_bytes(b"300\n")
    log.publish(Publication(store, tmp_path / "mark", log.keys))
    assert log.files(300).keys() == {name for name in content(store) if "tile/" in name}


def test_a_bucket_of_another_log_or_of_something_else_is_left_alone(tmp_path: Path, store: BlobStore) -> None:
    log, other = SmallLog(tmp_path / "one"), SmallLog(tmp_path / "two", "example.org/evidence/other")
    store.put("notes.txt", b"mine")
    with pytest.raises(ConflictError, match="holds no evidence log"):
        Publication(store, tmp_path / "mark", log.keys)
    store.delete("notes.txt")
    log.grow(3)
    log.publish(Publication(store, tmp_path / "mark", log.keys))
    with pytest.raises(ConflictError, match="another log"):
        Publication(store, tmp_path / "mark", other.keys)
    (tmp_path / "mark").write_bytes(b"0\n")
    with pytest.raises(ConflictError, match="another log"):
        Publication(store, tmp_path / "mark", other.keys)


def test_a_cosigned_checkpoint_is_written_again_after_an_interruption(tmp_path: Path, store: BlobStore) -> None:
    log = SmallLog(tmp_path)
    log.grow(3)
    publication = Publication(store, tmp_path / "mark", log.keys)
    log.publish(publication)
    (tmp_path / "mark").write_bytes(b"3\n")
    publication.write_checkpoint(log.notes().sha256)
    assert not (tmp_path / "mark").exists()
    assert content(store)["checkpoint"] == log.notes().sha256.note.encode()


@pytest.mark.parametrize(
    ("path", "cached"),
    [
        ("tile/0/000", "public, max-age=31536000, immutable"),
        ("sha3/tile/1/x001/234", "public, max-age=31536000, immutable"),
        ("tile/entries/000", "public, max-age=31536000, immutable"),
        (f"artifact/{'ab' * 32}", "public, max-age=31536000, immutable"),
        ("tile/0/000.p/7", "public, max-age=60"),
        ("checkpoint", "no-cache"),
        ("sha3/checkpoint", "no-cache"),
        (KEYS_FILE, "no-cache"),
    ],
)
def test_what_never_changes_may_be_kept_for_ever(path: str, cached: str) -> None:
    assert hints_of(path).cache_control == cached
