"""What a series of daily cost will come to over the next days, as a sum with an interval.

Each method of `cost.forecast_methods` is judged by rolling the origin back through the series, and the one with the
smallest error of the sum is taken; the 28-day mean is always shown beside it, because it is hard to beat.

The interval is conformal (`cost.forecast_interval`): made of the errors of sums over the same horizon in the back-test.
Without enough origins there is no interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cost.forecast_interval import COVERAGE, half_width
from cost.forecast_methods import MEAN_DAYS, METHODS, WEEK, WEEKS, Method, Series
from domain.errors import InputError

HORIZON_MAX: Final = 365
ORIGINS_MAX: Final = 100
ORIGINS_MIN: Final = 8
STEP_DAYS: Final = 7

__all__ = [
    "COVERAGE",
    "HORIZON_MAX",
    "MEAN_DAYS",
    "ORIGINS_MIN",
    "Backtest",
    "Forecast",
    "Method",
    "Projection",
    "Series",
    "backtest",
    "days_needed",
    "forecast",
]


@dataclass(frozen=True, slots=True)
class Projection:
    """The sum over a horizon by one method.

    Args:
        error: median of |forecast - sum| / sum over the back-test; None without one.
        low, high: the interval; None without enough origins.
    """

    method: Method
    total: float
    error: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """A series' next days: the method that did best, and the mean of 28 days beside it."""

    horizon_days: int
    origins: int
    best: Projection
    mean: Projection


@dataclass(frozen=True, slots=True)
class Backtest:
    """What each method said at each origin, and what came.

    Args:
        origins: the newest first, a week apart; each has enough days before it and the horizon after it.
        made: by method: what was forecast day by day at each origin, (origins + 1, days); the last row is for now.
    """

    daily: Series
    horizon_days: int
    origins: tuple[int, ...]
    made: Mapping[Method, Series]

    @property
    def sums(self) -> Series:
        """What came, summed over the horizon."""
        whole = np.concatenate([[0.0], np.cumsum(self.daily)])
        places = np.asarray(self.origins, dtype=np.int64)
        sums: Series = whole[places + self.horizon_days] - whole[places]
        return sums

    def projection(self, method: Method, *, coverage: float = COVERAGE) -> Projection:
        """The sum over the horizon by one method."""
        totals = self.made[method].sum(axis=1)
        total, made = float(totals[-1]), totals[:-1]
        if len(self.origins) < ORIGINS_MIN:
            return Projection(method, total, None, None, None)
        sums = self.sums
        relative = np.abs(made - sums) / np.maximum(np.abs(sums), 1e-9)
        scores = np.abs(sums - made) / np.maximum(np.abs(made), 1e-9)
        share = half_width(scores, horizon_days=self.horizon_days, step_days=STEP_DAYS, coverage=coverage)
        width = share * abs(total)
        return Projection(method, total, float(np.median(relative)), total - width, total + width)


def forecast(daily: Series, *, horizon_days: int, coverage: float = COVERAGE) -> Forecast:
    """Forecast the sum of the next days.

    Shapes:
        daily: float64 (N,), cost of consecutive days, oldest first; the last one whole.

    Raises:
        InputError: fewer than 28 days, or a horizon out of bounds.
    """
    tried = backtest(daily, horizon_days)
    projections = {method: tried.projection(method, coverage=coverage) for method in Method}
    ranked = sorted(Method, key=lambda method: (_rank(projections[method]), list(Method).index(method)))
    return Forecast(horizon_days, len(tried.origins), projections[ranked[0]], projections[Method.MEAN_28])


def backtest(daily: Series, horizon_days: int) -> Backtest:
    """Try every method at every origin.

    Raises:
        InputError: fewer than 28 days, or a horizon out of bounds.
    """
    if not 1 <= horizon_days <= HORIZON_MAX:
        raise InputError("the horizon is out of bounds", got=horizon_days, expected=f"1 to {HORIZON_MAX} days")
    if len(daily) < MEAN_DAYS:
        raise InputError(
            "the series is too short for a forecast",
            got=f"{len(daily)} days",
            expected=f"at least {MEAN_DAYS}",
            todo="Import more days of billing",
        )
    origins = _origins(len(daily), horizon_days)
    every = (*origins, len(daily))
    return Backtest(
        daily, horizon_days, origins, {m: ahead(daily, every, horizon_days) for m, ahead in METHODS.items()}
    )


def days_needed(horizon_days: int) -> int:
    """How many days a series must have for an interval over a horizon."""
    return horizon_days + WEEK * WEEKS + STEP_DAYS * (ORIGINS_MIN - 1)


def _rank(projection: Projection) -> float:
    if projection.error is None:
        return 0.0 if projection.method is Method.MEAN_28 else math.inf
    return projection.error


def _origins(days: int, horizon_days: int) -> tuple[int, ...]:
    """Where the back-test stands: a week apart, the newest first, each with enough days before and a horizon after."""
    return tuple(range(days - horizon_days, WEEK * WEEKS - 1, -STEP_DAYS))[:ORIGINS_MAX]
