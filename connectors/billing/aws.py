"""AWS Cost and Usage Reports, 2.0 and legacy, as FOCUS 1.2.

Where the report and FOCUS part ways:

- Usage under a savings plan is billed at its on-demand cost and taken back by negation rows. In FOCUS the plan's fee is
  billed, so both are billed nothing here; they cancel each other in every total.
- A recurring fee carries its unused part in columns of its own. FOCUS wants that part as usage that nobody used: it
  becomes a row of its own, and the fee, a purchase, has no effective cost.
- Discounts that come as rows reduce what is billed and are usage, as the published rules have it.

Source: AWS Data Exports, column dictionaries of CUR 2.0 and legacy CUR; FOCUS 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import polars as pl

from connectors.billing.aws_services import CATEGORIES
from connectors.billing.conversion import SOURCE_COST, Conversion, chosen, nothing, said
from connectors.focus.cells import Cells, json_object

_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNUSED: Final = "PricingCurrencyEffectiveCost"
"""Carries the unused part of a fee until the row is split: the report fills no pricing currency."""

_CATEGORY: Final = {
    "Tax": "Tax",
    "Fee": "Purchase",
    "SavingsPlanUpfrontFee": "Purchase",
    "RIFee": "Purchase",
    "SavingsPlanRecurringFee": "Purchase",
    "Usage": "Usage",
    "SavingsPlanCoveredUsage": "Usage",
    "SavingsPlanNegation": "Usage",
    "DiscountedUsage": "Usage",
    "BundledDiscount": "Usage",
    "Discount": "Usage",
    "PrivateRateDiscount": "Usage",
    "EdpDiscount": "Usage",
    "Credit": "Credit",
    "Refund": "Adjustment",
}
_FREQUENCY: Final = {
    "Usage": "Usage-Based",
    "SavingsPlanCoveredUsage": "Usage-Based",
    "SavingsPlanNegation": "Usage-Based",
    "DiscountedUsage": "Usage-Based",
    "RIFee": "Recurring",
    "SavingsPlanRecurringFee": "Recurring",
    "Fee": "One-Time",
    "SavingsPlanUpfrontFee": "One-Time",
}
_METERED: Final = ("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage")
_COVERED: Final = ("DiscountedUsage", "SavingsPlanCoveredUsage")
_FEES: Final = ("RIFee", "SavingsPlanRecurringFee", "SavingsPlanUpfrontFee")


def flat_names(columns: Iterable[str]) -> dict[str, str]:
    """The 2.0 names of legacy columns: ``lineItem/UsageStartDate`` is ``line_item_usage_start_date``."""
    return {
        column: "_".join(_WORD.sub("_", part).lower() for part in column.split("/"))
        for column in columns
        if "/" in column and not column.startswith("resourceTags/")
    }


def conversion(cells: Cells) -> Conversion:
    """How a report with these columns becomes FOCUS."""
    billed = cells.decimal("line_item_net_unblended_cost", "line_item_unblended_cost")
    return Conversion(
        columns=_places(cells) | _charge(cells) | _money(cells, billed) | _commitment(cells) | _product(cells),
        source_cost=billed.fill_null(nothing()),
        split=_unused_apart,
    )


def _kind(cells: Cells) -> pl.Expr:
    return cells.text("line_item_line_item_type")


def _places(cells: Cells) -> dict[str, pl.Expr]:
    uid = cells.text("line_item_resource_id")
    is_arn = uid.str.starts_with("arn:")
    local = uid.str.splitn(":", 6).struct.field("field_5")
    return {
        "AvailabilityZone": cells.text("line_item_availability_zone"),
        "BillingAccountId": cells.text("bill_payer_account_id"),
        "BillingAccountName": cells.text("bill_payer_account_name"),
        "SubAccountId": cells.text("line_item_usage_account_id"),
        "SubAccountName": cells.text("line_item_usage_account_name"),
        "RegionId": cells.text("product_region", "product_region_code"),
        "RegionName": cells.text("product_location"),
        "ResourceId": uid,
        "ResourceName": pl.when(is_arn).then(local.str.extract(r"([^/:]*)$")),
        "ResourceType": pl.when(is_arn & local.str.contains("[/:]")).then(local.str.extract(r"^([^/:]*)")),
        "ProviderName": said("AWS"),
        "PublisherName": cells.text("line_item_legal_entity"),
        "InvoiceIssuerName": cells.text("bill_invoicing_entity"),
        "InvoiceId": cells.text("bill_invoice_id"),
        "Tags": _tags(cells),
    }


def _tags(cells: Cells) -> pl.Expr:
    if "resource_tags" in cells:
        given = cells.text("resource_tags")
        return pl.when(given != "{}").then(given)
    legacy = cells.starting("resourceTags/user:", "resourceTags/")
    return json_object(legacy or cells.starting("resource_tags_user_"))


def _charge(cells: Cells) -> dict[str, pl.Expr]:
    kind = _kind(cells)
    by_bill = chosen(
        cells.text("bill_bill_type"), {"Refund": "One-Time", "Purchase": "One-Time", "Anniversary": "Recurring"}
    )
    return {
        "BillingCurrency": cells.text("line_item_currency_code"),
        "BillingPeriodStart": cells.instant("bill_billing_period_start_date"),
        "BillingPeriodEnd": cells.instant("bill_billing_period_end_date"),
        "ChargePeriodStart": cells.instant("line_item_usage_start_date"),
        "ChargePeriodEnd": cells.instant("line_item_usage_end_date"),
        "ChargeCategory": chosen(kind, _CATEGORY),
        "ChargeClass": pl.when((kind == "Refund") & (cells.text("bill_bill_type") == "Refund")).then(
            said("Correction")
        ),
        "ChargeDescription": cells.text("line_item_line_item_description"),
        "ChargeFrequency": pl.coalesce(chosen(kind, _FREQUENCY), by_bill),
    }


def _money(cells: Cells, billed: pl.Expr) -> dict[str, pl.Expr]:
    kind, usage = _kind(cells), cells.decimal("line_item_usage_amount")
    is_metered, is_covered = kind.is_in(_METERED), kind.is_in(_COVERED)
    rate, public = cells.decimal("pricing_public_on_demand_rate"), cells.decimal("pricing_public_on_demand_cost")
    listed = pl.when(is_metered).then(pl.coalesce(public, rate * usage))
    own = pl.when(kind.is_in(["SavingsPlanCoveredUsage", "SavingsPlanNegation"])).then(nothing()).otherwise(billed)
    contracted = pl.when(kind == "SavingsPlanCoveredUsage").then(billed).when(is_covered).then(listed)
    is_untaxed = kind != "Tax"
    total = pl.when(kind == "RIFee").then(cells.decimal("reservation_total_reserved_units"))
    return {
        "BilledCost": own,
        "EffectiveCost": _effective(cells, kind, billed),
        "ListCost": pl.coalesce(listed, own),
        "ContractedCost": pl.coalesce(contracted, own),
        "ListUnitPrice": pl.when(is_untaxed).then(rate),
        "PricingQuantity": pl.when(is_untaxed).then(pl.coalesce(total, usage)),
        "PricingUnit": pl.when(is_untaxed).then(cells.text("pricing_unit")),
        "PricingCategory": _pricing(cells, kind),
        "ConsumedQuantity": pl.when(is_metered).then(usage),
        "ConsumedUnit": pl.when(is_metered).then(cells.text("pricing_unit")),
        _UNUSED: _unused(cells, kind),
    }


def _effective(cells: Cells, kind: pl.Expr, billed: pl.Expr) -> pl.Expr:
    plan = cells.decimal("savings_plan_net_savings_plan_effective_cost", "savings_plan_savings_plan_effective_cost")
    reserved = cells.decimal("reservation_net_effective_cost", "reservation_effective_cost")
    is_reservation_fee = (kind == "Fee") & _reservation(cells).is_not_null()
    return (
        pl.when(kind == "SavingsPlanCoveredUsage")
        .then(plan)
        .when(kind == "DiscountedUsage")
        .then(reserved)
        .when((kind == "SavingsPlanNegation") | kind.is_in(_FEES) | is_reservation_fee)
        .then(nothing())
        .otherwise(billed)
    )


def _unused(cells: Cells, kind: pl.Expr) -> pl.Expr:
    committed = cells.decimal("savings_plan_total_commitment_to_date")
    left = committed - cells.decimal("savings_plan_used_commitment").fill_null(nothing())
    upfront = cells.decimal(
        "reservation_net_unused_amortized_upfront_fee_for_billing_period",
        "reservation_unused_amortized_upfront_fee_for_billing_period",
    ).fill_null(nothing())
    recurring = cells.decimal("reservation_net_unused_recurring_fee", "reservation_unused_recurring_fee")
    return (
        pl.when(kind == "SavingsPlanRecurringFee")
        .then(left)
        .when(kind == "RIFee")
        .then(upfront + recurring.fill_null(nothing()))
    )


def _pricing(cells: Cells, kind: pl.Expr) -> pl.Expr:
    option = cells.text("product_purchase_option")
    is_spot = (option == "Spot Instances") | (cells.text("pricing_term") == "Spot")
    return (
        pl.when(kind.is_in(_COVERED))
        .then(said("Committed"))
        .when(is_spot)
        .then(said("Dynamic"))
        .when(chosen(kind, _CATEGORY).is_in(["Usage", "Purchase"]))
        .then(said("Standard"))
    )


def _reservation(cells: Cells) -> pl.Expr:
    return cells.text("reservation_reservation_arn", "reservation_reservation_a_r_n")


def _commitment(cells: Cells) -> dict[str, pl.Expr]:
    kind = _kind(cells)
    plan = cells.text("savings_plan_savings_plan_arn", "savings_plan_savings_plan_a_r_n")
    commitment = pl.coalesce(plan, _reservation(cells))
    is_plan, is_known = plan.is_not_null(), commitment.is_not_null()
    is_used = kind.is_in(_COVERED) & is_known
    committed = cells.decimal("savings_plan_total_commitment_to_date")
    return {
        "CommitmentDiscountId": commitment,
        "CommitmentDiscountCategory": pl.when(is_plan).then(said("Spend")).when(is_known).then(said("Usage")),
        "CommitmentDiscountType": pl.when(is_plan)
        .then(said("Savings Plan"))
        .when(is_known)
        .then(said("Reserved Instances (RI)")),
        "CommitmentDiscountStatus": pl.when(is_used | ((kind == "SavingsPlanNegation") & is_known)).then(said("Used")),
        "CommitmentDiscountQuantity": pl.when(is_used & is_plan)
        .then(cells.decimal("savings_plan_used_commitment", "savings_plan_savings_plan_effective_cost"))
        .when(is_used)
        .then(cells.decimal("line_item_usage_amount"))
        .when(kind == "SavingsPlanRecurringFee")
        .then(committed)
        .when(kind == "RIFee")
        .then(cells.decimal("reservation_total_reserved_units", "line_item_usage_amount")),
        "CommitmentDiscountUnit": pl.when(is_plan)
        .then(cells.text("line_item_currency_code"))
        .when(is_known)
        .then(cells.text("pricing_unit")),
    }


def _product(cells: Cells) -> dict[str, pl.Expr]:
    code = cells.text("line_item_product_code")
    named = cells.text("product_product_name", "product_servicename")
    if "product" in cells:
        named = pl.coalesce(cells.text("product").str.json_path_match("$.product_name"), named)
    return {
        "ServiceName": pl.coalesce(named, code),
        "ServiceCategory": chosen(code, CATEGORIES, otherwise="Other"),
        "SkuId": pl.when(_kind(cells) != "Tax").then(cells.text("product_sku")),
        "SkuPriceId": pl.when(_kind(cells) != "Tax").then(cells.text("pricing_rate_code", "pricing_rate_id")),
        "SkuMeter": cells.text("line_item_usage_type"),
    }


def _unused_apart(frame: pl.DataFrame) -> pl.DataFrame:
    """Give the unused part of each fee a row of its own, after the report's."""
    left, empty = frame.filter(pl.col(_UNUSED) != 0), pl.lit(None)
    fees = frame.with_columns(empty.cast(frame.schema[_UNUSED]).alias(_UNUSED))
    if left.is_empty():
        return fees
    amount, none = pl.col(_UNUSED), ("PricingQuantity", "ListUnitPrice", "ConsumedQuantity")
    unused = left.with_columns(
        *(empty.cast(left.schema[name]).alias(name) for name in (*none, _UNUSED)),
        nothing().alias("BilledCost"),
        amount.alias("EffectiveCost"),
        amount.alias("ListCost"),
        amount.alias("ContractedCost"),
        nothing().alias(SOURCE_COST),
        said("Usage").alias("ChargeCategory"),
        said("Usage-Based").alias("ChargeFrequency"),
        said("Committed").alias("PricingCategory"),
        pl.when(pl.col("CommitmentDiscountId").is_not_null()).then(said("Unused")).alias("CommitmentDiscountStatus"),
        pl.when(pl.col("CommitmentDiscountCategory") == "Spend").then(amount).alias("CommitmentDiscountQuantity"),
    )
    return pl.concat([fees, unused])
