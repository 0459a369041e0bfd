"""What became of what was told, once its seven days are over: it came, it did not, it was prevented, or nobody knows.

That something did not happen is said only where it would have been seen. Where nothing came and somebody had acted on
the resource, or next to it, the prediction was neither right nor a false alarm: it is kept apart. The labels are those
that models learn from (`training.task.labels`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.history import Action, Codes, Flags, Outcome, instant
from training.task import HORIZON_DAYS, NODE_TASKS, Seen, Task, labels

Codes8 = NDArray[np.uint8]
LATE_DAYS: Final = 7
"""How long after the window the scan may come that shows what opened in it; later ones may miss what was mended."""
WEEK: Final = timedelta(days=HORIZON_DAYS)


class Came(IntEnum):
    """What became of a prediction, as the codes that columns hold (uint8)."""

    NO = 0
    YES = 1
    PREVENTED = 2
    UNKNOWN = 3


class Why(IntEnum):
    """Why it was prevented, strongest first, or why nobody knows; codes that columns hold (uint8)."""

    NOTHING = 0
    DELETED = 1
    EXEMPTED = 2
    MENDED = 3
    DECIDED = 4
    RECORDED = 5
    NOT_SCANNED = 6
    NOT_SEEN = 7


WORDS: Final[Mapping[Why, str]] = {
    Why.DELETED: "the resource was deleted",
    Why.EXEMPTED: "a violation was exempted",
    Why.MENDED: "a violation was mended",
    Why.DECIDED: "a decision was applied",
    Why.RECORDED: "a change was recorded as evidence",
    Why.NOT_SCANNED: "no comparable scan came within seven days after the window",
    Why.NOT_SEEN: "the resource was not seen again after the window",
}
DEEDS: Final = (Why.RECORDED, Why.DECIDED, Why.MENDED, Why.EXEMPTED, Why.DELETED)
"""What prevents, weakest first: where several were done, the last one is told."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done about a resource and is logged elsewhere than in its own history.

    Args:
        uid: as histories spell it.
        kind: one of `DEEDS`.
    """

    at: datetime
    uid: str
    kind: Why


@dataclass(frozen=True, slots=True)
class Known:
    """Of which instants a live tenant's state is known.

    Args:
        stretches: for each resource, from when until when each of its states was seen; where the mapping is None,
            every instant of every resource is known.
        scans: when violations were looked for, by scans that asked the same as the last one; None for always.
    """

    stretches: Mapping[str, Sequence[tuple[datetime, datetime]]] | None = None
    scans: Sequence[datetime] | None = None

    def is_seen(self, uid: str, at: datetime) -> bool:
        """Whether the resource's state at an instant is known."""
        if self.stretches is None:
            return True
        return any(since <= at <= until for since, until in self.stretches.get(uid, ()))

    def is_scanned(self, end: datetime) -> bool:
        """Whether what opened in a window that ends then would have been found."""
        return self.scans is None or any(end <= at <= end + timedelta(days=LATE_DAYS) for at in self.scans)


EVERYTHING: Final = Known()


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What came to each resource that was there at a cut-off.

    Shapes:
        came, why: uint8 (n, tasks), codes of `Came` and of `Why`, a column for each of `NODE_TASKS`.
    """

    uids: tuple[str, ...]
    came: Codes8
    why: Codes8

    def rows_of(self, uids: Sequence[str]) -> Settled:
        """The same for other resources, in their order; what was not there at the cut-off is not known."""
        places = {uid: row for row, uid in enumerate(self.uids)}
        rows = np.array([places.get(uid, -1) for uid in uids], np.int64)
        came = np.full((len(uids), len(NODE_TASKS)), Came.UNKNOWN, np.uint8)
        why = np.full((len(uids), len(NODE_TASKS)), Why.NOT_SEEN, np.uint8)
        known = rows >= 0
        came[known], why[known] = self.came[rows[known]], self.why[rows[known]]
        return Settled(tuple(uids), came, why)


def settle(seen: Seen, outcome: Outcome, known: Known = EVERYTHING, deeds: Iterable[Deed] = ()) -> Settled:
    """What came to each row of the state.

    Args:
        deeds: in any order; those outside the window do not count.
    """
    uids = tuple(seen.past.nodes.uids[row] for row in seen.state.rows.tolist())
    reach = _reach(seen, _deeds(outcome, deeds))
    gaps = _gaps(seen, outcome, known, uids)
    happened = labels(seen, outcome)
    came = np.zeros((len(uids), len(NODE_TASKS)), np.uint8)
    why = np.zeros_like(came)
    for at, task in enumerate(NODE_TASKS):
        came[:, at], why[:, at] = _settled(happened[task], gaps[task], reach[task])
    return Settled(uids, came, why)


def decided(came: Codes8) -> Flags:
    """Where it is known what came, and nobody prevented it."""
    return np.asarray((came == Came.YES) | (came == Came.NO))


def last_ended(days: Iterable[datetime], now: datetime) -> list[datetime]:
    """Instants at least seven days apart whose seven days are over, oldest first: their windows share no day."""
    found: list[datetime] = []
    for at in sorted(days, reverse=True):
        if at + WEEK <= (found[-1] if found else now):
            found.append(at)
    return found[::-1]


def _settled(happened: Flags, gaps: Codes8, reach: Codes8) -> tuple[Codes8, Codes8]:
    """What came is known even where there are gaps; what did not come is not."""
    came = np.select([happened, gaps > 0, reach > 0], [Came.YES, Came.UNKNOWN, Came.PREVENTED], Came.NO)
    why = np.select([happened, gaps > 0], [np.zeros_like(gaps), gaps], reach)
    return came.astype(np.uint8), why.astype(np.uint8)


def _gaps(seen: Seen, outcome: Outcome, known: Known, uids: Sequence[str]) -> dict[Task, Codes8]:
    """For each row the reason why it would not have been seen; 0 where it would."""
    end, size = instant(outcome.end_us), len(uids)
    gone = np.zeros(len(outcome.nodes), np.bool_)
    gone[_deleted(outcome)] = True
    is_seen = np.fromiter((known.is_seen(uid, end) for uid in uids), np.bool_, size) | gone[seen.state.rows]
    own = np.where(is_seen, 0, Why.NOT_SEEN).astype(np.uint8)
    found = own if known.is_scanned(end) else np.full(size, Why.NOT_SCANNED, np.uint8)
    return {Task.NEIGHBOURHOOD: found, Task.STACK: found, Task.CHANGE: own}


def _deeds(outcome: Outcome, deeds: Iterable[Deed]) -> Codes8:
    """For each node the strongest thing that was done about it within the window."""
    start, end = instant(outcome.start_us), instant(outcome.end_us)
    places = {uid: at for at, uid in enumerate(outcome.nodes.uids)}
    told = [one for one in deeds if start < one.at <= end and one.uid in places]
    nodes: dict[Why, Sequence[int] | Codes] = {
        kind: [places[one.uid] for one in told if one.kind is kind] for kind in DEEDS
    }
    nodes[Why.MENDED] = outcome.findings.node[~outcome.findings.opened]
    nodes[Why.DELETED] = _deleted(outcome)
    found = np.zeros(len(outcome.nodes), np.uint8)
    for kind in DEEDS:
        found[np.asarray(nodes[kind], np.int64)] = kind
    return found


def _deleted(outcome: Outcome) -> Codes:
    return np.asarray(outcome.events.node[outcome.events.action == Action.DELETE])


def _reach(seen: Seen, done: Codes8) -> dict[Task, Codes8]:
    """For each row the strongest deed that bears on each task's question.

    T2 and T3 ask where a violation opens, so what was done next to a resource, or in its stack, counts. T4 asks
    whether the resource changes: only its deletion keeps it from that.
    """
    past, state = seen.past, seen.state
    size = len(past.nodes)
    rank = np.where(done > 0, len(Why) - done.astype(np.int64), 0)
    near = rank[:size].copy()
    np.maximum.at(near, state.joined.ends, rank[state.joined.others])
    stacks = np.zeros(max(len(past.nodes.stack.names), 1), np.int64)
    np.maximum.at(stacks, past.nodes.stack.codes, rank[:size])
    deleted = np.where(done[:size] == Why.DELETED, done[:size], 0)
    return {
        Task.NEIGHBOURHOOD: _kinds(near[state.rows]),
        Task.STACK: _kinds(stacks[past.nodes.stack.codes[state.rows]]),
        Task.CHANGE: deleted[state.rows].astype(np.uint8),
    }


def _kinds(rank: NDArray[np.int64]) -> Codes8:
    return np.where(rank > 0, len(Why) - rank, 0).astype(np.uint8)
