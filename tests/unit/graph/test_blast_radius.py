"""Blast radius: hand-made graphs, and laws over arbitrary ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError, NotFound
from domain.resource import RelationshipKind, ResourceId, Strength
from graph.blast_radius import BlastRadius, blast_radius
from graph.build import build_snapshot, edges_from
from graph.failure import PROPAGATION, FailureMode
from graph.propagation import Bounds
from graph.references import KINDS, STRENGTHS, References
from graph.snapshot import Snapshot
from tests.unit.graph.estate import NOON, TENANT, item

K, S = RelationshipKind, Strength
Edge = tuple[int, int, RelationshipKind, Strength]
SIZE = 9


def graph(*edges: Edge, size: int = SIZE) -> Snapshot:
    """Nodes "0" to "8"; an edge says that its first node depends on its second."""
    base = build_snapshot(TENANT, [item(str(node)) for node in range(size)], as_of=NOON, paths_by_type={})
    ordered = sorted(set(edges), key=lambda e: (e[0], e[1], KINDS.index(e[2])))
    references = References(
        uids=tuple(ResourceId(str(node)) for node in range(size)),
        sources=np.array([e[0] for e in ordered], np.int32),
        targets=np.array([e[1] for e in ordered], np.int32),
        kinds=np.array([KINDS.index(e[2]) for e in ordered], np.uint8),
        strengths=np.array([STRENGTHS.index(e[3]) for e in ordered], np.uint8),
        paths=tuple("p" for _ in ordered),
        dangling=(),
    )
    return Snapshot(
        tenant=base.tenant,
        as_of=base.as_of,
        resources=base.resources,
        edges=edges_from(references, size),
        tables={},
        rows_by_type=base.rows_by_type,
        dangling=(),
        cycles=(),
        digest="",
    )


def hits(radius: BlastRadius, uid: str) -> tuple[set[str], set[str]]:
    found = radius.explain(uid)
    return {hit.uid for hit in found if hit.is_failed}, {hit.uid for hit in found if not hit.is_failed}


def test_hard_edges_hand_on_failure_and_soft_ones_degradation() -> None:
    radius = blast_radius(
        graph(
            (1, 0, K.MOUNTS, S.HARD), (2, 1, K.ROUTES_TO, S.SOFT), (3, 2, K.MOUNTS, S.HARD), (4, 3, K.NETWORK, S.SOFT)
        ),
        FailureMode.DELETE,
    )
    assert hits(radius, "0") == ({"1"}, {"2", "3"})
    assert hits(radius, "2") == ({"3"}, {"4"})
    assert hits(radius, "4") == (set(), set())


def test_redundant_edges_hand_on_only_when_every_alternative_is_reached() -> None:
    pool = [(8, node, K.ROUTES_TO, S.REDUNDANT) for node in (1, 2, 3)]
    radius = blast_radius(
        graph(*pool, (1, 0, K.CONTAINS, S.HARD), (2, 0, K.CONTAINS, S.HARD), (3, 5, K.CONTAINS, S.HARD),
              (0, 6, K.CONTAINS, S.HARD), (5, 6, K.CONTAINS, S.HARD), (7, 8, K.ATTACHED_TO, S.HARD)),
        FailureMode.DELETE,
    )  # fmt: skip
    assert hits(radius, "0") == ({"1", "2"}, set())
    assert hits(radius, "6") == ({"0", "5", "1", "2", "3", "8", "7"}, set())
    assert radius.of("6").failed == 7
    assert radius.of("0").failed == 2


def test_alternatives_that_only_degrade_make_their_user_degrade() -> None:
    radius = blast_radius(
        graph((8, 1, K.ROUTES_TO, S.REDUNDANT), (8, 2, K.ROUTES_TO, S.REDUNDANT), (1, 0, K.NETWORK, S.HARD),
              (2, 0, K.NETWORK, S.SOFT)),
        FailureMode.NETWORK_BLOCK,
    )  # fmt: skip
    assert hits(radius, "0") == ({"1"}, {"2", "8"})
    assert (radius.of("0").failed, radius.of("0").degraded) == (1, 2)


def test_each_failure_mode_follows_its_own_edges() -> None:
    snapshot = graph(
        (1, 0, K.ENCRYPTED_BY, S.HARD),
        (2, 0, K.NETWORK, S.HARD),
        (3, 0, K.ASSUMES, S.HARD),
        (0, 4, K.ROUTES_TO, S.HARD),
    )
    assert hits(blast_radius(snapshot, FailureMode.KEY_DISABLE), "0")[0] == {"1"}
    assert hits(blast_radius(snapshot, FailureMode.NETWORK_BLOCK), "0") == ({"2"}, {"4"})
    assert hits(blast_radius(snapshot, FailureMode.DENY_ACCESS), "0")[0] == {"1", "3"}
    assert hits(blast_radius(snapshot, FailureMode.DELETE), "0")[0] == {"1", "2", "3"}


def test_deleting_carries_over_every_kind_of_edge() -> None:
    assert {carrier.kind for carrier in PROPAGATION[FailureMode.DELETE]} == set(RelationshipKind)


def test_the_way_of_a_failure_is_explained_edge_by_edge() -> None:
    radius = blast_radius(graph((1, 0, K.MOUNTS, S.HARD), (2, 1, K.ROUTES_TO, S.SOFT)), FailureMode.DELETE)
    found = {hit.uid: [(r.source, r.target, r.kind) for r in hit.via] for hit in radius.explain("0")}
    assert found == {"1": [("1", "0", K.MOUNTS)], "2": [("1", "0", K.MOUNTS), ("2", "1", K.ROUTES_TO)]}
    assert len(radius.explain("0", hits_max=1)) == 1
    with pytest.raises(NotFound):
        radius.explain("elsewhere")


def test_value_is_what_fails_with_the_resource_itself() -> None:
    snapshot = graph((1, 0, K.MOUNTS, S.HARD), (2, 1, K.MOUNTS, S.HARD), (4, 3, K.NETWORK, S.SOFT))
    radius = blast_radius(snapshot, FailureMode.DELETE, value=np.arange(SIZE, dtype=np.float64) + 1)
    assert [(line.uid, line.failed, line.degraded, line.value) for line in radius.top(3)] == [
        ("0", 2, 0, 6.0),
        ("1", 1, 0, 5.0),
        ("3", 0, 1, 4.0),
    ]
    assert radius.of("8").value == 9.0
    with pytest.raises(InputError):
        blast_radius(snapshot, FailureMode.DELETE, value=np.zeros(3))


def test_a_circle_ends_and_its_members_reach_the_same() -> None:
    ring = [(node, (node + 1) % 4, K.MOUNTS, S.HARD) for node in range(4)]
    radius = blast_radius(graph(*ring, (5, 2, K.NETWORK, S.HARD)), FailureMode.DELETE)
    assert radius.failed.tolist() == [4, 4, 4, 4, 0, 0, 0, 0, 0]


def test_an_empty_graph_has_no_radius() -> None:
    assert blast_radius(graph(size=0), FailureMode.DELETE).top(5) == ()


@pytest.mark.parametrize("bounds", [Bounds(hops=2), Bounds(reach=2), Bounds(pairs=0)])
def test_a_bound_is_told_where_no_exact_count_follows(bounds: Bounds, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [(node + 1, node, K.MOUNTS, S.HARD) for node in range(SIZE - 1)]
    exact = blast_radius(graph(*chain), FailureMode.DELETE, bounds=bounds)
    assert exact.failed.tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert not exact.is_capped.any()
    monkeypatch.setattr("graph.blast_radius.EXACT_REACH_MAX", -1)
    bounded = blast_radius(graph(*chain), FailureMode.DELETE, bounds=bounds)
    assert bounded.of("0").is_capped
    assert bounded.of("0").failed < 8
    assert not bounded.of("8").is_capped


EDGES = st.lists(
    st.tuples(
        st.integers(0, SIZE - 1),
        st.integers(0, SIZE - 1),
        st.sampled_from([K.CONTAINS, K.ROUTES_TO, K.NETWORK]),
        st.sampled_from(list(Strength)),
    ),
    max_size=24,
    unique_by=lambda edge: edge[:3],
)


@settings(max_examples=150, deadline=None)
@given(EDGES, st.sampled_from(list(FailureMode)))
def test_counting_in_bulk_and_from_one_seed_agree(edges: list[Edge], failure: FailureMode) -> None:
    snapshot = graph(*edges)
    radius = blast_radius(snapshot, failure)
    for node in range(SIZE):
        found = radius.spread(node)
        assert (radius.failed[node], radius.degraded[node]) == (len(found.failed), len(found.degraded))
        for hit in radius.explain(str(node)):
            assert hit.via


@settings(max_examples=60, deadline=None)
@given(EDGES, st.randoms(use_true_random=False))
def test_the_order_of_edges_changes_nothing(edges: list[Edge], random: object) -> None:
    shuffled = list(edges)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (blast_radius(graph(*order), FailureMode.DELETE) for order in (edges, shuffled))
    assert first.failed.tolist() == second.failed.tolist()
    assert first.degraded.tolist() == second.degraded.tolist()


@settings(max_examples=60, deadline=None)
@given(EDGES, EDGES)
def test_more_dependencies_never_shrink_the_reach(edges: list[Edge], more: list[Edge]) -> None:
    """Holds for hard and soft edges; a further redundant edge is a further alternative, which may well shrink it."""
    known = {edge[:3] for edge in edges}
    added = [edge for edge in more if edge[3] is not S.REDUNDANT and edge[:3] not in known]
    before, after = (blast_radius(graph(*all_), FailureMode.DELETE) for all_ in (edges, [*edges, *added]))
    for node in map(str, range(SIZE)):
        failed, degraded = hits(before, node)
        failed_after, degraded_after = hits(after, node)
        assert failed <= failed_after
        assert degraded <= failed_after | degraded_after
