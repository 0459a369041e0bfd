"""How actors are called: one typed face, in process or over Ray.

A call names the plain class's own method, so the type checker sees arguments and result:
``handle.call(TenantShard.timeline, tenant, uid)``. The Ray version is in `actors.placement`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Concatenate, Generic, ParamSpec, Protocol, TypeVar

A = TypeVar("A")
R = TypeVar("R")
P = ParamSpec("P")

DEADLINE_S = 60.0


class Handle(Protocol[A]):
    """An actor that can be called. Every method can be repeated safely: a lost answer is not a lost call."""

    def call(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a method of the actor and wait for its result.

        Raises:
            UnavailableError: no answer within the deadline, or the actor is restarting.
        """

    async def ask(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `call`, for an event loop: nothing is blocked while the actor works."""

    def refer(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `call`, but the result may stay where it is: only to be passed on as an argument to another actor."""

    def within(self, deadline_s: float) -> Handle[A]:
        """The same actor with another deadline for each call."""


class LocalHandle(Generic[A]):
    """An actor in this process. Actors hold their own locks, since Ray runs their reads beside a write as well."""

    def __init__(self, actor: A) -> None:
        self._actor = actor

    def call(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return method(self._actor, *args, **kwargs)

    async def ask(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(method, self._actor, *args, **kwargs)

    def refer(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return self.call(method, *args, **kwargs)

    def within(self, deadline_s: float) -> LocalHandle[A]:
        del deadline_s
        return self
