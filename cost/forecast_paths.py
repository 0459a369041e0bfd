"""How else the next days of cost could go: whole paths, day by day, drawn from how forecasts of this series went wrong.

A path is the forecast times one plus an error for each day. Errors are those of whole horizons of the back-test, two of
them mixed, so that days that follow each other go wrong together as they did before. They are stretched, horizon by
horizon, until sums over each horizon spread as widely as its conformal interval says.

Numbers are drawn by a counter (Philox, keyed by seed and block of paths): a block is the same whoever draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cost.forecast import ORIGINS_MIN, Backtest, Forecast, Method, Projection, Series, backtest, forecast
from cost.forecast_interval import COVERAGE
from domain.errors import InputError

CALIBRATION_PATHS: Final = 4_000
STRETCH_MAX: Final = 20.0
_CALIBRATION: Final = (1 << 64) - 1
_STEPS: Final = 40


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is needed to draw paths of one series.

    Args:
        profile: the forecast, day by day (days,).
        errors: relative errors of the back-test without their mean (origins, days), stretched; zero beyond
            `certain_days`, and nowhere drawn where there are no origins.
        certain_days: days for which there is an interval; the spread beyond is not known.
        forecasts: by horizon, each by the method taken.
    """

    method: Method
    profile: Series
    errors: Series
    certain_days: int
    forecasts: tuple[Forecast, ...]

    def paths(self, generator: np.random.Generator, count: int) -> Series:
        """So many paths: float64 (count, days), nowhere below zero where the forecast is not."""
        drawn = self.profile * (1 + _mixed(self.errors, generator, count))
        return np.where(self.profile >= 0, np.maximum(drawn, 0.0), drawn)


def outlook(daily: Series, *, horizons: Sequence[int], coverage: float = COVERAGE) -> Outlook:
    """Look ahead over all horizons by one method: the one with the least error over those that can be tested.

    Raises:
        InputError: fewer than 28 days, or horizons that do not grow.
    """
    if not horizons or list(horizons) != sorted(set(horizons)):
        raise InputError("horizons must grow", got=", ".join(map(str, horizons)), expected="such as 30, 60, 90")
    made = [forecast(daily, horizon_days=days, coverage=coverage) for days in horizons]
    tested = [each.horizon_days for each in made if each.origins >= ORIGINS_MIN]
    tries = {days: backtest(daily, days) for days in horizons}
    method = _least_error([tries[days] for days in tested])
    longest = tries[tested[-1]] if tested else None
    profile = tries[horizons[-1]].made[method][-1]
    chosen = tuple(
        Forecast(each.horizon_days, each.origins, tries[each.horizon_days].projection(method), each.mean)
        for each in made
    )
    errors = np.zeros((1, len(profile)))
    if longest is not None:
        errors = _stretched(_errors(longest, method, len(profile)), profile, [each.best for each in chosen], tested)
    return Outlook(method, profile, errors, tested[-1] if tested else 0, chosen)


def block_generator(seed: int, block: int) -> np.random.Generator:
    """Random numbers of one block of paths, whoever draws them."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, block], dtype=np.uint64)))


def _least_error(tries: Sequence[Backtest]) -> Method:
    if not tries:
        return Method.MEAN_28
    lost = {method: sum(each.projection(method).error or 0.0 for each in tries) for method in Method}
    return min(Method, key=lambda method: lost[method])


def _errors(tried: Backtest, method: Method, days: int) -> Series:
    """What came over what was forecast, less one, day by day at each origin; its mean over origins is taken out."""
    made = tried.made[method][:-1]
    came = np.stack([tried.daily[origin : origin + tried.horizon_days] for origin in tried.origins])
    scale = np.maximum(np.abs(made), 1e-9 + 1e-3 * np.abs(made).mean(axis=1, keepdims=True))
    relative = (came - made) / scale
    errors = np.zeros((len(made), days))
    errors[:, : tried.horizon_days] = relative - relative.mean(axis=0, keepdims=True)
    return errors


def _mixed(errors: Series, generator: np.random.Generator, count: int) -> Series:
    """Two horizons of the past, turned into each other: as wide as one of them, and no two alike."""
    first, second = generator.integers(0, len(errors), (2, count))
    angle = generator.uniform(0.0, 2 * np.pi, count)[:, None]
    mixed: Series = errors[first] * np.cos(angle)
    mixed += errors[second] * np.sin(angle)
    return mixed


def _stretched(errors: Series, profile: Series, wanted: Sequence[Projection], horizons: Sequence[int]) -> Series:
    """Errors whose sums over each horizon spread as its interval: one stretch for the days that each horizon adds."""
    drawn = _mixed(errors, block_generator(0, _CALIBRATION), CALIBRATION_PATHS) * profile
    stretched = errors.copy()
    so_far = np.zeros(CALIBRATION_PATHS)
    start = 0
    for end, projection in zip(horizons, wanted, strict=False):
        assert projection.high is not None
        added = drawn[:, start:end].sum(axis=1)
        stretch = _stretch(so_far, added, projection.high - projection.total)
        stretched[:, start:end] *= stretch
        so_far += stretch * added
        start = end
    return stretched


def _stretch(so_far: Series, added: Series, width: float) -> float:
    """How much the added days' errors must be stretched for nine in ten sums to lie within the width."""
    low, high = 0.0, STRETCH_MAX
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if float(np.quantile(np.abs(so_far + middle * added), COVERAGE)) < width:
            low = middle
        else:
            high = middle
    return (low + high) / 2
