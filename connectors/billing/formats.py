"""What a billing table is, told by its columns."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from connectors.focus.versions import is_focus


class BillingFormat(StrEnum):
    """Exports that are converted to FOCUS."""

    FOCUS = "focus"
    AWS_CUR_2 = "aws-cur-2.0"
    AWS_CUR = "aws-cur"
    AZURE = "azure-cost"
    GCP = "gcp-billing-export"
    ORACLE = "oracle-cost-report"


_CUR_2_ALONE: Final = frozenset(
    {"bill_payer_account_name", "line_item_usage_account_name", "resource_tags", "cost_category", "product", "discount"}
)
"""Columns of the Cost and Usage Report 2.0 that the legacy report in Parquet, whose names are alike, never has."""

_TELLING: Final = (
    (BillingFormat.AWS_CUR, {"lineitem/usagestartdate", "lineitem/unblendedcost"}),
    (BillingFormat.AWS_CUR, {"line_item_usage_start_date", "line_item_unblended_cost"}),
    (BillingFormat.ORACLE, {"lineitem/intervalusagestart", "cost/mycost"}),
    (BillingFormat.AZURE, {"metercategory", "meterid", "chargetype"}),
    (BillingFormat.GCP, {"billing_account_id", "usage_start_time", "cost"}),
)


def format_of(columns: Collection[str]) -> BillingFormat | None:
    """The format of a table with these columns; None where it is no bill that is known here."""
    if is_focus(columns):
        return BillingFormat.FOCUS
    present = {column.lower() for column in columns}
    found = next((kind for kind, telling in _TELLING if telling <= present), None)
    return BillingFormat.AWS_CUR_2 if found is BillingFormat.AWS_CUR and _CUR_2_ALONE & present else found
