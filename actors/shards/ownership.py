"""Which tenants are a shard's: those that the roster places on it, unless it is ending."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from actors.shards.leases import Lease, Tenure, Turn
from actors.shards.roster_file import RosterPlace
from domain.errors import UnavailableError
from domain.tenancy import TenantId


class Ownership:
    """One shard's.

    Args:
        place: where the roster is; None where this shard owns every tenant.
    """

    def __init__(self, name: str, place: RosterPlace | None) -> None:
        self.name = name
        self._place = place
        self.version = 0
        """The roster that tenancies were reviewed by last."""
        self.is_draining = False

    @property
    def is_shared(self) -> bool:
        """Whether there may be other shards."""
        return self._place is not None

    def owned(self, tenants: Sequence[TenantId]) -> tuple[TenantId, ...]:
        """Those of some tenants that are this shard's."""
        roster = None if self._place is None else self._place.current()
        return tuple(tenant for tenant in tenants if roster is None or roster.owner(tenant) == self.name)

    def require(self, lease: Lease) -> None:
        """Raise where a tenant is not to be opened here.

        Raises:
            UnavailableError: it is another shard's (``is_moving``), or on its way there.
        """
        if self.is_draining or not self.owned([lease.tenant]):
            raise self.moving(lease.tenant, "it is placed on another shard")
        if lease.tenure is Tenure.LEAVING:
            raise self.moving(lease.tenant, "it is being handed over")

    def review(self, now_s: float) -> Callable[[Lease], Lease]:
        """Read the roster; what becomes of a lease by it: it is renewed, or turned to go."""
        roster = None if self._place is None else self._place.current()
        self.version = 0 if roster is None else roster.version

        def reviewed(lease: Lease) -> Lease:
            lease = lease.at(now_s)
            if lease.tenure not in {Tenure.HELD, Tenure.LAPSED}:
                return lease
            is_mine = roster is None or roster.owner(lease.tenant) == self.name
            return lease.renewed(now_s) if is_mine and not self.is_draining else lease.turned(Turn.MOVED)

        return reviewed

    def moving(self, tenant: TenantId, reason: str) -> UnavailableError:
        """What a caller is told who is to ask again, and then elsewhere."""
        return UnavailableError(
            "the tenant is not on this shard now",
            tenant=tenant,
            shard=self.name,
            reason=reason,
            is_moving=True,
            retry_after_s=1,
            todo="Repeat the request",
        )
