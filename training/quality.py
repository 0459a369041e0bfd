"""How good what was told has been lately: figures over weeks that have ended, for one tenant.

Rows that nobody knows the outcome of say nothing. Rows where somebody acted and nothing came are left out too, since
nobody knows what would have come; the same figures with them counted as "did not come" stand beside, as `strict`.
Fewer than thirty that came true say nothing either. Intervals are from drawing whole weeks, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.metrics import Draws, Estimate, Numbers, draws, estimate, judge
from training.outcomes import Came, Codes8, decided
from training.task import NODE_TASKS, Task

WEEKS: Final = 8
"""Ended weeks that are looked back on."""
POSITIVES_MIN: Final = 30
DRAWS: Final = 400
TOLD: Final = ("auroc", "ap", "recall_at_fpr5", "precision_at_top1", "brier_skill", "ece")
STRICT: Final = ("auroc", "ap", "ece")


@dataclass(frozen=True, slots=True, eq=False)
class WeekTold:
    """What was told of every resource at one instant whose week has ended, and what came.

    Shapes:
        scores, p: float64 (n, tasks), what ranked and what was told. came, why: uint8 (n, tasks).
    """

    at: datetime
    model: str
    scores: Numbers
    p: Numbers
    came: Codes8
    why: Codes8


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """One week of a task. `auroc` is NaN where all or none came true."""

    at: datetime
    model: str
    rows: int
    positives: int
    prevented: int
    unknown: int
    expected: float
    auroc: float


@dataclass(frozen=True, slots=True, eq=False)
class TaskQuality:
    """A task over its ended weeks.

    Args:
        unusable: rows for which no number was told.
        figures: empty where too few came true to say anything.
        why: how many rows each reason of `training.outcomes.Why` concerns.
    """

    rows: int
    positives: int
    prevented: int
    unknown: int
    unusable: int
    by_week: tuple[WeekFigures, ...]
    figures: Mapping[str, Estimate]
    strict: Mapping[str, Estimate]
    base_rate: Estimate
    why: Mapping[int, int]

    @property
    def is_sufficient(self) -> bool:
        """Whether enough came true to say anything."""
        return self.positives >= POSITIVES_MIN


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The rows of a task that figures are made of.

    Shapes:
        scores, p: float64 (n,). labels: bool (n,). weeks: int64 (n,), the place of each row's week.
    """

    scores: Numbers
    p: Numbers
    labels: NDArray[np.bool_]
    weeks: NDArray[np.int64]


def quality(weeks: Sequence[WeekTold], *, seed: int = 1) -> dict[Task, TaskQuality]:
    """Figures of each task.

    Args:
        weeks: whose windows share no day; of more than `WEEKS` the latest are taken.
    """
    ordered = sorted(weeks, key=lambda one: one.at)[-WEEKS:]
    drawn = draws(max(len(ordered), 1), count=DRAWS, seed=seed)
    return {task: _task(ordered, at, drawn) for at, task in enumerate(NODE_TASKS)}


def judged_rows(weeks: Sequence[WeekTold], at: int, *, is_strict: bool = False) -> Judged:
    """A task's rows whose outcome is known.

    Args:
        at: the task's column.
        is_strict: what was prevented counts as what did not come.
    """
    kept = [_usable(one, at) & _is_decided(one.came[:, at], is_strict=is_strict) for one in weeks]

    def joined(parts: Sequence[Numbers]) -> Numbers:
        return np.concatenate([np.zeros(0), *parts])

    return Judged(
        joined([one.scores[rows, at] for one, rows in zip(weeks, kept, strict=True)]),
        joined([one.p[rows, at] for one, rows in zip(weeks, kept, strict=True)]),
        joined([one.came[rows, at] == Came.YES for one, rows in zip(weeks, kept, strict=True)]).astype(np.bool_),
        np.repeat(np.arange(len(weeks), dtype=np.int64), [int(rows.sum()) for rows in kept]),
    )


def figures_of(rows: Judged, drawn: Draws) -> dict[str, Numbers]:
    """Every figure for every draw of weeks."""
    return judge(rows.scores, rows.p, rows.labels, rows.weeks, drawn)


def _task(weeks: Sequence[WeekTold], at: int, drawn: Draws) -> TaskQuality:
    rows, strict = judged_rows(weeks, at), judged_rows(weeks, at, is_strict=True)
    positives = int(rows.labels.sum())
    found = figures_of(rows, drawn)
    is_enough = positives >= POSITIVES_MIN
    strictly = figures_of(strict, drawn) if is_enough else {}
    came = [one.came[:, at] for one in weeks]
    reasons = np.concatenate([np.zeros(0, np.uint8), *(one.why[:, at] for one in weeks)])
    return TaskQuality(
        rows=len(rows.labels),
        positives=positives,
        prevented=sum(int((one == Came.PREVENTED).sum()) for one in came),
        unknown=sum(int((one == Came.UNKNOWN).sum()) for one in came),
        unusable=sum(int((~_usable(one, at)).sum()) for one in weeks),
        by_week=tuple(_week(one, at) for one in weeks),
        figures={name: estimate(found[name]) for name in TOLD} if is_enough else {},
        strict={name: estimate(strictly[name]) for name in STRICT} if is_enough else {},
        base_rate=estimate(found["base_rate"]),
        why={code: int(number) for code, number in enumerate(np.bincount(reasons)) if code and number},
    )


def _week(week: WeekTold, at: int) -> WeekFigures:
    rows = judged_rows([week], at)
    found = figures_of(rows, np.ones((1, 1)))
    return WeekFigures(
        week.at, week.model, len(rows.labels), int(rows.labels.sum()),
        int((week.came[:, at] == Came.PREVENTED).sum()), int((week.came[:, at] == Came.UNKNOWN).sum()),
        float(rows.p.sum()), float(found["auroc"][0]),
    )  # fmt: skip


def _usable(week: WeekTold, at: int) -> NDArray[np.bool_]:
    return np.isfinite(week.scores[:, at]) & np.isfinite(week.p[:, at])


def _is_decided(came: Codes8, *, is_strict: bool) -> NDArray[np.bool_]:
    return np.asarray(decided(came) | (came == Came.PREVENTED)) if is_strict else decided(came)
