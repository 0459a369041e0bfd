"""An actor of a Ray cluster as a handle, and Ray's object store as a shelf.

Apart from `placement`, which imports every actor class: a process that holds a handle needs the classes it calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

import ray
from ray.exceptions import GetTimeoutError, ObjectLostError, RayActorError, RayTaskError

from actors.handles import DEADLINE_S
from domain.errors import PolicyCortexError, UnavailableError

A = TypeVar("A")
R = TypeVar("R")
P = ParamSpec("P")


class RayHandle(Generic[A]):
    """An actor of a cluster.

    Args:
        group_of: the concurrency group of a method, by name; what is in none runs one call at a time.
    """

    def __init__(self, actor: Any, group_of: Mapping[str, str], *, deadline_s: float = DEADLINE_S) -> None:
        self._actor = actor
        self._group_of = group_of
        self._deadline_s = deadline_s

    def call(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a method of the actor and wait for its result.

        Raises:
            UnavailableError: no answer within the deadline, or the actor's process is gone.
        """
        name = method.__name__
        with self._translated(name):
            return cast("R", ray.get(self._submit(name, *args, **kwargs), timeout=self._deadline_s))

    async def ask(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `call`, for an event loop.

        Raises:
            UnavailableError: no answer within the deadline, or the actor's process is gone.
        """
        name = method.__name__
        with self._translated(name):
            async with asyncio.timeout(self._deadline_s):
                return cast("R", await self._submit(name, *args, **kwargs))

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        """Let Ray's errors leave as ours, and an actor's own error as itself."""
        try:
            yield
        except (GetTimeoutError, TimeoutError):
            raise UnavailableError(
                "an actor did not answer in time", call=name, deadline_s=self._deadline_s, todo="Repeat the request"
            ) from None
        except RayTaskError as error:
            if isinstance(error.cause, PolicyCortexError):
                raise error.cause from None
            raise
        except RayActorError:
            raise UnavailableError(
                "an actor's process ended", call=name, is_interrupted=True, retry_after_s=2, todo="Repeat the request"
            ) from None

    def refer(self, method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `call`, but the result stays in the object store; another actor's call gets it without a copy here."""
        return cast("R", self._submit(method.__name__, *args, **kwargs))

    def within(self, deadline_s: float) -> RayHandle[A]:
        """The same actor with another deadline."""
        return RayHandle(self._actor, self._group_of, deadline_s=deadline_s)

    def _submit(self, name: str, *args: object, **kwargs: object) -> Any:
        method = getattr(self._actor, name)
        group = self._group_of.get(name)
        call = method.options(concurrency_group=group) if group else method
        return call.remote(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class StoredObject(Generic[R]):
    """Something in the object store, read there without a copy."""

    reference: Any

    def get(self) -> R:
        """The thing itself, not to be changed.

        Raises:
            UnavailableError: it is gone with the process that had put it there.
        """
        try:
            return cast("R", ray.get(self.reference, timeout=DEADLINE_S))
        except (ObjectLostError, GetTimeoutError):
            raise UnavailableError(
                "a graph is no longer in the object store",
                is_interrupted=True,
                retry_after_s=1,
                todo="Repeat the request: the shard puts it there again",
            ) from None


class ObjectStoreShelf:
    """Ray's object store as the shelf of graphs."""

    def put(self, value: R) -> StoredObject[R]:
        """Put something there; it stays while the answer is held by somebody."""
        return StoredObject(ray.put(value))
