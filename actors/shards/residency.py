"""Which tenants stay in a shard's memory: least recently used go first, and never one with a write in flight.

A tenant leaves in two steps. A quiet one is cooled: its store is closed and what can be worked out again is dropped,
its graph stays. Where memory is needed it is evicted, and comes back by hydration.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from domain.errors import UnavailableError
from domain.tenancy import TenantId

RETRY_S = 2


@dataclass(slots=True)
class _Resident:
    size_bytes: int = 0
    pins: int = 0
    used_s: float = 0.0
    is_cool: bool = False


class Residency:
    """Sizes, uses and pins of the tenants in memory. Not for several threads at once.

    Args:
        budget_bytes: what the graphs may take together.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._whole_bytes = self.budget_bytes = budget_bytes
        self._residents: OrderedDict[TenantId, _Resident] = OrderedDict()

    def __contains__(self, tenant: TenantId) -> bool:
        return tenant in self._residents

    def __iter__(self) -> Iterator[TenantId]:
        """Tenants, least recently used first."""
        return iter(tuple(self._residents))

    def __len__(self) -> int:
        return len(self._residents)

    def leave_for_parts(self, used_bytes: int) -> None:
        """Parts of graphs of this or other shards take some of the memory."""
        self.budget_bytes = max(0, self._whole_bytes - used_bytes)

    @property
    def used_bytes(self) -> int:
        """What the graphs take together."""
        return sum(resident.size_bytes for resident in self._residents.values())

    def size_bytes(self, tenant: TenantId) -> int:
        """What one tenant's graph takes; 0 where it is not here."""
        found = self._residents.get(tenant)
        return 0 if found is None else found.size_bytes

    def use(self, tenant: TenantId, now_s: float, *, size_bytes: int | None = None) -> None:
        """Note a use of a tenant, and how large it is where that is known."""
        resident = self._residents.setdefault(tenant, _Resident())
        resident.used_s, resident.is_cool = now_s, False
        if size_bytes is not None:
            resident.size_bytes = size_bytes
        self._residents.move_to_end(tenant)

    def remove(self, tenant: TenantId) -> None:
        """A tenant has left memory."""
        self._residents.pop(tenant, None)

    @contextmanager
    def pinned(self, tenant: TenantId) -> Iterator[None]:
        """Keep a tenant in memory while something is written to it."""
        self.pin(tenant)
        try:
            yield
        finally:
            self.unpin(tenant)

    def pin(self, tenant: TenantId) -> None:
        """A write begins."""
        self._residents.setdefault(tenant, _Resident()).pins += 1

    def unpin(self, tenant: TenantId) -> None:
        """A write has ended."""
        resident = self._residents.get(tenant)
        if resident is not None and resident.pins:
            resident.pins -= 1

    def is_pinned(self, tenant: TenantId) -> bool:
        """Whether a write to it is in flight."""
        resident = self._residents.get(tenant)
        return resident is not None and resident.pins > 0

    def excess(self, coming_bytes: int = 0, *, keeping: TenantId | None = None) -> tuple[TenantId, ...]:
        """Whom to evict so that the budget holds when so much more comes.

        A tenant that is larger than the budget is kept alone: there is nothing that its shard could do instead.

        Args:
            keeping: the tenant that is asked about, which makes no room for itself.

        Raises:
            UnavailableError: even without all that may go, the budget would not hold, because of writes in flight.
        """
        over = self.used_bytes + coming_bytes - self.budget_bytes
        going: list[TenantId] = []
        for tenant, resident in self._residents.items():
            if over <= 0:
                break
            if resident.pins == 0 and tenant != keeping and resident.size_bytes:
                going.append(tenant)
                over -= resident.size_bytes
        if over > 0 and self._is_held_by_others(keeping):
            raise UnavailableError(
                "the shard has no memory for this tenant now",
                tenant=keeping,
                budget_bytes=self.budget_bytes,
                missing_bytes=over,
                retry_after_s=RETRY_S,
                todo="Repeat the request; if it stays so, raise shard_memory_mib or the number of shards",
            )
        return tuple(going)

    def quiet(self, now_s: float, idle_s: float) -> tuple[TenantId, ...]:
        """Tenants that nobody has used for so long and that are not cooled yet."""
        return tuple(
            tenant
            for tenant, resident in self._residents.items()
            if not resident.is_cool and resident.pins == 0 and now_s - resident.used_s >= idle_s
        )

    def cool(self, tenant: TenantId) -> None:
        """Its store is closed; its graph stays."""
        self._residents[tenant].is_cool = True

    def _is_held_by_others(self, keeping: TenantId | None) -> bool:
        return any(
            resident.pins and resident.size_bytes for tenant, resident in self._residents.items() if tenant != keeping
        )
