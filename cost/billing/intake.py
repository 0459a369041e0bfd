"""Rows on their way into the store: sorted into slices, summed, fingerprinted, and written to files in pieces.

What a batch comes to (`shares_of`) needs no other batch, so several can be worked on at once; they are taken in one
after the other. Memory holds at most `HELD_ROWS_MAX` rows besides those at hand, and `WRITERS` pieces that are being
written meanwhile. Nothing that is written here counts until the store's manifest names it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from cost.billing.piece import compact, write_piece
from cost.billing.slices import Content, Kind, Money4, SliceKey
from domain.focus import FOCUS_COLUMNS

PIECE_ROWS: Final = 500_000
HELD_ROWS_MAX: Final = 800_000
WRITERS: Final = 2
"""Pieces that are written at once: one core writes as long as all the rest takes it."""
DAYS_MAX: Final = 366
"""A row stands for so many days at most."""
HASHED_BY: Final = f"polars {pl.__version__}"
SOURCE_COST: Final = "_source_cost"

_HASHED: Final = tuple(column.name for column in FOCUS_COLUMNS)
_KEYS: Final = ("_period", "_provider", "_account")
_KINDS: Final = ("BillingCurrency", "_kind")


@dataclass(frozen=True, slots=True)
class Share:
    """What a batch has of one slice.

    Args:
        rows: as `compact` holds them.
    """

    key: SliceKey
    content: Content
    rows: pa.Table


@dataclass(slots=True)
class _Held:
    tables: list[pa.Table] = field(default_factory=list)
    rows: int = 0


class Intake:
    """Takes batches and leaves files in a folder of its own.

    Args:
        folder: for this import alone.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._held: dict[SliceKey, _Held] = {}
        self._held_rows = 0
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="billing-piece")
        self._writing: deque[Future[None]] = deque()
        self.files: dict[SliceKey, list[Path]] = {}
        self.contents: dict[SliceKey, Content] = {}
        self.by_file: dict[tuple[str, SliceKey], Content] = {}

    def add(self, shares: Iterable[Share], *, file: str) -> None:
        """Take what `shares_of` says of a batch of one file's rows."""
        for share in shares:
            self.contents.setdefault(share.key, Content()).add(share.content)
            self.by_file.setdefault((file, share.key), Content()).add(share.content)
            self._hold(share.key, share.rows)

    def finish(self) -> None:
        """Write what is still held; on return every file is whole."""
        for key in sorted(self._held):
            self._write(key)
        self._await(pieces_left=0)

    def close(self) -> None:
        """Let go of the threads that write, whatever came of them."""
        self._writers.shutdown(wait=True, cancel_futures=True)

    def _hold(self, key: SliceKey, rows: pa.Table) -> None:
        held = self._held.setdefault(key, _Held())
        held.tables.append(rows)
        held.rows += rows.num_rows
        self._held_rows += rows.num_rows
        if held.rows >= PIECE_ROWS:
            self._write(key)
        while self._held_rows > HELD_ROWS_MAX:
            self._write(max(self._held, key=lambda each: self._held[each].rows))

    def _write(self, key: SliceKey) -> None:
        held = self._held.pop(key)
        self._held_rows -= held.rows
        files = self.files.setdefault(key, [])
        path = self._folder / f"{key.name}-{len(files):05}.parquet"
        files.append(path)
        self._await(pieces_left=WRITERS - 1)
        self._writing.append(self._writers.submit(write_piece, path, held.tables))

    def _await(self, *, pieces_left: int) -> None:
        """Wait until no more pieces than that are being written; the failure of one is this import's."""
        while len(self._writing) > pieces_left:
            self._writing.popleft().result()


def shares_of(frame: pl.DataFrame) -> tuple[Share, ...]:
    """A batch of one file's rows, with `SOURCE_COST`, taken apart by slice, summed and fingerprinted."""
    if frame.is_empty():
        return ()
    hashed = hashed_rows(frame).with_columns(*_key_columns())
    return tuple(Share(key, content_of(rows), compact(rows)) for key, rows in _by_slice(hashed))


def content_of(rows: pl.DataFrame) -> Content:
    """What rows of one slice hold; they carry `_hash`, and `SOURCE_COST` where it is known."""
    source = SOURCE_COST if SOURCE_COST in rows.columns else "BilledCost"
    sums = (
        rows.lazy()
        .with_columns(_kind().alias("_kind"))
        .group_by(_KINDS)
        .agg(
            pl.col(name).sum().alias(f"_{place}")
            for place, name in enumerate(("BilledCost", "EffectiveCost", "ListCost", source))
        )
        .collect()
    )
    usage = rows.lazy().filter(
        (pl.col("ChargeCategory") == "Usage") & pl.col("ChargeClass").ne_missing(pl.lit("Correction"))
    )
    end = rows["BillingPeriodEnd"].max()
    return Content(
        rows=rows.height,
        fingerprint=_wrapped_sum(rows["_hash"]),
        period_end=end if isinstance(end, datetime) else None,
        days=_days_of(usage),
        kinds={(currency, Kind(kind)): Money4(*map(_amount, money)) for currency, kind, *money in sums.rows()},
    )


def _days_of(usage: pl.LazyFrame) -> set[date]:
    """The days that rows are for: a row for a month stands for all its days."""
    last = (pl.col("ChargePeriodEnd") - pl.duration(microseconds=1)).dt.date()
    spans = usage.select(pl.col("ChargePeriodStart").dt.date(), last).unique().collect()
    days = set[date]()
    for start, end in spans.rows():
        days.update(start + timedelta(days=at) for at in range(min(max((end - start).days + 1, 1), DAYS_MAX)))
    return days


def hashed_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Stored rows with the hash that fingerprints are made of."""
    return frame.with_columns(frame.select(_HASHED).hash_rows(seed=0).alias("_hash"))


def _wrapped_sum(hashes: pl.Series) -> int:
    """A sum that wraps is the same in any order."""
    return int(hashes.to_numpy().sum(dtype="uint64"))


def _amount(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(0)


def _key_columns() -> tuple[pl.Expr, ...]:
    return (
        pl.col("BillingPeriodStart").dt.date().alias("_period"),
        pl.col("ProviderName").fill_null("").alias("_provider"),
        pl.col("BillingAccountId").fill_null("").alias("_account"),
    )


def _by_slice(frame: pl.DataFrame) -> Iterator[tuple[SliceKey, pl.DataFrame]]:
    """A batch by slice; most batches have one, and are spared the copy that taking them apart costs."""
    keys = frame.select(_KEYS).unique()
    parts = {keys.row(0): frame} if keys.height == 1 else frame.partition_by(_KEYS, as_dict=True, maintain_order=True)
    for (period, provider, account), rows in parts.items():
        assert isinstance(period, date)
        yield SliceKey(period, str(provider), str(account)), rows


def _kind() -> pl.Expr:
    """As `Kind` separates charges; a correction is that first."""
    category, status = pl.col("ChargeCategory"), pl.col("CommitmentDiscountStatus")
    return (
        pl.when(pl.col("ChargeClass") == "Correction")
        .then(pl.lit(Kind.CORRECTION.value))
        .when((category == "Purchase") & pl.col("CommitmentDiscountId").is_not_null())
        .then(pl.lit(Kind.COMMITMENT_PURCHASE.value))
        .when((category == "Usage") & (status == "Unused"))
        .then(pl.lit(Kind.COMMITMENT_UNUSED.value))
        .when((category == "Usage") & (status == "Used"))
        .then(pl.lit(Kind.COMMITMENT_USED.value))
        .otherwise(category.str.to_lowercase())
    )
