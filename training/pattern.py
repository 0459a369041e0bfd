"""Recurring sequences in the findings' history: what comes back at a fixed rhythm, and what follows on what.

Every candidate is a test against chance, and the share of false ones among those told is kept below a level
(Benjamini and Hochberg 1995). Openings at one instant in one place count once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

PERIODS_DAYS = (7.0, 14.0, 30.4375, 91.3125)
TIMES_MIN = 5
SUPPORT_MIN = 5
LAG_DAYS_MAX = 7.0
FALSE_SHARE_MAX = 0.05
GAP_TOLERANCE = 0.15
WORTH_SAYING = 0.25
"""Least probability of what is told to be expected."""


class PatternKind(StrEnum):
    """What recurs."""

    RHYTHM = "rhythm"
    SEQUENCE = "sequence"


class Opening(NamedTuple):
    """Something that began: when (in days, any zero), where, and what: a check, or the name of a kind of event."""

    at_days: float
    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A recurrence that chance does not explain.

    Args:
        place: where, for a rhythm; empty for a sequence, which holds in every place.
        first: what comes first in a sequence; empty for a rhythm.
        then: what comes back, or follows.
        days: the period, or the longest lag.
        times: how often it was seen. chances: how often it could have been.
        expected: how often chance alone would have shown it.
        p: probability that chance shows as much.
    """

    kind: PatternKind
    place: str
    first: str
    then: str
    days: float
    times: int
    chances: int
    expected: float
    p: float

    @property
    def probability(self) -> float:
        """Of the next time, from what was seen, with one half of a success and a failure added."""
        return (self.times + 0.5) / (self.chances + 1)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a pattern expects within the window."""

    place: str
    what: str
    probability: float
    pattern: Pattern


def patterns(openings: Sequence[Opening], *, now_days: float) -> tuple[Pattern, ...]:
    """Every pattern in what began up to an instant, least explained by chance first."""
    known = sorted({one for one in openings if one.at_days <= now_days})
    candidates = [*_rhythms(known), *_sequences(known, now_days)]
    return tuple(sorted(_not_by_chance(candidates), key=lambda one: (one.p, one.place, one.first, one.then)))


def expected(
    found: Sequence[Pattern], openings: Sequence[Opening], *, now_days: float, window_days: float = 7.0
) -> tuple[Expected, ...]:
    """What the patterns expect after an instant; for each place and thing the most probable, most probable first."""
    times = _times([one for one in openings if one.at_days <= now_days])
    best: dict[tuple[str, str], Expected] = {}
    for pattern in (one for one in found if one.probability >= WORTH_SAYING):
        for place in _due(pattern, times, now_days, window_days):
            key = (place, pattern.then)
            if key not in best or best[key].probability < pattern.probability:
                best[key] = Expected(place, pattern.then, pattern.probability, pattern)
    return tuple(sorted(best.values(), key=lambda one: (-one.probability, one.place, one.what)))


Times = Mapping[tuple[str, str], Sequence[float]]


def _times(openings: Sequence[Opening]) -> Times:
    found: dict[tuple[str, str], set[float]] = defaultdict(set)
    for one in openings:
        found[one.place, one.what].add(one.at_days)
    return {key: sorted(values) for key, values in found.items()}


def _rhythms(openings: Sequence[Opening]) -> list[Pattern]:
    """Openings whose phases agree (Rayleigh's test) and whose gaps are about a period long."""
    found = []
    for (place, what), at in _times(openings).items():
        if len(at) < TIMES_MIN:
            continue
        found += [_rhythm(place, what, np.array(at), period) for period in PERIODS_DAYS]
    return found


def _rhythm(place: str, what: str, at: NDArray[np.float64], period: float) -> Pattern:
    gaps = np.diff(at)
    fits = int((np.abs(gaps - period) <= GAP_TOLERANCE * period).sum())
    if fits < max(SUPPORT_MIN - 1, len(gaps) / 2):
        return Pattern(PatternKind.RHYTHM, place, "", what, period, fits, len(gaps), 0.0, 1.0)
    agreement = np.abs(np.exp(2j * np.pi * at / period).mean())
    by_chance = len(gaps) * 2 * GAP_TOLERANCE * np.exp(-1)
    p = max(np.exp(-len(at) * agreement**2), poisson.sf(fits - 1, by_chance))
    return Pattern(PatternKind.RHYTHM, place, "", what, period, fits, len(gaps), float(by_chance), float(p))


def _sequences(openings: Sequence[Opening], now_days: float) -> list[Pattern]:
    """For each ordered pair, how often the second follows the first in its place, against its own rate there."""
    times, by_place = _times(openings), defaultdict[str, list[str]](list)
    begun: dict[str, float] = {}
    for place, what in times:
        by_place[place].append(what)
        begun[place] = min(begun.get(place, np.inf), times[place, what][0])
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0.0, 0])
    for place, kinds in by_place.items():
        span = max(now_days - begun[place], LAG_DAYS_MAX)
        for first in kinds:
            firsts = np.array([at for at in times[place, first] if at <= now_days - LAG_DAYS_MAX])
            for then in (one for one in kinds if one != first and len(firsts)):
                _add(sums[first, then], firsts, np.array(times[place, then]), span)
    return [
        Pattern(PatternKind.SEQUENCE, "", first, then, LAG_DAYS_MAX, int(seen), int(chances), chance,
                float(poisson.sf(seen - 1, chance)) if places > 1 and seen >= SUPPORT_MIN else 1.0)
        for (first, then), (seen, chances, chance, places) in sums.items()
    ]  # fmt: skip


def _add(totals: list[float], firsts: NDArray[np.float64], thens: NDArray[np.float64], span: float) -> None:
    after = np.searchsorted(thens, firsts, side="right")
    followed = np.searchsorted(thens, firsts + LAG_DAYS_MAX, side="right") > after
    totals[0] += int(followed.sum())
    totals[1] += len(firsts)
    totals[2] += len(firsts) * float(1 - np.exp(-len(thens) * LAG_DAYS_MAX / span))
    totals[3] += bool(followed.any())


def _not_by_chance(candidates: Sequence[Pattern]) -> list[Pattern]:
    """Benjamini and Hochberg's step-up over every test that was made."""
    ranked = sorted(candidates, key=lambda one: one.p)
    passed = [at for at, one in enumerate(ranked, start=1) if one.p <= FALSE_SHARE_MAX * at / len(ranked)]
    return ranked[: max(passed, default=0)]


def _due(pattern: Pattern, times: Times, now_days: float, window_days: float) -> list[str]:
    if pattern.kind is PatternKind.RHYTHM:
        last = times.get((pattern.place, pattern.then), (-np.inf,))[-1]
        soon = last + pattern.days
        return [pattern.place] if now_days - GAP_TOLERANCE * pattern.days < soon <= now_days + window_days else []
    places = [place for (place, what), at in times.items() if what == pattern.first and at[-1] > now_days - window_days]
    return [one for one in places if times.get((one, pattern.then), (-np.inf,))[-1] < times[one, pattern.first][-1]]
