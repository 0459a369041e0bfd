"""Order of deletion: laws over arbitrary graphs, and circles by name."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.deletion import Deletion, deletion_order
from graph.patched import PatchedEdges
from tests.unit.graph.failing_graphs import Edge, K, S, edges_over, patch_of, snapshot_of

SIZE = 8
ROWS = st.sets(st.integers(0, SIZE - 1))


def order_of(edges: list[Edge], rows: set[int]) -> Deletion:
    return deletion_order(PatchedEdges(snapshot_of(edges, SIZE).edges), np.array(sorted(rows), np.int32))


def waves_of(found: Deletion) -> list[list[int]]:
    return [wave.tolist() for wave in found.waves]


@settings(max_examples=150, deadline=None)
@given(edges_over(SIZE, 14), ROWS)
def test_whoever_depends_on_something_goes_before_it(edges: list[Edge], rows: set[int]) -> None:
    found = order_of(edges, rows)
    wave_of = {row: number for number, wave in enumerate(found.waves) for row in wave.tolist()}
    assert set(wave_of) == rows
    circle_of = {row: number for number, cycle in enumerate(found.cycles) for row in cycle.tolist()}
    unfollowed = 0
    for source, target, _, strength in edges:
        if source == target or not {source, target} <= rows:
            continue
        is_before = wave_of[source] < wave_of[target]
        is_in_circle = source in circle_of and circle_of[source] == circle_of.get(target)
        assert is_before or is_in_circle or strength is S.SOFT
        unfollowed += strength is S.SOFT and not is_before
    assert unfollowed <= found.unfollowed


@settings(max_examples=100, deadline=None)
@given(edges_over(SIZE, 14), ROWS)
def test_circles_are_the_binding_ones_and_no_others(edges: list[Edge], rows: set[int]) -> None:
    reach = {row: {row} for row in rows}
    binding = [(s, t) for s, t, _, strength in edges if strength is not S.SOFT and s != t and {s, t} <= rows]
    for _ in range(SIZE):
        for source, target in binding:
            reach[source] |= reach[target]
    expected = {frozenset(b for b in rows if b in reach[a] and a in reach[b]) for a in rows}
    found = order_of(edges, rows)
    assert {frozenset(cycle.tolist()) for cycle in found.cycles} == {each for each in expected if len(each) > 1}


@settings(max_examples=80, deadline=None)
@given(edges_over(SIZE, 10), edges_over(SIZE, 10), ROWS)
def test_a_patched_base_gives_the_order_of_one_built_anew(
    before: list[Edge], after: list[Edge], rows: set[int]
) -> None:
    patched = PatchedEdges(snapshot_of(before, SIZE).edges, patch_of(before, after, SIZE))
    found = deletion_order(patched, np.array(sorted(rows), np.int32))
    anew = order_of(after, rows)
    assert waves_of(found) == waves_of(anew)
    assert [each.tolist() for each in found.cycles] == [each.tolist() for each in anew.cycles]
    assert len(found.kept_users) == len(anew.kept_users)


def test_a_network_goes_after_what_stands_in_it() -> None:
    """A machine on a card in a subnet of a network, with a disk; a backup that is kept softly refers to the disk."""
    edges: list[Edge] = [
        (0, 1, K.ATTACHED_TO, S.HARD),
        (1, 2, K.NETWORK, S.HARD),
        (2, 3, K.CONTAINS, S.HARD),
        (0, 4, K.MOUNTS, S.HARD),
        (5, 4, K.BACKED_UP_BY, S.SOFT),
    ]
    assert waves_of(order_of(edges, {0, 1, 2, 3, 4})) == [[0], [1, 4], [2], [3]]


def test_a_circle_is_named_with_its_edges_and_goes_in_one_wave() -> None:
    edges: list[Edge] = [(0, 1, K.MOUNTS, S.HARD), (1, 0, K.ASSUMES, S.HARD), (2, 0, K.NETWORK, S.HARD)]
    found = order_of(edges, {0, 1, 2})
    assert waves_of(found) == [[2], [0, 1]]
    assert [each.tolist() for each in found.cycles] == [[0, 1]]
    assert [each.tolist() for each in found.cycle_edges] == [[0, 1]]


def test_who_stays_and_uses_what_goes_is_named() -> None:
    edges: list[Edge] = [(0, 1, K.MOUNTS, S.HARD), (2, 1, K.NETWORK, S.SOFT)]
    found = order_of(edges, {1})
    assert found.kept_users.tolist() == [0]
    assert waves_of(order_of([], set())) == []
