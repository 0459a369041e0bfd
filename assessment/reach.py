"""Blast radii with money: what goes down when a resource is deleted, and what that costs a month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assessment.inputs import AssessmentInputs
from assessment.result import Reach
from cost.allocation import ResourceCosts
from graph.blast_radius import BlastRadius, blast_radius
from graph.failure import FailureMode
from graph.references import KINDS
from graph.snapshot import Snapshot


def deletion(snapshot: Snapshot, costs: ResourceCosts) -> BlastRadius:
    """What each resource takes down when it is deleted, valued in cents of the first currency."""
    return blast_radius(snapshot, FailureMode.DELETE, value=_cents(costs) if costs.currencies else None)


def largest(radius: BlastRadius, inputs: AssessmentInputs, kept: NDArray[np.bool_]) -> tuple[Reach, ...]:
    """The largest radii among the resources that the filters left, by value and then by number."""
    snapshot = inputs.snapshot
    ranking = radius.top(inputs.limits.blast_radii if kept.all() else len(snapshot))
    rows = [row for row in (snapshot.index_of(ranked.uid) for ranked in ranking) if kept[row]]
    return tuple(_reach(radius, row) for row in rows[: inputs.limits.blast_radii])


def _reach(radius: BlastRadius, row: int) -> Reach:
    found = radius.spread(row)
    return Reach(
        resource_id=radius.snapshot.uids[row],
        resource=row,
        failure=radius.failure.value,
        failed=tuple(np.sort(found.failed.rows).tolist()),
        degraded=len(found.degraded),
        reasons=_reasons(radius.snapshot, found.failed.numbers.tolist()),
    )


def _reasons(snapshot: Snapshot, numbers: Iterable[int]) -> tuple[str, ...]:
    """Over which kinds of relationships what fails is reached, most frequent first."""
    kinds = Counter(KINDS[int(snapshot.edges.kinds[number])].value for number in numbers)
    return tuple(f"{count} by {kind}" for kind, count in sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0])))


def _cents(costs: ResourceCosts) -> NDArray[np.float64]:
    amounts = costs.currencies[0].amounts.fill_null(0).cast(pl.Float64)
    cents: NDArray[np.float64] = np.rint(amounts.to_numpy() * 100)
    return cents
