"""The charges of a delivery: every file's rows in FOCUS 1.2 columns, batch after batch, with where each came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from connectors.billing import aws, azure, gcp, oracle
from connectors.billing.conversion import IS_SHARED, SOURCE_COST, Conversion, nothing
from connectors.billing.formats import BillingFormat
from connectors.billing.sources import BATCH_ROWS, BillingSource, read_batches
from connectors.focus.cells import Cells, Dtype, whole_texts, with_instants
from connectors.focus.normalize import INSTANTS, focus_columns
from connectors.focus.versions import missing
from domain.errors import InputError
from domain.focus import FOCUS_COLUMNS, PROVENANCE, SOURCE_FILE, SOURCE_FORMAT, SOURCE_ROW, SOURCE_VERSION, FocusKind

CHARGE_COLUMNS: Final = (*(column.name for column in FOCUS_COLUMNS), *PROVENANCE)
_MAKERS: Final[Mapping[BillingFormat, Callable[[Cells], Conversion]]] = {
    BillingFormat.AWS_CUR: aws.conversion,
    BillingFormat.AWS_CUR_2: aws.conversion,
    BillingFormat.AZURE: azure.conversion,
    BillingFormat.GCP: gcp.conversion,
    BillingFormat.ORACLE: oracle.conversion,
}
TIMES: Final = (
    *("bill_billing_period_start_date", "bill_billing_period_end_date", "line_item_usage_start_date"),
    *("line_item_usage_end_date", "Date", "UsageDateTime", "BillingPeriodStartDate", "BillingPeriodEndDate"),
    *("billingPeriodStart", "billingPeriodEnd", "usage_start_time", "usage_end_time"),
    *("lineItem/intervalUsageStart", "lineItem/intervalUsageEnd"),
)
"""Columns of times in exports that are not FOCUS."""

_MEASURED: Final = tuple(
    column.name for column in FOCUS_COLUMNS if column.kind in {FocusKind.DECIMAL, FocusKind.INSTANT}
)


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Some of a file's rows as they stand.

    Args:
        is_repeated: a sister file of the delivery has the rows that both have.
    """

    source: BillingSource
    frame: pl.DataFrame
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class ChargeBatch:
    """Some of a file's charges.

    Args:
        frame: `CHARGE_COLUMNS` and `SOURCE_COST`.
        columns: the FOCUS columns that the file, or its conversion, can fill.
        unreadable: values of numbers and times that were there and could not be read, by column.
        left_out: rows that another file of the delivery has as well.
    """

    source: BillingSource
    frame: pl.DataFrame
    columns: frozenset[str]
    unreadable: Mapping[str, int]
    left_out: int


def charge_batches(
    sources: Sequence[BillingSource], *, rows: int = BATCH_ROWS, progress: Callable[[int], None] | None = None
) -> Iterator[ChargeBatch]:
    """Read and convert a delivery, file after file.

    Raises:
        InputError: a file lacks a column without which nothing can be costed, or cannot be read to its end.
    """
    return map(converted, raw_batches(sources, rows=rows, progress=progress))


def raw_batches(
    sources: Sequence[BillingSource], *, rows: int = BATCH_ROWS, progress: Callable[[int], None] | None = None
) -> Iterator[RawBatch]:
    """Read a delivery, file after file; each batch can be `converted` apart from the others.

    Raises:
        InputError: as `charge_batches`.
    """
    for source in sources:
        _require_columns(source)
    shared = _repeated_by_a_sister(sources)
    done = 0
    for source in sources:
        for raw in read_batches(source, rows=rows):
            done += raw.height
            if progress is not None:
                progress(done)
            yield RawBatch(source, raw, source in shared)


def converted(batch: RawBatch) -> ChargeBatch:
    """A batch in the columns of FOCUS 1.2."""
    source = batch.source
    conversion, frame = _conversion(source, batch.frame)
    charges = conversion.apply(frame)
    kept = charges.filter(~pl.col(IS_SHARED)) if batch.is_repeated else charges
    named = kept.with_columns(
        pl.lit(source.format.value).alias(SOURCE_FORMAT),
        pl.lit(source.version).alias(SOURCE_VERSION),
        pl.lit(source.name).alias(SOURCE_FILE),
    )
    return ChargeBatch(
        source=source,
        frame=named.select(*CHARGE_COLUMNS, SOURCE_COST),
        columns=frozenset(conversion.columns) if source.format is not BillingFormat.FOCUS else _known(source),
        unreadable=_unreadable(batch.frame, charges) if source.format is BillingFormat.FOCUS else {},
        left_out=charges.height - kept.height,
    )


def _conversion(source: BillingSource, raw: pl.DataFrame) -> tuple[Conversion, pl.DataFrame]:
    if source.format is BillingFormat.FOCUS:
        read = with_instants(raw, INSTANTS)
        columns = focus_columns(read.schema, whole_texts(read))
        return Conversion(columns, columns["BilledCost"].fill_null(nothing())), read
    names = aws.flat_names(raw.columns) if source.format is BillingFormat.AWS_CUR else {}
    frame = with_instants(raw.rename({old: new for old, new in names.items() if new not in raw.columns}), TIMES)
    return _MAKERS[source.format](Cells(_types(frame), whole_texts(frame))), frame


def _types(frame: pl.DataFrame) -> dict[str, Dtype]:
    return dict(frame.schema)


def _known(source: BillingSource) -> frozenset[str]:
    given = {name.lower() for name in source.columns}
    if "serviceprovidername" in given:
        given.add("providername")
    return frozenset(column.name for column in FOCUS_COLUMNS if column.name.lower() in given)


def _unreadable(raw: pl.DataFrame, charges: pl.DataFrame) -> dict[str, int]:
    """Values lost between text and type; blank text counts as no value only where the reader saw it so."""
    names = {name.lower(): name for name in raw.columns}
    found: dict[str, int] = {}
    for name in _MEASURED:
        own = names.get(name.lower())
        if own is None or raw.schema[own] != pl.String:
            continue
        lost = charges[name].null_count() - raw[own].null_count()
        if lost > 0:
            found[name] = lost - raw.filter(pl.col(own).str.strip_chars().is_in(["", "N/A"])).height
    return {name: count for name, count in found.items() if count > 0}


def _require_columns(source: BillingSource) -> None:
    lacking = missing(source.columns) if source.format is BillingFormat.FOCUS else ()
    if lacking:
        raise InputError(
            "a billing file lacks a mandatory column",
            where=source.name,
            expected=", ".join(lacking),
            got=f"FOCUS {source.version} with {len(source.columns)} columns",
            todo="Export the data again with every mandatory column",
        )


def _repeated_by_a_sister(sources: Sequence[BillingSource]) -> tuple[BillingSource, ...]:
    """Azure's actual exports of a delivery that has amortised ones too: their common rows are taken from the latter."""
    exports = [source for source in sources if source.format is BillingFormat.AZURE]
    if len(exports) < 2:
        return ()
    kinds = {source.digest: _azure_kind(source) for source in exports}
    if "amortised" not in kinds.values():
        return ()
    return tuple(source for source in exports if kinds[source.digest] == "actual")


def _azure_kind(source: BillingSource) -> str:
    """Amortised where a commitment's cost is on usage, actual where its purchase is; otherwise by the file's name."""
    has_purchase = False
    for raw in read_batches(source):
        cells = Cells(_types(raw))
        is_amortised, is_actual = raw.select(
            (azure.is_covered(cells) & (cells.decimal(*azure.COST) != 0)).any().alias("amortised"),
            azure.is_purchase_of_commitment(cells).any().alias("actual"),
        ).row(0)
        if is_amortised:
            return "amortised"
        has_purchase = has_purchase or bool(is_actual)
    if has_purchase:
        return "actual"
    return "amortised" if "amorti" in source.name.lower() else "actual"


__all__ = [
    "CHARGE_COLUMNS",
    "SOURCE_COST",
    "SOURCE_ROW",
    "ChargeBatch",
    "RawBatch",
    "charge_batches",
    "converted",
    "raw_batches",
]
