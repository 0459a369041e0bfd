"""The whole writer with journal and published files in object stores: no shared disk, one writer, nothing lost."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from chain.batch import EntryBatch
from chain.object_journal import ObjectJournal
from chain.storage.contract import BlobStore
from chain.storage.fetching import fetch
from chain.verify import verify_directory
from chain.writer import EvidenceWriter
from domain.errors import ConflictError
from domain.evidence import Artifact
from domain.tenancy import PLATFORM
from tests.contract.test_object_journal import PausedStore
from tests.unit.chain.samples import ACME, GLOBEX, PREFIX, Wrist, event

Open = Callable[..., EvidenceWriter]


@pytest.fixture
def open_writer(blob_store: BlobStore, tmp_path: Path) -> Open:
    """Opens the writer of one pair of buckets; its state is on a volume that goes where it goes."""

    def opened(journal: BlobStore | None = None, volume: str = "volume") -> EvidenceWriter:
        return EvidenceWriter(
            tmp_path / volume,
            lambda tenant: blob_store.below(f"published/{tenant}/"),
            origin_prefix=PREFIX,
            clock=Wrist(),
            journal=ObjectJournal(journal or blob_store.below("journal/"), uuid.uuid4().hex),
        )

    return opened


def append(writer: EvidenceWriter, *names: str) -> list[str]:
    artifacts = {"file": Artifact("text/plain", b"of a bucket")}
    batch = EntryBatch.encode([event(name, artifacts=artifacts if name == "with-file" else {}) for name in names])
    return [str(receipt.id) for receipt in writer.append(batch).receipts(batch)]


def verified(store: BlobStore, tenant: str, folder: Path) -> int:
    fetch(store.below(f"published/{tenant}/"), folder)
    report = verify_directory(folder)
    assert report.ok, report.findings
    return report.entries


def test_what_is_published_to_a_bucket_is_fetched_and_verifies(
    open_writer: Open, blob_store: BlobStore, tmp_path: Path
) -> None:
    writer = open_writer()
    append(writer, *(f"e-{number}" for number in range(300)), "with-file")
    writer.publish(ACME)
    writer.publish_platform()
    append(writer, "later")
    writer.publish(ACME)
    assert verified(blob_store, ACME, tmp_path / "acme") == 304
    assert verified(blob_store, PLATFORM, tmp_path / "platform") == 2


def test_a_restart_goes_on_where_the_former_writer_ended(
    open_writer: Open, blob_store: BlobStore, tmp_path: Path
) -> None:
    first = open_writer()
    receipts = append(first, "a", "b")
    first.publish(ACME)
    append(first, "c")
    again = open_writer()
    assert append(again, "a", "b", "d") == [*receipts, "2026-4"]
    again.publish(ACME)
    assert verified(blob_store, ACME, tmp_path / "acme") == 6
    with pytest.raises(ConflictError):
        append(first, "e")
    with pytest.raises(ConflictError):
        first.publish(ACME)


def test_a_paused_writer_that_wakes_up_changes_nothing(
    open_writer: Open, blob_store: BlobStore, tmp_path: Path
) -> None:
    slow = PausedStore(blob_store.below("journal/"), 10**9)
    paused, refusals = open_writer(slow), list[ConflictError]()
    append(paused, "before")
    slow.is_armed = True

    def write() -> None:
        try:
            append(paused, "asleep")
        except ConflictError as refusal:
            refusals.append(refusal)

    thread = threading.Thread(target=write)
    thread.start()
    assert slow.has_paused.wait(60)
    newer = open_writer()
    append(newer, "meanwhile")
    newer.publish(ACME)
    slow.wake.set()
    thread.join(60)
    assert len(refusals) == 1
    assert append(newer, "before", "asleep") == ["2026-0", "2026-3"]
    newer.publish(ACME)
    assert verified(blob_store, ACME, tmp_path / "acme") == 5


def test_two_live_writers_acknowledge_each_entry_once(open_writer: Open, blob_store: BlobStore, tmp_path: Path) -> None:
    append(open_writer(), "first")
    for name in ("one", "two"):  # a volume is attached to one machine at a time; each has a copy
        shutil.copytree(tmp_path / "volume", tmp_path / name)
    pauses = {"one": 0.02, "two": 0.5}
    acknowledged: list[str] = []
    lock = threading.Lock()

    def write(name: str) -> None:
        left = [f"{name}-{number}" for number in range(4)]
        while left:
            try:
                writer = open_writer(volume=name)
                while left:
                    append(writer, left[0])
                    with lock:
                        acknowledged.append(left.pop(0))
                    if len(left) % 2:
                        break
            except ConflictError:
                time.sleep(pauses[name])

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    writer = open_writer()
    recorded = [writer.receipt(ACME, name) for name in acknowledged]
    assert len(acknowledged) == 8
    assert len({receipt.id for receipt in recorded if receipt}) == 8
    writer.publish(ACME)
    assert verified(blob_store, ACME, tmp_path / "acme") == 10


def test_a_lost_volume_is_noticed_and_nothing_is_signed_with_new_keys(
    open_writer: Open, blob_store: BlobStore, tmp_path: Path
) -> None:
    writer = open_writer()
    append(writer, "a")
    writer.publish(ACME)
    (tmp_path / "volume").rename(tmp_path / "lost")
    again = open_writer()
    with pytest.raises(ConflictError, match="another log"):
        again.publish(ACME)
    (tmp_path / "volume").rename(tmp_path / "useless")
    (tmp_path / "lost").rename(tmp_path / "volume")
    restored = open_writer()
    append(restored, "b")
    restored.publish(ACME)
    assert verified(blob_store, ACME, tmp_path / "acme") == 4
    assert restored.shards(GLOBEX) == []
