"""What is put together of a graph in parts for one question is answered as of the whole graph, draw by draw."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

from actors.gathering import Gathering
from actors.impact_desk import ImpactDesk, Question
from actors.parted_graph import PartedGraph
from assessment.blast import Blast, Score
from assessment.cost_impact_waste import WasteQuestion
from assessment.deletion import Removal
from assessment.dependencies import Dependencies, Direction
from assessment.drawing import View
from assessment.impact_exposure import Exposure
from domain.errors import ConflictError, PolicyCortexError
from graph.failure import FailureMode
from graph.gathering import EDGE_BYTES
from tests.unit.actors.parts_world import Holders, parted, plan_of
from tests.unit.assessment.test_live_failures import of_snapshot, placed, questions, told
from tests.unit.graph.changing import World
from tests.unit.graph.estate import NOON
from tests.unit.graph.test_live import rebuilt

PLACE_MODES = (FailureMode.ZONE_LOSS, FailureMode.REGION_LOSS)
MODES = tuple(mode for mode in FailureMode if mode not in PLACE_MODES)


def desk_of(world: World, graph: PartedGraph) -> ImpactDesk:
    @contextmanager
    def parts() -> Iterator[Gathering]:
        yield graph.gathering

    def whole() -> Any:
        raise AssertionError("a graph in parts is not asked for as a whole")

    return ImpactDesk(whole, world.documents, lambda: (), parts=parts)


def some_world(chance: Random, count: int = 18) -> World:
    world = World()
    world.put(*(placed(chance) for _ in range(count)))
    return world


def answer(desk: ImpactDesk, question: Question) -> Any:
    """An answer, or what is said instead of one."""
    try:
        return desk.answer(question, as_of=NOON)
    except PolicyCortexError as error:
        return type(error), error.summary, {name: fact for name, fact in error.facts.items() if name != "todo"}


def every_question(world: World, chance: Random) -> Iterator[Question]:
    uids = [each.uid for each in world.items.values()]
    scope = chance.choice([each.scope for each in world.items.values()])
    yield from (View(), View(nodes_max=12), View(nodes_max=7), View(scope=scope), View(nodes_max=2))
    yield from (Blast("westeurope-1", FailureMode.ZONE_LOSS), Blast("westeurope", FailureMode.REGION_LOSS))
    yield from (Blast("nowhere"), Blast("nowhere-1", FailureMode.ZONE_LOSS), Score("x", FailureMode.ZONE_LOSS))
    yield from (WasteQuestion(), Exposure((), tuple(uids), FailureMode.DELETE))
    for uid in uids:
        for mode in MODES:
            yield Dependencies(uid, chance.choice(list(Direction)), mode, depth=chance.choice((1, 2, 3, 64)))
        yield Blast(uid, chance.choice(MODES), seed=chance.randint(0, 9))
        yield Score(uid, chance.choice(MODES))
        yield View(around=uid, depth=chance.randint(1, 3))
        for others in (True, False):
            yield Removal((uid, chance.choice(uids)), with_dependents=others)
        yield Exposure((uid, chance.choice(uids)), tuple(chance.sample(uids, 3)), chance.choice(MODES))
    yield from (Dependencies(uids[0], depth=65), Dependencies(uids[0], depth=0), Blast(uids[0], limit=0), Removal(()))


@pytest.mark.parametrize("seed", range(6))
def test_every_question_is_answered_of_parts_as_of_the_whole_graph(seed: int) -> None:
    chance = Random(seed)
    world = some_world(chance)
    desk = desk_of(world, parted(world, Holders(), plan_of(world, chance.randint(2, 5))))
    whole = of_snapshot(world)
    for question in every_question(world, chance):
        assert answer(desk, question) == answer(whole, question), question


@pytest.mark.parametrize("seed", range(4))
def test_answers_follow_changes_and_outlive_a_lost_part(seed: int) -> None:
    chance = Random(seed)
    world, holders = some_world(chance), Holders()
    graph = parted(world, holders, plan_of(world, 3))
    desk = desk_of(world, graph)
    for version in range(2, 5):
        changes = [each for _ in range(3) for each in world.put(placed(chance))]
        changes += world.remove(chance.choice(list(world.items)))
        graph.apply(changes, store_version=version)
        if version == 3:
            holders.start("b")
        whole = of_snapshot(world)
        for question in questions(chance.sample(sorted(item.uid for item in world.items.values()), 2)):
            assert told(desk, question) == told(whole, question), question


def test_names_are_fetched_once_follow_changes_and_are_let_go_of() -> None:
    chance = Random(1)
    world, holders = some_world(chance), Holders()
    graph = parted(world, holders, plan_of(world, 3))
    empty_bytes = graph.size_bytes
    names = graph.gathering.names()
    assert graph.gathering.names() is names
    assert graph.size_bytes > empty_bytes
    graph.apply(world.put(placed(chance)), store_version=2)
    assert graph.gathering.names().base is names.base
    assert len(graph.gathering.names()) == len(world.items)
    graph.mark_unproven(frozenset({"/accounts/1"}))
    assert graph.gathering.names().base.unproven == {"/accounts/1"}
    graph.gathering.forget()
    assert graph.size_bytes == empty_bytes
    assert graph.gathering.names().base.unproven == {"/accounts/1"}


def test_what_reaches_more_than_is_put_together_is_refused_and_smaller_questions_are_answered() -> None:
    chance = Random(5)
    world = some_world(chance, 40)
    graph = parted(world, Holders(), plan_of(world, 3), gathered_bytes=3 * EDGE_BYTES)
    desk, whole = desk_of(world, graph), of_snapshot(world)
    found = {"answered": 0, "refused": 0}
    for uid in sorted(item.uid for item in world.items.values()):
        told_of = answer(desk, Dependencies(uid, Direction.DEPENDENTS, depth=2))
        if isinstance(told_of, tuple):
            kind, summary, facts = told_of
            assert kind is ConflictError
            assert "reaches more" in summary
            assert facts["edges"] > facts["edges_max"] == 3
            assert facts["reached"] >= 1
            found["refused"] += 1
        else:
            assert told_of == answer(whole, Dependencies(uid, Direction.DEPENDENTS, depth=2))
            found["answered"] += 1
    assert min(found.values()) > 0
    kind, summary, facts = answer(desk, View())
    assert (kind, facts["edges_max"]) == (ConflictError, 3)
    assert "more edges" in summary


@pytest.mark.parametrize("seed", range(4))
def test_the_whole_that_is_put_together_is_the_whole_graph_after_changes(seed: int) -> None:
    chance = Random(seed)
    world = some_world(chance)
    graph = parted(world, Holders(), plan_of(world, 3))
    for version in range(2, 5):
        view = graph.gathering.whole(resources_max=100)
        assert graph.gathering.whole(resources_max=100) is view
        expected = rebuilt(world)
        assert list(view.relationships()) == list(expected.relationships())
        assert view.base.resources.to_pylist() == expected.resources.to_pylist()
        assert view.cycles == expected.cycles
        graph.apply([each for _ in range(3) for each in world.happen(chance)], store_version=version)
