"""What became of a tenant's predictions, beside the series of what was told: a Parquet file for each day that ended.

A day is settled when its seven days are over. What nobody knows then may be known after the next scan, so it is settled
again until scans that come would be too late to show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from actors.day_files import DayFiles
from actors.prediction_series import DayTold
from training.outcomes import LATE_DAYS, WEEK, Came, Settled
from training.quality import WeekTold
from training.task import NODE_TASKS

SCHEMA: Final = "1"
FILE: Final = "outcomes.parquet"


@dataclass(frozen=True, slots=True, eq=False)
class DaySettled:
    """A day's predictions with what came of each; the outcomes are of the same resources, in the same order."""

    told: DayTold
    outcome: Settled
    settled_at: datetime

    @property
    def week(self) -> WeekTold:
        """The same as figures are made of."""
        told = self.told
        return WeekTold(told.at, told.model, told.logits, told.p, self.outcome.came, self.outcome.why)


class PredictionOutcomes:
    """One tenant's outcomes.

    Args:
        folder: the series' own.
    """

    def __init__(self, folder: Path) -> None:
        self._files = DayFiles(folder, FILE)

    def days(self) -> tuple[date, ...]:
        """Days that are settled, oldest first."""
        return self._files.days()

    def keep(self, found: DaySettled) -> None:
        """Write a day, in place of what was known of it before."""
        told, outcome = found.told, found.outcome
        columns: dict[str, object] = {"uid": list(told.uids)}
        for at, task in enumerate(NODE_TASKS):
            columns |= {
                f"logit_{task}": told.logits[:, at], f"p_{task}": told.p[:, at],
                f"came_{task}": outcome.came[:, at], f"why_{task}": outcome.why[:, at],
            }  # fmt: skip
        times = {"at": told.at, "settled_at": found.settled_at}
        frame = pl.DataFrame(columns).with_columns(
            *(pl.lit(at).dt.cast_time_unit("us").alias(name) for name, at in times.items()),
            pl.lit(told.model).alias("model"), pl.lit(told.source).alias("source"), pl.lit(SCHEMA).alias("schema"),
        )  # fmt: skip
        self._files.write(told.at.date(), frame)

    def of(self, day: date) -> DaySettled | None:
        """What is known of a day; None where nothing was told."""
        rows = pl.read_parquet(self._files.path(day))
        if not len(rows):
            return None
        logits, p, came, why = (
            rows.select(f"{kind}_{task}" for task in NODE_TASKS).to_numpy() for kind in ("logit", "p", "came", "why")
        )
        uids = tuple(rows["uid"].to_list())
        told = DayTold(
            rows["at"][0], str(rows["model"][0]), str(rows["source"][0]), uids,
            np.asarray(logits, np.float64), np.asarray(p, np.float64),
        )  # fmt: skip
        outcome = Settled(uids, np.asarray(came, np.uint8), np.asarray(why, np.uint8))
        return DaySettled(told, outcome, rows["settled_at"][0])

    def is_final(self, day: date) -> bool:
        """Whether nothing more can become known of a day."""
        if not self._files.path(day).is_file():
            return False
        columns = [*(f"came_{task}" for task in NODE_TASKS), "at", "settled_at"]
        rows = pl.read_parquet(self._files.path(day), columns=columns)
        if not len(rows):
            return True
        is_open = (rows.select(f"came_{task}" for task in NODE_TASKS).to_numpy() == Came.UNKNOWN).any()
        latest: datetime = rows["at"][0] + WEEK + timedelta(days=LATE_DAYS)
        settled_at: datetime = rows["settled_at"][0]
        return not is_open or settled_at > latest
