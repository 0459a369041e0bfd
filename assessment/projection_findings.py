"""Violations on the paths of a projection: those that are there close, others appear, and decisions mend some.

Rates are not known but estimated: how many appeared in so many days, and how many ended in so many days that they stood
open. Each path draws its rates from what those counts leave open (Gamma, with half a case added: Jeffreys' prior of a
rate) and its violations from the rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from cost.forecast_methods import Series
from domain.finding import Severity

YEAR_DAYS: Final = 365.0
RISK_WEIGHTS: Final[Mapping[Severity, float]] = {
    Severity.CRITICAL: 10.0,
    Severity.HIGH: 5.0,
    Severity.MEDIUM: 2.0,
    Severity.LOW: 1.0,
}
"""What an open violation counts for in the risk score."""

_PRIOR: Final = 0.5


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Violations that go the same way: of one severity, and concerned by the same changes.

    Args:
        targets: bits of the changes that concern their policies.
        born, days: how many appeared in how many days; no days where nobody knows.
        closed, exposure_days: how many ended in how many days that they stood open.
    """

    severity: Severity
    targets: int
    open_now: int
    born: float = 0.0
    days: float = 0.0
    closed: float = 0.0
    exposure_days: float = 0.0


@dataclass(slots=True)
class Standing:
    """What is open on some paths at each horizon.

    Args:
        now: by group: float64 (paths, horizons).
        losses: what an open violation loses a year, by severity: float64 (paths,).
    """

    groups: list[FindingGroup]
    now: list[Series]
    losses: Mapping[Severity, Series]
    horizons: Sequence[int]
    paths: int

    def copy(self) -> Standing:
        """The same, to be changed by a scenario."""
        return Standing(list(self.groups), list(self.now), self.losses, self.horizons, self.paths)

    def mend(
        self,
        bit: int,
        opened: Mapping[Severity, int],
        adopted: Series,
        start_day: Series,
        generator: np.random.Generator,
    ) -> Series:
        """Let a change open violations and mend those that it concerns; how many it has mended by each horizon.

        Args:
            adopted: how much of the change is there, day by day (paths, days).
        """
        mended_share = np.clip(adopted[:, [horizon - 1 for horizon in self.horizons]], 0.0, 1.0)
        mended = np.zeros(mended_share.shape)
        for place, group in enumerate(self.groups):
            if group.targets >> bit & 1:
                stay = generator.binomial(self.now[place].astype(np.int64), 1 - mended_share)
                mended += self.now[place] - stay
                self.now[place] = stay.astype(np.float64)
        is_on = start_day[:, None] < np.asarray(self.horizons)[None, :]
        for severity, count in sorted(opened.items()):
            stay = generator.binomial(count, 1 - mended_share)
            mended += (count - stay) * is_on
            self.groups.append(FindingGroup(severity, 1 << bit, 0))
            self.now.append((stay * is_on).astype(np.float64))
        return mended

    def figures(self) -> list[Series]:
        """Open violations, risk score, and expected loss so far, (paths, horizons) each."""
        violations, risk, loss = (np.zeros((self.paths, len(self.horizons))) for _ in range(3))
        years = np.diff((0, *self.horizons)) / YEAR_DAYS
        for group, now in zip(self.groups, self.now, strict=True):
            violations += now
            risk += RISK_WEIGHTS[group.severity] * now
            if group.severity in self.losses:
                whole = np.concatenate([np.full((self.paths, 1), float(group.open_now)), now], axis=1)
                exposed = np.cumsum((whole[:, :-1] + whole[:, 1:]) / 2 * years, axis=1)
                loss += exposed * self.losses[group.severity][:, None]
        return [violations, risk, loss]


def standing(
    groups: Sequence[FindingGroup],
    losses: Mapping[Severity, Series],
    horizons: Sequence[int],
    generator: np.random.Generator,
    paths: int,
) -> Standing:
    """Draw how violations go if nothing is decided."""
    now = [_open(group, horizons, generator, paths) for group in groups]
    return Standing(list(groups), now, losses, horizons, paths)


def _open(group: FindingGroup, horizons: Sequence[int], generator: np.random.Generator, paths: int) -> Series:
    """How many are open at each horizon: those there close, others appear and may close as well."""
    births = _rate(group.born, group.days, generator, paths)
    ending = _rate(group.closed, group.exposure_days, generator, paths)
    now = np.full(paths, group.open_now)
    found = []
    for start, end in pairwise((0, *horizons)):
        days = end - start
        stays = np.exp(-ending * days)
        lasting = np.where(ending * days > 1e-9, (1 - stays) / np.maximum(ending, 1e-12), float(days))
        now = generator.binomial(now, stays) + generator.poisson(births * lasting)
        found.append(now)
    return np.stack(found, axis=1).astype(np.float64)


def _rate(cases: float, days: float, generator: np.random.Generator, paths: int) -> Series:
    return generator.gamma(cases + _PRIOR, 1 / days, paths) if days > 0 else np.zeros(paths)
