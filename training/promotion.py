"""Whether a candidate takes the serving model's place, and whether the serving one goes back to its predecessor.

Both are judged on the same rows of the last eight ended weeks, draw of weeks by draw of weeks. What decides is the mean
over tasks of the difference in AUROC: its interval must be above zero. A candidate that is certainly worse at anything
that is told (ranking, first alarms, probabilities) is refused even so. Nothing here acts; a decision is a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np

from domain.errors import ConflictError
from training.metrics import Estimate, Numbers, draws, estimate
from training.quality import DRAWS, POSITIVES_MIN, WEEKS, WeekTold, figures_of, judged_rows
from training.task import NODE_TASKS, Task

COMPARED: Final = ("auroc", "ap", "recall_at_fpr5", "brier_skill", "ece")
LOWER_IS_BETTER: Final = frozenset({"ece"})
GUARDED: Final = ("auroc", "ap", "brier_skill")
"""What a candidate may not be certainly worse at, in any task."""
FALL_BACK_WEEKS: Final = 4
"""Ended weeks that a model has served before it can be sent back."""


class Action(StrEnum):
    """What is decided."""

    PROMOTE = "promote"
    ASK = "ask for approval"
    REFUSE = "refuse"
    FALL_BACK = "fall back"
    STAY = "stay"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided, and why, in words for a person."""

    action: Action
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class TaskComparison:
    """Two models on one task.

    Args:
        ours, theirs, above: by metric; `above` is how much higher ours is, whichever is better.
    """

    rows: int
    positives: int
    ours: Mapping[str, Estimate]
    theirs: Mapping[str, Estimate]
    above: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two models on the same weeks.

    Args:
        tasks: only those of which enough came true.
        overall: the mean over them of the difference in AUROC; NaN where there are none.
        short: tasks of which too little came true, with how much.
    """

    weeks: tuple[datetime, ...]
    tasks: Mapping[Task, TaskComparison]
    overall: Estimate
    short: Mapping[Task, int]


def compared(ours: Sequence[WeekTold], theirs: Sequence[WeekTold], *, seed: int = 1) -> Comparison:
    """Judge two models on the weeks that both answered.

    Args:
        ours, theirs: the same rows in the same order in each week, with the same outcomes.
    """
    ours, theirs = _shared(ours, theirs)
    drawn = draws(max(len(ours), 1), count=DRAWS, seed=seed)
    tasks: dict[Task, TaskComparison] = {}
    short: dict[Task, int] = {}
    differences: list[Numbers] = []
    for at, task in enumerate(NODE_TASKS):
        one, other = judged_rows(ours, at), judged_rows(theirs, at)
        positives = int(one.labels.sum())
        if positives < POSITIVES_MIN or positives == len(one.labels):
            short[task] = positives
            continue
        found, against = figures_of(one, drawn), figures_of(other, drawn)
        differences.append(found["auroc"] - against["auroc"])
        tasks[task] = TaskComparison(
            len(one.labels), positives,
            {name: estimate(found[name]) for name in COMPARED},
            {name: estimate(against[name]) for name in COMPARED},
            {name: estimate(found[name] - against[name]) for name in COMPARED},
        )  # fmt: skip
    overall = estimate(np.mean(differences, axis=0)) if differences else _nothing()
    return Comparison(tuple(one.at for one in ours), tasks, overall, short)


def gate(found: Comparison, *, needs_approval: bool = False) -> Decision:
    """Whether a candidate takes the serving model's place."""
    if len(found.weeks) < WEEKS:
        return Decision(Action.REFUSE, f"only {len(found.weeks)} of {WEEKS} ended weeks are known")
    if not found.tasks:
        told = ", ".join(f"{task} {count}" for task, count in found.short.items())
        return Decision(Action.REFUSE, f"too little came true to judge: {told} of {POSITIVES_MIN} needed")
    worse = certainly_worse(found)
    if worse:
        return Decision(Action.REFUSE, f"it is certainly worse: {'; '.join(worse)}")
    told = f"the mean difference in AUROC is {shown(found.overall)}"
    if not found.overall.low > 0:
        return Decision(Action.REFUSE, f"{told}: the interval is not above zero")
    return Decision(Action.ASK if needs_approval else Action.PROMOTE, f"{told}: the interval is above zero")


def watch(serving: Sequence[WeekTold], former: Sequence[WeekTold], *, since: datetime, seed: int = 1) -> Decision:
    """Whether the serving model goes back to its predecessor: on weeks since it serves, it is certainly worse."""
    ours, theirs = ([one for one in weeks if one.at >= since] for weeks in (serving, former))
    found = compared(ours[-WEEKS:], theirs[-WEEKS:], seed=seed)
    if len(found.weeks) < FALL_BACK_WEEKS:
        return Decision(Action.STAY, f"it has served {len(found.weeks)} ended weeks, of {FALL_BACK_WEEKS} needed")
    if not found.tasks:
        return Decision(Action.STAY, "too little came true since it serves to judge")
    told = f"since it serves the mean difference in AUROC from its predecessor is {shown(found.overall)}"
    if found.overall.high < 0:
        return Decision(Action.FALL_BACK, f"{told}: the interval is below zero")
    return Decision(Action.STAY, told)


def certainly_worse(found: Comparison) -> list[str]:
    """What ours is worse at with an interval that excludes zero."""
    return [
        f"{task} {metric} {shown(compared_task.above[metric])}"
        for task, compared_task in found.tasks.items()
        for metric in GUARDED
        if compared_task.above[metric].high < 0
    ]


def shown(one: Estimate) -> str:
    """A difference with its interval."""
    if np.isnan(one.value):
        return "unknown"
    return f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"


class Standing(StrEnum):
    """Where a version of the model stands."""

    CANDIDATE = "candidate"
    WAITING = "waiting for approval"
    SERVING = "serving"
    FORMER = "former"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


class Trigger(StrEnum):
    """What happens to a version."""

    REFUSE = "refuse"
    ASK = "ask"
    PROMOTE = "promote"
    APPROVE = "approve"
    REJECT = "reject"
    SUCCEED = "succeed"
    FALL_BACK = "fall back"
    RETURN = "return"


NEXT: Final[Mapping[tuple[Standing, Trigger], Standing]] = {
    (Standing.CANDIDATE, Trigger.REFUSE): Standing.REFUSED,
    (Standing.CANDIDATE, Trigger.ASK): Standing.WAITING,
    (Standing.CANDIDATE, Trigger.PROMOTE): Standing.SERVING,
    (Standing.WAITING, Trigger.APPROVE): Standing.SERVING,
    (Standing.WAITING, Trigger.REJECT): Standing.REFUSED,
    (Standing.SERVING, Trigger.SUCCEED): Standing.FORMER,
    (Standing.SERVING, Trigger.FALL_BACK): Standing.WITHDRAWN,
    (Standing.FORMER, Trigger.RETURN): Standing.SERVING,
}
"""Every step that a version can take; any other is refused."""


def stepped(standing: Standing, trigger: Trigger, *, model: str) -> Standing:
    """Where a version stands after a step.

    Raises:
        ConflictError: it cannot take that step from where it stands.
    """
    found = NEXT.get((standing, trigger))
    if found is None:
        raise ConflictError("this model cannot take that step", model=model, got=f"{standing}, {trigger}",
                            expected=sorted(f"{a}, {b}" for a, b in NEXT if a is standing),
                            todo="See where it stands: GET /api/v2/predictions/models/versions")  # fmt: skip
    return found


def _shared(ours: Sequence[WeekTold], theirs: Sequence[WeekTold]) -> tuple[list[WeekTold], list[WeekTold]]:
    """Weeks that both answered, with the rows that both answered with numbers; outcomes are ours."""
    others = {one.at: one for one in theirs}
    pairs = [(one, others[one.at]) for one in sorted(ours, key=lambda each: each.at) if one.at in others]
    kept = [(one, other, _answered(one) & _answered(other)) for one, other in pairs]
    return (
        [_rows(one, one, rows) for one, _, rows in kept],
        [_rows(other, one, rows) for one, other, rows in kept],
    )


def _answered(week: WeekTold) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray((np.isfinite(week.scores) & np.isfinite(week.p)).all(axis=1))


def _rows(week: WeekTold, outcomes: WeekTold, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> WeekTold:
    return replace(week, scores=week.scores[rows], p=week.p[rows], came=outcomes.came[rows], why=outcomes.why[rows])


def _nothing() -> Estimate:
    return Estimate(float("nan"), float("nan"), float("nan"))
