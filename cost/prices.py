"""Unit prices out of the customer's own bills: what a unit of each SKU cost, where, and under which terms.

A price is the sum of a cost over the sum of its quantity, over the rows of one SKU, region, unit, currency and pricing
category, so it is what was paid and not what a list says; the unit prices that the rows state are kept beside it as
lowest and highest. No price is made of rows without a SKU, meter or quantity, of corrections, or of rows that earn.
Currencies and units are never mixed. Nothing is fetched: what the customer never bought has no price here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import polars as pl

from cost.billing.frame import DAY, bill_frame, within
from cost.billing.store import BillingStore
from cost.sharing import UNIT
from domain.errors import InputError

PRICES_MAX: Final = 200_000
_WORDS: Final = ("provider", "region", "service", "sku", "meter", "unit", "currency", "category")
_PER_UNIT: Final = ("listed", "contracted", "effective")

_SQL: Final = f"""
SELECT COALESCE(ProviderName, '') AS provider, COALESCE(RegionId, '') AS region, COALESCE(ServiceName, '') AS service,
       COALESCE(SkuId, '') AS sku, COALESCE(SkuMeter, '') AS meter, COALESCE(PricingUnit, '') AS unit,
       BillingCurrency AS currency, COALESCE(PricingCategory, '') AS category,
       SUM(PricingQuantity) AS quantity, SUM(COALESCE(ListCost, ContractedCost)) AS listed,
       SUM(COALESCE(ContractedCost, BilledCost)) AS contracted, SUM(EffectiveCost) AS effective,
       MIN(ContractedUnitPrice) AS low, MAX(ContractedUnitPrice) AS high,
       MAX({DAY}) AS last_day, COUNT(*) AS rows
FROM charges
WHERE {{conditions}} AND ChargeCategory = 'Usage' AND ChargeClass IS NULL AND PricingQuantity > 0
  AND EffectiveCost >= 0 AND (SkuId IS NOT NULL OR SkuMeter IS NOT NULL)
  AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
GROUP BY ALL ORDER BY contracted DESC, provider, region, sku, meter, unit, currency, category
LIMIT {PRICES_MAX + 1}
"""  # noqa: S608 (fixed words of ours)


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """What one unit cost.

    Args:
        category: FOCUS's pricing category: Standard, Committed, Dynamic, Other, or nothing where the bill has none.
        listed, contracted, effective: per unit, cut at twelve places; list is the contracted one where none is stated.
        low, high: unit prices that rows stated; None where none did.
        quantity, rows, last_day: what the price is made of.
    """

    provider: str
    region: str
    service: str
    sku: str
    meter: str
    unit: str
    currency: str
    category: str
    listed: Decimal
    contracted: Decimal
    effective: Decimal
    low: Decimal | None
    high: Decimal | None
    quantity: Decimal
    rows: int
    last_day: date


def unit_prices(store: BillingStore, *, start: date | None = None, end: date | None = None) -> tuple[UnitPrice, ...]:
    """Every price that the bills know, the ones that most was paid at first.

    Raises:
        InputError: there are more than a table can hold.
    """
    conditions, values = within(start, end)
    found = bill_frame(store, _SQL.format(conditions=conditions), values, start=start)
    if found.height > PRICES_MAX:
        raise InputError(
            "the bills have too many prices", expected=f"at most {PRICES_MAX:,}", todo="Ask for fewer days"
        )
    return tuple(_price(row) for row in found.iter_rows(named=True))


def price_frame(prices: Sequence[UnitPrice]) -> pl.DataFrame:
    """The table as a frame, to be kept or looked up in."""
    return pl.DataFrame([{name: getattr(each, name) for name in UnitPrice.__slots__} for each in prices])


def _price(row: dict[str, object]) -> UnitPrice:
    quantity = _decimal(row["quantity"])
    last_day, rows = row["last_day"], row["rows"]
    assert isinstance(last_day, date)
    assert isinstance(rows, int)
    words = {name: str(row[name]) for name in _WORDS}
    per_unit = {name: (_decimal(row[name]) / quantity).quantize(UNIT) for name in _PER_UNIT}
    stated = {name: None if row[name] is None else _decimal(row[name]) for name in ("low", "high")}
    fields: dict[str, Any] = {**words, **per_unit, **stated}
    return UnitPrice(**fields, quantity=quantity, rows=rows, last_day=last_day)


def _decimal(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value or 0))
