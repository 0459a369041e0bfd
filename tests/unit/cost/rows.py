"""Billing rows for tests, written out where they matter and filled in where they do not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl

from domain.focus import FOCUS_COLUMNS, FocusKind

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)

Cell = str | Decimal | datetime | None

_TYPES: dict[FocusKind, pl.DataType] = {
    FocusKind.DECIMAL: pl.Decimal(38, 12),
    FocusKind.INSTANT: pl.Datetime("us", "UTC"),
    FocusKind.TEXT: pl.String(),
    FocusKind.JSON: pl.String(),
}
SCHEMA = {column.name: _TYPES[column.kind] for column in FOCUS_COLUMNS}
DEFAULTS: dict[str, Cell] = {
    "BilledCost": Decimal(1),
    "EffectiveCost": Decimal(1),
    "BillingCurrency": "EUR",
    "BillingPeriodStart": OCTOBER,
    "BillingPeriodEnd": NOVEMBER,
    "ChargePeriodStart": OCTOBER,
    "ChargePeriodEnd": NOVEMBER,
    "ChargeCategory": "Usage",
    "ProviderName": "AWS",
    "SubAccountId": "123456789012",
}


def row(**cells: Cell) -> dict[str, Cell]:
    """One usage row of October, with these cells instead."""
    return {name: None for name in SCHEMA} | DEFAULTS | cells


def frame(*rows: dict[str, Cell]) -> pl.DataFrame:
    """A billing file."""
    return pl.DataFrame(list(rows), schema=SCHEMA)


def in_november(**cells: Cell) -> dict[str, Cell]:
    """A usage row of the month that has not ended."""
    period: dict[str, Cell] = {
        "BillingPeriodStart": NOVEMBER,
        "BillingPeriodEnd": DECEMBER,
        "ChargePeriodStart": datetime(2026, 11, 10, tzinfo=UTC),
        "ChargePeriodEnd": datetime(2026, 11, 11, tzinfo=UTC),
    }
    return row(**period | cells)
