"""What incidents cost in a year: how often they come of violating resources, and what each of them costs.

The analysis of impact and the P&L put the same questions to it. A resource counts once, with its worst violation. Two
parts of one incident are priced apart, because their currencies may differ: the outage of what fails with the resource
(`outage`, in the bill's currency), and the work of responding (`response`, in the tenant's).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np

from assessment.impact_assumptions import Assumption, Assumptions
from assessment.worth import CRITICALITY
from cost.loss import Figure, Floats, Range, Threat
from domain.finding import Severity

Row: TypeAlias = "dict[str, Any]"
INTERVAL: Final = 0.9
NO_VALUE: Final = "no bill was read and no value of an hour is given: what an hour is worth is not known"
_RANKS: Final = {severity.value: severity.rank for severity in Severity}


@dataclass(frozen=True, slots=True, eq=False)
class Outages:
    """What an incident costs: an outage of a resource drawn from those that violate."""

    values: Floats
    hours: Range
    spread: Range

    @property
    def mean(self) -> float:
        """Of an outage."""
        return float(self.values.mean()) * self.hours.mean * self.spread.mean

    def draw(self, size: int, random: np.random.Generator) -> Floats:
        """So many outages."""
        values = self.values[random.integers(0, len(self.values), size)]
        drawn: Floats = values * self.hours.draw(size, random) * self.spread.draw(size, random)
        return drawn


def worst_of_each(violations: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The worst severity of each resource.

    Args:
        violations: id of the resource, and severity.
    """
    worst: dict[str, str] = {}
    for uid, severity in violations:
        if _RANKS[severity] <= _RANKS[worst.get(uid, severity)]:
            worst[uid] = severity
    return worst


def worst_first(worst: Mapping[str, str]) -> list[str]:
    """Resources by their worst severity, those of one severity by id."""
    return sorted(worst, key=lambda uid: (_RANKS[worst[uid]], uid))


def by_severity(worst: Mapping[str, str], hours: Mapping[str, float]) -> dict[str, list[float]]:
    """What an hour of each resource is worth, by its worst severity; nothing where that is not known."""
    found: dict[str, list[float]] = {}
    for uid, severity in worst.items():
        found.setdefault(severity, []).append(hours.get(uid, 0.0))
    return dict(sorted(found.items()))


def outages(
    hours: Mapping[str, Sequence[float]], assumed: Assumptions, *, share_after: float | None = None
) -> list[Threat]:
    """Outages that violating resources bring.

    Args:
        hours: as `by_severity` has them.
        share_after: which part of them still comes when it is mended; None for what is assumed.
    """
    residual = min(assumed.range("incident.residual").mean, 1.0) if share_after is None else share_after
    return [
        Threat(
            name=severity,
            yearly=assumed.range(f"incident.{severity}.yearly").scaled(len(values)),
            magnitude=Outages(np.array(values), assumed.range("outage.hours"), uncertainty(assumed)),
            share_after=residual,
        )
        for severity, values in hours.items()
        if values
    ]


def responses(threats: Iterable[Threat], assumed: Assumptions) -> list[Threat]:
    """The work that the same incidents bring."""
    return [replace(each, magnitude=assumed.range("incident.response")) for each in threats]


def rests_on(severities: Iterable[str]) -> list[str]:
    """The assumptions behind what incidents of violations so severe cost."""
    return [
        *(f"incident.{name}.yearly" for name in sorted(severities)),
        *("incident.response", "incident.residual", "outage.hours", *(f"value.{name}" for name in CRITICALITY)),
    ]


def middle_values(assumed: Assumptions) -> tuple[dict[str, float], dict[str, float]]:
    """What an hour is worth in the middle of what is assumed: in hourly costs by criticality, and in money by id."""
    multiples = {name: _middle(assumed.range(f"value.{name}")) for name in CRITICALITY}
    return multiples, {uid: _middle(value) for uid, value in assumed.hour_values.items()}


def uncertainty(assumed: Assumptions) -> Range:
    """How far an hour's value may be from its middle: the widest of the ranges of multiples."""
    widest = max((assumed.range(f"value.{name}") for name in CRITICALITY), key=_width)
    width = _width(widest) ** 0.5
    return Range(1 / width, width)


def assumption_row(each: Assumption) -> Row:
    """One assumption as a document has it."""
    return {
        "name": each.name,
        "low": each.range.low,
        "high": each.range.high,
        "unit": each.unit,
        "source": each.source,
        "year": each.year,
        "is_own": each.is_own,
    }


def figure_row(found: Figure, currency: str) -> Row:
    """A figure of money as a document has it."""
    return {**plain_row(found), "currency": currency}


def plain_row(found: Figure) -> Row:
    """A figure of anything else."""
    return {"mean": round(found.mean, 2), "low": round(found.low, 2), "high": round(found.high, 2)}


def _width(given: Range) -> float:
    return given.high / given.low if given.low > 0 else 1.0


def _middle(given: Range) -> float:
    """The median of a range."""
    return float((given.low * given.high) ** 0.5) if given.low > 0 else (given.low + given.high) / 2
