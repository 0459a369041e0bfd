"""What the estate costs: FOCUS rows by resource and period, with commitments, seasons, waste, tax and a credit.

Decided here: which rows there are and what they amount to. Not decided here: where they are written (`ledger`).
Amounts are whole hundredths of a USD until they become decimal columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import polars as pl

from connectors.estate.company import Record
from domain.resource import Provider

COMMITTED_SERVICES = ("Virtual Machines", "Amazon Elastic Compute Cloud", "Compute Engine")
COMMITTED_SHARE = 0.72
"""Effective price of committed use over list price."""

UTILISATION = 0.95
"""Share of a commitment that is used; the rest is paid and wasted."""

PUBLISHERS = {Provider.AZURE: "Microsoft", Provider.AWS: "AWS", Provider.GCP: "Google Cloud"}

_COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


@dataclass(frozen=True, slots=True)
class Month:
    """One billing period, and the part of it that has passed."""

    start: datetime
    end: datetime
    until: datetime

    @property
    def label(self) -> str:
        return f"{self.start:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Charge:
    """What of a record its bill needs: records themselves are too large to keep."""

    provider: str
    uid: str
    name: str
    type: str
    region: str
    account: str
    service: str
    cents_month: int
    is_committed: bool
    tags: str


def charge(record: Record) -> Charge:
    """A record's charge; half of what runs on machines is covered by a commitment."""
    return Charge(
        provider=record.provider,
        uid=record.uid,
        name=record.name,
        type=record.type,
        region=record.region,
        account=record.account,
        service=record.service,
        cents_month=record.cents_month,
        is_committed=record.service in COMMITTED_SERVICES and sum(record.uid.encode()) % 2 == 0,
        tags=orjson.dumps(dict(record.tags), option=orjson.OPT_SORT_KEYS).decode(),
    )


def months(*, as_of: datetime, days: int) -> list[Month]:
    """The billing periods that the last `days` touch, oldest first; the last one is not complete."""
    found: list[Month] = []
    start = _month_start(as_of)
    first = as_of - timedelta(days=max(days, 1))
    while True:
        end = _month_start(start + timedelta(days=32))
        found.append(Month(start, end, min(end, as_of.replace(hour=0, minute=0, second=0, microsecond=0))))
        if start <= first:
            return [month for month in reversed(found) if month.until > month.start]
        start = _month_start(start - timedelta(days=1))


def usage(charges: Sequence[Charge], month: Month, *, by_day: bool) -> pl.DataFrame:
    """Usage of a month: a row for each resource and day, or for each resource."""
    base = pl.DataFrame(
        {name: [getattr(each, name) for each in charges] for name in Charge.__slots__}, schema=_CHARGE_SCHEMA
    )
    cents = (pl.col("cents_month") * pl.col("share")).round().cast(pl.Int64)
    effective = (pl.col("list") * pl.when("is_committed").then(COMMITTED_SHARE).otherwise(1.0)).round()
    covered = pl.col("is_committed")
    return (
        base.join(_periods(month, by_day=by_day), how="cross")
        .with_columns(list=cents)
        .with_columns(effective=effective.cast(pl.Int64))
        .with_columns(
            BilledCost=pl.when(covered).then(0).otherwise(pl.col("effective")),
            EffectiveCost=pl.col("effective"),
            ListCost=pl.col("list"),
            ContractedCost=pl.col("list"),
            ChargeCategory=pl.lit("Usage"),
            ChargeFrequency=pl.lit("Usage-Based"),
            ChargeDescription=pl.lit("Synthetic ") + pl.col("service"),
            ServiceName=pl.col("service"),
            ResourceId=pl.col("uid"),
            ResourceName=pl.col("name"),
            ResourceType=pl.col("type"),
            RegionId=pl.col("region"),
            CommitmentDiscountId=pl.when(covered).then(_plan_id()),
            CommitmentDiscountType=pl.when(covered).then(pl.lit("Savings Plan")),
            CommitmentDiscountStatus=pl.when(covered).then(pl.lit("Used")),
            Tags=pl.col("tags"),
        )
        .pipe(_focus, month)
    )


def account_totals(rows: pl.DataFrame) -> pl.DataFrame:
    """By account: what usage lists for, and what committed use amounts to."""
    used = pl.col("EffectiveCost").filter(pl.col("CommitmentDiscountStatus") == "Used").sum()
    keys = ("ProviderName", "SubAccountId")
    return rows.group_by(*keys, maintain_order=True).agg(list=pl.col("ListCost").sum(), used=used)


def account_rows(totals: pl.DataFrame, month: Month) -> pl.DataFrame:
    """Rows that belong to no resource: the commitment's purchase and its unused part, tax, and a credit."""
    sums = totals.group_by("ProviderName", "SubAccountId").agg(pl.col("list", "used").sum()).sort("SubAccountId")
    names = {publisher: str(provider) for provider, publisher in PUBLISHERS.items()}
    base = sums.select(
        provider=pl.col("ProviderName").replace(names),
        account=pl.col("SubAccountId"),
        list=(pl.col("list") * 100).cast(pl.Int64),
        used=(pl.col("used") * 100).cast(pl.Int64),
        start=pl.lit(_instant(month.start)),
        end=pl.lit(_instant(month.until)),
    ).with_columns(fee=(pl.col("used") / UTILISATION).round().cast(pl.Int64))
    has_fee = base.filter(pl.col("fee") > 0)
    tax, credit = (pl.col("list") * 0.19).round(), (pl.col("list") * -0.02).round()
    unused = pl.col("fee") - pl.col("used")
    nothing, fee = pl.lit(0), pl.col("fee")
    plan = {"CommitmentDiscountId": _plan_id(), "CommitmentDiscountType": pl.lit("Savings Plan")}
    left = plan | {"CommitmentDiscountStatus": pl.lit("Unused")}
    rows = [
        _account(has_fee, "Purchase", "savings plan, monthly fee", billed=fee, effective=nothing).with_columns(**plan),
        _account(has_fee, "Usage", "savings plan, not used", billed=nothing, effective=unused).with_columns(**left),
        _account(base, "Tax", "value added tax", billed=tax, effective=tax),
        _account(base, "Credit", "promotional credit", billed=credit, effective=credit),
    ]
    return pl.concat([_focus(each, month) for each in rows])


def _account(
    base: pl.DataFrame, category: str, description: str, *, billed: pl.Expr, effective: pl.Expr
) -> pl.DataFrame:
    amounts = {"BilledCost": billed, "EffectiveCost": effective, "ListCost": billed, "ContractedCost": billed}
    return base.with_columns(
        **{name: amount.cast(pl.Int64) for name, amount in amounts.items()},
        ChargeCategory=pl.lit(category),
        ChargeFrequency=pl.lit("Recurring"),
        ChargeDescription=pl.lit(f"Synthetic {description}"),
    )


def _focus(frame: pl.DataFrame, month: Month) -> pl.DataFrame:
    """Exactly the FOCUS columns, in one order, amounts as decimals; what a row has not is null."""
    publisher = pl.col("provider").replace({str(provider): name for provider, name in PUBLISHERS.items()})
    whole = frame.with_columns(
        *[(pl.col(name) / 100).cast(pl.Decimal(18, 2)) for name in _COSTS],
        BillingCurrency=pl.lit("USD"),
        BillingPeriodStart=pl.lit(_instant(month.start)),
        BillingPeriodEnd=pl.lit(_instant(month.end)),
        ChargePeriodStart=pl.col("start"),
        ChargePeriodEnd=pl.col("end"),
        BillingAccountId=pl.lit("synthetic-") + pl.col("provider"),
        SubAccountId=pl.col("account"),
        ProviderName=publisher,
        PublisherName=publisher,
        InvoiceIssuerName=publisher,
    )
    absent = [pl.lit(None, pl.String).alias(name) for name in _COLUMNS if name not in whole.columns]
    return whole.with_columns(*absent).select(_COLUMNS)


def _periods(month: Month, *, by_day: bool) -> pl.DataFrame:
    step = timedelta(days=1) if by_day else month.until - month.start
    starts, ends, shares = [], [], []
    start = month.start
    while start < month.until:
        end = min(start + step, month.until)
        starts.append(_instant(start))
        ends.append(_instant(end))
        shares.append(sum(_weight(start + timedelta(days=day)) for day in range((end - start).days)) / 30.4)
        start = end
    return pl.DataFrame({"start": starts, "end": ends, "share": shares})


def _plan_id() -> pl.Expr:
    return pl.lit("synthetic-plan-") + pl.col("account")


def _weight(day: datetime) -> float:
    """Weekends are quieter, and the year rises to its end."""
    weekday = 0.8 if day.weekday() >= 5 else 1.08
    return weekday * (1 + 0.12 * math.sin(2 * math.pi * (day.timetuple().tm_yday - 200) / 365))


def _month_start(instant: datetime) -> datetime:
    return datetime(instant.year, instant.month, 1, tzinfo=UTC)


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


_CHARGE_SCHEMA = {
    name: {"cents_month": pl.Int64(), "is_committed": pl.Boolean()}.get(name, pl.String()) for name in Charge.__slots__
}

_COLUMNS = (
    *_COSTS,
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeFrequency",
    "ChargeDescription",
    "BillingAccountId",
    "SubAccountId",
    "ProviderName",
    "PublisherName",
    "InvoiceIssuerName",
    "ServiceName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "RegionId",
    "CommitmentDiscountId",
    "CommitmentDiscountType",
    "CommitmentDiscountStatus",
    "Tags",
)
