"""The rules that FOCUS makes for each row of a cost and usage dataset, as data: what they say, and who breaks them.

A rule about a column is asked only of files that have the column; a mandatory column that is not there breaks its own
rule. Rules that breaking makes money wrong are refusals: such rows are never stored. Rules on what only the provider
can know (which SKU is which price, whether an invoice adds up) are not asked.

Source: FinOps Open Cost and Usage Specification 1.2, column requirements; names and values as of 1.0 to 1.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import polars as pl

from domain.currency import CURRENCIES

CATEGORIES: Final = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
SERVICE_CATEGORIES: Final = (
    "AI and Machine Learning",
    "Analytics",
    "Business Applications",
    "Compute",
    "Databases",
    "Developer Tools",
    "Identity",
    "Integration",
    "Internet of Things",
    "Management and Governance",
    "Media",
    "Migration",
    "Mobile",
    "Multicloud",
    "Networking",
    "Other",
    "Security",
    "Storage",
    "Web",
)
MANDATORY: Final = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
)
"""Columns that every cost and usage dataset must have; `PublisherName` ends with 1.3."""

_TOLERANCE: Final = 0.005
_RELATIVE: Final = 1e-4


class Level(StrEnum):
    """What breaking a rule means."""

    REFUSED = "refused"
    MUST = "must"
    RECOMMENDED = "recommended"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        columns: it is asked of files that have all of these.
        broken: true for the rows that break it.
    """

    rule_id: str
    level: Level
    columns: tuple[str, ...]
    text: str
    broken: pl.Expr


def _col(name: str) -> pl.Expr:
    return pl.col(name)


_IS_CORRECTION: Final = _col("ChargeClass").eq_missing(pl.lit("Correction"))
_CATEGORY: Final = _col("ChargeCategory")
_IS_PRICED: Final = _CATEGORY.is_in(["Usage", "Purchase"]) & ~_IS_CORRECTION
_IS_UNUSED: Final = _col("CommitmentDiscountStatus").eq_missing(pl.lit("Unused"))
_HAS_COMMITMENT: Final = _col("CommitmentDiscountId").is_not_null()


def _never_null() -> Iterator[Rule]:
    refused = ("BilledCost", "EffectiveCost", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd",
               "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory")  # fmt: skip
    others = ("BillingAccountId", "ContractedCost", "InvoiceIssuerName", "ListCost", "ProviderName", "PublisherName",
              "ServiceCategory", "ServiceName", "ChargeFrequency", "ServiceSubcategory")  # fmt: skip
    for name in refused:
        yield Rule(f"{name}-NotNull", Level.REFUSED, (name,), "must not be null", _col(name).is_null())
    for name in others:
        yield Rule(f"{name}-NotNull", Level.MUST, (name,), "must not be null", _col(name).is_null())
    recommended = Level.RECOMMENDED
    name = "ChargeDescription"
    yield Rule(f"{name}-NotNull", recommended, (name,), "should not be null", _col(name).is_null())


def _allowed_values() -> Iterator[Rule]:
    allowed: dict[str, tuple[Level, tuple[str, ...]]] = {
        "ChargeCategory": (Level.REFUSED, CATEGORIES),
        "ChargeClass": (Level.REFUSED, ("Correction",)),
        "ChargeFrequency": (Level.MUST, ("One-Time", "Recurring", "Usage-Based")),
        "CommitmentDiscountCategory": (Level.MUST, ("Spend", "Usage")),
        "CommitmentDiscountStatus": (Level.MUST, ("Used", "Unused")),
        "CapacityReservationStatus": (Level.MUST, ("Used", "Unused")),
        "PricingCategory": (Level.MUST, ("Standard", "Dynamic", "Committed", "Other")),
        "ServiceCategory": (Level.MUST, SERVICE_CATEGORIES),
    }
    for name, (level, values) in allowed.items():
        broken = _col(name).is_not_null() & ~_col(name).is_in(values)
        listed = ", ".join(values) if len(values) < 7 else f"one of {len(values)} words"
        yield Rule(f"{name}-Values", level, (name,), f"must be {listed}", broken)
    currency = _col("BillingCurrency")
    broken = currency.is_not_null() & ~currency.is_in(sorted(CURRENCIES))
    yield Rule("BillingCurrency-ISO4217", Level.REFUSED, ("BillingCurrency",), "must be a code of ISO 4217", broken)


def _periods() -> Iterator[Rule]:
    for name in ("BillingPeriod", "ChargePeriod"):
        start, end = f"{name}Start", f"{name}End"
        broken = _col(end) <= _col(start)
        yield Rule(f"{name}-Order", Level.REFUSED, (start, end), "must end after it starts", broken)


def _priced() -> Iterator[Rule]:
    """Columns that usage and purchases have, and tax has not."""
    for name in ("PricingQuantity", "PricingUnit", "PricingCategory", "ListUnitPrice", "ContractedUnitPrice", "SkuId",
                 "SkuPriceId"):  # fmt: skip
        value = _col(name)
        text = "must not be null for usage and purchases that are no correction"
        yield Rule(f"{name}-Priced", Level.MUST, (name,), text, _IS_PRICED & value.is_null())
        broken = (_CATEGORY == "Tax") & value.is_not_null()
        yield Rule(f"{name}-Tax", Level.MUST, (name,), "must be null for tax", broken)
    for name in ("ListUnitPrice", "ContractedUnitPrice"):
        yield Rule(f"{name}-Range", Level.MUST, (name,), "must not be negative", _col(name) < 0)
    for price, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
        product = _float(price) * _float("PricingQuantity")
        off = (product - _float(cost)).abs() > _TOLERANCE + _RELATIVE * _float(cost).abs()
        columns = (price, "PricingQuantity", cost)
        text = f"times PricingQuantity must be {cost}, corrections apart"
        yield Rule(f"{price}-Product", Level.MUST, columns, text, off & ~_IS_CORRECTION)


def _float(name: str) -> pl.Expr:
    return _col(name).cast(pl.Float64)


def _quantities() -> Iterator[Rule]:
    consumed = _col("ConsumedQuantity")
    is_metered = (_CATEGORY == "Usage") & ~_IS_UNUSED
    for name in ("PricingQuantity", "ConsumedQuantity"):
        is_negative = (_col(name) < 0) & ~_IS_CORRECTION & _CATEGORY.is_in(["Usage", "Purchase"])
        text = "must not be negative unless the charge is a correction"
        yield Rule(f"{name}-Range", Level.MUST, (name,), text, is_negative)
        text = "must not be negative where something is billed, unless the charge is a correction or a credit"
        yield Rule(f"{name}-Sign", Level.REFUSED, (name, "BilledCost"), text, is_negative & (_col("BilledCost") > 0))
    name = "ConsumedQuantity"
    text = "must not be null for metered usage that is no correction"
    yield Rule(f"{name}-Usage", Level.MUST, (name,), text, is_metered & ~_IS_CORRECTION & consumed.is_null())
    text = "must be null for all but metered usage"
    yield Rule(f"{name}-Other", Level.MUST, (name,), text, ~is_metered & consumed.is_not_null())
    broken = consumed.is_null() != _col("ConsumedUnit").is_null()
    yield Rule("ConsumedUnit-With", Level.MUST, (name, "ConsumedUnit"), "must be there with ConsumedQuantity", broken)


def _charges() -> Iterator[Rule]:
    frequency = "ChargeFrequency"
    broken = (_CATEGORY == "Purchase") & (_col(frequency) == "Usage-Based")
    yield Rule(f"{frequency}-Purchase", Level.MUST, (frequency,), "must not be Usage-Based for a purchase", broken)
    broken = (_CATEGORY == "Credit") & (_col("EffectiveCost") != _col("BilledCost"))
    yield Rule("EffectiveCost-Credit", Level.MUST, ("EffectiveCost",), "must be BilledCost for a credit", broken)
    broken = (_CATEGORY == "Purchase") & _HAS_COMMITMENT & (_col("EffectiveCost") != 0)
    text = "must be 0 for a purchase that covers future charges"
    yield Rule("EffectiveCost-Purchase", Level.MUST, ("EffectiveCost", "CommitmentDiscountId"), text, broken)
    outside = (_col("ChargePeriodStart") < _col("BillingPeriodStart").dt.offset_by("-2d")) & ~_IS_CORRECTION
    broken = outside & (_CATEGORY == "Usage")
    text = "should lie in the billing period unless the charge is a correction"
    yield Rule("ChargePeriod-Late", Level.RECOMMENDED, ("ChargeClass",), text, broken)


def _commitments() -> Iterator[Rule]:
    identity, status, quantity = "CommitmentDiscountId", "CommitmentDiscountStatus", "CommitmentDiscountQuantity"
    for name in ("CommitmentDiscountCategory", "CommitmentDiscountType"):
        broken = _col(name).is_null() != _col(identity).is_null()
        yield Rule(f"{name}-With", Level.MUST, (name, identity), f"must be there with {identity}", broken)
    broken = _col(status).is_not_null() & ~_HAS_COMMITMENT
    yield Rule(f"{status}-Without", Level.MUST, (status, identity), f"must be null without {identity}", broken)
    broken = _col(status).is_null() & _HAS_COMMITMENT & (_CATEGORY == "Usage")
    yield Rule(f"{status}-Usage", Level.MUST, (status, identity), f"must not be null for usage with {identity}", broken)
    broken = _col(quantity).is_null() & _HAS_COMMITMENT & _IS_PRICED
    text = f"must not be null for usage and purchases with {identity}"
    yield Rule(f"{quantity}-With", Level.MUST, (quantity, identity), text, broken)
    broken = _col(quantity).is_not_null() & ~_HAS_COMMITMENT
    yield Rule(f"{quantity}-Without", Level.MUST, (quantity, identity), f"must be null without {identity}", broken)
    name = "CommitmentDiscountUnit"
    broken = _col(name).is_null() != _col(quantity).is_null()
    yield Rule(f"{name}-With", Level.MUST, (name, quantity), f"must be there with {quantity}", broken)
    broken = (_CATEGORY == "Purchase") & (_col("PricingCategory") == "Committed")
    text = "must not be Committed for a purchase"
    yield Rule("PricingCategory-Purchase", Level.MUST, ("PricingCategory",), text, broken)
    broken = (_col(status) == "Used") & (_col("PricingCategory").ne_missing(pl.lit("Committed")))
    text = "must be Committed where a commitment is used"
    yield Rule("PricingCategory-Used", Level.MUST, ("PricingCategory", status), text, broken)


def _pairs() -> Iterator[Rule]:
    """Columns that come with another: (dependent, on which, whether it must be there then)."""
    for name, other, is_needed in (
        ("SubAccountName", "SubAccountId", False),
        ("SubAccountType", "SubAccountId", True),
        ("BillingAccountType", "BillingAccountId", True),
        ("ResourceName", "ResourceId", False),
        ("ResourceType", "ResourceId", True),
        ("RegionName", "RegionId", True),
        ("CapacityReservationStatus", "CapacityReservationId", False),
        ("PricingCurrencyEffectiveCost", "PricingCurrency", True),
    ):
        broken = _col(name).is_not_null() & _col(other).is_null()
        yield Rule(f"{name}-Without", Level.MUST, (name, other), f"must be null without {other}", broken)
        if is_needed:
            broken = _col(name).is_null() & _col(other).is_not_null()
            yield Rule(f"{name}-With", Level.MUST, (name, other), f"must be there with {other}", broken)
    for name in ("Tags", "SkuPriceDetails"):
        value = _col(name)
        broken = value.is_not_null() & ~(value.str.starts_with("{") & value.str.ends_with("}"))
        yield Rule(f"{name}-Format", Level.MUST, (name,), "must be a JSON object of keys and values", broken)


RULES: Final[tuple[Rule, ...]] = tuple(
    rule
    for group in (_never_null, _allowed_values, _periods, _priced, _quantities, _charges, _commitments, _pairs)
    for rule in group()
)
"""Every rule, refusals among them."""
