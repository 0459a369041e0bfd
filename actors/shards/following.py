"""The shard's own work between requests: it reads the roster, and takes changes as they are published.

The stream says whose changes have come; that is a hint which may be late or lost, so every tenant that has any waiting
is looked at from time to time as well. A tenant that cannot be brought up to date now is tried again, later each time,
and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final, Protocol

from actors.shards.due import RETRY_MIN_S, DueTenants
from actors.shards.looping import Looping
from connectors.stream.contract import ChangeStream
from domain.errors import PolicyCortexError
from domain.tenancy import TenantId

WAIT_S: Final = 0.5
"""How long to wait for changes before the roster is looked at again."""
SWEEP_S: Final = 60.0


class Shard(Protocol):
    """What a shard does when it is told to."""

    def keep_house(self) -> None:
        """Hand over what has moved, cool what is quiet."""

    def take_changes(self, tenant: TenantId) -> bool:
        """Take what waits for a tenant, as far as one look goes; whether more waits."""

    def owned(self, tenants: Iterable[TenantId]) -> tuple[TenantId, ...]:
        """Those of some tenants that are this shard's."""


class Following:
    """One shard's thread.

    Args:
        tenants: every tenant that there is.
    """

    def __init__(
        self,
        shard: Shard,
        stream: ChangeStream | None,
        tenants: Callable[[], Iterable[TenantId]],
        *,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self._shard = shard
        self._stream = stream
        self._tenants = tenants
        self._now_s = now_s
        self._mark = ""
        self._due = DueTenants(lambda tenant: bool(shard.owned([tenant])), now_s)
        self._housed_s = float("-inf")
        self._swept_s = float("-inf")
        self._thread = Looping("following", lambda: self.tick(wait_s=WAIT_S))

    @property
    def problem(self) -> str:
        """What went wrong last; empty where all is well."""
        return self._due.problem

    def begin(self) -> None:
        """Start working."""
        self._thread.begin()

    @property
    def has_failed(self) -> bool:
        """Whether its thread ended by a fault."""
        return self._thread.has_failed

    def stop(self) -> None:
        """End after what is being done."""
        self._thread.stop()

    def tick(self, *, wait_s: float = 0.0) -> None:
        """Do once what there is to do."""
        if self._now_s() - self._housed_s >= WAIT_S:
            self._keep_house()
        if self._stream is None:
            self._thread.pause(wait_s)
            return
        for tenant in self._told_of(self._stream, 0.0 if self._due.now() else wait_s):
            self._due.add(tenant)
        for tenant in self._due.now():
            self._due.look(tenant, self._shard.take_changes)

    def _told_of(self, stream: ChangeStream, wait_s: float) -> tuple[TenantId, ...]:
        """Tenants of this shard whose streams have grown, and now and then all that have something waiting."""
        try:
            changed = stream.changed(self._mark, block_s=wait_s)
            is_sweep = changed.tenants is None or self._now_s() - self._swept_s >= SWEEP_S
            named: Iterable[TenantId] = self._with_waiting(stream) if is_sweep else changed.tenants or ()
            found = self._shard.owned(tuple(named))
        except PolicyCortexError as error:
            self._due.fail(error)
            self._thread.pause(RETRY_MIN_S)
            return ()
        self._mark = changed.mark
        if is_sweep:
            self._swept_s = self._now_s()
        return found

    def _with_waiting(self, stream: ChangeStream) -> list[TenantId]:
        return [tenant for tenant in self._shard.owned(tuple(self._tenants())) if stream.extent(tenant).length]

    def _keep_house(self) -> None:
        self._housed_s = self._now_s()
        try:
            self._shard.keep_house()
            self._due.problem = ""
        except PolicyCortexError as error:
            self._due.fail(error)
