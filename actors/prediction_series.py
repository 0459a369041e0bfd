"""What was predicted of a tenant's resources, day by day: one Parquet file for each day, kept for 90 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from domain.resource import resource_key
from training.task import NODE_TASKS

RETENTION_DAYS: Final = 90
SCHEMA: Final = "1"
FILE: Final = "predictions.parquet"


@dataclass(frozen=True, slots=True, eq=False)
class DayTold:
    """What was told of every resource at one instant.

    Args:
        source: ``learned``, or ``baseline`` where the network did not answer.

    Shapes:
        logits, p: float64 (n, tasks), a column for each of `NODE_TASKS`.
    """

    at: datetime
    model: str
    source: str
    uids: tuple[str, ...]
    logits: NDArray[np.float64]
    p: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PointTold:
    """What was told of one resource on one day."""

    at: datetime
    model: str
    source: str
    p: tuple[float, ...]


class PredictionSeries:
    """One tenant's series. The same day again replaces what was told on it.

    Args:
        folder: holds a folder `day=2026-01-31` for each day.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def days(self) -> tuple[date, ...]:
        """The days there are, oldest first."""
        found = (path.name.removeprefix("day=") for path in self._folder.glob("day=*") if (path / FILE).is_file())
        return tuple(sorted(date.fromisoformat(one) for one in found))

    def keep(self, told: DayTold) -> None:
        """Write a day, and let go of days that are too old."""
        path = self._folder / f"day={told.at.date().isoformat()}" / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        columns: dict[str, object] = {"uid": list(told.uids)}
        for at, task in enumerate(NODE_TASKS):
            columns |= {f"logit_{task}": told.logits[:, at], f"p_{task}": told.p[:, at]}
        frame = pl.DataFrame(columns).sort("uid").with_columns(
            pl.lit(told.at).dt.cast_time_unit("us").alias("at"),
            pl.lit(told.model).alias("model"), pl.lit(told.source).alias("source"), pl.lit(SCHEMA).alias("schema"),
        )  # fmt: skip
        partial = path.with_suffix(".partial")
        frame.write_parquet(partial)
        partial.replace(path)
        self._expire(told.at.date())

    def of(self, uid: str) -> tuple[PointTold, ...]:
        """What was told of one resource, oldest first."""
        found = []
        for day in self.days():
            rows = pl.scan_parquet(self._path(day)).filter(pl.col("uid") == resource_key(uid)).collect()
            for row in rows.iter_rows(named=True):
                p = tuple(float(row[f"p_{task}"]) for task in NODE_TASKS)
                found.append(PointTold(row["at"], row["model"], row["source"], p))
        return tuple(found)

    def logits(self, day: date) -> tuple[datetime, str, tuple[str, ...], NDArray[np.float64]] | None:
        """When, by which model, and what was told of each resource on a day; None where the network did not answer."""
        rows = pl.read_parquet(self._path(day))
        if not len(rows) or rows["source"][0] != "learned":
            return None
        values = rows.select(f"logit_{task}" for task in NODE_TASKS).to_numpy()
        return rows["at"][0], str(rows["model"][0]), tuple(rows["uid"].to_list()), np.asarray(values, np.float64)

    def _path(self, day: date) -> Path:
        return self._folder / f"day={day.isoformat()}" / FILE

    def _expire(self, today: date) -> None:
        for day in self.days():
            if day <= today - timedelta(days=RETENTION_DAYS):
                rmtree(self._path(day).parent)
