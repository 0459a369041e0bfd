"""The platform log commits to every tenant's checkpoints and names none of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chain.batch import EntryBatch
from chain.checkpoint_commitment import commitment_of
from chain.proof import check_inclusion
from chain.tree_hash import SHA256
from chain.verify import verify_directory
from chain.writer import EvidenceWriter
from domain.errors import InputError, NotFound
from domain.evidence import EventType, LogName
from domain.tenancy import PLATFORM
from tests.unit.chain.samples import ACME, GLOBEX, chain_folder, event, open_store, tenant_folder


def published(path: Path) -> EvidenceWriter:
    """Two tenants' logs, of which one was published twice, and the platform's."""
    writer = open_store(path)
    for tenant, name in ((ACME, "a"), (GLOBEX, "secret plan"), (ACME, "b")):
        writer.append(EntryBatch.encode([event(name, tenant=tenant)]))
        writer.publish(tenant)
    writer.publish_platform()
    return writer


def test_an_entry_is_a_commitment_and_nothing_else(tmp_path: Path) -> None:
    with published(tmp_path) as writer:
        log = writer.shard(PLATFORM)
        entries = [json.loads(log.entry(index)) for index in range(3)]
        assert [(entry["type"], entry["tenant"]) for entry in entries] == [("tenant_checkpoint", "_platform")] * 3
        assert all(entry["body"].keys() == {"commitment"} for entry in entries)
    folder = tenant_folder(tmp_path, PLATFORM)
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not [word for word in (b"acme", b"globex", b"secret") if word in content]
    assert verify_directory(folder).ok


def test_a_tenant_can_open_its_own_commitment_and_prove_it(tmp_path: Path) -> None:
    with published(tmp_path) as writer:
        opening, head = writer.opening(ACME), writer.shard(PLATFORM).head()
        assert opening.note == writer.shard(ACME).own_note()
        assert commitment_of(bytes.fromhex(opening.nonce), opening.note) == opening.commitment
        entry = writer.shard(PLATFORM).entry(opening.platform_id.index)
        assert json.loads(entry)["body"]["commitment"] == opening.commitment
        proof = writer.shard(PLATFORM).inclusion_proof(opening.platform_id.index, head.size).sha256
        check_inclusion(SHA256, proof, SHA256.leaf(entry), bytes.fromhex(head.root_sha256))
        assert opening.platform_origin == head.origin
        assert writer.opening(GLOBEX).nonce != opening.nonce


def test_an_earlier_checkpoint_can_be_opened_after_a_restart(tmp_path: Path) -> None:
    with open_store(tmp_path) as writer:
        writer.append(EntryBatch.encode([event("a")]))
        note = writer.publish(ACME).checkpoint
        first = writer.opening(ACME)
        writer.append(EntryBatch.encode([event("b")]))
        writer.publish(ACME)
    with open_store(tmp_path) as writer:
        assert writer.opening(ACME, log=LogName(2026), note=note) == first
        assert writer.opening(ACME) != first


def test_what_was_not_published_cannot_be_opened(tmp_path: Path) -> None:
    with open_store(tmp_path) as writer:
        for note in (None, "another\n"):
            with pytest.raises(NotFound, match="no such checkpoint"):
                writer.opening(ACME, note=note)


def test_publishing_again_commits_once(tmp_path: Path) -> None:
    with published(tmp_path) as writer:
        size = writer.shard(PLATFORM).size
        writer.publish(ACME)
        writer.publish_platform()
        assert writer.shard(PLATFORM).size == size


def test_a_checkpoint_that_was_signed_before_a_crash_is_committed_with_the_next_platform_publication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    with open_store(tmp_path) as writer, monkeypatch.context() as patch:
        writer.append(EntryBatch.encode([event("a")]))
        patch.setattr("chain.writer.encode_tenant_checkpoint", crash)
        with pytest.raises(KeyboardInterrupt):
            writer.publish(ACME)
    with open_store(tmp_path) as writer:
        writer.publish_platform()
        assert writer.opening(ACME).platform_id.index == 0


def test_the_platforms_own_events_are_recorded_beside_them_and_once(tmp_path: Path) -> None:
    receipt = event("anchor/1", tenant=PLATFORM, type=EventType.ANCHOR_RECEIPT)
    with open_store(tmp_path) as writer:
        first = writer.platform_append([receipt])
        assert writer.platform_append([receipt]) == first
        assert (str(first[0].id), first[0].origin) == ("2026-0", "example.org/evidence/_platform/2026")


def test_neither_door_leads_to_the_other_logs(tmp_path: Path) -> None:
    with open_store(tmp_path) as writer:
        with pytest.raises(NotFound, match="no such tenant"):
            writer.append(EntryBatch.encode([event("a", tenant=PLATFORM)]))
        with pytest.raises(NotFound, match="not the platform's"):
            writer.platform_append([event("a")])


@pytest.mark.parametrize("type", [EventType.BLOCK_SEALED, EventType.SHARD_OPENED, EventType.TENANT_CHECKPOINT])
def test_what_the_log_says_of_itself_cannot_be_said_by_others(type: EventType) -> None:
    with pytest.raises(InputError, match="by the log itself"):
        EntryBatch.encode([event("a", type=type)])


def test_the_secret_of_the_nonces_is_never_published(tmp_path: Path) -> None:
    published(tmp_path).close()
    secrets = [path.read_bytes() for path in chain_folder(tmp_path).glob("logs/*/*/commitment.key")]
    assert len(set(secrets)) == 2
    for tenant in (ACME, GLOBEX, PLATFORM):
        content = b"".join(path.read_bytes() for path in tenant_folder(tmp_path, tenant).rglob("*") if path.is_file())
        assert not [secret for secret in secrets if secret in content or secret.hex().encode() in content]
