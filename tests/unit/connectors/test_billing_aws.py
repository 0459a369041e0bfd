"""AWS Cost and Usage Reports as FOCUS: fees, plans, reservations, credits and refunds."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.billing.aws import flat_names
from domain.focus import SOURCE_FORMAT, SOURCE_VERSION
from tests.unit.connectors.bills import charges, write_csv

PLAN = "arn:aws:savingsplans::1:savingsplan/p"
BASE = {
    "bill_payer_account_id": "payer",
    "bill_payer_account_name": "Payer",
    "bill_bill_type": "Anniversary",
    "bill_billing_period_start_date": "2026-10-01T00:00:00.000Z",
    "bill_billing_period_end_date": "2026-11-01T00:00:00.000Z",
    "bill_invoicing_entity": "Amazon Web Services, Inc.",
    "line_item_usage_account_id": "member",
    "line_item_line_item_type": "Usage",
    "line_item_usage_start_date": "2026-10-01T00:00:00.000Z",
    "line_item_usage_end_date": "2026-10-01T01:00:00.000Z",
    "line_item_product_code": "AmazonEC2",
    "line_item_usage_amount": "2",
    "line_item_currency_code": "USD",
    "line_item_unblended_cost": "0.20",
    "line_item_legal_entity": "Amazon Web Services, Inc.",
    "line_item_resource_id": "arn:aws:ec2:eu-west-1:member:instance/i-0abc",
    "line_item_line_item_description": "hours",
    "pricing_public_on_demand_cost": "0.30",
    "pricing_public_on_demand_rate": "0.15",
    "pricing_unit": "Hrs",
    "pricing_term": "OnDemand",
    "product": '{"product_name":"Amazon Elastic Compute Cloud"}',
    "resource_tags": '{"user_team":"web"}',
    "savings_plan_savings_plan_arn": "",
    "savings_plan_savings_plan_effective_cost": "",
    "savings_plan_total_commitment_to_date": "",
    "savings_plan_used_commitment": "",
    "reservation_reservation_arn": "",
    "reservation_effective_cost": "",
    "reservation_unused_amortized_upfront_fee_for_billing_period": "",
    "reservation_unused_recurring_fee": "",
}


def line(kind: str = "Usage", **cells: str) -> dict[str, str]:
    return BASE | {"line_item_line_item_type": kind} | cells


def test_usage_is_converted_with_its_resource_prices_and_tags(tmp_path: Path) -> None:
    (row,) = charges(write_csv(tmp_path / "cur.csv", [line()])).to_dicts()

    assert (row[SOURCE_FORMAT], row[SOURCE_VERSION]) == ("aws-cur-2.0", "2.0")
    assert (row["BilledCost"], row["EffectiveCost"], row["ListCost"]) == tuple(map(Decimal, ("0.20", "0.20", "0.30")))
    assert (row["ResourceType"], row["ResourceName"]) == ("instance", "i-0abc")
    assert (row["ServiceName"], row["ServiceCategory"]) == ("Amazon Elastic Compute Cloud", "Compute")
    assert (row["ChargeFrequency"], row["PricingCategory"]) == ("Usage-Based", "Standard")
    assert row["Tags"] == '{"user_team":"web"}'


def test_a_savings_plan_costs_its_fee_once_and_its_unused_part_is_a_row_of_its_own(tmp_path: Path) -> None:
    lines = [
        line("SavingsPlanCoveredUsage", line_item_unblended_cost="10", savings_plan_savings_plan_arn=PLAN,
             savings_plan_savings_plan_effective_cost="7", savings_plan_used_commitment="7"),
        line("SavingsPlanNegation", line_item_unblended_cost="-10", savings_plan_savings_plan_arn=PLAN),
        line("SavingsPlanRecurringFee", line_item_unblended_cost="9", savings_plan_savings_plan_arn=PLAN,
             savings_plan_total_commitment_to_date="9", savings_plan_used_commitment="7"),
    ]  # fmt: skip

    rows = charges(write_csv(tmp_path / "cur.csv", lines))

    assert (rows["BilledCost"].sum(), rows["EffectiveCost"].sum(), rows["_source_cost"].sum()) == (9, 9, 9)
    unused = rows.filter(rows["CommitmentDiscountStatus"] == "Unused").to_dicts()
    assert [(row["ChargeCategory"], row["BilledCost"], row["EffectiveCost"]) for row in unused] == [("Usage", 0, 2)]
    (fee,) = rows.filter(rows["ChargeCategory"] == "Purchase").to_dicts()
    assert (fee["BilledCost"], fee["EffectiveCost"], fee["ChargeFrequency"]) == (9, 0, "Recurring")


def test_a_reservation_s_fee_is_effective_where_it_is_used(tmp_path: Path) -> None:
    reserved = {"reservation_reservation_arn": "arn:aws:ec2:eu-west-1:1:reserved-instances/r"}
    lines = [
        line("DiscountedUsage", line_item_unblended_cost="0", reservation_effective_cost="4", **reserved),
        line("RIFee", line_item_unblended_cost="5", reservation_unused_recurring_fee="0.75",
             reservation_unused_amortized_upfront_fee_for_billing_period="0.25", **reserved),
        line("Fee", line_item_unblended_cost="100", **reserved),
    ]  # fmt: skip

    rows = charges(write_csv(tmp_path / "cur.csv", lines))

    assert (rows["BilledCost"].sum(), rows["EffectiveCost"].sum()) == (105, 5)
    used = rows.filter(rows["CommitmentDiscountStatus"] == "Used").to_dicts()
    assert [(row["PricingCategory"], row["EffectiveCost"]) for row in used] == [("Committed", 4)]


@pytest.mark.parametrize(
    ("kind", "bill", "expected"),
    [
        ("Credit", "Anniversary", ("Credit", None)),
        ("Refund", "Anniversary", ("Adjustment", None)),
        ("Refund", "Refund", ("Adjustment", "Correction")),
        ("Tax", "Anniversary", ("Tax", None)),
    ],
)
def test_credits_refunds_and_tax_are_classed_as_focus_says(
    tmp_path: Path, kind: str, bill: str, expected: tuple[str, str | None]
) -> None:
    given = line(kind, bill_bill_type=bill, line_item_unblended_cost="-3")

    (row,) = charges(write_csv(tmp_path / "cur.csv", [given])).to_dicts()

    assert (row["ChargeCategory"], row["ChargeClass"]) == expected
    assert row["BilledCost"] == row["EffectiveCost"] == row["ListCost"] == -3
    assert row["ConsumedQuantity"] is None


def test_net_costs_are_what_is_billed_where_the_report_has_them(tmp_path: Path) -> None:
    given = line() | {"line_item_net_unblended_cost": "0.18"}

    assert charges(write_csv(tmp_path / "cur.csv", [given]))["BilledCost"].to_list() == [Decimal("0.18")]


def test_the_legacy_report_s_names_are_those_of_the_second() -> None:
    given = [
        "lineItem/UsageStartDate",
        "savingsPlan/SavingsPlanARN",
        "pricing/publicOnDemandCost",
        "identity/LineItemId",
    ]

    assert list(flat_names([*given, "resourceTags/user:Team", "plain"]).values()) == [
        "line_item_usage_start_date",
        "savings_plan_savings_plan_arn",
        "pricing_public_on_demand_cost",
        "identity_line_item_id",
    ]


def test_the_legacy_report_s_tag_columns_become_tags(tmp_path: Path) -> None:
    given = {
        "lineItem/UsageStartDate": "2026-10-01T00:00:00Z",
        "lineItem/UnblendedCost": "1",
        "resourceTags/user:Team": "web",
        "resourceTags/user:Note": 'say "hi"',
        "resourceTags/user:Empty": "",
    }

    (row,) = charges(write_csv(tmp_path / "cur.csv", [given])).to_dicts()

    assert row["Tags"] == '{"Team":"web","Note":"say \\"hi\\""}'
    assert row[SOURCE_VERSION] == "legacy"
