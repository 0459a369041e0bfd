"""Google Cloud's billing export from BigQuery, standard and detailed, as FOCUS 1.2; its FOCUS table is FOCUS.

A row of the export carries its credits. Discounts (committed and sustained use, negotiated, reseller) reduce what the
row bills, as FOCUS has it; free tier and promotions are credits that pay for it, and become rows of their own. So what
is billed adds up to `cost` and its credits, which is the invoice. Fees of committed use discounts are usage here: the
export does not say which usage a fee covers.

Invoice months are months in Pacific time.

Source: Google Cloud Billing, structure of standard and detailed data export; FOCUS 1.2.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from connectors.billing.conversion import SOURCE_COST, Conversion, chosen, nothing, said
from connectors.billing.gcp_services import CATEGORIES
from connectors.focus.cells import DECIMAL, Cells

PACIFIC: Final = "America/Los_Angeles"
_PAYING: Final = ("PROMOTION", "FREE_TIER")
_PAID: Final = "PricingCurrencyEffectiveCost"
"""Carries what credits pay of a row until the row is split."""

_CATEGORY: Final = {"regular": "Usage", "tax": "Tax", "adjustment": "Adjustment", "rounding_error": "Adjustment"}


def _struct(*names: str, **nested: pl.DataType) -> pl.Struct:
    fields: dict[str, pl.DataType] = {name: pl.String() for name in names}
    return pl.Struct(fields | nested)


_PAIRS: Final = pl.List(_struct("key", "value"))
_SCALARS: Final = (
    *("billing_account_id", "usage_start_time", "usage_end_time", "export_time", "cost", "currency", "cost_type"),
    *("currency_conversion_rate", "cost_at_list", "cost_at_effective_price_default", "transaction_type", "seller_name"),
)
_NESTED: Final[dict[str, pl.DataType]] = {
    "service": _struct("id", "description"),
    "sku": _struct("id", "description"),
    "project": _struct("id", "number", "name", labels=_PAIRS),
    "labels": _PAIRS,
    "system_labels": _PAIRS,
    "location": _struct("location", "country", "region", "zone"),
    "usage": _struct("amount", "unit", "amount_in_pricing_units", "pricing_unit"),
    "credits": pl.List(_struct("name", "amount", "full_name", "id", "type")),
    "invoice": _struct("month", "publisher_type"),
    "adjustment_info": _struct("id", "description", "mode", "type"),
    "price": _struct("effective_price", "tier_start_amount", "unit", "pricing_unit_quantity"),
    "resource": _struct("name", "global_name"),
    "subscription": _struct("instance_id"),
}
JSON_SCHEMA: Final[dict[str, pl.DataType]] = {**{name: pl.String() for name in _SCALARS}, **_NESTED}
"""The export's rows as newline-delimited JSON: every number as text, so that none loses a digit."""


def conversion(cells: Cells) -> Conversion:
    """How an export with these columns becomes FOCUS."""
    cost = cells.decimal("cost").fill_null(nothing())
    return Conversion(
        columns=_places(cells) | _charge(cells) | _money(cells, cost),
        source_cost=cost + _credited(cells, paying=None),
        split=_credits_apart,
    )


def _credited(cells: Cells, *, paying: bool | None) -> pl.Expr:
    """The sum of a row's credits: those that pay, those that discount, or all."""
    if "credits" not in cells:
        return nothing()
    member = pl.element().struct.field("amount").cast(pl.String).cast(DECIMAL, strict=False)
    is_paying = pl.element().struct.field("type").is_in(_PAYING).fill_null(value=False)
    if paying is not None:
        member = pl.when(is_paying if paying else ~is_paying).then(member)
    return pl.col("credits").list.eval(member).list.sum().cast(DECIMAL).fill_null(nothing())


def _places(cells: Cells) -> dict[str, pl.Expr]:
    region = pl.coalesce(cells.path("location", "region"), cells.path("location", "location"))
    return {
        "AvailabilityZone": cells.path("location", "zone"),
        "BillingAccountId": cells.text("billing_account_id"),
        "SubAccountId": cells.path("project", "id"),
        "SubAccountName": cells.path("project", "name"),
        "RegionId": region,
        "ResourceId": pl.coalesce(cells.path("resource", "global_name"), cells.path("resource", "name")),
        "ResourceName": cells.path("resource", "name"),
        "ProviderName": said("Google Cloud"),
        "PublisherName": pl.coalesce(cells.text("seller_name"), said("Google Cloud")),
        "InvoiceIssuerName": said("Google Cloud"),
        "ServiceName": cells.path("service", "description"),
        "ServiceCategory": chosen(cells.path("service", "description"), CATEGORIES, otherwise="Other"),
        "SkuId": cells.path("sku", "id"),
        "SkuPriceId": cells.path("price", "tier_start_amount"),
        "SkuMeter": cells.path("sku", "description"),
        "Tags": cells.text("labels"),
    }


def _charge(cells: Cells) -> dict[str, pl.Expr]:
    month = cells.path("invoice", "month").str.to_date("%Y%m", strict=False).cast(pl.Datetime("us"))
    start = cells.instant("usage_start_time")
    category = chosen(cells.text("cost_type"), _CATEGORY, otherwise="Usage")
    is_correction = cells.path("adjustment_info", "id").is_not_null() & (_pacific(month) > start)
    return {
        "BillingCurrency": cells.text("currency"),
        "BillingPeriodStart": _pacific(month),
        "BillingPeriodEnd": _pacific(month.dt.offset_by("1mo")),
        "ChargePeriodStart": start,
        "ChargePeriodEnd": cells.instant("usage_end_time"),
        "ChargeCategory": category,
        "ChargeClass": pl.when(is_correction).then(said("Correction")),
        "ChargeDescription": pl.coalesce(
            cells.path("adjustment_info", "description"), cells.path("sku", "description")
        ),
        "ChargeFrequency": pl.when(category == "Usage").then(said("Usage-Based")).otherwise(said("One-Time")),
    }


def _pacific(month: pl.Expr) -> pl.Expr:
    return month.dt.replace_time_zone(PACIFIC).dt.convert_time_zone("UTC")


def _money(cells: Cells, cost: pl.Expr) -> dict[str, pl.Expr]:
    is_usage = chosen(cells.text("cost_type"), _CATEGORY, otherwise="Usage") == "Usage"
    amount = cells.path("usage", "amount").cast(DECIMAL, strict=False)
    priced = cells.path("usage", "amount_in_pricing_units").cast(DECIMAL, strict=False)
    billed = cost + _credited(cells, paying=False)
    return {
        "BilledCost": billed,
        "EffectiveCost": billed,
        "ListCost": pl.coalesce(cells.decimal("cost_at_list"), cost),
        "ContractedCost": cost,
        "ContractedUnitPrice": pl.when(is_usage).then(
            cells.path("price", "effective_price").cast(DECIMAL, strict=False)
        ),
        "PricingQuantity": pl.when(is_usage).then(priced),
        "PricingUnit": pl.when(is_usage).then(cells.path("usage", "pricing_unit")),
        "PricingCategory": pl.when(is_usage).then(said("Standard")),
        "ConsumedQuantity": pl.when(is_usage).then(amount),
        "ConsumedUnit": pl.when(is_usage).then(cells.path("usage", "unit")),
        _PAID: _credited(cells, paying=True),
    }


def _credits_apart(frame: pl.DataFrame) -> pl.DataFrame:
    """Give what credits pay of each row a row of its own, after the export's."""
    paid, empty = frame.filter(pl.col(_PAID) != 0), pl.lit(None)
    rows = frame.with_columns(empty.cast(frame.schema[_PAID]).alias(_PAID), pl.col(SOURCE_COST) - pl.col(_PAID))
    if paid.is_empty():
        return rows
    amount = pl.col(_PAID)
    none = ("PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit", "ContractedUnitPrice", _PAID)
    credits = paid.with_columns(
        *(empty.cast(paid.schema[name]).alias(name) for name in none),
        *(amount.alias(name) for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", SOURCE_COST)),
        said("Credit").alias("ChargeCategory"),
        said("One-Time").alias("ChargeFrequency"),
        empty.cast(pl.String).alias("PricingCategory"),
    )
    return pl.concat([rows, credits])
