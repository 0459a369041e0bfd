"""What each resource costs in a month, and the cost that belongs to no resource: together exactly the total.

The month is chosen as `cost.period` says, resources are found as `cost.matching` says, and a row counts what
`cost.charges` says. Currencies are never added. Corrections, refunds and credits are rows like any other, negative
where the bill has them so; they are in the totals and also shown by themselves.

Amounts are decimals with twelve places; sums are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import polars as pl

from cost.charges import exact_sum, read_charges
from cost.matching import Billable, Charged, Matcher, Mismatch
from cost.period import CostPeriod, cost_periods
from domain.money import Money

COMMITMENT_UNUSED: Final = "commitment paid for and not used"
COMMITMENT_PURCHASE: Final = "commitment purchase, counted where it is used"

_IDENTITY: Final = ["ResourceId", "ResourceName", "SubAccountId"]


@dataclass(frozen=True, slots=True)
class CostLine:
    """A part of a total: what it is, how much, over how many rows."""

    label: str
    amount: Decimal
    rows: int


@dataclass(frozen=True, slots=True)
class CurrencyCosts:
    """A month's cost in one currency. `matched` + `unmatched` = `total`.

    Args:
        amounts: effective cost of each resource, in the order the resources were given; null where none was billed.
        by_rule: matched cost by the rule that found the resource.
        by_account: total by sub-account, largest first.
        unmatched_by_reason: cost of no resource, by reason, largest first.
        billed: what the invoices say for the same rows.
        commitment_used: effective cost of rows that a commitment covered; part of `matched` or `unmatched`.
        commitment_unused: effective cost of commitments that nobody used; part of the total.
        commitment_set_aside: effective cost that commitment purchases carried although their use is billed.
        corrections: cost of rows that correct a former invoice; part of the total.
        credits: cost of credits; part of the total.
    """

    currency: str
    amounts: pl.Series
    total: Decimal
    matched: Decimal
    unmatched: Decimal
    billed: Decimal
    by_rule: tuple[CostLine, ...]
    by_account: tuple[CostLine, ...]
    unmatched_by_reason: tuple[CostLine, ...]
    commitment_used: Decimal
    commitment_unused: Decimal
    commitment_set_aside: Decimal
    corrections: Decimal
    credits: Decimal


@dataclass(frozen=True, slots=True)
class ResourceCosts:
    """Monthly effective cost per resource.

    Args:
        currencies: the one with the largest total first.
        copied_rows: rows ignored because another file holds the same.
        other_rows: rows outside the periods.
    """

    periods: tuple[CostPeriod, ...]
    currencies: tuple[CurrencyCosts, ...]
    rows: int
    copied_rows: int
    other_rows: int

    def of(self, index: int) -> tuple[Money, ...]:
        """A resource's cost, in each currency it is billed in."""
        found = ((costs.amounts[index], costs.currency) for costs in self.currencies)
        return tuple(Money(amount, currency) for amount, currency in found if amount is not None)


def cost_by_resource(frames: Sequence[pl.DataFrame], resources: Billable, *, as_of: datetime) -> ResourceCosts:
    """Give a month's charges to resources.

    Args:
        frames: billing rows with FOCUS columns, one frame per file.

    Raises:
        InputError: a frame lacks a mandatory column.
    """
    charges = read_charges(frames)
    periods = cost_periods(charges.frame, as_of=as_of)
    chosen = pl.any_horizontal([period.rows for period in periods]) if periods else pl.lit(value=False)
    rows = _matched(charges.frame.filter(chosen), resources)
    currencies = [_in_currency(part, len(resources.uids)) for part in rows.partition_by("BillingCurrency")]
    return ResourceCosts(
        periods=periods,
        currencies=tuple(sorted(currencies, key=lambda costs: (-abs(costs.total), costs.currency))),
        rows=rows.height,
        copied_rows=charges.copied_rows,
        other_rows=charges.frame.height - rows.height,
    )


def _matched(rows: pl.DataFrame, resources: Billable) -> pl.DataFrame:
    """The rows with the index of their resource and the rule, or with the reason why there is none."""
    matcher = Matcher(resources)
    distinct = rows.select(_IDENTITY).unique(maintain_order=True)
    found = [matcher.match(Charged(*identity)) for identity in distinct.rows()]
    looked_up = distinct.with_columns(
        pl.Series("resource", [None if isinstance(f, Mismatch) else f[0] for f in found], dtype=pl.UInt32),
        pl.Series("rule", [None if isinstance(f, Mismatch) else f[1].value for f in found], dtype=pl.String),
        pl.Series("mismatch", [f.value if isinstance(f, Mismatch) else None for f in found], dtype=pl.String),
    )
    joined = rows.join(looked_up, on=_IDENTITY, how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(pl.when(pl.col("resource").is_null()).then(_reason()).alias("reason"))


def _reason() -> pl.Expr:
    category = pl.col("ChargeCategory")
    return (
        pl.when(pl.col("CommitmentDiscountStatus") == "Unused")
        .then(pl.lit(COMMITMENT_UNUSED))
        .when((category == "Purchase") & pl.col("CommitmentDiscountId").is_not_null())
        .then(pl.lit(COMMITMENT_PURCHASE))
        .when(category.is_in(["Tax", "Credit", "Purchase", "Adjustment"]))
        .then(category.str.to_lowercase())
        .otherwise("mismatch")
    )


def _in_currency(rows: pl.DataFrame, resources: int) -> CurrencyCosts:
    is_matched = pl.col("resource").is_not_null()
    covered = pl.col("CommitmentDiscountId").is_not_null() & (pl.col("CommitmentDiscountStatus") == "Used")
    return CurrencyCosts(
        currency=rows["BillingCurrency"][0],
        amounts=_per_resource(rows.filter(is_matched), resources),
        total=_sum(rows, "counted"),
        matched=_sum(rows.filter(is_matched), "counted"),
        unmatched=_sum(rows.filter(~is_matched), "counted"),
        billed=_sum(rows, "BilledCost"),
        by_rule=_lines(rows.filter(is_matched), "rule"),
        by_account=_lines(rows, "SubAccountId"),
        unmatched_by_reason=_lines(rows.filter(~is_matched), "reason"),
        commitment_used=_sum(rows.filter(covered), "counted"),
        commitment_unused=_sum(rows.filter(pl.col("CommitmentDiscountStatus") == "Unused"), "counted"),
        commitment_set_aside=_sum(rows, "EffectiveCost") - _sum(rows, "counted"),
        corrections=_sum(rows.filter(pl.col("ChargeClass") == "Correction"), "counted"),
        credits=_sum(rows.filter(pl.col("ChargeCategory") == "Credit"), "counted"),
    )


def _per_resource(rows: pl.DataFrame, resources: int) -> pl.Series:
    sums = rows.group_by("resource").agg(pl.col("counted").sum())
    every = pl.DataFrame({"resource": pl.int_range(resources, dtype=pl.UInt32, eager=True)})
    return every.join(sums, on="resource", how="left", maintain_order="left")["counted"]


def _lines(rows: pl.DataFrame, by: str) -> tuple[CostLine, ...]:
    sums = rows.group_by(pl.col(by).fill_null("")).agg(pl.col("counted").sum(), pl.len())
    return tuple(sorted((CostLine(*row) for row in sums.rows()), key=lambda line: (-line.amount, line.label)))


def _sum(rows: pl.DataFrame, column: str) -> Decimal:
    return exact_sum(rows[column])
