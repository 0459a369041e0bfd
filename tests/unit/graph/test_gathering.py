"""What is gathered round by round of a graph that is cut into parts answers as the whole graph does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import ConflictError
from graph.base import Base
from graph.chances import chances
from graph.deletion import deletion_order
from graph.edge_columns import EdgeColumns, circles_of, coded, compressed, joined, strongest, without_circles
from graph.failing import ArcColumns, Failures, Network
from graph.failure import HARD, SOFT, FailureMode
from graph.gathering import Ask, Causes, Gathered, Hits, Own, Reach, Surroundings, gathered
from graph.names import NO_EDGES, Names
from graph.numbered import Asked, Found, Numbered
from graph.patched import PatchedEdges
from graph.references import KINDS, STRENGTHS
from graph.snapshot import Rows, Snapshot
from graph.spread import Hits as Reached
from graph.spread import spread
from graph.view import GraphView, Overlay
from tests.unit.graph.estate import NOON, TENANT
from tests.unit.graph.failing_graphs import RULES, Edge, K, S, edges_over, snapshot_of

SIZE: Final = 14
ORDER: Final = np.arange(SIZE, dtype=np.int64)
AMPLE: Final = 1_000_000


def columns_of(edges: Sequence[Edge]) -> EdgeColumns:
    return EdgeColumns(
        sources=np.array([edge[0] for edge in edges], np.int32),
        targets=np.array([edge[1] for edge in edges], np.int32),
        kinds=np.array([KINDS.index(edge[2]) for edge in edges], np.uint8),
        strengths=np.array([STRENGTHS.index(edge[3]) for edge in edges], np.uint8),
        paths=coded([f"at {edge[0]} {edge[1]}" for edge in edges]),
    )


def snapshot_with(edges: EdgeColumns) -> Snapshot:
    return replace(snapshot_of([], SIZE), edges=compressed(edges, SIZE))


def whole_of(edges: Sequence[Edge]) -> Snapshot:
    """The whole graph: circles of containment are references."""
    columns = strongest(joined([NO_EDGES, columns_of(edges)]))
    circles = circles_of(columns.sources, columns.targets, columns.kinds, SIZE)
    return snapshot_with(without_circles(columns, circles, SIZE)[0])


def part_of(edges: Sequence[Edge]) -> Numbered:
    """A part that claims some edges."""
    snapshot = snapshot_with(strongest(joined([NO_EDGES, columns_of(edges)])))
    none = np.empty(0, np.int32)
    overlay = Overlay(1, NOON, SIZE, {}, frozenset(), {}, {}, frozenset(), {}, (), frozenset())
    return Numbered(GraphView(Base(snapshot, (), none, none, None), overlay))


def cut(edges: Sequence[Edge], parts: int, seed: int) -> Ask:
    """Parts that claim the edges between them, some of them twice, the second time softly."""
    chance = Random(seed)
    claims: list[list[Edge]] = [[] for _ in range(parts)]
    for edge in edges:
        home = chance.randrange(parts)
        claims[home].append(edge)
        other = chance.randrange(parts)
        if other != home and chance.random() < 0.3:
            claims[other].append((*edge[:3], S.SOFT if edge[3] is S.HARD else edge[3]))
    held = [part_of(each) for each in claims]

    def ask(asked: Asked) -> Found:
        answers = [each.around(asked) for each in held]
        return Found(sum(each.count for each in answers), joined([each.edges for each in answers]))

    return ask


def names() -> GraphView:
    return Names(TENANT, snapshot_of([], SIZE).resources, as_of=NOON).view()


def piece(ask: Ask, *reaches: Reach, edges_max: int = AMPLE) -> Gathered:
    known = names()
    return gathered(ask, known, ORDER, reaches, Failures(known.base, RULES), edges_max=edges_max)


def network_of(found: Gathered, mode: FailureMode) -> Network:
    return Failures(found.base, RULES).network(mode, found.patch)


def told(network: Network, hits: Reached) -> list[tuple[int, int, int, str]]:
    columns = (hits.rows.tolist(), hits.hops.tolist(), hits.origins.tolist(), hits.numbers.tolist())
    return [
        (row, hops, origin, str(network.edges.link(edge))) for row, hops, origin, edge in zip(*columns, strict=True)
    ]


def arrows(arcs: ArcColumns) -> list[tuple[int, ...]]:
    columns = (arcs.origins, arcs.hits, arcs.strengths)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


graphs = st.tuples(edges_over(SIZE, max_size=40), st.integers(1, 4), st.integers(0, 99))
seeds_of_graphs = st.sets(st.integers(0, SIZE - 1), min_size=1, max_size=3)


def rows(numbers: set[int]) -> Rows:
    return np.array(sorted(numbers), np.int32)


@settings(max_examples=60, deadline=None)
@given(graphs, st.sampled_from(list(FailureMode)), seeds_of_graphs, st.sampled_from([None, 1, 2, 3]))
def test_what_fails_is_the_same_for_every_mode_and_depth(
    graph: tuple[list[Edge], int, int], mode: FailureMode, numbers: set[int], hops_max: int | None
) -> None:
    edges, seeds = graph[0], rows(numbers)
    found = network_of(piece(cut(*graph), Hits(mode, seeds, hops_max)), mode)
    whole = Failures(whole_of(edges), RULES).network(mode)
    got, expected = spread(found, seeds, hops_max=hops_max), spread(whole, seeds, hops_max=hops_max)
    assert told(found, got.failed) == told(whole, expected.failed)
    assert told(found, got.degraded) == told(whole, expected.degraded)
    for row in expected.failed.rows.tolist() + expected.degraded.rows.tolist():
        assert sorted(found.into(rows({row})).strengths) == sorted(whole.into(rows({row})).strengths)


@settings(max_examples=25, deadline=None)
@given(graphs, st.sampled_from(list(FailureMode)), seeds_of_graphs, st.integers(0, 3))
def test_sampled_worlds_are_the_same_draw_by_draw(
    graph: tuple[list[Edge], int, int], mode: FailureMode, numbers: set[int], seed: int
) -> None:
    seeds, worth = rows(numbers), np.arange(SIZE, dtype=np.float64)
    found = chances(network_of(piece(cut(*graph), Hits(mode, seeds)), mode), seeds, value=worth, seed=seed)
    expected = chances(Failures(whole_of(graph[0]), RULES).network(mode), seeds, value=worth, seed=seed)
    for name in ("rows", "fails", "low", "high", "hurts"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    assert (found.failed, found.value, found.worlds) == (expected.failed, expected.value, expected.worlds)


@settings(max_examples=40, deadline=None)
@given(graphs, st.sampled_from(list(FailureMode)), seeds_of_graphs, st.integers(1, 4))
def test_what_could_bring_a_resource_down_is_the_same(
    graph: tuple[list[Edge], int, int], mode: FailureMode, numbers: set[int], hops_max: int
) -> None:
    found = network_of(piece(cut(*graph), Causes(mode, rows(numbers), hops_max)), mode)
    whole = Failures(whole_of(graph[0]), RULES).network(mode)
    frontier = rows(numbers)
    for _ in range(hops_max):
        arcs, expected = found.into(frontier), whole.into(frontier)
        assert arrows(arcs) == arrows(expected)
        frontier = np.unique(arcs.origins).astype(np.int32)


@settings(max_examples=40, deadline=None)
@given(graphs, seeds_of_graphs, st.integers(1, 3))
def test_orders_of_deletion_and_surroundings_are_the_same(
    graph: tuple[list[Edge], int, int], numbers: set[int], hops_max: int
) -> None:
    seeds, ask, whole = rows(numbers), cut(*graph), PatchedEdges(whole_of(graph[0]).edges)
    own = piece(ask, Own(seeds))
    got, expected = (deletion_order(edges, seeds) for edges in (PatchedEdges(own.base.edges, own.patch), whole))
    assert [wave.tolist() for wave in got.waves] == [wave.tolist() for wave in expected.waves]
    assert (len(got.cycles), len(got.kept_users), got.unfollowed) == (
        len(expected.cycles),
        len(expected.kept_users),
        expected.unfollowed,
    )
    near = piece(ask, Surroundings(seeds, hops_max))
    gathered_edges, chosen = PatchedEdges(near.base.edges, near.patch), seeds
    for _ in range(hops_max):
        ends = np.concatenate([chosen, whole.out_of(chosen).targets, whole.into(chosen).sources])
        chosen = np.unique(ends).astype(np.int32)
    inside, outside = gathered_edges.out_of(chosen), whole.out_of(chosen)
    order = np.lexsort((inside.kinds, inside.targets, inside.sources))
    other = np.lexsort((outside.kinds, outside.targets, outside.sources))
    for name in ("sources", "targets", "kinds", "strengths"):
        assert np.array_equal(getattr(inside, name)[order], getattr(outside, name)[other]), name


def test_several_reaches_are_put_together_once() -> None:
    edges: list[Edge] = [(0, 1, K.NETWORK, S.HARD), (1, 2, K.NETWORK, S.HARD)]
    ask = cut(edges, 2, 1)
    found = piece(ask, Hits(FailureMode.DELETE, rows({2})), Causes(FailureMode.DELETE, rows({0}), 5), Own(rows({1})))
    assert list(zip(found.patch.sources.tolist(), found.patch.targets.tolist(), strict=True)) == [(0, 1), (1, 2)]
    assert found.patch.strengths.tolist() == [HARD, HARD]


def test_what_reaches_too_far_is_refused_with_how_far_it_came() -> None:
    chain: list[Edge] = [(node + 1, node, K.NETWORK, S.HARD) for node in range(SIZE - 1)]
    ask = cut(chain, 1, 0)
    assert piece(ask, Hits(FailureMode.DELETE, rows({0})), edges_max=4 * SIZE).patch.size == SIZE
    with pytest.raises(ConflictError) as raised:
        piece(ask, Hits(FailureMode.DELETE, rows({0})), edges_max=6)
    facts = raised.value.facts
    assert (facts["tenant"], facts["resources"], facts["edges_max"]) == (TENANT, SIZE, 6)
    assert int(str(facts["edges"])) > 6
    assert 1 < int(str(facts["reached"])) < SIZE
    assert "graph_whole_mib" in str(facts["todo"])
    few = piece(ask, Hits(FailureMode.DELETE, rows({0}), 1), edges_max=6)
    assert few.patch.strengths.tolist() == [HARD, HARD]
    assert SOFT not in few.patch.strengths
