"""The prediction tasks: what is asked at a cut-off, and how what came after answers it.

T1 born violating · T2 violation on the resource or a neighbour · T3 violation in its stack · T4 change · T5 which
others change with it. T2 to T4 have a row for each scored live resource and weekly cut-off; T1 (`training.births`)
for each creation; T5 (`training.cochange`) for each pair. Features see a `Past` alone, labels an `Outcome` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from training.activity import Activity, Prior, activity, own_prior
from training.features import Features, features
from training.history import Action, Flags, Outcome, Past, Timeline
from training.state import State, state_at

HORIZON_DAYS = 7


class Task(StrEnum):
    """What is predicted, by the name that reports use."""

    BORN = "T1"
    NEIGHBOURHOOD = "T2"
    STACK = "T3"
    CHANGE = "T4"
    COCHANGE = "T5"


NODE_TASKS = (Task.NEIGHBOURHOOD, Task.STACK, Task.CHANGE)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A tenant's past with what it comes to."""

    past: Past
    state: State
    done: Activity


def see(timelines: Sequence[Timeline], cutoff: datetime) -> tuple[tuple[Seen, ...], Prior]:
    """Every tenant's past at one cut-off, and what types did in all of them by then."""
    pasts = [one.until(cutoff) for one in timelines]
    seen = tuple(Seen(past, state_at(past), activity(past)) for past in pasts)
    return seen, Prior({}).merged(own_prior(one.past, one.state, one.done) for one in seen)


def features_of(seen: Seen, prior: Prior) -> Features:
    """The features of one tenant's scored live resources."""
    return features(seen.past, seen.state, seen.done, prior)


def labels(seen: Seen, outcome: Outcome) -> dict[Task, Flags]:
    """What came to each row of the state within the window.

    T2 counts a violation that opens on the resource, or on one joined to it by an edge that is live at the cut-off
    or appears within the window. T3 counts one in its stack. T4 counts an update; a deletion is no change of state.
    """
    rows, size = seen.state.rows, len(outcome.nodes)
    opened = np.zeros(size, np.bool_)
    opened[outcome.findings.node[outcome.findings.opened]] = True
    near = opened.copy()
    joined = seen.state.joined
    near[joined.ends[opened[joined.others]]] = True
    added = outcome.edges.added & (outcome.edges.source < size) & (outcome.edges.target < size)
    sources, targets = outcome.edges.source[added], outcome.edges.target[added]
    near[sources[opened[targets]]] = True
    near[targets[opened[sources]]] = True
    stacks = np.zeros(len(outcome.nodes.stack.names), np.bool_)
    stacks[outcome.nodes.stack.codes[opened]] = True
    changed = np.zeros(size, np.bool_)
    changed[outcome.events.node[outcome.events.action == Action.UPDATE]] = True
    return {
        Task.NEIGHBOURHOOD: near[rows],
        Task.STACK: stacks[seen.past.nodes.stack.codes[rows]],
        Task.CHANGE: changed[rows],
    }


def origins(first: datetime, last: datetime, *, every_weeks: int = 1) -> Iterator[datetime]:
    """Weekly cut-offs from one to another, both included."""
    at = first
    while at <= last:
        yield at
        at += timedelta(weeks=every_weeks)
