"""FOCUS billing columns: names, kinds, and which a file must have.

Source: FinOps Open Cost and Usage Specification (FOCUS) 1.0 to 1.4, https://focus.finops.org. Columns are kept
by their 1.2 names; a column that a version does not know is null.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FocusKind(StrEnum):
    """How a column's values are read."""

    TEXT = "text"
    DECIMAL = "decimal"
    INSTANT = "instant"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class FocusColumn:
    """One column. `is_required` means that a row without it cannot be costed."""

    name: str
    kind: FocusKind
    is_required: bool = False


def _columns() -> tuple[FocusColumn, ...]:
    text, decimal, instant = FocusKind.TEXT, FocusKind.DECIMAL, FocusKind.INSTANT
    required = {
        "BilledCost": decimal,
        "EffectiveCost": decimal,
        "BillingCurrency": text,
        "BillingPeriodStart": instant,
        "BillingPeriodEnd": instant,
        "ChargePeriodStart": instant,
        "ChargePeriodEnd": instant,
        "ChargeCategory": text,
    }
    optional = {
        "ListCost": decimal,
        "ContractedCost": decimal,
        "BillingAccountId": text,
        "SubAccountId": text,
        "SubAccountName": text,
        "ProviderName": text,
        "PublisherName": text,
        "ServiceName": text,
        "ServiceCategory": text,
        "ResourceId": text,
        "ResourceName": text,
        "ResourceType": text,
        "RegionId": text,
        "ChargeClass": text,
        "ChargeFrequency": text,
        "ChargeDescription": text,
        "CommitmentDiscountId": text,
        "CommitmentDiscountType": text,
        "CommitmentDiscountStatus": text,
        "PricingQuantity": decimal,
        "PricingUnit": text,
        "ConsumedQuantity": decimal,
        "ConsumedUnit": text,
        "ListUnitPrice": decimal,
        "ContractedUnitPrice": decimal,
        "SkuId": text,
        "SkuPriceId": text,
        "Tags": FocusKind.JSON,
    }
    return tuple(FocusColumn(name, kind, is_required=True) for name, kind in required.items()) + tuple(
        FocusColumn(name, kind) for name, kind in optional.items()
    )


FOCUS_COLUMNS: tuple[FocusColumn, ...] = _columns()
