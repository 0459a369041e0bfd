"""Oracle Cloud's cost report as FOCUS."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tests.unit.connectors.bills import charges, write_csv

ROW = {
    "lineItem/tenantId": "ocid1.tenancy",
    "lineItem/intervalUsageStart": "2026-10-13T10:00Z",
    "lineItem/intervalUsageEnd": "2026-10-13T11:00:00Z",
    "lineItem/isCorrection": "false",
    "product/service": "DATABASE",
    "product/region": "us-sanjose-1",
    "product/resourceId": "ocid1.db",
    "product/Description": "Database",
    "usage/billedQuantity": "0.5",
    "cost/subscriptionId": "sub",
    "cost/productSku": "B1",
    "cost/unitPrice": "0.2",
    "cost/myCost": "0.1",
    "cost/myCostOverage": "",
    "cost/currencyCode": "USD",
    "cost/skuUnitDescription": "Hours",
    "tags/Ops.Owner": "ada",
}


def test_a_row_is_converted_with_its_month_cost_and_tags(tmp_path: Path) -> None:
    (row,) = charges(write_csv(tmp_path / "oci.csv", [ROW])).to_dicts()

    assert (row["BilledCost"], row["EffectiveCost"], row["_source_cost"]) == (Decimal("0.1"),) * 3
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (
        datetime(2026, 10, 1, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
    )
    assert row["ChargePeriodStart"] == datetime(2026, 10, 13, 10, tzinfo=UTC)
    assert (row["ProviderName"], row["Tags"], row["ChargeClass"]) == ("Oracle", '{"Ops.Owner":"ada"}', None)


def test_a_correction_is_classed_as_one(tmp_path: Path) -> None:
    (row,) = charges(write_csv(tmp_path / "oci.csv", [ROW | {"lineItem/isCorrection": "true"}])).to_dicts()

    assert row["ChargeClass"] == "Correction"
