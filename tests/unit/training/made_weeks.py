"""Ended weeks with a known truth (synthetic): scores that see so much of it, and outcomes that are drawn by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from training.logistic import sigmoid
from training.outcomes import Came
from training.quality import WeekTold
from training.task import NODE_TASKS

FIRST = datetime(2026, 1, 5, tzinfo=UTC)


def drawn_weeks(
    count: int = 8, *, rows: int = 200, skill: float = 2.0, base: float = -2.0, seed: int = 1, model: str = "a"
) -> list[WeekTold]:
    """Weeks whose truth depends on the seed alone, told by a model that sees so much of it."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(count):
        truth = draw.normal(size=(rows, len(NODE_TASKS)))
        noise = draw.normal(size=truth.shape)
        came = (draw.random(truth.shape) < sigmoid(base + 2 * truth)).astype(np.uint8)
        scores = base + skill * truth + noise
        found.append(
            WeekTold(FIRST + timedelta(weeks=number), model, scores, sigmoid(scores), came, np.zeros_like(came))
        )
    return found


def with_outcome(week: WeekTold, rows: Sequence[int], came: Came, why: int = 0) -> WeekTold:
    """The week with some rows' outcome replaced."""
    codes, reasons = week.came.copy(), week.why.copy()
    codes[list(rows)], reasons[list(rows)] = came, why
    return WeekTold(week.at, week.model, week.scores, week.p, codes, reasons)
