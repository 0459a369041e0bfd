"""A live tenant as the prediction model sees it, and what came of what it was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.resource import resource_key
from training.activity import Prior
from training.features import Matrix
from training.history import Timeline
from training.outcomes import EVERYTHING, WEEK, Deed, Known, Settled, settle
from training.relations import Relations, relations_of
from training.task import features_of, see


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


def prepared(timeline: Timeline, prior: Prior, *, as_of: datetime, version: int) -> Prepared:
    """Features and relations of a tenant's resources, by the code that recorded histories go through.

    Args:
        prior: what types did in the histories that the model learned from; the tenant's own is added.
    """
    (seen,), own = see([timeline], as_of)
    found = features_of(seen, prior.merged([own]))
    uids = tuple(seen.past.nodes.uids[row] for row in seen.state.rows.tolist())
    return Prepared(version, as_of, uids, found.names, found.values, relations_of(seen))


@dataclass(frozen=True, slots=True, eq=False)
class LiveHistory:
    """What is known of a live tenant until an instant, and of which instants it is known.

    Args:
        deeds: what was done about resources and is logged elsewhere than in their history.
    """

    timeline: Timeline
    known: Known
    deeds: tuple[Deed, ...] = ()


def settled(
    timeline: Timeline, cutoffs: Iterable[datetime], known: Known = EVERYTHING, deeds: Sequence[Deed] = ()
) -> dict[datetime, Settled]:
    """What followed each instant; instants whose seven days are not over are left out.

    Args:
        deeds: what was done about resources and is logged elsewhere than in their history.
    """
    found: dict[datetime, Settled] = {}
    for cutoff in cutoffs:
        if cutoff + WEEK > timeline.end:
            continue
        (seen,), _ = see([timeline], cutoff)
        found[cutoff] = settle(seen, timeline.outcome(cutoff), known, deeds)
    return found
