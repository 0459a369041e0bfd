"""The sole writer of evidence, as a plain class over real logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from chain.batch import EntryBatch
from chain.verify import verify_directory
from domain.errors import ConflictError, NotFound
from domain.evidence import EntryId, EventType, EvidenceEvent, Receipt
from domain.tenancy import PLATFORM, TenantId

ACME, GLOBEX = TenantId("acme"), TenantId("globex")


def event(request_id: str, tenant: TenantId = ACME, **body: str) -> EvidenceEvent:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return EvidenceEvent(tenant, request_id, EventType.EVIDENCE_COLLECTED, at, dict(body))


class Summer:
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 7, 1, tzinfo=UTC)


def append(chain: EvidenceChain, *events: EvidenceEvent) -> list[Receipt]:
    batch = EntryBatch.encode(events)
    return chain.append(batch).receipts(batch)


def at(index: int) -> EntryId:
    return EntryId(2026, index)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EvidenceChain]:
    writer = EvidenceChain(Folders(tmp_path), Summer())
    yield writer
    writer.close()


def test_events_of_two_tenants_go_to_two_logs(chain: EvidenceChain) -> None:
    receipts = append(chain, event("a"), event("a", GLOBEX), event("b"))
    assert [(receipt.origin.split("/")[1], str(receipt.id)) for receipt in receipts] == [
        ("acme", "2026-0"),
        ("globex", "2026-0"),
        ("acme", "2026-1"),
    ]


def test_a_repeated_event_gets_its_first_receipt(chain: EvidenceChain) -> None:
    first = append(chain, event("a"), event("b"))
    assert append(chain, event("b")) == first[1:]


def test_an_id_that_returns_with_another_content_is_refused(chain: EvidenceChain) -> None:
    append(chain, event("a", n="1"))
    with pytest.raises(ConflictError) as refusal:
        append(chain, event("a", n="2"))
    assert refusal.value.facts["request_id"] == "a"


def test_a_restart_continues_the_log(chain: EvidenceChain, tmp_path: Path) -> None:
    first = append(chain, event("a"))
    chain.close()
    again = EvidenceChain(Folders(tmp_path), Summer())
    assert append(again, event("a"), event("b")) == [*first, append(again, event("b"))[0]]
    again.close()


def test_a_published_folder_verifies_for_a_stranger(chain: EvidenceChain) -> None:
    append(chain, event("a"), event("b"))
    published = chain.publish(ACME)
    report = verify_directory(published.directory)
    assert report.ok
    assert report.root_sha256 == published.head.root_sha256


def test_an_entry_is_shown_only_to_its_tenant(chain: EvidenceChain) -> None:
    append(chain, event("a", note="secret plan"))
    assert chain.entry(ACME, at(0)).entry["body"] == {"note": "secret plan"}
    with pytest.raises(NotFound):
        chain.entry(GLOBEX, at(0))


def test_a_proof_publishes_what_is_not_yet_published(chain: EvidenceChain) -> None:
    append(chain, event("a"))
    proof = chain.inclusion(ACME, at(0))
    assert proof.size == 2
    assert len(proof.path_sha256) == len(proof.path_sha3_256) == 1
    assert proof.leaf_sha256 == append(chain, event("a"))[0].leaf_sha256


def test_verification_of_a_log_that_was_never_published_is_not_found(chain: EvidenceChain) -> None:
    with pytest.raises(NotFound, match="no checkpoint yet"):
        chain.verify(ACME)


def test_every_block_follows_from_the_entries_before_it(chain: EvidenceChain) -> None:
    for name in ("a", "b"):
        append(chain, event(name))
        chain.publish(ACME)
    assert [chain.check_block(ACME, at(height)).ok for height in (0, 1)] == [True, True]
    assert chain.check_block(ACME, at(1)).size == 3
    assert chain.verify(ACME).ok


def test_a_block_that_was_never_sealed_is_not_found(chain: EvidenceChain) -> None:
    append(chain, event("a"))
    with pytest.raises(NotFound) as refusal:
        chain.check_block(ACME, at(0))
    assert refusal.value.facts["height"] == 0


def test_requests_say_when_they_were_recorded(chain: EvidenceChain) -> None:
    append(chain, event("a"))
    assert chain.recorded_at(ACME, ["a", "never"]) == [datetime(2026, 1, 1, tzinfo=UTC), None]
    assert chain.recorded_at(GLOBEX, ["a"]) == [None]


def test_the_platform_log_commits_to_what_tenants_published(chain: EvidenceChain) -> None:
    append(chain, event("a"))
    chain.publish(ACME)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    chain.platform_append([EvidenceEvent(PLATFORM, "gap/1", EventType.ANCHOR_GAP, at, {"hour": "1"})])
    published = chain.publish_platform()
    assert published.head.size == 3
    assert verify_directory(published.directory).ok
    assert chain.opening(ACME).platform_id == EntryId(2026, 0)


def test_a_store_of_the_former_layout_is_refused_with_what_to_do(tmp_path: Path) -> None:
    journal = tmp_path / "tenants/acme/log/journal"
    journal.parent.mkdir(parents=True)
    journal.touch()
    with pytest.raises(ConflictError, match=r"earlier version.*move it and the log folder") as refusal:
        append(EvidenceChain(Folders(tmp_path)), event("a"))
    assert refusal.value.facts["path"] == str(journal)


def test_the_default_tenants_evidence_is_easy_to_find_and_a_chosen_folder_wins(tmp_path: Path) -> None:
    default = TenantId("default")
    assert Folders(tmp_path).evidence_of(default) == tmp_path / "evidence"
    assert Folders(tmp_path, evidence=tmp_path / "out", home=ACME).evidence_of(ACME) == tmp_path / "out"
    assert Folders(tmp_path, evidence=tmp_path / "out", home=ACME).evidence_of(GLOBEX) != tmp_path / "out"
    assert Folders(tmp_path).evidence_of(PLATFORM) == tmp_path / "platform-log"
