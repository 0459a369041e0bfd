"""Deliveries of billing files: what is found, recognised, read in batches, and refused."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from connectors.billing.charges import charge_batches
from connectors.billing.formats import BillingFormat, format_of
from connectors.billing.sources import find_sources
from domain.errors import InputError, NotFound
from domain.focus import FOCUS_COLUMNS, SOURCE_FILE, SOURCE_FORMAT, SOURCE_ROW, SOURCE_VERSION
from tests.unit.connectors.bills import FOCUS_ROW, charges, day, october, write_csv


def test_csv_gzip_and_parquet_give_the_same_charges(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "plain.csv", october())
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    table = tmp_path / "table.parquet"
    pl.DataFrame(october()).write_parquet(table)

    columns = [column.name for column in FOCUS_COLUMNS]
    read = [charges(path).select(columns) for path in (plain, packed, table)]

    assert read[0].equals(read[1])
    assert read[0].equals(read[2])


def test_a_file_is_read_in_batches_and_every_row_knows_where_it_came_from(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bill.csv", october())

    batches = list(charge_batches(find_sources([path]).sources, rows=10))

    assert [batch.frame.height for batch in batches] == [10, 10, 10, 1]
    rows = pl.concat([batch.frame for batch in batches])
    assert rows[SOURCE_ROW].to_list() == list(range(1, 32))
    assert set(rows.select(SOURCE_FORMAT, SOURCE_VERSION, SOURCE_FILE).rows()) == {("focus", "1.0", "bill.csv")}


def test_a_partitioned_folder_gives_the_columns_that_its_files_lack(tmp_path: Path) -> None:
    without = [{name: cell for name, cell in row.items() if name != "BillingAccountId"} for row in october()]
    write_csv(tmp_path / "BillingAccountId=acct-7" / "a.csv", without[:20])
    write_csv(tmp_path / "BillingAccountId=acct-7" / "b.csv", without[20:])

    rows = charges(tmp_path)

    assert rows.height == 31
    assert rows["BillingAccountId"].unique().to_list() == ["acct-7"]


def test_what_is_no_bill_is_passed_over_by_name(tmp_path: Path) -> None:
    write_csv(tmp_path / "bill.csv", october())
    (tmp_path / "manifest.txt").write_text("files: bill.csv")
    write_csv(tmp_path / "people.csv", [{"name": "Ada"}])

    found = find_sources([tmp_path])

    assert [source.name for source in found.sources] == ["bill.csv"]
    assert found.passed_over == (("manifest.txt", "no table"), ("people.csv", "no billing columns"))


def test_a_delivery_without_a_bill_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "people.csv", [{"name": "Ada"}])

    with pytest.raises(InputError, match="nothing here is a bill"):
        find_sources([tmp_path])


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        find_sources([tmp_path / "gone.csv"])
    assert caught.value.facts["path"] == str(tmp_path / "gone.csv")


def test_one_file_twice_in_a_delivery_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", october())
    write_csv(tmp_path / "b.csv", october())

    with pytest.raises(InputError) as caught:
        find_sources([tmp_path])

    assert (caught.value.facts["where"], caught.value.facts["got"]) == ("b.csv", "the same bytes as a.csv")


def test_a_file_cut_off_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv.gz"
    whole = gzip.compress(write_csv(tmp_path / "plain.csv", october()).read_bytes())
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(InputError) as caught:
        charges(path)

    assert caught.value.facts["where"] == "bill.csv.gz"


def test_a_mandatory_column_that_is_missing_is_named_before_anything_is_read(tmp_path: Path) -> None:
    rows = [{name: cell for name, cell in row.items() if name != "EffectiveCost"} for row in october()]

    with pytest.raises(InputError) as caught:
        charges(write_csv(tmp_path / "bill.csv", rows))

    assert caught.value.facts["expected"] == "EffectiveCost"


def test_a_value_that_cannot_be_read_is_counted(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bill.csv", [day(1, ListCost="twelve"), day(2, ListCost=""), day(3, ListCost="NULL")])

    (batch,) = charge_batches(find_sources([path]).sources)

    assert batch.unreadable == {"ListCost": 1}
    assert batch.frame["ListCost"].to_list() == [None, None, None]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (list(FOCUS_ROW), BillingFormat.FOCUS),
        (["lineItem/UsageStartDate", "lineItem/UnblendedCost"], BillingFormat.AWS_CUR),
        (["line_item_usage_start_date", "line_item_unblended_cost"], BillingFormat.AWS_CUR),
        (["line_item_usage_start_date", "line_item_unblended_cost", "resource_tags"], BillingFormat.AWS_CUR_2),
        (["MeterCategory", "meterId", "ChargeType", "Cost"], BillingFormat.AZURE),
        (["billing_account_id", "usage_start_time", "cost"], BillingFormat.GCP),
        (["lineItem/intervalUsageStart", "cost/myCost"], BillingFormat.ORACLE),
        (["name", "type"], None),
    ],
)
def test_an_export_is_known_by_its_columns(columns: list[str], expected: BillingFormat | None) -> None:
    assert format_of(columns) is expected


def test_a_file_of_version_1_4_names_its_provider_by_the_successor(tmp_path: Path) -> None:
    rows = [
        {name: cell for name, cell in row.items() if name not in {"ProviderName", "PublisherName"}}
        | {"ServiceProviderName": "Google Cloud", "InvoiceDetailId": "d-1"}
        for row in october()
    ]

    found = charges(write_csv(tmp_path / "bill.csv", rows))

    assert set(found.select("ProviderName", SOURCE_VERSION).rows()) == {("Google Cloud", "1.4")}


def test_tags_in_a_parquet_map_become_json(tmp_path: Path) -> None:
    pairs = [[{"key": 'a"b', "value": "1"}, {"key": "c", "value": None}], [], None]
    kind = pl.List(pl.Struct({"key": pl.String, "value": pl.String}))
    rows = pl.DataFrame([day(number) for number in (1, 2, 3)]).with_columns(pl.Series("Tags", pairs, dtype=kind))
    path = tmp_path / "bill.parquet"
    rows.write_parquet(path)

    assert charges(path)["Tags"].to_list() == ['{"a\\"b":"1","c":""}', None, None]


def test_amounts_keep_twelve_places_and_read_scientific_notation(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bill.csv", [day(1, BilledCost="0.000000000001"), day(2, BilledCost="5.5E-7")])

    assert charges(path)["BilledCost"].to_list() == [Decimal("1E-12"), Decimal("5.5E-7")]
