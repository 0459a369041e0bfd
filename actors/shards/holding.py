"""The tenants that a shard has open: entered by requests, left again, cooled, evicted, handed over, fenced.

A tenant is opened at its first request, which claims its store, and stays while requests use it. What is here knows
nothing of graphs: it is told how large a tenant is, and when that grows too much it lets others go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock, RLock
from time import monotonic
from typing import Final, Generic, Protocol, TypeVar

from actors.shards.admission import Admission, Work
from actors.shards.beat import RECENT_MAX, Beat
from actors.shards.leases import Lease, Tenure, Turn
from actors.shards.residency import Residency
from actors.shards.roster import HEAVY_MIN
from actors.shards.roster_file import RosterPlace
from domain.errors import ConflictError, UnavailableError
from domain.tenancy import TenantId

IDLE_S: Final = 300.0


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

    def cool(self) -> None:
        """Let go of what is quickly had again."""

    def close(self) -> None:
        """Let go of everything."""


S = TypeVar("S", bound=HeldTenant)


@dataclass(eq=False)
class _Tenancy(Generic[S]):
    """One tenant's place here.

    Args:
        lock: held while its state is opened or closed.
        users: requests that use it now.
    """

    lease: Lease
    lock: RLock = field(default_factory=RLock)
    state: S | None = None
    users: int = 0


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
        self.name = name
        self._opening = opening
        self._place = place
        self._residency = residency
        self._admission = admission
        self._now_s = now_s
        self._idle_s = idle_s
        self._lock = Lock()
        self._tenancies: dict[TenantId, _Tenancy[S]] = {}
        self._sizes: dict[TenantId, int] = {}
        self._version = 0
        self._is_draining = False

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
            self._make_room(tenant, coming_bytes)
            yield

    def keep_house(self) -> None:
        """Read the roster, hand over what moved, cool what is quiet. To be called again and again."""
        roster = None if self._place is None else self._place.current()
        with self._lock:
            for tenant, tenancy in self._tenancies.items():
                is_mine = roster is None or roster.owner(tenant) == self.name
                tenancy.lease = self._reviewed(tenancy.lease, is_mine=is_mine and not self._is_draining)
            self._version = 0 if roster is None else roster.version
            leaving = [each for each in self._tenancies.values() if _is_over(each)]
            quiet = self._residency.quiet(self._now_s(), self._idle_s)
        for tenancy in leaving:
            self._close(tenancy)
        for tenant in quiet:
            self._cool(tenant)

    def drain(self) -> None:
        """Take no more requests, and let every tenant go once those in flight have ended."""
        self._is_draining = True
        self.keep_house()

    def close(self) -> None:
        """Let go of every tenant at once."""
        with self._lock:
            tenancies = list(self._tenancies.values())
        for tenancy in tenancies:
            self._close(tenancy, is_forced=True)

    def owned(self, tenants: Sequence[TenantId]) -> tuple[TenantId, ...]:
        """Those of some tenants that are this shard's."""
        roster = None if self._place is None else self._place.current()
        return tuple(tenant for tenant in tenants if roster is None or roster.owner(tenant) == self.name)

    def open_tenants(self) -> tuple[TenantId, ...]:
        """The tenants that are open, the one used last first."""
        with self._lock:
            return tuple(reversed([*self._residency]))

    def fits(self, coming_bytes: int) -> bool:
        """Whether so much more fits without anybody leaving."""
        return self._residency.used_bytes + coming_bytes <= self._residency.budget_bytes

    def beat(self) -> Beat:
        """What the supervisor is told."""
        with self._lock:
            heavy = {tenant: size for tenant, size in self._sizes.items() if size >= HEAVY_MIN}
            states = [each.state for each in self._tenancies.values() if each.state is not None]
            return Beat(
                self.name,
                roster=self._version,
                recent=tuple(reversed([*self._residency]))[:RECENT_MAX],
                heavy=heavy,
                light=sum(self._sizes.values()) - sum(heavy.values()),
                tenants=len(self._tenancies),
                used_bytes=self._residency.used_bytes,
                budget_bytes=self._residency.budget_bytes,
                writing=self._admission.running(Work.WRITE),
                changes_waiting=sum(state.changes_waiting for state in states),
                leases=Counter(each.lease.at(self._now_s()).tenure.value for each in self._tenancies.values()),
            )

    @contextmanager
    def _using(self, tenant: TenantId, work: Work) -> Iterator[S]:
        with self._admission.admitted(tenant, work, self._now_s()):
            tenancy = self._entered(tenant, work)
            try:
                yield self._opened(tenancy)
            except ConflictError as error:
                if "epoch" not in error.facts:
                    raise
                self._fence(tenancy)
                raise _moving(tenant, self.name, "another shard has claimed its store") from None
            finally:
                self._left(tenancy, work)

    def _entered(self, tenant: TenantId, work: Work) -> _Tenancy[S]:
        """Count a request in; nothing is opened yet."""
        with self._lock:
            now_s = self._now_s()
            tenancy = self._tenancies.get(tenant) or _Tenancy[S](Lease(tenant, self.name))
            lease = tenancy.lease.at(now_s)
            if lease.tenure is not Tenure.HELD:
                self._require_mine(lease)
                lease = lease.renewed(now_s) if lease.tenure is Tenure.LAPSED else lease
            tenancy.lease = lease
            self._tenancies[tenant] = tenancy
            tenancy.users += 1
            if work is Work.WRITE:
                self._residency.pin(tenant)
            return tenancy

    def _require_mine(self, lease: Lease) -> None:
        roster = None if self._place is None else self._place.current()
        is_mine = roster is None or roster.owner(lease.tenant) == self.name
        if not is_mine or self._is_draining:
            raise _moving(lease.tenant, self.name, "it is placed on another shard")
        if lease.tenure is Tenure.LEAVING:
            raise _moving(lease.tenant, self.name, "it is being handed over")

    def _opened(self, tenancy: _Tenancy[S]) -> S:
        with tenancy.lock:
            if tenancy.state is None:
                tenancy.state = self._open(tenancy)
            with self._lock:
                self._residency.use(tenancy.lease.tenant, self._now_s())
            return tenancy.state

    def _open(self, tenancy: _Tenancy[S]) -> S:
        tenant = tenancy.lease.tenant
        self._turn(tenancy, Turn.ASKED)
        with ExitStack() as undo:
            undo.callback(self._turn, tenancy, Turn.FAILED)
            state, epoch = self._claimed(tenant)
            undo.pop_all()
        with self._lock:
            tenancy.lease = tenancy.lease.claimed(epoch, self._now_s())
        return state

    def _claimed(self, tenant: TenantId) -> tuple[S, int]:
        try:
            return self._opening(tenant, self.name)
        except ConflictError as error:
            if self._place is None:
                raise
            raise _moving(tenant, self.name, str(error)) from None

    def _left(self, tenancy: _Tenancy[S], work: Work) -> None:
        tenant = tenancy.lease.tenant
        with self._lock:
            tenancy.users -= 1
            if work is Work.WRITE:
                self._residency.unpin(tenant)
            state = tenancy.state
            if state is not None:
                self._sizes[tenant] = state.resources or self._sizes.get(tenant, 0)
                self._residency.use(tenant, self._now_s(), size_bytes=state.size_bytes)
            is_over = _is_over(tenancy)
        if is_over:
            self._close(tenancy)
        elif state is not None:
            self._evict_excess(tenant)

    def _fence(self, tenancy: _Tenancy[S]) -> None:
        with self._lock:
            if tenancy.lease.tenure in {Tenure.HELD, Tenure.LAPSED}:
                tenancy.lease = tenancy.lease.turned(Turn.MOVED)

    def _make_room(self, tenant: TenantId, coming_bytes: int) -> None:
        with self._lock:
            going = self._residency.excess(coming_bytes, keeping=tenant)
        for each in going:
            self._evict(each)

    def _evict_excess(self, tenant: TenantId) -> None:
        """Hold the budget after a tenant grew; where writes stand against it, after one of them."""
        with self._lock:
            try:
                going = self._residency.excess(keeping=tenant)
            except UnavailableError:
                return
        for each in going:
            self._evict(each)

    def _evict(self, tenant: TenantId) -> None:
        with self._lock:
            tenancy = self._tenancies.get(tenant)
            if tenancy is None:
                self._residency.remove(tenant)
                return
            if tenancy.users or tenancy.lease.tenure is not Tenure.HELD or (tenancy.state and tenancy.state.is_busy):
                return
            tenancy.lease = tenancy.lease.turned(Turn.EVICTED)
        self._close(tenancy)

    def _cool(self, tenant: TenantId) -> None:
        with self._lock:
            tenancy = self._tenancies.get(tenant)
            if tenancy is None or tenancy.users or tenancy.state is None or tenancy.state.is_busy:
                return
            self._residency.cool(tenant)
            state = tenancy.state
        with tenancy.lock:
            if not tenancy.users:
                state.cool()

    def _close(self, tenancy: _Tenancy[S], *, is_forced: bool = False) -> None:
        """Close a tenant that nobody uses and forget it."""
        tenant = tenancy.lease.tenant
        with tenancy.lock:
            with self._lock:
                if (tenancy.users and not is_forced) or self._tenancies.get(tenant) is not tenancy:
                    return
                state, tenancy.state = tenancy.state, None
            if state is not None:
                state.close()
            with self._lock:
                tenancy.lease = Lease(tenant, self.name)
                if tenancy.users == 0 or is_forced:
                    del self._tenancies[tenant]
                    self._residency.remove(tenant)
                if self._is_draining:
                    self._sizes.pop(tenant, None)

    def _reviewed(self, lease: Lease, *, is_mine: bool) -> Lease:
        """A lease after the roster was read."""
        now_s = self._now_s()
        lease = lease.at(now_s)
        if lease.tenure in {Tenure.HELD, Tenure.LAPSED}:
            if is_mine:
                return lease.renewed(now_s)
            self._sizes.pop(lease.tenant, None)
            return lease.turned(Turn.MOVED)
        return lease

    def _turn(self, tenancy: _Tenancy[S], turn: Turn) -> None:
        with self._lock:
            tenancy.lease = tenancy.lease.turned(turn)


def _is_over(tenancy: _Tenancy[S]) -> bool:
    """Whether a tenant is to be let go and nobody uses it."""
    return tenancy.users == 0 and (
        tenancy.lease.tenure is Tenure.LEAVING or (tenancy.lease.tenure is Tenure.ABSENT and tenancy.state is None)
    )


def _moving(tenant: TenantId, shard: str, reason: str) -> UnavailableError:
    return UnavailableError(
        "the tenant is not on this shard now",
        tenant=tenant,
        shard=shard,
        reason=reason,
        is_moving=True,
        retry_after_s=1,
        todo="Repeat the request",
    )
