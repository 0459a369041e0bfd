"""One tenant's graph in memory, in step with its store and its stream of changes.

A change goes into the store first, together with the position in the stream that it came from, and from there into the
graph. A process that ends between the two loses nothing: the store knows how far the stream was read, and whether its
edges are those of its documents. What cannot be applied is put aside with the reason, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from actors.shards.catching_up import Costs, Way
from connectors.stream.contract import ChangeStream, Delivered
from domain.change import ChangeBatch, ChangeEvent
from domain.clock import Clock
from domain.errors import ConflictError, InputError
from domain.resource import ResourceId
from domain.tenancy import TenantId
from graph.hydrate import RELATIONSHIPS, Hydration, hydrate, keep
from graph.live import Delta, LiveGraph
from graph.stores.contract import Applied, GraphStore, ItemChange
from graph.view import GraphView

STREAM: Final = "changes"
"""Name of the stream's position in the store."""

LOST: Final = "changes.lost"
"""Name under which the store keeps the position behind which changes were lost."""

SAVED_MIN: Final = 2_000
"""Resources from which on a graph is saved: a smaller one is worked out as fast."""

BATCHES_MAX: Final = 200
EVENTS_MAX: Final = 5_000
MARK_S: Final = 5.0
TRIM_S: Final = 1.0
RESOURCE_BYTES: Final = 500
"""What a resource is expected to take before its graph is read: for making room, corrected by the real size."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What one look at the stream came to.

    Args:
        changes: what changed the latest state of resources.
        told: the events that say who caused them.
        parked: ids of batches that were put aside.
        is_behind: more was waiting than was taken.
    """

    batches: int = 0
    events: int = 0
    changes: tuple[ItemChange, ...] = ()
    told: tuple[ChangeEvent, ...] = ()
    parked: tuple[str, ...] = ()
    is_behind: bool = False


@dataclass(frozen=True, slots=True)
class _Placed:
    """A batch and where it stood in the stream."""

    position: str
    batch: ChangeBatch


@dataclass(slots=True)
class _Taken:
    """What of a delivery has been dealt with."""

    events: int = 0
    changes: list[ItemChange] = field(default_factory=list)
    told: list[ChangeEvent] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)


class TenantGraph:
    """For one thread at a time, but for `view`, which any may ask once there is one.

    Args:
        store: the tenant's store, opened again where it was closed meanwhile.
        stream: where changes come from; None where there are none.
        folder: where the graph is saved; None where it is not.
        hydrating: holds a place, and makes room for so many bytes, while the graph is read.
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
    ) -> None:
        self.tenant = tenant
        self._store = store
        self._stream = stream
        self._clock = clock
        self._folder = folder
        self._hydrating = hydrating
        self._now_s = now_s
        self._live: LiveGraph | None = None
        self._version = self._saved = 0
        self._position: str | None = None
        self._trimmed_s = self._marked_s = float("-inf")
        self.how: Hydration | None = None
        self._view: GraphView | None = None
        self.costs = Costs()
        self.resources = 0

    @property
    def size_bytes(self) -> int:
        """What the graph takes in memory; 0 where it is not there."""
        return 0 if self._live is None else self._live.size_bytes

    @property
    def shown(self) -> GraphView | None:
        """The graph as it was after the last change, without waiting; None before it is read."""
        return self._view

    def view(self) -> GraphView:
        """The graph as it is; read from the store where it is not in memory.

        Raises:
            UnavailableError: the store does not answer, or there is no memory for it now.
        """
        live = self._live if self._live is not None else self._hydrated()
        self._view = live.view()
        return self._view

    def follow(self) -> Followed:
        """Take what waits in the stream, as far as one look goes.

        Raises:
            ConflictError: another shard has claimed the store.
            UnavailableError: the store or the stream does not answer; nothing is lost, ask again.
        """
        if self._stream is None:
            return Followed()
        delivered = self._read(self._stream)
        if not delivered:
            return Followed()
        if self._live is not None and self.costs.way(self._waiting(delivered), self.resources) is Way.REHYDRATE:
            self.forget()
        taken = _Taken()
        for portion in self._portions(delivered, taken):
            self._apply(portion, taken)
        is_behind = len(delivered) == BATCHES_MAX
        self._trim(self._stream, is_due=is_behind)
        return Followed(
            len(delivered), taken.events, tuple(taken.changes), tuple(taken.told), tuple(taken.parked), is_behind
        )

    def applied(self, applied: Applied) -> None:
        """Follow what a write of another kind, such as an inventory, did to the store."""
        if self._live is not None:
            self._update(applied)
            self._live.mark_unproven(self._store().unproven())
            self._view = self._live.view()

    def keep(self) -> None:
        """Save the graph beside the store where it has changed, so that it comes back without being worked out.

        Raises:
            ConflictError: another shard has claimed the store.
            UnavailableError: it cannot be written.
        """
        live = self._live
        if live is not None and self._marked_s != float("-inf"):
            self._marked_s = float("-inf")
            self._mark(self._store())
        if live is None or not live.is_learned or self.resources < SAVED_MIN or self._saved == self._version:
            return
        keep(self._store(), live, self._folder)
        self._saved = self._version = self._store().version()
        self._view = live.view()

    def forget(self) -> None:
        """Let go of the graph in memory; the next question reads it again."""
        self._live, self._view = None, None

    def check(self) -> None:
        """After the store was opened again: let go of the graph where somebody else wrote meanwhile."""
        self._position = None
        if self._live is not None and self._store().version() != self._version:
            self.forget()

    def lost(self) -> str:
        """Position behind which changes were lost, so that only a new inventory tells; empty where none were."""
        return self._store().position(LOST)

    def found_again(self) -> None:
        """A whole inventory was read after changes had been lost."""
        if self.lost():
            self._store().apply((), stream=LOST, position="")

    def lag(self) -> int:
        """Batches that wait."""
        after = self._position if self._position is not None else self._store().position(STREAM)
        return 0 if self._stream is None else self._stream.lag(self.tenant, after)

    def _read(self, stream: ChangeStream) -> Sequence[Delivered]:
        store = self._store()
        after = self._position if self._position is not None else store.position(STREAM)
        try:
            return stream.read(self.tenant, after, limit=BATCHES_MAX)
        except ConflictError as error:
            resume = str(error.facts["resume"])
        structlog.get_logger().error("changes were lost", tenant=self.tenant, after=after, resume=resume)
        store.apply((), stream=LOST, position=after or "start")
        store.apply((), stream=STREAM, position=resume)
        self._position = resume
        return stream.read(self.tenant, resume, limit=BATCHES_MAX)

    def _waiting(self, delivered: Sequence[Delivered]) -> int:
        """Changes that wait, about: those of the batches at hand, and as many in each of the others."""
        payload_bytes = sum(len(each.payload) for each in delivered)
        return payload_bytes // _EVENT_BYTES * (self.lag() if len(delivered) == BATCHES_MAX else 1)

    def _portions(self, delivered: Sequence[Delivered], taken: _Taken) -> Iterator[list[_Placed]]:
        """Batches in order, as many at once as one write takes; what cannot be read is put aside on the way."""
        portion: list[_Placed] = []
        for each in delivered:
            try:
                placed = _Placed(each.position, each.batch)
                _require_own(placed.batch, self.tenant)
            except InputError as error:
                if portion:
                    yield portion
                    portion = []
                self._park(each.position, error, taken)
                continue
            portion.append(placed)
            if sum(len(one.batch.events) for one in portion) >= EVENTS_MAX:
                yield portion
                portion = []
        if portion:
            yield portion

    def _apply(self, portion: Sequence[_Placed], taken: _Taken) -> None:
        """Write a portion; where the store refuses it, batch by batch, so that one does not stop the others."""
        events = [event for placed in portion for event in placed.batch.events]
        position, self._position = portion[-1].position, None
        try:
            applied = self._store().apply(events, stream=STREAM, position=position, now=self._clock.now())
        except InputError as error:
            if len(portion) == 1:
                self._park(position, error, taken)
                return
            for placed in portion:
                self._apply([placed], taken)
            return
        self._position = position
        taken.events += len(events)
        taken.changes += applied.changes
        taken.told += [event for event in events if event.principal]
        if self._live is not None:
            self._update(applied)

    def _park(self, position: str, error: InputError, taken: _Taken) -> None:
        assert self._stream is not None
        self._position = None
        taken.parked.append(self._stream.park(self.tenant, position, str(error)))
        self._store().apply((), stream=STREAM, position=position)
        self._position = position
        structlog.get_logger().warning("a batch was put aside", tenant=self.tenant, position=position)

    def _update(self, applied: Applied) -> None:
        """Bring the graph and the store's edges up to date with what the store has taken."""
        live, self._live = self._live, None
        assert live is not None, "there is a graph to bring up to date"
        begun_s = self._now_s()
        with ExitStack() as undo:
            undo.callback(self.forget)
            self._write_edges(live.apply(applied.changes, store_version=applied.version))
            undo.pop_all()
        self.costs = self.costs.with_changes(len(applied.changes), self._now_s() - begun_s)
        self._live, self._view = live, live.view()
        self.resources = len(self._view)

    def _write_edges(self, delta: Delta, *, gone: frozenset[ResourceId] = frozenset()) -> None:
        """Have the store's edges follow; then, and only then, it is said that they do."""
        store, sources = self._store(), delta.sources | gone
        if sources:
            store.put_relationships_of(sources, delta.relationships)
        self._version = store.version()
        self._mark(store)

    def _mark(self, store: GraphStore) -> None:
        """Say now and then that the edges are up to date: until then a new process reads the documents again."""
        if self._now_s() - self._marked_s >= MARK_S:
            store.apply((), stream=RELATIONSHIPS, position=str(self._version))
            self._marked_s = self._now_s()

    def _trim(self, stream: ChangeStream, *, is_due: bool) -> None:
        """Let the stream forget now and then what is recorded here."""
        if self._position is not None and (is_due or self._now_s() - self._trimmed_s >= TRIM_S):
            stream.trim(self.tenant, self._position)
            self._trimmed_s = self._now_s()

    def _hydrated(self) -> LiveGraph:
        """Read the graph from the store, and mend the store's edges where a process ended before it wrote them."""
        store, begun_s = self._store(), self._now_s()
        with self._hydrating(RESOURCE_BYTES * max(self.resources, 1)), ExitStack() as undo:
            undo.callback(self.forget)
            mark = store.position(RELATIONSHIPS)
            found = hydrate(
                store, self._folder, as_of=self._clock.now(), documents=lambda uids: self._store().documents(uids)
            )
            self._version = self._saved = store.version()
            if found.how is not Hydration.READ_OUT:
                gone = _gone_since(store, mark) if found.how is Hydration.DOCUMENTS else frozenset()
                self._write_edges(found.delta, gone=gone)
            undo.pop_all()
        self._live = found.live
        self.how = found.how
        self.resources = len(found.live.view())
        self.costs = self.costs.with_hydration(self.resources, self._now_s() - begun_s)
        return found.live


_EVENT_BYTES: Final = 1_500
"""A change in the stream, about."""


def _gone_since(store: GraphStore, mark: str) -> frozenset[ResourceId]:
    """Resources that went since the edges were written last: theirs are still there."""
    changed = store.changed_after(int(mark)) if mark else None
    return frozenset() if changed is None else frozenset(changed.gone)


def _require_own(batch: ChangeBatch, tenant: TenantId) -> None:
    if batch.tenant != tenant:
        raise InputError("a batch is of another tenant", expected=tenant, got=batch.tenant)
