"""What every graph store promises of writers, observed changes, versions and read-outs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise, permutations

import pytest

from domain.change import ChangeEvent
from domain.errors import ConflictError, InputError, NotFound, UnavailableError
from domain.resource import ConfigurationItem, Origin, Relationship, RelationshipKind, ResourceId, Strength
from domain.tenancy import TenantId
from graph.build import build_snapshot
from graph.references import KINDS, STRENGTHS, Dangling
from graph.stores.contract import Applied, ChangedItems, ChangeKind, GraphStore, ItemChange, PutCounts, Version
from tests.contract.graph_stores import Opener
from tests.unit.graph.estate import NOON, TENANT, inventory, item

HOUR = timedelta(hours=1)


def event(uid: str, hours: float, value: int | None, **facts: str) -> ChangeEvent:
    """At NOON plus some hours the resource has a value, or is gone."""
    state = None if value is None else item(uid, properties={"v": value}, captured_at=NOON + hours * HOUR)
    return ChangeEvent(ResourceId(uid), NOON + hours * HOUR, state, **facts)


def line(store: GraphStore, uid: str = "a") -> list[tuple[float, str, object]]:
    """A resource's history as hours, kinds and values."""
    values = {item(uid, properties={"v": value}).digest: value for value in range(100)}
    return [((version.at - NOON) / HOUR, version.kind.value, values[version.digest]) for version in store.history(uid)]


def test_an_event_tells_what_it_changed(store: GraphStore) -> None:
    created, changed, gone = event("a", 1, 1), event("a", 2, 2), event("a", 3, None)
    for told, kind in ((created, ChangeKind.NEW), (changed, ChangeKind.CHANGED)):
        assert store.apply([told]).changes == (ItemChange(told.uid, told.item, told.at, kind),)
    applied = store.apply([gone])
    assert applied.changes == (ItemChange(gone.uid, None, gone.at, ChangeKind.RETIRED),)
    assert applied.counts == PutCounts(retired=1)
    assert applied.version == store.version()
    assert store.items() == ()
    assert line(store) == [(1, "new", 1), (2, "changed", 2), (3, "retired", 2)]


def test_events_end_in_the_same_state_in_whatever_order_they_come(opened: Opener) -> None:
    events = [event("a", 1, 1), event("a", 2, 2), event("a", 3, None), event("a", 4, 4)]
    for number, order in enumerate(permutations(events)):
        store = opened(TenantId(f"tenant-{number}"))
        for each in order:
            mine = None if each.item is None else _of(each.item, store.tenant)
            told = ChangeEvent(each.uid, each.at, mine)
            store.apply([told])
            assert store.apply([told]).changes == ()
        assert [found.properties for found in store.items()] == [{"v": 4}]
        states = [(at, value) for at, kind, value in line(store) if kind != "retired"]
        assert states == [(1, 1), (2, 2), (4, 4)]
        store.close()


def _of(found: ConfigurationItem, tenant: TenantId) -> ConfigurationItem:
    return item(found.uid, properties=found.properties, captured_at=found.captured_at, tenant=tenant)


def test_a_batch_counts_as_one_change_of_each_resource(store: GraphStore) -> None:
    store.apply([event("b", 0, 1)])
    applied = store.apply(
        [event("a", 2, 2), event("a", 1, 1), event("b", 1, 2), event("b", 2, 1), event("c", 1, 1), event("c", 2, None)]
    )
    assert [(each.uid, each.kind, each.after and each.after.properties) for each in applied.changes] == [
        ("a", ChangeKind.NEW, {"v": 2})
    ]
    assert line(store, "b") == [(0, "new", 1), (1, "changed", 2), (2, "changed", 1)]
    assert line(store, "c") == [(1, "new", 1), (2, "retired", 1)]
    assert [found.uid for found in store.items()] == ["a", "b"]


def test_a_late_event_is_history_and_changes_nothing_now(store: GraphStore) -> None:
    store.apply([event("a", 2, 2)])
    version = store.version()
    applied = store.apply([event("a", 1, 1)])
    assert (applied.changes, applied.counts) == ((), PutCounts(older=1))
    assert store.version() == version
    assert line(store) == [(1, "new", 1), (2, "changed", 2)]
    assert store.apply([event("a", 1, 1), event("a", 1.5, 1)]).counts == PutCounts(unchanged=2)


def test_an_event_from_before_a_deletion_brings_nothing_back(store: GraphStore) -> None:
    store.apply([event("a", 1, 1), event("a", 3, None)])
    assert store.apply([event("a", 2, 2)]).changes == ()
    assert store.items() == ()
    assert line(store) == [(1, "new", 1), (2, "changed", 2), (3, "retired", 1)]


def test_a_deletion_of_something_never_seen_is_remembered(store: GraphStore) -> None:
    assert store.apply([event("a", 2, None)]).changes == ()
    assert store.history("a") == ()
    assert store.apply([event("a", 1, 1)]).changes == ()
    assert line(store) == [(1, "new", 1), (2, "retired", 1)]
    store.apply([event("b", 2, None)])
    late = inventory(item("b", captured_at=NOON + HOUR))
    assert store.put(late, "all", NOON + 3 * HOUR).changes == ()
    assert store.items() == ()
    store.apply([event("b", 4, 4)])
    assert [found.uid for found in store.items()] == ["b"]


def test_a_deletion_from_before_anything_was_seen_says_nothing(store: GraphStore) -> None:
    store.apply([event("a", 2, 2)])
    assert store.apply([event("a", 1, None)]).counts == PutCounts(unchanged=1)
    assert line(store) == [(2, "new", 2)]


def test_a_state_that_was_seen_later_is_not_replaced_by_a_change_from_before(store: GraphStore) -> None:
    store.apply([event("a", 1, 1), event("a", 3, 1)])
    assert store.apply([event("a", 2, 2)]).changes == ()
    assert store.item("a").properties == {"v": 1}
    assert line(store) == [(1, "new", 1), (2, "changed", 2), (3, "changed", 1)]


def test_two_states_of_one_instant_count_in_the_order_in_which_they_come(store: GraphStore) -> None:
    first, second = event("a", 1, 1), event("a", 1, 2)
    store.apply([first, second])
    assert store.item("a").properties == {"v": 2}
    assert store.apply([first]).changes == ()
    assert store.apply([second]).changes == ()
    assert store.item("a").properties == {"v": 2}


def test_an_inventory_from_before_an_event_neither_resurrects_nor_retires(store: GraphStore) -> None:
    store.put_inventory(inventory(item("a", captured_at=NOON), item("b", captured_at=NOON)), "all", NOON)
    store.apply([event("a", 2, None), event("b", 2, 2)])
    before = inventory(item("a", captured_at=NOON + HOUR))
    assert store.put(before, "all", NOON + HOUR).changes == ()
    assert [found.uid for found in store.items()] == ["b"]
    later = inventory(item("a", captured_at=NOON + 3 * HOUR))
    kinds = [(change.uid, change.kind) for change in store.put(later, "all", NOON + 3 * HOUR).changes]
    assert kinds == [("a", ChangeKind.NEW), ("b", ChangeKind.RETIRED)]


def test_an_inventory_tells_what_it_changed(store: GraphStore) -> None:
    first = [item("a", properties={"v": 1}), item("b"), item("c")]
    assert [change.kind for change in store.put(inventory(*first), "all", NOON).changes] == [ChangeKind.NEW] * 3
    second = [item("a", properties={"v": 2}), item("c", line=5)]
    applied = store.put(inventory(*second), "all", NOON + HOUR)
    assert [(change.uid, change.after) for change in applied.changes] == [("a", second[0]), ("b", None)]
    assert store.put(inventory(*second), "all", NOON + 2 * HOUR).changes == ()


def test_events_and_where_they_were_read_to_are_kept_together(store: GraphStore) -> None:
    assert store.position("stream") == ""
    store.apply([event("a", 1, 1)], stream="stream", position="7-0")
    store.apply([event("a", 1, 1)], stream="stream", position="8-0")
    store.apply([], stream="other", position="1")
    stranger = ChangeEvent(ResourceId("b"), NOON, item("b", tenant=TenantId("globex")))
    with pytest.raises(InputError, match="another tenant"):
        store.apply([event("c", 1, 1), stranger], stream="stream", position="9-0")
    assert (store.position("stream"), store.position("other")) == ("8-0", "1")
    assert [found.uid for found in store.items()] == ["a"]


def test_an_event_under_another_name_than_its_item_is_refused(store: GraphStore) -> None:
    with pytest.raises(InputError, match="another resource") as refused:
        store.apply([ChangeEvent(ResourceId("b"), NOON, item("a"))])
    assert (refused.value.facts["uid"], refused.value.facts["got"]) == ("b", "a")
    assert store.items() == ()


def test_an_event_of_a_clock_that_is_ahead_is_refused(store: GraphStore) -> None:
    with pytest.raises(InputError, match="future") as refused:
        store.apply([event("a", 0, 1), event("b", 1, 1)], now=NOON)
    assert refused.value.facts["at"] == "2026-03-01T13:00:00Z"
    assert store.items() == ()
    assert len(store.apply([event("a", 0.1, 1)], now=NOON).changes) == 1


def test_a_claim_ends_the_time_of_whoever_wrote_before(opened: Opener) -> None:
    former = opened(TENANT)
    assert former.claim("first") == 1
    former.put_inventory(inventory(item("a")), "all", NOON)
    try:
        present = opened(TENANT)
    except ConflictError:
        former.close()  # a file has one writer at a time, and the epoch outlives it
        present = opened(TENANT)
        assert present.claim("second") == 2
        return
    assert present.claim("second") == 2
    writes: list[Callable[[], object]] = [
        lambda: former.put_inventory(inventory(item("b")), "all", NOON),
        lambda: former.apply([event("b", 1, 1)], stream="s", position="1"),
        lambda: former.put_relationships([]),
        lambda: former.put_relationships_of([ResourceId("a")], []),
        lambda: former.save_definitions([]),
    ]
    for write in writes:
        with pytest.raises(ConflictError, match="claimed") as refused:
            write()
        assert (refused.value.facts["holder"], refused.value.facts["present"]) == ("second", 2)
    present.apply([event("c", 1, 1)])
    assert [found.uid for found in former.items()] == ["a", "c"]
    assert present.position("s") == ""


def test_the_version_grows_with_what_changes_and_with_nothing_else(store: GraphStore) -> None:
    versions = [store.version()]

    def note() -> None:
        versions.append(store.version())

    store.put_inventory(inventory(item("a"), item("b")), "all", NOON)
    note()
    store.put_inventory(inventory(item("a", line=9), item("b")), "all", NOON + HOUR)
    note()
    store.put_relationships([_between("a", "b")])
    note()
    store.put_relationships([_between("a", "b")])
    store.put_relationships_of([ResourceId("a")], [_between("a", "b")])
    note()
    store.put_relationships_of([ResourceId("a")], [])
    note()
    steps = [after > before for before, after in pairwise(versions)]
    assert steps == [True, False, True, False, True]


def test_a_reader_asks_for_what_changed_after_its_version(store: GraphStore) -> None:
    store.put_inventory(inventory(item("a"), item("b"), item("c")), "all", NOON)
    had = store.version()
    assert store.changed_after(had) == ChangedItems(had, (), ())
    store.put_inventory(inventory(item("a"), item("b", properties={"v": 2}), item("d")), "all", NOON + HOUR)
    changed = store.changed_after(had)
    assert changed is not None
    assert [found.uid for found in changed.items] == ["b", "d"]
    assert changed.gone == ("c",)
    assert changed.version == store.version()
    everything = store.changed_after(0)
    assert everything is not None
    assert everything.items == store.items()
    assert store.changed_after(store.version() + 1) is None
    assert store.changed_after(-1) is None


def _between(
    source: str,
    target: str,
    kind: RelationshipKind = RelationshipKind.NETWORK,
    strength: Strength = Strength.HARD,
    path: str = "p",
) -> Relationship:
    return Relationship(ResourceId(source), ResourceId(target), kind, strength, path)


def test_the_read_out_is_the_snapshot_of_the_same_items(store: GraphStore) -> None:
    items = [
        item(
            f"/subscriptions/S/resourceGroups/G/providers/Example.Test/things/{name}",
            properties={"to": f"/subscriptions/s/resourcegroups/g/providers/example.test/things/{other}"},
            scope="/subscriptions/S/resourceGroups/G",
        )
        for name, other in (("A", "b"), ("b", "C"), ("C", "A"), ("d", "d"))
    ]
    items.append(item("arn:aws:s3:::b", "AWS::S3::Bucket", synthetic=True))
    snapshot = build_snapshot(TENANT, items, as_of=NOON, paths_by_type={})
    store.put_inventory(inventory(*items), "all", NOON)
    store.put_relationships(snapshot.relationships())
    found = store.read_out()
    assert found.version == store.version()
    assert found.resources.equals(snapshot.resources)
    assert found.edges.column("source").to_pylist() == snapshot.edges.sources.tolist()
    assert found.edges.column("target").to_pylist() == snapshot.edges.targets.tolist()
    assert found.edges.column("kind").to_pylist() == snapshot.edges.kinds.tolist()
    assert found.edges.column("strength").to_pylist() == snapshot.edges.strengths.tolist()
    paths = [snapshot.edges.paths.value(number) for number in range(len(snapshot.edges))]
    assert found.edges.column("path").to_pylist() == paths
    assert [str(field.type) for field in found.edges.schema][:4] == ["int32", "int32", "uint8", "uint8"]
    assert len(snapshot.edges) == 3


def test_an_empty_store_reads_out_as_empty_columns(store: GraphStore) -> None:
    found = store.read_out()
    assert (found.resources.num_rows, found.edges.num_rows, found.dangling) == (0, 0, ())
    assert found.resources.schema == build_snapshot(TENANT, [], as_of=NOON, paths_by_type={}).resources.schema


def test_a_relationship_to_a_resource_never_seen_dangles_until_it_is_seen(store: GraphStore) -> None:
    relationships = [
        _between("a", "ghost", RelationshipKind.MOUNTS, Strength.SOFT, "x.y"),
        _between("a", "b"),
        _between("nobody", "a"),
    ]
    store.put_inventory(inventory(item("a"), item("b")), "all", NOON)
    store.put_relationships(relationships)
    assert store.relationships() == (relationships[1], relationships[0], relationships[2])
    found = store.read_out()
    assert found.dangling == (Dangling(ResourceId("a"), "x.y", "ghost"),)
    assert found.edges.num_rows == 1
    assert [found.uid for found in store.items()] == ["a", "b"]
    store.apply([event("ghost", 1, 1)])
    found = store.read_out()
    assert found.dangling == ()
    assert found.edges.to_pylist()[1] == {
        "source": 0,
        "target": 2,
        "kind": KINDS.index(RelationshipKind.MOUNTS),
        "strength": STRENGTHS.index(Strength.SOFT),
        "path": "x.y",
    }
    store.apply([event("b", 1, None), event("ghost", 2, None)])
    assert [each.value for each in store.read_out().dangling] == ["b", "ghost"]
    store.apply([event("a", 1, None)])
    assert (store.read_out().edges.num_rows, store.read_out().dangling) == (0, ())
    assert len(store.relationships()) == 3


def test_a_circle_of_containment_is_kept_as_it_was_put(store: GraphStore) -> None:
    store.put_inventory(inventory(item("a"), item("b")), "all", NOON)
    circle = (_between("a", "b", RelationshipKind.CONTAINS), _between("b", "a", RelationshipKind.CONTAINS))
    store.put_relationships(circle)
    assert store.relationships() == circle
    assert store.read_out().edges.column("target").to_pylist() == [1, 0]


def test_relationships_of_some_sources_are_replaced_alone(store: GraphStore) -> None:
    first, second, third = _between("a", "b"), _between("b", "c"), _between("/Sub/X", "c")
    store.put_relationships([first, second, third])
    again = _between("a", "c", path="q")
    store.put_relationships_of([ResourceId("a"), ResourceId("/sub/x")], [again])
    assert store.relationships() == (again, second)
    with pytest.raises(InputError, match="another source"):
        store.put_relationships_of([ResourceId("a")], [second])
    assert store.relationships() == (again, second)


def test_ids_that_differ_in_spelling_alone_are_ends_of_one_resource(store: GraphStore) -> None:
    store.put_inventory(inventory(item("/subscriptions/S/A"), item("/subscriptions/S/B")), "all", NOON)
    store.put_relationships([_between("/subscriptions/s/a", "/SUBSCRIPTIONS/s/b")])
    assert store.read_out().edges.column("target").to_pylist() == [1]
    assert store.relationships() == (_between("/subscriptions/s/a", "/SUBSCRIPTIONS/s/b"),)
    store.apply([ChangeEvent(ResourceId("/subscriptions/s/b"), NOON + HOUR, item("/subscriptions/s/B"))])
    assert store.relationships() == (_between("/subscriptions/s/a", "/SUBSCRIPTIONS/s/b"),)
    assert [found.uid for found in store.items()] == ["/subscriptions/S/A", "/subscriptions/s/B"]


def test_documents_are_found_by_id(store: GraphStore) -> None:
    items = [item("/subscriptions/S/A"), item("arn:x", properties={"x": 1}), item("b")]
    store.put_inventory(inventory(*items), "all", NOON)
    store.apply([event("b", 1, None)])
    assert store.documents(["arn:x", "/SUBSCRIPTIONS/s/a".replace("/SUB", "/sub"), "b", "none", "arn:x"]) == tuple(
        items[:2]
    )
    assert store.documents([]) == ()


def test_accounts_are_unproven_while_a_collection_did_not_see_everything(store: GraphStore) -> None:
    half = inventory(item("a", scope="/subscriptions/S/resourceGroups/G"), is_complete=False)
    store.put_inventory(half, "one", NOON)
    assert store.unproven() == {"/subscriptions/s"}
    store.put_inventory(inventory(item("b", scope="/accounts/1")), "two", NOON)
    assert store.unproven() == {"/subscriptions/s"}
    store.put_inventory(inventory(is_complete=False), "two", NOON + HOUR)
    assert store.unproven() == {"/subscriptions/s", "/accounts/1"}
    store.put_inventory(inventory(is_complete=False), "three", NOON + HOUR)
    assert "*" in store.unproven()
    for name in ("one", "two", "three"):
        store.put_inventory(inventory(), name, NOON + 2 * HOUR)
    assert store.unproven() == frozenset()


def test_a_file_that_was_read_in_part_leaves_its_own_accounts_unproven(store: GraphStore) -> None:
    other = item("b", scope="/accounts/2")
    read = replace(other, origin=Origin("whole.ndjson", 1))
    store.put_inventory(inventory(item("a", scope="/accounts/1"), read, is_complete=False), "one", NOON)
    assert store.unproven() == {"/accounts/1"}


def test_two_collectors_of_one_scope_keep_what_either_still_sees(store: GraphStore) -> None:
    store.put_inventory(inventory(item("a"), item("b")), "first", NOON)
    store.put_inventory(inventory(item("a"), item("b")), "second", NOON)
    assert store.put(inventory(item("a")), "first", NOON + HOUR).changes == ()
    (gone,) = store.put(inventory(item("a")), "second", NOON + HOUR).changes
    assert (gone.uid, gone.kind) == ("b", ChangeKind.RETIRED)


def test_another_tenant_has_its_own_position_epoch_version_and_read_out(opened: Opener) -> None:
    acme, globex = opened(TENANT), opened(TenantId("globex"))
    acme.claim("a")
    acme.put_inventory(inventory(item("a", scope="/accounts/1"), item("b"), is_complete=False), "all", NOON)
    acme.put_relationships([_between("a", "b")])
    acme.apply([event("c", 1, 1), event("d", 1, None)], stream="s", position="1")
    assert (globex.position("s"), globex.version(), globex.unproven()) == ("", 0, frozenset())
    assert globex.read_out().resources.num_rows == 0
    assert globex.documents(["a"]) == ()
    assert globex.changed_after(0) == ChangedItems(0, (), ())
    assert globex.claim("g") == 1
    late = item("d", properties={"v": 1}, tenant=TenantId("globex"))
    assert len(globex.apply([ChangeEvent(ResourceId("d"), NOON, late)]).changes) == 1
    with pytest.raises(NotFound):
        acme.item("d")


def test_versions_speak_of_the_instant_they_began(store: GraphStore) -> None:
    store.apply([event("a", 1, 1)])
    assert store.history("a") == (Version(NOON + HOUR, ChangeKind.NEW, item("a", properties={"v": 1}).digest),)


@dataclass(frozen=True)
class Links:
    """Relationships that follow from changes."""

    sources: frozenset[ResourceId]
    relationships: tuple[Relationship, ...]


def test_what_follows_from_changes_is_written_with_them(store: GraphStore) -> None:
    store.put_relationships([_between("a", "old"), _between("b", "c")])
    had, told = store.version(), list[Applied]()

    def relate(applied: Applied) -> Links:
        told.append(applied)
        assert store.documents(["a"]) == ()
        return Links(frozenset({ResourceId("a")}), (_between("a", "b"),))

    applied = store.apply([event("a", 1, 1), event("b", 1, 1)], stream="s", position="1", relate=relate)
    assert told == [applied]
    assert applied.version == store.version() == had + 1
    assert store.relationships() == (_between("a", "b"), _between("b", "c"))
    assert (store.position("s"), len(store.items())) == ("1", 2)
    assert store.read_out().edges.num_rows == 1


def test_what_follows_is_asked_for_although_nothing_changed(store: GraphStore) -> None:
    store.apply([event("a", 1, 1)])
    links = Links(frozenset({ResourceId("a")}), (_between("a", "b"),))
    applied = store.apply([event("a", 1, 1)], relate=lambda _: links)
    assert (applied.changes, applied.version, store.relationships()) == ((), store.version(), links.relationships)


def test_nothing_is_written_where_it_cannot_be_said_what_follows(store: GraphStore) -> None:
    store.put_relationships([_between("a", "b")])
    had = store.version()

    def fail(_: Applied) -> Links:
        raise UnavailableError("no")

    foreign = Links(frozenset({ResourceId("b")}), (_between("a", "c"),))
    with pytest.raises(UnavailableError):
        store.apply([event("a", 1, 1)], stream="s", position="1", relate=fail)
    with pytest.raises(InputError, match="another source"):
        store.apply([event("a", 1, 1)], stream="s", position="1", relate=lambda _: foreign)
    assert (store.version(), store.position("s"), store.items()) == (had, "", ())
    assert store.relationships() == (_between("a", "b"),)


def test_it_is_not_asked_what_follows_from_events_that_are_refused(store: GraphStore) -> None:
    def relate(_: Applied) -> Links:
        raise AssertionError("a graph would be ahead of the store")

    with pytest.raises(InputError, match="future"):
        store.apply([event("a", 1, 1)], now=NOON, relate=relate)
