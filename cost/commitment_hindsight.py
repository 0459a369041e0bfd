"""What would have been best to buy in the past: the level that history itself speaks for.

On every second week of history a commitment is bought at a share of the four weeks before, and judged by all days that
came after. The share that would have cost least over all these purchases, times the last four weeks, is the level in
hindsight. It knows nothing of what may happen for the first time, so it does not choose; but where demand grew beyond
doubt, a level below it is caution against a past that never was.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cost.commitment_scenarios import RECENT_DAYS, Floats, slope_of

HISTORY_MIN_DAYS: Final = 90
EVERY_DAYS: Final = 14
CERTAIN: Final = 2.0
"""How many errors the slope of a demand that grows beyond doubt is above zero."""
SHARES: Final = np.arange(0.4, 1.61, 0.02)


def grew(history: Floats) -> bool:
    """Whether demand grew beyond doubt."""
    slope, error = slope_of(history)
    return len(history) >= HISTORY_MIN_DAYS and slope > CERTAIN * error


def level_in_hindsight(history: Floats, rate: float) -> float:
    """The level that history speaks for.

    Args:
        history: demand per day, at least `HISTORY_MIN_DAYS`. rate: price as a share of the on-demand price.
    """
    costs = np.zeros(len(SHARES))
    for day in range(RECENT_DAYS, len(history) - RECENT_DAYS + 1, EVERY_DAYS):
        after, levels = history[day:], SHARES * history[day - RECENT_DAYS : day].mean()
        costs += np.maximum(after[None, :] - levels[:, None], 0).sum(axis=1) + rate * len(after) * levels
    return float(SHARES[costs.argmin()] * history[-RECENT_DAYS:].mean())
