"""Small graphs of typed nodes and arbitrary edges, and what a failure does to them, worked out the slow way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import strategies as st

from domain.resource import RelationshipKind, ResourceId, Strength
from graph.build import build_snapshot, edges_from
from graph.failure import PROPAGATION, FailureMode, Way
from graph.patch import EdgePatch
from graph.redundancy import MAJORITY, ONE, MemberRule, Need, Redundancy
from graph.references import KINDS, STRENGTHS, References
from graph.snapshot import Snapshot
from tests.unit.graph.estate import NOON, TENANT, item

K, S = RelationshipKind, Strength
Edge = tuple[int, int, RelationshipKind, Strength]

TYPES = ("t/pool", "t/quorum", "t/thing")
RULES = Redundancy(
    needs={("t/quorum", K.ROUTES_TO): MAJORITY, ("t/pool", K.NETWORK): Need(2)},
    members=(
        MemberRule("t/pool", K.MEMBER_OF, "t/thing", ONE),
        MemberRule("t/quorum", K.MEMBER_OF, "t/thing", MAJORITY),
    ),
)


def type_of(node: int) -> str:
    return TYPES[node % len(TYPES)]


def edges_over(size: int, max_size: int = 24) -> st.SearchStrategy[list[Edge]]:
    """Edges between any nodes; two of one kind between the same nodes in one direction are one."""
    node = st.integers(0, size - 1)
    kinds = st.sampled_from([K.CONTAINS, K.ROUTES_TO, K.NETWORK, K.MEMBER_OF, K.ENCRYPTED_BY])
    edge = st.tuples(node, node, kinds, st.sampled_from(list(Strength)))
    return st.lists(edge, max_size=max_size, unique_by=lambda each: each[:3])


def ordered(edges: Iterable[Edge]) -> list[Edge]:
    return sorted(edges, key=lambda e: (e[0], e[1], KINDS.index(e[2])))


def snapshot_of(edges: Sequence[Edge], size: int) -> Snapshot:
    """Nodes "0", "1", …, each of the type that `type_of` says."""
    base = build_snapshot(
        TENANT, [item(f"{node:03}", type_of(node)) for node in range(size)], as_of=NOON, paths_by_type={}
    )
    rows = ordered(edges)
    references = References(
        uids=tuple(ResourceId(f"{node:03}") for node in range(size)),
        sources=np.array([e[0] for e in rows], np.int32),
        targets=np.array([e[1] for e in rows], np.int32),
        kinds=np.array([KINDS.index(e[2]) for e in rows], np.uint8),
        strengths=np.array([STRENGTHS.index(e[3]) for e in rows], np.uint8),
        paths=tuple("p" for _ in rows),
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


def patch_of(before: Sequence[Edge], after: Sequence[Edge], size: int) -> EdgePatch:
    """How the second edges differ from the first."""
    old = ordered(before)
    added = ordered(set(after) - set(before))
    return EdgePatch(
        size=size,
        gone=np.array([number for number, edge in enumerate(old) if edge not in set(after)], np.int32),
        sources=np.array([e[0] for e in added], np.int32),
        targets=np.array([e[1] for e in added], np.int32),
        kinds=np.array([KINDS.index(e[2]) for e in added], np.uint8),
        strengths=np.array([STRENGTHS.index(e[3]) for e in added], np.uint8),
        paths=tuple("q" for _ in added),
    )


def slow_spread(edges: Sequence[Edge], failure: FailureMode, seeds: set[int]) -> tuple[dict[int, int], dict[int, int]]:
    """By rounds over all edges: steps to each node that failed, and to each that only degraded."""
    arcs, groups = _arcs(edges, failure)
    failed, hit = dict.fromkeys(seeds, 0), dict.fromkeys(seeds, 0)
    for step in range(1, 2 * len(edges) + 2):
        now_failed: set[int] = set()
        now_hit: set[int] = set()
        for origin, target, strength in arcs:
            if failed.get(origin, step) < step:
                (now_hit if strength is S.SOFT else now_failed).add(target)
            if hit.get(origin, step) < step and strength is S.HARD:
                now_hit.add(target)
        for (target, _), (members, need) in groups.items():
            survivable = len(members) - min(_needed(need, len(members)), len(members))
            if sum(failed.get(each, step) < step for each in members) > survivable:
                now_failed.add(target)
            if sum(hit.get(each, step) < step for each in members) > survivable:
                now_hit.add(target)
        for each in now_failed:
            failed.setdefault(each, step)
        for each in now_hit | now_failed:
            hit.setdefault(each, step)
    degraded = {node: step for node, step in hit.items() if node not in failed}
    return {node: step for node, step in failed.items() if node not in seeds}, degraded


def _needed(need: Need, size: int) -> int:
    return need.count if need.above is None else int(need.above * size) + 1


def _arcs(
    edges: Sequence[Edge], failure: FailureMode
) -> tuple[list[tuple[int, int, Strength]], dict[tuple[int, str], tuple[set[int], Need]]]:
    arcs: list[tuple[int, int, Strength]] = []
    members: dict[tuple[int, str], set[int]] = defaultdict(set)
    needs: dict[tuple[int, str], Need] = {}
    for source, target, kind, own in edges:
        if source == target:
            continue
        for carrier in PROPAGATION[failure]:
            if carrier.kind is not kind:
                continue
            origin, hit = (target, source) if carrier.way is Way.TO_SOURCE else (source, target)
            strength = carrier.strength or own
            if strength is S.REDUNDANT:
                members[hit, f"{kind} {carrier.way}"].add(origin)
                needs[hit, f"{kind} {carrier.way}"] = RULES.needs.get((type_of(hit), kind), ONE)
            else:
                arcs.append((origin, hit, strength))
        for rule in RULES.members:
            if (rule.owner, rule.kind, rule.member) == (type_of(target), kind, type_of(source)):
                members[target, f"{kind} members"].add(source)
                needs[target, f"{kind} members"] = rule.need
    return arcs, {key: (members[key], needs[key]) for key in members}
