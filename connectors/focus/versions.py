"""Which version of FOCUS a file has, told by its columns: no version writes its number into the data.

Source: FinOps Open Cost and Usage Specification 1.0 to 1.4, column libraries and change logs, https://focus.finops.org.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from domain.focus import FOCUS_COLUMNS

SINCE: tuple[tuple[str, frozenset[str]], ...] = (
    ("1.4", frozenset({"CommitmentProgramEligibilityDetails", "InvoiceDetailId"})),
    (
        "1.3",
        frozenset(
            {
                "AllocatedMethodDetails",
                "AllocatedMethodId",
                "AllocatedResourceId",
                "AllocatedResourceName",
                "AllocatedTags",
                "ContractApplied",
                "HostProviderName",
                "ServiceProviderName",
            }
        ),
    ),
    (
        "1.2",
        frozenset(
            {
                "BillingAccountType",
                "InvoiceId",
                "PricingCurrency",
                "PricingCurrencyContractedUnitPrice",
                "PricingCurrencyEffectiveCost",
                "PricingCurrencyListUnitPrice",
                "SubAccountType",
            }
        ),
    ),
    (
        "1.1",
        frozenset(
            {
                "CapacityReservationId",
                "CapacityReservationStatus",
                "CommitmentDiscountQuantity",
                "CommitmentDiscountUnit",
                "ServiceSubcategory",
                "SkuMeter",
                "SkuPriceDetails",
            }
        ),
    ),
)
"""Columns that each version was the first to have, newest first."""

SUCCESSORS: Mapping[str, str] = {"ProviderName": "ServiceProviderName"}
"""Columns that a later version has in place of one of ours: 1.3 has both, 1.4 the successor alone."""

REQUIRED = tuple(column.name for column in FOCUS_COLUMNS if column.is_required)

_TELLING = frozenset({"ChargeCategory", "ChargePeriodStart", "ChargePeriodEnd", "BilledCost", "EffectiveCost",
                      "ContractedCost", "ListCost", "BillingPeriodStart", "ServiceCategory", "BillingCurrency",
                      "SubAccountId", "PricingUnit"})  # fmt: skip

_NATIVE: tuple[tuple[str, frozenset[str]], ...] = (
    ("an AWS Cost and Usage Report (legacy)", frozenset({"lineItem/UsageStartDate", "lineItem/UnblendedCost"})),
    ("an AWS Cost and Usage Report 2.0", frozenset({"line_item_usage_start_date", "line_item_unblended_cost"})),
    ("an Oracle Cloud cost report", frozenset({"lineItem/intervalUsageStart", "cost/myCost"})),
    ("an Azure cost export in its native schema", frozenset({"MeterCategory", "MeterId", "ResourceLocation"})),
    ("a Google Cloud billing export in its native schema", frozenset({"billing_account_id", "usage_start_time"})),
)


def is_focus(columns: Collection[str]) -> bool:
    """Whether a table means to be FOCUS: most of the columns that every version has."""
    return len(_TELLING & set(columns)) >= 6


def version_of(columns: Collection[str]) -> str:
    """The oldest version that has all of a file's columns."""
    present = set(columns)
    if "ServiceProviderName" in present and "ProviderName" not in present:
        return "1.4"
    return next((version for version, added in SINCE if added & present), "1.0")


def missing(columns: Collection[str]) -> tuple[str, ...]:
    """Mandatory columns that a file lacks."""
    present = set(columns)
    return tuple(name for name in REQUIRED if name not in present)


def native_name(columns: Collection[str]) -> str:
    """What a billing export that is not FOCUS calls itself; empty where it is none."""
    present = set(columns)
    return next((name for name, telling in _NATIVE if telling <= present), "")
