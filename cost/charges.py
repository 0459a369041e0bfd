"""FOCUS rows of several files as one frame of charges: typed, copies removed, and what each row counts for.

Effective cost is what FOCUS says it is: usage covered by a commitment carries its share of the commitment, and the
purchase of that commitment carries none. Some exports fill the purchase's effective cost as well; adding it would
count the commitment twice, so a commitment's purchase counts for nothing here and is shown apart.

The same billing data is often delivered twice, as CSV and as Parquet. A file's rows of one provider and billing period
are a copy when an earlier file holds exactly the same rows; files that only overlap are all counted, because two equal
charges are two charges.

**Source**: FinOps Open Cost and Usage Specification 1.2, columns EffectiveCost, ChargeCategory, ChargeClass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import polars as pl

from domain.errors import InputError
from domain.focus import FOCUS_COLUMNS, FocusColumn, FocusKind

AMOUNT: Final = pl.Decimal(38, 12)
INSTANT: Final = pl.Datetime("us", "UTC")

_USED: Final = frozenset(
    {
        "BilledCost",
        "EffectiveCost",
        "BillingCurrency",
        "BillingPeriodStart",
        "BillingPeriodEnd",
        "ChargePeriodStart",
        "ChargePeriodEnd",
        "ChargeCategory",
        "ChargeClass",
        "ProviderName",
        "SubAccountId",
        "ResourceId",
        "ResourceName",
        "SkuId",
        "CommitmentDiscountId",
        "CommitmentDiscountStatus",
    }
)
_COLUMNS: Final = tuple(column for column in FOCUS_COLUMNS if column.name in _USED)
_IS_COMMITMENT_PURCHASE: Final = (pl.col("ChargeCategory") == "Purchase") & pl.col("CommitmentDiscountId").is_not_null()


@dataclass(frozen=True, slots=True)
class Charges:
    """Every charge once.

    Args:
        frame: the FOCUS columns that costing reads, with `counted`: the effective cost that a row adds.
        copied_rows: rows left out because an earlier file holds the same ones.
    """

    frame: pl.DataFrame
    copied_rows: int


def read_charges(frames: Sequence[pl.DataFrame]) -> Charges:
    """Bring billing frames together.

    Raises:
        InputError: a frame lacks a column that every FOCUS version requires.
    """
    kept: list[pl.DataFrame] = []
    seen: set[tuple[object, ...]] = set()
    copied = 0
    for frame in map(_typed, frames):
        for part, signature in _parts(frame):
            if signature in seen:
                copied += part.height
            else:
                seen.add(signature)
                kept.append(part)
    whole = pl.concat(kept) if kept else _empty()
    return Charges(whole.with_columns(_counted()), copied)


def exact_sum(amounts: pl.Series) -> Decimal:
    """Add amounts without rounding; nothing adds up to zero."""
    total = amounts.cast(AMOUNT).sum()
    assert isinstance(total, Decimal)
    return total


def _counted() -> pl.Expr:
    nothing = pl.lit(0).cast(AMOUNT)
    return pl.when(_IS_COMMITMENT_PURCHASE).then(nothing).otherwise("EffectiveCost").fill_null(nothing).alias("counted")


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [column.name for column in _COLUMNS if column.is_required and column.name not in frame.columns]
    if missing:
        raise InputError(
            "billing rows lack a mandatory FOCUS column",
            expected=", ".join(missing),
            got=", ".join(sorted(frame.columns)),
            todo="Export the data again as FOCUS 1.0 or later",
        )
    return frame.select(_read(column, frame) for column in _COLUMNS)


def _read(column: FocusColumn, frame: pl.DataFrame) -> pl.Expr:
    dtype = {FocusKind.DECIMAL: AMOUNT, FocusKind.INSTANT: INSTANT}.get(column.kind, pl.String())
    if column.name not in frame.columns:
        return pl.lit(None, dtype=dtype).alias(column.name)
    value = pl.col(column.name)
    if column.kind is FocusKind.INSTANT and isinstance(kind := frame.schema[column.name], pl.Datetime):
        return value.dt.replace_time_zone("UTC").cast(dtype) if kind.time_zone is None else value.cast(dtype)
    if column.kind is FocusKind.TEXT:
        text = value.cast(pl.String).str.strip_chars()
        return pl.when(text != "").then(text).alias(column.name)
    return value.cast(dtype)


def _parts(frame: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, tuple[object, ...]]]:
    """A frame's rows by provider and billing period, each with a signature that equal rows share."""
    keys = ["ProviderName", "BillingPeriodStart"]
    for part in frame.partition_by(keys, maintain_order=True):
        hashes = part.hash_rows(seed=0).sort()
        yield part, (*part.select(keys).row(0), part.height, hashes.to_numpy().tobytes())


def _empty() -> pl.DataFrame:
    return _typed(pl.DataFrame({column.name: [] for column in _COLUMNS}, schema={c.name: pl.String for c in _COLUMNS}))
