"""Losses as distributions: how often in a year, how much each time, and what a year comes to.

A range is two numbers between which somebody expects nine of ten outcomes. It is read as log-normal, because losses are
never below zero and have a long upper end; a range that reaches zero, or of equal ends, is read as its ends say. Events
come by themselves (Poisson), and a year's loss is the sum of as many draws. Sampling is vectorised and comes from the
generator that is passed in, so a seed gives the same figures.

The split into frequency and magnitude follows FAIR (Open FAIR, The Open Group Standard C20A/C20B, 2021); what they are
made of is the caller's. Amounts are floats: estimates, not bookings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError

Floats = NDArray[np.float64]

YEARS_DEFAULT: Final = 20_000
YEARS_MAX: Final = 1_000_000
EVENTS_MAX: Final = 20_000_000
RATE_MAX: Final = 10_000.0
_Z90: Final = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Range:
    """Nine of ten outcomes lie between `low` and `high`."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and 0 <= self.low <= self.high):
            raise InputError(
                "the range is not one of 0 and above",
                got=f"{self.low} to {self.high}",
                expected="low at most high, both 0 and above",
                todo="Give low and high",
            )

    @property
    def mean(self) -> float:
        """The mean of the distribution that it is read as."""
        if self.low in {0.0, self.high}:
            return (self.low + self.high) / 2
        place, spread = self._logs()
        return float(np.exp(place + spread * spread / 2))

    def draw(self, size: int, random: np.random.Generator) -> Floats:
        """Outcomes: log-normal; even between its ends where it begins at zero."""
        if self.low == self.high:
            return np.full(size, self.low)
        if self.low == 0:
            return random.uniform(0, self.high, size)
        place, spread = self._logs()
        drawn: Floats = random.lognormal(place, spread, size)
        return drawn

    def scaled(self, factor: float) -> Range:
        """The range of so many times as much."""
        return Range(self.low * factor, self.high * factor)

    def _logs(self) -> tuple[float, float]:
        low, high = np.log(self.low), np.log(self.high)
        return float((low + high) / 2), float((high - low) / (2 * _Z90))


class Magnitude(Protocol):
    """What one event costs."""

    @property
    def mean(self) -> float: ...
    def draw(self, size: int, random: np.random.Generator) -> Floats:
        """So many events."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean, and the interval that holds nine of ten outcomes."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, outcomes: Floats) -> Figure:
        """What outcomes come to; nothing where there are none."""
        if not len(outcomes):
            return cls(0.0, 0.0, 0.0)
        low, high = np.quantile(outcomes, (0.05, 0.95))
        return cls(float(outcomes.mean()), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Threat:
    """Something that may happen several times a year.

    Args:
        yearly: how often, itself uncertain. magnitude: what each time costs. share_before, share_after: which part of
            the events comes through, before and after what is judged is mended (vulnerability, in FAIR's words).
    """

    name: str
    yearly: Range
    magnitude: Magnitude
    share_before: float = 1.0
    share_after: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.share_after <= self.share_before <= 1:
            raise InputError(
                "mending must not make it worse",
                where=self.name,
                got=f"{self.share_before} before, {self.share_after} after",
                expected="0 to 1, after at most before",
                todo="Correct the shares",
            )
        if self.yearly.high > RATE_MAX:
            raise InputError("the threat is too frequent", where=self.name, got=self.yearly.high, expected=RATE_MAX)


@dataclass(frozen=True, slots=True, eq=False)
class Years:
    """Losses of simulated years, before and after; each year's events are the same in both."""

    before: Floats
    after: Floats

    @property
    def reduction(self) -> Figure:
        """What mending takes off a year's loss."""
        return Figure.of(self.before - self.after)


def simulate(threats: Sequence[Threat], *, years: int, random: np.random.Generator) -> Years:
    """Simulate years of losses.

    An event that comes through after mending would have come through before, so a year is never worse for it. A seed
    brings the same events whatever they cost, so two prices of the same threats can be compared and added.

    Raises:
        InputError: more years or events than the bound.
    """
    if not 1 <= years <= YEARS_MAX:
        raise InputError("the number of years is out of bounds", got=years, expected=f"1 to {YEARS_MAX:,}")
    expected = sum(threat.yearly.mean for threat in threats) * years
    if expected > EVENTS_MAX:
        todo = "Ask for fewer years"
        raise InputError("too many events to simulate", got=int(expected), expected=f"{EVENTS_MAX:,}", todo=todo)
    before, after = np.zeros(years), np.zeros(years)
    for threat, own in zip(threats, random.spawn(len(threats)), strict=True):
        often, much, strong = own.spawn(3)
        counts = often.poisson(np.minimum(threat.yearly.draw(years, often), RATE_MAX))
        year = np.repeat(np.arange(years), counts)
        losses = threat.magnitude.draw(len(year), much)
        strength = strong.uniform(size=len(year))
        before += _by_year(year, losses, strength < threat.share_before, years)
        after += _by_year(year, losses, strength < threat.share_after, years)
    return Years(before, after)


def _by_year(year: NDArray[np.int64], losses: Floats, through: NDArray[np.bool_], years: int) -> Floats:
    return np.bincount(year[through], losses[through], minlength=years).astype(np.float64)
