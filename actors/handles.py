"""How actors are called: one typed face, in process or over Ray.

A call names the plain class's own method, so the type checker sees arguments and result:
``handle.call(TenantShard.timeline, tenant, uid)``. The Ray version is in `actors.placement`.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
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

    def within(self, deadline_s: float) -> Handle[A]:
        """The same actor with another deadline for each call."""


class LocalHandle(Generic[A]):
    """An actor in this process, one call at a time, as Ray would run them."""

    def __init__(self, actor: A, *, lock: RLock | None = None) -> None:
        self._actor = actor
        self._lock = lock or RLock()

    def call(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:
            return method(self._actor, *args, **kwargs)

    def within(self, deadline_s: float) -> LocalHandle[A]:
        del deadline_s
        return self
