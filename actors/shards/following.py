"""The shard's own work between requests: it reads the roster, and takes changes as they are published.

The stream says whose changes have come; that is a hint which may be late or lost, so every tenant that has any waiting
is looked at from time to time as well. A tenant that cannot be brought up to date now is tried again, later each time,
and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic
from typing import Final, Protocol

import structlog

from connectors.stream.contract import ChangeStream
from domain.errors import PolicyCortexError, UnavailableError
from domain.tenancy import TenantId

WAIT_S: Final = 0.5
"""How long to wait for changes before the roster is looked at again."""
SWEEP_S: Final = 60.0
RETRY_MIN_S: Final = 0.5
RETRY_MAX_S: Final = 30.0


class Shard(Protocol):
    """What a shard does when it is told to."""

    def keep_house(self) -> None:
        """Hand over what has moved, cool what is quiet."""

    def take_changes(self, tenant: TenantId) -> bool:
        """Take what waits for a tenant, as far as one look goes; whether more waits."""

    def owned(self, tenants: Iterable[TenantId]) -> tuple[TenantId, ...]:
        """Those of some tenants that are this shard's."""


@dataclass(frozen=True, slots=True)
class _Retry:
    at_s: float
    pause_s: float


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
        self._due: dict[TenantId, _Retry | None] = {}
        self._swept_s = float("-inf")
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="following", daemon=True)
        self.problem = ""

    def begin(self) -> None:
        """Start working."""
        self._thread.start()

    @property
    def has_failed(self) -> bool:
        """Whether its thread ended by a fault."""
        return bool(self._thread.ident) and not self._thread.is_alive() and not self._stopping.is_set()

    def stop(self) -> None:
        """End after what is being done."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def tick(self, *, wait_s: float = 0.0) -> None:
        """Do once what there is to do."""
        self._told(self._shard.keep_house)
        if self._stream is None:
            self._stopping.wait(wait_s)
            return
        for tenant in self._told_of(self._stream, 0.0 if self._is_due() else wait_s):
            self._due.setdefault(tenant, None)
        for tenant in [tenant for tenant, retry in self._due.items() if retry is None or retry.at_s <= self._now_s()]:
            self._take(tenant)

    def _told_of(self, stream: ChangeStream, wait_s: float) -> tuple[TenantId, ...]:
        """Tenants of this shard whose streams have grown, and now and then all that have something waiting."""
        try:
            changed = stream.changed(self._mark, block_s=wait_s)
            is_sweep = changed.tenants is None or self._now_s() - self._swept_s >= SWEEP_S
            named: Iterable[TenantId] = self._with_waiting(stream) if is_sweep else changed.tenants or ()
            found = self._shard.owned(tuple(named))
        except PolicyCortexError as error:
            self._fail(error)
            self._stopping.wait(RETRY_MIN_S)
            return ()
        self._mark = changed.mark
        if is_sweep:
            self._swept_s = self._now_s()
        return found

    def _with_waiting(self, stream: ChangeStream) -> list[TenantId]:
        return [tenant for tenant in self._shard.owned(tuple(self._tenants())) if stream.extent(tenant).length]

    def _is_due(self) -> bool:
        return any(retry is None or retry.at_s <= self._now_s() for retry in self._due.values())

    def _take(self, tenant: TenantId) -> None:
        before = self._due.pop(tenant)
        try:
            if self._shard.take_changes(tenant):
                self._due[tenant] = None
        except UnavailableError as error:
            if not error.facts.get("is_moving") or self._shard.owned([tenant]):
                pause_s = RETRY_MIN_S if before is None else min(2 * before.pause_s, RETRY_MAX_S)
                self._due[tenant] = _Retry(self._now_s() + pause_s, pause_s)
                self._fail(error)
        except PolicyCortexError as error:
            pause_s = RETRY_MAX_S
            self._due[tenant] = _Retry(self._now_s() + pause_s, pause_s)
            self._fail(error)

    def _told(self, work: Callable[[], None]) -> None:
        try:
            work()
            self.problem = ""
        except PolicyCortexError as error:
            self._fail(error)

    def _fail(self, error: PolicyCortexError) -> None:
        self.problem = str(error)[:300]
        structlog.get_logger().warning("a shard's own work failed", reason=self.problem)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.tick(wait_s=WAIT_S)
