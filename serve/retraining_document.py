"""One retraining as JSON: what the report shows, and what a program reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.clock import format_instant
from domain.value import Json
from serve.prediction_watch import INSUFFICIENT, estimate_row, number, rate_row, shift_row
from training.promotion import COMPARED, LOWER_IS_BETTER, TaskComparison
from training.quality import POSITIVES_MIN, WEEKS, TaskQuality
from training.retraining import Retraining
from training.task import NODE_TASKS, Task

FORM: Final = "policycortex.retraining/1"
SHIFTS_SHOWN: Final = 12
Row = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Run:
    """What a retraining was run with.

    Args:
        candidate: empty where none was made.
    """

    as_of: datetime
    tenants: Sequence[str]
    serving: str
    candidate: str
    candidate_sha256: str = ""


def retraining_document(found: Retraining, run: Run) -> Row:
    """Everything that a person or a program asks about it."""
    comparison = found.comparison
    return {
        "schema": FORM, "as_of": format_instant(run.as_of), "tenants": list[Json](run.tenants),
        "serving": run.serving, "candidate": run.candidate, "candidate_sha256": run.candidate_sha256,
        "decision": {"action": found.decision.action.value, "reason": found.decision.reason},
        "watched": {"action": found.watched.action.value, "reason": found.watched.reason},
        "weeks_learned": _times(found.learned), "weeks_judged": _times(found.judged),
        "weeks_wanted": WEEKS, "positives_min": POSITIVES_MIN,
        "overall": estimate_row(comparison.overall),
        "tasks": {task.value: _task(found, task) for task in NODE_TASKS},
        "features": {
            "reference_at": None if found.features_before is None else format_instant(found.features_before),
            "shifted": [shift_row(one) for one in found.shifted[:SHIFTS_SHOWN]],
        },
    }  # fmt: skip


def _task(found: Retraining, task: Task) -> Row:
    theirs = found.theirs[task]
    compared = found.comparison.tasks.get(task)
    return {
        "rows": theirs.rows, "positives": theirs.positives, "prevented": theirs.prevented, "unknown": theirs.unknown,
        "base_rate": rate_row(found.rates[task]),
        "metrics": INSUFFICIENT if compared is None else _metrics(compared),
        "by_week": _by_week(theirs, found.ours[task]),
    }  # fmt: skip


def _metrics(compared: TaskComparison) -> Row:
    return {
        name: {
            "serving": estimate_row(compared.theirs[name]), "candidate": estimate_row(compared.ours[name]),
            "difference": estimate_row(compared.above[name]), "lower_is_better": name in LOWER_IS_BETTER,
        }
        for name in COMPARED
    }  # fmt: skip


def _by_week(theirs: TaskQuality, ours: TaskQuality) -> list[Json]:
    own: Mapping[datetime, float] = {one.at: one.auroc for one in ours.by_week}
    return [
        {
            "at": format_instant(one.at), "rows": one.rows, "positives": one.positives,
            "serving": number(one.auroc), "candidate": number(own.get(one.at, float("nan"))),
        }
        for one in theirs.by_week
    ]  # fmt: skip


def _times(found: Sequence[datetime]) -> list[Json]:
    return [format_instant(one) for one in found]
