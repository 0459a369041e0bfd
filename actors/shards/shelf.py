"""A tenant's graph for readers in other processes: the base once, by reference, and what differs from it each time.

A base is put on the shelf when somebody first asks and stays until the graph has a new one; in a cluster the shelf is
Ray's object store, from which the buffers are read without a copy. What differs travels with the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from domain.tenancy import TenantId
from graph.base import Base
from graph.view import GraphView, Overlay

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Shared(Protocol[T_co]):
    """Something on the shelf."""

    def get(self) -> T_co:
        """The thing itself, not to be changed.

        Raises:
            UnavailableError: it is gone with the process that had put it there; ask that shard's tenant again.
        """


class Shelf(Protocol):
    """Where things are put for others to read."""

    def put(self, value: T) -> Shared[T]:
        """Put something there; it stays while the answer is held by somebody."""


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """Something of this process."""

    value: T

    def get(self) -> T:
        return self.value


class LocalShelf:
    """The shelf of a platform in one process."""

    def put(self, value: T) -> Held[T]:
        return Held(value)


@dataclass(frozen=True, slots=True)
class SharedView:
    """One tenant's graph at one version, to be passed on.

    Args:
        number: of the base, in the order in which its shard put them there.
        shard: who put it there, with its epoch: equal numbers of the same are the same base.
    """

    tenant: TenantId
    version: int
    shard: str
    number: int
    base: Shared[Base]
    overlay: Overlay


class ViewPublisher:
    """Puts one tenant's bases on a shelf, each once."""

    def __init__(self, tenant: TenantId, shelf: Shelf) -> None:
        self._tenant = tenant
        self._shelf = shelf
        self._number = 0
        self._last: tuple[Base, Shared[Base]] | None = None

    def published(self, view: GraphView, shard: str) -> SharedView:
        """A view for others."""
        if self._last is None or self._last[0] is not view.whole:
            self._last = (view.whole, self._shelf.put(view.whole))
            self._number += 1
        return SharedView(self._tenant, view.version, shard, self._number, self._last[1], view.overlay)


class ViewReader:
    """Makes views of what was shared; keeps the base that it had last of each of a few tenants.

    Args:
        kept_max: tenants whose bases are kept; a base that is kept costs nothing where its shelf is shared memory.
    """

    def __init__(self, *, kept_max: int = 64) -> None:
        self._kept_max = kept_max
        self._kept: dict[TenantId, tuple[tuple[str, int], Base]] = {}

    def view(self, tenant: TenantId, ask: Callable[[], SharedView]) -> GraphView:
        """A tenant's graph.

        Args:
            ask: gets what is shared now.

        Raises:
            UnavailableError: the shard that had put it there has ended meanwhile.
        """
        shared = ask()
        assert shared.tenant == tenant, "a shard answers for the tenant that it was asked about"
        mark = (shared.shard, shared.number)
        kept = self._kept.pop(tenant, None)
        if kept is None or kept[0] != mark:
            kept = (mark, shared.base.get())
        self._kept[tenant] = kept
        while len(self._kept) > self._kept_max:
            del self._kept[next(iter(self._kept))]
        return GraphView(kept[1], shared.overlay)
