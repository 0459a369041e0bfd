"""What was told of resources on the days before, kept for the resources that were asked about last.

A resource's points are read from as many files as there are days. They are the same until a day is written or goes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

from actors.prediction_series import PointTold, PredictionSeries
from domain.resource import resource_key
from domain.tenancy import TenantId

POINTS_KEPT_MAX: Final = 2_048
"""Resources, of all tenants together; each has at most as many points as days are kept."""
Points = tuple[PointTold, ...]


class PredictionPoints:
    """Safe for several threads.

    Args:
        folder: of a tenant's series.
    """

    def __init__(self, folder: Callable[[TenantId], Path]) -> None:
        self._folder, self._lock = folder, Lock()
        self._kept: OrderedDict[tuple[TenantId, str], tuple[object, Points]] = OrderedDict()

    def of(self, tenant: TenantId, uid: str) -> Points:
        """What was told of one resource, oldest first."""
        series, key = PredictionSeries(self._folder(tenant)), (tenant, resource_key(uid))
        mark = series.mark()
        with self._lock:
            known = self._kept.pop(key, None)
            if known is not None and known[0] == mark:
                self._kept[key] = known
                return known[1]
        found = series.of(uid)
        with self._lock:
            self._kept[key] = (mark, found)
            while len(self._kept) > POINTS_KEPT_MAX:
                self._kept.popitem(last=False)
        return found
