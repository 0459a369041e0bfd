"""FOCUS files, a month at a time and in parts, while the estate is still being made: nothing large is kept."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from connectors.estate.billing import Charge, Month, account_rows, account_totals, charge, usage
from connectors.estate.company import Record

DAILY_RESOURCES_MAX = 1_000
"""Up to so many resources with a price are billed by the day, more by the month."""

DAILY_ROWS_MAX = 50_000
"""Nor by the day where the days are so many that the files outgrow the estate they belong to."""

PART_CHARGES = 20_000


class Ledger:
    """Takes records one by one; writes a CSV file per month, or Parquet files per month and part."""

    def __init__(self, folder: Path, months: list[Month], format: str) -> None:
        folder.mkdir()
        self._folder = folder
        self._months = months
        self._format = format
        self._pending: list[Charge] = []
        self._totals: dict[str, list[pl.DataFrame]] = {month.label: [] for month in months}
        self._files: list[Path] = []
        self._parts = 0
        self.count = 0

    def add(self, record: Record) -> None:
        """Take one record that has a price."""
        self._pending.append(charge(record))
        if len(self._pending) >= PART_CHARGES:
            self._flush(by_day=False)

    def close(self) -> tuple[Path, ...]:
        """Write what is left, and the rows of whole accounts. Gives the files."""
        if self._pending:
            self._flush(by_day=self._parts == 0 and self._is_small())
        for month in self._months:
            totals = self._totals[month.label]
            if totals:
                self._write(month, account_rows(pl.concat(totals), month))
        return tuple(sorted(self._files))

    def _is_small(self) -> bool:
        days = sum((month.until - month.start).days for month in self._months)
        return len(self._pending) <= min(DAILY_RESOURCES_MAX, DAILY_ROWS_MAX // days)

    def _flush(self, *, by_day: bool) -> None:
        for month in self._months:
            rows = usage(self._pending, month, by_day=by_day)
            self._totals[month.label].append(account_totals(rows))
            self._write(month, rows)
        self._pending = []
        self._parts += 1

    def _write(self, month: Month, rows: pl.DataFrame) -> None:
        self.count += rows.height
        if self._format == "parquet":
            path = self._folder / f"focus-{month.label}-{self._parts:04d}.parquet"
            rows.write_parquet(path)
            self._files.append(path)
            return
        path = self._folder / f"focus-{month.label}.csv"
        is_new = path not in self._files
        if is_new:
            self._files.append(path)
        with path.open("wb" if is_new else "ab") as stream:
            rows.write_csv(stream, include_header=is_new)
