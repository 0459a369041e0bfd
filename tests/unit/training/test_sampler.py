"""Neighbour lists, hops and samples, against slow and obvious ways to find them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.sampler import Adjacency, adjacency, sample, within
from training.state import pairs

SIZE = 12
Edge = tuple[int, int]
EDGES = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)), max_size=30)


def _hops(edges: list[Edge], start: int) -> dict[int, int]:
    found, front = {start: 0}, [start]
    while front:
        reached = [b if a == node else a for node in front for a, b in edges if node in (a, b)]
        front = [node for node in dict.fromkeys(reached) if node not in found]
        found |= {node: max(found.values()) + 1 for node in front} if front else {}
    return found


def _graph(edges: list[Edge]) -> Adjacency:
    sources, targets = (np.array([edge[end] for edge in edges], np.int32) for end in (0, 1))
    return adjacency(pairs(sources, targets, SIZE), SIZE)


@given(EDGES, st.integers(0, SIZE - 1))
def test_everything_within_three_hops_is_found_with_its_hops(edges: list[Edge], start: int) -> None:
    nodes, hops = within(_graph(edges), start, hops_max=3, nodes_max=SIZE)
    expected = {node: hop for node, hop in _hops(edges, start).items() if 1 <= hop <= 3}
    assert dict(zip(nodes.tolist(), hops.tolist(), strict=True)) == expected


def test_the_nearest_are_kept_where_there_is_no_room() -> None:
    chain = _graph([(0, 1), (1, 2), (2, 3), (0, 4)])
    nodes, hops = within(chain, 0, hops_max=3, nodes_max=2)
    assert nodes.tolist() == [1, 4]
    assert hops.tolist() == [1, 1]


@given(EDGES, st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=3, unique=True), st.integers(1, 4))
def test_a_sample_holds_true_edges_and_no_more_than_its_fan_out(edges: list[Edge], seeds: list[int], fan: int) -> None:
    graph = _graph(edges)
    drawn = sample(graph, np.array(seeds, np.int32), fan_outs=(fan, fan), draw=np.random.default_rng(1))
    assert drawn.nodes[: len(seeds)].tolist() == seeds
    assert len(np.unique(drawn.nodes)) == len(drawn.nodes)
    true = {frozenset(edge) for edge in edges}
    ends = [(int(drawn.nodes[a]), int(drawn.nodes[b])) for a, b in zip(drawn.sources, drawn.targets, strict=True)]
    assert all(frozenset(one) in true for one in ends)
    assert len(set(ends)) == len(ends)
    counts = np.bincount(drawn.targets, minlength=len(drawn.nodes))
    assert counts.max(initial=0) <= fan


def test_a_sample_without_limit_is_the_neighbourhood() -> None:
    graph = _graph([(0, 1), (0, 2), (2, 3), (3, 4)])
    drawn = sample(graph, np.array([0], np.int32), fan_outs=(9, 9), draw=np.random.default_rng(1))
    assert sorted(drawn.nodes.tolist()) == [0, 1, 2, 3]


def test_the_same_seed_draws_the_same() -> None:
    graph = _graph([(0, other) for other in range(1, SIZE)])
    one, other = (
        sample(graph, np.array([0], np.int32), fan_outs=(3,), draw=np.random.default_rng(4)) for _ in range(2)
    )
    np.testing.assert_array_equal(one.nodes, other.nodes)
