"""FOCUS billing: versions, quirks, and what cannot be costed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from connectors.focus.versions import version_of
from domain.errors import InputError
from domain.focus import FOCUS_COLUMNS
from tests.unit.connectors.inputs import read

ROW = {
    "BilledCost": "1.25",
    "EffectiveCost": "1.0E-7",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-05-01 00:00:00",
    "BillingPeriodEnd": "2026-06-01T00:00:00Z",
    "ChargePeriodStart": "2026-05-01",
    "ChargePeriodEnd": "2026-05-02T02:00:00+02:00",
    "ChargeCategory": "Usage",
    "ResourceId": "NULL",
    "ProviderName": "AWS",
    "Id": "stray",
}


def csv(folder: Path, *rows: dict[str, str], name: str = "focus.csv") -> Path:
    frame = pl.DataFrame(list(rows))
    path = folder / name
    frame.write_csv(path)
    return path


def test_a_focus_file_is_read_exactly_in_the_domain_s_columns(tmp_path: Path) -> None:
    (file,) = read(csv(tmp_path, ROW)).billing
    row = file.frame.row(0, named=True)
    assert (file.version, file.rows) == ("1.0", 1)
    assert file.frame.columns == [column.name for column in FOCUS_COLUMNS]
    assert (row["BilledCost"], row["EffectiveCost"]) == (Decimal("1.25"), Decimal("1E-7"))
    assert row["ResourceId"] is None
    assert row["BillingPeriodStart"] == row["ChargePeriodStart"] == datetime(2026, 5, 1, tzinfo=UTC)
    assert row["ChargePeriodEnd"] == datetime(2026, 5, 2, tzinfo=UTC)


def test_parquet_with_typed_columns_gives_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "focus.parquet"
    start = datetime(2026, 5, 1)  # noqa: DTZ001
    pl.DataFrame([{**ROW, "BilledCost": 1.25, "EffectiveCost": Decimal("0.0000001"), "BillingPeriodStart": start,
                   "ResourceId": None}]).write_parquet(path)  # fmt: skip
    from_csv, from_parquet = read(csv(tmp_path, ROW)).billing[0], read(path).billing[0]
    assert from_csv.frame.equals(from_parquet.frame)


@pytest.mark.parametrize(
    ("column", "version"),
    [("ChargeClass", "1.0"), ("SkuMeter", "1.1"), ("InvoiceId", "1.2"), ("ServiceProviderName", "1.3"),
     ("CommitmentProgramEligibilityDetails", "1.4")],
)  # fmt: skip
def test_the_version_is_told_by_the_columns(column: str, version: str) -> None:
    assert version_of([*ROW, column]) == version


def test_a_newer_name_of_a_column_fills_the_older_one(tmp_path: Path) -> None:
    row = {key: value for key, value in ROW.items() if key != "ProviderName"} | {"ServiceProviderName": "Google Cloud"}
    (file,) = read(csv(tmp_path, row)).billing
    assert file.frame["ProviderName"].to_list() == ["Google Cloud"]


def test_a_missing_mandatory_column_is_named_with_its_file(tmp_path: Path) -> None:
    path = csv(tmp_path, {key: value for key, value in ROW.items() if key != "EffectiveCost"})
    with pytest.raises(InputError) as caught:
        read(path)
    assert "mandatory column EffectiveCost" in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_row_that_cannot_be_costed_is_left_out_and_named(tmp_path: Path) -> None:
    reading = read(csv(tmp_path, ROW, {**ROW, "BilledCost": "much"}))
    assert reading.billing[0].rows == 1
    assert [(gap.origin.line, gap.reason) for gap in reading.inventory.gaps] == [(3, "no readable value in BilledCost")]


def test_a_native_export_is_recognised_and_not_costed(tmp_path: Path) -> None:
    csv(tmp_path, ROW)
    csv(tmp_path, {"lineItem/UsageStartDate": "2026", "lineItem/UnblendedCost": "1"}, name="cur.csv")
    (gap,) = read(tmp_path).inventory.gaps
    assert "AWS Cost and Usage Report (legacy) with 1 rows, not FOCUS" in gap.reason
