"""What every graph store promises, over each implementation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InputError, NotFound
from domain.finding import PolicyId, Severity, Violation
from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from domain.tenancy import TenantId
from graph.stores.contract import CHANGE_KINDS, ChangeKind, GraphStore, PutCounts, ScanRecord, StoredDefinition
from tests.contract.graph_stores import Opener
from tests.unit.graph.estate import NOON, TENANT, inventory, item

HOUR = timedelta(hours=1)


def digests(uid: str, *values: int) -> list[str]:
    """Of documents that hold one value each."""
    return [item(uid, properties={"v": value}).digest for value in values]


RICH = item(
    "/subscriptions/S/resourceGroups/G/providers/Microsoft.Web/sites/Blue",
    "Microsoft.Web/sites",
    {"n": 2**70, "f": 0.1, "t": "ä\ud800", "nested": [{"x": None}, True, []]},
    scope="/subscriptions/S/resourceGroups/G",
    tags={"z": "1", "a": ""},
    captured_at=datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    unread=("siteConfig", "*"),
    synthetic=True,
    line=0,
)


def test_items_come_back_as_they_went_in(store: GraphStore) -> None:
    plain = item("arn:aws:s3:::b", "AWS::S3::Bucket", {"Name": "b"})
    counts = store.put_inventory(inventory(RICH, plain), "all", NOON)
    assert counts == PutCounts(new=2)
    assert store.items() == (RICH, plain)
    assert store.item(RICH.uid.upper().replace("/SUBSCRIPTIONS", "/subscriptions")) == RICH
    assert store.tenant == TENANT


def test_a_repeated_inventory_changes_nothing(store: GraphStore) -> None:
    former = item("a", properties={"v": 0}, captured_at=NOON - 2 * HOUR)
    run = inventory(item("a", properties={"v": 1}, captured_at=NOON - HOUR), former=(former,))
    store.put_inventory(run, "all", NOON)
    before = store.history("a")
    assert store.put_inventory(run, "all", NOON + HOUR) == PutCounts(unchanged=1)
    assert store.history("a") == before
    assert [version.digest for version in before] == digests("a", 0, 1)


def test_a_replaced_observation_without_a_time_has_no_place_in_history(store: GraphStore) -> None:
    untimed = item("a", properties={"v": -1})
    store.put_inventory(inventory(item("a", properties={"v": 1}), former=(untimed,)), "all", NOON)
    assert [version.digest for version in store.history("a")] == digests("a", 1)


def test_an_unchanged_item_shows_where_it_was_seen_last(store: GraphStore) -> None:
    store.put_inventory(inventory(item("a", line=1)), "all", NOON)
    moved = item("a", line=7, captured_at=NOON + HOUR)
    assert store.put_inventory(inventory(moved), "all", NOON + HOUR) == PutCounts(unchanged=1)
    assert store.items() == (moved,)
    assert len(store.history("a")) == 1


def test_reads_as_of_an_instant_see_the_state_of_then(store: GraphStore) -> None:
    store.put_inventory(inventory(item("a", properties={"v": 1}), item("b")), "all", NOON)
    store.put_inventory(inventory(item("a", properties={"v": 2})), "all", NOON + HOUR)
    assert store.items(NOON - HOUR) == ()
    assert [(found.uid, found.properties) for found in store.items(NOON)] == [("a", {"v": 1}), ("b", {})]
    assert [(found.uid, found.properties) for found in store.items(NOON + HOUR)] == [("a", {"v": 2})]
    assert [found.uid for found in store.items()] == ["a"]


def test_only_a_gap_free_inventory_of_the_same_collection_retires(store: GraphStore) -> None:
    store.put_inventory(inventory(item("a"), item("b")), "east", NOON)
    store.put_inventory(inventory(item("b"), item("c")), "west", NOON)
    assert store.put_inventory(inventory(item("c"), is_complete=False), "west", NOON + HOUR).retired == 0
    assert store.put_inventory(inventory(), "north", NOON + HOUR).retired == 0
    assert store.put_inventory(inventory(), "east", NOON + HOUR).retired == 1
    assert [found.uid for found in store.items()] == ["b", "c"]
    assert store.put_inventory(inventory(item("c")), "west", NOON + 2 * HOUR).retired == 1
    assert [found.uid for found in store.items()] == ["c"]
    with pytest.raises(NotFound):
        store.item("a")


def test_a_retired_resource_that_returns_is_new(store: GraphStore) -> None:
    store.put_inventory(inventory(item("a")), "all", NOON)
    store.put_inventory(inventory(), "all", NOON + HOUR)
    old = item("a", captured_at=NOON - HOUR)
    assert store.put_inventory(inventory(old), "all", NOON + 2 * HOUR) == PutCounts(new=1)
    assert [version.kind for version in store.history("a")] == [ChangeKind.NEW, ChangeKind.RETIRED, ChangeKind.NEW]
    assert store.items() == (old,)


def test_an_older_observation_is_history_and_not_state(store: GraphStore) -> None:
    store.put_inventory(inventory(item("a", properties={"v": 2}, captured_at=NOON)), "all", NOON)
    late = inventory(item("a", properties={"v": 1}, captured_at=NOON - HOUR))
    assert store.put_inventory(late, "all", NOON + HOUR) == PutCounts(older=1)
    assert store.item("a").properties == {"v": 2}
    assert [version.digest for version in store.history("a")] == digests("a", 1, 2)
    assert [found.properties for found in store.items(NOON - HOUR)] == [{"v": 1}]
    assert store.history("never seen") == ()


def test_changes_are_columns_in_order_of_time(store: GraphStore) -> None:
    store.put_inventory(inventory(item("a", scope="/s"), item("b")), "all", NOON)
    store.put_inventory(inventory(item("a", scope="/s", properties={"v": 2})), "all", NOON + HOUR)
    changes = store.changes(NOON - HOUR, NOON + HOUR)
    kinds = [CHANGE_KINDS[kind].value for kind in changes.kinds]
    assert list(zip(changes.uids, kinds, strict=True)) == [
        ("a", "new"),
        ("b", "new"),
        ("a", "changed"),
        ("b", "retired"),
    ]
    assert changes.scopes == ("/s", "", "/s", "")
    assert changes.types == ("Example.Test/things",) * 4
    assert changes.at_us[0] == int(NOON.timestamp()) * 1_000_000
    assert len(store.changes(NOON, NOON + HOUR)) == 2
    assert len(store.changes(NOON + HOUR, NOON + 2 * HOUR)) == 0


def test_another_tenants_item_is_refused_and_nothing_is_kept(store: GraphStore) -> None:
    stranger = item("b", tenant=TenantId("globex"))
    with pytest.raises(InputError) as refused:
        store.put_inventory(inventory(item("a"), stranger), "all", NOON)
    assert refused.value.facts["got"] == "globex"
    assert store.items() == ()


def test_one_tenant_never_sees_anothers_state(opened: Opener) -> None:
    acme, globex = opened(TENANT), opened(TenantId("globex"))
    acme.put_inventory(inventory(item("a")), "all", NOON)
    acme.save_scan(ScanRecord("scan-1", NOON, {}))
    acme.save_definitions([StoredDefinition("p", {}, "f", "runs")])
    acme.put_relationships([Relationship(ResourceId("a"), ResourceId("b"), *_MEANING, "p")])
    assert globex.items() == ()
    assert globex.history("a") == ()
    assert len(globex.changes(NOON - HOUR, NOON + HOUR)) == 0
    assert (globex.scans(), globex.definitions(), globex.relationships()) == ((), (), ())
    with pytest.raises(NotFound):
        globex.item("a")
    with pytest.raises(NotFound):
        globex.violations_of("scan-1")


_MEANING = (RelationshipKind.NETWORK, Strength.HARD)


def test_relationships_are_replaced_and_ordered(store: GraphStore) -> None:
    first = Relationship(ResourceId("a"), ResourceId("b"), *_MEANING, "x.y")
    second = Relationship(ResourceId("a"), ResourceId("c"), *_MEANING, "x")
    store.put_relationships([second, first, first])
    assert store.relationships() == (first, second)
    store.put_relationships([])
    assert store.relationships() == ()


def test_scans_keep_what_they_found(store: GraphStore) -> None:
    assert store.last_scan() is None
    found = frozenset({Violation(ResourceId("a"), PolicyId("p"), Severity.HIGH)})
    first = ScanRecord("one", NOON + HOUR, {"total": 1}, found)
    second = ScanRecord("two", NOON, {"total": 0})
    store.save_scan(first)
    store.save_scan(second)
    assert store.last_scan() == second
    assert store.violations_of("one") == found
    assert store.violations_of("two") == frozenset()
    assert [(scan.scan_id, scan.summary) for scan in store.scans()] == [("one", {"total": 1}), ("two", {"total": 0})]
    store.save_scan(first)
    assert store.last_scan() == first
    assert len(store.scans()) == 2
    with pytest.raises(NotFound):
        store.violations_of("three")


def test_definitions_are_kept_by_policy_id(store: GraphStore) -> None:
    store.save_definitions([])
    store.save_definitions([StoredDefinition("b", {"v": 1}, "f", "runs"), StoredDefinition("a", {}, "f", "invalid")])
    store.save_definitions([StoredDefinition("b", {"v": 2}, "g", "runs")])
    assert [(row.policy_id, row.document, row.origin) for row in store.definitions()] == [
        ("a", {}, "f"),
        ("b", {"v": 2}, "g"),
    ]
