"""A graph in parts that shards hold: what its owner puts together is what the whole graph says."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from actors.parted_graph import PartedGraph
from actors.shards.held_part import STEP_MAX
from actors.shards.part_messages import Term, Tie
from domain.errors import ConflictError, NotFound, UnavailableError
from domain.resource import ResourceId, resource_key
from graph.partition import Plan
from graph.snapshot import Snapshot
from tests.unit.actors.parts_world import Holders, parted, plan_of, readout_of
from tests.unit.graph.changing import RG, Happened, Kept, World, keyed, state
from tests.unit.graph.estate import item
from tests.unit.graph.test_live import rebuilt

EVERYTHING = 10_000


def some_world(chance: Random, count: int = 25) -> World:
    world = World()
    world.put(*(state(chance) for _ in range(count)))
    return world


def circled(expected: Snapshot) -> set[str]:
    return {resource_key(uid) for cycle in expected.cycles for uid in cycle}


def require_same(graph: PartedGraph, expected: Snapshot) -> None:
    """Every resource has the edges that it has in the whole graph, seen from either end."""
    apart = circled(expected)
    edges = [each for each in expected.relationships() if resource_key(each.source) not in apart]
    sources = [uid for uid in expected.uids if resource_key(uid) not in apart]
    found = graph.edges_of(sources)
    missing = [each for each in expected.dangling if resource_key(each.source) not in apart]
    assert len(found) == len(edges) + len(missing)
    assert {keyed(each) for each in edges} <= {keyed(each) for each in found}
    for uid in sources:
        ties = graph.ties(uid, limit=EVERYTHING)
        assert ties.uid == uid
        assert keys_of(ties.depends_on) == {
            (resource_key(each.target), each.kind.value, each.strength.value, each.path)
            for each in edges
            if each.source == uid
        }
        into = {
            (resource_key(each.source), each.kind.value, each.strength.value, each.path)
            for each in edges
            if resource_key(each.target) == resource_key(uid)
        }
        assert into <= keys_of(ties.needed_by)
        assert all(place[0] in apart for place in keys_of(ties.needed_by) - into)
    numbers = graph.numbers()
    assert numbers.resources == len(expected.uids)
    assert numbers.dangling == len(expected.dangling)
    if not apart:
        assert numbers.relationships == len(expected.edges)


def keys_of(ties: Sequence[Tie]) -> set[tuple[str, str, str, str]]:
    return {(resource_key(tie.resource_id), tie.kind, tie.strength, tie.path) for tie in ties}


@pytest.mark.parametrize("seed", range(25))
def test_parts_on_shards_say_what_the_whole_graph_says_after_any_changes(seed: int) -> None:
    chance = Random(seed)
    world, holders = some_world(chance), Holders()
    graph = parted(world, holders, plan_of(world, chance.randint(1, 5)))
    require_same(graph, rebuilt(world))
    for _ in range(5):
        graph.apply([each for _ in range(3) for each in world.happen(chance)], store_version=2)
        require_same(graph, rebuilt(world))


@pytest.mark.parametrize("seed", range(25))
def test_a_store_that_follows_the_deltas_has_what_the_parts_say(seed: int) -> None:
    chance = Random(seed)
    world = some_world(chance)
    graph = parted(world, Holders(), plan_of(world, 3))
    kept = Kept(graph.edges_of(uids_of(world)))
    for version in range(2, 12):
        delta = graph.apply(world.happen(chance), store_version=version)
        assert delta.version == version
        kept.take(delta)
        assert kept.keys() == {keyed(each) for each in graph.edges_of(uids_of(world))}


def uids_of(world: World) -> list[ResourceId]:
    return [item.uid for item in world.items.values()]


@pytest.mark.parametrize("seed", range(10))
def test_a_part_whose_shard_began_anew_is_read_again_before_the_answer(seed: int) -> None:
    chance = Random(seed)
    world, holders = some_world(chance), Holders()
    graph = parted(world, holders, Plan(3, {}))
    graph.apply(world.happen(chance), store_version=2)
    holders.start("b")
    require_same(graph, rebuilt(world))
    graph.apply(world.happen(chance), store_version=3)
    require_same(graph, rebuilt(world))
    assert all(holder.held.names for holder in holders.shards.values())


def test_a_part_goes_to_another_shard_where_its_own_is_no_more() -> None:
    chance = Random(3)
    world, holders = some_world(chance), Holders()
    graph = parted(world, holders, Plan(3, {}))
    holders.down.add("b")
    holders.start("b")
    require_same(graph, rebuilt(world))
    graph.apply(world.put(state(chance)), store_version=2)
    require_same(graph, rebuilt(world))
    assert not holders.shards["b"].held.names
    assert {row["shard"] for row in graph.where()} == {"a", "c"}


def test_a_change_that_a_part_cannot_take_is_told_and_nothing_is_half_shown() -> None:
    world, holders = some_world(Random(4)), Holders()
    graph = parted(world, holders, Plan(3, {}))
    holders.start("b")
    with pytest.raises(UnavailableError) as raised:
        graph.apply(world.put(state(Random(5))), store_version=2)
    assert raised.value.facts["is_part_lost"]
    again = parted(world, holders, Plan(3, {}), Term(1, 2))
    require_same(again, rebuilt(world))


def test_the_owner_before_can_neither_read_nor_change_what_a_later_one_has() -> None:
    world, holders = some_world(Random(6)), Holders()
    before = parted(world, holders, Plan(3, {}), Term(1, 1))
    now = parted(world, holders, Plan(3, {}), Term(2, 1))
    for attempt in (
        before.numbers,
        lambda: before.apply([Happened(ResourceId("x"), None, None, world.now)]),
        lambda: before.read(readout_of(world)),
    ):
        with pytest.raises(ConflictError) as raised:
            attempt()
        assert (raised.value.facts["epoch"], raised.value.facts["latest"]) == (1, 2)
    before.close(is_waited_for=True)
    require_same(now, rebuilt(world))


def test_many_changes_are_taken_in_steps() -> None:
    world, holders = some_world(Random(8)), Holders()
    graph = parted(world, holders, Plan(2, {}))
    made = [
        item(
            f"{RG}/providers/Microsoft.Compute/disks/d{number}", "Microsoft.Compute/disks", {"managedBy": RG}, scope=RG
        )
        for number in range(STEP_MAX + 5)
    ]
    graph.apply(world.put(*made), store_version=2)
    require_same(graph, rebuilt(world))


def test_a_resource_that_is_not_there_is_not_found_in_parts() -> None:
    graph = parted(some_world(Random(9)), Holders(), Plan(2, {}))
    with pytest.raises(NotFound):
        graph.ties("nowhere", limit=5)


def test_a_resource_with_many_edges_shows_the_first_by_id() -> None:
    chance, world = Random(10), some_world(Random(10), 60)
    graph = parted(world, Holders(), Plan(3, {}))
    for uid in uids_of(world):
        every = graph.ties(uid, limit=EVERYTHING)
        some = graph.ties(uid, limit=1 + chance.randint(0, 1))
        assert every.needed_by[: len(some.needed_by)] == some.needed_by
        assert every.depends_on[: len(some.depends_on)] == some.depends_on
    assert any(len(graph.ties(uid, limit=EVERYTHING).needed_by) > 2 for uid in uids_of(world))


def test_parts_are_let_go_of_with_their_graph() -> None:
    holders = Holders()
    graph = parted(some_world(Random(11)), holders, Plan(3, {}))
    graph.close(is_waited_for=True)
    assert not any(holder.held.names for holder in holders.shards.values())
