"""Oracle Cloud's own cost reports as FOCUS 1.2: the published rules of the FinOps Foundation's converter.

One difference: `cost/myCost` is what the usage costs, and overage is the part of it beyond what is prepaid, so the cost
is billed as well as effective; the rules bill the overage, which is nothing for most customers.

Source: finopsfoundation/focus_converters, OCI rules; Oracle Cloud, cost reports.
"""

from __future__ import annotations

import polars as pl

from connectors.billing.conversion import Conversion, nothing, said
from connectors.focus.cells import Cells, json_object


def conversion(cells: Cells) -> Conversion:
    """How a cost report with these columns becomes FOCUS."""
    cost = cells.decimal("cost/myCost")
    start = cells.instant("lineItem/intervalUsageStart")
    month = start.dt.truncate("1mo")
    is_correction = cells.text("lineItem/isCorrection").str.to_lowercase() == "true"
    quantity, unit = cells.decimal("usage/billedQuantity"), cells.text("cost/skuUnitDescription")
    price = cells.decimal("cost/unitPrice")
    columns = {
        "AvailabilityZone": cells.text("product/availabilityDomain"),
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ListCost": cost,
        "ContractedCost": cost,
        "ContractedUnitPrice": price,
        "BillingAccountId": cells.text("cost/subscriptionId"),
        "BillingCurrency": cells.text("cost/currencyCode"),
        "BillingPeriodStart": month,
        "BillingPeriodEnd": month.dt.offset_by("1mo"),
        "ChargePeriodStart": start,
        "ChargePeriodEnd": cells.instant("lineItem/intervalUsageEnd"),
        "ChargeCategory": said("Usage"),
        "ChargeClass": pl.when(is_correction).then(said("Correction")),
        "ChargeFrequency": said("Usage-Based"),
        "ChargeDescription": cells.text("product/Description"),
        "ConsumedQuantity": quantity,
        "ConsumedUnit": unit,
        "PricingQuantity": quantity,
        "PricingUnit": unit,
        "PricingCategory": said("Standard"),
        "ProviderName": said("Oracle"),
        "PublisherName": said("Oracle"),
        "InvoiceIssuerName": said("Oracle"),
        "RegionId": cells.text("product/region"),
        "ResourceId": cells.text("product/resourceId"),
        "ServiceName": cells.text("product/service"),
        "ServiceCategory": said("Other"),
        "SkuId": cells.text("cost/productSku"),
        "SubAccountId": cells.text("lineItem/tenantId"),
        "Tags": json_object(cells.starting("tags/")),
    }
    return Conversion(columns=columns, source_cost=cost.fill_null(nothing()))
