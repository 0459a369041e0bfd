"""A graph in parts: put together, their answers are those of the whole graph."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest

from domain.errors import InputError, IntegrityError, UnavailableError
from domain.resource import resource_key
from graph.live import LiveGraph
from graph.partition import PARTS_MAX, Need, Plan, plan_parts
from graph.snapshot import Snapshot
from graph.view import GraphView
from tests.unit.graph.changing import World, state
from tests.unit.graph.estate import TENANT
from tests.unit.graph.parts_union import union
from tests.unit.graph.test_live import rebuilt


def some_parts(world: World, plan: Plan) -> list[LiveGraph]:
    return [
        LiveGraph.from_items(
            TENANT, world.items.values(), as_of=world.now, documents=world.documents, owns=plan.owns(part)
        )
        for part in range(plan.parts)
    ]


def require_whole(views: list[GraphView], expected: Snapshot) -> None:
    found = union(views)
    assert list(found.relationships()) == list(expected.relationships())
    assert found.resources.to_pylist() == expected.resources.to_pylist()
    assert Counter(found.dangling) == Counter(expected.dangling)
    assert found.cycles == expected.cycles
    for name in ("starts", "targets", "kinds", "strengths", "starts_in", "sources_in", "numbers_in"):
        assert np.array_equal(getattr(found.edges, name), getattr(expected.edges, name)), name


@pytest.mark.parametrize("seed", range(30))
def test_parts_put_together_are_the_whole_graph_after_any_changes(seed: int) -> None:
    chance, world = Random(seed), World()
    world.put(*(state(chance) for _ in range(chance.randint(1, 25))))
    scopes = Counter(item.scope for item in world.items.values())
    parts = some_parts(world, plan_parts(scopes, chance.randint(1, 4)))
    require_whole([part.view() for part in parts], rebuilt(world))
    for _ in range(6):
        changes = [each for _ in range(3) for each in world.happen(chance)]
        for part in parts:
            part.apply(changes)
            if chance.random() < 0.2:
                part.fold()
        require_whole([part.view() for part in parts], rebuilt(world))


def test_each_part_reads_its_own_documents_alone() -> None:
    chance, world = Random(1), World()
    world.put(*(state(chance) for _ in range(25)))
    plan = plan_parts(Counter(item.scope for item in world.items.values()), 3)
    for part, live in enumerate(some_parts(world, plan)):
        view = live.view()
        edges = [edge for row in view.rows().tolist() for edge in view.edges_from(row)]
        homes = [{plan.part_of(view.scope(end)) for end in (edge.source, edge.target)} for edge in edges]
        assert homes
        assert all(part in ends for ends in homes)


def test_parts_are_even_and_keep_accounts_together_where_they_can() -> None:
    sizes = {f"/subscriptions/s{n}/resourceGroups/g{m}": 10 + n for n in range(12) for m in range(4)}
    sizes |= {f"/subscriptions/large/resourceGroups/g{m}": 50 for m in range(40)}
    plan = plan_parts(sizes, 4)
    loads = Counter[int]()
    for scope, size in sizes.items():
        loads[plan.part_of(scope.upper())] += size
    assert max(loads.values()) <= 1.2 * min(loads.values())
    for n in range(12):
        assert len({plan.part_of(f"/subscriptions/s{n}/resourceGroups/g{m}") for m in range(4)}) == 1
    assert len({plan.part_of(f"/subscriptions/large/resourceGroups/g{m}") for m in range(40)}) == 4


def test_a_scope_that_came_after_the_plan_has_one_home() -> None:
    plan = plan_parts({"/subscriptions/s": 1}, 3)
    homes = [plan.part_of("/subscriptions/new/resourceGroups/g") for _ in range(3)]
    assert len(set(homes)) == 1
    assert sum(plan.owns(part)("/subscriptions/new/resourceGroups/g") for part in range(3)) == 1


@pytest.mark.parametrize("parts", [0, PARTS_MAX + 1])
def test_a_graph_has_a_sensible_number_of_parts(parts: int) -> None:
    with pytest.raises(InputError) as raised:
        plan_parts({}, parts)
    assert raised.value.facts["parts"] == parts


def test_a_plan_is_read_as_it_was_written_and_nothing_else_is() -> None:
    plan = plan_parts({"/accounts/1": 5, "/accounts/Ö": 3}, 2)
    assert Plan.decoded(plan.encoded(), where="here") == plan
    for damaged in (
        b"",
        b"[]",
        b'{"v":1,"parts":2}',
        b'{"v":2,"parts":2,"homes":{}}',
        b'{"v":1,"parts":2,"homes":{"a":2}}',
        b'{"v":1,"parts":0,"homes":{}}',
    ):
        with pytest.raises(IntegrityError) as raised:
            Plan.decoded(damaged, where="here")
        assert raised.value.facts["where"] == "here"


def test_a_graph_is_held_in_as_few_parts_as_fit() -> None:
    assert Need(40, 60).parts(100) == 1
    assert Need(40, 61).parts(100) == 2
    assert Need(40, 181).parts(100) == 4
    for too_large in (Need(100, 1), Need(120, 1), Need(99, PARTS_MAX + 1)):
        with pytest.raises(UnavailableError) as raised:
            too_large.parts(100)
        assert raised.value.facts["budget_bytes"] == 100


@pytest.mark.parametrize("seed", range(20))
def test_documents_that_changes_will_ask_for_are_known_before(seed: int) -> None:
    chance, world = Random(seed), World()
    world.put(*(state(chance) for _ in range(25)))
    for part in some_parts(world, Plan(2, {})):
        for _ in range(5):
            asked = list[str]()
            changes = [each for _ in range(3) for each in world.happen(chance)]
            wanted = {resource_key(uid) for uid in part.wanted(changes)}
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(
                    part, "_documents", lambda uids, asked=asked: asked.extend(uids) or world.documents(uids)
                )
                part.apply(changes)
            assert {resource_key(uid) for uid in asked} <= wanted
