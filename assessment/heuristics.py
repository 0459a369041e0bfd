"""Which resources are likeliest to change soon, ranked by three habits of estates; no probability, no accuracy.

The score of a resource is the sum of four terms, each in [0, 1]:

    0.50 own_fast / (own_fast + 1)      its own changes, halved every 7 days
    0.20 own_slow / (own_slow + 2)      its own changes, halved every 30 days
    0.20 stack / (stack + 5)            changes of others in its scope, halved every 7 days
    0.10 hazard                         share of its type's resources that changed within 7 days, shrunk to the
                                        share of all resources with the weight of 20 resources

A change made together with more than fifty others says little about each of them: its weight is fifty over their
number. The weights are judgement; `docs/heuristics.md` says why these terms, and what is not claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.prediction import HORIZON_DAYS

FAST_DAYS: Final = 7.0
SLOW_DAYS: Final = 30.0
HISTORY_DAYS_MAX: Final = 120.0
MASS_CHANGE: Final = 50
HAZARD_PRIOR: Final = 20.0

OWN_FAST, OWN_SLOW, STACK, HAZARD = 0.5, 0.2, 0.2, 0.1

_SECONDS_PER_DAY: Final = 86_400.0
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Population:
    """The resources that are ranked, as columns of equal length, and their changes.

    Shapes:
        changed: int64 (m,), the index of the resource that changed.
        changed_days: float64 (m,), when, in days since 1970.
    """

    types: Sequence[str]
    scopes: Sequence[str]
    changed: NDArray[np.int64]
    changed_days: Floats


@dataclass(frozen=True, slots=True)
class Ranked:
    """One ranked resource: its index, its score rounded to four places, and why."""

    index: int
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Terms:
    own_fast: Floats
    own_slow: Floats
    own_recent: NDArray[np.int64]
    stack: Floats
    stack_recent: NDArray[np.int64]
    hazard: Floats

    def score(self) -> Floats:
        return (
            OWN_FAST * self.own_fast / (self.own_fast + 1)
            + OWN_SLOW * self.own_slow / (self.own_slow + 2)
            + STACK * self.stack / (self.stack + 5)
            + HAZARD * self.hazard
        )


def rank(population: Population, *, as_of: datetime, limit: int) -> tuple[Ranked, ...]:
    """The resources with the highest scores, among those with a change of their own or beside them in 120 days.

    No history gives no ranking.
    """
    terms = _terms(population, as_of)
    scores = np.round(terms.score(), 4)
    moved = np.flatnonzero(((terms.own_slow > 0) | (terms.stack > 0)) & (scores > 0))
    best = moved[np.lexsort((moved, -scores[moved]))][:limit]
    return tuple(Ranked(int(i), float(scores[i]), _reasons(terms, population, int(i))) for i in best)


def _terms(population: Population, as_of: datetime) -> _Terms:
    n = len(population.types)
    age = as_of.timestamp() / _SECONDS_PER_DAY - population.changed_days
    known = (age >= 0) & (age <= HISTORY_DAYS_MAX)
    who, age = population.changed[known], age[known]
    weight = _weights(age)
    fast = _sums(who, weight * 2.0 ** (-age / FAST_DAYS), n)
    recent = np.bincount(who[age <= HORIZON_DAYS], minlength=n)
    scope_of, scopes = _codes(population.scopes)
    type_of, types = _codes(population.types)
    by_scope = _sums(scope_of, fast, scopes)
    recent_by_scope = _sums(scope_of, recent.astype(np.float64), scopes).astype(np.int64)
    in_a_scope = np.array([bool(scope) for scope in population.scopes], dtype=bool)
    return _Terms(
        own_fast=fast,
        own_slow=_sums(who, weight * 2.0 ** (-age / SLOW_DAYS), n),
        own_recent=recent,
        stack=np.where(in_a_scope, np.maximum(by_scope[scope_of] - fast, 0.0), 0.0),
        stack_recent=np.where(in_a_scope, recent_by_scope[scope_of] - recent, 0),
        hazard=_hazard(recent > 0, type_of, types),
    )


def _sums(groups: NDArray[np.int64], values: Floats, size: int) -> Floats:
    sums: Floats = np.bincount(groups, values, minlength=size).astype(np.float64)
    return sums


def _weights(age: Floats) -> Floats:
    """Less for a change that many resources made at the same instant."""
    _, inverse, together = np.unique(age, return_inverse=True, return_counts=True)
    weights: Floats = np.minimum(1.0, MASS_CHANGE / together)[inverse]
    return weights


def _hazard(has_changed: NDArray[np.bool_], type_of: NDArray[np.int64], types: int) -> Floats:
    if not len(has_changed):
        return np.zeros(0)
    overall = float(has_changed.mean())
    changed = _sums(type_of, has_changed.astype(np.float64), types)
    size = np.bincount(type_of, minlength=types)
    hazard: Floats = ((changed + HAZARD_PRIOR * overall) / (size + HAZARD_PRIOR))[type_of]
    return hazard


def _codes(values: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    index: dict[str, int] = {}
    code_of = {value: index.setdefault(value.lower(), len(index)) for value in dict.fromkeys(values)}
    return np.fromiter(map(code_of.__getitem__, values), dtype=np.int64, count=len(values)), len(index)


def _reasons(terms: _Terms, population: Population, index: int) -> tuple[str, ...]:
    own, beside = int(terms.own_recent[index]), int(terms.stack_recent[index])
    reasons = []
    if own:
        reasons.append(f"{own} {_noun(own)} in 7 days")
    elif terms.own_slow[index] > 0:
        reasons.append("changed within 120 days")
    if beside:
        reasons.append(f"{beside} {_noun(beside)} beside it in 7 days, in {population.scopes[index]}")
    reasons.append(f"{100 * terms.hazard[index]:.1f} % of its type changed in 7 days, shrunk to the mean of all")
    return tuple(reasons)


def _noun(count: int) -> str:
    return "change" if count == 1 else "changes"
