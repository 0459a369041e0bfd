"""What an hour without resources is worth, by the tenant's graph: the part of an analysis that needs the graph.

An hour without a resource costs what the tenant says it does; otherwise a multiple of its own hourly cost, by its
criticality. What goes down with it is added: for the resources that the analysis is about over sampled worlds, whose
dependencies are themselves uncertain; for violating resources over what certainly fails with them.

Money is that of the currency that most is billed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from assessment.blast import PLACE_MODES, named
from assessment.failure_estate import FailureEstate
from assessment.worth import CRITICALITY, Floats, monthly
from domain.clock import format_instant
from domain.errors import InputError
from graph.chances import chances
from graph.failure import FailureMode
from graph.spread import spread

Row: TypeAlias = "dict[str, Any]"
CENTERS_MAX: Final = 20
FOLLOWED_MAX: Final = 300
RISKS_MAX: Final = 200_000
HOURS_A_MONTH: Final = 730.0


@dataclass(frozen=True, slots=True)
class Exposure:
    """What to price.

    Args:
        centers: resources that go down together, by id or name. risks: violating resources, worst first.
        multiples: what an hour is worth in hourly costs, by criticality. hour_values: money, by id.
    """

    centers: tuple[str, ...]
    risks: tuple[str, ...]
    failure: FailureMode
    multiples: Mapping[str, float] = field(default_factory=dict)
    hour_values: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0


def exposure(estate: FailureEstate, asked: Exposure) -> Row:
    """Price resources.

    Raises:
        NotFound: a resource is not in the graph.
        InputError: too many resources, or the loss of a place.
    """
    _require_sound(asked)
    values = _hour_values(estate, asked)
    currency = estate.costs.currencies[0].currency if estate.costs.currencies else None
    hours, followed = _risks(estate, asked, values)
    return {
        "as_of": format_instant(estate.as_of),
        "currency": currency,
        "centers": [named(estate, estate.row(center)) for center in asked.centers],
        "down": _down(estate, asked, values) if asked.centers else None,
        "hours": hours,
        "followed": followed,
        "valued": int((values > 0).sum()),
    }


def _hour_values(estate: FailureEstate, asked: Exposure) -> Floats:
    """Money an hour, by row."""
    factors = np.array([asked.multiples.get(name, 0.0) for name in CRITICALITY])
    place = {name: at for at, name in enumerate(CRITICALITY)}
    codes = np.array([place[fact.standing.criticality] for fact in estate.facts.known] + [place["unstated"]])
    costs = monthly(estate.costs, estate.graph.size) / HOURS_A_MONTH
    values: Floats = costs * factors[codes[estate.facts.codes]]
    for uid, value in asked.hour_values.items():
        row = estate.graph.find(uid)
        if row is not None:
            values[row] = value
    return values


def _down(estate: FailureEstate, asked: Exposure, values: Floats) -> Row:
    network = estate.network(asked.failure)
    rows = np.array(sorted({estate.row(center) for center in asked.centers}), np.int32)
    found = spread(network, rows)
    likely = chances(network, rows, value=values, seed=asked.seed)
    down = np.concatenate([found.seeds, found.failed.rows])
    return {
        "failed": len(found.failed),
        "degraded": len(found.degraded),
        "monthly_cost": estate.money(down),
        "hour": {"mean": likely.value.mean, "low": likely.value.low, "high": likely.value.high},
        "hour_certain": float(values[down].sum()),
        "worlds": likely.worlds,
        "is_capped": likely.is_capped,
    }


def _risks(estate: FailureEstate, asked: Exposure, values: Floats) -> tuple[dict[str, float], int]:
    """Value of an hour by id: with all that certainly fails for the first ones, of the resource alone for the rest."""
    network = estate.network(asked.failure)
    found: dict[str, float] = {}
    for uid in asked.risks:
        row = estate.graph.find(uid)
        if row is None:
            continue
        if len(found) < FOLLOWED_MAX:
            hit = spread(network, np.array([row], np.int32))
            found[uid] = float(values[row] + values[hit.failed.rows].sum())
        else:
            found[uid] = float(values[row])
    return found, min(len(found), FOLLOWED_MAX)


def _require_sound(asked: Exposure) -> None:
    if asked.failure in PLACE_MODES:
        raise InputError("an analysis is of resources", got=asked.failure.value, todo="Choose another mode")
    for name, given, most in (("resources", asked.centers, CENTERS_MAX), ("risks", asked.risks, RISKS_MAX)):
        if len(given) > most:
            raise InputError("too many resources to analyse", where=name, got=len(given), expected=f"at most {most:,}")
