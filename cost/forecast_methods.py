"""Ways to forecast daily cost, each for many origins of one series at once: what the next days will be, day by day.

Three are always there: the mean of the last 28 days, the mean of each weekday over the last eight weeks, and Theta (the
flat level of exponential smoothing, with half the slope of the line through the last half year, by weekday).

**Source**: the Theta method, Assimakopoulos and Nikolopoulos 2000, in the form of Hyndman and Billah 2003.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

MEAN_DAYS: Final = 28
WEEK: Final = 7
WEEKS: Final = 8
_LINE_DAYS: Final = 182
_ALPHAS: Final = np.array([0.05, 0.1, 0.2, 0.4])

Series = NDArray[np.float64]
Ahead = Callable[[Series, Sequence[int], int], Series]
"""Forecasts a series at each of some origins (places that are not known yet) for so many days: (origins, days)."""


class Method(StrEnum):
    """Ways to forecast."""

    MEAN_28 = "mean of 28 days"
    WEEKDAYS = "mean by weekday"
    THETA = "theta"


def mean_28(daily: Series, origins: Sequence[int], days: int) -> Series:
    """The mean of the last 28 days."""
    sums = np.concatenate([[0.0], np.cumsum(daily)])
    places = np.asarray(origins)
    means = (sums[places] - sums[places - MEAN_DAYS]) / MEAN_DAYS
    return np.repeat(means[:, None], days, axis=1)


def weekdays(daily: Series, origins: Sequence[int], days: int) -> Series:
    """The mean of each weekday."""
    means = np.stack([_weekday_means(daily[:origin]) for origin in origins])
    return _tiled(means, days)


def theta(daily: Series, origins: Sequence[int], days: int) -> Series:
    """Theta by weekday."""
    level, alpha, slope, lengths, pattern = _levels(daily, origins)
    ahead = np.arange(days)[None, :] + ((1 - (1 - alpha) ** lengths) / alpha)[:, None]
    lines: Series = level[:, None] + slope[:, None] / 2 * ahead + _tiled(pattern, days)
    return lines


METHODS: Final[Mapping[Method, Ahead]] = {
    Method.MEAN_28: mean_28,
    Method.WEEKDAYS: weekdays,
    Method.THETA: theta,
}


def _levels(daily: Series, origins: Sequence[int]) -> tuple[Series, Series, Series, NDArray[np.int64], Series]:
    """At each origin: level, smoothing, slope, days that were looked at, and what weekdays differ from the level."""
    means = np.stack([_weekday_means(daily[:origin]) for origin in origins])
    pattern = means - means.mean(axis=1, keepdims=True)
    lengths = np.minimum(np.asarray(origins), _LINE_DAYS)
    width = int(lengths.max())
    recent = np.zeros((len(origins), width))
    for row, (origin, length) in enumerate(zip(origins, lengths.tolist(), strict=True)):
        recent[row, width - length :] = daily[origin - length : origin]
    values = recent - np.resize(pattern[:, ::-1].T, (width, len(origins)))[::-1].T
    level, alpha = _smoothed(values, width - lengths)
    return level, alpha, _slopes(values, width - lengths), lengths, pattern


def _weekday_means(daily: Series) -> Series:
    """The mean of each of the seven days that follow, by the same days of the last weeks."""
    weeks = min(WEEKS, len(daily) // WEEK)
    means: Series = daily[-weeks * WEEK :].reshape(weeks, WEEK).mean(axis=0)
    return means


def _tiled(week: Series, days: int) -> Series:
    return np.tile(week, (1, -(-days // WEEK)))[:, :days]


def _smoothed(values: Series, starts: NDArray[np.int64]) -> tuple[Series, Series]:
    """The last level of exponential smoothing of each row, and the smoothing that forecast its next days best."""
    rows = np.arange(len(values))
    first = np.minimum(starts[:, None] + np.arange(WEEK), values.shape[1] - 1)
    level = np.repeat(values[rows[:, None], first].mean(axis=1, keepdims=True), len(_ALPHAS), axis=1)
    lost = np.zeros_like(level)
    for day in range(values.shape[1]):
        off = np.where((day >= starts)[:, None], values[:, day : day + 1] - level, 0.0)
        lost += off**2
        level += _ALPHAS * off
    best = lost.argmin(axis=1)
    return level[rows, best], _ALPHAS[best]


def _slopes(values: Series, starts: NDArray[np.int64]) -> Series:
    """The slope of the line through each row, by least squares."""
    days = np.arange(values.shape[1])[None, :]
    is_there = days >= starts[:, None]
    counts = is_there.sum(axis=1, keepdims=True)
    centred = np.where(is_there, days - (starts[:, None] + (counts - 1) / 2), 0.0)
    slopes: Series = (centred * values).sum(axis=1) / (centred**2).sum(axis=1)
    return slopes
