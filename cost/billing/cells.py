"""Cost by which of several selections it belongs to: every billing row is in exactly one cell.

A cell is a set of selections, as the bits of a number. What no selection names is cell 0, so that the cells add up to
the whole, and cost that two selections name is there once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from cost.billing.frame import DAY, midnight
from cost.billing.query import AMOUNTS, BillingQuery, Measure, group_expression, run_over
from cost.billing.store import BillingStore
from domain.errors import InputError
from domain.resource import resource_key

SELECTIONS_MAX: Final = 60
SPREAD_DAYS_MAX: Final = 31
_PART: Final = Decimal("1e-12")
_LAST: Final = "CAST(make_timestamp(epoch_us(ChargePeriodEnd) - 1) AS DATE)"
_DAYS: Final = f"greatest(date_diff('day', {DAY}, {_LAST}) + 1, 1)"
_IN_WINDOW: Final = (
    "ChargePeriodStart < CAST(? AS TIMESTAMPTZ) AND (ChargePeriodStart >= CAST(? AS TIMESTAMPTZ)"
    f" OR (ChargePeriodEnd > CAST(? AS TIMESTAMPTZ) AND {_DAYS} <= {SPREAD_DAYS_MAX}))"
)
"""Rows that `_spread` gives a day of the window to; its values are `_window`'s."""
RESOURCE: Final = "resource"


@dataclass(frozen=True, slots=True)
class CellCost:
    """What one cell cost on one day, in one currency; a row for several days counts on its first."""

    day: date
    cell: int
    currency: str
    amount: Decimal
    rows: int


def cell_costs(
    store: BillingStore,
    selections: Sequence[Mapping[str, Sequence[str]]],
    *,
    start: date,
    end: date,
    measure: Measure = Measure.EFFECTIVE,
) -> tuple[CellCost, ...]:
    """Sum the tenant's rows by day, cell and currency, in order of day; a row for a month is on each of its days.

    Args:
        selections: values by column; a row is selected that has one of the values in every column named. Resources
            are named by the provider's id; a charge that has only the last part of an ARN fits it in its account.
        end: the day after the last.

    Raises:
        InputError: too many selections, or a column that there is not.
    """
    if len(selections) > SELECTIONS_MAX:
        raise InputError("too many selections", got=len(selections), expected=f"at most {SELECTIONS_MAX}")
    bits, values = [], list[object]()
    for place, selection in enumerate(selections):
        condition, bound = _condition(selection)
        bits.append(f"CASE WHEN {condition} THEN {1 << place} ELSE 0 END")
        values += bound
    cell = " + ".join(bits) or "0"
    sql = (
        f"SELECT {DAY} AS day, {_DAYS} AS days, CAST({cell} AS BIGINT) AS cell, BillingCurrency AS currency,"  # noqa: S608 (fixed words of ours)
        f" SUM({AMOUNTS[measure]}) AS amount, COUNT(*) AS n FROM charges WHERE {_IN_WINDOW} GROUP BY ALL"
    )
    values += _window(start, end)
    query = BillingQuery(measure=measure, start=start, end=end)
    sums: dict[tuple[date, int, str], tuple[Decimal, int]] = {}
    for day, days, number, currency, amount, n in run_over(store, query, sql, values):
        for at, part, rows in _spread(day, days, amount or Decimal(0), n, start=start, end=end):
            key = (at, number, currency or "")
            before, count = sums.get(key, (Decimal(0), 0))
            sums[key] = (before + part, count + rows)
    return tuple(CellCost(*key, amount, rows) for key, (amount, rows) in sorted(sums.items()))


def _window(start: date, end: date) -> list[str]:
    return [midnight(end), midnight(start), midnight(start)]


def _spread(
    first: date, days: int, amount: Decimal, rows: int, *, start: date, end: date
) -> Iterator[tuple[date, Decimal, int]]:
    """The days of a charge within the window, in equal parts that add up to it; the rows stand on the first of them.

    What is for longer than a month is no use of its days but a payment, and stays on its first.
    """
    if days == 1 or days > SPREAD_DAYS_MAX:
        if start <= first < end:
            yield first, amount, rows
        return
    part = (amount / days).quantize(_PART)
    for at in range(max((start - first).days, 0), min((end - first).days, days)):
        is_last = at == days - 1
        yield first + timedelta(days=at), amount - part * (days - 1) if is_last else part, rows
        rows = 0


def selected_rows(
    store: BillingStore, selection: Mapping[str, Sequence[str]], *, start: date, end: date, limit: int
) -> tuple[Mapping[str, Any], ...]:
    """The billing rows behind `cell_costs` of a selection, largest first, each with the file and row that it came from.

    Raises:
        InputError: a column that there is not.
    """
    condition, values = _condition(selection)
    columns = (
        *("ChargePeriodStart", "ServiceName", "SubAccountId", "ResourceId", "ChargeCategory", "ChargeDescription"),
        *("BilledCost", "EffectiveCost", "BillingCurrency", "x_SourceFile", "x_SourceRow"),
    )
    sql = (
        f"SELECT {', '.join(columns)} FROM charges WHERE {condition} AND {_IN_WINDOW}"  # noqa: S608 (fixed words of ours)
        f" ORDER BY abs({AMOUNTS[Measure.EFFECTIVE]}) DESC, x_SourceFile, x_SourceRow LIMIT {limit:d}"
    )
    values += _window(start, end)
    found = run_over(store, BillingQuery(start=start, end=end), sql, values)
    return tuple(dict(zip(columns, row, strict=True)) for row in found)


def bill_span(store: BillingStore) -> tuple[date, date] | None:
    """The first and the last day that have usage; the last is seldom whole. None without any."""
    parts = (part for parts in store.manifest().slices.values() for part in parts)
    known = [part.content.days for part in parts if part.content.days]
    return (min(map(min, known)), max(map(max, known))) if known else None


def _condition(selection: Mapping[str, Sequence[str]]) -> tuple[str, list[object]]:
    parts, values = [], list[object]()
    for name, wanted in selection.items():
        if name == RESOURCE:
            keys, tails = _resource_keys(wanted)
            parts.append(
                "(lower(COALESCE(ResourceId, '')) IN (SELECT unnest(CAST(? AS VARCHAR[]))) OR"
                " lower(COALESCE(ResourceId, '')) || '|' || lower(COALESCE(SubAccountId, ''))"
                " IN (SELECT unnest(CAST(? AS VARCHAR[]))))"
            )
            values += [keys, tails]
        else:
            expression = f"COALESCE(CAST({group_expression(name)} AS VARCHAR), '')"
            parts.append(f"{expression} IN (SELECT unnest(CAST(? AS VARCHAR[])))")
            values.append(list(wanted))
    return " AND ".join(parts) or "FALSE", values


def _resource_keys(uids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ids in lower case, and the last parts of ARNs with their account."""
    keys = [resource_key(uid).lower() for uid in uids]
    tails = []
    for uid in uids:
        parts = uid.split(":", 5)
        if uid.startswith("arn:") and len(parts) == 6 and parts[4]:
            tail = parts[5].replace(":", "/").rsplit("/", 1)[-1]
            tails.append(f"{tail}|{parts[4]}".lower())
    return keys, tails
