"""One tenant's graph in memory, in step with its store and its stream of changes.

What is acknowledged is in the stream. From there changes are taken in (`actors.shards.intake`) to the graph in memory
(`actors.shards.graph_memory`) and to the store (`actors.shards.write_behind`), so that a process that ends anywhere
loses nothing and does nothing twice (`actors.shards.stream_place`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import RLock
from time import monotonic

from actors.parted_graph import PartedGraph
from actors.parting import Parting
from actors.shards.access import Access
from actors.shards.ahead import Ahead
from actors.shards.graph_memory import GraphMemory
from actors.shards.intake import Intake
from actors.shards.shown_documents import ShownDocuments
from actors.shards.stream_place import StreamPlace
from actors.shards.taken import Followed, News, Taken
from actors.shards.write_behind import WriteBehind
from connectors.stream.contract import ChangeStream
from domain.clock import Clock
from domain.tenancy import TenantId
from graph.stores.contract import Applied, GraphStore
from graph.view import GraphView


class TenantGraph:
    """Safe for several threads.

    Args:
        store, at_store: as `Access` has them.
        stream: where changes come from; None where there are none.
        folder, hydrating, renewing, parting: as `GraphMemory` has them.
        shows_ahead: changes are shown before the store has them; somebody calls `write_shown` again and again.
    """

    def __init__(
        self,
        tenant: TenantId,
        store: Callable[[], GraphStore],
        *,
        stream: ChangeStream | None,
        clock: Clock,
        folder: Path | None = None,
        hydrating: Callable[[int], AbstractContextManager[None]] = lambda _: nullcontext(),
        now_s: Callable[[], float] = monotonic,
        at_store: AbstractContextManager[object] | None = None,
        shows_ahead: bool = False,
        renewing: Executor | None = None,
        parting: Parting | None = None,
    ) -> None:
        self.tenant = tenant
        self._access, ahead = Access(tenant, store, clock, now_s, at_store or RLock()), Ahead()
        self.lock = self._access.lock
        self.documents = ShownDocuments(self._access, ahead)
        self.memory = GraphMemory(
            self._access,
            self.documents.some,
            folder=folder,
            hydrating=hydrating,
            shows_ahead=shows_ahead,
            renewing=renewing,
            parting=parting,
        )
        self.place = StreamPlace(self._access, stream)
        self._behind = WriteBehind(self._access, ahead, self.memory, self.place)
        self._intake = Intake(self._access, self.memory, self.place, self._behind)

    @property
    def size_bytes(self) -> int:
        """What the graph takes in memory; 0 where it is not there."""
        return self.memory.size_bytes + self._behind.size_bytes

    @property
    def shown(self) -> GraphView | None:
        """The graph as it was after the last change, without waiting; None before it is read."""
        return self.memory.shown

    @property
    def unwritten(self) -> int:
        """Changes that are shown and that the store does not have yet."""
        return len(self._behind)

    def view(self) -> GraphView:
        """The graph as it is; read from the store where it is not in memory.

        Raises:
            UnavailableError: the store does not answer, or there is no memory for it now.
        """
        with self._both():
            return self.memory.view()

    @contextmanager
    def in_parts(self) -> Iterator[PartedGraph | None]:
        """The graph where it is held in parts, kept as it is meanwhile; read where it is not in memory.

        Raises:
            UnavailableError: the store does not answer, or there is no memory for it now.
        """
        if self.shown is not None:
            yield None
            return
        with self._both():
            yield self.memory.in_parts()

    def heard(self) -> News:
        """What has changed in what is shown since this was asked last; to be asked under the graph's lock."""
        return self._intake.heard()

    def was_refuted(self) -> bool:
        """Whether, since this was asked last, the store came to another state than was shown."""
        return self._behind.was_refuted()

    def follow(self) -> Followed:
        """Take what waits in the stream, as far as one look goes.

        Raises:
            ConflictError: another shard has claimed the store.
            UnavailableError: the store or the stream does not answer; nothing is lost, ask again.
        """
        if not self.place.has_stream:
            return Followed()
        with self.lock:
            self._behind.look_again()
            return self._intake.take()

    def write_shown(self) -> Followed:
        """Write some of what was shown into the store; meanwhile more may be shown.

        Raises:
            ConflictError: another shard has claimed the store.
            UnavailableError: the store does not answer; ask again.
        """
        return self._behind.write_some()

    def write_all(self) -> Followed:
        """Write everything that was shown into the store."""
        taken = Taken()
        with self._both():
            self._behind.write_all(taken)
        return taken.followed(0, is_behind=False)

    def applied(self, applied: Applied) -> None:
        """Follow what a write of another kind, such as an inventory, did to the store.

        To be called under both locks, as that write was, and after `write_all`.
        """
        self.memory.applied(applied)

    def keep(self) -> None:
        """Save the graph beside the store where it has changed, so that it comes back without being worked out.

        Raises:
            ConflictError: another shard has claimed the store.
            UnavailableError: it cannot be written.
        """
        with self._both():
            self._behind.write_all(Taken())
            self.memory.keep()

    def forget(self) -> None:
        """Let go of the graph in memory; the next question reads it again, and the stream from where the store is."""
        self._behind.forget()

    def check(self) -> None:
        """The store was opened again: the graph is let go of where somebody else wrote meanwhile.

        Done at the next use of the graph, for this is called by who holds the store alone.
        """
        self._behind.reopened()

    @contextmanager
    def _both(self) -> Iterator[None]:
        """The right to use the graph and the store."""
        with self.lock, self._access.at_store:
            self._behind.look_again()
            yield
