"""A tenant's whole series in memory, ordered by resource: what each was told on every day is one slice."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pyarrow.parquet import read_metadata

from domain.resource import resource_key
from training.task import NODE_TASKS

_TOLD: Final = ("at", "model", "source")
P_COLUMNS: Final = tuple(f"p_{task}" for task in NODE_TASKS)
_EMPTY: Final = pl.DataFrame(schema={"uid": pl.String, **dict.fromkeys(P_COLUMNS, pl.Float64), "file": pl.Int16})


@dataclass(frozen=True, slots=True)
class PointTold:
    """What was told of one resource on one day."""

    at: datetime
    model: str
    source: str
    p: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SeriesPoints:
    """Points of every resource. Each file is of one instant, one model and one source.

    Args:
        told: when, by which model and from what source each file with any rows was told.
        uids: ascending, each once.

    Shapes:
        starts: int64 (len(uids) + 1,); points of uid i are numbers starts[i] to starts[i + 1], oldest first.
        files: int16 (points,). p: float64 (points, tasks), a column for each of `NODE_TASKS`.
    """

    told: tuple[tuple[datetime, str, str], ...]
    uids: pl.Series
    starts: NDArray[np.int64]
    files: NDArray[np.int16]
    p: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.files)

    def of(self, uid: str) -> tuple[PointTold, ...]:
        """What was told of one resource, oldest first."""
        key = resource_key(uid)
        at = bisect_left(range(len(self.uids)), key, key=self.uids.__getitem__)
        if at == len(self.uids) or self.uids[at] != key:
            return ()
        points = slice(int(self.starts[at]), int(self.starts[at + 1]))
        files, p = self.files[points].tolist(), self.p[points].tolist()
        return tuple(self._point(*each) for each in zip(files, p, strict=True))

    def _point(self, file: int, p: list[float]) -> PointTold:
        at, model, source = self.told[file]
        return PointTold(at, model, source, tuple(p))


def points_in(paths: Sequence[Path], *, rows_max: int) -> SeriesPoints | None:
    """Every point of some files; None where they have more rows than are to be held in memory.

    Args:
        paths: of one day each, oldest first.
    """
    if sum(read_metadata(path).num_rows for path in paths) > rows_max:
        return None
    told: list[tuple[datetime, str, str]] = []
    frames = [_EMPTY]
    for path in paths:
        rows = pl.read_parquet(path, columns=[*_TOLD, "uid", *P_COLUMNS])
        if len(rows):
            frames.append(rows.select("uid", *P_COLUMNS, file=pl.lit(len(told), pl.Int16)))
            told.append(rows.select(_TOLD).row(0))
    points = pl.concat(frames).sort("uid", maintain_order=True)
    runs = points["uid"].rle().struct.unnest()
    starts = np.concatenate(([0], np.cumsum(runs["len"].to_numpy(), dtype=np.int64)))
    return SeriesPoints(
        tuple(told), runs["value"], starts, points["file"].to_numpy(), np.asarray(points.select(P_COLUMNS).to_numpy())
    )
