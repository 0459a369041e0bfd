"""A tenant's graph that follows its changes: exactly once in effect, whatever ends between two steps."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.shards.catching_up import Costs
from actors.shards.stream_place import STREAM
from actors.tenant_graph import TenantGraph
from connectors.stream.contract import Delivered
from domain.errors import ConflictError, UnavailableError
from domain.inventory import Inventory
from graph.hydrate import RELATIONSHIPS, Hydration
from graph.stores.memory import MemoryStore
from tests.unit.actors.following_world import LETTERS, World, down, names
from tests.unit.connectors.stream.changes import NOON, TENANT, FixedClock, changed, deleted, item


def test_a_change_is_in_the_store_and_in_the_graph() -> None:
    world = World()
    assert names(world) == set()
    position = world.publish("1", changed("orders", RedrivePolicy={"deadLetterTargetArn": LETTERS}), changed("letters"))
    followed = world.graph.follow()
    assert (followed.batches, followed.events, len(followed.changes), followed.is_behind) == (1, 2, 2, False)
    assert names(world) == {"orders", "letters"}
    assert world.edges() == world.as_built() == world.stored_edges()
    assert len(world.edges()) == 1
    assert world.store.position(STREAM) == position
    assert world.stream.extent(TENANT).length == 0


def test_a_batch_that_is_published_twice_and_events_that_come_late_change_nothing() -> None:
    world = World()
    world.publish("1", changed("orders", Delay=1, at=NOON))
    world.graph.follow()
    world.publish("1", changed("orders", Delay=1, at=NOON))
    world.publish("2", changed("orders", Delay=1, at=NOON), changed("orders", Delay=0, at=NOON - timedelta(hours=1)))
    followed = world.graph.follow()
    assert followed.changes == ()
    assert world.store.history(item("orders").uid)[-1].digest == item("orders", Delay=1).digest
    assert world.store.item(item("orders").uid).properties["Delay"] == 1


def test_a_deleted_resource_leaves_and_what_named_it_dangles() -> None:
    world = World()
    world.publish("1", changed("orders", RedrivePolicy={"deadLetterTargetArn": LETTERS}), changed("letters"))
    world.graph.follow()
    world.graph.view()
    world.publish("2", deleted("letters", at=NOON + timedelta(minutes=1)))
    world.graph.follow()
    assert names(world) == {"orders"}
    assert [each.value for each in world.graph.view().dangling] == [LETTERS]
    assert world.edges() == set()


def test_changes_before_the_first_question_are_seen_in_it() -> None:
    world = World()
    world.publish("1", changed("orders", RedrivePolicy={"deadLetterTargetArn": LETTERS}), changed("letters"))
    world.graph.follow()
    assert world.graph.size_bytes == 0
    assert len(world.edges()) == 1
    assert world.edges() == world.as_built()
    assert world.graph.size_bytes > 0


def test_a_process_that_ends_between_an_inventory_and_its_edges_leaves_edges_that_are_mended() -> None:
    world = World()
    world.graph.view()
    orders = item("orders", RedrivePolicy={"deadLetterTargetArn": LETTERS})
    applied = world.store.put(Inventory((item("letters"), orders), (), (), (), 0), "all", NOON)
    with down(world.store, "put_relationships_of"), pytest.raises(UnavailableError):
        world.graph.applied(applied)
    assert world.stored_edges() == set()
    world.anew()
    assert world.edges() == world.as_built() == world.stored_edges()
    assert world.graph.follow().batches == 0


def test_the_same_graph_goes_on_after_a_failure_too() -> None:
    world = World()
    world.graph.view()
    world.publish("1", changed("orders", RedrivePolicy={"deadLetterTargetArn": LETTERS}), changed("letters"))
    with down(world.store, "_write"), pytest.raises(UnavailableError):
        world.graph.follow()
    assert world.graph.shown is None
    assert world.edges() == set()
    world.graph.follow()
    assert len(world.edges()) == 1
    assert world.edges() == world.as_built() == world.stored_edges()


def test_nothing_is_taken_while_the_store_is_down_and_everything_after() -> None:
    world = World()
    world.publish("1", changed("orders"))
    with down(world.store, "apply"), pytest.raises(UnavailableError):
        world.graph.follow()
    assert world.stream.extent(TENANT).length == 1
    assert len(world.graph.follow().changes) == 1


def test_what_cannot_be_applied_is_put_aside_and_the_rest_goes_on() -> None:
    world = World()
    future = NOON + timedelta(days=2)
    world.publish("1", changed("first"))
    bad = world.publish("2", changed("from-the-future", at=future))
    last = world.publish("3", changed("last"))
    followed = world.graph.follow()
    assert names(world) == {"first", "last"}
    assert followed.parked == (bad,)
    (parked,) = world.stream.parked(TENANT).messages
    assert (parked.id, "future" in parked.reason) == (bad, True)
    assert world.store.position(STREAM) == last


def test_what_cannot_be_read_is_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.publish("1", changed("first"))
    bad = world.publish("2", changed("damaged"))
    world.publish("3", changed("last"))
    read = world.stream.read

    def damaged(*arguments: Any, **named: Any) -> tuple[Delivered, ...]:
        found = read(*arguments, **named)
        return tuple(Delivered(each.position, b"{") if each.position == bad else each for each in found)

    monkeypatch.setattr(world.stream, "read", damaged)
    assert world.graph.follow().parked == (bad,)
    assert names(world) == {"first", "last"}


def test_whoever_was_fenced_takes_nothing() -> None:
    world = World()
    world.publish("1", changed("orders"))
    MemoryStore(TENANT, beside=world.store).claim("b")
    with pytest.raises(ConflictError) as refusal:
        world.graph.follow()
    assert "epoch" in refusal.value.facts
    assert world.stream.extent(TENANT).length == 1


def test_changes_that_the_stream_no_longer_has_are_told_until_an_inventory_comes() -> None:
    world = World()
    first = world.publish("1", changed("orders"))
    world.stream.trim(TENANT, first)
    world.publish("2", changed("letters"))
    world.graph.follow()
    assert names(world) == {"letters"}
    assert world.graph.place.lost() == "start"
    world.graph.place.found_again()
    assert world.graph.place.lost() == ""


def test_where_many_wait_the_graph_is_read_anew_and_is_the_same() -> None:
    world = World()
    world.graph.view()
    world.graph.memory.costs = Costs(change_s=1.0, resource_s=1e-9, hydration_s=1e-9)
    world.publish("1", *[changed(f"queue-{number}") for number in range(50)])
    world.graph.follow()
    assert world.graph.size_bytes == 0
    assert len(names(world)) == 50
    assert len(world.room) == 2


def test_more_than_one_look_is_needed_for_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shards.stream_place.BATCHES_MAX", 3)
    monkeypatch.setattr("actors.shards.intake.EVENTS_MAX", 2)
    world = World()
    for number in range(5):
        world.publish(str(number), changed(f"queue-{number}"))
    assert world.graph.place.lag() == 5
    assert world.graph.follow().is_behind
    assert not world.graph.follow().is_behind
    assert (world.graph.place.lag(), len(names(world))) == (0, 5)


def test_an_inventory_brings_the_graph_up_to_date() -> None:
    world = World()
    world.graph.view()
    inventory = Inventory((item("letters"), item("orders")), (), (), (), 0)
    world.graph.applied(world.store.put(inventory, "all", NOON))
    assert names(world) == {"orders", "letters"}
    assert world.store.position(RELATIONSHIPS) == str(world.store.version())


def test_a_store_that_somebody_else_wrote_is_read_anew() -> None:
    world = World()
    world.graph.view()
    world.graph.check()
    is_kept = world.graph.shown is not None
    world.store.apply([changed("orders")])
    world.graph.check()
    assert (is_kept, world.graph.shown) == (True, None)
    assert names(world) == {"orders"}


def test_a_graph_follows_changes_through_a_store_that_was_closed_and_opened_again() -> None:
    world = World()
    first = MemoryStore(TENANT, beside=world.store)
    first.claim("a")
    opened = [first]
    graph = TenantGraph(TENANT, lambda: opened[-1], stream=world.stream, clock=world.clock)
    first.apply([changed("orders", RedrivePolicy={"deadLetterTargetArn": LETTERS})])
    graph.view()
    graph.forget()
    graph.view()
    first.close()
    opened.append(MemoryStore(TENANT, beside=world.store))
    opened[-1].claim("a")
    graph.check()
    world.publish("1", changed("letters"))
    graph.follow()
    assert [(each.source, each.target) for each in graph.view().relationships()] == [(item("orders").uid, LETTERS)]


def test_edges_of_what_went_unseen_are_taken_away() -> None:
    world = World()
    world.publish("1", changed("orders", RedrivePolicy={"deadLetterTargetArn": LETTERS}), changed("letters"))
    world.graph.follow()
    assert len(world.edges()) == 1
    world.graph.forget()
    world.publish("2", deleted("orders", at=NOON + timedelta(minutes=1)))
    world.graph.follow()
    assert len(world.store.relationships()) == 1
    assert names(world) == {"letters"}
    assert world.store.relationships() == ()


def test_what_was_never_seen_may_be_deleted_again_and_again() -> None:
    world = World()
    later = NOON + timedelta(minutes=1)
    world.publish("1", deleted("letters"), deleted("letters", at=later), deleted("letters", at=later))
    assert world.graph.follow().changes == ()
    assert names(world) == set()


def test_a_graph_that_was_saved_comes_back_with_what_changed_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.shards.graph_memory.SAVED_MIN", 1)
    world = World(folder=tmp_path)
    world.publish("1", changed("orders", RedrivePolicy={"deadLetterTargetArn": LETTERS}), changed("letters"))
    world.graph.view()
    world.graph.follow()
    world.graph.keep()
    written = sorted(tmp_path.rglob("*.arrow"))
    world.graph.keep()
    assert written
    world.store.apply([deleted("letters", at=NOON + timedelta(minutes=1))])
    world.anew()
    assert names(world) == {"orders"}
    assert world.graph.memory.how is Hydration.SAVED
    assert world.edges() == world.as_built() == world.stored_edges()


def test_a_deletion_that_was_told_twice_is_not_undone_by_what_came_between() -> None:
    world = World()
    minutes = [NOON + timedelta(minutes=number) for number in range(5)]
    world.publish("1", changed("orders", at=minutes[0]))
    world.publish("2", deleted("orders", at=minutes[1]))
    world.graph.follow()
    world.publish("3", deleted("orders", at=minutes[4]))
    world.graph.follow()
    world.publish("4", changed("orders", Delay=3, at=minutes[3]))
    assert world.graph.follow().changes == ()
    assert names(world) == set()


def test_a_view_stays_as_it_was() -> None:
    world = World()
    before = world.graph.view()
    world.publish("1", changed("orders"))
    world.graph.follow()
    assert len(before) == 0
    shown = world.graph.shown
    assert shown is not None
    assert len(shown) == 1


def test_without_a_stream_there_is_nothing_to_follow() -> None:
    graph = TenantGraph(TENANT, lambda: MemoryStore(TENANT), stream=None, clock=FixedClock())
    assert (graph.follow().batches, graph.place.lag()) == (0, 0)
