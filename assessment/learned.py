"""A live tenant as the prediction model sees it, who may change with whom, and what came of what it was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from domain.resource import resource_key
from training.activity import Prior
from training.cochange import Surroundings
from training.features import Features, Matrix
from training.history import Action, Timeline
from training.outcomes import EVERYTHING, WEEK, Deed, Known, Settled, settle
from training.relations import Relations, relations_of
from training.task import Seen, features_of, see


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

    def will_do(self, as_of: datetime) -> bool:
        """Whether it answers for an instant: it is no later, and of the same hour."""
        return as_of.replace(minute=0, second=0, microsecond=0) <= self.as_of <= as_of


@dataclass(frozen=True, eq=False)
class Looked:
    """A tenant's past with its features, from which pairs are made."""

    seen: Seen
    found: Features

    def uids(self) -> tuple[str, ...]:
        """Of each row, as `resource_key` writes them."""
        return tuple(self.seen.past.nodes.uids[row] for row in self.seen.state.rows.tolist())

    @cached_property
    def nodes(self) -> Mapping[str, int]:
        """Resources' nodes by their ids, as `resource_key` writes them."""
        return dict(zip(self.uids(), self.seen.state.rows.tolist(), strict=True))

    @cached_property
    def surroundings(self) -> Surroundings:
        """What candidates are found in."""
        return Surroundings.of(self.seen, self.found)


@dataclass(frozen=True, slots=True, eq=False)
class CoChanging:
    """One resource with those that may change when it changes, nearest first.

    Args:
        version, as_of: of the graph that it was made from.
        changes: of the resource that are known, besides that it was made.

    Shapes:
        values: float32 (p, len(training.cochange.NAMES)), a row for each of `candidates`.
    """

    version: int
    as_of: datetime
    changes: int
    candidates: tuple[str, ...]
    values: Matrix


def looked(timeline: Timeline, prior: Prior, *, as_of: datetime) -> Looked:
    """A tenant's past at an instant, by the code that recorded histories go through.

    Args:
        prior: what types did in the histories that the model learned from; the tenant's own is added.
    """
    (seen,), own = see([timeline], as_of)
    return Looked(seen, features_of(seen, prior.merged([own])))


def cochanging(known: Looked, uid: str, *, as_of: datetime, version: int) -> CoChanging | None:
    """Who may change with a resource; None where it is not there. Features are those that pairs are learned from."""
    seen, anchor = known.seen, known.nodes.get(resource_key(uid))
    if anchor is None:
        return None
    rows = known.surroundings.candidates(np.array([anchor], np.int32))
    events = seen.past.events
    changes = int(((events.node == anchor) & (events.action == Action.UPDATE)).sum())
    candidates = tuple(seen.past.nodes.uids[node] for node in rows.candidates.tolist())
    return CoChanging(version, as_of, changes, candidates, rows.values)


def prepared(timeline: Timeline, prior: Prior, *, as_of: datetime, version: int) -> Prepared:
    """Features and relations of a tenant's resources, by the code that recorded histories go through.

    Args:
        prior: what types did in the histories that the model learned from; the tenant's own is added.
    """
    known = looked(timeline, prior, as_of=as_of)
    found = known.found
    return Prepared(version, as_of, known.uids(), found.names, found.values, relations_of(known.seen))


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
