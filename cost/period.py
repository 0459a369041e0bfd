"""Which month a monthly cost is of.

Rule, for each provider by itself, because their bills arrive on different days:

1. the latest billing period that ended by `as_of` and that usage covers from its first to its last day;
2. without one, the thirty days up to the last usage before `as_of`, by the start of the charge. Amounts are not scaled
   up, and the days really covered are stated.

Rows of other periods are left out; corrections count in the period that bills them, as FOCUS has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import polars as pl

TRAILING: Final = timedelta(days=30)
SLACK: Final = timedelta(days=1)


class PeriodRule(StrEnum):
    """How a period was chosen."""

    MONTH = "latest complete billing month"
    TRAILING = "trailing 30 days"


@dataclass(frozen=True, slots=True)
class CostPeriod:
    """The month that a provider's costs are of; `end` is not part of it, `days` is what usage covers."""

    provider: str
    start: datetime
    end: datetime
    rule: PeriodRule
    days: int

    @property
    def label(self) -> str:
        """``2026-10``, or ``2026-10-05/2026-11-04`` for trailing days."""
        if self.rule is PeriodRule.MONTH:
            return f"{self.start:%Y-%m}"
        return f"{self.start:%Y-%m-%d}/{self.end:%Y-%m-%d}"

    @property
    def rows(self) -> pl.Expr:
        """Chooses this period's rows."""
        own = pl.col("ProviderName").fill_null("") == self.provider
        if self.rule is PeriodRule.MONTH:
            return own & (pl.col("BillingPeriodStart") == self.start)
        return own & (pl.col("ChargePeriodStart") >= self.start) & (pl.col("ChargePeriodStart") < self.end)


def cost_periods(charges: pl.DataFrame, *, as_of: datetime) -> tuple[CostPeriod, ...]:
    """A period for each provider that has one, in order of provider."""
    usage = charges.filter(
        pl.col("ChargeCategory") == "Usage",
        pl.col("ChargeClass").ne_missing("Correction"),
        pl.col("ChargePeriodStart") < as_of,
    ).with_columns(pl.col("ProviderName").fill_null("").alias("provider"))
    months = (
        usage.group_by("provider", "BillingPeriodStart", "BillingPeriodEnd")
        .agg(pl.col("ChargePeriodStart").min().alias("first"), pl.col("ChargePeriodEnd").max().alias("last"))
        .filter(
            pl.col("BillingPeriodEnd") <= as_of,
            pl.col("first") <= pl.col("BillingPeriodStart") + SLACK,
            pl.col("last") >= pl.col("BillingPeriodEnd") - SLACK,
        )
    )
    latest = {name: (start, end) for name, start, end in _bounds(months)}
    return tuple(
        _month(name, *latest[name]) if name in latest else _trailing(usage, name, as_of=as_of)
        for name in sorted(usage["provider"].unique())
    )


def _bounds(months: pl.DataFrame) -> list[tuple[str, datetime, datetime]]:
    return months.sort("BillingPeriodStart").select("provider", "BillingPeriodStart", "BillingPeriodEnd").rows()


def _month(provider: str, start: datetime, end: datetime) -> CostPeriod:
    return CostPeriod(provider, start, end, PeriodRule.MONTH, (end - start).days)


def _trailing(usage: pl.DataFrame, provider: str, *, as_of: datetime) -> CostPeriod:
    own = usage.filter(pl.col("provider") == provider)
    (last,) = own.select(pl.col("ChargePeriodEnd").max()).row(0)
    end = min(last, as_of)
    start = end - TRAILING
    (first,) = own.filter(pl.col("ChargePeriodStart") >= start).select(pl.col("ChargePeriodStart").min()).row(0)
    days = 0 if first is None else -(-(end - first) // timedelta(days=1))
    return CostPeriod(provider, start, end, PeriodRule.TRAILING, days)
