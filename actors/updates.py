"""How what is shown of a tenant changes: from its stream, from an inventory, and where its store decides otherwise.

Drift hears of every change as soon as it is shown. A change stands, whatever becomes of the comparison: that is done
again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Final

import structlog

from actors.drift_desk import DriftDesk
from actors.drift_desk import Row as DriftRow
from actors.shards.taken import Followed, Moved
from actors.tenant_graph import TenantGraph
from actors.tenant_store import TenantStore
from domain.change import ChangeEvent
from domain.clock import Clock
from domain.errors import PolicyCortexError, UnavailableError
from graph.stores.contract import Applied

LOOKS_MAX: Final = 1_000


class Updates:
    """Safe for several threads."""

    def __init__(self, graph: TenantGraph, drift: DriftDesk, store: TenantStore, clock: Clock) -> None:
        self._graph, self._drift, self._store, self._clock = graph, drift, store, clock

    def follow(self) -> Followed:
        """Take what waits in the stream of changes, as far as one look goes, and hear of it."""
        with self._graph.lock:
            try:
                return self._graph.follow()
            finally:
                self._hear()

    def catch_up(self) -> int:
        """Take everything that waits, within bounds, into graph and store; how many resources it changed."""
        count = 0
        for _ in range(LOOKS_MAX):
            followed = self.follow()
            count += len(followed.changes)
            if not followed.is_behind:
                break
        return count + len(self.settle().changes)

    def settle(self) -> Followed:
        """Have the store hold what is shown, for a question that is asked of the store."""
        if not self._graph.unwritten:
            return Followed()
        followed = self._graph.write_all()
        self._check_refuted()
        return followed

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Keeps graph and store as they are, the store holding what the graph shows."""
        with self._graph.lock, self._store.lock:
            self.settle()
            yield

    def write_shown(self) -> Followed:
        """Have the store follow what is shown, a part of it."""
        followed = self._graph.write_shown()
        self._check_refuted()
        return followed

    def applied(self, applied: Applied, *, is_complete: bool) -> None:
        """Show what an inventory did to the store, while `settled`; `compared` is to follow."""
        self._graph.applied(applied)
        if is_complete:
            self._graph.place.found_again()

    def compared(
        self, changes: Sequence[Moved], at: datetime, told: Sequence[ChangeEvent] = ()
    ) -> tuple[DriftRow, ...]:
        """Compare what changed with its baselines, under the store's lock; the drift that it showed."""
        try:
            return self._drift.observe(changes, at, events=told)
        except PolicyCortexError as error:
            self._not_looked_for(error)
            return ()

    @contextmanager
    def at_desk(self) -> Iterator[DriftDesk]:
        """The tenant's drift, with its store holding what is shown.

        A process that has just begun first takes what waits: else it would compare with what was before the one that
        ended, and tell that drift has gone.
        """
        if self._drift.is_cold:
            with suppress(UnavailableError):
                self.catch_up()
        self.settle()
        with self._store.lock:
            yield self._drift

    def _hear(self) -> None:
        """What has changed concerns drift; the store is waited for only where everything has to be compared."""
        news, view, now = self._graph.heard(), self._graph.shown, self._clock.now()
        if not news.moved:
            return
        unproven = None if view is None else view.overlay.unproven
        try:
            if self._drift.heard(news.moved, now, events=news.told, unproven=unproven) is not None:
                return
        except PolicyCortexError as error:
            self._not_looked_for(error)
        with self._store.lock:
            self.compared(news.moved, now, news.told)

    def _check_refuted(self) -> None:
        """Where the store came to another state than was shown, drift was looked for in the wrong one."""
        if self._graph.was_refuted():
            with self._store.lock:
                try:
                    self._drift.check(self._clock.now())
                except PolicyCortexError as error:
                    self._not_looked_for(error)

    def _not_looked_for(self, error: PolicyCortexError) -> None:
        structlog.get_logger().warning("drift was not looked for", tenant=self._graph.tenant, reason=str(error)[:300])
