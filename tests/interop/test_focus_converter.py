"""The FinOps Foundation's own converter beside ours, on the recorded exports: rows, totals and every column.

It names columns as before FOCUS 1.0 and leaves some empty that can be known; where it fills one, ours is equal row by
row, or is listed here with why it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from connectors.billing.charges import charge_batches
from connectors.billing.sources import find_sources
from tests.servers.focus_converter import converted_by_foundation
from tests.shared_data import shared_data

pytestmark = [pytest.mark.interop, pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(300)]

EQUAL = 1e-8
TODAY = {"Provider": "ProviderName", "Publisher": "PublisherName", "InvoiceIssuer": "InvoiceIssuerName"}
AMORTISED = ("aws-cur", "aws_cur_anonymised.csv"), ("azure", "azure_ea_export_anonymised.csv")
EXPORTS = [*AMORTISED, ("oci", "oci_cost_report.csv")]
DIFFERENT: Mapping[str, Mapping[str, str]] = {
    "aws-cur": {
        "ChargeFrequency": "by the charge, not by the type of the bill",
        "ServiceName": "the service's name, as AWS's own FOCUS export has it, not its code",
        "PricingQuantity": "null for tax, as FOCUS has it since 1.0",
        "ConsumedQuantity": "null for tax, as FOCUS has it since 1.0",
        "ListCost": "tax is listed at its amount, not at nothing",
    },
    "azure": {
        "BillingPeriodEnd": "ends are exclusive",
        "ChargePeriodEnd": "ends are exclusive",
        "ChargePeriodStart": "the charge is of its day",
        "ProviderName": "today it is Microsoft",
        "RegionId": "without case and spaces, as Azure's own FOCUS export has them",
        "ServiceName": "the service's name, not the resource provider's",
        "PricingCategory": "On-Demand is called Standard today",
        "ConsumedQuantity": "counted in units, not in blocks such as 10K",
        "Tags": "JSON, where the export leaves the braces out",
    },
    "oci": {"BillingPeriodEnd": "ends are exclusive"},
}


@pytest.mark.parametrize(("provider", "name"), EXPORTS)
def test_both_convert_the_same_rows_to_the_same_columns(tmp_path: Path, provider: str, name: str) -> None:
    theirs, ours = both(tmp_path, provider, name)
    assert ours.height == theirs.height
    filled, wrong = 0, dict[str, tuple[object, object]]()
    for column in theirs.columns:
        here = TODAY.get(column, column)
        if here not in ours.columns or theirs[column].is_null().all():
            continue
        pairs = list(zip(theirs[column], ours[here], strict=True))
        filled += 1
        odd = [pair for pair in pairs if plain(pair[0]) is not None and not agree(*map(plain, pair))]
        if odd:
            wrong[here] = odd[0]
    assert filled >= 18
    assert wrong.keys() == DIFFERENT[provider].keys(), wrong


@pytest.mark.parametrize(("provider", "name"), EXPORTS)
def test_totals_are_the_same_in_every_currency(tmp_path: Path, provider: str, name: str) -> None:
    theirs, ours = both(tmp_path, provider, name)
    assert totals(ours, "EffectiveCost") == pytest.approx(totals(theirs, "EffectiveCost"), abs=1e-6)
    if (provider, name) in AMORTISED:  # of the third it bills the overage alone, which is nothing here
        assert totals(ours, "BilledCost") == pytest.approx(totals(theirs, "BilledCost"), abs=1e-6)


def both(folder: Path, provider: str, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """An export as the Foundation's converter and ours convert it."""
    export = shared_data("focus", name)
    theirs = pl.concat(map(pl.read_parquet, converted_by_foundation(provider, export, folder / "theirs")))
    return theirs, pl.concat([batch.frame for batch in charge_batches(find_sources([export]).sources)])


def totals(frame: pl.DataFrame, column: str) -> dict[str, float]:
    """Sums by currency."""
    rows = frame.group_by("BillingCurrency").agg(pl.col(column).cast(pl.Float64).sum()).rows()
    return dict(rows)


def plain(value: object) -> object:
    """Without what a type adds: numbers as such, times in UTC, no empty texts."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, int | float | Decimal):
        return float(value)
    try:
        return float(str(value)) if value else None
    except ValueError:
        return value


def agree(theirs: object, ours: object) -> bool:
    """Whether two plain values are one."""
    if isinstance(theirs, float) and isinstance(ours, float):
        return abs(theirs - ours) <= EQUAL
    return theirs == ours
