"""Sets of answers that hold the right one as often as asked, also when the world shifts.

For each class the rows that had it lately give a threshold; the level behind the threshold moves with the misses of
each finished week (adaptive conformal inference, Gibbs and Candès 2021, arXiv 2106.00170). A set with both answers
is an abstention. Coverage is asked for each class by itself: over all rows "no" alone would cover rare events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Labels = NDArray[np.bool_]
STEP = 0.5
"""The share of what a week missed, or held too often, that the level makes up for in the next one."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the sets came to.

    Args:
        nominal: the share of right answers asked for in each class.
        positives, negatives: the share of rows of each class whose set holds the right answer.
        abstained: the share of sets that hold both answers. empty: of those that hold none.
    """

    nominal: float
    positives: float
    negatives: float
    overall: float
    abstained: float
    empty: float


def rolling_coverage(
    weeks: Sequence[tuple[Numbers, Labels]], *, nominal: float, history: int = 8, warm_up: int = 8
) -> Coverage:
    """Go through the weeks in order; each week's thresholds come from the weeks before it.

    Args:
        weeks: probabilities and what came, a pair for each week.
        history: weeks that give the thresholds.
        warm_up: first weeks that are learned from and not counted.
    """
    misses = {True: 1 - nominal, False: 1 - nominal}
    counted: list[tuple[Labels, Labels, Labels]] = []
    for at in range(1, len(weeks)):
        before = weeks[max(0, at - history) : at]
        p, labels = weeks[at]
        has_yes = p >= _threshold(before, is_positive=True, miss=misses[True])
        has_no = (1 - p) >= _threshold(before, is_positive=False, miss=misses[False])
        for answer, held in ((True, has_yes), (False, has_no)):
            chosen = labels == answer
            if chosen.any():
                missed = 1 - float(held[chosen].mean())
                misses[answer] = float(np.clip(misses[answer] + STEP * ((1 - nominal) - missed), 0.0005, 0.5))
        if at >= warm_up:
            counted.append((labels, has_yes, has_no))
    return _coverage(counted, nominal)


def _threshold(weeks: Sequence[tuple[Numbers, Labels]], *, is_positive: bool, miss: float) -> float:
    """The score that all but a share of the class's rows reach; lets everything through while there are too few."""
    found = np.concatenate([p[labels] if is_positive else 1 - p[~labels] for p, labels in weeks])
    rank = int(np.floor(miss * (len(found) + 1)))
    return float(np.partition(found, rank - 1)[rank - 1]) if rank >= 1 else -np.inf


def _coverage(counted: Sequence[tuple[Labels, Labels, Labels]], nominal: float) -> Coverage:
    if not counted:
        nothing = float("nan")
        return Coverage(nominal, nothing, nothing, nothing, nothing, nothing)
    labels, has_yes, has_no = (np.concatenate(column) for column in zip(*counted, strict=True))
    right = np.where(labels, has_yes, has_no)
    return Coverage(
        nominal, _mean(has_yes[labels]), _mean(has_no[~labels]), _mean(right),
        _mean(has_yes & has_no), _mean(~has_yes & ~has_no),
    )  # fmt: skip


def _mean(flags: Labels) -> float:
    return float(flags.mean()) if len(flags) else float("nan")
