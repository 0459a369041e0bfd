"""What fails and what degrades when some nodes fail: exact, by the fewest steps, whole frontiers at a time.

A hard arc hands on what its origin has. A soft arc makes of a failure a degradation and hands on nothing else. A set
of alternatives hands on a failure when more of them failed than its hit survives, and a degradation when more of them
failed or degraded. Steps are counted along arcs; a set counts from the last loss that it did not survive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.failing import ArcColumns, Network
from graph.failure import HARD, REDUNDANT, SOFT
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
        out = self._network.out(self.failing)
        to_fail = [out.of(out.strengths == HARD), self._exhausted(out, self._lost)]
        to_hit = [out.of(out.strengths == SOFT)]
        fresh = self._first_hit(out)
        weak = self._network.out(self.weakened)
        to_hit += [weak.of(weak.strengths == HARD), self._exhausted_of_both(fresh, weak)]
        failures = self._new(to_fail, self._failed, hops)
        was_weak = self._hit[failures.rows]
        self._hit[failures.rows] = True
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

    def _first_hit(self, out: ArcColumns) -> ArcColumns:
        """The arcs out of those that failed and had not been degraded before: so they count as hit only once."""
        if not self._was_weak.any():
            return out
        before = self.failing[self._was_weak]
        return out.of(~np.isin(out.origins, before))

    def _exhausted_of_both(self, fresh: ArcColumns, weak: ArcColumns) -> ArcColumns:
        return self._exhausted(fresh, self._weak).joined(self._exhausted(weak, self._weak))

    def _exhausted(self, out: ArcColumns, tally: NDArray[np.int32]) -> ArcColumns:
        """Count losses of alternatives; the arcs into sets that do not survive them."""
        at = np.flatnonzero(out.strengths == REDUNDANT)
        if not len(at):
            return out.of(at)
        groups, counts = np.unique(out.groups[at], return_counts=True)
        tally[groups] += counts.astype(np.int32)
        spent = tally[groups] >= self._network.losses(groups)
        return out.of(at[spent[np.searchsorted(groups, out.groups[at])]])

    def _new(self, parts: list[ArcColumns], seen: NDArray[np.bool_], hops: int) -> Hits:
        """The hits of arcs that were not seen before, in order, each with its first arc; they are seen from now on."""
        hits = np.concatenate([part.hits for part in parts])
        places = np.flatnonzero(~seen[hits])
        if not len(places):
            none = np.zeros(0, np.int32)
            return Hits(none, none, none, none)
        hits = hits[places]
        self._mark[hits[::-1]] = places[::-1].astype(np.int32)
        places = places[self._mark[hits] == places]
        origins = np.concatenate([part.origins for part in parts])
        numbers = np.concatenate([part.numbers for part in parts])
        rows = np.concatenate([part.hits for part in parts])[places]
        order = np.argsort(rows, kind="stable")
        rows, places = rows[order], places[order]
        seen[rows] = True
        return Hits(rows, np.full(len(rows), hops, np.int32), origins[places], numbers[places])


def _whole(parts: list[Hits]) -> Hits:
    none = np.zeros(0, np.int32)
    return Hits(
        np.concatenate([none, *(part.rows for part in parts)]),
        np.concatenate([none, *(part.hops for part in parts)]),
        np.concatenate([none, *(part.origins for part in parts)]),
        np.concatenate([none, *(part.numbers for part in parts)]),
    )
