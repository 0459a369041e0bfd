"""FOCUS billing columns: names, kinds, since when, and which a file must have.

Source: FinOps Open Cost and Usage Specification (FOCUS) 1.0 to 1.4, https://focus.finops.org. Columns are kept
by their 1.2 names; a column that a version does not know is null.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FocusKind(StrEnum):
    """How a column's values are read."""

    TEXT = "text"
    DECIMAL = "decimal"
    INSTANT = "instant"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class FocusColumn:
    """One column.

    Args:
        is_required: a row without it cannot be costed.
        since: the version that had it first.
    """

    name: str
    kind: FocusKind
    is_required: bool = False
    since: str = "1.0"


_REQUIRED: Final = {
    FocusKind.DECIMAL: ("BilledCost", "EffectiveCost"),
    FocusKind.INSTANT: ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"),
    FocusKind.TEXT: ("BillingCurrency", "ChargeCategory"),
}
_OPTIONAL: Final = {
    FocusKind.DECIMAL: (
        "ListCost",
        "ContractedCost",
        "PricingQuantity",
        "ConsumedQuantity",
        "ListUnitPrice",
        "ContractedUnitPrice",
    ),
    FocusKind.TEXT: (
        "AvailabilityZone",
        "BillingAccountId",
        "BillingAccountName",
        "SubAccountId",
        "SubAccountName",
        "ProviderName",
        "PublisherName",
        "InvoiceIssuerName",
        "ServiceName",
        "ServiceCategory",
        "ResourceId",
        "ResourceName",
        "ResourceType",
        "RegionId",
        "RegionName",
        "ChargeClass",
        "ChargeFrequency",
        "ChargeDescription",
        "CommitmentDiscountCategory",
        "CommitmentDiscountId",
        "CommitmentDiscountName",
        "CommitmentDiscountType",
        "CommitmentDiscountStatus",
        "PricingCategory",
        "PricingUnit",
        "ConsumedUnit",
        "SkuId",
        "SkuPriceId",
    ),
    FocusKind.JSON: ("Tags",),
}
_LATER: Final = {
    "CapacityReservationId": ("1.1", FocusKind.TEXT),
    "CapacityReservationStatus": ("1.1", FocusKind.TEXT),
    "CommitmentDiscountQuantity": ("1.1", FocusKind.DECIMAL),
    "CommitmentDiscountUnit": ("1.1", FocusKind.TEXT),
    "ServiceSubcategory": ("1.1", FocusKind.TEXT),
    "SkuMeter": ("1.1", FocusKind.TEXT),
    "SkuPriceDetails": ("1.1", FocusKind.JSON),
    "BillingAccountType": ("1.2", FocusKind.TEXT),
    "InvoiceId": ("1.2", FocusKind.TEXT),
    "PricingCurrency": ("1.2", FocusKind.TEXT),
    "PricingCurrencyContractedUnitPrice": ("1.2", FocusKind.DECIMAL),
    "PricingCurrencyEffectiveCost": ("1.2", FocusKind.DECIMAL),
    "PricingCurrencyListUnitPrice": ("1.2", FocusKind.DECIMAL),
    "SubAccountType": ("1.2", FocusKind.TEXT),
}


def _columns() -> Iterable[FocusColumn]:
    for kind, names in _REQUIRED.items():
        yield from (FocusColumn(name, kind, is_required=True) for name in names)
    for kind, names in _OPTIONAL.items():
        yield from (FocusColumn(name, kind) for name in names)
    for name, (since, kind) in _LATER.items():
        yield FocusColumn(name, kind, since=since)


FOCUS_COLUMNS: Final[tuple[FocusColumn, ...]] = tuple(_columns())
"""The columns of FOCUS 1.2."""

SOURCE_FORMAT: Final = "x_SourceFormat"
SOURCE_VERSION: Final = "x_SourceVersion"
SOURCE_FILE: Final = "x_SourceFile"
SOURCE_ROW: Final = "x_SourceRow"
PROVENANCE: Final = (SOURCE_FORMAT, SOURCE_VERSION, SOURCE_FILE, SOURCE_ROW)
"""Kept with every stored row: what it was converted from, in which version, the file, and the row in it from 1."""
