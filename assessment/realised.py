"""What savings came to, by the bills: the forecast from before each change less what was paid after it.

Cost that several savings concern is observed once. Each cell of cost (`cost.billing.cells`) has one counterfactual,
made of the days before the first change in it, and one observed saving a day. That is given to the savings in force on
that day in the order in which they were applied: each takes as much as it was predicted to save, the last one what is
left, be it more or less. The parts add up to what was observed.

A saving is realised where the whole interval lies above zero: bills then show it. Until then it is observed and not
realised. It counts for a year; a counterfactual older than that says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from assessment.ledger import Saving
from cost.billing.cells import SELECTIONS_MAX, CellCost, bill_span, cell_costs
from cost.billing.store import BillingStore
from cost.forecast import ORIGINS_MIN, backtest, forecast
from cost.forecast_methods import MEAN_DAYS, Series
from domain.errors import InputError

DAYS_MIN: Final = 7
DAYS_MAX: Final = 365
HISTORY_DAYS: Final = 730
MONTH_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Observed:
    """What bills show of one saving.

    Args:
        amount: counterfactual less cost; below zero where more was paid.
        low, high: the interval; None where the days before the change are too few for one.
        days: whole days of bills since it was applied.
        by_day: the amount day by day, from the day it was applied on.
        rows: billing rows of those days.
        reason: why nothing can be said, or empty.
    """

    saving_id: str
    amount: float
    low: float | None
    high: float | None
    days: int
    start: date
    by_day: tuple[float, ...]
    counterfactual: float
    paid: float
    rows: int
    shares_with: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_realised(self) -> bool:
        """Whether bills show it beyond doubt."""
        return self.low is not None and self.low > 0

    @property
    def is_loss(self) -> bool:
        """Whether bills show beyond doubt that it cost more."""
        return self.high is not None and self.high < 0

    @property
    def realised(self) -> float:
        """What counts: nothing until bills show it, losses as well as gains."""
        return self.amount if self.is_realised or self.is_loss else 0.0


@dataclass(slots=True)
class _Tally:
    by_day: Series
    width: float = 0.0
    is_certain: bool = True
    counterfactual: float = 0.0
    paid: float = 0.0
    rows: int = 0
    reason: str = ""


def observe(store: BillingStore, savings: Sequence[Saving]) -> tuple[Observed, ...]:
    """What bills show of the savings that were applied, in their order of application.

    Raises:
        InputError: more were applied within a year than can be told apart.
    """
    span = bill_span(store)
    applied = sorted((each for each in savings if each.applied_on), key=lambda each: (each.applied_on, each.saving_id))
    if not applied or span is None:
        return tuple(_nothing(each, "no bills are stored") for each in applied)
    first, last = span
    through = last - timedelta(days=1)
    old = [each for each in applied if _start(each) + timedelta(days=DAYS_MAX) <= through - timedelta(days=DAYS_MAX)]
    kept = [each for each in applied if each not in old]
    if len(kept) > SELECTIONS_MAX:
        raise InputError("too many savings to tell apart", got=len(kept), expected=f"at most {SELECTIONS_MAX}")
    if not kept:
        return tuple(_nothing(each, "it was applied too long ago") for each in old)
    begin = max(first, _start(kept[0]) - timedelta(days=HISTORY_DAYS))
    costs = cell_costs(store, [each.where for each in kept], start=begin, end=through + timedelta(days=1))
    tallies = {each.saving_id: _Tally(np.zeros(max(0, _days(each, through)))) for each in kept}
    cells: defaultdict[tuple[int, str], list[CellCost]] = defaultdict(list)
    for cost in costs:
        if cost.cell:
            cells[cost.cell, cost.currency].append(cost)
    shared: defaultdict[str, set[str]] = defaultdict(set)
    for (cell, currency), rows in sorted(cells.items()):
        mine = [each for place, each in enumerate(kept) if cell >> place & 1 and each.currency == currency]
        if mine:
            _take(mine, rows, tallies, begin=begin, through=through)
            for each in mine:
                shared[each.saving_id] |= {other.saving_id for other in mine} - {each.saving_id}
    found = [_told(each, tallies[each.saving_id], shared[each.saving_id], through) for each in kept]
    return (*(_nothing(each, "it was applied too long ago") for each in old), *found)


def in_order(whole: float, claims: Sequence[float]) -> list[float]:
    """Give a whole to claims in order: each what it asks for while there is some, the last one what is left."""
    parts = []
    left = whole
    for claim in claims[:-1]:
        part = min(max(left, 0.0), claim)
        parts.append(part)
        left -= part
    return [*parts, left]


def _take(
    mine: Sequence[Saving], rows: Sequence[CellCost], tallies: Mapping[str, _Tally], *, begin: date, through: date
) -> None:
    """Observe one cell of cost and give what was saved in it to its savings."""
    start = _start(mine[0])
    daily = np.zeros((through - begin).days + 1)
    for row in rows:
        daily[(row.day - begin).days] += float(row.amount)
    before = (start - begin).days
    first = int(np.argmax(daily != 0)) if daily.any() else 0
    after = daily[max(before, 0) :][:DAYS_MAX]
    reason = ""
    if len(after) < DAYS_MIN:
        reason = f"there are {len(after)} whole days of bills since; it takes {DAYS_MIN}"
    elif before - first < MEAN_DAYS:
        reason = f"there are {max(0, before - first)} days of bills before; it takes {MEAN_DAYS}"
    if reason:
        for each in mine:
            tallies[each.saving_id].reason = reason
        return
    expected, width = _counterfactual(daily[first:before], len(after))
    for place, saved in enumerate(expected - after):
        day = start + timedelta(days=place)
        on = [each for each in mine if _is_on(each, day)]
        if on:
            parts = in_order(float(saved), [float(each.likely) / MONTH_DAYS for each in on])
            for each, part in zip(on, parts, strict=True):
                tallies[each.saving_id].by_day[(day - _start(each)).days] += part
    for each in mine:
        tally, offset = tallies[each.saving_id], (_start(each) - start).days
        tally.is_certain &= width is not None
        tally.width += (width or 0.0) / len(mine)
        tally.counterfactual += float(expected[offset:].sum())
        tally.paid += float(after[offset:].sum())
        tally.rows += sum(row.rows for row in rows if row.day >= _start(each))


def _counterfactual(before: Series, days: int) -> tuple[Series, float | None]:
    """What would have been paid, day by day, and half the width of the interval of its sum."""
    made = forecast(before, horizon_days=days)
    profile = backtest(before, days).made[made.best.method][-1]
    if made.origins < ORIGINS_MIN or made.best.high is None:
        return profile, None
    return profile, made.best.high - made.best.total


def _told(saving: Saving, tally: _Tally, shared: set[str], through: date) -> Observed:
    days = len(tally.by_day)
    if tally.reason or not tally.rows:
        return _nothing(saving, tally.reason or "no billing row fits it", days=days)
    amount = float(tally.by_day.sum())
    return Observed(
        saving.saving_id,
        amount,
        low=amount - tally.width if tally.is_certain else None,
        high=amount + tally.width if tally.is_certain else None,
        days=min(days, (through - _start(saving)).days + 1),
        start=_start(saving),
        by_day=tuple(tally.by_day.tolist()),
        counterfactual=tally.counterfactual,
        paid=tally.paid,
        rows=tally.rows,
        shares_with=tuple(sorted(shared)),
    )


def _nothing(saving: Saving, reason: str, *, days: int = 0) -> Observed:
    return Observed(
        saving.saving_id, 0.0, None, None, days, _start(saving), (), counterfactual=0.0, paid=0.0, rows=0, reason=reason
    )


def _start(saving: Saving) -> date:
    assert saving.applied_on is not None
    return saving.applied_on


def _days(saving: Saving, through: date) -> int:
    """Days that count: since it was applied, until it was undone, at most a year."""
    end = min(through, (saving.ended_on or date.max) - timedelta(days=1))
    return min(DAYS_MAX, (end - _start(saving)).days + 1)


def _is_on(saving: Saving, day: date) -> bool:
    place = (day - _start(saving)).days
    return 0 <= place < DAYS_MAX and (saving.ended_on is None or day < saving.ended_on)
