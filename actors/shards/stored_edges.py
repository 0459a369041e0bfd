"""The edges that a tenant's store keeps, in step with the graph in memory where they are worked out.

Until it is said in the store that they are up to date, a process that begins anew reads the documents again. That is
said now and then, and when the graph is put away.
"""

from __future__ import annotations

from typing import Final

from actors.shards.access import Access
from domain.resource import ResourceId
from graph.hydrate import RELATIONSHIPS
from graph.live import Delta
from graph.stores.contract import GraphStore

MARK_S: Final = 5.0
_NEVER: Final = float("-inf")


class StoredEdges:
    """To be used under the store's lock."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._marked_s = _NEVER
        self.version = 0
        """The store's version that the graph in memory belongs to."""

    @property
    def are_of_other(self) -> bool:
        """Whether somebody else wrote to the store meanwhile."""
        return self._access.store().version() != self.version

    def wrote(self, version: int) -> None:
        """The store has taken changes together with their edges."""
        self.version = version
        self._mark(self._access.store())

    def write(self, delta: Delta, *, gone: frozenset[ResourceId] = frozenset()) -> None:
        """Have the store's edges follow; then, and only then, it is said that they do.

        Args:
            gone: sources that have left, of which the store may still have edges.
        """
        store, sources = self._access.store(), delta.sources | gone
        if sources:
            store.put_relationships_of(sources, delta.relationships)
        self.wrote(store.version())

    def say_now(self) -> None:
        """Say that the edges are up to date, where that was said before."""
        if self._marked_s != _NEVER:
            self._marked_s = _NEVER
            self._mark(self._access.store())

    def gone_since_said(self) -> frozenset[ResourceId]:
        """Resources that went since the edges were written last: theirs are still there."""
        store = self._access.store()
        mark = store.position(RELATIONSHIPS)
        changed = store.changed_after(int(mark)) if mark else None
        return frozenset() if changed is None else frozenset(changed.gone)

    def _mark(self, store: GraphStore) -> None:
        if self._access.now_s() - self._marked_s >= MARK_S:
            store.apply((), stream=RELATIONSHIPS, position=str(self.version))
            self._marked_s = self._access.now_s()
