"""Drawings of graphs: gathered when too large, opened by key, the same keys whatever is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from graph.collapse import Drawing, Drawn, Labels, Sums, added, collapsed, sums_of
from graph.patched import PatchedEdges
from tests.unit.graph.failing_graphs import Edge, K, S, edges_over, snapshot_of

SIZE = 12
SCOPES = (
    "/subscriptions/a/resourceGroups/one",
    "/subscriptions/a/resourceGroups/two",
    "/subscriptions/b/resourceGroups/one",
)
WHOLE = Labels(
    rows=np.arange(SIZE, dtype=np.int32),
    uids=[f"{row:03}" for row in range(SIZE)],
    scopes=[SCOPES[row % 3] for row in range(SIZE)],
    types=["t/vm" if row % 2 else "t/disk" for row in range(SIZE)],
)


def drawn(edges: list[Edge], *opened: str, nodes_max: int, labels: Labels = WHOLE) -> Drawing:
    found = PatchedEdges(snapshot_of(edges, SIZE).edges).all()

    def summing(nodes: Drawn) -> Sums:
        """Some edges first, the others then: as parts of a graph sum them."""
        ends = nodes.of(found.sources), nodes.of(found.targets)
        cuts = slice(None, None, 2), slice(1, None, 2)
        return added([sums_of(ends[0][cut], ends[1][cut], found.kinds[cut]) for cut in cuts])

    return collapsed(labels, summing, opened=opened, nodes_max=nodes_max)


@pytest.mark.parametrize(
    ("nodes_max", "level", "nodes"),
    [(12, "resource", 12), (11, "type_in_scope", 6), (5, "type_in_account", 4), (3, "account", 2)],
)
def test_the_finest_level_that_fits_is_taken(nodes_max: int, level: str, nodes: int) -> None:
    found = drawn([], nodes_max=nodes_max)
    assert (found.level, len(found.nodes)) == (level, nodes)
    assert sorted(row for node in found.nodes for row in node.members.tolist()) == list(range(SIZE))


def test_more_accounts_than_can_be_drawn_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        drawn([], nodes_max=1)
    assert caught.value.facts["got"] == 2


def test_an_opened_node_gives_way_to_the_next_finer_level_and_others_stay() -> None:
    before = drawn([], nodes_max=9)
    opened = before.nodes[0].key
    after = drawn([], opened, nodes_max=9)
    assert {node.key for node in before.nodes} - {node.key for node in after.nodes} == {opened}
    finer = [node for node in after.nodes if node.level == "resource"]
    assert [node.row for node in finer] == sorted(before.nodes[0].members.tolist())
    assert len(after.nodes) == len(before.nodes) - 1 + len(finer)


def test_a_node_can_be_opened_on_the_way_down_to_its_resources() -> None:
    top = drawn([], nodes_max=3)
    second = drawn([], top.nodes[1].key, nodes_max=3)
    assert {node.level for node in second.nodes} == {"account", "type_in_account"}


def test_opening_more_than_can_be_drawn_is_refused() -> None:
    keys = [node.key for node in drawn([], nodes_max=7).nodes]
    with pytest.raises(InputError, match="too many nodes"):
        drawn([], *keys, nodes_max=7)


@settings(max_examples=60, deadline=None)
@given(edges_over(SIZE), st.sampled_from([2, 4, 6, 12]))
def test_no_edge_is_lost_or_counted_twice(edges: list[Edge], nodes_max: int) -> None:
    found = drawn(edges, nodes_max=nodes_max)
    node_of = {row: number for number, node in enumerate(found.nodes) for row in node.members.tolist()}
    apart = [(node_of[s], node_of[t]) for s, t, _, _ in edges if node_of[s] != node_of[t]]
    assert sorted(pair for b in found.bundles for pair in [(b.source, b.target)] * b.count) == sorted(apart)
    assert found.inside == len(edges) - len(apart)


def test_keys_and_seeds_do_not_depend_on_what_else_is_shown() -> None:
    half = Labels(WHOLE.rows[:6], WHOLE.uids[:6], WHOLE.scopes[:6], WHOLE.types[:6])
    whole = {node.key: (node.seed, node.place) for node in drawn([], nodes_max=6).nodes}
    part = {node.key: (node.seed, node.place) for node in drawn([], nodes_max=5, labels=half).nodes}
    shared = whole.keys() & {node.key for node in drawn([], nodes_max=6, labels=half).nodes}
    assert part.keys() >= shared or shared == set()
    assert all(0 <= seed < 1 for seed, _ in whole.values())
    assert {key: whole[key] for key in part if key in whole} == {key: part[key] for key in part if key in whole}


def test_edges_to_what_is_not_shown_are_left_aside() -> None:
    edges: list[Edge] = [(0, 1, K.CONTAINS, S.HARD), (0, 11, K.CONTAINS, S.HARD)]
    part = replace(WHOLE, rows=WHOLE.rows[:2], uids=WHOLE.uids[:2], scopes=WHOLE.scopes[:2], types=WHOLE.types[:2])
    found = drawn(edges, nodes_max=5, labels=part)
    assert [(bundle.source, bundle.target, bundle.count) for bundle in found.bundles] == [(0, 1, 1)]
