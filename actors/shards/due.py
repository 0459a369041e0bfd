"""Which tenants a thread of a shard has to look at, and when again where that failed: later each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

import structlog

from domain.errors import PolicyCortexError, UnavailableError
from domain.tenancy import TenantId

RETRY_MIN_S: Final = 0.5
RETRY_MAX_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Retry:
    at_s: float
    pause_s: float


class DueTenants:
    """Safe for several threads.

    Args:
        is_mine: whether a tenant that could not be looked at now is still this shard's.
    """

    def __init__(self, is_mine: Callable[[TenantId], bool], now_s: Callable[[], float]) -> None:
        self._is_mine = is_mine
        self._now_s = now_s
        self._lock = Lock()
        self._due: dict[TenantId, _Retry | None] = {}
        self.problem = ""

    def add(self, tenant: TenantId) -> None:
        """A tenant is to be looked at; one that failed lately, when its time comes."""
        with self._lock:
            self._due.setdefault(tenant, None)

    def now(self) -> tuple[TenantId, ...]:
        """Who is to be looked at now."""
        now_s = self._now_s()
        with self._lock:
            return tuple(tenant for tenant, retry in self._due.items() if retry is None or retry.at_s <= now_s)

    def look(self, tenant: TenantId, work: Callable[[TenantId], bool]) -> None:
        """Do what a tenant is due for.

        Args:
            work: whether there is more of it.
        """
        with self._lock:
            before = self._due.pop(tenant, None)
        try:
            if work(tenant):
                self.add(tenant)
        except UnavailableError as error:
            if not error.facts.get("is_moving") or self._is_mine(tenant):
                self._put_off(tenant, RETRY_MIN_S if before is None else min(2 * before.pause_s, RETRY_MAX_S))
                self.fail(error)
        except PolicyCortexError as error:
            self._put_off(tenant, RETRY_MAX_S)
            self.fail(error)

    def fail(self, error: PolicyCortexError) -> None:
        """Note what went wrong last."""
        self.problem = str(error)[:300]
        structlog.get_logger().warning("a shard's own work failed", reason=self.problem)

    def _put_off(self, tenant: TenantId, pause_s: float) -> None:
        with self._lock:
            self._due[tenant] = _Retry(self._now_s() + pause_s, pause_s)
