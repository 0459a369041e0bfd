"""How many nodes a failure reaches from each of many seeds, within bounds.

The rule is that of `graph.spread`, which is exact for one seed. Here counting stops at bounds and says where.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.arcs import Arcs
from graph.failure import HARD, REDUNDANT, SOFT
from graph.snapshot import Rows

HOPS_MAX: Final = 64
REACH_MAX: Final = 10_000
PAIRS_MAX: Final = 8_000_000
_CELLS_MAX: Final = 32_000_000

Pairs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where counting stops.

    Args:
        hops: longest path, in edges.
        reach: resources reached from one seed.
        pairs: seed and resource, over all seeds together: what bounds the time.
    """

    hops: int = HOPS_MAX
    reach: int = REACH_MAX
    pairs: int = PAIRS_MAX


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Per seed: how many others fail and degrade, and the value of what fails, the seed included.

    Args:
        is_capped: a bound stopped the count, which makes it a lower bound.
    """

    failed: NDArray[np.int64]
    degraded: NDArray[np.int64]
    value: NDArray[np.float64]
    is_capped: NDArray[np.bool_]


def totals(arcs: Arcs, seeds: Rows, value: NDArray[np.float64], bounds: Bounds) -> Totals:
    """Count what each seed reaches, many seeds at a time. One part of the seeds may use a quarter of what is left.

    Shapes:
        value: float64 (n,).
    """
    size = len(value)
    width = max(8, min(1024, _CELLS_MAX // max(size, 1)))
    starts = range(0, len(seeds), width)
    left = bounds.pairs
    parts = [Totals(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_))]
    for number, start in enumerate(starts):
        allowed = max(left // 4, left // (len(starts) - number))
        chunk = _Chunk(arcs, seeds[start : start + width], size, replace(bounds, pairs=allowed))
        parts.append(chunk.totals(value))
        left = max(left - chunk.pairs, 0)
    return Totals(
        np.concatenate([part.failed for part in parts]),
        np.concatenate([part.degraded for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.is_capped for part in parts]),
    )


class _Chunk:
    """Some seeds at once: a pair (seed, node) is one number, seed * size + node."""

    def __init__(self, arcs: Arcs, seeds: Rows, size: int, bounds: Bounds) -> None:
        self._arcs = arcs
        self._seeds = seeds
        self._size = size
        self._bounds = bounds
        self._seen = np.zeros(len(seeds) * size, np.bool_)
        self._group_hits = arcs.group_hits
        self._tally = np.zeros(len(seeds) * len(arcs.group_keys), np.int32)
        self._reached = np.zeros(len(seeds), np.int64)
        self.is_capped = np.zeros(len(seeds), np.bool_)
        self.pairs = 0

    def totals(self, value: NDArray[np.float64]) -> Totals:
        """Spread failure, then degradation, and count."""
        width = len(self._seeds)
        start = np.arange(width, dtype=np.int64) * self._size + self._seeds
        failed, soft = self._spread(self._fresh(start))
        degraded, _ = self._spread(self._fresh(soft))
        rows, nodes = np.divmod(failed, self._size)
        return Totals(
            failed=np.bincount(rows, minlength=width).astype(np.int64) - 1,
            degraded=np.bincount(degraded // self._size, minlength=width).astype(np.int64),
            value=np.bincount(rows, weights=value[nodes], minlength=width).astype(np.float64),
            is_capped=self.is_capped,
        )

    def _spread(self, frontier: Pairs) -> tuple[Pairs, Pairs]:
        """All pairs reached over hard arcs and exhausted sets, and the soft hits on the way."""
        reached, soft = [frontier], [np.zeros(0, np.int64)]
        hops = 0
        while len(frontier):
            if hops == self._bounds.hops or self.pairs > self._bounds.pairs:
                self.is_capped[np.unique(frontier // self._size)] = True
                break
            origins, arcs = self._expanded(frontier)
            strengths = self._arcs.strengths[arcs]
            pairs = origins + self._arcs.hits[arcs]
            soft.append(pairs[strengths == SOFT])
            exhausted = self._exhausted(origins, arcs, strengths == REDUNDANT)
            frontier = self._bounded(self._fresh(np.concatenate([pairs[strengths == HARD], exhausted])))
            reached.append(frontier)
            hops += 1
            self.pairs += len(pairs)
        return np.concatenate(reached), np.concatenate(soft)

    def _expanded(self, frontier: Pairs) -> tuple[Pairs, Pairs]:
        """For each arc out of each pair: the number of the pair (seed, node 0), and the arc."""
        rows, nodes = np.divmod(frontier, self._size)
        first = self._arcs.starts[nodes]
        counts = self._arcs.starts[nodes + 1] - first
        offsets = np.arange(int(counts.sum()), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(rows * self._size, counts), np.repeat(first, counts) + offsets

    def _exhausted(self, origins: Pairs, arcs: Pairs, redundant: NDArray[np.bool_]) -> Pairs:
        if not redundant.any():
            return np.zeros(0, np.int64)
        sets = len(self._arcs.group_keys)
        rows, groups = origins[redundant] // self._size, self._arcs.groups[arcs[redundant]]
        keys, counts = np.unique(rows * sets + groups, return_counts=True)
        self._tally[keys] += counts
        full = keys[self._tally[keys] >= self._arcs.group_losses[keys % sets]]
        hits: Pairs = (full // sets) * self._size + self._group_hits[full % sets]
        return hits

    def _fresh(self, pairs: Pairs) -> Pairs:
        """Those not seen before, each once; they are seen from now on."""
        found = np.unique(pairs[~self._seen[pairs]])
        self._seen[found] = True
        return found

    def _bounded(self, frontier: Pairs) -> Pairs:
        """Without the seeds that have reached the bound."""
        rows = frontier // self._size
        self._reached += np.bincount(rows, minlength=len(self._seeds))
        over = self._reached > self._bounds.reach
        if not over.any():
            return frontier
        self.is_capped |= over
        return frontier[~over[rows]]
