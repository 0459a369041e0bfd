"""Custody of keys through the actor: every step shows in what strangers verify, and may be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.evidence_chain import EvidenceChain
from actors.folders import Folders
from actors.log_custody import CustodyOrder, CustodyStep
from chain.batch import EntryBatch
from chain.note import parse_verifier_key
from chain.trust import TrustPolicy
from chain.verify import verify_directory
from domain.errors import ConflictError, InputError, IntegrityError
from domain.evidence import EventType, EvidenceEvent, LogName
from domain.tenancy import PLATFORM, TenantId

ACME = TenantId("acme")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


class Summer:
    time = NOON

    def now(self) -> datetime:
        return self.time


def order(step: CustodyStep, **more: bool) -> CustodyOrder:
    return CustodyOrder(step, NOON, "because of a test", "role:key-custodian", **more)


def event(name: str) -> EvidenceEvent:
    return EvidenceEvent(ACME, name, EventType.SCAN_RESULT, NOON, {"id": name})


def append(chain: EvidenceChain, *names: str) -> list[str]:
    batch = EntryBatch.encode(map(event, names))
    return [str(receipt.id) for receipt in chain.append(batch).receipts(batch)]


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EvidenceChain]:
    found = EvidenceChain(Folders(tmp_path), Summer())
    append(found, "first")
    yield found
    found.close()


def statuses(chain: EvidenceChain, tenant: TenantId = ACME) -> list[tuple[str, str]]:
    return [(row.log, row.status) for row in chain.log_keys(tenant) if "sha3" not in row.key]


def test_a_rotation_is_published_and_listed(chain: EvidenceChain) -> None:
    chain.publish(ACME)
    (old, _) = chain.log_keys(ACME)
    for _ in range(2):
        rows = chain.keep_keys(ACME, order(CustodyStep.ROTATE))
        assert [row.status for row in rows] == ["overlap", "active"] * 2
    assert chain.verify(ACME).ok
    for _ in range(2):
        chain.keep_keys(ACME, order(CustodyStep.END_OVERLAP))
        assert statuses(chain) == [("2026", "retired"), ("2026", "active")]
    assert chain.verify(ACME).findings == ()
    assert chain.log_keys(ACME)[0].key == old.key
    last = chain.log_keys(ACME)[0].last_size
    assert last is not None
    assert last > 0


def test_a_new_pair_can_be_withdrawn(chain: EvidenceChain) -> None:
    chain.publish(ACME)
    chain.keep_keys(ACME, order(CustodyStep.ROTATE))
    chain.keep_keys(ACME, order(CustodyStep.WITHDRAW))
    assert statuses(chain) == [("2026", "active"), ("2026", "retired")]


def test_an_overlap_that_is_none_cannot_end(chain: EvidenceChain) -> None:
    with pytest.raises(ConflictError, match="never replaced"):
        chain.keep_keys(ACME, order(CustodyStep.END_OVERLAP))


def test_a_freeze_needs_to_be_confirmed(chain: EvidenceChain) -> None:
    chain.publish(ACME)
    with pytest.raises(InputError, match="stays frozen for ever"):
        chain.keep_keys(ACME, order(CustodyStep.FREEZE))
    assert append(chain, "second") == ["2026-2"]


@pytest.mark.parametrize("trusts_keys", [False, True])
def test_a_freeze_ends_one_log_and_begins_the_next(chain: EvidenceChain, tmp_path: Path, trusts_keys: bool) -> None:
    chain.publish(ACME)
    chain.keep_keys(ACME, order(CustodyStep.FREEZE, is_confirmed=True, trusts_keys=trusts_keys))
    assert statuses(chain) == [("2026s2", "active"), ("2026", "active")]
    assert [row.frozen_at is None for row in chain.log_keys(ACME)] == [True, True, False, False]
    assert append(chain, "first", "second") == ["2026-0", "2026s2-2"]
    chain.publish(ACME)
    assert chain.verify(ACME).findings == ()
    said = chain.entry(ACME, LogName(2026, 2).entry(0)).entry["body"]
    assert isinstance(said, dict)
    assert (said["distrusted"] == []) is trusts_keys
    assert str(said["final_note"]).count("\u2014") == (2 if trusts_keys else 1)
    assert [status.name for status in chain.heads(ACME)] == [LogName(2026), LogName(2026, 2)]


def test_after_a_rotation_a_freeze_distrusts_every_key_of_the_log(chain: EvidenceChain) -> None:
    chain.publish(ACME)
    chain.keep_keys(ACME, order(CustodyStep.ROTATE))
    chain.keep_keys(ACME, order(CustodyStep.FREEZE, is_confirmed=True))
    said = chain.entry(ACME, LogName(2026, 2).entry(0)).entry["body"]
    assert isinstance(said, dict)
    assert isinstance(said["distrusted"], list)
    assert len(said["distrusted"]) == 4
    assert chain.verify(ACME).findings == ()


def test_a_log_whose_keys_are_lost_is_frozen_and_goes_on(tmp_path: Path) -> None:
    chain = EvidenceChain(Folders(tmp_path), Summer())
    append(chain, "first")
    chain.publish(ACME)
    append(chain, "second")
    chain.close()
    for path in (tmp_path / "chain/logs/acme/2026").glob("log*.key"):
        path.unlink()
    with pytest.raises(IntegrityError, match="not held"):
        chain.keep_keys(ACME, order(CustodyStep.FREEZE, is_confirmed=True))
    chain.keep_keys(ACME, order(CustodyStep.FREEZE, is_confirmed=True, can_write=False))
    assert append(chain, "second", "third") == ["2026s2-1", "2026s2-3"]
    chain.close()


def test_the_turn_of_the_year_comes_before_a_rotation(tmp_path: Path) -> None:
    clock = Summer()
    chain = EvidenceChain(Folders(tmp_path), clock)
    append(chain, "first")
    clock.time = NOON.replace(year=2027)
    chain.keep_keys(ACME, order(CustodyStep.ROTATE))
    assert statuses(chain) == [("2027", "overlap"), ("2027", "active"), ("2026", "active")]
    assert chain.verify(ACME).findings == ()
    chain.close()


def test_the_platforms_own_keys_are_kept_the_same_way(chain: EvidenceChain, tmp_path: Path) -> None:
    chain.publish(ACME)
    chain.publish_platform()
    chain.keep_keys(PLATFORM, order(CustodyStep.ROTATE))
    keys = [parse_verifier_key(row.key) for row in chain.log_keys(PLATFORM) if row.status == "overlap"]
    chain.keep_keys(PLATFORM, order(CustodyStep.END_OVERLAP))
    assert statuses(chain, PLATFORM) == [("2026", "retired"), ("2026", "active")]
    chain.keep_keys(PLATFORM, order(CustodyStep.FREEZE, is_confirmed=True, trusts_keys=True))
    found = [parse_verifier_key(row.key) for row in chain.log_keys(PLATFORM) if row.log == "2026s2"]
    report = verify_directory(chain.publish_platform().directory, policy=TrustPolicy((*keys, *found)))
    assert (report.findings, report.key_trusted) == ((), True)
