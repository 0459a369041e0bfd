"""Artifacts are what their digest says, on their way in and on every way out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.storage.artifacts import ArtifactStore
from chain.storage.contract import BlobStore
from chain.storage.opening import open_store
from domain.errors import InputError, IntegrityError, NotFound

CONTENT = b"attached" * 400_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["files", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return open_store(str(tmp_path) if request.param == "files" else "memory:///")


def in_parts() -> Iterator[bytes]:
    for at in range(0, len(CONTENT), 100_000):
        yield CONTENT[at : at + 100_000]


def test_an_artifact_is_read_back_whole_and_in_parts(store: BlobStore) -> None:
    artifacts = ArtifactStore(store)
    assert not artifacts.has(SHA256)
    artifacts.keep(SHA256, in_parts)
    assert artifacts.has(SHA256)
    assert artifacts.read(SHA256) == b"".join(artifacts.chunks(SHA256)) == CONTENT


def test_an_artifact_that_is_kept_is_not_sent_again(store: BlobStore) -> None:
    artifacts = ArtifactStore(store)
    artifacts.keep(SHA256, in_parts)
    asked: list[int] = []

    def again() -> list[bytes]:
        asked.append(1)
        return [CONTENT]

    artifacts.keep(SHA256, again)
    assert asked == []


def test_content_of_another_digest_is_not_kept(store: BlobStore) -> None:
    with pytest.raises(InputError, match="not what its digest says"):
        ArtifactStore(store).keep(SHA256, lambda: [CONTENT, b"and more"])
    assert list(store.listing()) == []


def test_an_artifact_beyond_the_limit_is_neither_kept_nor_read(store: BlobStore) -> None:
    small = ArtifactStore(store, size_bytes_max=1_000_000)
    with pytest.raises(InputError, match="too large"):
        small.keep(SHA256, in_parts)
    assert list(store.listing()) == []
    ArtifactStore(store).keep(SHA256, in_parts)
    with pytest.raises(IntegrityError, match="missing or changed"):
        small.read(SHA256)


def test_an_artifact_that_changed_is_never_given_out_as_whole(store: BlobStore) -> None:
    artifacts = ArtifactStore(store)
    artifacts.keep(SHA256, in_parts)
    store.put(SHA256, CONTENT[:-1] + b"X")
    with pytest.raises(IntegrityError) as caught:
        artifacts.read(SHA256)
    assert caught.value.facts["expected"] == SHA256


def test_an_artifact_that_was_never_kept_is_not_found(store: BlobStore) -> None:
    with pytest.raises(NotFound):
        ArtifactStore(store).read(SHA256)
