"""A live tenant's store as the model reads it: nothing later, types as declared, outcomes only when they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from actors.prediction_desk import PredictionDesk
from assessment.learned import prepared, settled
from assessment.tenant_history import known_of, tenant_timeline
from domain.change import ChangeEvent
from domain.finding import PolicyId, Severity, Violation
from domain.inventory import Inventory
from domain.resource import (
    ConfigurationItem,
    Origin,
    Provider,
    Relationship,
    RelationshipKind,
    ResourceId,
    Strength,
    resource_key,
)
from domain.tenancy import TenantId
from graph.stores.contract import ScanRecord
from graph.stores.memory import MemoryStore
from training.activity import Prior
from training.cochange import Surroundings
from training.outcomes import Came, Why
from training.task import features_of, see

ACME, START = TenantId("acme"), datetime(2026, 1, 5, tzinfo=UTC)
BUCKET, KEY = "arn:aws:s3:::shop", "arn:aws:kms:eu-west-1:1:key/k"


def _item(uid: str, kind: str, at: datetime, **properties: int) -> ConfigurationItem:
    return ConfigurationItem(
        tenant=ACME, uid=ResourceId(uid), provider=Provider.AWS, type=kind, name=uid[-4:], scope="1/eu", region="eu",
        tags={}, properties=properties, captured_at=at, digest=f"{uid}{properties}", origin=Origin("live"),
    )  # fmt: skip


def _seen(store: MemoryStore, at: datetime, **properties: int) -> None:
    items = (_item(KEY, "AWS::KMS::Key", START), _item(BUCKET, "AWS::S3::Bucket", at, **properties))
    store.put_inventory(Inventory(items, (), (), (), 0), "all", at)


def _scan(store: MemoryStore, at: datetime, *found: str) -> None:
    violations = frozenset(Violation(ResourceId(uid), PolicyId("P"), Severity.HIGH) for uid in found)
    store.save_scan(ScanRecord(at.isoformat(), at, {"policies": ["P"], "scope": None, "type": None}, violations))


def _event(uid: str, at: datetime, **properties: int) -> ChangeEvent:
    return ChangeEvent(ResourceId(uid), at, _item(uid, "AWS::S3::Bucket", at, **properties))


def _store() -> MemoryStore:
    store = MemoryStore(ACME)
    _seen(store, START, a=1)
    store.put_relationships(
        [Relationship(ResourceId(BUCKET), ResourceId(KEY), RelationshipKind.ENCRYPTED_BY, Strength.HARD, "k")]
    )
    _scan(store, START + timedelta(hours=1))
    _seen(store, START + timedelta(days=10), a=2)
    _scan(store, START + timedelta(days=11), BUCKET)
    return store


def test_versions_scans_and_relationships_become_a_history() -> None:
    history = tenant_timeline(_store(), end=START + timedelta(days=20))
    past = history.until(START + timedelta(days=20))
    assert past.cloud == "aws"
    assert set(past.nodes.type.names) == {"resource:aws_s3_bucket", "resource:aws_kms_key"}
    assert past.events.action.tolist().count(1) == 1, "one update"
    assert len(past.edges.at) == 1
    opened = past.findings.at[past.findings.opened]
    assert opened.tolist() == [int((START + timedelta(days=10)).timestamp() * 1e6)], "when the judged state began"


def test_a_change_is_the_outcome_of_the_week_before_it() -> None:
    history = tenant_timeline(_store(), end=START + timedelta(days=20))
    before, after, unknown = (START + timedelta(days=days) for days in (5, 12, 15))
    found = settled(history, [before, after, unknown])
    assert set(found) == {before, after}, "the last one's week is not over"
    row = found[before].uids.index(BUCKET)
    assert found[before].came[row].tolist() == [Came.YES] * 3
    assert (found[after].came == Came.NO).all()


def test_features_do_not_know_what_came_later() -> None:
    store, cutoff = _store(), START + timedelta(days=5)
    ours = prepared(tenant_timeline(store, end=cutoff), Prior({}), as_of=cutoff, version=1)
    later = prepared(tenant_timeline(store, end=START + timedelta(days=20)), Prior({}), as_of=cutoff, version=1)
    assert ours.uids == later.uids
    kept = [at for at, name in enumerate(ours.names) if not name.startswith(("near.", "degree."))]
    np.testing.assert_array_equal(ours.values[:, kept], later.values[:, kept])


def test_what_the_store_does_not_know_is_not_said() -> None:
    store, now = _store(), START + timedelta(days=30)
    history, cutoff = tenant_timeline(store, end=now), START + timedelta(days=2)
    found = settled(history, [cutoff], known_of(store.archive(), now=now))[cutoff].rows_of((BUCKET, KEY, "gone"))
    assert found.why[:, 2].tolist() == [Why.NOT_SEEN, Why.NOTHING, Why.NOT_SEEN], "the key was seen on day ten again"
    assert found.came[1].tolist() == [Came.NO] * 3, "and a scan came on day eleven"
    later = START + timedelta(days=12)
    found = settled(history, [later], known_of(store.archive(), now=now))[later]
    assert (found.came == Came.UNKNOWN).all()


def test_what_is_gone_is_known_to_be_gone_and_counts_as_prevented() -> None:
    store = _store()
    key = _item(KEY, "AWS::KMS::Key", START)
    store.put_inventory(Inventory((key,), (), (), (), 0), "all", START + timedelta(days=14))
    _scan(store, START + timedelta(days=21))
    now, cutoff = START + timedelta(days=30), START + timedelta(days=12)
    found = settled(tenant_timeline(store, end=now), [cutoff], known_of(store.archive(), now=now))[cutoff]
    found = found.rows_of((BUCKET,))
    assert found.came[0].tolist() == [Came.PREVENTED] * 3
    assert found.why[0].tolist() == [Why.DELETED] * 3


def test_while_events_come_a_state_that_an_event_brought_holds() -> None:
    store = MemoryStore(ACME)
    store.apply([_event(BUCKET, START), _event(KEY, START)])
    known = known_of(store.archive(), now=START + timedelta(days=30))
    assert not known.is_seen(BUCKET, START + timedelta(days=7))
    store.apply([_event(KEY, START + timedelta(days=8), a=2)])
    known = known_of(store.archive(), now=START + timedelta(days=30))
    assert known.is_seen(BUCKET, START + timedelta(days=7))
    assert not known.is_seen(BUCKET, START + timedelta(days=9)), "since then nothing was heard"


def test_a_tenant_is_prepared_again_only_after_a_change_or_an_hour() -> None:
    store = _store()
    desk = PredictionDesk(lambda: Prior({}), store)
    now = START + timedelta(days=20, minutes=5)
    first = desk.prepared(now)
    assert desk.prepared(now + timedelta(minutes=30)) is first
    assert desk.prepared(now + timedelta(hours=1)) is not first
    second = desk.prepared(now + timedelta(hours=1))
    _seen(store, START + timedelta(days=20, minutes=1), a=3)
    assert desk.prepared(now + timedelta(hours=1)) is not second


def test_pairs_of_a_live_resource_are_those_that_are_learned_from() -> None:
    store, now = _store(), START + timedelta(days=20)
    desk = PredictionDesk(lambda: Prior({}), store)
    whole = desk.prepared(now)
    found = desk.cochanging(BUCKET, now)
    assert found is not None
    (seen,), own = see([tenant_timeline(store, end=now)], now)
    known = features_of(seen, own)
    anchor = seen.past.nodes.uids.index(resource_key(BUCKET))
    wanted = Surroundings.of(seen, known).candidates(np.array([anchor], np.int32))
    np.testing.assert_array_equal(found.values, wanted.values)
    assert found.candidates == tuple(seen.past.nodes.uids[node] for node in wanted.candidates)
    assert len(found.candidates) > 0
    assert set(found.candidates) <= set(whole.uids)
    assert (found.version, found.as_of) == (whole.version, whole.as_of)
    assert desk.cochanging("/none", now) is None


def test_the_past_that_pairs_come_from_is_kept_until_the_graph_is_made_anew() -> None:
    store, now = _store(), START + timedelta(days=20, minutes=5)
    desk = PredictionDesk(lambda: Prior({}), store)
    before = desk.cochanging(BUCKET, now)
    _seen(store, START + timedelta(days=20, minutes=1), a=3)
    after = desk.cochanging(BUCKET, now)
    assert before is not None
    assert after is not None
    assert (after.version, after.changes) == (store.version(), before.changes + 1)
