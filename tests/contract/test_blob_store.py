"""One suite for everything that keeps the log's files: a folder, memory, S3 (moto) and Azure Blob (Azurite)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chain.storage.contract import BlobStore, Hints, Version
from chain.storage.files import FileStore
from domain.errors import ConflictError, InputError, NotFound, UnavailableError
from tests.contract.conftest import BUCKET, Server


@pytest.fixture
def store(blob_store: BlobStore) -> BlobStore:
    """A folder that no other test uses, in each kind of store."""
    return blob_store


@pytest.fixture(params=["files", "s3", "azure"])
def nowhere(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """A store whose folder or bucket is gone."""
    if request.param == "files":
        store = FileStore(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        return store
    server: Server = request.getfixturevalue(request.param)
    return server.open("nosuchbucket")


def names(store: BlobStore, folder: str = "") -> list[str]:
    return [item.name for item in store.listing(folder)]


def test_what_was_put_is_read_back_whole_and_in_parts(store: BlobStore) -> None:
    version = store.put("a/b", b"content")
    blob = store.get("a/b")
    assert (blob.content, blob.version.tag) == (b"content", version.tag)
    assert b"".join(store.chunks("a/b")) == b"content"
    assert store.size_bytes("a/b") == 7


def test_a_part_is_read_and_ends_where_the_object_ends(store: BlobStore) -> None:
    store.put("a", bytes(range(100)))
    assert store.part("a", start=10, size_bytes=5) == bytes(range(10, 15))
    assert store.part("a", start=90, size_bytes=1 << 20) == bytes(range(90, 100))
    with pytest.raises(NotFound, match="no such object"):
        store.part("b", start=0, size_bytes=5)


def test_an_object_may_be_empty(store: BlobStore) -> None:
    store.put("a", b"")
    store.put_chunks("b", lambda: [])
    assert (store.get("a").content, store.get("b").content) == (b"", b"")
    assert [(item.name, item.size_bytes) for item in store.listing()] == [("a", 0), ("b", 0)]


def test_a_later_put_replaces_the_earlier(store: BlobStore) -> None:
    store.put("a", b"one, and longer")
    store.put("a", b"two")
    assert store.get("a").content == b"two"


def test_what_is_not_there_is_not_found(store: BlobStore) -> None:
    store.put("there/file", b"")
    for name in ("a", "there", "there/file/below"):
        with pytest.raises(NotFound, match="no such object"):
            store.get(name)
        with pytest.raises(NotFound, match="no such object"):
            store.size_bytes(name)
        with pytest.raises(NotFound, match="no such object"):
            next(store.chunks(name))


def test_a_second_creator_is_refused_and_changes_nothing(store: BlobStore) -> None:
    version = store.put_new("a", b"first")
    with pytest.raises(ConflictError, match="object exists"):
        store.put_new("a", b"second")
    with pytest.raises(ConflictError, match="object exists"):
        store.put_new("a", b"first")
    assert store.get("a").content == b"first"
    assert store.get("a").version.tag == version.tag


def test_of_creators_who_race_for_a_name_one_wins(store: BlobStore) -> None:
    def create(number: int) -> int | None:
        try:
            store.put_new("a", b"%d" % number)
        except ConflictError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(create, range(8)) if number is not None]
    assert len(winners) == 1
    assert store.get("a").content == b"%d" % winners[0]


def test_an_overwrite_under_a_stale_version_is_refused(store: BlobStore) -> None:
    stale = store.put_new("a", b"first")
    fresh = store.put_if_match("a", b"second", stale)
    with pytest.raises(ConflictError, match="changed"):
        store.put_if_match("a", b"third", stale)
    assert store.get("a").content == b"second"
    store.put_if_match("a", b"third", fresh)
    assert store.get("a").content == b"third"


def test_of_those_who_replace_one_version_one_wins(store: BlobStore) -> None:
    version = store.put_new("a", b"first")

    def replace(number: int) -> int | None:
        try:
            store.put_if_match("a", b"%d" % number, version)
        except ConflictError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(replace, range(8)) if number is not None]
    assert len(winners) == 1
    assert store.get("a").content == b"%d" % winners[0]


def test_what_is_gone_cannot_be_replaced(store: BlobStore) -> None:
    version = store.put_new("a", b"first")
    store.delete("a")
    with pytest.raises(ConflictError, match="changed"):
        store.put_if_match("a", b"second", version)
    assert names(store) == []


def test_a_version_that_was_read_is_the_one_that_was_written(store: BlobStore) -> None:
    store.put("a", b"first")
    store.put_if_match("a", b"second", store.get("a").version)
    assert store.get("a").content == b"second"
    with pytest.raises(ConflictError):
        store.put_if_match("a", b"third", Version('"0"'))


def test_a_listing_goes_on_beyond_a_thousand_objects_and_is_in_order(store: BlobStore) -> None:
    wanted = [f"tile/0/x{number // 1000:03d}/{number % 1000:03d}" for number in range(1100)]
    store.put_all((name, name.encode(), Hints("text/plain", "no-cache")) for name in reversed(wanted))
    assert names(store, "tile/") == wanted
    assert store.get(wanted[1050]).content == wanted[1050].encode()
    store.delete_all(wanted[:1099])
    assert names(store) == wanted[1099:]


def test_a_folder_is_not_its_neighbour_whose_name_begins_alike(store: BlobStore) -> None:
    for name in ("a/1", "ab/1", "a/b/2"):
        store.put(name, b"")
    assert names(store, "a/") == ["a/1", "a/b/2"]
    assert names(store, "b/") == []
    assert names(store) == ["a/1", "a/b/2", "ab/1"]


def test_a_store_below_a_folder_sees_nothing_else(store: BlobStore) -> None:
    inner = store.below("tenant/2026/")
    inner.put("checkpoint", b"note")
    store.put("tenant/2025/checkpoint", b"other")
    assert names(inner) == ["checkpoint"]
    assert store.get("tenant/2026/checkpoint").content == b"note"
    assert inner.location.rstrip("/").endswith("tenant/2026")


@pytest.mark.parametrize("name", ["a b", "a+b", "a=b@c,d;e!f$g&h'i(j)_-.k", ".p/40", "A/a", "x" * 200, "1/2/3/4/5/6"])
def test_odd_names_are_kept_as_they_are(store: BlobStore, name: str) -> None:
    store.put(name, name.encode())
    assert names(store) == [name]
    assert store.get(name).content == name.encode()
    store.delete(name)
    assert names(store) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "a\\b",
        "a%2Fb",
        "a?b",
        "a#b",
        "ü",
        "a\n",
        "a.",
        " a",
        "a ",
        "a*",
        "~",
        "x" * 201,
        "a/" * 400 + "a",
        "a.partial-write",
        "a:b",
        "a\0b",
    ],
)
def test_names_that_some_store_would_alter_are_refused(store: BlobStore, name: str) -> None:
    with pytest.raises(InputError, match="not a name"):
        store.put(name, b"")
    with pytest.raises(InputError, match="not a name"):
        store.get(name)
    assert names(store) == []


def test_a_folders_name_ends_with_a_slash(store: BlobStore) -> None:
    with pytest.raises(InputError, match="ends with a slash"):
        store.listing("a")
    with pytest.raises(InputError, match="not a name"):
        store.below("../")


def test_deleting_can_be_repeated(store: BlobStore) -> None:
    store.put("a/b", b"")
    store.put("a/c/d", b"")
    for _ in range(2):
        store.delete("a/b")
        store.delete_all(["a/b", "a/c/d", "never"])
    assert names(store) == []
    store.put("a", b"a name again, and no folder")
    assert names(store) == ["a"]


def test_large_objects_are_sent_and_read_in_parts(store: BlobStore) -> None:
    part = hashlib.sha256(b"seed").digest() * (1 << 15)
    store.put_chunks("large", lambda: (part for _ in range(20)), Hints("application/zip", "no-cache"))
    assert store.size_bytes("large") == 20 << 20
    digest = hashlib.sha256()
    for chunk in store.chunks("large"):
        digest.update(chunk)
    assert digest.digest() == hashlib.sha256(part * 20).digest()


class _SourceError(Exception):
    pass


def test_a_source_that_breaks_leaves_the_object_as_it_was(store: BlobStore) -> None:
    store.put("a", b"before")

    def source() -> Iterator[bytes]:
        yield bytes(12 << 20)
        raise _SourceError

    for name in ("a", "new"):
        with pytest.raises(_SourceError):
            store.put_chunks(name, source)
    assert names(store) == ["a"]
    assert store.get("a").content == b"before"


def test_nothing_is_believed_of_a_store_that_is_gone(nowhere: BlobStore) -> None:
    actions: list[Callable[[], object]] = [
        lambda: nowhere.get("a"),
        lambda: next(nowhere.chunks("a")),
        lambda: nowhere.part("a", start=0, size_bytes=1),
        lambda: nowhere.size_bytes("a"),
        nowhere.listing,
        lambda: nowhere.put("a", b""),
        lambda: nowhere.put_new("a", b""),
        lambda: nowhere.put_if_match("a", b"", Version("a")),
        lambda: nowhere.put_chunks("a", lambda: [b"a"]),
        lambda: nowhere.put_all([("a", b"", Hints())]),
        lambda: nowhere.delete("a"),
        lambda: nowhere.delete_all(["a"]),
    ]
    for action in actions:
        with pytest.raises(UnavailableError):
            action()


def test_tidying_removes_nothing_that_was_put(store: BlobStore) -> None:
    store.put("a/b", b"kept")
    store.tidy()
    assert names(store) == ["a/b"]


@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_a_store_that_serves_strangers_tells_them_what_it_was_told(kind: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(kind)
    store, hints = server.open(BUCKET), Hints("text/plain", "public, max-age=31536000, immutable")
    store.put("put", b"a", hints)
    store.put_chunks("chunks", lambda: [b"a"], hints)
    store.put_all([("all", b"a", hints)])
    store.put_if_match("new", b"b", store.put_new("new", b"a"), hints)
    assert {server.form(name) for name in ("put", "chunks", "all", "new")} == {(hints.media_type, hints.cache_control)}
