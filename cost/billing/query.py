"""Sums over a tenant's billing rows by day, service and more, read from Parquet by DuckDB.

Currencies are never added: every group has its currency. Effective cost is what FOCUS says it is; a purchase of a
commitment counts for nothing in it, even where an export says otherwise (`cost.charges`).

Names of columns are chosen here from fixed words; whatever a caller gives is bound as a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from cost.billing.frame import COUNTED, DAY, open_charges, within
from cost.billing.store import BillingStore
from domain.errors import InputError

ROWS_MAX: Final = 100_000
TAG_PREFIX: Final = "tag:"
TAG_LENGTH_MAX: Final = 256
UNTAGGED: Final = ""

GROUPS: Final[Mapping[str, str]] = {
    "day": DAY,
    "month": "strftime(make_timestamp(epoch_us(BillingPeriodStart)), '%Y-%m')",
    "provider": "ProviderName",
    "service": "ServiceName",
    "service_category": "ServiceCategory",
    "billing_account": "BillingAccountId",
    "account": "SubAccountId",
    "region": "RegionId",
    "resource": "ResourceId",
    "resource_type": "ResourceType",
    "category": "ChargeCategory",
    "commitment": "CommitmentDiscountId",
    "source": "x_SourceFormat",
}
"""What can be grouped and filtered by, besides `tag:KEY`."""


class Measure(StrEnum):
    """Which cost is summed."""

    EFFECTIVE = "effective"
    BILLED = "billed"
    LIST = "list"
    CONTRACTED = "contracted"


AMOUNTS: Final[Mapping[Measure, str]] = {
    Measure.EFFECTIVE: COUNTED,
    Measure.BILLED: "BilledCost",
    Measure.LIST: "ListCost",
    Measure.CONTRACTED: "ContractedCost",
}


@dataclass(frozen=True, slots=True)
class BillingQuery:
    """A question.

    Args:
        by: names of `GROUPS`, or `tag:KEY`.
        start, end: days of charges; `end` is not part of it.
        where: values by name of group; the empty text asks for rows without a value.
    """

    by: tuple[str, ...] = ("day",)
    measure: Measure = Measure.EFFECTIVE
    start: date | None = None
    end: date | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    limit: int = 10_000


@dataclass(frozen=True, slots=True)
class CostGroup:
    """One group: its keys in the query's order, currency, amount, rows."""

    keys: tuple[str, ...]
    currency: str
    amount: Decimal
    rows: int


def ask(store: BillingStore, query: BillingQuery) -> tuple[CostGroup, ...]:
    """Sum the tenant's rows; by time where the query groups by time first, otherwise the largest first.

    Raises:
        InputError: there is no such group, or more groups than the limit.
    """
    _require_sound(query)
    conditions, values = _conditions(query)
    rows = run_over(store, query, _sums(query, conditions), values)
    if len(rows) > query.limit:
        raise InputError(
            "the query has more groups than its limit",
            expected=f"at most {query.limit}",
            todo="Ask for fewer days or a coarser group, or raise the limit",
        )
    return tuple(CostGroup(tuple(row[:-3]), row[-3] or "", row[-2] or Decimal(0), row[-1]) for row in rows)


def rows_behind(store: BillingStore, query: BillingQuery) -> tuple[Mapping[str, Any], ...]:
    """The billing rows behind a sum, largest first, each with the file and row that it came from.

    Raises:
        InputError: there is no such group.
    """
    _require_sound(query)
    conditions, values = _conditions(query)
    measure = AMOUNTS[query.measure]
    columns = (
        *("ChargePeriodStart", "ChargePeriodEnd", "ProviderName", "BillingAccountId", "SubAccountId", "ServiceName"),
        *("ResourceId", "ChargeCategory", "ChargeClass", "ChargeDescription", "BilledCost", "EffectiveCost"),
        *("BillingCurrency", "x_SourceFormat", "x_SourceVersion", "x_SourceFile", "x_SourceRow"),
    )
    found = run_over(
        store,
        query,
        f"SELECT {', '.join(columns)} FROM charges WHERE {conditions}"  # noqa: S608 (fixed words of ours)
        f" ORDER BY abs({measure}) DESC, x_SourceFile, x_SourceRow LIMIT {query.limit:d}",
        values,
    )
    return tuple(dict(zip(columns, row, strict=True)) for row in found)


def _sums(query: BillingQuery, conditions: str) -> str:
    """The question in SQL: grouped by the values as they are, and only the few groups made text.

    Only fixed words of ours are in it, and names of tags that `_key` has checked.
    """
    places = range(len(query.by))
    own = "".join(f"{group_expression(name)} AS g{place}, " for place, name in enumerate(query.by))
    text = "".join(f"COALESCE(CAST(g{place} AS VARCHAR), '') AS k{place}, " for place in places)
    names = "".join(f"k{place}, " for place in places)
    order = "k0, " if query.by and query.by[0] in {"day", "month"} else ""
    inner = (
        f"SELECT {own}BillingCurrency AS currency, SUM({AMOUNTS[query.measure]}) AS amount, COUNT(*) AS n"  # noqa: S608
        f" FROM charges WHERE {conditions} GROUP BY ALL"
    )
    return (
        f"SELECT {text}currency, SUM(amount) AS amount, CAST(SUM(n) AS BIGINT) AS n FROM ({inner})"  # noqa: S608
        f" GROUP BY {names}currency ORDER BY {order}amount DESC, {names}currency LIMIT {query.limit + 1:d}"
    )


def _require_sound(query: BillingQuery) -> None:
    if not 1 <= query.limit <= ROWS_MAX:
        raise InputError("the limit is out of bounds", got=query.limit, expected=f"1 to {ROWS_MAX}", todo="Change it")
    if len(set(query.by)) != len(query.by):
        raise InputError("a group is named twice", got=", ".join(query.by), todo="Name each once")
    for name in (*query.by, *query.where):
        group_expression(name)


def group_expression(name: str) -> str:
    """What a name of a group is in SQL; only fixed words of ours, and names of tags that are checked here.

    Raises:
        InputError: there is no such group.
    """
    if name.startswith(TAG_PREFIX):
        key = name.removeprefix(TAG_PREFIX)
        if not key or len(key) > TAG_LENGTH_MAX or re.search(r"[\x00-\x1f\"\\]", key):
            raise InputError("the tag's name is not valid", got=name, expected="tag:KEY", todo="Write: tag:team")
        path = json.dumps(f'$."{key}"', ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "''")
        return f"CASE WHEN json_valid(Tags) THEN json_extract_string(Tags, '{path}') END"
    if name not in GROUPS:
        raise InputError(
            "billing rows cannot be grouped so",
            got=name,
            expected=", ".join([*GROUPS, "tag:KEY"]),
            todo="Name one of them",
        )
    return GROUPS[name]


def _conditions(query: BillingQuery) -> tuple[str, list[object]]:
    days, values = within(query.start, query.end)
    parts = [days]
    for name, value in query.where.items():
        parts.append(f"COALESCE(CAST({group_expression(name)} AS VARCHAR), '') = ?")
        values.append(value)
    return " AND ".join(parts), values


def run_over(store: BillingStore, query: BillingQuery, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """Run over the files that count now; imports beside it do not disturb it."""
    with open_charges(store, start=query.start, provider=query.where.get("provider")) as connection:
        return [] if connection is None else connection.execute(sql, list(values)).fetchall()
