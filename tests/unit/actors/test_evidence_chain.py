"""The sole writer of evidence, as a plain class over real logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from chain.verify import verify_directory
from domain.errors import ConflictError, NotFound
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId

ACME, GLOBEX = TenantId("acme"), TenantId("globex")


def event(request_id: str, tenant: TenantId = ACME, **body: str) -> EvidenceEvent:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return EvidenceEvent(tenant, request_id, EventType.EVIDENCE_COLLECTED, at, dict(body))


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EvidenceChain]:
    writer = EvidenceChain(Folders(tmp_path))
    yield writer
    writer.close()


def test_events_of_two_tenants_go_to_two_logs(chain: EvidenceChain) -> None:
    receipts = chain.append([event("a"), event("a", GLOBEX), event("b")])
    assert [(receipt.origin.rpartition("/")[2], receipt.index) for receipt in receipts] == [
        ("acme", 0),
        ("globex", 0),
        ("acme", 1),
    ]


def test_a_repeated_event_gets_its_first_receipt(chain: EvidenceChain) -> None:
    first = chain.append([event("a"), event("b")])
    assert chain.append([event("b")]) == first[1:]


def test_an_id_that_returns_with_another_content_is_refused(chain: EvidenceChain) -> None:
    chain.append([event("a", n="1")])
    with pytest.raises(ConflictError) as refusal:
        chain.append([event("a", n="2")])
    assert refusal.value.facts["request_id"] == "a"


def test_a_restart_continues_the_log(chain: EvidenceChain, tmp_path: Path) -> None:
    first = chain.append([event("a")])
    chain.close()
    again = EvidenceChain(Folders(tmp_path))
    assert again.append([event("a"), event("b")]) == [*first, again.append([event("b")])[0]]
    again.close()


def test_a_published_folder_verifies_for_a_stranger(chain: EvidenceChain) -> None:
    chain.append([event("a"), event("b")])
    published = chain.publish(ACME)
    report = verify_directory(published.directory)
    assert report.ok
    assert report.root_sha256 == published.head.root_sha256


def test_an_entry_is_shown_only_to_its_tenant(chain: EvidenceChain) -> None:
    chain.append([event("a", note="secret plan")])
    assert chain.entry(ACME, 0).entry["body"] == {"note": "secret plan"}
    with pytest.raises(NotFound):
        chain.entry(GLOBEX, 0)


def test_a_proof_publishes_what_is_not_yet_published(chain: EvidenceChain) -> None:
    chain.append([event("a")])
    proof = chain.inclusion(ACME, 0)
    assert proof.size == 2
    assert len(proof.path_sha256) == len(proof.path_sha3_256) == 1
    assert proof.leaf_sha256 == chain.append([event("a")])[0].leaf_sha256


def test_verification_of_a_log_that_was_never_published_is_not_found(chain: EvidenceChain) -> None:
    with pytest.raises(NotFound, match="no checkpoint yet"):
        chain.verify(ACME)


def test_every_block_follows_from_the_entries_before_it(chain: EvidenceChain) -> None:
    for name in ("a", "b"):
        chain.append([event(name)])
        chain.publish(ACME)
    assert [chain.check_block(ACME, height).ok for height in (0, 1)] == [True, True]
    assert chain.check_block(ACME, 1).size == 3
    assert chain.verify(ACME).ok


def test_a_block_that_was_never_sealed_is_not_found(chain: EvidenceChain) -> None:
    with pytest.raises(NotFound) as refusal:
        chain.check_block(ACME, 0)
    assert refusal.value.facts["height"] == 0


def test_the_default_tenants_evidence_is_easy_to_find_and_a_chosen_folder_wins(tmp_path: Path) -> None:
    default = TenantId("default")
    assert Folders(tmp_path).log(default).directory == tmp_path / "evidence"
    assert Folders(tmp_path, evidence=tmp_path / "out", home=ACME).log(ACME).directory == tmp_path / "out"
    assert Folders(tmp_path, evidence=tmp_path / "out", home=ACME).log(GLOBEX).directory != tmp_path / "out"
