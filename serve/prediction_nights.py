"""Scores every tenant as a whole once a night, so that the series has each day whether or not somebody asked.

What came of days whose seven days are over is collected then too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from domain.clock import Clock
from domain.errors import PolicyCortexError
from domain.tenancy import TenantId
from domain.value import Json
from serve.sole_worker import SoleWorker
from serve.ticker import Ticker

LOCK: Final = "prediction-nights.lock"
TICK_S: Final = 30.0
NEVER: Final = 24


class Scores(Protocol):
    """Who scores tenants."""

    def is_scored(self, tenant: TenantId) -> bool:
        """Whether this day's part of the series is there."""

    def score(self, tenant: TenantId, as_of: datetime) -> dict[str, Json]:
        """Score a whole tenant."""

    def collect(self, tenant: TenantId) -> int:
        """Settle what came of days whose seven days are over."""


def next_night(now: datetime, hour: int) -> datetime | None:
    """When it is that hour for the next time; None where it never is."""
    if hour >= NEVER:
        return None
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


class PredictionNights:
    """Works from `begin` on. A night without a platform is not made up for: the first question of a day scores too.

    Args:
        place: held by the one process that scores, of several that answer.
        hour: UTC.
    """

    def __init__(
        self, scores: Scores, tenants: Callable[[], Iterable[TenantId]], clock: Clock, place: SoleWorker, *, hour: int
    ) -> None:
        self._scores, self._tenants, self._clock, self._place, self._hour = scores, tenants, clock, place, hour
        self._due = next_night(clock.now(), hour)
        self._ticker = Ticker("prediction-nights", self.tick, every_s=TICK_S)

    def begin(self) -> None:
        """Start working, where there is a night to wait for."""
        if self._due is not None:
            self._ticker.begin()

    def stop(self) -> None:
        """End after the tenant that is being scored."""
        self._ticker.stop()
        self._place.let_go()

    def tick(self) -> None:
        """Score all tenants and collect outcomes, when it is time; one that fails keeps no other one from it."""
        now = self._clock.now()
        if self._due is None or now < self._due:
            return
        self._due = next_night(now, self._hour)
        if not self._place.is_mine():
            return
        for tenant in self._tenants():
            if self._ticker.is_stopping:
                return
            try:
                if not self._scores.is_scored(tenant):
                    self._scores.score(tenant, self._clock.now())
                self._scores.collect(tenant)
            except PolicyCortexError as error:
                structlog.get_logger().warning(
                    "nightly work on predictions failed", tenant=tenant, reason=str(error)[:300]
                )
