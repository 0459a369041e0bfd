"""Decayed counts of what happened, per node and summed over groups of nodes; and what types do elsewhere.

A count with half-life h weighs an event that is h days old half as much as one of now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.history import Action, Flags, Past
from training.state import Numbers, State, days_before

HALF_LIVES_DAYS = (7, 30, 120)
SMALL_BATCH = 10
"""Changes made together with at most this many are somebody's work; more are campaigns and renames."""


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """Decayed counts per node, by what happened and half-life.

    Args:
        born: creations on which a violation opened at the same instant, half-life of the longest.
    """

    updates: Mapping[int, Numbers]
    small: Mapping[int, Numbers]
    creates: Mapping[int, Numbers]
    deletes: Mapping[int, Numbers]
    openings: Mapping[int, Numbers]
    joins: Mapping[int, Numbers]
    born: Numbers
    touches: Numbers
    authors: Numbers


def activity(past: Past) -> Activity:
    """Count what happened to each node."""
    size, events, findings, edges = len(past.nodes), past.events, past.findings, past.edges
    age, finding_age, edge_age = (days_before(past, one.at) for one in (events, findings, edges))
    is_update, is_create = events.action == Action.UPDATE, events.action == Action.CREATE

    def decayed(nodes: NDArray[np.int32], ages: Numbers, chosen: Flags) -> dict[int, Numbers]:
        weights = {h: np.exp2(-ages[chosen] / h) for h in HALF_LIVES_DAYS}
        return {h: np.bincount(nodes[chosen], one, size).astype(np.float64) for h, one in weights.items()}

    joins_at_source = decayed(edges.source, edge_age, edges.added)
    joins_at_target = decayed(edges.target, edge_age, edges.added)
    is_born = is_create & _opened_with(past)
    known_authors = np.unique(events.node.astype(np.int64) << 32 | events.author)
    return Activity(
        updates=decayed(events.node, age, is_update),
        small=decayed(events.node, age, is_update & (events.batch_size <= SMALL_BATCH)),
        creates=decayed(events.node, age, is_create),
        deletes=decayed(events.node, age, events.action == Action.DELETE),
        openings=decayed(findings.node, finding_age, findings.opened),
        joins={h: joins_at_source[h] + joins_at_target[h] for h in HALF_LIVES_DAYS},
        born=decayed(events.node, age, is_born)[HALF_LIVES_DAYS[-1]],
        touches=np.bincount(events.node, minlength=size).astype(np.float64),
        authors=np.bincount(known_authors >> 32, minlength=size).astype(np.float64),
    )


def _opened_with(past: Past) -> Flags:
    """Which events have a violation that opened on the same node at the same instant."""
    opened = past.findings.opened
    found = set(zip(past.findings.node[opened].tolist(), past.findings.at[opened].tolist(), strict=True))
    events = zip(past.events.node.tolist(), past.events.at.tolist(), strict=True)
    return np.fromiter((one in found for one in events), np.bool_, len(past.events.at))


PRIOR_COLUMNS = ("live", "updates_30", "updates_120", "creates_120", "openings_120", "born_120", "near_openings_120")


@dataclass(frozen=True, slots=True)
class Prior:
    """What every type did in all the tenants that a model was fitted on; shipped with it for tenants without history.

    Args:
        counts: for each type, a number for each of `PRIOR_COLUMNS`.
    """

    counts: Mapping[str, tuple[float, ...]]

    def rates(self, types: tuple[str, ...]) -> NDArray[np.float64]:
        """For each type: updates (30 and 120 days), creations, openings, neighbours' openings per live resource, and
        the share of creations born violating. A type that nobody has gets the mean over all.

        Shapes:
            Returns float64 (len(types), 6).
        """  # noqa: D205 (one sentence)
        totals = np.array(list(self.counts.values()) or [(0.0,) * len(PRIOR_COLUMNS)]).sum(axis=0)
        mean = _rates(totals[None], np.zeros((1, 6)))
        rows = np.array([self.counts.get(one, (0.0,) * len(PRIOR_COLUMNS)) for one in types]).reshape(-1, 7)
        return _rates(rows, np.broadcast_to(mean, (len(rows), 6)))

    def merged(self, others: Iterable[Prior]) -> Prior:
        """These counts and others' together."""
        totals = {name: np.array(row) for name, row in self.counts.items()}
        for other in others:
            for name, row in other.counts.items():
                totals[name] = totals.get(name, 0.0) + np.array(row)
        return Prior({name: tuple(float(value) for value in row) for name, row in totals.items()})


PSEUDO_COUNT = 5.0


def _rates(rows: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    live, creates = rows[:, 0], rows[:, 3]
    above = np.stack((rows[:, 1], rows[:, 2], creates, rows[:, 4], rows[:, 6], rows[:, 5]), axis=1)
    below = np.stack((live, live, live, live, live, creates), axis=1)
    return np.asarray((above + PSEUDO_COUNT * mean) / np.maximum(below + PSEUDO_COUNT, 1e-9), np.float64)


def own_prior(past: Past, state: State, done: Activity) -> Prior:
    """One tenant's counts per type."""
    longest = HALF_LIVES_DAYS[-1]
    near = state.ever_joined.summed(done.openings[longest], len(past.nodes))
    columns = (
        (state.is_live & past.nodes.is_scored).astype(np.float64), done.updates[30], done.updates[longest],
        done.creates[longest], done.openings[longest], done.born, near,
    )  # fmt: skip
    types = past.nodes.type
    table = np.stack([np.bincount(types.codes, one, len(types.names)) for one in columns], axis=1)
    return Prior({name: tuple(row) for name, row in zip(types.names, table.tolist(), strict=True)})
