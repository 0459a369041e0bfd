"""A shard's tenants and the requests that use them: entered, opened by the first, left again, and closed by the last.

What is here knows nothing of graphs: it is told how large a tenant is. Nothing is opened or closed under the lock that
all tenants share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Generic, Protocol, TypeVar

from actors.shards.leases import Lease, Tenure, Turn
from actors.shards.ownership import Ownership
from actors.shards.residency import Residency
from domain.errors import ConflictError
from domain.tenancy import TenantId


class HeldTenant(Protocol):
    """What a shard keeps of a tenant."""

    @property
    def size_bytes(self) -> int:
        """What of it is in memory."""

    @property
    def resources(self) -> int:
        """Resources of it; 0 where that is not known."""

    @property
    def changes_waiting(self) -> int:
        """Changes of it that are shown and not yet in its store."""

    @property
    def is_busy(self) -> bool:
        """Whether something is between its steps that would be lost with it."""

    @property
    def is_misplaced(self) -> bool:
        """Whether it is not held as the shards that there are now would have it."""

    def cool(self) -> None:
        """Let go of what is quickly had again."""

    def close(self) -> None:
        """Let go of everything."""


S = TypeVar("S", bound=HeldTenant)


@dataclass(eq=False)
class Tenancy(Generic[S]):
    """One tenant's place here.

    Args:
        lock: held while its state is opened or closed.
        users: requests that use it now.
    """

    lease: Lease
    lock: RLock = field(default_factory=RLock)
    state: S | None = None
    users: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it is to be let go and nobody uses it."""
        return self.users == 0 and (
            self.lease.tenure is Tenure.LEAVING or (self.lease.tenure is Tenure.ABSENT and self.state is None)
        )

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost if it went."""
        return self.users == 0 and not (self.state is not None and self.state.is_busy)


class Tenancies(Generic[S]):
    """Safe for several threads.

    Args:
        opening: opens a tenant's state and claims its store for a holder; the state and the epoch.
    """

    def __init__(
        self,
        opening: Callable[[TenantId, str], tuple[S, int]],
        ownership: Ownership,
        residency: Residency,
        now_s: Callable[[], float],
    ) -> None:
        self._opening, self._ownership, self._residency, self._now_s = opening, ownership, residency, now_s
        self._tenancies: dict[TenantId, Tenancy[S]] = {}
        self.lock = Lock()
        self.sizes: dict[TenantId, int] = {}
        """Resources of each tenant that was used here; under the lock."""

    def __len__(self) -> int:
        return len(self._tenancies)

    def __iter__(self) -> Iterator[Tenancy[S]]:
        """Every tenancy; under the lock."""
        return iter(self._tenancies.values())

    def find(self, tenant: TenantId) -> Tenancy[S] | None:
        """A tenant's; under the lock."""
        return self._tenancies.get(tenant)

    def enter(self, tenant: TenantId, *, is_pinned: bool) -> Tenancy[S]:
        """Count a request in; nothing is opened yet.

        Args:
            is_pinned: it is not evicted meanwhile.

        Raises:
            UnavailableError: the tenant is not this shard's now.
        """
        with self.lock:
            now_s = self._now_s()
            tenancy = self._tenancies.get(tenant) or Tenancy[S](Lease(tenant, self._ownership.name))
            lease = tenancy.lease.at(now_s)
            if lease.tenure is not Tenure.HELD:
                self._ownership.require(lease)
                lease = lease.renewed(now_s) if lease.tenure is Tenure.LAPSED else lease
            tenancy.lease = lease
            self._tenancies[tenant] = tenancy
            tenancy.users += 1
            if is_pinned:
                self._residency.pin(tenant)
            return tenancy

    def opened(self, tenancy: Tenancy[S]) -> S:
        """The state of a tenancy that was entered.

        Raises:
            UnavailableError: another shard has it open.
        """
        with tenancy.lock:
            if tenancy.state is None:
                tenancy.state = self._open(tenancy)
            with self.lock:
                self._residency.use(tenancy.lease.tenant, self._now_s())
            return tenancy.state

    def leave(self, tenancy: Tenancy[S], *, was_pinned: bool) -> bool:
        """Count a request out; the last one closes what is to be let go. Whether the tenant stays open."""
        tenant = tenancy.lease.tenant
        with self.lock:
            tenancy.users -= 1
            if was_pinned:
                self._residency.unpin(tenant)
            state = tenancy.state
            if state is not None:
                self.sizes[tenant] = state.resources or self.sizes.get(tenant, 0)
                self._residency.use(tenant, self._now_s(), size_bytes=state.size_bytes)
            is_over = tenancy.is_over
        if is_over:
            self.close(tenancy)
        return state is not None and not is_over

    def fence(self, tenancy: Tenancy[S]) -> None:
        """Another shard has claimed the store: the tenancy ends."""
        with self.lock:
            if tenancy.lease.tenure in {Tenure.HELD, Tenure.LAPSED}:
                tenancy.lease = tenancy.lease.turned(Turn.MOVED)

    def review(self) -> None:
        """Read the roster, renew what stays, and close what moved and is not used."""
        reviewed = self._ownership.review(self._now_s())
        with self.lock:
            for tenancy in self:
                was_leaving = tenancy.lease.tenure is Tenure.LEAVING
                tenancy.lease = reviewed(tenancy.lease)
                if tenancy.lease.tenure is Tenure.LEAVING and not was_leaving:
                    self.sizes.pop(tenancy.lease.tenant, None)
            leaving = [each for each in self if each.is_over]
        for tenancy in leaving:
            self.close(tenancy)

    def close_all(self) -> None:
        """Let go of every tenant at once."""
        with self.lock:
            tenancies = list(self._tenancies.values())
        for tenancy in tenancies:
            self.close(tenancy, is_forced=True)

    def close(self, tenancy: Tenancy[S], *, is_forced: bool = False) -> None:
        """Close a tenant that nobody uses and forget it."""
        tenant = tenancy.lease.tenant
        with tenancy.lock:
            with self.lock:
                if (tenancy.users and not is_forced) or self._tenancies.get(tenant) is not tenancy:
                    return
                state, tenancy.state = tenancy.state, None
            if state is not None:
                state.close()
            with self.lock:
                tenancy.lease = Lease(tenant, self._ownership.name)
                if tenancy.users == 0 or is_forced:
                    del self._tenancies[tenant]
                    self._residency.remove(tenant)
                if self._ownership.is_draining:
                    self.sizes.pop(tenant, None)

    def tenures(self) -> Counter[str]:
        """How many are in each tenure; under the lock."""
        return Counter(each.lease.at(self._now_s()).tenure.value for each in self)

    def _open(self, tenancy: Tenancy[S]) -> S:
        tenant = tenancy.lease.tenant
        self._turn(tenancy, Turn.ASKED)
        with ExitStack() as undo:
            undo.callback(self._turn, tenancy, Turn.FAILED)
            state, epoch = self._claimed(tenant)
            undo.pop_all()
        with self.lock:
            tenancy.lease = tenancy.lease.claimed(epoch, self._now_s())
        return state

    def _claimed(self, tenant: TenantId) -> tuple[S, int]:
        try:
            return self._opening(tenant, self._ownership.name)
        except ConflictError as error:
            if not self._ownership.is_shared:
                raise
            raise self._ownership.moving(tenant, str(error)) from None

    def _turn(self, tenancy: Tenancy[S], turn: Turn) -> None:
        with self.lock:
            tenancy.lease = tenancy.lease.turned(turn)
