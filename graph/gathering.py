"""The piece of a graph in parts that one answer depends on, gathered round by round.

A round asks every part for the edges at the resources that the last one led to. What comes together is a patch of edges
over the names of all resources, in the order of the whole graph; so that pure functions over a graph (`graph.spread`,
`graph.chances`, `graph.deletion`) give, of it, the whole graph's answer, sampled figures included.

Decided here: which edges an answer depends on. All edges at a resource that may be hit are fetched both ways, so that
sets of alternatives are whole. Circles of containment are found by what contains the ends of the edges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.errors import ConflictError
from graph.arcs import ArcRules, Types
from graph.edge_columns import EdgeColumns, circles_of, joined, strongest, without_circles
from graph.failing import Failures
from graph.failure import FailureMode
from graph.fold import numbers_of
from graph.names import NO_EDGES
from graph.numbered import NONE_ASKED, Asked, Found
from graph.patch import EdgePatch
from graph.patched import EdgeColumns as NumberedEdges
from graph.reading import CONTAINS
from graph.snapshot import Rows, Snapshot
from graph.view import GraphView
from graph.whole import Named

EDGE_BYTES: Final = 160
"""What an edge takes at most while it is gathered. Measured: 135 at the peak, 45 as arcs, over 800,000 edges."""

Ask: TypeAlias = Callable[[Asked], Found]
"""Asks every part; what several of them claim stands several times."""


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Everything that a failure of the seeds could reach in so many steps, however weakly; None is any number."""

    failure: FailureMode
    seeds: Rows
    hops_max: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Causes:
    """Everything whose failure could reach the seeds in so many steps."""

    failure: FailureMode
    seeds: Rows
    hops_max: int


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Everything within so many edges of the seeds, whichever way they point."""

    seeds: Rows
    hops_max: int


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """The seeds' edges, both ways."""

    seeds: Rows


Reach: TypeAlias = Hits | Causes | Surroundings | Own


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """The names of a graph with some of its edges, asked as a graph is."""

    names: GraphView
    patch: EdgePatch

    @property
    def base(self) -> Snapshot:
        """Resources without edges."""
        return self.names.base

    @property
    def size(self) -> int:
        """How many row numbers are given out."""
        return self.names.size

    @property
    def gone(self) -> frozenset[int]:
        """Rows without a resource."""
        return self.names.gone

    @property
    def changed(self) -> frozenset[int]:
        """Rows of resources that are new or not as in the base."""
        return frozenset(self.names.changed)

    def find(self, uid: str) -> int | None:
        """The row of a resource, or None where it is not here."""
        return self.names.find(uid)

    def resource(self, row: int) -> Named:
        """One resource."""
        return self.names.resource(row)


def gathered(
    ask: Ask,
    names: GraphView,
    order: NDArray[np.int64],
    reaches: Sequence[Reach],
    failures: Failures,
    *,
    edges_max: int,
) -> Gathered:
    """Gather what some answers depend on.

    Args:
        order: the row of `names` of each number that the parts know.
        failures: of the base of `names`; its redundancy decides what belongs together.
        edges_max: how many edges may be asked for.

    Raises:
        ConflictError: more is reached.
    """
    rounds = _Rounds(ask, names, order, failures, edges_max)
    pieces = [NO_EDGES, *(rounds.piece(reach) for reach in reaches)]
    edges = strongest(joined(pieces))
    return Gathered(names, _patch(rounds.without_circles(edges), names.size))


class _Rounds:
    """The questions to the parts, counted."""

    def __init__(
        self, ask: Ask, names: GraphView, order: NDArray[np.int64], failures: Failures, edges_max: int
    ) -> None:
        self._ask, self._names, self._order, self._failures = ask, names, order, failures
        self._numbers = numbers_of(order, names.size)
        kinds = {row: names.type(row) for row in names.changed if row not in names.gone}
        self._types: Types = failures.types.patched(names.size, kinds) if kinds else failures.types
        self._edges_max = edges_max
        self._edges = 0
        self._reached = np.zeros(names.size, np.bool_)

    def piece(self, reach: Reach) -> EdgeColumns:
        """The edges that one answer depends on, some of them more than once."""
        match reach:
            case Hits():
                return self._hits(reach)
            case Causes():
                return self._causes(reach)
            case Surroundings():
                return self._surroundings(reach)
            case Own():
                self._begun(reach.seeds)
                return self._fetched(outs=reach.seeds, ins=reach.seeds)

    def without_circles(self, edges: EdgeColumns) -> EdgeColumns:
        """The same, with those inside a circle of containment as soft references."""
        contains = [edges.take(np.flatnonzero(edges.kinds == CONTAINS))]
        asked = np.zeros(self._names.size, np.bool_)
        rows = np.unique(contains[0].targets)
        while len(rows):
            asked[rows] = True
            found = self._fetched(up=rows)
            contains.append(found)
            rows = np.unique(found.targets)
            rows = rows[~asked[rows]]
        above = joined(contains)
        circles = circles_of(above.sources, above.targets, above.kinds, self._names.size)
        return without_circles(edges, circles, self._names.size)[0]

    def _hits(self, reach: Hits) -> EdgeColumns:
        rules = ArcRules(reach.failure, self._types, self._failures.redundancy)
        seen, frontier, pieces, hops = self._begun(reach.seeds), np.sort(reach.seeds), [NO_EDGES], 0
        while len(frontier):
            is_last = hops == reach.hops_max
            ins = frontier[rules.are_hit_by_sources(frontier)] if is_last else frontier
            found = self._fetched(outs=frontier, ins=ins)
            pieces.append(found)
            if is_last:
                break
            arcs = rules.arcs(_plain(found))
            frontier = self._fresh(seen, arcs.hits[np.isin(arcs.origins, frontier)])
            hops += 1
        return joined(pieces)

    def _causes(self, reach: Causes) -> EdgeColumns:
        rules = ArcRules(reach.failure, self._types, self._failures.redundancy)
        seen, frontier, pieces = self._begun(reach.seeds), np.sort(reach.seeds), [NO_EDGES]
        for _ in range(reach.hops_max):
            if not len(frontier):
                break
            found = self._fetched(outs=frontier, ins=frontier[rules.are_hit_by_sources(frontier)])
            pieces.append(found)
            arcs = rules.arcs(_plain(found))
            frontier = self._fresh(seen, arcs.origins[np.isin(arcs.hits, frontier)])
        return joined(pieces)

    def _surroundings(self, reach: Surroundings) -> EdgeColumns:
        seen, frontier, pieces = self._begun(reach.seeds), np.sort(reach.seeds), [NO_EDGES]
        for hops in range(reach.hops_max + 1):
            if not len(frontier):
                break
            is_last = hops == reach.hops_max
            found = self._fetched(outs=frontier, ins=NONE_ASKED if is_last else frontier)
            pieces.append(found)
            frontier = self._fresh(seen, np.concatenate([found.sources, found.targets]))
        return joined(pieces)

    def _begun(self, seeds: Rows) -> NDArray[np.bool_]:
        seen = np.zeros(self._names.size, np.bool_)
        seen[seeds] = True
        self._reached |= seen
        return seen

    def _fresh(self, seen: NDArray[np.bool_], rows: Rows) -> Rows:
        fresh = np.unique(rows[~seen[rows]]).astype(np.int32)
        seen[fresh] = True
        self._reached[fresh] = True
        return fresh

    def _fetched(self, *, outs: Rows = NONE_ASKED, ins: Rows = NONE_ASKED, up: Rows = NONE_ASKED) -> EdgeColumns:
        """Edges at some rows, as all parts claim them, by row."""
        numbers = (self._numbers[outs], self._numbers[ins], self._numbers[up])
        left = self._edges_max - self._edges
        found = self._ask(Asked(*numbers, edges_max=left))
        self._edges += found.count
        if found.count > left:
            raise self._too_much()
        edges, order = found.edges, self._order
        return replace(
            edges, sources=order[edges.sources].astype(np.int32), targets=order[edges.targets].astype(np.int32)
        )

    def _too_much(self) -> ConflictError:
        return ConflictError(
            "the graph is held in parts, and this question reaches more of it than is put together",
            tenant=self._names.tenant,
            reached=int(self._reached.sum()),
            resources=len(self._names),
            edges=self._edges,
            edges_max=self._edges_max,
            todo=(
                "Ask for fewer steps, or of a resource that less depends on; "
                "or raise graph_whole_mib and shard_memory_mib, which this bound follows"
            ),
        )


def _plain(edges: EdgeColumns) -> NumberedEdges:
    numbers = np.arange(len(edges), dtype=np.int32)
    return NumberedEdges(numbers, edges.sources, edges.targets, edges.kinds, edges.strengths)


def _patch(edges: EdgeColumns, size: int) -> EdgePatch:
    values = [str(value) for value in edges.paths.values]
    return EdgePatch(
        size=size,
        gone=np.empty(0, np.int32),
        sources=edges.sources,
        targets=edges.targets,
        kinds=edges.kinds,
        strengths=edges.strengths,
        paths=tuple(values[code] for code in edges.paths.codes.tolist()),
    )
