"""Which anchors a report carries, and what of a published log is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chain.anchors.receipt import Anchored, to_artifacts, to_body
from chain.batch import EntryBatch
from chain.checkpoint import parse_checkpoint
from chain.checkpoint_commitment import CheckpointOpening
from chain.note import parse_note
from chain.pack import LogRange
from chain.reports.anchors import AnchorSource
from chain.writer import EvidenceWriter
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import IntegrityError, NotFound, UnavailableError
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import PLATFORM
from serve.pack_anchors import AnchorIndex
from serve.pack_maker import spread
from serve.published_log import PublishedLog, files_of, is_signed_by, log_source
from tests.unit.chain.samples import ACME, Wrist, event, open_store, published_folder, tenant_folder

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Store:
    """A tenant's log and a platform log that is anchored at times."""

    writer: EvidenceWriter
    clock: Wrist
    index: AnchorIndex

    def publish(self, name: str) -> int:
        """Record and publish one entry; the log's size."""
        self.clock.time += HOUR
        self.writer.append(EntryBatch.encode([event(name)]))
        return self.writer.publish(ACME).size

    def anchor(self, *, is_final: bool = True, target: str = "tsa") -> None:
        """A receipt of the platform log as it is."""
        note = self.writer.publish_platform().checkpoint.encode()
        digest = hashlib.sha256(note).hexdigest()
        receipt = AnchorReceipt(AnchorKind.S3_OBJECT_LOCK, target, digest, self.clock.time, is_final=is_final)
        anchored = Anchored(receipt, note, self.clock.time)
        name = f"anchor/{target}/{digest}/{is_final}"
        event = EvidenceEvent(
            PLATFORM, name, EventType.ANCHOR_RECEIPT, self.clock.time, to_body(anchored), to_artifacts(anchored)
        )
        self.writer.platform_append([event])

    def anchors(self, start: int, end: int) -> list[tuple[int, datetime | None]]:
        """Of a window of the tenant's log: the size that each covers, and its time."""
        self.writer.publish_platform()
        shard = self.writer.shard(ACME)
        part = LogRange("log/2026", shard.origin, start, end, shard.head().size)
        found = list(self.index.anchors(part, shard.signed_checkpoints(), self.opened))
        return [(covered(each), each.anchored.receipt.stated_at) for each in found]

    def opened(self, note: str) -> CheckpointOpening:
        return self.writer.opening(ACME, note=note)


def covered(source: AnchorSource) -> int:
    assert source.opening is not None
    proof = source.opening.platform.inclusion_proof(
        source.opening.opening.platform_id.index,
        parse_checkpoint(parse_note(source.anchored.note.decode()).text).size,
    )
    assert proof.sha256.path
    return parse_checkpoint(parse_note(source.opening.opening.note).text).size


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    clock = Wrist(BEGIN)
    with open_store(tmp_path, clock) as writer:
        yield Store(writer, clock, AnchorIndex(tenant_folder(tmp_path, PLATFORM)))


def test_the_first_anchors_of_both_ends_of_the_window_are_taken(store: Store) -> None:
    for name in "abcdef":
        store.publish(name)
        store.anchor()
    assert store.anchors(3, 8) == [(4, BEGIN + 2 * HOUR), (8, BEGIN + 4 * HOUR)]
    assert store.anchors(0, 12) == [(12, BEGIN + 6 * HOUR)]


def test_one_anchor_that_covers_both_ends_is_taken_once(store: Store) -> None:
    for name in "abc":
        store.publish(name)
    store.anchor()
    assert store.anchors(1, 6) == [(6, BEGIN + 3 * HOUR)]


def test_while_none_covers_the_whole_window_the_newest_is_taken(store: Store) -> None:
    for name in "abcd":
        store.publish(name)
        store.anchor()
    store.publish("e")
    assert store.anchors(1, 10) == [(2, BEGIN + HOUR), (8, BEGIN + 4 * HOUR)]
    store.anchor(is_final=False)
    assert store.anchors(1, 10)[-1] == (8, BEGIN + 4 * HOUR)
    store.anchor()
    assert store.anchors(1, 10)[-1] == (10, BEGIN + 5 * HOUR)


def test_every_target_has_its_own(store: Store) -> None:
    store.publish("a")
    store.anchor()
    store.publish("b")
    store.anchor(target="bucket")
    assert store.anchors(0, 2) == [(2, BEGIN + HOUR), (2, BEGIN + 2 * HOUR)]


def test_without_anchors_or_commitments_there_are_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.publish("a")
    assert store.anchors(0, 2) == []
    store.anchor()

    def unknown(note: str) -> CheckpointOpening:
        raise NotFound("no such checkpoint in the platform log", note=note)

    monkeypatch.setattr(store, "opened", unknown)
    assert store.anchors(0, 2) == []


def test_a_receipt_whose_file_is_gone_is_said(store: Store, tmp_path: Path) -> None:
    store.publish("a")
    store.anchor()
    store.writer.publish_platform()
    for path in (tenant_folder(tmp_path, PLATFORM) / "2026" / "artifact").iterdir():
        path.unlink()
    with pytest.raises(NotFound, match="no such artifact"):
        store.anchors(0, 2)


def test_a_published_log_is_what_its_writer_has(store: Store, tmp_path: Path) -> None:
    for name in "abc":
        store.publish(name)
    shard, source = store.writer.shard(ACME), log_source(published_folder(tmp_path))
    assert source.reader.window_proof(1, 4) == shard.window_proof(1, 4)
    assert source.reader.consistency_proof(2) == shard.consistency_proof(2)
    assert all(is_signed_by(pair.notes, source.keys) for pair in shard.signed_checkpoints())
    store.writer.publish_platform()
    other = log_source(tenant_folder(tmp_path, PLATFORM) / "2026")
    assert not is_signed_by(shard.signed_checkpoints()[0].notes, other.keys)


@pytest.mark.parametrize(
    ("name", "content", "error", "why"),
    [
        ("sha3/checkpoint", None, IntegrityError, "missing"),
        ("sha3/checkpoint", b"old", UnavailableError, "different sizes"),
        ("tile/0/000.p/4", b"\0" * 128, IntegrityError, "not those of the checkpoint"),
        ("verifier_keys", b"", IntegrityError, "no published key"),
    ],
)
def test_a_folder_that_is_not_one_log_is_refused(
    store: Store, tmp_path: Path, name: str, content: bytes | None, error: type[Exception], why: str
) -> None:
    folder = published_folder(tmp_path)
    store.publish("a")
    old = (folder / "sha3/checkpoint").read_bytes()
    store.publish("b")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(old if content == b"old" else content)
    with pytest.raises(error, match=why):
        log_source(folder)


def test_a_log_of_no_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="missing"):
        PublishedLog(files_of(tmp_path))


@pytest.mark.parametrize(("count", "expected"), [(0, []), (3, [0, 1, 2]), (9, [0, 3, 5, 8]), (100, [0, 33, 66, 99])])
def test_scans_of_a_long_window_are_spread_over_it(count: int, expected: Sequence[int]) -> None:
    assert spread(range(count), 4) == expected
