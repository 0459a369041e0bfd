"""Spread of a failure: against the slow way, over patches, and along shortest ways."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from graph.blast_radius import blast_radius
from graph.failing import Failures, Network
from graph.failure import FailureMode
from graph.redundancy import MAJORITY, ONE, Need
from graph.references import STRENGTHS
from graph.spread import Hits, Spread, Trails, spread
from tests.unit.graph.failing_graphs import (
    RULES,
    Edge,
    K,
    S,
    edges_over,
    patch_of,
    slow_spread,
    snapshot_of,
    type_of,
)

SIZE = 9
MODES = st.sampled_from(list(FailureMode))
SEEDS = st.sets(st.integers(0, SIZE - 1), min_size=1, max_size=3)


def steps(hits: Hits) -> dict[int, int]:
    return dict(zip(hits.rows.tolist(), hits.hops.tolist(), strict=True))


def network(edges: list[Edge], failure: FailureMode, size: int = SIZE) -> Network:
    return Failures(snapshot_of(edges, size), RULES).network(failure)


def spread_of(found: Network, seeds: set[int]) -> Spread:
    return spread(found, np.array(sorted(seeds), np.int32))


@settings(max_examples=120, deadline=None)
@given(edges_over(SIZE), MODES, SEEDS)
def test_what_fails_is_what_working_it_out_by_rounds_gives(
    edges: list[Edge], failure: FailureMode, seeds: set[int]
) -> None:
    found = spread_of(network(edges, failure), seeds)
    assert (steps(found.failed), steps(found.degraded)) == slow_spread(edges, failure, seeds)


@settings(max_examples=120, deadline=None)
@given(edges_over(SIZE), edges_over(SIZE + 3), st.data(), MODES, SEEDS)
def test_a_patched_base_spreads_as_one_that_is_built_anew(
    before: list[Edge], more: list[Edge], data: st.DataObject, failure: FailureMode, seeds: set[int]
) -> None:
    kept = [edge for edge in before if data.draw(st.booleans())]
    known = {edge[:3] for edge in kept}
    after = [*kept, *(edge for edge in more if edge[:3] not in known)]
    failures = Failures(snapshot_of(before, SIZE), RULES)
    size = SIZE + 3
    types = {node: type_of(node) for node in range(SIZE, size)}
    patched = failures.network(failure, patch_of(before, after, size), types)
    anew = network(after, failure, size)
    first, second = spread_of(patched, seeds), spread_of(anew, seeds)
    assert steps(first.failed) == steps(second.failed)
    assert steps(first.degraded) == steps(second.degraded)
    rows = np.array(sorted(seeds), np.int32)
    assert arcs_of(patched, rows) == arcs_of(anew, rows)


def arcs_of(found: Network, rows: NDArray[np.int32]) -> list[tuple[int, int, int, int]]:
    arcs = found.into(rows)
    links = [found.edges.link(number) for number in arcs.numbers.tolist()]
    columns = zip(arcs.origins.tolist(), arcs.hits.tolist(), arcs.strengths.tolist(), links, strict=True)
    return sorted((origin, hit, strength, link.kind) for origin, hit, strength, link in columns)


@settings(max_examples=50, deadline=None)
@given(edges_over(SIZE), MODES)
def test_arcs_into_nodes_are_the_arcs_out_of_others(edges: list[Edge], failure: FailureMode) -> None:
    found = network(edges, failure)
    out = found.out(np.arange(SIZE, dtype=np.int32))
    for node in range(SIZE):
        inward = found.into(np.array([node], np.int32))
        chosen = out.hits == node
        expected = zip(out.origins[chosen].tolist(), out.numbers[chosen].tolist(), strict=True)
        assert sorted(zip(inward.origins.tolist(), inward.numbers.tolist(), strict=True)) == sorted(expected)


@settings(max_examples=50, deadline=None)
@given(edges_over(SIZE), MODES, SEEDS)
def test_a_trail_leads_from_a_seed_over_edges_that_are_there(
    edges: list[Edge], failure: FailureMode, seeds: set[int]
) -> None:
    over = network(edges, failure)
    found = spread_of(over, seeds)
    trails = Trails(found)
    for row, hops in {**steps(found.degraded), **steps(found.failed)}.items():
        trail = trails.steps(row)
        assert trail[-1][0] == row
        before = None
        for node, number in trail:
            link = over.edges.link(number)
            assert node in {link.source, link.target}
            other = link.source if node == link.target else link.target
            assert other in seeds if before is None else other == before
            before = node
        if row in steps(found.failed):
            assert len(trail) == hops


@settings(max_examples=40, deadline=None)
@given(edges_over(SIZE), MODES)
def test_counts_of_all_seeds_agree_with_each_alone(edges: list[Edge], failure: FailureMode) -> None:
    snapshot = snapshot_of(edges, SIZE)
    failures = Failures(snapshot, RULES)
    radius = blast_radius(snapshot, failure, failures=failures)
    for node in range(SIZE):
        failed, degraded = slow_spread(edges, failure, {node})
        assert (radius.failed[node], radius.degraded[node]) == (len(failed), len(degraded))


def test_a_quorum_fails_with_the_loss_of_half_and_a_pool_with_the_loss_of_all() -> None:
    """Node 1 is a quorum of 2, 5, 8 and 11; node 0 a pool of the same."""
    members = (2, 5, 8, 11)
    edges: list[Edge] = [(each, owner, K.MEMBER_OF, S.SOFT) for each in members for owner in (0, 1)]
    over = network(edges, FailureMode.DENY_ACCESS, 12)
    assert steps(spread_of(over, {2}).failed) == {}
    assert steps(spread_of(over, {2, 5}).failed) == {1: 1}
    assert steps(spread_of(over, {2, 5, 8, 11}).failed) == {0: 1, 1: 1}


def test_a_need_counts_the_losses_that_are_too_many() -> None:
    sizes = np.array([1, 2, 3, 4, 5], np.int32)
    assert ONE.losses(sizes).tolist() == [1, 2, 3, 4, 5]
    assert Need(2).losses(sizes).tolist() == [1, 1, 2, 3, 4]
    assert MAJORITY.losses(sizes).tolist() == [1, 1, 2, 2, 3]


def test_a_limit_of_steps_ends_the_spread() -> None:
    chain: list[Edge] = [(node + 1, node, K.CONTAINS, S.HARD) for node in range(SIZE - 1)]
    found = spread(network(chain, FailureMode.DELETE), np.array([0], np.int32), hops_max=2)
    assert steps(found.failed) == {1: 1, 2: 2}


def test_an_added_alternative_keeps_what_would_have_failed() -> None:
    before: list[Edge] = [(3, 2, K.ROUTES_TO, S.REDUNDANT)]
    after: list[Edge] = [*before, (3, 5, K.ROUTES_TO, S.REDUNDANT)]
    failures = Failures(snapshot_of(before, SIZE), RULES)
    alone = spread_of(failures.network(FailureMode.DELETE), {2})
    beside = spread_of(failures.network(FailureMode.DELETE, patch_of(before, after, SIZE)), {2})
    assert (steps(alone.failed), steps(beside.failed)) == ({3: 1}, {})
    assert STRENGTHS[failures.network(FailureMode.DELETE).edges.link(0).strength] is S.REDUNDANT
