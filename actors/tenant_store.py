"""One tenant's store as a shard holds it: opened at first use, claimed each time, and closed while nobody asks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from threading import RLock

from graph.stores.contract import GraphStore


class TenantStore:
    """Safe for several threads, each of which holds `lock` while it uses the store.

    Args:
        opening: opens it.
        holder: who claims it.
        reopened: called under the lock each time it was opened.
    """

    def __init__(self, opening: Callable[[], GraphStore], holder: str, reopened: Callable[[], None]) -> None:
        self._opening, self.holder, self._reopened = opening, holder, reopened
        self._opened: GraphStore | None = None
        self.lock = RLock()
        self.epoch = 0

    @property
    def is_open(self) -> bool:
        """Whether it is open now."""
        return self._opened is not None

    def open(self) -> GraphStore:
        """The store, opened where it is not open.

        Raises:
            ConflictError: another process has it open.
            UnavailableError: it does not answer.
        """
        with self.lock:
            if self._opened is None:
                store = self._opening()
                with ExitStack() as undo:
                    undo.callback(store.close)
                    self.epoch = store.claim(self.holder)
                    undo.pop_all()
                self._opened = store
                self._reopened()
            return self._opened

    def close(self) -> None:
        """Close it; the next use opens and claims it again."""
        store, self._opened = self._opened, None
        if store is not None:
            store.close()
