"""Azure Cost Management exports, actual and amortised cost, as FOCUS 1.2.

The two exports have the same columns, and one rule reads both: what a commitment covers, or leaves unused, is billed
nothing and has the row's cost as its effective cost (actual exports write zero there); the purchase of a commitment, or
its refund, is billed and has no effective cost (only actual exports have it); everything else is in both exports, with
one cost. So an actual and an amortised export of one period together are the whole bill, and the importer counts what
they share once.

Ends of periods are inclusive in the export and exclusive in FOCUS. Quantities count units of measure such as `10K`.

Source: Cost Management, understand usage details fields; FOCUS 1.2.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from connectors.billing.azure_services import CATEGORIES
from connectors.billing.conversion import Conversion, chosen, nothing, said
from connectors.focus.cells import DECIMAL, Cells

COST: Final = ("CostInBillingCurrency", "Cost", "PreTaxCost")
CHARGE_TYPE: Final = "ChargeType"
_COMMITTED: Final = ("reservation", "savingsplan", "savings plan", "savings plans")
_CATEGORY: Final = {
    "Usage": "Usage",
    "Purchase": "Purchase",
    "Tax": "Tax",
    "UnusedReservation": "Usage",
    "UnusedSavingsPlan": "Usage",
}
_FREQUENCY: Final = {"OneTime": "One-Time", "Recurring": "Recurring", "UsageBased": "Usage-Based"}
_DAY: Final = "1d"
_UNIT_ENDINGS: Final = {"hour": "Hours", "day": "Days", "month": "Months", "minute": "Minutes", "second": "Seconds"}


def is_purchase_of_commitment(cells: Cells) -> pl.Expr:
    """Rows that only the actual export has."""
    return cells.text(CHARGE_TYPE).str.to_lowercase().is_in(["purchase", "refund"]) & _is_committed(cells)


def is_covered(cells: Cells) -> pl.Expr:
    """Rows whose cost only the amortised export has: usage that a commitment covers, and what nobody used of it."""
    kind = cells.text(CHARGE_TYPE).str.to_lowercase()
    return kind.str.starts_with("unused") | ((kind == "usage") & _is_committed(cells))


def conversion(cells: Cells) -> Conversion:
    """How an export with these columns becomes FOCUS."""
    cost = cells.decimal(*COST)
    return Conversion(
        columns=_places(cells) | _charge(cells) | _money(cells, cost) | _commitment(cells),
        source_cost=pl.when(is_covered(cells)).then(nothing()).otherwise(cost).fill_null(nothing()),
        is_shared=(~is_purchase_of_commitment(cells) & ~is_covered(cells)).fill_null(value=True),
    )


def _is_committed(cells: Cells) -> pl.Expr:
    return (
        cells.text("PricingModel").str.to_lowercase().is_in(_COMMITTED).fill_null(value=False)
        | _benefit(cells).is_not_null()
    )


def _benefit(cells: Cells) -> pl.Expr:
    return cells.text("benefitId", "ReservationId")


def _places(cells: Cells) -> dict[str, pl.Expr]:
    uid = cells.text("ResourceId")
    last = uid.str.extract(r"/providers/[^/]+/(?:[^/]+/[^/]+/)*([^/]+)/[^/]+/?$")
    tags = cells.text("Tags")
    publisher = pl.when(cells.text("PublisherType").str.to_lowercase().is_in(["azure", "microsoft"])).then(
        said("Microsoft")
    )
    return {
        "AvailabilityZone": cells.text("AvailabilityZone"),
        "BillingAccountId": cells.text("BillingAccountId"),
        "BillingAccountName": cells.text("BillingAccountName"),
        "SubAccountId": cells.text("SubscriptionId", "subscriptionGuid"),
        "SubAccountName": cells.text("SubscriptionName"),
        "RegionId": cells.text("ResourceLocationNormalized", "ResourceLocation", "location")
        .str.to_lowercase()
        .str.replace_all(" ", "", literal=True),
        "ResourceId": uid,
        "ResourceName": cells.text("ResourceName"),
        "ResourceType": last,
        "ProviderName": said("Microsoft"),
        "PublisherName": pl.coalesce(cells.text("PublisherName"), publisher),
        "InvoiceIssuerName": said("Microsoft"),
        "InvoiceId": cells.text("InvoiceId", "invoiceNumber"),
        "ServiceName": cells.text("MeterCategory"),
        "ServiceCategory": chosen(cells.text("ConsumedService"), CATEGORIES, otherwise="Other"),
        "SkuId": cells.text("MeterId"),
        "SkuMeter": cells.text("MeterName"),
        "SkuPriceId": cells.text("PartNumber", "priceSheetId"),
        "Tags": pl.when(tags.str.starts_with("{")).then(tags).when(tags != "").then(said("{") + tags + said("}")),
    }


def _charge(cells: Cells) -> dict[str, pl.Expr]:
    kind = cells.text(CHARGE_TYPE)
    day = cells.instant("Date", "UsageDateTime")
    period_start = cells.instant("BillingPeriodStartDate", "billingPeriodStart")
    period_end = cells.instant("BillingPeriodEndDate", "billingPeriodEnd").dt.offset_by(_DAY)
    month = day.dt.truncate("1mo")
    return {
        "BillingCurrency": cells.text("BillingCurrencyCode", "BillingCurrency"),
        "BillingPeriodStart": pl.coalesce(period_start, month),
        "BillingPeriodEnd": pl.coalesce(period_end, month.dt.offset_by("1mo")),
        "ChargePeriodStart": day,
        "ChargePeriodEnd": day.dt.offset_by(_DAY),
        "ChargeCategory": chosen(kind, _CATEGORY, otherwise="Adjustment"),
        "ChargeClass": pl.when(kind.str.to_lowercase() == "refund").then(said("Correction")),
        "ChargeDescription": cells.text("ProductName", "Product"),
        "ChargeFrequency": chosen(cells.text("Frequency"), _FREQUENCY, otherwise="Usage-Based"),
    }


def _money(cells: Cells, cost: pl.Expr) -> dict[str, pl.Expr]:
    quantity, listed = cells.decimal("Quantity"), cells.decimal("PayGPrice")
    contracted, unit = cells.decimal("UnitPrice"), cells.text("UnitOfMeasure")
    billed = pl.when(is_covered(cells)).then(nothing()).otherwise(cost)
    is_usage = chosen(cells.text(CHARGE_TYPE), _CATEGORY) == "Usage"
    is_consumed = is_usage & ~cells.text(CHARGE_TYPE).str.to_lowercase().str.starts_with("unused")
    is_untaxed = cells.text(CHARGE_TYPE).str.to_lowercase() != "tax"
    at_contract = pl.coalesce(_times(contracted, quantity), cost)
    return {
        "BilledCost": billed,
        "EffectiveCost": pl.when(is_purchase_of_commitment(cells)).then(nothing()).otherwise(cost),
        "ListCost": pl.when(listed > 0).then(_times(listed, quantity)).otherwise(at_contract),
        "ContractedCost": at_contract,
        "ListUnitPrice": pl.when(is_untaxed & (listed > 0)).then(listed),
        "ContractedUnitPrice": pl.when(is_untaxed).then(contracted),
        "PricingQuantity": pl.when(is_untaxed).then(quantity),
        "PricingUnit": pl.when(is_untaxed).then(unit),
        "PricingCategory": _pricing(cells),
        "ConsumedQuantity": pl.when(is_consumed).then(_times(quantity, _block(unit))),
        "ConsumedUnit": pl.when(is_consumed).then(_consumed_unit(unit)),
        "PricingCurrency": cells.text("pricingCurrency", "PricingCurrencyCode"),
        "PricingCurrencyEffectiveCost": cells.decimal("costInPricingCurrency"),
    }


def _times(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """A product of two amounts, which has too many places to be exact as a decimal."""
    return (left.cast(pl.Float64) * right.cast(pl.Float64)).cast(DECIMAL)


def _block(unit: pl.Expr) -> pl.Expr:
    """How many units one quantity is: 10,000 for `10K`, 1 for `1 Hour`."""
    many = unit.str.extract(r"^\s*(\d+)").cast(DECIMAL, strict=False)
    letter = unit.str.extract(r"^\s*\d+\s*([KMkm])(?:/|\s|$)").str.to_uppercase()
    factor = pl.when(letter == "K").then(1_000).when(letter == "M").then(1_000_000).otherwise(1)
    return pl.coalesce(_times(many, factor), pl.lit(1).cast(DECIMAL))


def _consumed_unit(unit: pl.Expr) -> pl.Expr:
    """The unit's own name: `Hours` of `1 Hour`, `Units` of `10K`, `GB/Month` of `1 GB/Month`."""
    rest = unit.str.replace(r"^\s*\d+\s*", "").str.replace(r"^[KMkm](/|\s|$)", "${1}").str.strip_chars()
    plural = chosen(rest, _UNIT_ENDINGS)
    return (
        pl.when(rest == "")
        .then(said("Units"))
        .when(rest.str.starts_with("/"))
        .then(said("Units") + rest)
        .otherwise(pl.coalesce(plural, rest))
    )


def _pricing(cells: Cells) -> pl.Expr:
    model = cells.text("PricingModel").str.to_lowercase()
    is_usage = chosen(cells.text(CHARGE_TYPE), _CATEGORY) == "Usage"
    return (
        pl.when(cells.text(CHARGE_TYPE).str.to_lowercase() == "tax")
        .then(None)
        .when(model == "spot")
        .then(said("Dynamic"))
        .when(model.is_in(_COMMITTED) & is_usage)
        .then(said("Committed"))
        .when(model.is_in([*_COMMITTED, "ondemand"]))
        .then(said("Standard"))
        .otherwise(said("Other"))
    )


def _commitment(cells: Cells) -> dict[str, pl.Expr]:
    benefit = _benefit(cells)
    low = benefit.str.to_lowercase()
    is_plan = low.str.contains("/microsoft.billingbenefits/", literal=True)
    is_known = benefit.is_not_null()
    kind = cells.text(CHARGE_TYPE).str.to_lowercase()
    quantity = cells.decimal("Quantity")
    is_active = is_known & kind.is_in(["usage", "purchase", "unusedreservation", "unusedsavingsplan"])
    return {
        "CommitmentDiscountId": benefit,
        "CommitmentDiscountName": pl.when(is_known).then(cells.text("benefitName", "ReservationName")),
        "CommitmentDiscountCategory": pl.when(is_plan).then(said("Spend")).when(is_known).then(said("Usage")),
        "CommitmentDiscountType": pl.when(is_plan).then(said("Savings Plan")).when(is_known).then(said("Reservation")),
        "CommitmentDiscountStatus": pl.when(is_known & kind.str.starts_with("unused"))
        .then(said("Unused"))
        .when(is_known & (kind == "usage"))
        .then(said("Used")),
        "CommitmentDiscountQuantity": pl.when(is_active & is_plan)
        .then(cells.decimal(*COST))
        .when(is_active)
        .then(quantity),
        "CommitmentDiscountUnit": pl.when(is_active & is_plan)
        .then(cells.text("BillingCurrencyCode", "BillingCurrency"))
        .when(is_active)
        .then(cells.text("UnitOfMeasure")),
    }
