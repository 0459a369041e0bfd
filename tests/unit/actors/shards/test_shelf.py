"""Graphs for readers elsewhere: the base once, what differs each time."""

from __future__ import annotations

import pickle
from typing import TypeVar

from actors.shards.shelf import Held, LocalShelf, SharedView, ViewPublisher, ViewReader
from tests.unit.actors.following_world import World, names
from tests.unit.connectors.stream.changes import TENANT, changed

T = TypeVar("T")


class CountingShelf(LocalShelf):
    """Counts what was put there."""

    def __init__(self) -> None:
        self.count = 0

    def put(self, value: T) -> Held[T]:
        self.count += 1
        return super().put(value)


def test_a_base_is_put_there_once_and_each_version_is_seen() -> None:
    world, shelf, reader = World(), CountingShelf(), ViewReader()
    publisher = ViewPublisher(TENANT, shelf)
    world.publish("0", changed("first"))
    world.graph.follow()

    def ask() -> SharedView:
        return publisher.published(world.graph.view(), "shard-0/1")

    first = reader.view(TENANT, ask)
    world.publish("1", changed("orders"))
    world.graph.follow()
    second = reader.view(TENANT, ask)
    world.publish("2", changed("letters"))
    world.graph.follow()
    third = reader.view(TENANT, ask)
    assert (len(first), len(second), len(third)) == (1, 2, 3)
    assert third.whole is second.whole
    assert shelf.count <= 2


def test_what_is_shared_survives_the_way_to_another_process() -> None:
    world, reader = World(), ViewReader(kept_max=1)
    world.publish("0", changed("first"))
    world.graph.follow()
    shared = ViewPublisher(TENANT, LocalShelf()).published(world.graph.view(), "shard-0/1")
    view = reader.view(TENANT, lambda: pickle.loads(pickle.dumps(shared)))
    assert {view.resource(row).name for row in view.rows().tolist()} == names(world)
    assert view.find("arn:aws:sqs:eu-central-1:123456789012:first") is not None


def test_a_base_of_another_life_of_the_shard_is_not_mistaken() -> None:
    reader, worlds = ViewReader(), [World(), World()]
    seen = []
    for number, world in enumerate(worlds):
        world.publish("0", changed(f"queue-{number}"))
        world.graph.follow()
        shared = ViewPublisher(TENANT, LocalShelf()).published(world.graph.view(), f"shard-0/{number}")
        view = reader.view(TENANT, lambda shared=shared: shared)  # type: ignore[misc]
        seen.append({view.resource(row).name for row in view.rows().tolist()})
    assert seen == [{"queue-0"}, {"queue-1"}]
