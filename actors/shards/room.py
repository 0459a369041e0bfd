"""A shard's memory: room is made for a graph that comes, the budget is held, and what is quiet is cooled.

A tenant that is used or busy stays, and so does one with a write in flight (`actors.shards.residency`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Generic

from actors.shards.leases import Tenure, Turn
from actors.shards.residency import Residency
from actors.shards.tenancies import S, Tenancies
from domain.errors import UnavailableError
from domain.tenancy import TenantId

IDLE_S: Final = 300.0


class Room(Generic[S]):
    """Safe for several threads."""

    def __init__(
        self, tenancies: Tenancies[S], residency: Residency, now_s: Callable[[], float], *, idle_s: float = IDLE_S
    ) -> None:
        self._tenancies, self._residency, self._now_s, self._idle_s = tenancies, residency, now_s, idle_s

    def fits(self, coming_bytes: int) -> bool:
        """Whether so much more fits without anybody leaving."""
        return self._residency.used_bytes + coming_bytes <= self._residency.budget_bytes

    def make(self, tenant: TenantId, coming_bytes: int) -> None:
        """Let others go, so that so much more of a tenant fits.

        Raises:
            UnavailableError: writes in flight hold the memory.
        """
        with self._tenancies.lock:
            going = self._residency.excess(coming_bytes, keeping=tenant)
        self._evict(going)

    def hold_budget(self, tenant: TenantId) -> None:
        """Let others go after a tenant grew; where writes stand against it, after one of them."""
        with self._tenancies.lock:
            try:
                going = self._residency.excess(keeping=tenant)
            except UnavailableError:
                return
        self._evict(going)

    def cool_quiet(self) -> None:
        """Cool every tenant that nobody has used for a while."""
        with self._tenancies.lock:
            quiet = self._residency.quiet(self._now_s(), self._idle_s)
        for tenant in quiet:
            self._cool(tenant)

    def _evict(self, going: Iterable[TenantId]) -> None:
        for tenant in going:
            with self._tenancies.lock:
                tenancy = self._tenancies.find(tenant)
                if tenancy is None:
                    self._residency.remove(tenant)
                    continue
                if not tenancy.is_idle or tenancy.lease.tenure is not Tenure.HELD:
                    continue
                tenancy.lease = tenancy.lease.turned(Turn.EVICTED)
            self._tenancies.close(tenancy)

    def _cool(self, tenant: TenantId) -> None:
        with self._tenancies.lock:
            tenancy = self._tenancies.find(tenant)
            if tenancy is None or tenancy.state is None or not tenancy.is_idle:
                return
            self._residency.cool(tenant)
            state = tenancy.state
        with tenancy.lock:
            if not tenancy.users:
                state.cool()
