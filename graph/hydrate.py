"""Bringing a tenant's graph into memory, and keeping its store's relationships in step with it.

The quickest way that is right is taken: a saved base and what changed since; what the store keeps, where its
relationships belong to its present items; else every document is read. Which one it was is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from domain.change import ChangeEvent
from domain.resource import ConfigurationItem, ResourceId
from graph.live import Changed, Delta, Documents, LiveGraph
from graph.saved import Saved, Unusable, load, save
from graph.stores.contract import Applied, ChangedItems, GraphStore, Readout

RELATIONSHIPS: Final = "relationships"
"""The stream under which a store remembers the version that its relationships belong to."""


class Hydration(StrEnum):
    """Where a graph came from."""

    SAVED = "saved"
    READ_OUT = "read_out"
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True, eq=False)
class Hydrated:
    """A graph in memory.

    Args:
        changed: how many resources changed after it was saved.
        delta: what the store's relationships lack; `put` it where this is the one writer.
        reason: why no saved graph was used; empty where one was.
    """

    live: LiveGraph
    how: Hydration
    changed: int
    delta: Delta
    reason: str


class Follower(Protocol):
    """A graph that takes changes; a `LiveGraph` is one."""

    def apply(self, changes: Sequence[Changed], *, store_version: int | None = None) -> Delta: ...


def hydrate(
    store: GraphStore,
    folder: Path | None,
    *,
    as_of: datetime,
    documents: Documents | None = None,
    readout: Readout | None = None,
) -> Hydrated:
    """A store's graph in memory.

    Args:
        folder: where the tenant's graph is saved; None where it is not.
        as_of: the instant that the graph is said to show until something changes.
        documents: where the graph finds documents later on, where this store may be closed before it; else the store.
        readout: what the store reads out now, where somebody has it.

    Raises:
        IntegrityError: the folder holds another tenant's graph.
    """
    documents = documents or store.documents
    saved = Unusable("there is no folder for it") if folder is None else load(folder, store.tenant)
    if isinstance(saved, Saved):
        changed = store.changed_after(saved.store_version)
        if changed is not None:
            return _caught_up(store, saved, changed, as_of, documents)
        saved = Unusable("the store has not had its version")
    readout = readout or store.read_out()
    live = LiveGraph.from_readout(store.tenant, readout, as_of=as_of, documents=documents, unproven=store.unproven())
    if are_current(store):
        return Hydrated(live, Hydration.READ_OUT, 0, Delta(live.view().version), saved.reason)
    return Hydrated(live, Hydration.DOCUMENTS, 0, live.learn(), saved.reason)


def follow(
    store: GraphStore,
    live: Follower,
    events: Sequence[ChangeEvent],
    *,
    stream: str = "",
    position: str = "",
    now: datetime | None = None,
) -> Applied:
    """Take changes into the store and into the graph, with the edges that follow from them, in one write.

    Where this raises anything but an `InputError`, the graph may be ahead of the store and is to be read again.
    """
    return store.apply(
        events,
        stream=stream,
        position=position,
        now=now,
        relate=lambda applied: live.apply(applied.changes, store_version=applied.version),
    )


def put(store: GraphStore, delta: Delta) -> None:
    """Bring a store's relationships in step; putting a delta twice does no harm."""
    if delta.sources:
        store.put_relationships_of(delta.sources, delta.relationships)


def keep(store: GraphStore, live: LiveGraph, folder: Path | None) -> int:
    """Save a graph, and let the store remember that its relationships belong to it. For its one writer.

    Returns:
        How many bytes were written.

    Raises:
        UnavailableError: the folder or the store cannot be written.
    """
    live.learn()
    live.fold()
    written = 0 if folder is None else save(folder, live.base, live.store_version)
    store.apply((), stream=RELATIONSHIPS, position=str(live.store_version))
    return written


@dataclass(frozen=True, slots=True)
class _Since:
    """A change since a graph was saved."""

    uid: ResourceId
    after: ConfigurationItem | None
    at: datetime


def _caught_up(
    store: GraphStore, saved: Saved, changed: ChangedItems, as_of: datetime, documents: Documents
) -> Hydrated:
    live = LiveGraph(saved.base, documents, version=saved.store_version)
    live.mark_unproven(store.unproven())
    since: Sequence[Changed] = [
        *(_Since(item.uid, item, as_of) for item in changed.items),
        *(_Since(uid, None, as_of) for uid in changed.gone),
    ]
    delta = live.apply(since, store_version=changed.version)
    return Hydrated(live, Hydration.SAVED, len(since), delta, "")


def are_current(store: GraphStore) -> bool:
    """Whether the store's relationships belong to its present items."""
    position = store.position(RELATIONSHIPS)
    changed = store.changed_after(int(position)) if position.isdigit() else None
    return changed is not None and not changed.items and not changed.gone
