"""What the bills say about commitments: demand that one could cover, what is held now, and what it is worth.

Demand is usage of the named services at contracted (on-demand) prices, whether a commitment covered it or not. It is by
day, since exports seldom have hours: within a day demand varies, so a level near a day's mean is used less than said
here; the answer notes it. What is held now is the mean of the last four weeks. Its rate is what covered usage cost over
what it would have cost on demand; without covered usage there is none, and the caller must give one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
import polars as pl

from cost.billing.frame import DAY, bill_frame, within
from cost.billing.store import BillingStore
from cost.commitment_scenarios import Floats
from domain.errors import InputError

RECENT_DAYS: Final = 28
_ON_DEMAND: Final = "COALESCE(ContractedCost, ListCost, EffectiveCost)"
_SQL: Final = f"""
SELECT {DAY} AS day, BillingCurrency AS currency,
       SUM(CASE WHEN CommitmentDiscountStatus IS DISTINCT FROM 'Unused' THEN {_ON_DEMAND} ELSE 0 END) AS demand,
       SUM(CASE WHEN CommitmentDiscountStatus = 'Used' THEN {_ON_DEMAND} ELSE 0 END) AS covered,
       SUM(CASE WHEN CommitmentDiscountStatus = 'Used' THEN EffectiveCost ELSE 0 END) AS used,
       SUM(CASE WHEN CommitmentDiscountStatus = 'Unused' THEN EffectiveCost ELSE 0 END) AS unused,
       MAX(epoch_us(ChargePeriodEnd) - epoch_us(ChargePeriodStart)) AS longest, COUNT(*) AS rows
FROM charges
WHERE {{conditions}} AND ChargeCategory = 'Usage' AND ChargeClass IS NULL AND {{services}}
  AND PricingCategory IS DISTINCT FROM 'Dynamic'
GROUP BY ALL ORDER BY currency, day
"""  # noqa: S608 (fixed words of ours)
_TWO_DAYS_US: Final = 2 * 86_400_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Demand in one currency, and the commitments held.

    Args:
        daily: demand per day from `first` on, whole days only.
        held: on-demand value that commitments held cover a day, used or not.
        rate: price of what is held over its on-demand value; None where nothing was covered.
        coverage, utilisation: of the last four weeks; None where there is nothing to divide by.
        rows: billing rows behind it.
    """

    currency: str
    first: date
    daily: Floats
    held: float
    rate: float | None
    coverage: float | None
    utilisation: float | None
    unused: Decimal
    rows: int


def demand_of(
    store: BillingStore, services: Sequence[str], *, start: date | None = None, end: date | None = None
) -> tuple[Demand, ...]:
    """Demand for some services, by currency; the bill's last day is seldom whole and left out.

    Raises:
        InputError: no service is named, or the export sums months into one row.
    """
    if not services or len(services) > 100:
        raise InputError("no service is named", expected="1 to 100 services", todo="Name the services to cover")
    conditions, values = within(start, end)
    marks = ", ".join("?" * len(services))
    sql = _SQL.format(conditions=conditions, services=f"ServiceName IN ({marks})")
    found = bill_frame(store, sql, [*values, *services], start=start)
    if found.is_empty():
        return ()
    if int(found["longest"].median() or 0) > _TWO_DAYS_US:  # type: ignore[arg-type]
        todo = "Import an export with hourly or daily rows"
        raise InputError("the bill sums many days into one row", expected="daily or hourly rows", todo=todo)
    return tuple(_demand(part) for part in found.partition_by("currency", maintain_order=True))


def _demand(rows: pl.DataFrame) -> Demand:
    first, last = rows["day"].min(), rows["day"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    days = max((last - first).days, 0)
    spine = pl.DataFrame({"day": [first + timedelta(days=at) for at in range(days)]}, schema={"day": pl.Date})
    whole = spine.join(rows, on="day", how="left", maintain_order="left").fill_null(0)
    daily = {name: whole[name].cast(pl.Float64).to_numpy() for name in ("demand", "covered", "used", "unused")}
    recent = {name: float(values[-RECENT_DAYS:].sum()) for name, values in daily.items()}
    rate = recent["used"] / recent["covered"] if recent["covered"] > 0 else None
    paid = recent["used"] + recent["unused"]
    unused = whole["unused"].tail(RECENT_DAYS).sum()
    return Demand(
        currency=str(rows["currency"][0]),
        first=first,
        daily=np.maximum(daily["demand"], 0.0),
        held=paid / rate / min(RECENT_DAYS, max(days, 1)) if rate else 0.0,
        rate=rate,
        coverage=recent["covered"] / recent["demand"] if recent["demand"] > 0 else None,
        utilisation=recent["used"] / paid if paid > 0 else None,
        unused=Decimal(str(unused)),
        rows=int(rows["rows"].sum()),
    )
