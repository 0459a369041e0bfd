"""A tenant's stored charges as a table: questions in SQL over the Parquet files that count now.

`cost.billing.query` asks sums by group; whoever needs more than one sum, or more groups than a reader wants to see,
asks here. The table is called `charges` and has the columns of FOCUS 1.2. Text of a query is ours; what a caller gives
is bound as a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final

import duckdb
import polars as pl

from cost.billing.store import BillingStore

THREADS_MAX: Final = 4
DAY: Final = "CAST(make_timestamp(epoch_us(ChargePeriodStart)) AS DATE)"
COUNTED: Final = (
    "CASE WHEN ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NOT NULL THEN 0 ELSE EffectiveCost END"
)
"""Effective cost that a row adds, as `cost.charges` says."""


@contextmanager
def open_charges(
    store: BillingStore, *, start: date | None = None, provider: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """A connection with the view `charges`, which imports beside it do not disturb; None where nothing is stored.

    Args:
        start, provider: files that cannot hold charges from this day on, or of this provider, are left out.
    """
    with store.reading() as manifest:
        files = store.paths(manifest.files_of(start=start, provider=provider))
        if not files:
            yield None
            return
        with duckdb.connect(":memory:", config={"threads": THREADS_MAX}) as connection:
            connection.read_parquet(files).create_view("charges")
            yield connection


def bill_frame(
    store: BillingStore, sql: str, values: Sequence[object] = (), *, start: date | None = None
) -> pl.DataFrame:
    """Ask; without stored rows the frame has neither rows nor columns.

    Args:
        sql: reads the view `charges`.
        start: charges before this day are not asked for.
    """
    with open_charges(store, start=start) as connection:
        if connection is None:
            return pl.DataFrame()
        found = pl.from_arrow(connection.sql(sql, params=list(values)).to_arrow_table())
    assert isinstance(found, pl.DataFrame)
    return found


def within(start: date | None, end: date | None) -> tuple[str, list[object]]:
    """A condition on the day of a charge, with its values; `end` is not part of it."""
    parts, values = ["TRUE"], list[object]()
    for sign, day in ((">=", start), ("<", end)):
        if day is not None:
            parts.append(f"ChargePeriodStart {sign} CAST(? AS TIMESTAMPTZ)")
            values.append(midnight(day))
    return " AND ".join(parts), values


def midnight(day: date) -> str:
    """The start of a day in UTC, as a value to compare instants with."""
    return f"{day.isoformat()} 00:00:00+00"
