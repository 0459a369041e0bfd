from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.drift_desk import TOPIC, DriftDesk
from actors.drift_pages import LIMIT_MAX, DriftQuery
from actors.drift_shelf import AUDIT_MAX, DriftShelf
from actors.policy_catalogue import builtin_policies
from assessment.drift_evidence import drift_events
from assessment.inputs import AssessedPolicy
from domain.change import ChangeEvent
from domain.drift import AuditEntry, Baseline, DriftKind
from domain.errors import InputError, IntegrityError, NotFound, UnavailableError
from domain.evidence_schema import require_body
from domain.finding import Severity
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import Json
from graph.stores.memory import MemoryStore
from tests.unit.graph.drift.estate import NOW, QUEUE, TENANT, baseline, declared, item

POLICIES = builtin_policies()


class Told(list[dict[str, Any]]):
    """What listeners were told."""

    def tell(self, tenant: TenantId, topic: str, payloads: Sequence[bytes]) -> None:
        assert (tenant, topic) == (TENANT, TOPIC)
        self.extend(orjson.loads(payload) for payload in payloads)

    @property
    def words(self) -> list[tuple[str, str]]:
        return [(row["event"], row["drift"]["resource_id"]) for row in self]


class Rules:
    """What judges a tenant: the built-in policies."""

    def of(self, sources: Sequence[str]) -> tuple[AssessedPolicy, ...]:
        return POLICIES


class Estate:
    """A tenant's resources in a store."""

    def __init__(self, *items: ConfigurationItem) -> None:
        self.tenant = TENANT
        self.store = MemoryStore(TENANT)
        self.policies = Rules()
        self.put(*items)

    def put(self, *items: ConfigurationItem) -> None:
        ordered = tuple(sorted(items, key=lambda each: each.uid))
        self.store.put_inventory(Inventory(ordered, (), (), (), 0), "all", NOW)

    def items(self) -> tuple[ConfigurationItem, ...]:
        return self.store.items()


@pytest.fixture
def told() -> Told:
    return Told()


def queue(delay: int, *, hours: int = 0, uid: str = QUEUE) -> ConfigurationItem:
    return item(uid, properties={"DelaySeconds": delay}, at=NOW + timedelta(hours=hours))


def shop() -> Baseline:
    return baseline(declared(properties={"DelaySeconds": 5}), at=NOW - timedelta(days=1))


def change(estate: Estate, desk: DriftDesk, delay: int | None, *, hours: int, **who: str) -> Any:
    at = NOW + timedelta(hours=hours)
    after = None if delay is None else queue(delay, hours=hours)
    events = [ChangeEvent(ResourceId(QUEUE), at, after, **who)]
    return desk.observe(estate.store.apply(events).changes, at, events=events)


def test_a_change_behind_the_baselines_back_is_told_at_once(tmp_path: Path, told: Told) -> None:
    estate = Estate(queue(5))
    desk = DriftDesk(estate, tmp_path, told.tell)
    assert desk.declare([shop()], NOW) == ()
    rows = change(estate, desk, 9, hours=1, principal="alice", operation="sqs:SetQueueAttributes")
    assert told.words == [("detected", QUEUE)]
    assert told[0]["drift"]["changed_by"]["principal"] == "alice"
    assert told[0]["drift"]["attributes"] == [{"path": "DelaySeconds", "expected": 5, "actual": 9}]
    assert rows == tuple(told)
    (evidence,) = drift_events(rows, TENANT)
    require_body(evidence.type, dict(evidence.body))
    assert "alice" not in repr(evidence.body)
    change(estate, desk, 7, hours=2)
    change(estate, desk, 5, hours=3)
    assert [event for event, _ in told.words] == ["detected", "changed", "resolved"]


def test_a_deleted_resource_is_missing_and_a_new_one_unmanaged(tmp_path: Path, told: Told) -> None:
    estate = Estate(queue(5))
    desk = DriftDesk(estate, tmp_path, told.tell)
    desk.declare([shop()], NOW)
    change(estate, desk, None, hours=1)
    other = "arn:aws:sqs:eu-central-1:123456789012:other"
    events = [ChangeEvent(ResourceId(other), NOW, queue(1, uid=other))]
    desk.observe(estate.store.apply(events).changes, NOW)
    page = desk.active(DriftQuery(), NOW)
    assert {(row["kind"], row["resource_id"]) for row in page.items} == {("missing", QUEUE), ("unmanaged", other)}
    assert desk.active(DriftQuery(kind=DriftKind.MISSING), NOW).items[0]["severity"] == "medium"


def test_nothing_drifts_without_a_baseline(tmp_path: Path, told: Told) -> None:
    estate = Estate(queue(5))
    desk = DriftDesk(estate, tmp_path, told.tell)
    assert change(estate, desk, 9, hours=1) == ()
    assert desk.active(DriftQuery(), NOW).items == ()


def test_the_next_process_knows_what_was_open_and_tells_nothing_twice(tmp_path: Path, told: Told) -> None:
    estate = Estate(queue(5))
    DriftDesk(estate, tmp_path, told.tell).declare([shop()], NOW)
    change(estate, DriftDesk(estate, tmp_path, told.tell), 9, hours=1)
    before = list(told)
    again = DriftDesk(estate, tmp_path, told.tell)
    row = again.active(DriftQuery(), NOW + timedelta(days=1)).items[0]
    assert list(told) == before
    assert row == before[0]["drift"]
    assert [each["name"] for each in again.baselines()] == ["shop"]
    estate.put(queue(5, hours=9))
    again.check(NOW + timedelta(hours=9))
    assert told.words[-1] == ("resolved", QUEUE)


def test_a_baseline_of_the_same_name_replaces_and_a_withdrawn_one_resolves(tmp_path: Path, told: Told) -> None:
    estate = Estate(queue(9))
    desk = DriftDesk(estate, tmp_path, told.tell)
    desk.declare([shop()], NOW)
    desk.declare([baseline(declared(properties={"DelaySeconds": 9}))], NOW)
    assert [event for event, _ in told.words] == ["detected", "resolved"]
    desk.declare([shop()], NOW)
    desk.withdraw("shop", NOW)
    assert [event for event, _ in told.words[2:]] == ["detected", "resolved"]
    with pytest.raises(NotFound):
        desk.withdraw("shop", NOW)


def test_audit_entries_that_come_later_still_name_who_it_was(tmp_path: Path, told: Told) -> None:
    estate = Estate(queue(9))
    desk = DriftDesk(estate, tmp_path, told.tell)
    desk.declare([shop()], NOW)
    entry = AuditEntry((QUEUE,), NOW - timedelta(hours=1), "alice", "sqs:SetQueueAttributes", Provider.AWS, "e1")
    desk.blame([entry, entry], NOW)
    assert [(row["event"], row["drift"]["changed_by"] is None) for row in told] == [
        ("detected", True),
        ("changed", False),
    ]
    assert DriftShelf(tmp_path).audit() == (entry,)
    assert desk.blame([entry], NOW) == ()


def test_severity_is_that_of_the_worst_policy_that_reads_the_attribute(tmp_path: Path) -> None:
    bucket = "arn:aws:s3:::data"
    closed: dict[str, Json] = {"PublicAccessBlock": {"BlockPublicAcls": True}, "Unheard": {"Of": 1}}
    estate = Estate(
        item(bucket, "AWS::S3::Bucket", {"PublicAccessBlock": {"BlockPublicAcls": False}, "Unheard": {"Of": 1}})
    )
    desk = DriftDesk(estate, tmp_path)
    desk.declare([baseline(declared(bucket, "AWS::S3::Bucket", closed))], NOW)
    (row,) = desk.active(DriftQuery(), NOW).items
    assert Severity(str(row["severity"])).rank <= Severity.HIGH.rank
    policies = row["policies"]
    assert isinstance(policies, list)
    assert any("public" in str(policy) for policy in policies)
    desk.declare([baseline(declared(bucket, "AWS::S3::Bucket", {"Unheard": {"Of": 2}}))], NOW)
    (row,) = desk.active(DriftQuery(), NOW).items
    assert (row["severity"], row["policies"]) == ("low", [])


def _many(tmp_path: Path, count: int) -> DriftDesk:
    uids = [f"arn:aws:sqs:eu-central-1:123456789012:q{number:03}" for number in range(count)]
    estate = Estate(*(queue(9, uid=uid) for uid in uids))
    desk = DriftDesk(estate, tmp_path)
    desk.declare([baseline(*(declared(uid, properties={"DelaySeconds": 5}) for uid in uids))], NOW)
    return desk


def test_pages_follow_each_other_without_gap_or_repeat(tmp_path: Path) -> None:
    desk = _many(tmp_path, 25)
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        page = desk.active(DriftQuery(limit=10, cursor=cursor), NOW)
        assert page.total == 25
        seen += [str(row["resource_id"]) for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 25
    assert desk.active(DriftQuery(limit=LIMIT_MAX), NOW).next_cursor is None
    with pytest.raises(InputError):
        desk.active(DriftQuery(cursor="nonsense"), NOW)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (DriftQuery(severity=Severity.CRITICAL), 0),
        (DriftQuery(kind=DriftKind.CHANGED), 3),
        (DriftQuery(type="aws::sqs::queue"), 3),
        (DriftQuery(type="AWS::S3::Bucket"), 0),
        (DriftQuery(scope="/ACCOUNTS/123456789012"), 3),
        (DriftQuery(scope="/accounts/1"), 0),
        (DriftQuery(baseline="shop"), 3),
        (DriftQuery(baseline="other"), 0),
        (DriftQuery(resource_id="arn:aws:sqs:eu-central-1:123456789012:q001"), 1),
        (DriftQuery(since=NOW), 3),
        (DriftQuery(since=NOW + timedelta(days=1)), 0),
    ],
)
def test_filters(tmp_path: Path, query: DriftQuery, count: int) -> None:
    assert len(_many(tmp_path, 3).active(query, NOW).items) == count


def test_one_drift_is_found_by_its_id(tmp_path: Path) -> None:
    desk = _many(tmp_path, 1)
    (row,) = desk.active(DriftQuery(), NOW).items
    assert desk.drift(str(row["drift_id"])) == row
    with pytest.raises(NotFound):
        desk.drift("nobody")


def test_a_line_that_was_cut_off_is_forgotten_and_one_in_the_middle_is_an_error(tmp_path: Path, told: Told) -> None:
    estate = Estate(queue(5))
    desk = DriftDesk(estate, tmp_path, told.tell)
    desk.declare([shop()], NOW)
    change(estate, desk, 9, hours=1)
    journal = tmp_path / "drifts.ndjson"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[: len(whole) // 2])
    assert len(DriftShelf(tmp_path).drifts()) == 1
    journal.write_bytes(whole[: len(whole) // 2] + b"\n" + whole)
    with pytest.raises(IntegrityError):
        DriftShelf(tmp_path).drifts()


def test_the_journal_does_not_grow_without_end(tmp_path: Path, told: Told) -> None:
    estate = Estate(queue(5))
    desk = DriftDesk(estate, tmp_path, told.tell)
    desk.declare([shop()], NOW)
    for hour in range(1, 1_102):
        change(estate, desk, hour + 10, hours=hour)
    assert len((tmp_path / "drifts.ndjson").read_bytes().splitlines()) < 1_000
    assert len(DriftShelf(tmp_path).drifts()) == 1


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", refuse)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_told_as_such_and_the_baseline_is_not_in_force(tmp_path: Path, told: Told) -> None:
    desk = DriftDesk(Estate(queue(9)), tmp_path, told.tell)
    with pytest.raises(UnavailableError) as refused:
        desk.declare([shop()], NOW)
    assert "drift" in refused.value.summary
    assert desk.baselines() == ()


def test_only_so_many_audit_entries_are_kept(tmp_path: Path) -> None:
    shelf = DriftShelf(tmp_path)
    entry = AuditEntry((QUEUE,), NOW, "alice", "x", Provider.AWS)
    shelf.keep_audit([entry] * 3)
    assert len(shelf.audit()) == 3
    assert AUDIT_MAX >= 100_000
