"""What a series of daily cost will come to over the next days, as a sum with an interval.

Three methods are tried on every series: the mean of the last 28 days, the mean of each weekday over the last eight
weeks, and Theta (the flat level of exponential smoothing, with half the slope of the line through the last half year,
by weekday). Each is judged by rolling the origin back through the series, and the one with the smallest error of the
sum is taken; the 28-day mean is always shown beside it, because it is hard to beat.

The interval is conformal: the errors of sums over the same horizon in the back-test, so that it holds as often as it
says on series that go on as they were. Without enough origins there is no interval.

**Source**: the Theta method, Assimakopoulos and Nikolopoulos 2000, in the form of Hyndman and Billah 2003; split
conformal prediction, Vovk et al. 2005.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError

MEAN_DAYS: Final = 28
HORIZON_MAX: Final = 365
ORIGINS_MAX: Final = 100
ORIGINS_MIN: Final = 8
STEP_DAYS: Final = 7
COVERAGE: Final = 0.9
_WEEK: Final = 7
_WEEKS: Final = 8
_LINE_DAYS: Final = 182
_ALPHAS: Final = (0.05, 0.1, 0.2, 0.4)

Series = NDArray[np.float64]


class Method(StrEnum):
    """Ways to forecast."""

    MEAN_28 = "mean of 28 days"
    WEEKDAYS = "mean by weekday"
    THETA = "theta"


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


def forecast(daily: Series, *, horizon_days: int, coverage: float = COVERAGE) -> Forecast:
    """Forecast the sum of the next days.

    Shapes:
        daily: float64 (N,), cost of consecutive days, oldest first; the last one whole.

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
    sums = np.array([daily[o : o + horizon_days].sum() for o in origins])
    projections = {
        method: _projection(method, daily, horizon_days, origins, sums, coverage=coverage) for method in Method
    }
    ranked = sorted(Method, key=lambda method: (_rank(projections[method]), list(Method).index(method)))
    return Forecast(horizon_days, len(origins), projections[ranked[0]], projections[Method.MEAN_28])


def _rank(projection: Projection) -> float:
    if projection.error is None:
        return 0.0 if projection.method is Method.MEAN_28 else math.inf
    return projection.error


def _origins(days: int, horizon_days: int) -> list[int]:
    """Where the back-test stands: a week apart, the newest first, each with enough days before and a horizon after."""
    last = days - horizon_days
    first = max(MEAN_DAYS, _WEEK * _WEEKS)
    return list(range(last, first - 1, -STEP_DAYS))[:ORIGINS_MAX]


def _projection(
    method: Method, daily: Series, horizon_days: int, origins: list[int], sums: Series, *, coverage: float
) -> Projection:
    ahead = _METHODS[method]
    total = float(ahead(daily, horizon_days))
    if len(origins) < ORIGINS_MIN:
        return Projection(method, total, None, None, None)
    made = np.array([ahead(daily[:o], horizon_days) for o in origins])
    scale = np.maximum(np.abs(made), 1e-9)
    relative = np.abs(made - sums) / np.maximum(np.abs(sums), 1e-9)
    width = _quantile(np.abs(sums - made) / scale, coverage) * abs(total)
    return Projection(method, total, float(np.median(relative)), total - width, total + width)


def _quantile(scores: Series, coverage: float) -> float:
    """The conformal quantile: the ceil((n + 1) x coverage)-th smallest score, the largest where that is beyond them."""
    rank = math.ceil((len(scores) + 1) * coverage)
    return float(np.sort(scores)[min(rank, len(scores)) - 1])


def _mean(daily: Series, horizon_days: int) -> float:
    return float(daily[-MEAN_DAYS:].mean() * horizon_days)


def _weekday_means(daily: Series) -> Series:
    """The mean of each of the seven days that follow, by the same days of the last weeks."""
    weeks = min(_WEEKS, len(daily) // _WEEK)
    means: Series = daily[-weeks * _WEEK :].reshape(weeks, _WEEK).mean(axis=0)
    return means


def _weekdays(daily: Series, horizon_days: int) -> float:
    means = _weekday_means(daily)
    return float(np.resize(means, horizon_days).sum())


def _theta(daily: Series, horizon_days: int) -> float:
    recent = daily[-_LINE_DAYS:]
    means = _weekday_means(daily)
    pattern = means - means.mean()
    back = np.resize(pattern[::-1], len(recent))[::-1]
    level_of = recent - back
    slope = float(np.polyfit(np.arange(len(level_of)), level_of, 1)[0])
    level, alpha = _smoothed(level_of)
    drift = slope / 2 * (np.arange(horizon_days) + (1 - (1 - alpha) ** len(level_of)) / alpha)
    return float(level * horizon_days + drift.sum() + np.resize(pattern, horizon_days).sum())


def _smoothed(values: Series) -> tuple[float, float]:
    """The last level of exponential smoothing, with the smoothing that forecast the next day best."""
    best = (math.inf, 0.0, _ALPHAS[0])
    for alpha in _ALPHAS:
        level, lost = float(values[:_WEEK].mean()), 0.0
        for value in values.tolist():
            lost += (value - level) ** 2
            level += alpha * (value - level)
        best = min(best, (lost, level, alpha))
    return best[1], best[2]


_METHODS: Final[Mapping[Method, Callable[[Series, int], float]]] = {
    Method.MEAN_28: _mean,
    Method.WEEKDAYS: _weekdays,
    Method.THETA: _theta,
}
