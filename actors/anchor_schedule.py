"""When to ask which target, and which hours to own up to: decided from the platform log's own entries.

Time is cut into intervals. A target owes one receipt for each interval in which anchoring could have run; an interval
that ends without one is a gap and is told as such, and the next note, which commits to everything before it, catches
up. What was asked, what waits for confirmation and which gaps were told is read from the log, so a restart goes on
where the former process stopped. Only the memory of failures is the process's own: a new one tries at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.clock import parse_instant
from domain.value import Json

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NEVER_RAN: Final = "anchoring did not run"
NEVER_CONFIRMED: Final = "never confirmed by the target"


class Circuit(StrEnum):
    """Whether a target is asked."""

    CLOSED = "closed"
    """It answered last time."""

    OPEN = "open"
    """It failed and is left alone for a while."""

    HALF_OPEN = "half_open"
    """It failed, and it is time to try again."""


@dataclass(frozen=True, slots=True)
class AnchorTiming:
    """How often, how patiently.

    Args:
        retry_first, retry_max: pause after the first failure, doubled with each further one up to the longest.
        complete_every: pause between questions about unconfirmed receipts.
        pending_age_max: after that an unconfirmed receipt is given up and its interval becomes a gap.
        pending_count_max: how many unconfirmed receipts of one target are asked about in one round.
    """

    interval: timedelta = timedelta(hours=1)
    retry_first: timedelta = timedelta(minutes=1)
    retry_max: timedelta = timedelta(hours=1)
    complete_every: timedelta = timedelta(minutes=10)
    pending_age_max: timedelta = timedelta(days=7)
    pending_count_max: int = 50

    def begin(self, at: datetime) -> datetime:
        """Beginning of the interval that holds a moment."""
        return EPOCH + (at - EPOCH) // self.interval * self.interval

    def pause(self, failures: int) -> timedelta:
        """How long to leave a target alone after so many failures in a row."""
        return min(self.retry_first * (1 << min(failures - 1, 30)), self.retry_max)


@dataclass(frozen=True, slots=True)
class Pending:
    """A receipt that waits for confirmation, and the entry that records it."""

    note_sha256: str
    due_at: datetime
    entry: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TargetState:
    """What is known of one target.

    Args:
        settled_until: every interval that begins before is anchored or told as a gap.
        pending: unconfirmed receipts by the digest of their note, oldest first.
        reason: what went wrong last; empty when nothing did.
    """

    name: str
    settled_until: datetime
    pending: Mapping[str, Pending] = field(default_factory=dict)
    failures: int = 0
    retry_at: datetime = EPOCH
    complete_at: datetime = EPOCH
    reason: str = ""

    def circuit(self, now: datetime) -> Circuit:
        """Whether the target is asked now."""
        if self.failures == 0:
            return Circuit.CLOSED
        return Circuit.OPEN if now < self.retry_at else Circuit.HALF_OPEN

    def succeeded(self) -> TargetState:
        """After an answer."""
        return replace(self, failures=0, retry_at=EPOCH, reason="")

    def failed(self, now: datetime, timing: AnchorTiming, reason: str) -> TargetState:
        """After no answer, or one that does not hold."""
        failures = self.failures + 1
        return replace(self, failures=failures, retry_at=now + timing.pause(failures), reason=reason)

    def asked_to_complete(self, now: datetime, timing: AnchorTiming) -> TargetState:
        """After a question about unconfirmed receipts."""
        return replace(self, complete_at=now + timing.complete_every)


@dataclass(frozen=True, slots=True)
class Gap:
    """An interval, or several in a row, for which a target has given no receipt.

    Args:
        note_sha256: the note of a receipt that was given up; None where there is none.
    """

    target: str
    begins_at: datetime
    ends_at: datetime
    reason: str
    note_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What to do about one target now."""

    target: str
    gaps: tuple[Gap, ...] = ()
    asks_for: datetime | None = None
    completes: tuple[Pending, ...] = ()


def decide(state: TargetState, now: datetime, timing: AnchorTiming, *, is_on_demand: bool = False) -> Step:
    """What to do about a target that is not being asked already.

    Args:
        is_on_demand: ask even where the interval is settled or the circuit is open.
    """
    begin = timing.begin(now)
    circuit = state.circuit(now)
    may_ask = circuit is not Circuit.OPEN
    is_due = state.settled_until <= begin
    abandoned = [one for one in state.pending.values() if now - one.due_at > timing.pending_age_max]
    waiting = [one for one in state.pending.values() if one not in abandoned]
    asks_to_complete = may_ask and bool(waiting) and now >= state.complete_at
    return Step(
        target=state.name,
        gaps=(*_missed(state, begin), *(_abandoned(state.name, one, timing) for one in abandoned)),
        asks_for=begin if is_on_demand or (is_due and may_ask) else None,
        completes=tuple(waiting[: timing.pending_count_max]) if asks_to_complete else (),
    )


def replay(state: TargetState, entry: bytes, fields: Mapping[str, Json], timing: AnchorTiming) -> TargetState:
    """The state after an entry of the platform log; entries that are not about this target change nothing.

    Args:
        entry: the entry's bytes, kept with an unconfirmed receipt.
        fields: the same, read.
    """
    body = fields.get("body")
    if not isinstance(body, dict) or body.get("target") != state.name:
        return state
    pending = dict(state.pending)
    if fields.get("type") == "anchor_gap":
        pending.pop(str(body.get("note_sha256")), None)
        settled = parse_instant(str(body["to"]))
    elif fields.get("type") == "anchor_receipt":
        digest, due_at = str(body["note_sha256"]), parse_instant(str(body["due_at"]))
        pending.pop(digest, None)
        if body["is_final"] is not True:
            pending[digest] = Pending(digest, due_at, entry)
        settled = timing.begin(due_at) + timing.interval
    else:
        return state
    return replace(state, pending=pending, settled_until=max(state.settled_until, settled))


def _missed(state: TargetState, begin: datetime) -> Sequence[Gap]:
    if state.settled_until >= begin:
        return ()
    return (Gap(state.name, state.settled_until, begin, state.reason or NEVER_RAN),)


def _abandoned(target: str, pending: Pending, timing: AnchorTiming) -> Gap:
    begins_at = timing.begin(pending.due_at)
    return Gap(target, begins_at, begins_at + timing.interval, NEVER_CONFIRMED, pending.note_sha256)
