"""What every store of a tenant's graph can do.

A store is opened for one tenant and has no way to name another, so a query across two cannot be written. It
keeps versions: an item's state from an instant until the next version or its retirement. Decided elsewhere:
what counts as a change (`graph.stores.merge`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.change import ChangeEvent
from domain.finding import Violation
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, Relationship, ResourceId
from domain.tenancy import TenantId
from domain.value import Json
from graph.references import Dangling
from graph.stores.coverage import CollectionRecord


class ChangeKind(StrEnum):
    """What happened to a resource."""

    NEW = "new"
    CHANGED = "changed"
    RETIRED = "retired"


CHANGE_KINDS: tuple[ChangeKind, ...] = tuple(ChangeKind)
"""Change kinds by the code that columns hold."""


SKEW_MAX: Final = timedelta(minutes=10)
"""How far a provider's clock may be ahead of ours."""

NO_RESOURCE_TODO = "Check the id, or scan the file that holds the resource"


@dataclass(frozen=True, slots=True)
class PutCounts:
    """What one inventory, or some events, did to the store.

    Args:
        older: observations of a state before the stored one; they go to history and change nothing now.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    older: int = 0


@dataclass(frozen=True, slots=True)
class ItemChange:
    """What a write did to the latest state of one resource.

    Args:
        uid: as its item spells it; where it is gone, as the event does, or else its key.
        at: since when the new state counts.
        after: None where it is gone.
    """

    uid: ResourceId
    after: ConfigurationItem | None
    at: datetime
    kind: ChangeKind


@dataclass(frozen=True, slots=True)
class Applied:
    """What a write came to.

    Args:
        changes: only what changed the latest state, one for each resource, in order of `resource_key`; late and
            repeated events give none.
        version: the store's version after the write.
    """

    changes: tuple[ItemChange, ...]
    counts: PutCounts
    version: int = 0


class Related(Protocol):
    """The relationships of some sources, as they are from now on; a live graph's `Delta` is one."""

    @property
    def sources(self) -> Collection[ResourceId]: ...
    @property
    def relationships(self) -> Collection[Relationship]: ...


Relate: TypeAlias = "Callable[[Applied], Related]"
"""What follows from changes that are about to be written."""


@dataclass(frozen=True, slots=True)
class ChangedItems:
    """What lies between a version and the present one.

    Args:
        version: the version that these bring a reader to.
        items: the latest state of what is new or changed, in order of `resource_key`.
        gone: ids of what was retired; it may hold some that the reader never had.
    """

    version: int
    items: tuple[ConfigurationItem, ...]
    gone: tuple[ResourceId, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """The whole current graph as columns, as of one version.

    Args:
        resources: uid, name, digest (text), type, scope, region, provider (dictionary), synthetic; a row for each
            resource, in order of `resource_key`.
        edges: source, target (int32, rows of `resources`), kind, strength (uint8, indexes into `KINDS` and
            `STRENGTHS`), path (dictionary); in order of source, target and kind.
        dangling: relationships of these resources to something that the store does not hold now.
    """

    version: int
    resources: pa.Table
    edges: pa.Table
    dangling: tuple[Dangling, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """From when on a resource was in a state, without its document, which `items` as of then has.

    Args:
        digest: of the document; a retirement keeps that of the last one seen.
    """

    at: datetime
    kind: ChangeKind
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Changes as columns, in order of time, then id.

    Shapes:
        at_us: int64 (n,), microseconds since 1970 in UTC.
        kinds: uint8 (n,), index into `CHANGE_KINDS`.
    """

    uids: tuple[str, ...]
    types: tuple[str, ...]
    scopes: tuple[str, ...]
    at_us: NDArray[np.int64]
    kinds: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.uids)


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """One finished scan: a summary, and what it found."""

    scan_id: str
    at: datetime
    summary: Mapping[str, Json]
    violations: frozenset[Violation] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class StoredDefinition:
    """An imported policy definition as it came, with where it came from."""

    policy_id: str
    document: Mapping[str, Json]
    origin: str
    state: str


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version as a store keeps it.

    Args:
        seen_at: when this state was seen last.
        is_told: whether an event brought it, not an inventory.
    """

    item: ConfigurationItem
    at: datetime
    seen_at: datetime
    is_retired: bool
    is_told: bool


@dataclass(frozen=True, slots=True)
class Archive:
    """Everything that a store keeps of a tenant, in no store's own form.

    Args:
        versions: in an order in which the later counts at equal times.
        collections: each with the keys that it holds, in order of name.
        unknown_gone: keys of what was deleted before it was ever seen, in order.
        positions: of streams, in order of name.
        scans: in the order in which they were saved.
    """

    version: int
    versions: tuple[StoredVersion, ...]
    collections: tuple[tuple[CollectionRecord, frozenset[str]], ...]
    unknown_gone: tuple[tuple[str, datetime], ...]
    positions: tuple[tuple[str, str], ...]
    relationships: tuple[Relationship, ...]
    scans: tuple[ScanRecord, ...]
    definitions: tuple[StoredDefinition, ...]


class GraphStore(Protocol):
    """One tenant's items, their history, relationships, scans and imported definitions."""

    @property
    def tenant(self) -> TenantId:
        """Whose store this is."""

    def claim(self, holder: str) -> int:
        """Become the one writer, for example after another one is taken for dead.

        The epoch grows by one. Whoever wrote or claimed before can write no longer: each write compares the epoch
        in its own transaction. A store that never claims writes under the epoch that it finds at its first write.

        Args:
            holder: who claims, for people to read.

        Returns:
            The new epoch.
        """

    def put_inventory(self, inventory: Inventory, collection: str, at: datetime) -> PutCounts:
        """Record what a collection run saw; all of it or nothing.

        Args:
            collection: name of the run's coverage. A gap-free inventory retires resources that only earlier
                inventories of the same collection hold. What is known from events alone, an event retires.
            at: when the run ended; the time of states whose record has none, and of retirements.

        Raises:
            InputError: an item belongs to another tenant.
            ConflictError: another writer has claimed the store.
            UnavailableError: the store cannot write, for example because the disk is full.
        """

    def put(self, inventory: Inventory, collection: str, at: datetime) -> Applied:
        """`put_inventory`, with what it changed."""

    def apply(
        self,
        events: Sequence[ChangeEvent],
        *,
        stream: str = "",
        position: str = "",
        now: datetime | None = None,
        relate: Relate | None = None,
    ) -> Applied:
        """Record observed changes, all or nothing, together with how far their stream was read.

        A resource has the state with the latest time by the provider's clock. What is older than that (or than its
        retirement) goes to history; what was applied before has no effect.

        Args:
            stream: where the events come from; the store remembers the last `position` given for it, even when no
                event changes anything.
            now: where given, an event from more than `SKEW_MAX` after it is refused: a clock that is ahead would
                keep later changes from counting.
            relate: called once, when all events are known to be sound and before anything is written, with what is
                about to be returned; what it returns is written in the same transaction. It may read from this store,
                which shows what was there before. Where it raises, or the write fails after it, nothing is written,
                and whatever it has changed elsewhere is ahead of the store.

        Returns:
            What was written; its version is the one with the relationships of `relate`.

        Raises:
            InputError: an event names another tenant or resource than its item does, or comes from the future; or
                a relationship has another source.
            ConflictError: another writer has claimed the store.
            UnavailableError: the store cannot write, or another process wrote after `relate` was called.
        """

    def position(self, stream: str) -> str:
        """The last position of a stream that `apply` was given; empty when there is none."""

    def version(self) -> int:
        """A number that grows with every write that changes items or relationships."""

    def changed_after(self, version: int) -> ChangedItems | None:
        """What changed since a version; None where the store cannot tell, because it never had that version.

        Where a state was merely seen again, or relationships alone changed, nothing is listed.
        """

    def read_out(self) -> Readout:
        """The whole current graph in one pass, without documents."""

    def documents(self, uids: Sequence[str]) -> tuple[ConfigurationItem, ...]:
        """The latest state of some resources, in order of `resource_key`; those that are not here are left out."""

    def unproven(self) -> frozenset[str]:
        """Accounts of which a collection's latest inventory did not see everything, as `account_of` writes them.

        There, that a resource is not here does not prove that there is none; ``*`` where that holds of all.
        """

    def items(self, as_of: datetime | None = None) -> tuple[ConfigurationItem, ...]:
        """The resources that existed at an instant (default: the latest state), in order of `resource_key`."""

    def item(self, uid: str) -> ConfigurationItem:
        """One resource's latest state.

        Raises:
            NotFound: this tenant has no such resource now.
        """

    def history(self, uid: str) -> tuple[Version, ...]:
        """When one resource came into each of its states, oldest first; empty when it was never seen."""

    def changes(self, since: datetime, until: datetime) -> Changes:
        """What changed after `since`, up to and including `until`."""

    def put_relationships(self, relationships: Iterable[Relationship]) -> None:
        """Replace the current relationships. Both ends may be unknown to the store."""

    def put_relationships_of(self, sources: Collection[ResourceId], relationships: Iterable[Relationship]) -> None:
        """Replace the relationships of some sources, and leave all others.

        Raises:
            InputError: a relationship has another source.
        """

    def relationships(self) -> tuple[Relationship, ...]:
        """The current relationships, in order of source, target and kind."""

    def save_scan(self, scan: ScanRecord) -> None:
        """Keep a scan; the same id again replaces it."""

    def scans(self) -> tuple[ScanRecord, ...]:
        """Every scan without its violations, in the order in which they were saved."""

    def last_scan(self) -> ScanRecord | None:
        """The scan saved last, with its violations."""

    def violations_of(self, scan_id: str) -> frozenset[Violation]:
        """What one scan found.

        Raises:
            NotFound: this tenant has no such scan.
        """

    def save_definitions(self, definitions: Sequence[StoredDefinition]) -> None:
        """Keep imported definitions; the same policy id again replaces the former."""

    def definitions(self) -> tuple[StoredDefinition, ...]:
        """Imported definitions, in order of policy id."""

    def archive(self) -> Archive:
        """Everything that is kept, for another store."""

    def restore(self, archive: Archive) -> None:
        """Take over what another store kept, all or nothing; readers of that one's version are up to date here too.

        Raises:
            ConflictError: this store has something already.
        """

    def close(self) -> None:
        """Let go of what the store holds; further calls are an error."""
