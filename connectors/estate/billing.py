"""What the estate costs: FOCUS rows by resource and day, with commitments, seasons, waste, tax and a credit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson

from connectors.estate.company import Record, dollars
from domain.resource import Provider

COMMITTED_SERVICES = frozenset({"Virtual Machines", "Amazon Elastic Compute Cloud", "Compute Engine"})
COMMITTED_SHARE = Decimal("0.72")
"""Effective price of committed use over list price."""

PUBLISHERS = {Provider.AZURE: "Microsoft", Provider.AWS: "AWS", Provider.GCP: "Google Cloud"}

Row = dict[str, str | Decimal | None]


@dataclass(frozen=True, slots=True)
class Month:
    """One billing period, and the part of it that has passed."""

    start: datetime
    end: datetime
    until: datetime

    @property
    def label(self) -> str:
        return f"{self.start:%Y-%m}"


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


def usage_rows(record: Record, month: Month, *, by_day: bool) -> Iterator[Row]:
    """A resource's usage in a month: a row a day, or one row."""
    if record.cost_month <= 0:
        return
    step = timedelta(days=1) if by_day else month.until - month.start
    start = month.start
    while start < month.until:
        end = min(start + step, month.until)
        share = sum(_weight(start + timedelta(days=day)) for day in range((end - start).days)) / 30.4
        yield _usage(record, month, start, end, dollars(float(record.cost_month) * share))
        start = end


def account_rows(records: list[Record], month: Month) -> Iterator[Row]:
    """Rows that belong to no resource: the commitment's own purchase, tax, and a credit."""
    usage = sum((record.cost_month for record in records), Decimal(0))
    committed = sum((r.cost_month for r in records if r.service in COMMITTED_SERVICES), Decimal(0))
    if not records:
        return
    fee = (committed / 2 * COMMITTED_SHARE).quantize(Decimal("0.01"))
    purchase = _row(records[0], month, month.start, month.end, billed=fee, effective=Decimal(0))
    yield purchase | {
        "ChargeCategory": "Purchase",
        "ChargeDescription": "Synthetic savings plan, monthly fee",
        "CommitmentDiscountId": f"synthetic-plan-{records[0].account}",
        "ListCost": fee,
        "ContractedCost": fee,
        **_NO_RESOURCE,
    }
    tax = (usage * Decimal("0.19")).quantize(Decimal("0.01"))
    yield _row(records[0], month, month.start, month.end, billed=tax, effective=tax) | {
        "ChargeCategory": "Tax",
        "ChargeDescription": "Synthetic value added tax",
        **_NO_RESOURCE,
    }
    credit = -(usage * Decimal("0.02")).quantize(Decimal("0.01"))
    yield _row(records[0], month, month.start, month.end, billed=credit, effective=credit) | {
        "ChargeCategory": "Credit",
        "ChargeDescription": "Synthetic promotional credit",
        **_NO_RESOURCE,
    }


_NO_RESOURCE: Row = {"ResourceId": None, "ResourceName": None, "ResourceType": None, "Tags": None}


def _usage(record: Record, month: Month, start: datetime, end: datetime, cost: Decimal) -> Row:
    if record.service not in COMMITTED_SERVICES or sum(record.uid.encode()) % 2:
        return _row(record, month, start, end, billed=cost, effective=cost)
    effective = (cost * COMMITTED_SHARE).quantize(Decimal("0.01"))
    return _row(record, month, start, end, billed=Decimal(0), effective=effective) | {
        "ListCost": cost,
        "ContractedCost": cost,
        "CommitmentDiscountId": f"synthetic-plan-{record.account}",
        "CommitmentDiscountType": "Savings Plan",
        "CommitmentDiscountStatus": "Used",
    }


def _row(record: Record, month: Month, start: datetime, end: datetime, *, billed: Decimal, effective: Decimal) -> Row:
    publisher = PUBLISHERS[record.provider]
    return {
        "BilledCost": billed,
        "EffectiveCost": effective,
        "ListCost": effective,
        "ContractedCost": effective,
        "BillingCurrency": "USD",
        "BillingPeriodStart": _instant(month.start),
        "BillingPeriodEnd": _instant(month.end),
        "ChargePeriodStart": _instant(start),
        "ChargePeriodEnd": _instant(end),
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": f"Synthetic {record.service}",
        "BillingAccountId": f"synthetic-{record.provider}",
        "SubAccountId": record.account,
        "ProviderName": publisher,
        "PublisherName": publisher,
        "InvoiceIssuerName": publisher,
        "ServiceName": record.service,
        "ResourceId": record.uid,
        "ResourceName": record.name,
        "ResourceType": record.type,
        "RegionId": record.region,
        "CommitmentDiscountId": None,
        "CommitmentDiscountType": None,
        "CommitmentDiscountStatus": None,
        "Tags": orjson.dumps(dict(record.tags), option=orjson.OPT_SORT_KEYS).decode(),
    }


def _weight(day: datetime) -> float:
    """Weekends are quieter, and the year rises to its end."""
    weekday = 0.8 if day.weekday() >= 5 else 1.08
    return weekday * (1 + 0.12 * math.sin(2 * math.pi * (day.timetuple().tm_yday - 200) / 365))


def _month_start(instant: datetime) -> datetime:
    return datetime(instant.year, instant.month, 1, tzinfo=UTC)


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
