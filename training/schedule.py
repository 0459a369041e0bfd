"""When the model is retrained without anybody asking. Pure: every reason can be read, and tested without a cluster.

A retraining begins at a cadence, or for a cause: many features have shifted, or a task is ranked certainly too badly.
None begins while another one runs or its model waits for approval, soon after one that led to nothing, or before as
much came true as the gate needs to judge. How often tasks come true is no cause: calibration follows that by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Final

from training.promotion import Action
from training.quality import POSITIVES_MIN, WEEKS
from training.task import NODE_TASKS, Task

REST: Final = timedelta(days=7)
"""After any retraining: a week is what it takes until there is anything new to learn from."""
FAILED_PAUSE: Final = timedelta(days=1)
PAUSE_MAX: Final = timedelta(days=56)
DOUBLINGS_MAX: Final = 6


class Stand(StrEnum):
    """How the schedule stands."""

    OFF = "off"
    RUNNING = "running"
    WAITING = "waiting for approval"
    RESTING = "backing off"
    TOO_FEW = "too few outcomes"
    LATER = "not due"
    DUE = "due"
    STUCK = "due, but no job can be submitted"


@dataclass(frozen=True, slots=True)
class Plan:
    """What lets a retraining begin.

    Args:
        every: between two; None where only a cause begins one.
        shifted_min: share of a tenant's features that have shifted much; None where that begins none.
        auroc_min: of a task on a tenant, below which the whole interval must be; None where that begins none.
    """

    every: timedelta | None = None
    shifted_min: float | None = None
    auroc_min: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One retraining, whoever asked for it.

    Args:
        ended_at: None while it runs.
        action: what was decided; None while it runs, and where it failed.
    """

    at: datetime
    ended_at: datetime | None = None
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of one tenant's predictions over the last ended weeks.

    Args:
        weeks: that have ended.
        positives: how often each task came true in them.
        shifted: the share of features that have shifted much; None where it cannot be said.
        auroc_high: the upper end of each task's interval, where enough came true.
    """

    weeks: int
    positives: Mapping[Task, int]
    shifted: float | None = None
    auroc_high: Mapping[Task, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """Whether a retraining is due.

    Args:
        reason: in words for a person.
        next_at: when it can be another answer without anything new; None where only new outcomes change it.
    """

    stand: Stand
    reason: str
    next_at: datetime | None = None


def held(now: datetime, attempts: Sequence[Attempt], *, waiting: str = "") -> Due | None:
    """What keeps a retraining from beginning, whatever predictions were worth; None where nothing does.

    Args:
        attempts: oldest first.
        waiting: the model that waits for approval; empty where none does.
    """
    running = next((one for one in attempts if one.ended_at is None), None)
    if running is not None:
        return Due(Stand.RUNNING, f"one runs since {_day(running.at)}")
    if waiting:
        return Due(Stand.WAITING, f"{waiting} waits for somebody's approval")
    rested = rested_at(attempts)
    if rested is None or now >= rested:
        return None
    led = len(_in_vain(attempts))
    why = f"{led} in a row led to nothing" if led else "the last one is not a week ago"
    return Due(Stand.RESTING, f"{why}; the next one no earlier than {_day(rested)}", rested)


def due(
    now: datetime, plan: Plan, attempts: Sequence[Attempt], watched: Mapping[str, Watched], *, began_at: datetime
) -> Due:
    """Whether a retraining is due, where nothing holds it.

    Args:
        watched: by tenant.
        began_at: since when there is a plan; the cadence counts from there while nothing was retrained.
    """
    lacking = _lacking(watched)
    if lacking:
        return Due(Stand.TOO_FEW, lacking)
    cause = next(_causes(plan, watched), "")
    if cause:
        return Due(Stand.DUE, cause)
    if plan.every is None:
        return Due(Stand.LATER, "nothing has shifted or become bad enough, and there is no cadence")
    decided = [one.at for one in attempts if one.action is not None]
    since, what = (decided[-1], "the last one") if decided else (began_at, "the schedule began")
    at = since + plan.every
    if now >= at:
        return Due(Stand.DUE, f"{plan.every.days} days have passed since {what} ({_day(since)})")
    return Due(Stand.LATER, f"every {plan.every.days} days, and {what} is of {_day(since)}", at)


def rested_at(attempts: Sequence[Attempt]) -> datetime | None:
    """Until when nothing begins after the last attempt: twice as long after each one in a row that led to nothing."""
    if not attempts or attempts[-1].ended_at is None:
        return None
    last, doublings = attempts[-1], min(max(len(_in_vain(attempts)) - 1, 0), DOUBLINGS_MAX)
    pause = FAILED_PAUSE if last.action is None else REST
    return attempts[-1].ended_at + min((1 << doublings) * pause, PAUSE_MAX)


def _in_vain(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The latest attempts in a row that failed or whose model was refused."""
    return list(takewhile(lambda one: one.action in {None, Action.REFUSE}, reversed(attempts)))


def _lacking(watched: Mapping[str, Watched]) -> str:
    """What the gate would lack; empty where it has enough."""
    weeks = max((one.weeks for one in watched.values()), default=0)
    if weeks < WEEKS:
        return f"{weeks} of {WEEKS} ended weeks are known"
    came = {task: sum(one.positives.get(task, 0) for one in watched.values()) for task in NODE_TASKS}
    if max(came.values()) >= POSITIVES_MIN:
        return ""
    told = ", ".join(f"{task} {count}" for task, count in came.items())
    return f"too little came true in the last {WEEKS} weeks: {told} of {POSITIVES_MIN} needed"


def _causes(plan: Plan, watched: Mapping[str, Watched]) -> Iterator[str]:
    for tenant, one in sorted(watched.items()):
        if plan.shifted_min is not None and one.shifted is not None and one.shifted >= plan.shifted_min:
            yield (
                f"{100 * one.shifted:.0f} % of the features of {tenant} have shifted much"
                f" ({100 * plan.shifted_min:.0f} % begin a retraining)"
            )
        for task, high in one.auroc_high.items():
            if plan.auroc_min is not None and high < plan.auroc_min:
                yield f"AUROC of {task} on {tenant} is at most {high:.3f}, below {plan.auroc_min:.2f}"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
