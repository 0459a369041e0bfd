"""Tables of a tenant by day: one Parquet file a day in a folder `day=2026-01-31`, let go of after 90 days."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from shutil import rmtree
from typing import Final

import polars as pl

RETENTION_DAYS: Final = 90
PREFIX: Final = "day="
GROUP_ROWS: Final = 4_096
"""Rows that a reader of one resource reads at least: groups tell the first and the last key that is in them."""


class DayFiles:
    """One kind of table. Kinds that share a folder share its days, and go with them.

    Args:
        folder: holds a folder for each day.
        name: of the files.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    def days(self) -> tuple[date, ...]:
        """The days there are, oldest first."""
        found = self._folder.glob(f"{PREFIX}*/{self._name}")
        return tuple(sorted(date.fromisoformat(path.parent.name.removeprefix(PREFIX)) for path in found))

    def write(self, day: date, frame: pl.DataFrame) -> None:
        """Write a day, in place of what is there."""
        path = self.path(day)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        frame.write_parquet(partial, row_group_size=GROUP_ROWS, statistics=True)
        partial.replace(path)

    def path(self, day: date) -> Path:
        """Where a day's file is."""
        return self._folder / f"{PREFIX}{day.isoformat()}" / self._name

    def expire(self, today: date) -> None:
        """Let go of days that are too old, with everything that is kept of them."""
        for folder in self._folder.glob(f"{PREFIX}*"):
            day = date.fromisoformat(folder.name.removeprefix(PREFIX))
            if day <= today - timedelta(days=RETENTION_DAYS):
                rmtree(folder)
