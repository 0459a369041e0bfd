"""Blast radius: what goes down with a resource, and what that is worth.

For every resource: how many others fail and how many degrade when it fails in one mode. A count
that met one of `Bounds` is a lower bound and says so, and the largest of these are counted again without bounds.
`explain` is always exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from domain.resource import Relationship, ResourceId
from graph.arcs import Arcs
from graph.components import components
from graph.failing import Failures, Network
from graph.failure import HARD, FailureMode
from graph.propagation import Bounds, Totals, totals
from graph.snapshot import Rows, Snapshot
from graph.spread import Spread, Trails, spread

EXACT_MAX: Final = 32
"""How many resources that met a bound are counted again without it."""

EXACT_REACH_MAX: Final = 200_000
"""After so many resources reached in exact counts, no further one is begun."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One resource that is reached, and the edges over which, from the centre outwards."""

    uid: ResourceId
    is_failed: bool
    via: tuple[Relationship, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """One line of a ranking. `value` is in the unit of the array given, the resource's own included."""

    uid: ResourceId
    failed: int
    degraded: int
    value: float
    is_capped: bool


@dataclass(frozen=True, slots=True, eq=False)
class BlastRadius:
    """What each resource of a snapshot takes down with it.

    Shapes:
        failed, degraded: int64 (n,), without the resource itself. value: float64 (n,). is_capped: bool (n,).
    """

    snapshot: Snapshot
    failure: FailureMode
    network: Network
    failed: NDArray[np.int64]
    degraded: NDArray[np.int64]
    value: NDArray[np.float64]
    is_capped: NDArray[np.bool_]

    def top(self, count: int) -> tuple[Ranked, ...]:
        """The largest radii that take anything else down: by value, then failed, degraded and id."""
        rows = np.flatnonzero((self.failed > 0) | (self.degraded > 0))
        keys = (rows, -self.degraded[rows], -self.failed[rows], -self.value[rows])
        return tuple(self._ranked(row) for row in rows[np.lexsort(keys)][:count].tolist())

    def of(self, uid: str) -> Ranked:
        """One resource's figures.

        Raises:
            NotFound: it is not in the snapshot.
        """
        return self._ranked(self.snapshot.index_of(uid))

    def explain(self, uid: str, *, hits_max: int | None = None) -> tuple[Hit, ...]:
        """What is reached from one resource and how: failed before degraded, nearest first.

        Raises:
            NotFound: it is not in the snapshot.
        """
        found = self.spread(self.snapshot.index_of(uid))
        trails = Trails(found)
        hits = [(row, True) for row in found.failed.rows.tolist()]
        hits += [(row, False) for row in found.degraded.rows.tolist()]
        return tuple(
            Hit(
                self.snapshot.uids[row],
                is_failed,
                tuple(self.snapshot.relationship(number) for _, number in trails.steps(row)),
            )
            for row, is_failed in hits[:hits_max]
        )

    def spread(self, row: int) -> Spread:
        """What one resource takes down, exactly."""
        return spread(self.network, np.array([row], np.int32))

    def _ranked(self, row: int) -> Ranked:
        return Ranked(
            uid=self.snapshot.uids[row],
            failed=int(self.failed[row]),
            degraded=int(self.degraded[row]),
            value=float(self.value[row]),
            is_capped=bool(self.is_capped[row]),
        )


def blast_radius(
    snapshot: Snapshot,
    failure: FailureMode,
    *,
    value: NDArray[np.float64] | None = None,
    bounds: Bounds | None = None,
    failures: Failures | None = None,
) -> BlastRadius:
    """What each resource takes down with it when it fails in one mode.

    Args:
        value: what a resource is worth, such as its monthly cost; whole numbers (cents) add up exactly.
        bounds: where counting stops; by default `Bounds()`.
        failures: the snapshot's arcs, where they are kept already.

    Shapes:
        value: float64 (n,), by row of the snapshot.

    Raises:
        InputError: `value` has another length than the snapshot.
    """
    worth = np.zeros(len(snapshot)) if value is None else np.asarray(value, np.float64)
    if len(worth) != len(snapshot):
        raise InputError("one value per resource is needed", expected=len(snapshot), got=len(worth))
    network = (failures or Failures(snapshot)).network(failure)
    arcs = network.arcs
    labels = _alike(arcs, len(snapshot))
    has_arcs = np.diff(arcs.starts) > 0
    seeds = np.unique(labels[has_arcs]).astype(np.int32)
    counted = _settled(network, seeds, totals(arcs, seeds, worth, bounds or Bounds()), worth)
    failed, degraded = np.zeros(len(snapshot), np.int64), np.zeros(len(snapshot), np.int64)
    total, is_capped = worth.copy(), np.zeros(len(snapshot), np.bool_)
    failed[seeds], degraded[seeds] = counted.failed, counted.degraded
    total[seeds], is_capped[seeds] = counted.value, counted.is_capped
    return BlastRadius(snapshot, failure, network, failed[labels], degraded[labels], total[labels], is_capped[labels])


def _alike(arcs: Arcs, size: int) -> Rows:
    """Nodes that bring each other down reach the same: each is counted as the smallest of its component."""
    origins = np.repeat(np.arange(size, dtype=np.int32), np.diff(arcs.starts))
    hard = arcs.strengths == HARD
    return components(origins[hard], arcs.hits[hard], size)


def _settled(network: Network, seeds: Rows, counted: Totals, worth: NDArray[np.float64]) -> Totals:
    """The same totals, with the largest of those that met a bound counted exactly."""
    capped = np.flatnonzero(counted.is_capped)
    largest = capped[np.argsort(-counted.failed[capped], kind="stable")][:EXACT_MAX]
    reached = 0
    for place in largest.tolist():
        if reached > EXACT_REACH_MAX:
            break
        seed = int(seeds[place])
        found = spread(network, np.array([seed], np.int32))
        counted.failed[place], counted.degraded[place] = len(found.failed), len(found.degraded)
        counted.value[place] = worth[[seed, *np.sort(found.failed.rows)]].sum()
        counted.is_capped[place] = False
        reached += len(found.failed) + len(found.degraded)
    return counted
