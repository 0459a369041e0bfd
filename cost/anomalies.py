"""Days whose cost is not what the weeks before let expect.

A day is compared with the same weekdays of the eight weeks before: their median, and how far they lie from it. It is
an anomaly when it is further away than `SCORE_MIN` of their usual distances and by more than a share of the median and
a least amount, so that a quiet series does not cry at cents. Days that were anomalies themselves are left out of later
comparisons, until a level has lasted for a week: then it is the new normal, and days before it are compared as if they
had been on it.

**Source**: median absolute deviation as a robust scale, 1.4826 for a normal distribution; Rousseeuw and Croux 1993.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

SCORE_MIN: Final = 4.0
SHARE_MIN: Final = 0.2
WEEKS: Final = 8
WEEKS_MIN: Final = 3
LASTING_DAYS: Final = 7
_SCALE: Final = 1.4826
_FLOOR: Final = 0.02


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A day that stands out.

    Args:
        day: its place in the series.
        score: distance from what was expected, in usual distances; below zero where the day cost less.
    """

    day: int
    actual: float
    expected: float
    score: float


def anomalies(daily: NDArray[np.float64], *, amount_min: float = 1.0) -> tuple[Anomaly, ...]:
    """Find the days of a series that stand out, in order.

    Args:
        amount_min: least difference that is worth a look, in the series' currency.

    Shapes:
        daily: float64 (N,), cost of consecutive days, oldest first.
    """
    found: list[Anomaly] = []
    known = daily.copy()
    is_odd = np.zeros(len(daily), dtype=np.bool_)
    for day in range(WEEKS_MIN * 7, len(daily)):
        places = np.arange(day - 7, max(-1, day - 7 * WEEKS - 1), -7)
        usual = places[~is_odd[places]]
        before = known[usual if len(usual) >= WEEKS_MIN else places]
        anomaly = _compared(day, float(daily[day]), before, amount_min=amount_min)
        if anomaly is None:
            continue
        found.append(anomaly)
        is_odd[day] = True
        since = day + 1 - LASTING_DAYS
        if is_odd[since : day + 1].all():
            _lift(known[:since], found[-LASTING_DAYS:])
            is_odd[since:] = False
    return tuple(found)


def _lift(former: NDArray[np.float64], week: list[Anomaly]) -> None:
    """Bring former days to the level of a week; days of nothing have no ratio to it and take its mean."""
    ratios = [each.actual / each.expected for each in week if each.expected]
    if ratios:
        former *= np.median(ratios)
    else:
        former[:] = np.mean([each.actual for each in week])


def _compared(day: int, actual: float, before: NDArray[np.float64], *, amount_min: float) -> Anomaly | None:
    expected = float(np.median(before))
    usual = _SCALE * float(np.median(np.abs(before - expected)))
    usual = max(usual, _FLOOR * abs(expected), amount_min / SCORE_MIN)
    score = (actual - expected) / usual
    off = abs(actual - expected)
    if abs(score) < SCORE_MIN or off < amount_min or off < SHARE_MIN * abs(expected):
        return None
    return Anomaly(day, actual, expected, score)
