"""Whether a shard takes a request now: bounds on what one tenant asks and on what the shard does at once.

A refusal names when to come back, so that callers wait instead of queueing in memory. What one tenant did too much is
429, what the shard has too much of is 503.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from threading import Lock
from typing import Final

from domain.errors import UnavailableError
from domain.tenancy import TenantId

BUCKETS_MAX: Final = 20_000
TOO_MANY: Final = 429


class Work(StrEnum):
    """What a request makes a shard do."""

    READ = "read"
    WRITE = "write"
    HYDRATE = "hydrate"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one shard.

    Args:
        rate_per_s, burst: requests of one tenant, in the long run and at once.
        writes_per_tenant: writes of one tenant that run or wait.
        running: requests of each kind that run or wait, of all tenants together.
    """

    rate_per_s: float = 2_000.0
    burst: int = 4_000
    writes_per_tenant: int = 64
    reads: int = 512
    writes: int = 256
    hydrations: int = 4

    def of(self, work: Work) -> int:
        """How many of a kind may run or wait together."""
        return {Work.READ: self.reads, Work.WRITE: self.writes, Work.HYDRATE: self.hydrations}[work]


@dataclass(slots=True)
class Bucket:
    """Tokens of one tenant: full at first, refilled with time.

    Args:
        at_s: monotonic time when `tokens` was true.
    """

    tokens: float
    at_s: float

    def wait_s(self, now_s: float, limits: Limits) -> float:
        """Take a token and return 0, or how long until there is one."""
        elapsed = max(0.0, now_s - self.at_s)
        self.tokens = min(float(limits.burst), self.tokens + elapsed * limits.rate_per_s)
        self.at_s = now_s
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        return (1.0 - self.tokens) / limits.rate_per_s


@dataclass(slots=True)
class Admission:
    """Counts what runs, and refuses what would be too much. Safe for several threads."""

    limits: Limits = field(default_factory=Limits)
    _buckets: OrderedDict[TenantId, Bucket] = field(default_factory=OrderedDict)
    _running: Counter[Work] = field(default_factory=Counter)
    _writes: Counter[TenantId] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def admitted(self, tenant: TenantId, work: Work, now_s: float) -> Iterator[None]:
        """Hold a place while a request runs.

        Raises:
            UnavailableError: the tenant asks too much (429), or the shard has too much to do (503).
        """
        with self._lock:
            self._admit(tenant, work, now_s)
        try:
            yield
        finally:
            with self._lock:
                self._leave(tenant, work)

    def running(self, work: Work) -> int:
        """How many requests of a kind run or wait now."""
        return self._running[work]

    def _admit(self, tenant: TenantId, work: Work, now_s: float) -> None:
        if self._running[work] >= self.limits.of(work):
            raise _full(tenant, work, self.limits.of(work))
        if work is Work.WRITE and self._writes[tenant] >= self.limits.writes_per_tenant:
            raise _asked_too_much(tenant, "writes in flight", self.limits.writes_per_tenant, wait_s=1.0)
        if work is not Work.HYDRATE and (wait_s := self._bucket(tenant, now_s).wait_s(now_s, self.limits)):
            raise _asked_too_much(tenant, "requests a second", self.limits.rate_per_s, wait_s=wait_s)
        self._running[work] += 1
        if work is Work.WRITE:
            self._writes[tenant] += 1

    def _leave(self, tenant: TenantId, work: Work) -> None:
        self._running[work] -= 1
        if work is Work.WRITE:
            self._writes[tenant] -= 1
            if not self._writes[tenant]:
                del self._writes[tenant]

    def _bucket(self, tenant: TenantId, now_s: float) -> Bucket:
        """A tenant's tokens; who has not asked for longest starts anew when there are too many."""
        bucket = self._buckets.pop(tenant, None) or Bucket(float(self.limits.burst), now_s)
        self._buckets[tenant] = bucket
        if len(self._buckets) > BUCKETS_MAX:
            self._buckets.popitem(last=False)
        return bucket


def _full(tenant: TenantId, work: Work, limit: int) -> UnavailableError:
    return UnavailableError(
        "the shard has too much to do",
        tenant=tenant,
        work=work.value,
        limit=limit,
        retry_after_s=1,
        todo="Repeat the request; if it stays so, raise the number of shards",
    )


def _asked_too_much(tenant: TenantId, what: str, limit: float, *, wait_s: float) -> UnavailableError:
    return UnavailableError(
        "the tenant asks too much at once",
        tenant=tenant,
        what=what,
        limit=limit,
        status=TOO_MANY,
        retry_after_s=max(1, ceil(wait_s)),
        todo="Send fewer, larger requests",
    )
