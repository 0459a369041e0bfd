"""Sampled failures: against every world counted out, and what intervals hold."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.resource import RelationshipKind, Strength
from graph.beliefs import Belief, Beliefs, Key
from graph.chances import Chances, chances
from graph.failing import Failures
from graph.failure import FailureMode
from graph.spread import spread
from tests.unit.graph.failing_graphs import RULES, Edge, K, S, edges_over, patch_of, snapshot_of

SIZE = 6
ONES = np.ones(SIZE)
SEED = np.array([0], np.int32)


def sure(hard: float, soft: float, redundant: float, escalates: float) -> Beliefs:
    """Probabilities that are known."""
    many = 1e12
    known = {S.HARD: hard, S.SOFT: soft, S.REDUNDANT: redundant}
    carries: dict[Key, Belief] = {
        (None, strength): Belief(p * many + 1e-9, (1 - p) * many + 1e-9) for strength, p in known.items()
    }
    return Beliefs(carries, Belief(escalates * many + 1e-9, (1 - escalates) * many + 1e-9))


def sampled(edges: list[Edge], beliefs: Beliefs | None = None, *, seed: int = 1, mode: FailureMode = FailureMode.DELETE,
            nodes_max: int = 100) -> Chances:  # fmt: skip
    network = Failures(snapshot_of(edges, SIZE), RULES).network(mode)
    return chances(network, SEED, value=ONES, seed=seed, beliefs=beliefs, nodes_max=nodes_max)


def by_row(values: NDArray[np.float64], found: Chances) -> list[float]:
    whole = np.zeros(SIZE)
    whole[found.rows] = values
    return [float(each) for each in whole]


def every_world(edges: list[Edge], real: dict[Strength, float], escalates: float) -> tuple[list[float], list[float]]:
    """Probabilities to fail, and to fail or degrade, by counting out what each edge may be."""
    fails, hurts = np.zeros(SIZE), np.zeros(SIZE)
    for states in product((0, 1, 2), repeat=len(edges)):
        weight, world = 1.0, []
        for (source, target, kind, strength), state in zip(edges, states, strict=True):
            p = real[strength]
            if state == 0:
                weight *= 1 - p
            elif strength is S.SOFT:
                weight *= p * (escalates if state == 2 else 1 - escalates)
                world.append((source, target, S.HARD if state == 2 else S.SOFT, kind))
            else:
                weight *= p if state == 1 else 0.0
                world.append((source, target, strength, kind))
        if weight:
            failed, hit = worked_out(edges, world)
            fails[list(failed)] += weight
            hurts[list(hit)] += weight
    fails[0] = hurts[0] = 0
    return fails.tolist(), hurts.tolist()


def worked_out(
    edges: list[Edge], world: list[tuple[int, int, Strength, RelationshipKind]]
) -> tuple[set[int], set[int]]:
    """What fails and what is hit; alternatives that are not real still stand."""
    failed, hit = {0}, {0}
    for _ in range(2 * SIZE):
        for source, target, strength, kind in world:
            if strength is S.REDUNDANT:
                pool = [e[1] for e in edges if e[0] == source and e[2] is kind and e[3] is S.REDUNDANT]
                real = {t for s, t, st_, k in world if s == source and k is kind and st_ is S.REDUNDANT}
                if all(each in real and each in failed for each in pool):
                    failed.add(source)
                if all(each in real and each in hit for each in pool):
                    hit.add(source)
            elif strength is S.HARD:
                failed |= {source} if target in failed else set()
                hit |= {source} if target in hit else set()
            else:
                hit |= {source} if target in failed else set()
        hit |= failed
    return failed, hit


KINDS_TRIED = st.sampled_from([K.MOUNTS, K.ATTACHED_TO])
EDGES = st.lists(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1), KINDS_TRIED, st.sampled_from(list(Strength))).filter(
        lambda edge: edge[0] != edge[1]
    ),
    max_size=6,
    unique_by=lambda edge: edge[:3],
)


@settings(max_examples=25, deadline=None)
@given(EDGES)
def test_sampled_probabilities_are_those_of_all_worlds(edges: list[Edge]) -> None:
    found = sampled(edges, sure(0.8, 0.6, 0.9, 0.3))
    fails, hurts = every_world(edges, {S.HARD: 0.8, S.SOFT: 0.6, S.REDUNDANT: 0.9}, 0.3)
    assert by_row(found.fails, found) == pytest.approx(fails, abs=0.06)
    assert by_row(found.hurts, found) == pytest.approx(hurts, abs=0.06)
    assert found.failed.mean == pytest.approx(sum(fails), abs=0.2)


@settings(max_examples=60, deadline=None)
@given(edges_over(SIZE, 14), st.sampled_from(list(FailureMode)))
def test_certain_beliefs_give_what_is_exact(edges: list[Edge], mode: FailureMode) -> None:
    network = Failures(snapshot_of(edges, SIZE), RULES).network(mode)
    exact = spread(network, SEED)
    found = sampled(edges, sure(1, 1, 1, 0), mode=mode)
    failed = set(found.rows[found.fails == 1].tolist())
    assert failed == set(exact.failed.rows.tolist())
    assert set(found.rows.tolist()) == failed | set(exact.degraded.rows.tolist())
    assert set(found.hurts.tolist()) <= {1.0}
    assert (found.failed.low, found.failed.high) == (len(failed), len(failed))


def test_the_same_seed_gives_the_same_answer_and_another_one_a_near_one() -> None:
    edges: list[Edge] = [(1, 0, K.MOUNTS, S.HARD), (2, 1, K.ASSUMES, S.SOFT)]
    first, again, other = sampled(edges, seed=7), sampled(edges, seed=7), sampled(edges, seed=8)
    assert first.fails.tolist() == again.fails.tolist()
    assert first.fails.tolist() != other.fails.tolist()
    assert by_row(first.fails, first) == pytest.approx(by_row(other.fails, other), abs=0.06)


def test_an_interval_holds_what_is_believed_and_narrows_with_what_is_observed() -> None:
    edges: list[Edge] = [(1, 0, K.ASSUMES, S.HARD)]
    vague, known = Belief(3, 3), Belief(3, 3).after(hits=300, misses=300)
    wide = sampled(edges, Beliefs({(None, S.HARD): vague}))
    narrow = sampled(edges, Beliefs({(None, S.HARD): known}))
    assert (vague.mean, known.mean) == (0.5, 0.5)
    assert wide.low[0] < 0.3
    assert wide.high[0] > 0.7
    assert narrow.low[0] > 0.4
    assert narrow.high[0] < 0.6


def test_value_is_that_of_what_fails_with_the_seed() -> None:
    edges: list[Edge] = [(1, 0, K.MOUNTS, S.HARD), (2, 1, K.MOUNTS, S.HARD)]
    network = Failures(snapshot_of(edges, SIZE), RULES).network(FailureMode.DELETE)
    found = chances(network, SEED, value=np.array([5.0, 15, 25, 35, 45, 55]), beliefs=sure(1, 1, 1, 0))
    assert found.value.mean == 5 + 15 + 25
    assert found.worlds == 2_048


def test_what_is_left_out_of_a_large_reach_is_told() -> None:
    edges: list[Edge] = [(node, 0, K.MOUNTS, S.HARD) for node in range(1, SIZE)]
    found = sampled(edges, nodes_max=3)
    assert found.is_capped
    assert len(found.rows) == 2
    assert not sampled(edges).is_capped


def test_edges_of_a_patch_are_believed_as_others_are() -> None:
    after: list[Edge] = [(1, 0, K.MOUNTS, S.HARD)]
    patched = Failures(snapshot_of([], SIZE), RULES).network(FailureMode.DELETE, patch_of([], after, SIZE))
    found = chances(patched, SEED, value=ONES, seed=1)
    assert found.fails.tolist() == sampled(after).fails.tolist()
