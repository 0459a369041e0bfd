"""The part that computes scores: together as alone, each failure in its own place, and light enough for a process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.errors import UnavailableError
from tests.architecture.sources import loaded_by, modules
from tests.unit.training.made_network import drawn_relations, drawn_values
from tests.unit.training.made_predictor import drawn_predictor
from training.calibration import Isotonic
from training.scoring import GRAPHS_MAX, Asked, Graph, Scorer, Told
from training.task import NODE_TASKS, Task

ROWS = 40
SERVING, CANDIDATE = drawn_predictor(seed=1), drawn_predictor(seed=2)
GRAPH = Graph(drawn_values(ROWS), drawn_relations(ROWS, edges=90))
HEAVY = {"ray", "polars", "duckdb", "pyarrow", "fastapi", "pydantic", "actors", "serve"}


def _scorer() -> Scorer:
    return Scorer({"serving": SERVING, "candidate": CANDIDATE})


def _told(scorer: Scorer, *asked: Asked) -> list[Told]:
    found = scorer.explain(asked, lambda _: GRAPH)
    assert all(isinstance(one, Told) for one in found), found
    return [one for one in found if isinstance(one, Told)]


def test_questions_that_come_together_get_what_each_gets_alone() -> None:
    asked = [Asked("g", row, arm) for row in (3, 7, 3, 39) for arm in ("serving", "candidate")]
    together = _told(_scorer(), *asked)
    assert {one.together for one in together} == {len(asked)}
    for one, question in zip(together, asked, strict=True):
        (alone,) = _told(_scorer(), question)
        for task in NODE_TASKS:
            assert one.tasks[task].p == pytest.approx(alone.tasks[task].p, rel=1e-5)
            assert [n.row for n in one.tasks[task].neighbours] == [n.row for n in alone.tasks[task].neighbours]


def test_after_a_whole_scoring_answers_are_the_same_from_its_states() -> None:
    scorer = _scorer()
    logits = scorer.whole("g", "serving", lambda: GRAPH)
    (kept,), (alone,) = _told(scorer, Asked("g", 5, "serving")), _told(_scorer(), Asked("g", 5, "serving"))
    told = SERVING.told(logits)
    for task in NODE_TASKS:
        assert kept.tasks[task].p == pytest.approx(alone.tasks[task].p, rel=1e-4)
        assert kept.tasks[task].p == pytest.approx(float(told[task].p[5]), rel=1e-4)


def test_a_failure_stands_in_its_own_place() -> None:
    def fetch(at: int) -> Graph:
        if at == 1:
            raise UnavailableError("the graph is gone")
        return GRAPH

    first, second, third = _scorer().explain(
        [Asked("a", 1, "serving"), Asked("b", 1, "serving"), Asked("a", 2, "serving")], fetch
    )
    assert isinstance(first, Told)
    assert isinstance(third, Told)
    assert isinstance(second, UnavailableError)
    assert "the graph is gone" in str(second.facts["reason"])


def test_a_network_that_lacks_a_part_fails_as_unavailable() -> None:
    arrays = {name: one for name, one in SERVING.network.arrays.items() if name != "head.bias"}
    broken = Scorer({"serving": replace(SERVING, network=replace(SERVING.network, arrays=arrays))})
    (found,) = broken.explain([Asked("g", 1, "serving")], lambda _: GRAPH)
    assert isinstance(found, UnavailableError)
    with pytest.raises(UnavailableError):
        Scorer({}).whole("g", "serving", lambda: GRAPH)


def test_a_graph_is_fetched_once_while_there_is_room() -> None:
    fetched: list[str] = []
    scorer = _scorer()

    def ask(name: str) -> None:
        def fetch(_: int) -> Graph:
            fetched.append(name)
            return GRAPH

        scorer.explain([Asked(name, 1, "serving")], fetch)

    for name in ("a", "a", *map(str, range(GRAPHS_MAX)), "a"):
        ask(name)
    assert fetched == ["a", *map(str, range(GRAPHS_MAX)), "a"], "and again after others took its room"


def test_a_tenants_own_calibration_is_what_is_told() -> None:
    flat = {task: Isotonic(np.zeros(1), np.full(1, 0.25)) for task in NODE_TASKS}
    (found,) = _scorer().explain([Asked("g", 3, "serving")], lambda _: replace(GRAPH, scales=flat))
    assert isinstance(found, Told)
    assert found.tasks[Task.CHANGE].p == 0.25


def test_the_unheard_model_answers_beside_the_heard_one() -> None:
    (found,) = _told(_scorer(), Asked("g", 3, "serving", beside="candidate"))
    other = CANDIDATE.answer(GRAPH.values, GRAPH.relations, np.array([3]))
    assert found.beside is not None
    assert found.beside.p == pytest.approx([float(other[task].p[0]) for task in NODE_TASKS])


def test_a_process_that_scores_loads_neither_tables_nor_the_platform() -> None:
    assert loaded_by("training.scoring", HEAVY) == set()


def test_a_replica_of_the_models_imports_what_scores_and_nothing_of_the_platform() -> None:
    (replica,) = (module for module in modules() if module.name == "serve.deployment.model")
    ours = {name for name in replica.imports() if name.partition(".")[0] in {"actors", "assessment", "serve", "graph"}}
    assert {name for name in ours if not name.startswith("serve.breaker")} == set()
