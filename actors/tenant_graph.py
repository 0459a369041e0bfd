"""One tenant's graph in memory, in step with its store and its stream of changes.

What is acknowledged is in the stream. A change goes from there into the graph at once where it is certain that the
store will come to the same state (`actors.shards.ahead`), and into the store soon after, many together, in another
thread; any other goes into the store first. The position in the stream goes into the store with the changes, so a
process that ends anywhere loses nothing and does nothing twice. What cannot be applied is put aside with the reason,
and the rest goes on.

Two locks: that of the graph, and that of the store, which others use too. Who takes both takes the graph's first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from time import monotonic
from typing import Final

import structlog

from actors.shards.ahead import Ahead, Latest, Placed, Portion, joined
from actors.shards.catching_up import Costs, Way
from actors.shards.taken import Followed, News, Taken, agrees
from connectors.stream.contract import ChangeStream, Delivered
from domain.change import ChangeEvent
from domain.clock import Clock
from domain.errors import ConflictError, InputError
from domain.resource import ConfigurationItem, ResourceId, resource_key
from domain.tenancy import TenantId
from graph.hydrate import RELATIONSHIPS, Hydration, follow, hydrate, keep
from graph.live import Delta, LiveGraph
from graph.stores.contract import Applied, GraphStore
from graph.stores.instants import instant_from_us
from graph.view import GraphView

STREAM: Final = "changes"
"""Name of the stream's position in the store."""

LOST: Final = "changes.lost"
"""Name under which the store keeps the position behind which changes were lost."""

SAVED_MIN: Final = 2_000
"""Resources from which on a graph is saved: a smaller one is worked out as fast."""

BATCHES_MAX: Final = 200
EVENTS_MAX: Final = 5_000
AHEAD_MAX: Final = 20_000
"""Events that may be shown and not yet written; then the store is waited for."""
WRITTEN_MAX: Final = 1_000
"""Events that one write takes, so that others need not wait long for the store."""
MARK_S: Final = 5.0
TRIM_S: Final = 1.0
RESOURCE_BYTES: Final = 500
"""What a resource is expected to take before its graph is read: for making room, corrected by the real size."""


class TenantGraph:
    """Safe for several threads.

    Args:
        store: the tenant's store, opened again where it was closed meanwhile.
        at_store: held while the store is used.
        stream: where changes come from; None where there are none.
        folder: where the graph is saved; None where it is not.
        hydrating: holds a place, and makes room for so many bytes, while the graph is read.
        shows_ahead: changes are shown before the store has them; somebody calls `write_shown` again and again.
        renewing: where the graph's base is renewed beside the changes that go on; None renews it between two changes.
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
    ) -> None:
        self.tenant = tenant
        self.lock = RLock()
        self._at_store = at_store or RLock()
        self._store = store
        self._stream = stream
        self._clock = clock
        self._folder = folder
        self._hydrating = hydrating
        self._now_s = now_s
        self._shows_ahead = shows_ahead
        self._renewing = renewing
        self._live: LiveGraph | None = None
        self._ahead = Ahead()
        self._news = News()
        self._is_refuted = False
        self._latest: Latest | None = None
        self._version = self._saved = 0
        self._cursor: str | None = None
        self._written: str | None = None
        self._is_reopened = False
        self._trimmed_s = self._marked_s = float("-inf")
        self.how: Hydration | None = None
        self._view: GraphView | None = None
        self.costs = Costs()
        self.resources = 0

    @property
    def size_bytes(self) -> int:
        """What the graph takes in memory; 0 where it is not there."""
        live = self._live
        return 0 if live is None else live.size_bytes + _EVENT_BYTES * len(self._ahead)

    @property
    def shown(self) -> GraphView | None:
        """The graph as it was after the last change, without waiting; None before it is read."""
        return self._view

    @property
    def unwritten(self) -> int:
        """Changes that are shown and that the store does not have yet."""
        return len(self._ahead)

    @property
    def has_unwritten(self) -> bool:
        """Whether there is any such change."""
        return self.unwritten > 0

    def view(self) -> GraphView:
        """The graph as it is; read from the store where it is not in memory.

        Raises:
            UnavailableError: the store does not answer, or there is no memory for it now.
        """
        with self._both():
            live = self._live if self._live is not None else self._hydrated()
            self._view = live.view()
            return self._view

    def heard(self) -> News:
        """What has changed in what is shown since this was asked last; to be asked under the graph's lock."""
        news, self._news = self._news, News()
        return news

    def was_refuted(self) -> bool:
        """Whether, since this was asked last, the store came to another state than was shown."""
        was, self._is_refuted = self._is_refuted, False
        return was

    def items(self) -> dict[str, ConfigurationItem]:
        """The latest state of every resource, as they are shown, by `resource_key`."""
        ahead = self._ahead.items()  # first: what is written meanwhile is in both
        with self._at_store:
            found = {resource_key(item.uid): item for item in self._store().items()}
        found.update({key: item for key, item in ahead.items() if item is not None})
        for key in [key for key, item in ahead.items() if item is None]:
            found.pop(key, None)
        return found

    def documents(self, uids: Sequence[str]) -> tuple[ConfigurationItem, ...]:
        """The latest state of some resources, as they are shown; those that are not here are left out."""
        shown = {resource_key(uid): item for uid in uids for is_here, item in (self._ahead.item(uid),) if is_here}
        others = [uid for uid in uids if resource_key(uid) not in shown]
        with self._at_store:
            found = self._store().documents(others) if others else ()
        ahead = [item for item in shown.values() if item is not None]
        return tuple(sorted([*found, *ahead], key=lambda item: resource_key(item.uid))) if ahead else found

    def follow(self) -> Followed:
        """Take what waits in the stream, as far as one look goes.

        Raises:
            ConflictError: another shard has claimed the store.
            UnavailableError: the store or the stream does not answer; nothing is lost, ask again.
        """
        if self._stream is None:
            return Followed()
        with self.lock:
            self._look_again()
            return self._followed(self._stream)

    def write_shown(self) -> Followed:
        """Write some of what was shown into the store; meanwhile more may be shown.

        Raises:
            ConflictError: another shard has claimed the store.
            UnavailableError: the store does not answer; ask again.
        """
        with self.lock:
            portions = self._ahead.first(WRITTEN_MAX)
        if not portions:
            return Followed()
        taken = Taken()
        with self._at_store:
            is_refuted = self._write(portions, taken)
        with self.lock:
            self._settle(is_refuted=is_refuted)
        self._trim(is_due=False)
        return taken.followed(sum(len(each.placed) for each in portions), is_behind=self.has_unwritten)

    def write_all(self) -> Followed:
        """Write everything that was shown into the store."""
        taken = Taken()
        with self._both():
            self._write_all(taken)
        return taken.followed(0, is_behind=False)

    def applied(self, applied: Applied) -> None:
        """Follow what a write of another kind, such as an inventory, did to the store.

        To be called under both locks, as that write was, and after `write_all`.
        """
        if self._live is not None:
            self._update(applied)
            self._live.mark_unproven(self._store().unproven())
            self._latest = Latest(self.tenant, self._horizon(self._store()))
            self._view = self._live.view()

    def keep(self) -> None:
        """Save the graph beside the store where it has changed, so that it comes back without being worked out.

        Raises:
            ConflictError: another shard has claimed the store.
            UnavailableError: it cannot be written.
        """
        with self._both():
            self._write_all(Taken())
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
        """Let go of the graph in memory; the next question reads it again, and the stream from where the store is."""
        with self.lock:
            if self.has_unwritten:
                self._cursor = None
            self._ahead.clear()
            self._live = self._view = self._latest = None

    def check(self) -> None:
        """The store was opened again: the graph is let go of where somebody else wrote meanwhile.

        Done at the next use of the graph, for this is called by who holds the store alone.
        """
        self._written = None
        self._is_reopened = True
        if self._live is not None and self._store().version() != self._version:
            self._view = None

    def lost(self) -> str:
        """Position behind which changes were lost, so that only a new inventory tells; empty where none were."""
        with self._at_store:
            return self._store().position(LOST)

    def found_again(self) -> None:
        """A whole inventory was read after changes had been lost."""
        with self._at_store:
            if self.lost():
                self._store().apply((), stream=LOST, position="")

    def lag(self) -> int:
        """Batches that the store does not have yet."""
        if self._stream is None:
            return 0
        return self._stream.lag(self.tenant, self._reached())

    @contextmanager
    def _both(self) -> Iterator[None]:
        """The right to use the graph and the store."""
        with self.lock, self._at_store:
            self._look_again()
            yield

    def _look_again(self) -> None:
        """After the store was opened again."""
        if not self._is_reopened:
            return
        with self._at_store:
            is_other = self._live is not None and self._store().version() != self._version
            if is_other or self.has_unwritten:
                self.forget()
            self._cursor, self._is_reopened = None, False

    def _followed(self, stream: ChangeStream) -> Followed:
        taken = Taken()
        if len(self._ahead) >= AHEAD_MAX:
            with self._at_store:
                self._write_all(taken)
        delivered = self._read(stream)
        if not delivered:
            return taken.followed(0, is_behind=False)
        if self._live is not None and self.costs.way(self._waiting(delivered), self.resources) is Way.REHYDRATE:
            with self._at_store:
                self._write_all(taken)
            self.forget()
        for portion in self._portions(delivered, taken):
            taken.events += sum(len(placed.batch.events) for placed in portion)
            if not self._show(portion):
                with self._at_store:
                    self._write_all(taken)
                    self._apply(portion, taken)
        if self._live is not None:
            self._view = self._live.view()
            self.resources = len(self._view)
        is_behind = len(delivered) == BATCHES_MAX
        if not self.has_unwritten:
            self._trim(is_due=is_behind)
        return taken.followed(len(delivered), is_behind=is_behind)

    def _reached(self) -> str:
        """Where the store is in the stream."""
        if self._written is None:
            with self._at_store:
                self._written = self._store().position(STREAM)
        return self._written

    def _read(self, stream: ChangeStream) -> Sequence[Delivered]:
        after = self._cursor if self._cursor is not None else self._reached()
        try:
            return stream.read(self.tenant, after, limit=BATCHES_MAX)
        except ConflictError:
            return self._read_from_store(stream)

    def _read_from_store(self, stream: ChangeStream) -> Sequence[Delivered]:
        """The stream no longer has what comes next here: another one has written it, or it is lost."""
        with self._at_store:
            self._write_all(Taken())
            self.forget()
            self._written = None
            after = self._cursor = self._reached()
        try:
            return stream.read(self.tenant, after, limit=BATCHES_MAX)
        except ConflictError as error:
            resume = str(error.facts["resume"])
        structlog.get_logger().error("changes were lost", tenant=self.tenant, after=after, resume=resume)
        with self._at_store:
            self._store().apply((), stream=LOST, position=after or "start")
            self._store().apply((), stream=STREAM, position=resume)
        self._cursor = self._written = resume
        return stream.read(self.tenant, resume, limit=BATCHES_MAX)

    def _waiting(self, delivered: Sequence[Delivered]) -> int:
        """Changes that wait, about: those of the batches at hand, and as many in each of the others."""
        payload_bytes = sum(len(each.payload) for each in delivered)
        return payload_bytes // _EVENT_BYTES * (self.lag() if len(delivered) == BATCHES_MAX else 1)

    def _portions(self, delivered: Sequence[Delivered], taken: Taken) -> Iterator[list[Placed]]:
        """Batches in order, as many at once as one write takes; what cannot be read is put aside on the way."""
        portion: list[Placed] = []
        for each in delivered:
            try:
                placed = Placed(each.position, each.batch)
                _require_own(placed, self.tenant)
            except InputError as error:
                if portion:
                    yield portion
                    portion = []
                with self._at_store:
                    self._write_all(taken)
                    self._park(each.position, error, taken)
                continue
            portion.append(placed)
            if sum(len(one.batch.events) for one in portion) >= EVENTS_MAX:
                yield portion
                portion = []
        if portion:
            yield portion

    def _show(self, placed: Sequence[Placed]) -> bool:
        """Take batches into the graph before the store has them; False where the store is to be asked first."""
        live, latest = self._live, self._latest
        if not self._shows_ahead or live is None or latest is None or not live.is_learned:
            return False
        events = tuple(event for each in placed for event in each.batch.events)
        seen = latest.decided(events, self._clock.now())
        if seen is None:
            return False
        begun_s = self._now_s()
        with ExitStack() as undo:
            undo.callback(self.forget)
            portion = Portion(tuple(placed), events, seen, live.apply(seen) if seen else Delta(0))
            undo.pop_all()
        self.costs = self.costs.with_changes(len(seen), self._now_s() - begun_s)
        self._ahead.add(portion)
        self._news.add(seen, events)
        self._cursor = portion.position
        return True

    def _write_all(self, taken: Taken) -> None:
        """Write what was shown, under both locks."""
        while self.has_unwritten:
            self._store()
            self._look_again()
            portions = self._ahead.first(EVENTS_MAX)
            self._settle(is_refuted=self._write(portions, taken))

    def _settle(self, *, is_refuted: bool) -> None:
        """After a write, under the graph's lock."""
        self._ahead.drop_written()
        if self._live is not None:
            self._live.store_version = max(self._live.store_version, self._version)
        if is_refuted:
            structlog.get_logger().error("the store decided otherwise than was shown", tenant=self.tenant)
            self._shows_ahead, self._is_refuted = False, True
            self.forget()

    def _write(self, portions: Sequence[Portion], taken: Taken) -> bool:
        """Have the store take portions, under its lock; whether it came to another state than was shown."""
        self._store()
        portions = [portion for portion in portions if not portion.is_written]
        if not portions or self._is_reopened:
            return False
        try:
            return self._write_together(portions, taken)
        except InputError:
            for placed in (placed for portion in portions for placed in portion.placed):
                self._write_alone(placed, taken)
        for portion in portions:
            portion.is_written = True
        return True

    def _write_together(self, portions: Sequence[Portion], taken: Taken) -> bool:
        events = [event for portion in portions for event in portion.events]
        store, position = self._store(), portions[-1].position
        edges = joined(portion.delta for portion in portions)
        self._written = None
        applied = store.apply(events, stream=STREAM, position=position, now=self._clock.now(), relate=lambda _: edges)
        self._version, self._written = applied.version, position
        self._mark(store)
        for portion in portions:
            portion.is_written = True
        taken.changes += applied.changes
        return not agrees(store, applied, portions)

    def _write_alone(self, placed: Placed, taken: Taken) -> None:
        """Write one of several batches that were shown together; the graph is read anew after it."""
        try:
            events = placed.batch.events
            applied = self._store().apply(events, stream=STREAM, position=placed.position, now=self._clock.now())
        except InputError as error:
            self._park(placed.position, error, taken)
        else:
            self._written = placed.position
            taken.changes += applied.changes

    def _apply(self, portion: Sequence[Placed], taken: Taken) -> None:
        """Write a portion and show it; where the store refuses it, batch by batch, so that one stops no other."""
        events = [event for placed in portion for event in placed.batch.events]
        position = portion[-1].position
        self._cursor = self._written = None
        try:
            applied = self._follow(events, position)
        except InputError as error:
            if len(portion) == 1:
                self._park(position, error, taken)
                return
            for placed in portion:
                self._apply([placed], taken)
            return
        self._cursor = self._written = position
        taken.changes += applied.changes
        self._news.add(applied.changes, events)
        if self._latest is not None:
            self._latest.told(events)

    def _follow(self, events: Sequence[ChangeEvent], position: str) -> Applied:
        """Take events into the store, and into the graph where there is one, in one write."""
        live, store, now = self._live, self._store(), self._clock.now()
        if live is None:
            return store.apply(events, stream=STREAM, position=position, now=now)
        begun_s = self._now_s()
        with ExitStack() as undo:
            undo.callback(self.forget)
            try:
                applied = follow(store, live, events, stream=STREAM, position=position, now=now)
            except InputError:  # refused before the graph was told
                undo.pop_all()
                raise
            undo.pop_all()
        self._version = applied.version
        self._shown_now(live, len(applied.changes), begun_s)
        self._mark(store)
        return applied

    def _park(self, position: str, error: InputError, taken: Taken) -> None:
        assert self._stream is not None
        self._cursor = self._written = None
        taken.parked.append(self._stream.park(self.tenant, position, str(error)))
        self._store().apply((), stream=STREAM, position=position)
        self._cursor = self._written = position
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
        self._shown_now(live, len(applied.changes), begun_s)

    def _shown_now(self, live: LiveGraph, changes: int, begun_s: float) -> None:
        """Changes are in the graph and in the store."""
        self.costs = self.costs.with_changes(changes, self._now_s() - begun_s)
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

    def _trim(self, *, is_due: bool) -> None:
        """Let the stream forget now and then what the store has."""
        written = self._written
        if self._stream is not None and written and (is_due or self._now_s() - self._trimmed_s >= TRIM_S):
            self._stream.trim(self.tenant, written)
            self._trimmed_s = self._now_s()

    def _horizon(self, store: GraphStore) -> datetime:
        """No state that the store holds is later."""
        now = self._clock.now()
        later = store.changes(now, _EVER).at_us
        return now if not len(later) else instant_from_us(int(later[-1]))

    def _hydrated(self) -> LiveGraph:
        """Read the graph from the store, and mend the store's edges where a process ended before it wrote them."""
        store, begun_s = self._store(), self._now_s()
        with self._hydrating(RESOURCE_BYTES * max(self.resources, 1)), ExitStack() as undo:
            undo.callback(self.forget)
            mark = store.position(RELATIONSHIPS)
            found = hydrate(store, self._folder, as_of=self._clock.now(), documents=self.documents)
            self._version = self._saved = store.version()
            if found.how is not Hydration.READ_OUT:
                gone = _gone_since(store, mark) if found.how is Hydration.DOCUMENTS else frozenset()
                self._write_edges(found.delta, gone=gone)
            self._latest = Latest(self.tenant, self._horizon(store)) if self._shows_ahead else None
            undo.pop_all()
        self._live = found.live
        self._live.executor = self._renewing
        self.how = found.how
        self.resources = len(found.live.view())
        self.costs = self.costs.with_hydration(self.resources, self._now_s() - begun_s)
        return found.live


_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_EVENT_BYTES: Final = 1_500
"""A change in the stream, about."""


def _gone_since(store: GraphStore, mark: str) -> frozenset[ResourceId]:
    """Resources that went since the edges were written last: theirs are still there."""
    changed = store.changed_after(int(mark)) if mark else None
    return frozenset() if changed is None else frozenset(changed.gone)


def _require_own(placed: Placed, tenant: TenantId) -> None:
    if placed.batch.tenant != tenant:
        raise InputError("a batch is of another tenant", expected=tenant, got=placed.batch.tenant)
