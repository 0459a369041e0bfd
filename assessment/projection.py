"""Paths of the next 30, 60 and 90 days, as they are going and under scenarios: cost, violations, risk and savings.

Each path draws how cost goes on (`cost.forecast_paths`), how many violations appear and close, and how the decisions
turn out; the scenarios are asked over the same paths, so that what differs is theirs. Paths come in blocks. A block's
random numbers depend on the seed and its number alone: whoever draws it, and in which order, the result is the same.

Amounts are floats here: they are estimates. What is shown of them is rounded to the cent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from assessment.projection_findings import FindingGroup, Standing, standing
from assessment.whatif import (
    Adoption,
    Change,
    CommitmentPurchase,
    ComplianceAdoption,
    PolicyAction,
    PolicyChange,
    Range,
    RegionMove,
    Scaling,
    Scenario,
)
from cost.forecast_methods import Series
from cost.forecast_paths import Outlook, block_generator
from domain.finding import Severity

HORIZONS: Final = (30, 60, 90)
BLOCK_PATHS: Final = 500
_STREAM: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class World:
    """All that a projection is made of; shared by whoever draws its blocks.

    Args:
        cells: by bits of the changes that concern it: the share of today's cost. The shares add up to 1.
        bits: for each scenario, the bit of each of its changes.
        opened: by bit: violations that assigning a policy would open, by severity.
        losses: what an open violation is expected to lose a year, by severity; empty where nobody said.
    """

    outlook: Outlook
    cells: Mapping[int, float]
    groups: tuple[FindingGroup, ...]
    scenarios: tuple[Scenario, ...]
    bits: tuple[tuple[int, ...], ...]
    opened: Mapping[int, Mapping[Severity, int]] = field(default_factory=dict)
    losses: Mapping[Severity, Range] = field(default_factory=dict)
    horizons: tuple[int, ...] = HORIZONS
    seed: int = 0


def columns(world: World) -> tuple[tuple[int, str], ...]:
    """What a path says at each horizon: (scenario, figure); -1 is how things are going."""
    figures = ("cost", "violations", "risk", "loss")
    own = [(-1, figure) for figure in figures]
    for place, scenario in enumerate(world.scenarios):
        own += [(place, figure) for figure in figures]
        own += [(place, f"saving {number}") for number in range(len(scenario.changes))]
    return tuple(own)


def blocks_of(paths: int) -> tuple[tuple[int, int], ...]:
    """Number and size of each block that makes up so many paths."""
    starts = range(0, paths, BLOCK_PATHS)
    return tuple((place, min(BLOCK_PATHS, paths - start)) for place, start in enumerate(starts))


def project(world: World, blocks: Sequence[tuple[int, int]]) -> Series:
    """Draw some blocks: float64 (paths, horizons, columns)."""
    return np.concatenate([_block(world, number, count) for number, count in blocks])


def _block(world: World, number: int, count: int) -> Series:
    generator = block_generator(world.seed, number)
    base = world.outlook.paths(generator, count)
    losses = {severity: _draw(each, generator, count) for severity, each in sorted(world.losses.items())}
    going = standing(world.groups, losses, world.horizons, generator, count)
    figures = [_sums(base, world.horizons), *going.figures()]
    for place in range(len(world.scenarios)):
        figures += _scenario(world, place, base, going.copy(), block=number)
    return np.stack(figures, axis=2)


def _scenario(world: World, place: int, base: Series, standing: Standing, *, block: int) -> list[Series]:
    """Cost, violations, risk, loss and the saving of each change, (paths, horizons) each."""
    bits = world.bits[place]
    cells = _restricted(world.cells, bits)
    left = {cell: np.full(base.shape, share) * base for cell, share in cells.items() if cell}
    savings = []
    for number, change in enumerate(world.scenarios[place].changes):
        generator = block_generator(world.seed, _STREAM * (number + 1) + block)
        drawn = _Drawn.of(change, generator, base.shape)
        mine = [cell for cell in left if cell >> number & 1]
        saved = _sums(_saved(change, drawn, left, mine), world.horizons)
        if isinstance(change, PolicyChange | ComplianceAdoption):
            opened = world.opened.get(bits[number], {})
            mended = standing.mend(bits[number], opened, drawn.adopted, drawn.start_day, generator)
            if not (isinstance(change, PolicyChange) and change.action is PolicyAction.REMOVE):
                saved -= drawn.fix_cost[:, None] * mended
        savings.append(saved)
    cost = _sums(base, world.horizons) - sum(savings, np.zeros(1))
    return [cost, *standing.figures(), *savings]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """How one change turns out on each path.

    Args:
        adopted: how much of it is there, day by day (paths, days).
        share: of the selected cost that goes with it (paths,); below zero where it costs more.
        fix_cost: of one violation, or of the whole move.
    """

    adopted: Series
    share: Series
    fix_cost: Series
    start_day: Series
    double_days: Series

    @classmethod
    def of(cls, change: Change, generator: np.random.Generator, shape: tuple[int, ...]) -> _Drawn:
        count, days = shape
        adoption = _adoption(change)
        start = _draw(adoption.start_day, generator, count)
        ramp = _draw(adoption.ramp_days, generator, count)
        final = _draw(adoption.share, generator, count)
        passed = np.arange(1, days + 1)[None, :] - np.ceil(start)[:, None]
        grown = np.where(passed > 0, np.minimum(1.0, passed / np.maximum(ramp, 1.0)[:, None]), 0.0)
        share, fix_cost, double_days = np.zeros(count), np.zeros(count), np.zeros(count)
        if isinstance(change, Scaling | RegionMove):
            share = 1 - _draw(change.factor, generator, count)
        elif isinstance(change, PolicyChange | ComplianceAdoption):
            share = _draw(change.saving, generator, count)
            fix_cost = _draw(change.fix_cost, generator, count)
        if isinstance(change, RegionMove):
            fix_cost = _draw(change.one_off, generator, count)
            double_days = _draw(change.double_days, generator, count)
        return cls(grown * final[:, None], share, fix_cost, start, double_days)


def _saved(change: Change, drawn: _Drawn, left: dict[int, Series], mine: Sequence[int]) -> Series:
    """What a change saves day by day, and takes from what is left of the cells that it concerns."""
    if isinstance(change, CommitmentPurchase):
        return _committed(change, left, mine, drawn.adopted.shape)
    gone = drawn.adopted * drawn.share[:, None]
    saved = np.zeros_like(drawn.adopted)
    for cell in mine:
        saved += left[cell] * gone
    if isinstance(change, RegionMove):
        saved -= _moving(drawn, [left[cell] for cell in mine])
    for cell in mine:
        left[cell] *= 1 - gone
    return saved


def _moving(drawn: _Drawn, moved: Sequence[Series]) -> Series:
    """What the move itself costs: once, and both regions for some days, each before anything is saved."""
    days = drawn.adopted.shape[1]
    day = np.arange(days)[None, :]
    first = np.ceil(drawn.start_day)[:, None]
    cost = np.where(day == np.minimum(first, days - 1), drawn.fix_cost[:, None], 0.0) * (first < days)
    both = (day >= first) & (day < first + drawn.double_days[:, None])
    for each in moved:
        cost = cost + np.where(both, each * drawn.adopted, 0.0)
    whole: Series = cost
    return whole


def _committed(
    change: CommitmentPurchase, left: dict[int, Series], mine: Sequence[int], shape: tuple[int, ...]
) -> Series:
    """What a commitment saves: the use that it covers, less what is paid for it, used or not."""
    use = sum((left[cell] for cell in mine), np.zeros(shape))
    is_on = np.arange(shape[1]) >= change.start_day
    covered = np.minimum(np.maximum(use, 0.0), change.per_day) * is_on
    uncovered = np.divide(use - covered, use, out=np.ones(shape), where=use > 0)
    for cell in mine:
        left[cell] = left[cell] * uncovered
    saved: Series = covered - change.price * change.per_day * is_on
    return saved


def _adoption(change: Change) -> Adoption:
    if isinstance(change, CommitmentPurchase):
        return Adoption(start_day=Range.of(change.start_day))
    return change.mended if isinstance(change, PolicyChange) else change.adoption


def _restricted(cells: Mapping[int, float], bits: Sequence[int]) -> dict[int, float]:
    """Cells by which of a scenario's own changes concern them."""
    found: dict[int, float] = {}
    for cell, share in cells.items():
        own = sum(1 << number for number, bit in enumerate(bits) if cell >> bit & 1)
        found[own] = found.get(own, 0.0) + share
    return found


def _sums(daily: Series, horizons: Sequence[int]) -> Series:
    """Sums from the first day to each horizon."""
    return np.cumsum(np.add.reduceat(daily, [0, *horizons[:-1]], axis=1), axis=1)


def _draw(wanted: Range, generator: np.random.Generator, count: int) -> Series:
    if wanted.low == wanted.high:
        return np.full(count, wanted.low)
    return generator.triangular(wanted.low, wanted.likely, wanted.high, count)
