"""A live tenant as the prediction model sees it, and what came of what it was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from domain.resource import resource_key
from training.activity import Prior
from training.features import Matrix
from training.history import Timeline
from training.relations import Relations, relations_of
from training.task import HORIZON_DAYS, NODE_TASKS, features_of, labels, see


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A tenant's resources at one instant, ready to be scored.

    Args:
        version: of the graph store that it was made from.
        uids: of each row, as `resource_key` writes them.

    Shapes:
        values: float32 (n, k).
    """

    version: int
    as_of: datetime
    uids: tuple[str, ...]
    names: tuple[str, ...]
    values: Matrix
    relations: Relations

    def row_of(self, uid: str) -> int | None:
        """Where a resource stands; None where it is not there."""
        key = resource_key(uid)
        return next((at for at, one in enumerate(self.uids) if one == key), None)


@dataclass(frozen=True, slots=True, eq=False)
class CameTrue:
    """What came to each resource within seven days.

    Shapes:
        labels: bool (n, tasks), a column for each of `NODE_TASKS`.
    """

    uids: tuple[str, ...]
    labels: NDArray[np.bool_]


def prepared(timeline: Timeline, prior: Prior, *, as_of: datetime, version: int) -> Prepared:
    """Features and relations of a tenant's resources, by the code that recorded histories go through.

    Args:
        prior: what types did in the histories that the model learned from; the tenant's own is added.
    """
    (seen,), own = see([timeline], as_of)
    found = features_of(seen, prior.merged([own]))
    uids = tuple(seen.past.nodes.uids[row] for row in seen.state.rows.tolist())
    return Prepared(version, as_of, uids, found.names, found.values, relations_of(seen))


def came_true(timeline: Timeline, cutoffs: Iterable[datetime]) -> dict[datetime, CameTrue]:
    """What followed each instant; instants whose seven days are not over are left out."""
    found: dict[datetime, CameTrue] = {}
    for cutoff in cutoffs:
        if cutoff + timedelta(days=HORIZON_DAYS) > timeline.end:
            continue
        (seen,), _ = see([timeline], cutoff)
        answers = labels(seen, timeline.outcome(cutoff))
        uids = tuple(seen.past.nodes.uids[row] for row in seen.state.rows.tolist())
        found[cutoff] = CameTrue(uids, np.stack([answers[task] for task in NODE_TASKS], axis=1))
    return found


def joined_outcomes(
    told: Mapping[datetime, tuple[tuple[str, ...], NDArray[np.float64]]], came: Mapping[datetime, CameTrue]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Logits that were told and what came, for resources that are in both.

    Shapes:
        Returns float64 (n, tasks) and bool (n, tasks).
    """
    logits, labelled = [np.zeros((0, len(NODE_TASKS)))], [np.zeros((0, len(NODE_TASKS)), np.bool_)]
    for cutoff in sorted(told.keys() & came.keys()):
        uids, values = told[cutoff]
        row_of = {uid: row for row, uid in enumerate(came[cutoff].uids)}
        kept = [at for at, uid in enumerate(uids) if uid in row_of]
        logits.append(values[kept])
        labelled.append(came[cutoff].labels[[row_of[uids[at]] for at in kept]])
    return np.concatenate(logits), np.concatenate(labelled)
