"""What was told of resources on the days before, in memory: a tenant's whole series, or single resources of large ones.

A series has as many files as days. They are the same until a day is written or goes, which is looked for once a second.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Final

from actors.prediction_series import PredictionSeries
from actors.series_points import PointTold, SeriesPoints
from domain.recent import Recent
from domain.resource import resource_key
from domain.tenancy import TenantId

POINTS_KEPT_MAX: Final = 2_048
"""Single resources, of all large tenants together; each has at most as many points as days are kept."""
WHOLE_ROWS_MAX: Final = 1_000_000
"""Points of a tenant that is held whole: 11,000 resources on 90 days, about 70 MB."""
ROWS_MAX: Final = 2_000_000
"""Points of all tenants that are held whole."""
MARKS_KEPT_MAX: Final = 1_024
FRESH_S: Final = 1.0
"""For so long a series is taken to be as it was found."""
Points = tuple[PointTold, ...]
Mark = tuple[tuple[date, ...], int]


@dataclass(frozen=True, slots=True, eq=False)
class _Whole:
    """A series as it was at a mark; None where it is too large to be held."""

    mark: Mark
    points: SeriesPoints | None


class PredictionPoints:
    """Safe for several threads.

    Args:
        folder: of a tenant's series.
    """

    def __init__(self, folder: Callable[[TenantId], Path], *, now_s: Callable[[], float] = perf_counter) -> None:
        self._folder, self._now_s = folder, now_s
        self._lock, self._reading = Lock(), Lock()
        self._whole: OrderedDict[TenantId, _Whole] = OrderedDict()
        self._kept = Recent[tuple[TenantId, str], tuple[Mark, Points]](POINTS_KEPT_MAX)
        self._marks = Recent[TenantId, tuple[Mark, float]](MARKS_KEPT_MAX)

    def of(self, tenant: TenantId, uid: str) -> Points:
        """What was told of one resource, oldest first."""
        found = self.at_hand(tenant, uid)
        if found is not None:
            return found
        mark = self._mark(tenant)
        whole = self._held(tenant, mark)
        if whole is not None:
            return whole.of(uid)
        found = self._series(tenant).of(uid)
        with self._lock:
            self._kept.put((tenant, resource_key(uid)), (mark, found))
        return found

    def at_hand(self, tenant: TenantId, uid: str) -> Points | None:
        """The same without reading anything; None where it is to be read."""
        with self._lock:
            mark, whole = self._marked(tenant), self._whole.get(tenant)
            if mark is None:
                return None
            if whole is not None and whole.mark == mark and whole.points is not None:
                self._whole.move_to_end(tenant)
                return whole.points.of(uid)
            known = self._kept.get((tenant, resource_key(uid)))
            return known[1] if known is not None and known[0] == mark else None

    def has(self, tenant: TenantId, day: date) -> bool:
        """Whether the series has a day."""
        return day in self._mark(tenant)[0]

    def is_known_to_have(self, tenant: TenantId, day: date) -> bool:
        """The same without looking anew: False also where it is not known."""
        with self._lock:
            mark = self._marked(tenant)
        return mark is not None and day in mark[0]

    def changed(self, tenant: TenantId) -> None:
        """A day was written: look anew."""
        with self._lock:
            self._marks.pop(tenant)

    def _held(self, tenant: TenantId, mark: Mark) -> SeriesPoints | None:
        """The whole series, read by one thread at a time; None where it is too large."""
        with self._reading:
            with self._lock:
                known = self._whole.get(tenant)
            if known is not None and known.mark == mark:
                return known.points
            points = self._series(tenant).points(rows_max=WHOLE_ROWS_MAX)
            with self._lock:
                self._whole[tenant] = _Whole(mark, points)
                self._whole.move_to_end(tenant)
                while self._rows > ROWS_MAX or len(self._whole) > MARKS_KEPT_MAX:
                    self._whole.popitem(last=False)
            return points

    @property
    def _rows(self) -> int:
        return sum(len(one.points) for one in self._whole.values() if one.points is not None)

    def _marked(self, tenant: TenantId) -> Mark | None:
        known = self._marks.get(tenant)
        return known[0] if known is not None and self._now_s() < known[1] else None

    def _mark(self, tenant: TenantId) -> Mark:
        with self._lock:
            known = self._marked(tenant)
        if known is not None:
            return known
        until_s = self._now_s() + FRESH_S
        mark = self._series(tenant).mark()
        with self._lock:
            self._marks.put(tenant, (mark, until_s))
        return mark

    def _series(self, tenant: TenantId) -> PredictionSeries:
        return PredictionSeries(self._folder(tenant))
