"""Changes that are shown before the store has them: written soon after, and whatever ends in between, once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from actors.shards.stream_place import STREAM
from actors.tenant_graph import TenantGraph
from domain.errors import UnavailableError
from tests.unit.actors.following_world import LETTERS, World, down, names
from tests.unit.connectors.stream.changes import NOON, TENANT, changed, deleted, item


def ahead() -> World:
    """A world whose graph shows changes before the store has them, past the first, by which it learns its documents."""
    world = World(shows_ahead=True)
    world.graph.view()
    world.clock.move(60)
    world.publish("0", changed("first", at=NOON + timedelta(seconds=1)))
    world.graph.follow()
    world.graph.write_all()
    return world


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_change_is_shown_before_the_store_has_it_and_is_there_once_it_was_written() -> None:
    world = ahead()
    world.publish("1", changed("orders", at=at(2), RedrivePolicy={"deadLetterTargetArn": LETTERS}))
    world.publish("2", changed("letters", at=at(3)))
    world.graph.follow()
    assert names(world) == {"first", "orders", "letters"}
    assert len(world.edges()) == 1
    assert len(world.store.items()) == 1
    assert world.graph.place.lag() == 2
    written = world.graph.write_shown()
    assert ([each.uid for each in written.changes], written.is_behind) == ([LETTERS, item("orders").uid], False)
    assert world.edges() == world.as_built() == world.stored_edges()
    assert (world.graph.place.lag(), world.stream.extent(TENANT).length) == (0, 0)


def test_changes_are_shown_while_the_store_is_down_and_written_after() -> None:
    world = ahead()
    world.publish("1", changed("orders", at=at(2)))
    with down(world.store, "apply"):
        world.graph.follow()
        with pytest.raises(UnavailableError):
            world.graph.write_shown()
    assert names(world) == {"first", "orders"}
    assert world.graph.place.lag() == 1
    assert len(world.graph.write_shown().changes) == 1
    assert world.graph.place.lag() == 0


def test_a_process_that_ends_before_it_wrote_what_it_showed_loses_nothing() -> None:
    world = ahead()
    world.publish("1", changed("orders", at=at(2)), deleted("first", at=at(3)))
    world.graph.follow()
    assert names(world) == {"orders"}
    world.anew()
    assert names(world) == {"first"}
    world.graph.follow()
    world.graph.write_all()
    assert names(world) == {"orders"}
    assert [version.at for version in world.store.history(item("orders").uid)] == [at(2)]


def test_documents_are_those_that_are_shown() -> None:
    world = ahead()
    world.publish("1", changed("orders", at=at(2), Delay=1), changed("letters", at=at(2)))
    world.graph.follow()
    world.publish("2", changed("orders", at=at(3), Delay=2), deleted("first", at=at(3)))
    world.graph.follow()
    uids = [item(name).uid for name in ("orders", "letters", "first", "never")]
    found = {each.name: each.properties.get("Delay") for each in world.graph.documents.some(uids)}
    assert found == {"orders": 2, "letters": None}
    world.graph.write_all()
    assert {each.name: each.properties.get("Delay") for each in world.graph.documents.some(uids)} == found


def test_of_an_event_that_may_be_late_the_store_is_asked_first() -> None:
    world = ahead()
    world.store.apply([changed("orders", at=at(30), Delay=30)])
    world.anew().view()
    world.publish("1", changed("first", at=at(2)))
    world.graph.follow()
    world.publish("2", changed("letters", at=at(61)), changed("orders", at=at(20), Delay=20))
    world.graph.follow()
    assert {each.name for each in world.store.items()} == names(world) == {"first", "letters", "orders"}
    assert world.store.item(item("orders").uid).properties["Delay"] == 30
    assert world.edges() == world.as_built()


def test_where_the_store_decides_otherwise_its_word_holds_and_nothing_is_shown_ahead_again() -> None:
    world = ahead()
    world.publish("1", changed("orders", at=at(2), Delay=2))
    world.graph.follow()
    world.store.apply([changed("orders", at=at(9), Delay=9)])
    world.graph.write_shown()
    assert world.graph.shown is None
    assert names(world) == {"first", "orders"}
    assert world.graph.documents.some([item("orders").uid])[0].properties["Delay"] == 9
    world.publish("2", changed("letters", at=at(10)))
    world.graph.follow()
    assert len(world.store.items()) == 3


def test_what_the_store_refuses_after_it_was_shown_is_put_aside_and_goes_from_the_graph() -> None:
    world = ahead()
    world.publish("1", changed("good", at=at(2)))
    bad = world.publish("2", changed("from-the-future", at=at(600)))
    world.graph.follow()
    assert "from-the-future" in names(world)
    world.clock.move(-3_600)
    taken = world.graph.write_all()
    assert bad in taken.parked
    assert "from-the-future" not in names(world)


def test_a_graph_that_is_far_ahead_waits_for_its_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shards.intake.AHEAD_MAX", 2)
    world = ahead()
    for number in range(3):
        world.publish(str(number + 1), changed(f"queue-{number}", at=at(2 + number)))
        world.graph.follow()
    assert len(world.store.items()) == 3
    world.publish("9", changed("last", at=at(9)))
    with down(world.store, "apply"):
        world.graph.follow()
        with pytest.raises(UnavailableError):
            world.graph.follow()
    assert len(world.graph.write_all().changes) == 2


def test_a_store_that_somebody_else_wrote_while_it_was_closed_is_read_before_more_is_written() -> None:
    world = ahead()
    world.publish("1", changed("orders", at=at(2)))
    world.graph.follow()
    world.store.apply([changed("letters", at=at(3))])
    world.graph.check()
    world.graph.write_all()
    world.graph.follow()
    assert names(world) == {"first", "letters", "orders"} == {each.name for each in world.store.items()}


def test_whoever_missed_what_another_wrote_and_let_go_has_lost_nothing() -> None:
    world = World()
    world.publish("1", changed("orders"))
    world.graph.follow()
    world.publish("2", changed("letters"))
    other = TenantGraph(TENANT, lambda: world.store, stream=world.stream, clock=world.clock)
    other.follow()
    world.stream.trim(TENANT, world.store.position(STREAM))
    world.publish("3", changed("stock"))
    world.graph.follow()
    assert world.graph.place.lost() == ""
    assert names(world) == {"orders", "letters", "stock"}
