"""Paths as figures that people compare: mean, middle and interval of each quantity at each horizon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from assessment.projection import World, columns
from cost.forecast_interval import COVERAGE
from cost.forecast_methods import Series

GOING_ON: Final = -1
_TAIL: Final = (1 - COVERAGE) / 2


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity at one horizon.

    Args:
        low, high: the interval that nine in ten paths lie in; None where its width is not known.
    """

    horizon_days: int
    mean: float
    median: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How things go on, or would go under a scenario.

    Args:
        saving: cost as things are going less cost so, on the same paths; None for how things are going.
        by_change: what each change saves of it, in their order: they add up to the saving.
        chance: how many paths save anything at all, by horizon.
    """

    name: str
    cost: tuple[Figure, ...]
    violations: tuple[Figure, ...]
    risk: tuple[Figure, ...]
    loss: tuple[Figure, ...]
    saving: tuple[Figure, ...] | None = None
    by_change: tuple[tuple[Figure, ...], ...] = ()
    chance: tuple[float, ...] = ()
    risk_reduction: tuple[Figure, ...] | None = None


def summary(world: World, paths: Series) -> tuple[Outcome, ...]:
    """How things are going, then each scenario.

    Shapes:
        paths: float64 (paths, horizons, columns), as `assessment.projection.project` draws them.
    """
    by_column = {key: paths[:, :, place] for place, key in enumerate(columns(world))}
    going = _outcome(world, by_column, GOING_ON, "as it is going")
    return (going, *(_outcome(world, by_column, place, each.name) for place, each in enumerate(world.scenarios)))


def _outcome(world: World, drawn: Mapping[tuple[int, str], Series], place: int, name: str) -> Outcome:
    def figures(which: Series, *, is_cost: bool = False) -> tuple[Figure, ...]:
        certain_days = world.outlook.certain_days if is_cost else world.horizons[-1]
        return tuple(
            _figure(days, which[:, number], is_certain=days <= certain_days)
            for number, days in enumerate(world.horizons)
        )

    going = Outcome(
        name,
        cost=figures(drawn[place, "cost"], is_cost=True),
        violations=figures(drawn[place, "violations"]),
        risk=figures(drawn[place, "risk"]),
        loss=figures(drawn[place, "loss"]),
    )
    if place == GOING_ON:
        return going
    saving = drawn[GOING_ON, "cost"] - drawn[place, "cost"]
    parts = [drawn[place, f"saving {number}"] for number in range(len(world.scenarios[place].changes))]
    return replace(
        going,
        saving=figures(saving, is_cost=True),
        by_change=tuple(figures(part, is_cost=True) for part in parts),
        chance=tuple(float((saving[:, number] > 0).mean()) for number in range(len(world.horizons))),
        risk_reduction=figures(drawn[GOING_ON, "risk"] - drawn[place, "risk"]),
    )


def _figure(days: int, values: Series, *, is_certain: bool) -> Figure:
    low, median, high = (float(each) for each in np.quantile(values, (_TAIL, 0.5, 1 - _TAIL)))
    bounds = (low, high) if is_certain else (None, None)
    return Figure(days, float(values.mean()), median, *bounds)
