"""In which order resources can be deleted: whoever depends on something goes before it.

Resources go in waves; those of one wave do not depend on each other. Hard and redundant edges bind. Soft ones are
followed where that closes no circle. A circle of binding edges is named: no order exists for its members, which go in
one wave, as when a provider deletes them together or someone takes one edge away first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.components import components
from graph.failure import SOFT
from graph.patched import EdgeColumns, PatchedEdges
from graph.snapshot import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Deletion:
    """An order of deleting some resources.

    Args:
        waves: rows that can go together, first wave first.
        cycles: rows that bind each other in a circle. cycle_edges: numbers of the edges of each circle.
        kept_users: numbers of the binding edges by which resources that are kept use some that go.
        unfollowed: how many soft edges the order does not follow.
    """

    waves: tuple[Rows, ...]
    cycles: tuple[Rows, ...]
    cycle_edges: tuple[Rows, ...]
    kept_users: Rows
    unfollowed: int


def deletion_order(edges: PatchedEdges, rows: Rows) -> Deletion:
    """The order in which some resources can go.

    Args:
        rows: distinct, in any order.
    """
    rows = np.sort(rows).astype(np.int32)
    into = edges.into(rows)
    inside = np.isin(into.sources, rows)
    outside = into.where(~inside & (into.strengths != SOFT))
    among = into.where(inside & (into.sources != into.targets))
    ends = np.searchsorted(rows, among.sources).astype(np.int32), np.searchsorted(rows, among.targets).astype(np.int32)
    binds = among.strengths != SOFT
    circles = components(ends[0][binds], ends[1][binds], len(rows))
    knots = components(*ends, len(rows))
    followed = (circles[ends[0]] != circles[ends[1]]) & (binds | (knots[ends[0]] != knots[ends[1]]))
    levels = _levels(circles[ends[0][followed]], circles[ends[1][followed]], len(rows))[circles]
    cycles, cycle_edges = _circles(rows, circles, among, binds)
    return Deletion(
        waves=tuple(rows[levels == level] for level in range(int(levels.max()) + 1)) if len(rows) else (),
        cycles=cycles,
        cycle_edges=cycle_edges,
        kept_users=np.sort(outside.numbers),
        unfollowed=int((~binds & ~followed).sum()),
    )


def _levels(users: Rows, used: Rows, size: int) -> NDArray[np.int64]:
    """The longest way from each node to one that nobody uses: users have lower levels than what they use."""
    levels = np.zeros(size, np.int64)
    waiting = np.bincount(used, minlength=size)
    order = np.argsort(users, kind="stable")
    starts = np.searchsorted(users[order], np.arange(size + 1))
    frontier = np.flatnonzero(waiting == 0)
    level = 0
    while len(frontier):
        levels[frontier] = level
        counts = starts[frontier + 1] - starts[frontier]
        ends = np.cumsum(counts)
        places = np.arange(int(ends[-1])) + np.repeat(starts[frontier] - ends + counts, counts)
        freed, times = np.unique(used[order[places]], return_counts=True)
        waiting[freed] -= times
        frontier = freed[waiting[freed] == 0]
        level += 1
    return levels


def _circles(
    rows: Rows, labels: Rows, among: EdgeColumns, binds: NDArray[np.bool_]
) -> tuple[tuple[Rows, ...], tuple[Rows, ...]]:
    sizes = np.bincount(labels, minlength=len(rows))
    cycles, edges = [], []
    sources, targets = np.searchsorted(rows, among.sources), np.searchsorted(rows, among.targets)
    for label in np.flatnonzero(sizes > 1).tolist():
        cycles.append(rows[labels == label])
        edges.append(np.sort(among.numbers[binds & (labels[sources] == label) & (labels[targets] == label)]))
    return tuple(cycles), tuple(edges)
