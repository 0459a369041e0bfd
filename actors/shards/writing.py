"""The shard's second thread: it has the stores follow what is shown ahead of them.

It waits a moment before it writes, so that what comes meanwhile is written together; while it writes, the first thread
goes on showing changes.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Final

from actors.shards.due import DueTenants
from actors.shards.looping import Looping
from domain.tenancy import TenantId

GATHER_S: Final = 0.1
WAIT_S: Final = 0.5


class Writing:
    """One shard's thread.

    Args:
        write: writes a part of what a tenant shows; whether there is more.
        is_mine: whether a tenant is still this shard's.
    """

    def __init__(
        self,
        write: Callable[[TenantId], bool],
        is_mine: Callable[[TenantId], bool],
        *,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self._write = write
        self._due = DueTenants(is_mine, now_s)
        self._told = Event()
        self._thread = Looping("writing", self._turn)

    def begin(self) -> None:
        """Start working."""
        self._thread.begin()

    @property
    def has_failed(self) -> bool:
        """Whether its thread ended by a fault."""
        return self._thread.has_failed

    def stop(self) -> None:
        """End after what is being done."""
        self._thread.stop(self._told.set)

    def tell(self, tenant: TenantId) -> None:
        """A tenant shows something that its store does not have."""
        self._due.add(tenant)
        self._told.set()

    def tick(self) -> None:
        """Write once for each tenant that has something to write."""
        for tenant in self._due.now():
            self._due.look(tenant, self._write)

    def _turn(self) -> None:
        self._told.wait(WAIT_S)
        self._told.clear()
        self._thread.pause(GATHER_S)
        self.tick()
