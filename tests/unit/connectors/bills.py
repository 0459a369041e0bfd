"""Billing exports for tests: synthetic rows, written out where they matter."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from connectors.billing.charges import charge_batches
from connectors.billing.sources import find_sources

FOCUS_ROW = {
    "BilledCost": "10.00",
    "EffectiveCost": "10.00",
    "ListCost": "12.00",
    "ContractedCost": "10.00",
    "BillingCurrency": "USD",
    "BillingAccountId": "acct-1",
    "BillingAccountName": "Main",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargePeriodStart": "2026-10-01T00:00:00Z",
    "ChargePeriodEnd": "2026-10-02T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargeDescription": "Hours",
    "ChargeFrequency": "Usage-Based",
    "ConsumedQuantity": "5",
    "ConsumedUnit": "Hours",
    "PricingQuantity": "5",
    "PricingUnit": "Hours",
    "PricingCategory": "Standard",
    "ProviderName": "AWS",
    "PublisherName": "AWS",
    "InvoiceIssuerName": "AWS",
    "ServiceName": "Compute",
    "ServiceCategory": "Compute",
    "SubAccountId": "sub-1",
    "ResourceId": "i-1",
    "SkuId": "sku-1",
    "SkuPriceId": "price-1",
    "CommitmentDiscountId": "",
    "CommitmentDiscountStatus": "",
    "Tags": '{"team": "web"}',
}
"""One usage row that keeps every rule that its columns are asked."""


def day(number: int, **cells: str) -> dict[str, str]:
    """A usage row of a day of October 2026, with these cells instead."""
    period = {
        "ChargePeriodStart": f"2026-10-{number:02}T00:00:00Z",
        "ChargePeriodEnd": f"2026-10-{number + 1:02}T00:00:00Z" if number < 31 else "2026-11-01T00:00:00Z",
    }
    return FOCUS_ROW | period | cells


def october(**cells: str) -> list[dict[str, str]]:
    """A row for every day of October 2026."""
    return [day(number, **cells) for number in range(1, 32)]


def daily(start: date, costs: Iterable[float], **cells: str) -> list[dict[str, str]]:
    """A row of usage for each of consecutive days, each in the billing period of its month."""
    rows = []
    for place, cost in enumerate(costs):
        begin = start + timedelta(days=place)
        month = begin.replace(day=1)
        after = (month + timedelta(days=32)).replace(day=1)
        amount = f"{cost:.2f}"
        period = {
            "BillingPeriodStart": f"{month}T00:00:00Z",
            "BillingPeriodEnd": f"{after}T00:00:00Z",
            "ChargePeriodStart": f"{begin}T00:00:00Z",
            "ChargePeriodEnd": f"{begin + timedelta(days=1)}T00:00:00Z",
        }
        rows.append(FOCUS_ROW | period | {"BilledCost": amount, "EffectiveCost": amount} | cells)
    return rows


def write_csv(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    """Rows as a CSV file; the first one names the columns."""
    kept = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(kept[0]))
        writer.writeheader()
        writer.writerows(kept)
    return path


def write_json(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """Rows as newline-delimited JSON."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def charges(*paths: Path, rows: int = 100_000) -> pl.DataFrame:
    """Everything that a delivery charges, with what its sources bill."""
    return pl.concat([batch.frame for batch in charge_batches(find_sources(paths).sources, rows=rows)])
