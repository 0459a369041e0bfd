"""What was told of resources on the days before, kept for the resources that were asked about last.

A resource's points are read from as many files as there are days. They are the same until a day is written or goes,
which is looked for once a second.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Final

from actors.prediction_series import PointTold, PredictionSeries
from domain.resource import resource_key
from domain.tenancy import TenantId

POINTS_KEPT_MAX: Final = 2_048
"""Resources, of all tenants together; each has at most as many points as days are kept."""
MARKS_KEPT_MAX: Final = 1_024
FRESH_S: Final = 1.0
"""For so long a series is taken to be as it was found."""
Points = tuple[PointTold, ...]
Mark = tuple[tuple[date, ...], int]


class PredictionPoints:
    """Safe for several threads.

    Args:
        folder: of a tenant's series.
    """

    def __init__(self, folder: Callable[[TenantId], Path], *, now_s: Callable[[], float] = perf_counter) -> None:
        self._folder, self._now_s, self._lock = folder, now_s, Lock()
        self._kept: OrderedDict[tuple[TenantId, str], tuple[Mark, Points]] = OrderedDict()
        self._marks: OrderedDict[TenantId, tuple[Mark, float]] = OrderedDict()

    def of(self, tenant: TenantId, uid: str) -> Points:
        """What was told of one resource, oldest first."""
        found = self.at_hand(tenant, uid)
        if found is None:
            mark, found = self._mark(tenant), self._series(tenant).of(uid)
            with self._lock:
                self._kept[tenant, resource_key(uid)] = (mark, found)
                while len(self._kept) > POINTS_KEPT_MAX:
                    self._kept.popitem(last=False)
        return found

    def at_hand(self, tenant: TenantId, uid: str) -> Points | None:
        """The same without reading anything; None where it is to be read."""
        with self._lock:
            key, mark = (tenant, resource_key(uid)), self._marked(tenant)
            known = self._kept.get(key)
            if mark is None or known is None or known[0] != mark:
                return None
            self._kept.move_to_end(key)
            return known[1]

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
            self._marks.pop(tenant, None)

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
            self._marks[tenant] = (mark, until_s)
            self._marks.move_to_end(tenant)
            while len(self._marks) > MARKS_KEPT_MAX:
                self._marks.popitem(last=False)
        return mark

    def _series(self, tenant: TenantId) -> PredictionSeries:
        return PredictionSeries(self._folder(tenant))
