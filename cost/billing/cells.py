"""Cost by which of several selections it belongs to: every billing row is in exactly one cell.

A cell is a set of selections, as the bits of a number. What no selection names is cell 0, so that the cells add up to
the whole, and cost that two selections name is there once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from cost.billing.query import AMOUNTS, BillingQuery, Measure, group_expression, run_over
from cost.billing.store import BillingStore
from domain.errors import InputError
from domain.resource import resource_key

SELECTIONS_MAX: Final = 60
RESOURCE: Final = "resource"


@dataclass(frozen=True, slots=True)
class CellCost:
    """What one cell cost on one day, in one currency, over how many rows."""

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
    """Sum the tenant's rows by day, cell and currency, in order of day.

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
        f"SELECT {group_expression('day')} AS day, CAST({cell} AS BIGINT) AS cell, BillingCurrency AS currency,"  # noqa: S608 (fixed words of ours)
        f" SUM({AMOUNTS[measure]}) AS amount, COUNT(*) AS n FROM charges"
        " WHERE ChargePeriodStart >= CAST(? AS TIMESTAMPTZ) AND ChargePeriodStart < CAST(? AS TIMESTAMPTZ)"
        " GROUP BY ALL ORDER BY day, cell, currency"
    )
    values += [f"{day.isoformat()} 00:00:00+00" for day in (start, end)]
    query = BillingQuery(measure=measure, start=start, end=end)
    rows = run_over(store, query, sql, values)
    return tuple(
        CellCost(day, cell, currency or "", amount or Decimal(0), n) for day, cell, currency, amount, n in rows
    )


def selected_rows(
    store: BillingStore, selection: Mapping[str, Sequence[str]], *, start: date, end: date, limit: int
) -> tuple[Mapping[str, Any], ...]:
    """The billing rows of a selection, largest first, each with the file and row that it came from.

    Raises:
        InputError: a column that there is not.
    """
    condition, values = _condition(selection)
    columns = (
        *("ChargePeriodStart", "ServiceName", "SubAccountId", "ResourceId", "ChargeCategory", "ChargeDescription"),
        *("BilledCost", "EffectiveCost", "BillingCurrency", "x_SourceFile", "x_SourceRow"),
    )
    sql = (
        f"SELECT {', '.join(columns)} FROM charges WHERE {condition}"  # noqa: S608 (fixed words of ours)
        " AND ChargePeriodStart >= CAST(? AS TIMESTAMPTZ) AND ChargePeriodStart < CAST(? AS TIMESTAMPTZ)"
        f" ORDER BY abs({AMOUNTS[Measure.EFFECTIVE]}) DESC, x_SourceFile, x_SourceRow LIMIT {limit:d}"
    )
    values += [f"{day.isoformat()} 00:00:00+00" for day in (start, end)]
    found = run_over(store, BillingQuery(start=start, end=end), sql, values)
    return tuple(dict(zip(columns, row, strict=True)) for row in found)


def last_day(store: BillingStore) -> date | None:
    """The last day that has usage; it is seldom whole."""
    parts = (part for parts in store.manifest().slices.values() for part in parts)
    return max((max(part.content.days) for part in parts if part.content.days), default=None)


def first_day(store: BillingStore) -> date | None:
    """The first day that has usage."""
    parts = (part for parts in store.manifest().slices.values() for part in parts)
    return min((min(part.content.days) for part in parts if part.content.days), default=None)


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
