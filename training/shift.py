"""Whether what comes in, and what comes of it, is still what a model learned from.

Features are counted into fixed bins, the same for every model, so that a day's counts are small enough to keep and can
be compared with any reference later. The population stability index compares two such counts; how large it would be by
chance alone, for as many rows, stands beside it, because with few resources it is never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.metrics import Estimate, Numbers, draws, estimate

Counts = NDArray[np.int64]
EDGES: Final = np.array(
    [-1e-9, 1e-9, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0]
)
"""Between bins: below zero, zero itself, then finer near zero. Features are rates and logarithms of counts."""
BINS: Final = len(EDGES) + 2
"""The last bin holds what is not a number."""
ROWS_MIN: Final = 100
"""Rows on either side below which a shift is not spoken of."""
MODERATE: Final = 0.1
LARGE: Final = 0.25
HALF: Final = 0.5
RARE: Final = 4.0
"""Standard deviations above its mean up to which chance is taken to explain an index, which is then like chi-square."""


class Level(StrEnum):
    """How far apart two distributions are, by custom of the index, and never where chance alone may give as much."""

    STABLE = "stable"
    MODERATE = "moderate"
    LARGE = "large"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Shift:
    """One feature's shift.

    Args:
        psi: population stability index.
        by_chance: what it would be on average for two samples of these sizes from one distribution.
        zero_before, zero_now: the share of rows in which it is zero, which for counts is where most shifts show.
    """

    feature: str
    psi: float
    by_chance: float
    zero_before: float
    zero_now: float
    level: Level


def counted(values: NDArray[np.floating]) -> Counts:
    """How many rows are in each bin.

    Shapes:
        values: float (n, k). Returns int64 (k, BINS).
    """
    rows, columns = values.shape
    if not rows or not columns:
        return np.zeros((columns, BINS), np.int64)
    wide = values.astype(np.float64)
    places = np.searchsorted(EDGES, wide, side="left")
    places[np.isnan(wide)] = BINS - 1
    flat = places + np.arange(columns) * BINS
    return np.bincount(flat.ravel(), minlength=columns * BINS).reshape(columns, BINS).astype(np.int64)


def psi(before: Counts, now: Counts) -> Numbers:
    """The population stability index of each row of counts; bins that are empty on one side count as half a row."""
    used = (before + now) > 0
    one = np.where(used, before + HALF, 0.0)
    other = np.where(used, now + HALF, 0.0)
    one /= np.maximum(one.sum(axis=1, keepdims=True), HALF)
    other /= np.maximum(other.sum(axis=1, keepdims=True), HALF)
    ratio = np.log(np.where(used, other, 1.0) / np.where(used, one, 1.0))
    return np.asarray(((other - one) * ratio).sum(axis=1), np.float64)


def shifts(names: Sequence[str], before: Counts, now: Counts) -> tuple[Shift, ...]:
    """Every feature's shift, largest first; equal ones by name."""
    index, size = psi(before, now), (before.sum(axis=1), now.sum(axis=1))
    free = np.maximum(((before + now) > 0).sum(axis=1) - 1, 0)
    each = 1 / np.maximum(size[0], 1) + 1 / np.maximum(size[1], 1)
    chance, rare = free * each, (free + RARE * np.sqrt(2 * free)) * each
    found = [
        Shift(
            name, float(index[at]), float(chance[at]), _share(before[at]), _share(now[at]),
            _level(float(index[at]), float(rare[at]), rows=int(min(size[0][at], size[1][at]))),
        )
        for at, name in enumerate(names)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (-one.psi, one.feature)))


def shifted_share(found: Sequence[Shift]) -> float | None:
    """How many of the features have shifted much, of those of which enough rows are known; None of none."""
    told = [one.level for one in found if one.level is not Level.INSUFFICIENT]
    return sum(one is Level.LARGE for one in told) / len(told) if told else None


@dataclass(frozen=True, slots=True)
class RateChange:
    """How often something comes true now, against before.

    Args:
        before: NaN where it is not known.
        has_changed: the former rate is outside the interval; None where nothing can be said.
    """

    before: float
    now: Estimate
    has_changed: bool | None


def rate_change(
    before: float, labels: NDArray[np.bool_], weeks: NDArray[np.integer], *, seed: int = 1, count: int = 400
) -> RateChange:
    """Compare a former rate with that of ended weeks.

    Args:
        weeks: of each row, in [0, number of weeks); a single week gives no interval.
    """
    size = int(weeks.max(initial=-1)) + 1
    drawn = draws(max(size, 1), count=count, seed=seed)
    rows = drawn @ np.bincount(weeks, minlength=drawn.shape[1])
    hits = drawn @ np.bincount(weeks, labels, drawn.shape[1])
    now = estimate(np.where(rows > 0, hits / np.where(rows > 0, rows, 1.0), np.nan))
    is_open = size < 2 or np.isnan(before) or np.isnan(now.low)
    return RateChange(before, now, None if is_open else not now.low <= before <= now.high)


def _share(counts: Counts) -> float:
    total = int(counts.sum())
    return float(counts[1]) / total if total else float("nan")


def _level(index: float, rare: float, *, rows: int) -> Level:
    if rows < ROWS_MIN:
        return Level.INSUFFICIENT
    if index < MODERATE or index < rare:
        return Level.STABLE
    return Level.LARGE if index >= LARGE else Level.MODERATE
