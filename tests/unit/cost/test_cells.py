"""Cost by selections: every row in one cell, and the cells are the whole."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from assessment.billing import import_billing
from cost.billing.cells import bill_span, cell_costs, selected_rows
from cost.billing.store import BillingStore, Terms
from domain.errors import InputError
from domain.tenancy import TenantId
from tests.unit.connectors.bills import daily, write_csv

START, END = date(2026, 10, 1), date(2026, 10, 5)
ARN = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0ABC"


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> BillingStore:
    folder: Path = tmp_path_factory.mktemp("bills")
    rows = [
        *daily(START, [10] * 4, ServiceName="Compute", ResourceId="i-0abc", SubAccountId="123456789012", RegionId=""),
        *daily(START, [3] * 4, ServiceName="Compute", ResourceId="i-0abc", SubAccountId="999", RegionId=""),
        *daily(START, [2] * 4, ServiceName="Storage", ResourceId="", RegionId="eu"),
    ]
    store = BillingStore(folder / "store", TenantId("acme"))
    at = datetime(2026, 10, 20, tzinfo=UTC)
    import_billing(store, [write_csv(folder / "bill.csv", rows)], at=at, terms=Terms(may_be_partial=True))
    return store


def cells(bills: BillingStore, *selections: dict[str, tuple[str, ...]]) -> dict[int, Decimal]:
    found: dict[int, Decimal] = {}
    for each in cell_costs(bills, selections, start=START, end=END):
        found[each.cell] = found.get(each.cell, Decimal(0)) + each.amount
    return found


def test_what_two_selections_name_is_there_once(bills: BillingStore) -> None:
    found = cells(bills, {"service": ("Compute",)}, {"account": ("999", "123456789012")}, {"region": ("eu",)})
    assert found == {0b011: 52, 0b100: 8}


def test_what_none_names_is_in_the_cell_of_nobody(bills: BillingStore) -> None:
    assert cells(bills, {"service": ("Compute",), "account": ("999",)}) == {0: 48, 1: 12}


def test_a_resource_is_found_by_the_last_part_of_its_arn_in_its_own_account(bills: BillingStore) -> None:
    assert cells(bills, {"resource": (ARN,)}) == {0: 20, 1: 40}


def test_nothing_selected_selects_nothing(bills: BillingStore) -> None:
    assert cells(bills, {"resource": ()}) == {0: 60}


def test_the_bill_knows_its_days(bills: BillingStore) -> None:
    assert bill_span(bills) == (date(2026, 10, 1), date(2026, 10, 4))


def test_no_bill_has_no_days_and_no_cost(tmp_path: Path) -> None:
    empty = BillingStore(tmp_path, TenantId("acme"))
    assert cells(empty, {"service": ("Compute",)}) == {}
    assert bill_span(empty) is None


def test_a_column_that_there_is_not_is_refused(bills: BillingStore) -> None:
    with pytest.raises(InputError, match="grouped"):
        cells(bills, {"colour": ("red",)})


def test_more_selections_than_bits_are_refused(bills: BillingStore) -> None:
    with pytest.raises(InputError, match="too many"):
        cell_costs(bills, [{"service": ("x",)}] * 61, start=START, end=END)


def test_a_row_for_a_month_is_on_each_of_its_days_and_adds_up(tmp_path: Path) -> None:
    (row,) = daily(START, [100], ServiceName="Support", ResourceId="")
    monthly = {**row, "ChargePeriodEnd": "2026-11-01T00:00:00Z"}
    store = BillingStore(tmp_path / "store", TenantId("acme"))
    path = write_csv(tmp_path / "bill.csv", [monthly])
    import_billing(store, [path], at=datetime(2026, 11, 20, tzinfo=UTC), terms=Terms())

    whole = cell_costs(store, (), start=START, end=date(2026, 11, 1))
    part = cell_costs(store, (), start=date(2026, 10, 20), end=date(2026, 10, 22))

    assert (len(whole), sum(each.amount for each in whole), sum(each.rows for each in whole)) == (31, 100, 1)
    assert [round(each.amount, 4) for each in part] == [Decimal("3.2258")] * 2
    assert bill_span(store) == (START, date(2026, 10, 31))
    behind = selected_rows(store, {"service": ("Support",)}, start=date(2026, 10, 20), end=date(2026, 10, 22), limit=5)
    assert [row["EffectiveCost"] for row in behind] == [100]
