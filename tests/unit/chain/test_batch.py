"""Batches carry entries without loss, and the writer believes nothing of them that it does not check."""

from __future__ import annotations

import pickle
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.batch import EncodedEntry, EntryBatch, Placements, encode
from chain.tree_hash import BOTH, SHA256, Twin
from chain.writer import EvidenceWriter
from domain.errors import IntegrityError
from domain.evidence import Artifact, LogName
from domain.tenancy import TenantId
from tests.unit.chain.samples import ACME, GLOBEX, Wrist, chain_folder, event, open_store, shard_state

ATTACHED = Artifact("text/plain", b"attached")


def sample() -> list[EncodedEntry]:
    return [
        encode(event("a")),
        encode(event("b", tenant=GLOBEX, artifacts={"f": ATTACHED})),
        encode(event('c "\\ é', artifacts={"f": ATTACHED, "g": Artifact("text/plain", b"other")})),
        encode(event("d")),
    ]


def test_a_batch_gives_its_entries_back_also_joined_cut_and_pickled() -> None:
    entries = sample()
    batch = EntryBatch.of(entries)
    assert list(batch) == entries
    assert list(pickle.loads(pickle.dumps(batch))) == entries
    for size in (1, 3, 4, 9):
        parts = list(batch.parts(size))
        assert all(len(part) <= size for part in parts)
        assert list(EntryBatch.joined(parts)) == entries
    assert list(EntryBatch.joined([])) == []


def test_a_batch_of_thousands_is_pickled_as_a_few_buffers() -> None:
    batch = EntryBatch.encode([event(f"request-{number}") for number in range(2_000)])
    overhead = len(pickle.dumps(batch, protocol=5)) - len(batch.content) - 2 * 32 * len(batch)
    assert overhead < 30 * len(batch)


def test_entries_of_several_tenants_are_recorded_together_and_stay_apart(tmp_path: Path) -> None:
    batch = EntryBatch.of(sample())
    with open_store(tmp_path) as writer:
        receipts = writer.append(batch).receipts(batch)
        assert [(receipt.origin.split("/")[2], receipt.index) for receipt in receipts] == [
            ("acme", 0),
            ("globex", 0),
            ("acme", 1),
            ("acme", 2),
        ]
        assert [receipt.leaf_sha256 for receipt in receipts] == [SHA256.leaf(item.content).hex() for item in batch]
        assert len(writer.append(batch)) == len(batch)
        again = EntryBatch.of(sample()[::-1])
        assert writer.append(again).receipts(again) == receipts[::-1]
        assert writer.append(batch).part(1, 3).receipts(next(EntryBatch.of(sample()[1:3]).parts(9))) == receipts[1:3]


Change = Callable[[EntryBatch], EntryBatch]


def one_bit(joined: bytes) -> bytes:
    return joined[:40] + bytes([joined[40] ^ 1]) + joined[41:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda batch: replace(batch, content=one_bit(batch.content)), "what its sender hashed"),
        (lambda batch: replace(batch, leaves=Twin(one_bit(batch.leaves.sha256), b"")), "what its sender hashed"),
        (lambda batch: replace(batch, request_ids=("a", "x", "c", "d")), "another request or tenant"),
        (lambda batch: replace(batch, tenants=(ACME, TenantId("glob"))), "another request or tenant"),
        (lambda batch: replace(batch, tenants=(GLOBEX, ACME)), "another request or tenant"),
        (lambda batch: replace(batch, artifacts={}), "artifacts are not"),
        (lambda batch: replace(batch, artifacts={1: {"00": ATTACHED.content}}), "artifacts are not"),
        (lambda batch: replace(batch, artifacts={1: {next(iter(batch.artifacts[1])): b"forged"}}), "artifacts are not"),
    ],
)
def test_a_batch_that_is_not_what_it_says_is_refused_as_a_whole(tmp_path: Path, change: Change, message: str) -> None:
    with open_store(tmp_path) as writer:
        with pytest.raises(IntegrityError, match=message):
            writer.append(change(EntryBatch.of(sample())))
        assert (writer.shard(ACME).size, writer.shard(GLOBEX).size) == (0, 0)
    assert not list(shard_state(tmp_path).glob("artifact/*"))


def test_a_wrong_leaf_of_the_second_tree_is_found_before_anything_is_signed(tmp_path: Path) -> None:
    batch = EntryBatch.of(sample())
    with open_store(tmp_path) as writer:
        writer.append(replace(batch, leaves=Twin(batch.leaves.sha256, one_bit(batch.leaves.sha3_256))))
        with pytest.raises(IntegrityError, match="SHA3-256 leaf"):
            writer.publish(GLOBEX)
    with open_store(tmp_path) as writer:
        assert writer.publish(GLOBEX).root_sha3_256 == writer.shard(GLOBEX).root(2).sha3_256.hex()


Names = st.lists(st.tuples(st.sampled_from([ACME, GLOBEX, TenantId("third")]), st.integers(0, 40)), max_size=12)


@settings(max_examples=12, deadline=None)
@given(batches=st.lists(st.tuples(Names, st.booleans(), st.booleans()), max_size=8))
def test_a_restart_at_any_point_gives_the_state_that_was_live(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[list[tuple[TenantId, int]], bool, bool]]
) -> None:
    path, clock = tmp_path_factory.mktemp("store"), Wrist()
    writer = open_store(path, clock)
    for names, is_published, is_next_year in batches:
        writer.append(EntryBatch.encode([event(f"r-{number}", tenant=tenant) for tenant, number in names]))
        for tenant in {tenant for tenant, _ in names} if is_published else ():
            writer.publish(tenant)
        if is_next_year:
            clock.time = clock.time.replace(year=clock.time.year + 1)
        live = state(writer, path)
        writer.close()
        writer = open_store(path, clock)
        assert state(writer, path) == live
    writer.close()


def state(writer: EvidenceWriter, path: Path) -> dict[str, tuple[object, ...]]:
    """Everything that follows from the journal, by log."""
    logs = [TenantId(folder.name) for folder in (chain_folder(path) / "logs").glob("*")]
    return {
        shard.origin: (
            shard.size,
            shard.root(shard.size),
            shard.log.sealed_size,
            shard.log.next_block(""),
            [shard.receipt(f"r-{number}") for number in range(41)],
            [shard.entry(index) for index in range(shard.size)],
        )
        for tenant in logs
        for shard in writer.shards(tenant)
        if shard.size
    }


def test_two_requests_of_one_fingerprint_are_told_apart_by_their_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chain.request_index.hash", lambda text: 7, raising=False)
    with open_store(tmp_path) as writer:
        batch = EntryBatch.encode([event("a"), event("b")])
        receipts = writer.append(batch).receipts(batch)
        assert writer.append(EntryBatch.encode([event("c")])).indexes[0] == 2
        assert [writer.shard(ACME).receipt(name) for name in ("a", "b", "never")] == [*receipts, None]
    assert BOTH.sha256.leaf(b"") != BOTH.sha3_256.leaf(b"")


def test_placements_of_several_logs_are_put_behind_each_other() -> None:
    old, new = ("x/2025", LogName(2025)), ("x/2026", LogName(2026))
    first = Placements((old, new), array("I", [0, 1]), array("Q", [7, 0]))
    second = Placements((new, old), array("I", [0, 1, 0]), array("Q", [1, 8, 2]))
    joined = Placements.joined([first, second])
    assert joined.logs == (old, new)
    assert [(joined.logs[owner][0], index) for owner, index in zip(joined.owners, joined.indexes, strict=True)] == [
        ("x/2025", 7),
        ("x/2026", 0),
        ("x/2026", 1),
        ("x/2025", 8),
        ("x/2026", 2),
    ]
