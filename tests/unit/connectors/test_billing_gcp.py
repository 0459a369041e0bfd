"""Google Cloud's billing export as FOCUS, on labelled synthetic rows: there is no real sample."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from connectors.billing.gcp import JSON_SCHEMA
from tests.unit.connectors.bills import charges, write_json

ROW: dict[str, Any] = {
    "billing_account_id": "01-AA",
    "service": {"id": "6F81", "description": "Compute Engine"},
    "sku": {"id": "S-1", "description": "N1 core"},
    "usage_start_time": "2026-10-01 07:00:00 UTC",
    "usage_end_time": "2026-10-01 08:00:00 UTC",
    "project": {"id": "shop", "name": "Shop", "number": "7"},
    "labels": [{"key": "team", "value": "web"}],
    "location": {"location": "europe-west1", "region": "europe-west1", "zone": "europe-west1-b"},
    "cost": 10.25,
    "currency": "EUR",
    "usage": {"amount": 3600, "unit": "seconds", "amount_in_pricing_units": 1, "pricing_unit": "hour"},
    "credits": [],
    "invoice": {"month": "202610"},
    "cost_type": "regular",
    "resource": {"name": "vm1", "global_name": "//compute.googleapis.com/projects/shop/zones/b/instances/1"},
}
CREDITED = ROW | {
    "credits": [
        {"name": "CUD", "amount": -2.5, "type": "COMMITTED_USAGE_DISCOUNT"},
        {"name": "Trial", "amount": -1, "type": "PROMOTION"},
    ]
}


def test_discounts_reduce_the_row_and_promotions_are_credits_of_their_own(tmp_path: Path) -> None:
    rows = charges(write_json(tmp_path / "export.json", [CREDITED]))

    assert rows.select("ChargeCategory", "BilledCost", "EffectiveCost").rows() == [
        ("Usage", Decimal("7.75"), Decimal("7.75")),
        ("Credit", Decimal(-1), Decimal(-1)),
    ]
    assert rows["_source_cost"].sum() == Decimal("6.75")


def test_a_row_is_converted_with_its_project_labels_and_invoice_month(tmp_path: Path) -> None:
    (row,) = charges(write_json(tmp_path / "export.json", [ROW])).to_dicts()

    assert (row["ProviderName"], row["SubAccountId"], row["RegionId"]) == ("Google Cloud", "shop", "europe-west1")
    assert row["BillingPeriodStart"] == datetime(2026, 10, 1, 7, tzinfo=UTC)
    assert row["BillingPeriodEnd"] == datetime(2026, 11, 1, 7, tzinfo=UTC)
    assert row["ChargePeriodStart"] == datetime(2026, 10, 1, 7, tzinfo=UTC)
    assert row["ResourceId"].endswith("/instances/1")
    assert (row["Tags"], row["ServiceCategory"]) == ('{"team":"web"}', "Compute")


def test_tax_adjustments_and_rounding_have_their_categories(tmp_path: Path) -> None:
    kinds = ("tax", "adjustment", "rounding_error")
    rows = charges(write_json(tmp_path / "export.json", [ROW | {"cost_type": kind} for kind in kinds]))

    assert rows["ChargeCategory"].to_list() == ["Tax", "Adjustment", "Adjustment"]


def test_an_adjustment_of_a_former_month_is_a_correction(tmp_path: Path) -> None:
    late = {"usage_start_time": "2026-08-01 07:00:00 UTC", "adjustment_info": {"id": "adj-1", "mode": "PARTIAL"}}
    rows = charges(write_json(tmp_path / "export.json", [ROW | late | {"cost_type": "adjustment"}]))

    assert rows["ChargeClass"].to_list() == ["Correction"]


def test_parquet_gives_the_same_rows_as_json(tmp_path: Path) -> None:
    from_json = charges(write_json(tmp_path / "export.json", [CREDITED, ROW]))
    path = tmp_path / "export.parquet"
    pl.read_ndjson(tmp_path / "export.json", schema=JSON_SCHEMA).write_parquet(path)
    from_parquet = charges(path)

    assert from_json.drop("x_SourceFile").equals(from_parquet.drop("x_SourceFile"))
