"""What was predicted of a tenant's resources, day by day, and how the features were distributed from which it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from actors.day_files import DayFiles
from actors.series_points import P_COLUMNS, PointTold, SeriesPoints, points_in
from domain.resource import resource_key
from training.shift import Counts
from training.task import NODE_TASKS

SCHEMA: Final = "1"
FILE: Final = "predictions.parquet"
FEATURES_FILE: Final = "features.parquet"


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


@dataclass(frozen=True, slots=True, eq=False)
class DayCounts:
    """How features were distributed on a day.

    Shapes:
        counts: int64 (k, bins), as `training.shift.counted` gives them.
    """

    at: datetime
    names: tuple[str, ...]
    counts: Counts


class PredictionSeries:
    """One tenant's series. The same day again replaces what was told on it.

    Args:
        folder: holds a folder `day=2026-01-31` for each day.
    """

    def __init__(self, folder: Path) -> None:
        self._told, self._features = DayFiles(folder, FILE), DayFiles(folder, FEATURES_FILE)

    def days(self) -> tuple[date, ...]:
        """The days there are, oldest first."""
        return self._told.days()

    def mark(self) -> tuple[tuple[date, ...], int]:
        """Another one after every change: the days there are, and when the last one was written."""
        days = self.days()
        return days, self._told.path(days[-1]).stat().st_mtime_ns if days else 0

    def keep(self, told: DayTold) -> None:
        """Write a day, and let go of days that are too old."""
        columns: dict[str, object] = {"uid": list(told.uids)}
        for at, task in enumerate(NODE_TASKS):
            columns |= {f"logit_{task}": told.logits[:, at], f"p_{task}": told.p[:, at]}
        schema = {"uid": pl.String(), **dict.fromkeys(list(columns)[1:], pl.Float64())}
        frame = pl.DataFrame(columns, schema=schema).sort("uid").with_columns(
            pl.lit(told.at).dt.cast_time_unit("us").alias("at"),
            pl.lit(told.model).alias("model"), pl.lit(told.source).alias("source"), pl.lit(SCHEMA).alias("schema"),
        )  # fmt: skip
        self._told.write(told.at.date(), frame)
        self._told.expire(told.at.date())

    def of(self, uid: str) -> tuple[PointTold, ...]:
        """What was told of one resource, oldest first."""
        paths = [self._told.path(day) for day in self.days()]
        if not paths:
            return ()
        rows = pl.scan_parquet(paths).filter(pl.col("uid") == resource_key(uid)).sort("at").collect()
        return tuple(
            PointTold(row["at"], row["model"], row["source"], tuple(float(row[name]) for name in P_COLUMNS))
            for row in rows.iter_rows(named=True)
        )

    def points(self, *, rows_max: int) -> SeriesPoints | None:
        """What was told of every resource; None where that is more rows than are to be held in memory."""
        return points_in([self._told.path(day) for day in self.days()], rows_max=rows_max)

    def told(self, day: date) -> DayTold | None:
        """What was told of each resource on a day; None where there was none."""
        rows = pl.read_parquet(self._told.path(day))
        if not len(rows):
            return None
        logits, p = (rows.select(f"{kind}_{task}" for task in NODE_TASKS).to_numpy() for kind in ("logit", "p"))
        return DayTold(
            rows["at"][0], str(rows["model"][0]), str(rows["source"][0]), tuple(rows["uid"].to_list()),
            np.asarray(logits, np.float64), np.asarray(p, np.float64),
        )  # fmt: skip

    def keep_counts(self, found: DayCounts) -> None:
        """Write how a day's features were distributed."""
        columns = {"feature": list(found.names), "counts": found.counts.tolist()}
        frame = pl.DataFrame(columns, schema={"feature": pl.String(), "counts": pl.List(pl.Int64())})
        at = pl.lit(found.at).dt.cast_time_unit("us").alias("at")
        self._features.write(found.at.date(), frame.with_columns(at, pl.lit(SCHEMA).alias("schema")))

    def counts(self) -> tuple[DayCounts, ...]:
        """How features were distributed on each day, oldest first."""
        frames = [pl.read_parquet(self._features.path(day)) for day in self._features.days()]
        return tuple(
            DayCounts(rows["at"][0], tuple(rows["feature"].to_list()), np.array(rows["counts"].to_list(), np.int64))
            for rows in frames
            if len(rows)
        )
