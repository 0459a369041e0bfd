"""What fails and what degrades when some nodes fail: exact, by the fewest steps, whole frontiers at a time.

A hard arc hands on what its origin has. A soft arc makes of a failure a degradation and hands on nothing else. A set
of alternatives hands on a failure when more of them failed than its hit survives, and a degradation when more of them
failed or degraded. Steps are counted along arcs; a set counts from the last loss that it did not survive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.failing import Network, OutArcs
from graph.failure import HARD, REDUNDANT, SOFT
from graph.patched import Places
from graph.snapshot import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Nodes that were reached, nearest first, then by row; each with the arc that reached it first.

    Shapes:
        rows, hops, origins, numbers: int32 (k,).
    """

    rows: Rows
    hops: Rows
    origins: Rows
    numbers: Rows

    def __len__(self) -> int:
        return len(self.rows)


NOTHING: Final = Hits(*(np.zeros(0, np.int32) for _ in range(4)))


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What some seeds take down, themselves left out."""

    seeds: Rows
    failed: Hits
    degraded: Hits


class Trails:
    """The shortest ways of a failure, from the seeds to each node that was reached."""

    def __init__(self, found: Spread) -> None:
        rows = np.concatenate([found.failed.rows, found.degraded.rows])
        order = np.argsort(rows, kind="stable")
        self._rows = rows[order]
        self._origins = np.concatenate([found.failed.origins, found.degraded.origins])[order]
        self._numbers = np.concatenate([found.failed.numbers, found.degraded.numbers])[order]

    def steps(self, row: int) -> tuple[tuple[int, int], ...]:
        """Node and number of the edge of each step, from the seeds outwards."""
        steps: list[tuple[int, int]] = []
        while (at := self._place(row)) is not None:
            steps.append((row, int(self._numbers[at])))
            row = int(self._origins[at])
        return tuple(reversed(steps))

    def _place(self, row: int) -> int | None:
        at = int(np.searchsorted(self._rows, row))
        return at if at < len(self._rows) and self._rows[at] == row else None


def spread(network: Network, seeds: Rows, *, hops_max: int | None = None) -> Spread:
    """Everything that fails or degrades with the seeds.

    Args:
        seeds: distinct rows. hops_max: steps after which nothing is followed; None is no limit.
    """
    state = _State(network, seeds)
    hops = 0
    while len(state.failing) + len(state.weakened) and (hops_max is None or hops < hops_max):
        hops += 1
        state.step(hops)
    return state.result(seeds)


class _State:
    """Two planes over one frontier: nodes that failed, and nodes that failed or degraded."""

    def __init__(self, network: Network, seeds: Rows) -> None:
        self._network = network
        self._failed = np.zeros(network.size, np.bool_)
        self._hit = np.zeros(network.size, np.bool_)
        self._failed[seeds] = self._hit[seeds] = True
        self._mark = np.empty(network.size, np.int32)
        self._lost = np.zeros(network.groups, np.int32)
        self._weak = np.zeros(network.groups, np.int32)
        self.failing = np.sort(seeds).astype(np.int32)
        self.weakened = self.failing[:0]
        self._was_weak = np.zeros(len(self.failing), np.bool_)
        self._failures: list[Hits] = []
        self._hits: list[Hits] = []

    def step(self, hops: int) -> None:
        """Follow every arc out of what failed or was hit in the step before."""
        out, weak = self._network.leading(self.failing), self._network.leading(self.weakened)
        to_fail = [_leading_to(out, HARD, self._failed), (out, self._exhausted(out, _redundant(out), self._lost))]
        failures = self._new(to_fail, self._failed, hops)
        was_weak = self._hit[failures.rows]
        self._hit[failures.rows] = True
        to_hit = [
            _leading_to(out, SOFT, self._hit),
            _leading_to(weak, HARD, self._hit),
            (out, self._exhausted(out, self._first_hit(out), self._weak)),
            (weak, self._exhausted(weak, _redundant(weak), self._weak)),
        ]
        hits = self._new(to_hit, self._hit, hops)
        self._failures.append(failures)
        self._hits.append(hits)
        self.failing, self._was_weak, self.weakened = failures.rows, was_weak, hits.rows

    def result(self, seeds: Rows) -> Spread:
        """What was reached; who failed in the end did not only degrade."""
        failed, hits = _whole(self._failures), _whole(self._hits)
        only = ~self._failed[hits.rows]
        degraded = Hits(hits.rows[only], hits.hops[only], hits.origins[only], hits.numbers[only])
        return Spread(np.sort(seeds).astype(np.int32), failed, degraded)

    def _first_hit(self, out: OutArcs) -> Places:
        """Redundant arcs out of those that failed and had not been degraded before: so each counts as hit only once."""
        at = _redundant(out)
        if not len(at) or not self._was_weak.any():
            return at
        return at[~np.isin(out.origins[at], self.failing[self._was_weak])]

    def _exhausted(self, out: OutArcs, at: Places, tally: NDArray[np.int32]) -> Places:
        """Count losses of alternatives; the arcs into sets that do not survive them."""
        if not len(at):
            return at
        groups = out.groups(at)
        np.add.at(tally, groups, np.int32(1))  # an int of Python would take a path 50 times as slow
        return at[tally[groups] >= self._network.losses(groups)]

    def _new(self, parts: Sequence[tuple[OutArcs, Places]], seen: NDArray[np.bool_], hops: int) -> Hits:
        """The hits of arcs that were not seen before, in order, each with its first arc; they are seen from now on."""
        parts = [(out, at) for out, at in parts if len(at)]
        if not parts:
            return NOTHING
        hits = np.concatenate([out.hits[at] for out, at in parts])
        every = np.arange(len(hits), dtype=np.int32)
        self._mark[hits[::-1]] = every[::-1]
        rows = np.sort(hits[(self._mark[hits] == every) & ~seen[hits]])
        first = self._mark[rows]
        origins, numbers = np.empty(len(rows), np.int32), np.empty(len(rows), np.int32)
        begins = 0
        for out, at in parts:
            of_part = np.flatnonzero((first >= begins) & (first < begins + len(at)))
            arcs = at[first[of_part] - begins]
            origins[of_part], numbers[of_part] = out.origins[arcs], out.numbers(arcs)
            begins += len(at)
        seen[rows] = True
        return Hits(rows, np.full(len(rows), hops, np.int32), origins, numbers)


def _leading_to(out: OutArcs, strength: int, seen: NDArray[np.bool_]) -> tuple[OutArcs, Places]:
    """The arcs of one strength to nodes that were not seen before."""
    return out, np.flatnonzero((out.strengths == strength) & ~seen[out.hits])


def _redundant(out: OutArcs) -> Places:
    return np.flatnonzero(out.strengths == REDUNDANT)


def _whole(parts: list[Hits]) -> Hits:
    some = [part for part in parts if len(part)]
    if len(some) < 2:
        return some[0] if some else NOTHING
    return Hits(
        np.concatenate([part.rows for part in some]),
        np.concatenate([part.hops for part in some]),
        np.concatenate([part.origins for part in some]),
        np.concatenate([part.numbers for part in some]),
    )
