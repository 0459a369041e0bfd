"""What demand may become: paths projected from history, in classes that differ in how demand goes on.

History is split into a level, a weekly shape and what is left over. A path continues the level with a slope drawn
around the history's own (a median of slopes, which a few odd days do not bend, damped as it goes on), gives it the
weekly shape, and adds left-over stretches of a week drawn from history, so that what hangs together stays together.
Classes: `STEADY` keeps the level, `TREND` goes on as history did, `REPEAT` goes through last year's ups and downs again
(with a year of history), `FALL` loses a share of demand for good at some day. What the owner expects (a migration, a
shutdown) is a class of its own with its own weight.

Weights of the classes, and how deep a fall may be, are judgement and can be given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError

Floats = NDArray[np.float64]

HISTORY_MIN_DAYS: Final = 28
DAYS_MAX: Final = 1_100
PATHS_MAX: Final = 20_000
RECENT_DAYS: Final = 28
LEVEL_DAYS: Final = 14
YEAR_DAYS: Final = 364
DAMPING_DAYS: Final = 180.0
_WEEK: Final = 7

STEADY: Final = "steady"
TREND: Final = "trend"
REPEAT: Final = "repeat"
FALL: Final = "fall"
OWN_CLASSES: Final = frozenset({STEADY, TREND, REPEAT, FALL})
"""What is projected from history alone; every other class is what the owner expects."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How likely each class is taken to be, and the least and largest share that a fall takes."""

    steady: float = 0.2
    trend: float = 0.2
    repeat: float = 0.4
    fall: float = 0.2
    fall_low: float = 0.1
    fall_high: float = 0.5


@dataclass(frozen=True, slots=True)
class Expected:
    """A change that the owner expects: from `day` on, demand is multiplied by `factor`."""

    name: str
    day: int
    factor: float
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Scenarios:
    """Paths of future demand.

    Shapes:
        paths: float64 (n, days), demand per day at on-demand prices, 0 and above.
        classes: int8 (n,), index into `names`.
        weights: float64 (n,), adding up to 1.
    """

    paths: Floats
    classes: NDArray[np.int8]
    names: tuple[str, ...]
    weights: Floats

    def __len__(self) -> int:
        return len(self.paths)


def project(
    history: Floats,
    *,
    days: int,
    paths: int,
    random: np.random.Generator,
    weights: Weights | None = None,
    expected: Sequence[Expected] = (),
) -> Scenarios:
    """Project demand.

    Args:
        history: demand per day at on-demand prices, oldest first.
        paths: for each class.

    Raises:
        InputError: too little history, values below zero, or a bound is passed.
    """
    _require_sound(history, days=days, paths=paths, expected=expected)
    given = weights or Weights()
    shape = _Shape.of(history)
    still = np.zeros((paths, days))
    drift = shape.drift(days, random.normal(shape.slope, shape.slope_error, paths))
    parts = [
        (STEADY, given.steady, still),
        (TREND, given.trend, drift),
        *([(REPEAT, given.repeat, shape.year(days) + still)] if len(history) >= YEAR_DAYS else []),
        (FALL, given.fall, _fall(paths, days, given, random)),
        *((each.name, each.weight, _step(days, each) + still) for each in expected),
    ]
    made = [np.exp(logs) * shape.paths(paths, days, random) for _, _, logs in parts]
    whole = sum(weight for _, weight, _ in parts)
    return Scenarios(
        np.concatenate(made),
        np.repeat(np.arange(len(parts), dtype=np.int8), paths),
        tuple(name for name, _, _ in parts),
        np.repeat([weight / whole / paths for _, weight, _ in parts], paths),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
    """History taken apart; `slope` is of the logarithm of weekly means, per day."""

    level: float
    weekly: Floats
    slope: float
    slope_error: float
    left: Floats
    smooth: Floats
    days: int

    @classmethod
    def of(cls, history: Floats) -> _Shape:
        smooth = _smooth(history)
        ratio = np.divide(history, smooth, out=np.ones_like(history), where=smooth > 0)
        weekday = np.arange(len(history)) % _WEEK
        weekly = np.array([np.median(ratio[weekday == day]) for day in range(_WEEK)])
        weekly /= weekly.mean() or 1.0
        left = np.divide(ratio, weekly[weekday], out=np.ones_like(ratio), where=weekly[weekday] > 0)
        slope, error = slope_of(history)
        return cls(float(history[-LEVEL_DAYS:].mean()), weekly, slope, error, left, smooth, len(history))

    def drift(self, days: int, slopes: Floats) -> Floats:
        """Logarithm of the level: each path's slope, dying away."""
        reached = DAMPING_DAYS * (1 - np.exp(-np.arange(1, days + 1) / DAMPING_DAYS))
        drawn: Floats = np.clip(slopes[:, None] * reached[None, :], -3.0, 3.0)
        return drawn

    def year(self, days: int) -> Floats:
        """Logarithm of the level: last year's, from where its first weeks stood to where they stand now, and so on."""
        year = np.maximum(self.smooth[-YEAR_DAYS:], 1e-9 * max(self.level, 1e-9))
        gone: Floats = np.log(year / year[:LEVEL_DAYS].mean())
        turn = float(np.log(max(self.level, 1e-9) / year[:LEVEL_DAYS].mean()))
        place = np.arange(days)
        repeated: Floats = np.clip(gone[place % YEAR_DAYS] + turn * (place // YEAR_DAYS), -3.0, 3.0)
        return repeated

    def paths(self, count: int, days: int, random: np.random.Generator) -> Floats:
        """Paths at the present level: the weekly shape, and stretches of what is left over."""
        weeks = -(-days // _WEEK)
        starts = random.integers(0, len(self.left) - _WEEK + 1, (count, weeks))
        left = self.left[(starts[:, :, None] + np.arange(_WEEK)).reshape(count, -1)[:, :days]]
        weekly = self.weekly[(self.days + np.arange(days)) % _WEEK]
        made: Floats = self.level * weekly * left
        return made


def _smooth(history: Floats) -> Floats:
    """The mean of the week around each day, of what there is of it at the ends."""
    kernel = np.ones(_WEEK)
    counts = np.convolve(np.ones(len(history)), kernel, mode="same")
    smooth: Floats = np.convolve(history, kernel, mode="same") / counts
    return smooth


def slope_of(recent: Floats) -> tuple[float, float]:
    """The median slope of the logarithm of weekly means, per day, and its error; nothing where weeks are empty."""
    weeks = recent[len(recent) % _WEEK :].reshape(-1, _WEEK).mean(axis=1)
    if len(weeks) < 4 or (weeks <= 0).any():
        return 0.0, 0.0
    logs = np.log(weeks)
    left, right = np.triu_indices(len(logs), k=1)
    slopes = (logs[right] - logs[left]) / ((right - left) * _WEEK)
    slope = float(np.median(slopes))
    days = np.arange(len(logs)) * _WEEK
    off = logs - np.median(logs) - slope * (days - days.mean())
    spread = 1.4826 * float(np.median(np.abs(off - np.median(off))))
    error = spread * _memory(off) / float(np.sqrt(((days - days.mean()) ** 2).sum()))
    believed = slope * slope / (slope * slope + error * error) if slope else 0.0
    return slope * believed, error


def _memory(off: Floats) -> float:
    """How much larger the error is since neighbouring weeks are alike."""
    whole = float((off * off).sum())
    alike = min(max(float((off[1:] * off[:-1]).sum()) / whole, 0.0), 0.95) if whole else 0.0
    return float(np.sqrt((1 + alike) / (1 - alike)))


def _fall(paths: int, days: int, weights: Weights, random: np.random.Generator) -> Floats:
    at = random.integers(0, days, paths)
    kept = 1 - random.uniform(weights.fall_low, weights.fall_high, paths)
    fallen: Floats = np.where(np.arange(days)[None, :] >= at[:, None], np.log(kept)[:, None], 0.0)
    return fallen


def _step(days: int, expected: Expected) -> Floats:
    factor = np.log(max(expected.factor, 1e-12))
    stepped: Floats = np.where(np.arange(days) >= expected.day, factor, 0.0)[None, :]
    return stepped


def _require_sound(history: Floats, *, days: int, paths: int, expected: Sequence[Expected]) -> None:
    if len(history) < HISTORY_MIN_DAYS:
        todo = "Import more billing periods"
        raise InputError(
            "too few days of demand", got=len(history), expected=f"at least {HISTORY_MIN_DAYS} days", todo=todo
        )
    if not np.isfinite(history).all() or (history < 0).any():
        raise InputError("demand is not a series of amounts of 0 and above", todo="Leave corrections and credits out")
    if not 1 <= days <= DAYS_MAX or not 1 <= paths <= PATHS_MAX:
        raise InputError("the projection is out of bounds", days_max=DAYS_MAX, paths_max=PATHS_MAX, todo="Ask for less")
    for each in expected:
        if each.factor < 0 or each.weight <= 0 or each.day < 0 or not np.isfinite([each.factor, each.weight]).all():
            raise InputError(
                "an expected change is not valid",
                where=each.name,
                expected="a day and a factor of 0 and above, and a weight above 0",
                todo="Correct it",
            )
