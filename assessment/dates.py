"""Violations whose day is known: policies with a date in them, judged now and at each of the next seven days.

A resource that complies now and violates on day d begins to violate between day d-1 and day d. That instant is then
found to the second by halving the interval; where it lies a fixed time from a date in the resource itself, that date
is the reason, and the same distance from the same attribute gives the instant for the other resources of the policy.

Nothing is learned here: the same definitions are asked about later instants, as if nothing else changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final

import numpy as np

from assessment.evaluation import Group, Indexes, selected
from domain.clock import format_instant, parse_instant
from domain.errors import InputError
from domain.finding import Verdict
from domain.prediction import HORIZON_DAYS
from domain.resource import ConfigurationItem
from domain.value import Value
from graph.columns import ChildTable, Table
from graph.shred import shred
from policy.compile import Program
from policy.evaluate import Lookups, evaluate

DAY: Final = timedelta(days=1)
SECOND: Final = timedelta(seconds=1)
HALVED_MAX: Final = 200
"""Resources per policy whose instant is searched by halving; further ones get the day."""

_EPOCH_SECONDS: Final = range(10**9, 4 * 10**9)
_DATE_LENGTH: Final = range(len("2026-01-31"), 41)


@dataclass(frozen=True, slots=True)
class Flip:
    """A resource begins to violate a policy at `at`."""

    resource: int
    at: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Distance:
    """How far from the date at `path` a policy begins to be violated."""

    path: str
    offset: timedelta

    def reasons(self, date: datetime) -> tuple[str, ...]:
        head = f"{self.path.rpartition('|')[2]} is {format_instant(date)}"
        if not self.offset:
            return (head, "violated from then on")
        side = "before" if self.offset < timedelta() else "after"
        return (head, f"violated from {_length(abs(self.offset))} {side} that")


def flips(
    program: Program,
    by_type: Mapping[str, Group],
    items: Sequence[ConfigurationItem],
    lookups: Lookups,
    *,
    as_of: datetime,
) -> Iterator[Flip]:
    """When resources that comply now begin to violate within seven days, by day and then by resource."""
    by_day = _days(program, by_type, lookups, as_of)
    known: list[_Distance] = []
    left = HALVED_MAX
    for day, rows in enumerate(by_day, start=1):
        high = as_of + day * DAY
        for row in rows:
            item = items[int(row)]
            table = shred([item], program.paths)
            dates = dict(_dates(table))
            found = _by_distance(int(row), dates, known, high)
            if found is None and left > 0 and program.existence is None:
                left -= 1
                at = _halve(program, table, high - DAY, high)
                known.extend(_distances(dates, at))
                found = _by_distance(int(row), dates, known, high) or Flip(int(row), at, _plain(at))
            yield found or Flip(int(row), high, (f"compliant on {high - DAY:%d %b}, violating on {high:%d %b}",))


def _days(program: Program, by_type: Mapping[str, Group], lookups: Lookups, as_of: datetime) -> list[Indexes]:
    """For each of the days, the resources that comply now and violate on it for the first time."""
    days: list[list[Indexes]] = [[] for _ in range(HORIZON_DAYS)]
    for group in selected(program, by_type):
        now = group.verdicts(program, lookups, now=as_of)
        waiting = (now == Verdict.COMPLIANT) & group.is_kept
        for day in range(HORIZON_DAYS):
            if not waiting.any():
                break
            then = group.verdicts(program, lookups, now=as_of + (day + 1) * DAY)
            fails = waiting & (then == Verdict.VIOLATION)
            days[day].append(group.rows[fails])
            waiting &= ~fails
    return [np.sort(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64) for parts in days]


def _halve(program: Program, table: Table, low: datetime, high: datetime) -> datetime:
    """The first whole second, counted from `low`, at which the only row violates; it does at `high`, not at `low`."""
    while high - low > SECOND:
        middle = low + ((high - low) / 2 // SECOND) * SECOND
        if evaluate(program, table, now=middle)[0] == Verdict.VIOLATION:
            high = middle
        else:
            low = middle
    return high


def _distances(dates: Mapping[str, datetime], at: datetime) -> list[_Distance]:
    """Dates that lie a whole number of days, or else of hours, from the instant found; the nearest only."""
    for unit in (DAY, timedelta(hours=1)):
        fits = [
            _Distance(path, steps * unit)
            for path, date in sorted(dates.items())
            if abs(at - date - (steps := round((at - date) / unit)) * unit) <= SECOND
        ]
        if fits:
            return [min(fits, key=lambda fit: (abs(fit.offset), fit.path))]
    return []


def _by_distance(row: int, dates: Mapping[str, datetime], known: Sequence[_Distance], high: datetime) -> Flip | None:
    for distance in known:
        date = dates.get(distance.path)
        if date is not None and high - DAY - SECOND <= date + distance.offset <= high:
            return Flip(row, date + distance.offset, distance.reasons(date))
    return None


def _plain(at: datetime) -> tuple[str, ...]:
    return (f"compliant until {format_instant(at - SECOND)}, violating from {format_instant(at)}",)


def _dates(table: Table | ChildTable) -> Iterator[tuple[str, datetime]]:
    """Paths of a one-row table that hold one date. A path with several different dates names none of them."""
    for path, column in table.columns.items():
        values = {date for code in set(column.codes.tolist()) if (date := _date(column.values[code])) is not None}
        if len(values) == 1:
            yield path, values.pop()
    yield from chain.from_iterable(_dates(child) for child in table.children.values())


def _date(value: Value) -> datetime | None:
    """A date-time in text, or seconds since 1970 as some providers write them."""
    if isinstance(value, int) and not isinstance(value, bool) and value in _EPOCH_SECONDS:
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, str) or len(value) not in _DATE_LENGTH or not value[:4].isdigit():
        return None
    try:
        return parse_instant(value)
    except InputError:
        return None


def _length(span: timedelta) -> str:
    if span % DAY:
        return f"{span // timedelta(hours=1)} hours"
    days = span // DAY
    return "1 day" if days == 1 else f"{days} days"
