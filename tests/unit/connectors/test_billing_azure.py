"""Azure Cost Management exports as FOCUS: actual and amortised, one by one and together."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.connectors.bills import charges, write_csv

VM = "/subscriptions/s-1/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/vm1"
RESERVATION = "/providers/Microsoft.Capacity/reservationOrders/o/reservations/r"
BASE = {
    "BillingAccountId": "8611",
    "BillingAccountName": "Trey",
    "BillingPeriodStartDate": "10/01/2026",
    "BillingPeriodEndDate": "10/31/2026",
    "SubscriptionId": "s-1",
    "SubscriptionName": "Web",
    "Date": "10/2/2026",
    "Product": "Virtual Machines",
    "PartNumber": "AAA-1",
    "MeterId": "m-1",
    "MeterCategory": "Virtual Machines",
    "MeterName": "B2s",
    "Quantity": "2",
    "Cost": "6",
    "UnitPrice": "3",
    "PayGPrice": "4",
    "BillingCurrency": "EUR",
    "ResourceLocation": "East US",
    "ConsumedService": "Microsoft.Compute",
    "ResourceId": VM,
    "ResourceName": "vm1",
    "Tags": '"team": "web"',
    "UnitOfMeasure": "1 Hour",
    "ChargeType": "Usage",
    "Frequency": "UsageBased",
    "PublisherType": "Azure",
    "PricingModel": "OnDemand",
    "benefitId": "",
    "benefitName": "",
}
PLAIN = BASE | {"Cost": "6"}
COVERED = BASE | {"PricingModel": "Reservation", "benefitId": RESERVATION, "Date": "10/3/2026"}
ACTUAL = [
    PLAIN,
    COVERED | {"Cost": "0"},
    BASE | {"ChargeType": "Purchase", "Frequency": "Recurring", "PricingModel": "Reservation",
            "benefitId": RESERVATION, "Cost": "50", "ResourceId": ""},
]  # fmt: skip
AMORTISED = [
    PLAIN,
    COVERED | {"Cost": "45"},
    BASE | {"ChargeType": "UnusedReservation", "PricingModel": "Reservation", "benefitId": RESERVATION, "Cost": "5"},
]


def test_a_row_has_exclusive_ends_and_focus_words(tmp_path: Path) -> None:
    (row,) = charges(write_csv(tmp_path / "cost.csv", [PLAIN])).to_dicts()

    assert row["BillingPeriodEnd"] == datetime(2026, 11, 1, tzinfo=UTC)
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == (
        datetime(2026, 10, 2, tzinfo=UTC),
        datetime(2026, 10, 3, tzinfo=UTC),
    )
    assert (row["PricingCategory"], row["ChargeFrequency"], row["ServiceCategory"]) == (
        "Standard",
        "Usage-Based",
        "Compute",
    )
    assert (row["RegionId"], row["ResourceType"], row["Tags"]) == ("eastus", "virtualMachines", '{"team": "web"}')
    assert (row["ListCost"], row["ContractedCost"], row["BilledCost"]) == (8, 6, 6)


def test_actual_and_amortised_together_bill_the_fee_and_spread_it(tmp_path: Path) -> None:
    rows = charges(write_csv(tmp_path / "actual.csv", ACTUAL), write_csv(tmp_path / "amortised.csv", AMORTISED))

    assert (rows["BilledCost"].sum(), rows["EffectiveCost"].sum()) == (56, 56)
    assert rows["_source_cost"].sum() == 56


def test_which_export_is_which_is_told_by_the_rows_and_not_by_the_name(tmp_path: Path) -> None:
    rows = charges(write_csv(tmp_path / "a.csv", AMORTISED), write_csv(tmp_path / "b.csv", ACTUAL))

    assert (rows["BilledCost"].sum(), rows["EffectiveCost"].sum()) == (56, 56)


def test_an_actual_export_alone_is_what_is_billed(tmp_path: Path) -> None:
    rows = charges(write_csv(tmp_path / "actual.csv", ACTUAL))

    assert (rows["BilledCost"].sum(), rows["EffectiveCost"].sum()) == (56, 6)


def test_an_amortised_export_alone_is_what_is_effective(tmp_path: Path) -> None:
    rows = charges(write_csv(tmp_path / "amortised.csv", AMORTISED))

    assert (rows["BilledCost"].sum(), rows["EffectiveCost"].sum()) == (6, 56)
    assert rows["CommitmentDiscountStatus"].to_list() == [None, "Used", "Unused"]


def test_a_refund_of_a_reservation_is_a_correction_without_effective_cost(tmp_path: Path) -> None:
    refund = ACTUAL[2] | {"ChargeType": "Refund", "Cost": "-20"}

    (row,) = charges(write_csv(tmp_path / "cost.csv", [refund])).to_dicts()

    assert (row["ChargeCategory"], row["ChargeClass"]) == ("Adjustment", "Correction")
    assert (row["BilledCost"], row["EffectiveCost"]) == (-20, 0)


@pytest.mark.parametrize(
    ("measure", "quantity", "unit"),
    [
        ("1 Hour", "2", "Hours"),
        ("10K", "20000", "Units"),
        ("1 GB/Month", "2", "GB/Month"),
        ("1/Day", "2", "Units/Day"),
        ("10K/Month", "20000", "Units/Month"),
        ("100 MB", "200", "MB"),
        ("1M", "2000000", "Units"),
    ],
)
def test_a_quantity_in_blocks_is_consumed_in_units(tmp_path: Path, measure: str, quantity: str, unit: str) -> None:
    (row,) = charges(write_csv(tmp_path / "cost.csv", [BASE | {"UnitOfMeasure": measure}])).to_dicts()

    assert (row["ConsumedQuantity"], row["ConsumedUnit"], row["PricingQuantity"]) == (Decimal(quantity), unit, 2)


def test_names_of_a_customer_agreement_s_export_are_read_too(tmp_path: Path) -> None:
    renamed = {"Cost": "costInBillingCurrency", "Date": "date", "BillingCurrency": "billingCurrency",
               "Quantity": "quantity"}  # fmt: skip
    row = {renamed.get(name, name): cell for name, cell in PLAIN.items()} | {"date": "2026-10-02"}

    (found,) = charges(write_csv(tmp_path / "cost.csv", [row])).to_dicts()

    assert (found["BilledCost"], found["BillingCurrency"], found["PricingQuantity"]) == (6, "EUR", 2)
