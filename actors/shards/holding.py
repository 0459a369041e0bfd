"""The tenants that a shard has open, as it asks for them: for a question, for a change, while a graph is read.

A tenant is opened at its first request, which claims its store, and stays while requests use it. When its shard's
memory grows too full it lets others go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Generic

from actors.shards.admission import Admission, Work
from actors.shards.beat import RECENT_MAX, Beat
from actors.shards.ownership import Ownership
from actors.shards.residency import Residency
from actors.shards.room import IDLE_S, Room
from actors.shards.roster import HEAVY_MIN
from actors.shards.roster_file import RosterPlace
from actors.shards.tenancies import S, Tenancies
from domain.errors import ConflictError
from domain.tenancy import TenantId


class Holding(Generic[S]):
    """Safe for several threads.

    Args:
        opening: opens a tenant's state and claims its store for a holder; the state and the epoch.
        place: where the roster is; None where this shard owns every tenant.
    """

    def __init__(
        self,
        name: str,
        opening: Callable[[TenantId, str], tuple[S, int]],
        *,
        place: RosterPlace | None,
        residency: Residency,
        admission: Admission,
        now_s: Callable[[], float] = monotonic,
        idle_s: float = IDLE_S,
    ) -> None:
        self._residency, self._admission, self._now_s = residency, admission, now_s
        self.ownership = Ownership(name, place)
        self._tenancies = Tenancies(opening, self.ownership, residency, now_s)
        self.room = Room(self._tenancies, residency, now_s, idle_s=idle_s)

    @contextmanager
    def reading(self, tenant: TenantId) -> Iterator[S]:
        """A tenant's state for a question.

        Raises:
            UnavailableError: the tenant is another shard's (``is_moving``), or too much is asked at once.
        """
        with self._using(tenant, Work.READ) as state:
            yield state

    @contextmanager
    def writing(self, tenant: TenantId) -> Iterator[S]:
        """A tenant's state for a change; it is not evicted meanwhile.

        Raises:
            UnavailableError: as for `reading`.
        """
        with self._using(tenant, Work.WRITE) as state:
            yield state

    @contextmanager
    def hydrating(self, tenant: TenantId, coming_bytes: int) -> Iterator[None]:
        """Make room for a tenant's graph and hold a place while it is read.

        Raises:
            UnavailableError: writes in flight hold the memory, or too many graphs are being read.
        """
        with self._admission.admitted(tenant, Work.HYDRATE, self._now_s()):
            self.room.make(tenant, coming_bytes)
            yield

    def keep_house(self) -> None:
        """Read the roster, hand over what moved, cool what is quiet. To be called again and again."""
        self._tenancies.review()
        self.room.cool_quiet()

    def drain(self) -> None:
        """Take no more requests, and let every tenant go once those in flight have ended."""
        self.ownership.is_draining = True
        self.keep_house()

    def close(self) -> None:
        """Let go of every tenant at once."""
        self._tenancies.close_all()

    def open_tenants(self) -> tuple[TenantId, ...]:
        """The tenants that are open, the one used last first."""
        with self._tenancies.lock:
            return tuple(reversed([*self._residency]))

    def misplaced(self) -> tuple[TenantId, ...]:
        """The tenants that are not held as the shards that there are now would have them."""
        with self._tenancies.lock:
            states = [(each.lease.tenant, each.state) for each in self._tenancies]
        return tuple(tenant for tenant, state in states if state is not None and state.is_misplaced)

    def beat(self) -> Beat:
        """What the supervisor is told."""
        recent = self.open_tenants()[:RECENT_MAX]
        with self._tenancies.lock:
            sizes = self._tenancies.sizes
            heavy = {tenant: size for tenant, size in sizes.items() if size >= HEAVY_MIN}
            return Beat(
                self.ownership.name,
                roster=self.ownership.version,
                recent=recent,
                heavy=heavy,
                light=sum(sizes.values()) - sum(heavy.values()),
                tenants=len(self._tenancies),
                used_bytes=self._residency.used_bytes,
                budget_bytes=self._residency.budget_bytes,
                writing=self._admission.running(Work.WRITE),
                changes_waiting=sum(each.state.changes_waiting for each in self._tenancies if each.state is not None),
                leases=self._tenancies.tenures(),
            )

    @contextmanager
    def _using(self, tenant: TenantId, work: Work) -> Iterator[S]:
        is_write = work is Work.WRITE
        with self._admission.admitted(tenant, work, self._now_s()):
            tenancy = self._tenancies.enter(tenant, is_pinned=is_write)
            try:
                yield self._tenancies.opened(tenancy)
            except ConflictError as error:
                if "epoch" not in error.facts:
                    raise
                self._tenancies.fence(tenancy)
                raise self.ownership.moving(tenant, "another shard has claimed its store") from None
            finally:
                if self._tenancies.leave(tenancy, was_pinned=is_write):
                    self.room.hold_budget(tenant)
