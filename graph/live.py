"""A tenant's graph that changes: one writer, an immutable base, and what differs from it.

A change costs its own size: its document is read, and the documents of those resources for which a name in it has come,
gone or moved. The base is renewed by size, never for each change. Decided elsewhere: what a document says
(`graph.reading`), how edges stand (`graph.live_edges`), how a base is renewed (`graph.fold`). For one thread at a time;
views may be read by any number of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol, TypeAlias, TypeVar

import numpy as np

from domain.resource import (
    ConfigurationItem,
    Relationship,
    RelationshipKind,
    ResourceId,
    Strength,
    resource_key,
)
from domain.tenancy import TenantId
from graph.base import Base, ResourceRow
from graph.build import require_one_each, resource_table
from graph.directory import LiveDirectory, concerned_by
from graph.fold import Learned, fold
from graph.learn import learn, require_tenant, rows_of
from graph.live_edges import LiveEdges
from graph.noting import NotedDirectory, Watches
from graph.reading import KINDS, STRENGTHS, Reader, Reading
from graph.readout import ReadOut, base_of, differing
from graph.references import Dangling
from graph.rows import LiveRows
from graph.view import GraphView, Overlay

Documents: TypeAlias = "Callable[[Sequence[str]], Sequence[ConfigurationItem]]"
"""Where documents are found by id; what is not there is left out. A store's `documents` is one."""

_Entry = TypeVar("_Entry")

Latest: TypeAlias = "dict[str, ConfigurationItem | None]"
"""The last of several states by `resource_key`; None where the resource is gone."""

Owns: TypeAlias = "Callable[[str], bool]"
"""Whether the documents of a scope are read here."""

WHOLE_AT_LEAST: Final = 1_000
WHOLE_SHARE: Final = 16
FOLD_AT_LEAST: Final = 4_096
FOLD_SHARE: Final = 16
FOLD_AT_MOST: Final = 16_384
"""However large the base: a view's cost is the overlay's size."""
CAUGHT_UP_AT_LEAST: Final = 32
DOCUMENTS_BATCH: Final = 2_000


class Changed(Protocol):
    """A change of one resource's latest state; a store's `ItemChange` is one."""

    @property
    def uid(self) -> ResourceId: ...
    @property
    def after(self) -> ConfigurationItem | None:
        """The state from now on; None where the resource is gone."""

    @property
    def at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Delta:
    """What changes of resources did to the graph.

    Args:
        version: that of the view which shows it.
        sources: resources whose own edges or dangling references are others than before, gone ones included.
        relationships: all edges of these now; what leads nowhere stands among them with the text as target.
        rows: rows, in that view, of the resources that changed, are gone, or are among the sources.
    """

    version: int
    sources: frozenset[ResourceId] = frozenset()
    relationships: tuple[Relationship, ...] = ()
    rows: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Renewal:
    """A base that is being renewed, and the changes that it has missed."""

    base: Future[Base]
    missed: deque[Latest] = field(default_factory=deque)
    graph: LiveGraph | None = None


class LiveGraph:
    """One tenant's graph in memory. Made by `from_items` and `from_readout`.

    Attributes:
        executor: where bases are renewed beside the changes that go on; None renews them between two changes, which
            then takes as long as the graph is large.
    """

    _base: Base
    _shown: Base
    _rows: LiveRows
    _edges: LiveEdges | None
    _dangling: dict[int, tuple[Dangling, ...]]
    _directory: LiveDirectory
    _noted: NotedDirectory
    _watches: Watches
    _reader: Reader

    def __init__(self, base: Base, documents: Documents, *, version: int = 0, owns: Owns | None = None) -> None:
        self._documents = documents
        self._owns = owns
        self._version = version
        self.store_version = version
        self._as_of = base.snapshot.as_of
        self._unproven = base.snapshot.unproven
        self.executor: Executor | None = None
        self._view: GraphView | None = None
        self._renewal: _Renewal | None = None
        self._take(base)

    @classmethod
    def from_items(
        cls,
        tenant: TenantId,
        items: Iterable[ConfigurationItem],
        *,
        as_of: datetime,
        documents: Documents,
        unproven: frozenset[str] = frozenset(),
        version: int = 0,
        owns: Owns | None = None,
    ) -> LiveGraph:
        """The graph of some items; none of them is kept.

        Args:
            owns: which documents are read, where this is a part of a graph (`graph.partition`); None is all.

        Raises:
            InputError: an item belongs to another tenant, or an id stands twice.
        """
        ordered = sorted(items, key=lambda item: resource_key(item.uid))
        require_one_each(tenant, ordered)
        read = [(row, item) for row, item in enumerate(ordered) if owns is None or owns(item.scope)]
        batches = in_batches(read, DOCUMENTS_BATCH)
        table = resource_table(ordered)
        base = learn(tenant, table, batches, as_of=as_of, unproven=unproven, breaks_circles=owns is None)
        return cls(base, documents, version=version, owns=owns)

    @classmethod
    def from_readout(
        cls,
        tenant: TenantId,
        readout: ReadOut,
        *,
        as_of: datetime,
        documents: Documents,
        unproven: frozenset[str] = frozenset(),
    ) -> LiveGraph:
        """The graph as a store keeps it: what can be seen is there at once, `learn` comes before the first change."""
        return cls(base_of(tenant, readout, as_of, unproven), documents, version=readout.version)

    @property
    def resources(self) -> int:
        """How many resources there are."""
        return self._rows.size - len(self._rows.gone)

    @property
    def tenant(self) -> TenantId:
        """Whose graph this is."""
        return self._base.snapshot.tenant

    @property
    def base(self) -> Base:
        """What is saved and shared."""
        return self._base

    @property
    def is_learned(self) -> bool:
        """Whether a change costs its own size from here on."""
        return self._base.knowledge is not None

    @property
    def pending(self) -> int:
        """How much differs from the base."""
        if self._edges is None:
            return 0
        return len(self._rows.changed) + len(self._rows.gone) + len(self._edges.added) + len(self._edges.gone)

    @property
    def size_bytes(self) -> int:
        """About what the graph takes in memory."""
        watched_bytes = self._watches.size_bytes if self.is_learned else 0
        return self._base.size_bytes + watched_bytes + _ENTRY_BYTES * self.pending

    def learn(self) -> Delta:
        """Read every document once, so that changes can be followed; nothing where that is done.

        Returns:
            The sources of edges that the store kept otherwise than its documents say.
        """
        if self.is_learned:
            return Delta(self._version)
        before = self._base.snapshot
        base = learn(
            self.tenant,
            before.resources,
            self._all_documents(),
            as_of=before.as_of,
            unproven=self._unproven,
            breaks_circles=self._owns is None,
        )
        self._take(base)
        rows = differing(before, base.snapshot)
        self._version += bool(rows)
        return self._delta(rows, rows, frozenset())

    def apply(self, changes: Sequence[Changed], *, store_version: int | None = None) -> Delta:
        """Follow changes; of several of one resource the last counts.

        Documents may be newer than the changes: what they then say is put right by the changes that follow.

        Args:
            store_version: that of the store with these changes, where they come from one.

        Raises:
            InputError: an item belongs to another tenant; nothing is changed.
        """
        latest = {resource_key(change.uid): self._ours(change.after) for change in changes}
        if len(latest) > max(WHOLE_AT_LEAST, len(self._base) // WHOLE_SHARE):
            delta = self._apply_whole(latest)
        else:
            delta = self._apply_each(latest)
        self._as_of = max([self._as_of, *(change.at for change in changes)])
        if store_version is not None:
            self.store_version = store_version
            self._version = max(self._version, store_version)
        return replace(delta, version=self._version)

    def wanted(self, changes: Sequence[Changed]) -> tuple[ResourceId, ...]:
        """Whose documents applying these changes will ask for, each at its own size: for who has to bring them along.

        Nothing is changed. After `learn`.
        """
        found: set[int] = set()
        own: set[int] = set()
        for key, item in {resource_key(change.uid): change.after for change in changes}.items():
            row = self._rows.find(key)
            before = None if row is None else self._rows.get(row)
            found |= concerned_by(before, None if item is None else ResourceRow.of(item))
            own |= set() if row is None else {row}
        again = self._watches.of(found) - own - self._rows.gone
        return tuple(self._uid(row) for row in sorted(again) if self._owned(row))

    def edges_of(self, uids: Iterable[str]) -> tuple[list[Relationship], list[Relationship]]:
        """The edges of some sources, and what of them leads nowhere; what is not here has none. After `learn`."""
        rows = sorted({row for uid in uids if (row := self._rows.find(resource_key(uid))) is not None})
        edges = [each for row in rows for each in self._edges_of(row)]
        return edges, [unmet(each) for row in rows for each in self._dangling_of(row)]

    def _apply_each(self, latest: Latest) -> Delta:
        healed = self.learn()
        if self._renewal is None and self.pending > max(
            FOLD_AT_LEAST, min(len(self._base) // FOLD_SHARE, FOLD_AT_MOST)
        ):
            self._renew()
        if not latest:
            return healed
        delta = self._apply_now(latest)
        if self._renewal is not None:
            self._catch_up(self._renewal, latest)
        return _joined(healed, delta)

    def _apply_now(self, latest: Latest) -> Delta:
        given, gone, concerned = self._move(latest)
        edges = self._edges
        assert edges is not None
        again = self._watches.of(concerned) - given.keys() - gone.keys() - self._rows.gone
        readings = {row: Reading() for row in (*given, *gone, *again)}
        owned = [(row, item) for row, item in given.items() if self._owned(row)]
        for row, item in (*owned, *self._loaded(sorted(again))):
            readings[row] = self._reader.read(row, item)
            self._watches.add(row, self._noted.taken())
        sources = edges.replace(readings) | self._dangle(readings)
        self._version += 1
        return self._delta(sources - gone.keys(), {*given, *gone, *sources}, frozenset(gone.values()))

    def view(self) -> GraphView:
        """The graph as it is now; later changes leave it as it is."""
        if self._view is None or self._view.version != self._version:
            self._view = GraphView(self._shown, self._overlay())
        return self._view

    def mark_unproven(self, accounts: frozenset[str]) -> None:
        """Accounts in which something could not be read, in place of those known so far."""
        if accounts != self._unproven:
            self._unproven = accounts
            self._version += 1

    def fold(self) -> None:
        """Renew the base; what can be seen stays as it is, under new row numbers."""
        if self.is_learned and self.pending:
            self._take(fold(self._base, self._overlay(), self._learned()))

    def _learned(self) -> Learned:
        edges = self._edges
        assert edges is not None
        return Learned(
            readings=dict(edges.readings),
            moved=frozenset(self._directory.moved),
            offers=np.fromiter(self._directory.entries(), np.uint64),
            watches=list(self._watches.runs()),
        )

    def _renew(self) -> None:
        """Fold; beside the changes that go on, where there is somebody to do it."""
        if self.executor is None:
            self.fold()
        else:
            self._renewal = _Renewal(self.executor.submit(fold, self._base, self._overlay(), self._learned()))

    def _catch_up(self, renewal: _Renewal, latest: Latest) -> None:
        """Take what happened meanwhile into the renewed graph, a few changes at a time, and then go on with that."""
        renewal.missed.append(latest)
        if renewal.graph is None:
            if not renewal.base.done():
                return
            renewal.graph = LiveGraph(renewal.base.result(), self._documents, owns=self._owns)
        budget = CAUGHT_UP_AT_LEAST + 2 * len(latest)
        while renewal.missed and budget > 0:
            missed = renewal.missed.popleft()
            renewal.graph._apply_now(missed)
            budget -= len(missed)
        if not renewal.missed:
            self._go_on_as(renewal.graph)

    def _go_on_as(self, renewed: LiveGraph) -> None:
        self._base, self._shown = renewed._base, renewed._shown
        self._rows, self._edges, self._dangling = renewed._rows, renewed._edges, renewed._dangling
        self._directory, self._noted = renewed._directory, renewed._noted
        self._watches, self._reader = renewed._watches, renewed._reader
        self._view = self._renewal = None

    def _take(self, base: Base) -> None:
        """Start over from a base."""
        self._base = base
        self._shown = base.without_knowledge()
        self._view = self._renewal = None
        self._rows = LiveRows(base)
        self._dangling = {}
        self._edges = None
        if base.knowledge is None:
            return
        self._edges = LiveEdges(base, base.knowledge, breaks_circles=self._owns is None)
        self._directory = LiveDirectory(self._rows, base.knowledge.offers)
        self._noted = NotedDirectory(self._directory)
        self._watches = Watches(base.knowledge.watches)
        self._reader = Reader(self._noted)

    def _owned(self, row: int) -> bool:
        """Whether a row's document is for this graph to read."""
        if self._owns is None:
            return True
        state = self._rows.get(row)
        return state is not None and self._owns(state.scope)

    def _ours(self, item: ConfigurationItem | None) -> ConfigurationItem | None:
        if item is not None:
            require_tenant(self.tenant, item)
        return item

    def _apply_whole(self, latest: Latest) -> Delta:
        """Change so much that every document is read again."""
        self.fold()
        before = self._base.snapshot
        states = {resource_key(row.uid): row for row in rows_of(before.resources)}
        old = list(states)
        for key, item in latest.items():
            if item is not None:
                states[key] = ResourceRow.of(item)
            else:
                states.pop(key, None)
        keys = sorted(states)
        at = {key: row for row, key in enumerate(keys)}
        table = resource_table([states[key] for key in keys])
        documents = self._given_or_loaded(keys, states, latest)
        whole = self._owns is None
        base = learn(self.tenant, table, documents, as_of=self._as_of, unproven=self._unproven, breaks_circles=whole)
        self._take(base)
        self._version += 1
        rows = np.array([at.get(key, -1) for key in old], np.int32)
        sources = differing(before, self._base.snapshot, rows)
        gone = frozenset(ResourceId(before.resources.column("uid")[row].as_py()) for row in np.flatnonzero(rows < 0))
        return self._delta(sources, sources | {at[key] for key in latest if key in at}, gone)

    def _given_or_loaded(
        self, keys: Sequence[str], states: Mapping[str, ResourceRow], latest: Latest
    ) -> Iterator[list[tuple[int, ConfigurationItem]]]:
        for batch in in_batches(list(enumerate(keys)), DOCUMENTS_BATCH):
            found = {key: item for _, key in batch if (item := latest.get(key)) is not None}
            owned = [(row, key) for row, key in batch if self._owns is None or self._owns(states[key].scope)]
            wanted = [states[key].uid for _, key in owned if key not in found]
            found |= {resource_key(item.uid): item for item in (self._documents(wanted) if wanted else ())}
            yield [(row, found[key]) for row, key in owned if key in found]

    def _move(self, latest: Latest) -> tuple[dict[int, ConfigurationItem], dict[int, ResourceId], set[int]]:
        """Put resources in their rows: items by row, ids of those that are gone, and the codes of what has moved."""
        given: dict[int, ConfigurationItem] = {}
        gone: dict[int, ResourceId] = {}
        concerned: set[int] = set()
        for key, item in latest.items():
            row = self._rows.find(key)
            before = None if row is None else self._rows.get(row)
            after = None if item is None else ResourceRow.of(item)
            if after is not None and item is not None:
                row = self._rows.put(after)
                given[row] = item
            elif row is not None and before is not None:
                self._rows.remove(row)
                gone[row] = before.uid
            if row is not None:
                concerned |= self._directory.move(row, before, after)
        return given, gone, concerned

    def _loaded(self, rows: Sequence[int]) -> Iterator[tuple[int, ConfigurationItem]]:
        """Documents of rows, found by id."""
        for batch in in_batches(rows, DOCUMENTS_BATCH):
            uids = [state.uid for row in batch if self._owned(row) and (state := self._rows.get(row)) is not None]
            for item in self._documents(uids) if uids else ():
                row = self._rows.find(resource_key(item.uid))
                if row is not None:
                    yield row, item

    def _all_documents(self) -> Iterator[list[tuple[int, ConfigurationItem]]]:
        for start in range(0, len(self._base), DOCUMENTS_BATCH):
            end = min(start + DOCUMENTS_BATCH, len(self._base))
            yield sorted(self._loaded(range(start, end)), key=lambda pair: pair[0])

    def _dangle(self, readings: dict[int, Reading]) -> set[int]:
        """Keep what leads nowhere; the rows of which it is something else than before."""
        changed = set()
        for row, reading in readings.items():
            state = self._rows.get(row)
            after = () if state is None else tuple(Dangling(state.uid, *each) for each in reading.dangling)
            if after != self._dangling_of(row):
                changed.add(row)
            self._dangling[row] = after
        return changed

    def _dangling_of(self, row: int) -> tuple[Dangling, ...]:
        known = self._dangling.get(row)
        if known is not None:
            return known
        start, end = np.searchsorted(self._base.dangling_rows, [row, row + 1]).tolist()
        return self._base.snapshot.dangling[start:end]

    def _delta(self, sources: Iterable[int], rows: Iterable[int], gone: frozenset[ResourceId]) -> Delta:
        uids: dict[int, ResourceId] = {}
        found: list[Relationship] = []
        for source in sorted(sources):
            uids[source] = self._uid(source)
            found += (*self._edges_of(source), *map(unmet, self._dangling_of(source)))
        return Delta(self._version, frozenset(uids.values()) | gone, tuple(found), frozenset(rows))

    def _edges_of(self, source: int) -> list[Relationship]:
        edges = self._edges
        assert edges is not None
        uid = self._uid(source)
        return [
            Relationship(uid, self._uid(target), KINDS[kind], STRENGTHS[strength], path)
            for target, (kind, strength, path) in edges.of(source)
        ]

    def _uid(self, row: int) -> ResourceId:
        state = self._rows.get(row)
        assert state is not None, f"row {row} is gone"
        return state.uid

    def _overlay(self) -> Overlay:
        edges = self._edges
        return Overlay(
            version=self._version,
            as_of=self._as_of,
            size=self._rows.size,
            changed=dict(self._rows.changed),
            gone=frozenset(self._rows.gone),
            new=dict(self._rows.new),
            edges={} if edges is None else dict(edges.added),
            edges_gone=frozenset() if edges is None else frozenset(edges.gone),
            dangling=dict(self._dangling),
            groups=self._base.groups if edges is None else edges.groups,
            unproven=self._unproven,
        )


_ENTRY_BYTES = 1_300
"""What one changed row or edge takes, measured: a row with its reading, or an edge with its place."""


def in_batches(entries: Sequence[_Entry], size: int) -> Iterator[Sequence[_Entry]]:
    """The entries in order, some at a time."""
    return (entries[start : start + size] for start in range(0, len(entries), size))


def unmet(each: Dangling) -> Relationship:
    """What leads nowhere, as the relationship that a store keeps."""
    return Relationship(each.source, ResourceId(each.value), RelationshipKind.REFERENCES, Strength.SOFT, each.path)


def _joined(first: Delta, second: Delta) -> Delta:
    """Two deltas as one; of a source that is in both, what the second says."""
    if not first.sources:
        return second
    keys = set(map(resource_key, second.sources))
    kept = tuple(each for each in first.relationships if resource_key(each.source) not in keys)
    others = {uid for uid in first.sources if resource_key(uid) not in keys}
    return Delta(
        second.version,
        second.sources | others,
        (*kept, *second.relationships),
        first.rows | second.rows,
    )
