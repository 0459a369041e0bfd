"""Finds the shard that owns a tenant, by the roster of the moment, and asks again while a tenant moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import sleep
from typing import Concatenate, Final, Generic, ParamSpec, TypeVar

from actors.handles import Handle
from actors.shards.roster import Roster
from actors.shards.roster_file import RosterInMemory, RosterPlace
from domain.errors import UnavailableError
from domain.tenancy import TenantId

A = TypeVar("A")
R = TypeVar("R")
P = ParamSpec("P")

PAUSES_S: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0)
"""Between attempts to reach a tenant that moves; together, longer than a hand-over takes."""


class ShardRouter(Generic[A]):
    """The shards of a platform, by tenant.

    Args:
        connect: a shard's handle by its name.
        pause: waits between attempts.
    """

    def __init__(
        self, place: RosterPlace, connect: Callable[[str], Handle[A]], *, pause: Callable[[float], None] = sleep
    ) -> None:
        self._place = place
        self._connect = connect
        self._handles: dict[str, Handle[A]] = {}
        self.pause = pause

    def of(self, tenant: TenantId) -> RoutedHandle[A]:
        """The shard of a tenant, whichever that is at the time of a call."""
        return RoutedHandle(self, tenant, None)

    def all(self) -> dict[str, Handle[A]]:
        """Every shard that tenants are placed on, by name.

        Raises:
            UnavailableError: there is no roster yet.
        """
        return {name: self.named(name) for name in self._roster().shards}

    def owner(self, tenant: TenantId) -> str:
        """The shard that the roster names now.

        Raises:
            UnavailableError: there is no roster yet.
        """
        return self._roster().owner(tenant)

    def forget(self, name: str) -> None:
        """Look for a shard anew at the next call: it may have ended and begun again."""
        self._handles.pop(name, None)

    def named(self, name: str) -> Handle[A]:
        """A shard by its name.

        Raises:
            UnavailableError: there is none by that name now.
        """
        if name not in self._handles:
            self._handles[name] = self._connect(name)
        return self._handles[name]

    def _roster(self) -> Roster:
        roster = self._place.current()
        if roster is None:
            raise UnavailableError(
                "the platform has no shards yet", is_moving=True, retry_after_s=1, todo="Repeat the request"
            )
        return roster


def one_shard(handle: Handle[A]) -> ShardRouter[A]:
    """A platform of one shard."""
    return ShardRouter(RosterInMemory(Roster(1, ("local",))), lambda _: handle)


class RoutedHandle(Generic[A]):
    """One tenant's shard as a handle."""

    def __init__(self, router: ShardRouter[A], tenant: TenantId, deadline_s: float | None) -> None:
        self._router = router
        self._tenant = tenant
        self._deadline_s = deadline_s

    def call(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a method of the owner and wait for its result.

        Raises:
            UnavailableError: no answer within the deadline, the owner is restarting, or the tenant moves for long.
        """
        for pause_s in PAUSES_S:
            name = self._router.owner(self._tenant)
            try:
                return self._handle(name).call(method, *args, **kwargs)
            except UnavailableError as error:
                if not self._is_elsewhere(name, error):
                    raise
            self._router.pause(pause_s)
        return self._handle(self._router.owner(self._tenant)).call(method, *args, **kwargs)

    async def ask(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `call`, for an event loop."""
        for pause_s in PAUSES_S:
            name = self._router.owner(self._tenant)
            try:
                return await self._handle(name).ask(method, *args, **kwargs)
            except UnavailableError as error:
                if not self._is_elsewhere(name, error):
                    raise
            await asyncio.sleep(pause_s)
        return await self._handle(self._router.owner(self._tenant)).ask(method, *args, **kwargs)

    def refer(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `call`, but the result may stay where it is."""
        return self._handle(self._router.owner(self._tenant)).refer(method, *args, **kwargs)

    def within(self, deadline_s: float) -> RoutedHandle[A]:
        """The same tenant's shard with another deadline."""
        return RoutedHandle(self._router, self._tenant, deadline_s)

    def _handle(self, name: str) -> Handle[A]:
        handle = self._router.named(name)
        return handle if self._deadline_s is None else handle.within(self._deadline_s)

    def _is_elsewhere(self, asked: str, error: UnavailableError) -> bool:
        """Whether the tenant is moving, or has moved while it was asked about; every call can be repeated."""
        if error.facts.get("is_interrupted"):
            self._router.forget(asked)
        return bool(error.facts.get("is_moving")) or self._router.owner(self._tenant) != asked
