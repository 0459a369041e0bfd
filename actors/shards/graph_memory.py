"""One tenant's graph in memory: read from its store, changed with it, and saved beside it.

The graph is let go of where a change of it fails half-way: it is then neither what it was nor what it was to become.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from actors.parted_graph import PartedGraph
from actors.parting import InParts, Parting, in_parts
from actors.shards.access import Access
from actors.shards.ahead import Latest, Seen
from actors.shards.catching_up import Costs
from actors.shards.stored_edges import StoredEdges
from domain.change import ChangeEvent
from domain.errors import InputError
from graph.hydrate import Hydrated, Hydration, follow, hydrate, keep
from graph.live import Delta, Documents, LiveGraph
from graph.stores.contract import Applied
from graph.stores.instants import instant_from_us
from graph.view import GraphView

SAVED_MIN: Final = 2_000
"""Resources from which on a graph is saved: a smaller one is worked out as fast."""
RESOURCE_BYTES: Final = 500
"""What a resource is expected to take before its graph is read: for making room, corrected by the real size."""
_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


class GraphMemory:
    """To be used under the graph's lock, and under the store's where it is used; `shown` and sizes by anybody.

    Args:
        documents: where the graph finds documents of resources, as they are shown.
        folder: where the graph is saved; None where it is not.
        hydrating: holds a place, and makes room for so many bytes, while the graph is read.
        shows_ahead: changes may be shown before the store has them.
        renewing: where the graph's base is renewed beside the changes that go on; None renews it between two changes.
        parting: has a large graph held in parts; None has every graph held whole.
    """

    def __init__(
        self,
        access: Access,
        documents: Documents,
        *,
        folder: Path | None = None,
        hydrating: Callable[[int], AbstractContextManager[None]] = lambda _: nullcontext(),
        shows_ahead: bool = False,
        renewing: Executor | None = None,
        parting: Parting | None = None,
    ) -> None:
        self._access, self._documents = access, documents
        self._folder, self._hydrating, self._renewing = folder, hydrating, renewing
        self._shows_ahead, self._parting = shows_ahead, parting
        self._live: LiveGraph | PartedGraph | None = None
        self._latest: Latest | None = None
        self._saved = 0
        self.edges = StoredEdges(access)
        self.shown: GraphView | None = None
        self.how: Hydration | None = None
        self.costs = Costs()
        self.resources = 0

    @property
    def is_there(self) -> bool:
        """Whether the graph is in memory."""
        return self._live is not None

    @property
    def size_bytes(self) -> int:
        """What the graph takes; 0 where it is not there."""
        live = self._live
        return 0 if live is None else live.size_bytes

    @property
    def is_other(self) -> bool:
        """Whether the graph is here and somebody else wrote to the store meanwhile."""
        return self._live is not None and self.edges.are_of_other

    @property
    def is_misplaced(self) -> bool:
        """Whether the graph is here and to be read again: in parts, or in parts on other shards."""
        live, parting = self._live, self._parting
        return live is not None and parting is not None and parting.is_misplaced(live)

    def show(self) -> None:
        """Have what is shown follow the graph, where it is here."""
        if self._live is not None:
            self.shown = None if isinstance(self._live, PartedGraph) else self._live.view()
            self.resources = self._live.resources

    def view(self) -> GraphView:
        """The graph as it is; read from the store where it is not in memory.

        Raises:
            ConflictError: it is held in parts.
        """
        live = self._live if self._live is not None else self._hydrated()
        if isinstance(live, PartedGraph):
            raise in_parts(self._access.tenant)
        self.shown = live.view()
        return self.shown

    def in_parts(self) -> PartedGraph | None:
        """The graph where it is held in parts; read from the store where it is not in memory."""
        live = self._live if self._live is not None else self._hydrated()
        return live if isinstance(live, PartedGraph) else None

    def ahead(self, events: Sequence[ChangeEvent]) -> tuple[Seen, ...] | None:
        """What events change, where that can be shown before the store has them; None where it is to be asked first."""
        live, latest = self._live, self._latest
        if not self._shows_ahead or latest is None or not isinstance(live, LiveGraph) or not live.is_learned:
            return None
        return latest.decided(events, self._access.clock.now())

    def show_ahead(self, seen: Sequence[Seen]) -> Delta:
        """Take changes that the store does not have yet into the graph; what that does to its edges."""
        assert self._live is not None, "what is shown ahead is shown in a graph"
        begun_s = self._access.now_s()
        delta = self._live.apply(seen) if seen else Delta(0)
        self._took(len(seen), begun_s)
        return delta

    def show_ahead_no_more(self) -> None:
        """The store decided otherwise than was shown: from now on it is asked first."""
        self._shows_ahead = False

    def told(self, events: Sequence[ChangeEvent]) -> None:
        """The store was asked about events and has decided."""
        if self._latest is not None:
            self._latest.told(events)

    def stored(self) -> None:
        """The store has what is shown up to the version that was written last."""
        if self._live is not None:
            self._live.store_version = max(self._live.store_version, self.edges.version)

    def follow(self, events: Sequence[ChangeEvent], *, stream: str, position: str) -> Applied:
        """Take events into the store, and into the graph where there is one, in one write.

        Raises:
            InputError: the store refuses them; nothing has changed.
        """
        live, store, now = self._live, self._access.store(), self._access.clock.now()
        if live is None:
            return store.apply(events, stream=stream, position=position, now=now)
        begun_s = self._access.now_s()
        with self._whole() as undo:
            try:
                applied = follow(store, live, events, stream=stream, position=position, now=now)
            except InputError:  # refused before the graph was told
                undo.pop_all()
                raise
        self._took(len(applied.changes), begun_s)
        self.show()
        self.edges.wrote(applied.version)
        self.let_go_if_misplaced()
        return applied

    def applied(self, applied: Applied) -> None:
        """Follow what a write of another kind, such as an inventory, did to the store."""
        live = self._live
        if live is None:
            return
        begun_s = self._access.now_s()
        with self._whole():
            self.edges.write(live.apply(applied.changes, store_version=applied.version))
        self._took(len(applied.changes), begun_s)
        live.mark_unproven(self._access.store().unproven())
        self._latest = Latest(self._access.tenant, self._horizon())
        self.show()
        self.let_go_if_misplaced()

    def keep(self) -> None:
        """Save the graph beside the store where it has changed, so that it comes back without being worked out."""
        live = self._live
        if live is not None:
            self.edges.say_now()
        if isinstance(live, PartedGraph):
            live.gathering.forget()
        elif live is not None and live.is_learned and self.resources >= SAVED_MIN and self._saved != self.edges.version:
            keep(self._access.store(), live, self._folder)
            self._saved = self.edges.version = self._access.store().version()
            self.shown = live.view()
        self.let_go_if_misplaced()

    def forget(self) -> None:
        """Let go of the graph; the next question reads it again."""
        if isinstance(self._live, PartedGraph):
            self._live.close()
        self._live = self.shown = self._latest = None

    def let_go_if_misplaced(self) -> None:
        """Have a graph read again where it is not held as is right now; where the store has all that is shown."""
        if self.is_misplaced:
            self.forget()

    @contextmanager
    def _whole(self) -> Iterator[ExitStack]:
        """A change of graph and store that is done whole, or the graph is let go of."""
        with ExitStack() as undo:
            undo.callback(self.forget)
            yield undo
            undo.pop_all()

    def _took(self, changes: int, begun_s: float) -> None:
        self.costs = self.costs.with_changes(changes, self._access.now_s() - begun_s)

    def _horizon(self) -> datetime:
        """No state that the store holds is later."""
        now = self._access.clock.now()
        later = self._access.store().changes(now, _EVER).at_us
        return now if not len(later) else instant_from_us(int(later[-1]))

    def _hydrated(self) -> LiveGraph | PartedGraph:
        """Read the graph from the store, and mend the store's edges where a process ended before it wrote them."""
        store, begun_s = self._access.store(), self._access.now_s()
        with self._hydrating(self._coming_bytes), self._whole() as undo:
            found = self._read()
            if isinstance(found, InParts):
                undo.callback(found.live.close)
            self.edges.version = self._saved = store.version()
            if isinstance(found, InParts) or found.how is not Hydration.READ_OUT:
                is_all_read = isinstance(found, InParts) or found.how is Hydration.DOCUMENTS
                gone = self.edges.gone_since_said() if is_all_read else frozenset()
                self.edges.write(found.delta, gone=gone)
            self._latest = Latest(self._access.tenant, self._horizon()) if self._shows_ahead else None
        live = self._live = found.live
        if isinstance(live, LiveGraph):
            live.executor = self._renewing
        self.how = None if isinstance(found, InParts) else found.how
        self.resources = live.resources
        self.costs = self.costs.with_hydration(self.resources, self._access.now_s() - begun_s)
        return live

    @property
    def _coming_bytes(self) -> int:
        """What the graph is expected to take here."""
        is_parted = self._parting is not None and self._parting.has_plan
        return RESOURCE_BYTES if is_parted else RESOURCE_BYTES * max(self.resources, 1)

    def _read(self) -> Hydrated | InParts:
        now = self._access.clock.now()
        if self._parting is None:
            return hydrate(self._access.store(), self._folder, as_of=now, documents=self._documents)
        return self._parting.read(self._access.store, self._folder, as_of=now, documents=self._documents)
