"""What a resource depends on, and what depends on it, as far as a failure mode travels along the edges between them.

Outwards (`dependents`) the answer is exact: what fails and what degrades when the resource does. Inwards
(`dependencies`) it names everything whose failure could reach the resource, by the fewest steps; whether it does by
itself depends on alternatives, so each says how strongly it is tied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

import numpy as np

from assessment.blast import LIMIT_MAX, named, path
from assessment.failure_estate import FailureEstate
from domain.clock import format_instant
from domain.errors import InputError
from graph.failing import ArcColumns, Network
from graph.failure import FailureMode
from graph.references import KINDS, STRENGTHS
from graph.snapshot import Rows
from graph.spread import Spread, Trails, spread

Row: TypeAlias = "dict[str, Any]"
DEPTH_MAX: Final = 64


class Direction(StrEnum):
    """Which way is asked."""

    DEPENDENCIES = "dependencies"
    DEPENDENTS = "dependents"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What is asked about one resource.

    Args:
        depth: steps followed. limit: how many resources are named; `after` how many of them are passed over.
    """

    resource_id: str
    direction: Direction = Direction.BOTH
    failure: FailureMode = FailureMode.DELETE
    depth: int = 3
    limit: int = 100
    after: int = 0


def dependencies(estate: FailureEstate, asked: Dependencies) -> Row:
    """Answer one question: dependencies first, then dependents, each nearest first and then by id.

    Raises:
        NotFound: the resource is not in the graph.
        InputError: depth or limit is not within bounds.
    """
    if not 0 < asked.depth <= DEPTH_MAX:
        raise InputError("the depth is not within bounds", got=asked.depth, depth_max=DEPTH_MAX)
    if not 0 < asked.limit <= LIMIT_MAX or asked.after < 0:
        raise InputError("the page is not within bounds", limit=asked.limit, after=asked.after, limit_max=LIMIT_MAX)
    row = estate.row(asked.resource_id)
    network = estate.network(asked.failure)
    seeds = np.array([row], np.int32)
    rows: list[_Lazy] = []
    counts = {"dependencies": 0, "failed": 0, "degraded": 0}
    if asked.direction is not Direction.DEPENDENTS:
        rows += _inwards(network, seeds, asked.depth)
        counts["dependencies"] = len(rows)
    if asked.direction is not Direction.DEPENDENCIES:
        found = spread(network, seeds, hops_max=asked.depth)
        counts |= {"failed": len(found.failed), "degraded": len(found.degraded)}
        rows += _outwards(found)
    end = asked.after + asked.limit
    return {
        "center": named(estate, row),
        "mode": asked.failure.value,
        "direction": asked.direction.value,
        "depth": asked.depth,
        "as_of": format_instant(estate.as_of),
        "counts": counts,
        "items": [each.row(estate, network) for each in rows[asked.after : end]],
        "next_cursor": end if end < len(rows) else None,
    }


@dataclass(frozen=True, slots=True)
class _Lazy:
    """A row of the answer, worked out when its page is asked for."""

    node: int
    hops: int
    state: str
    ways: Trails | _Inward

    def row(self, estate: FailureEstate, network: Network) -> Row:
        is_inward = isinstance(self.ways, _Inward)
        steps = (
            self.ways.path(estate, network, self.node)
            if isinstance(self.ways, _Inward)
            else path(estate, network, self.ways, self.node)
        )
        head = {"direction": "dependencies" if is_inward else "dependents", "state": self.state, "hops": self.hops}
        return {**named(estate, self.node), **head, "path": steps}


@dataclass(frozen=True, slots=True)
class _Inward:
    """By row, the step that leads from it towards the resource."""

    steps: dict[int, tuple[int, int, int]]

    def path(self, estate: FailureEstate, network: Network, row: int) -> list[Row]:
        """Edges from what could fail to the resource."""
        found = []
        while row in self.steps:
            hit, number, strength = self.steps[row]
            link = network.edges.link(number)
            found.append(
                {
                    "from": estate.resource(row).uid,
                    "to": estate.resource(hit).uid,
                    "kind": KINDS[link.kind].value,
                    "strength": STRENGTHS[strength].value,
                    "stated_by": estate.resource(link.source).uid,
                    "found_at": link.path,
                }
            )
            row = hit
        return found


def _inwards(network: Network, seeds: Rows, depth: int) -> list[_Lazy]:
    """What could take the resource down, breadth first along arcs turned round."""
    inward = _Inward({})
    found: list[_Lazy] = []
    seen = set(seeds.tolist())
    frontier = seeds
    for hops in range(1, depth + 1):
        fresh: list[int] = []
        for origin, hit, number, strength in _rows_of(network.into(frontier)):
            if origin not in seen:
                seen.add(origin)
                inward.steps[origin] = (hit, number, strength)
                fresh.append(origin)
        if not fresh:
            break
        fresh.sort()
        found += [_Lazy(node, hops, STRENGTHS[inward.steps[node][2]].value, inward) for node in fresh]
        frontier = np.array(fresh, np.int32)
    return found


def _rows_of(arcs: ArcColumns) -> Iterator[tuple[int, int, int, int]]:
    """Strongest first, so that a resource is tied as strongly as any of its nearest ways says."""
    order = np.lexsort((arcs.numbers, arcs.hits, arcs.origins, arcs.strengths))
    columns = (arcs.origins, arcs.hits, arcs.numbers, arcs.strengths)
    return zip(*(column[order].tolist() for column in columns), strict=True)


def _outwards(found: Spread) -> list[_Lazy]:
    trails = Trails(found)
    rows = [
        (hops, row, state)
        for hits, state in ((found.failed, "failed"), (found.degraded, "degraded"))
        for row, hops in zip(hits.rows.tolist(), hits.hops.tolist(), strict=True)
    ]
    return [_Lazy(row, hops, state, trails) for hops, row, state in sorted(rows)]
