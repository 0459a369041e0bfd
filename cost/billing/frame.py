"""A tenant's stored charges as a frame: a question in SQL over the Parquet files that count now.

For questions that `cost.billing.query` cannot ask because they need more than one sum, or more groups than a reader
wants to see. The table is called `charges` and has the columns of FOCUS 1.2. Text of a query is ours; what a caller
gives is bound as a value.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def bill_frame(store: BillingStore, sql: str, values: Sequence[object] = ()) -> pl.DataFrame:
    """Ask; without stored rows the frame has neither rows nor columns.

    Args:
        sql: reads the view `charges`.
    """
    with store.reading() as manifest:
        files = store.paths(manifest.files_of(start=None))
        if not files:
            return pl.DataFrame()
        with duckdb.connect(":memory:", config={"threads": THREADS_MAX}) as connection:
            connection.read_parquet(files).create_view("charges")
            found = pl.from_arrow(connection.sql(sql, params=list(values)).to_arrow_table())
    assert isinstance(found, pl.DataFrame)
    return found


def within(start: date | None, end: date | None) -> tuple[str, list[object]]:
    """A condition on the day of a charge, with its values; `end` is not part of it."""
    parts, values = ["TRUE"], list[object]()
    for sign, day in ((">=", start), ("<", end)):
        if day is not None:
            parts.append(f"ChargePeriodStart {sign} CAST(? AS TIMESTAMPTZ)")
            values.append(f"{day.isoformat()} 00:00:00+00")
    return " AND ".join(parts), values
