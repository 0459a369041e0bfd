"""What every store of a tenant's graph can do.

A store is opened for one tenant and has no way to name another, so a query across two cannot be written. It
keeps versions: an item's state from an instant until the next version or its retirement. Decided elsewhere:
what counts as a change (`graph.stores.merge`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from domain.finding import Violation
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, Relationship
from domain.tenancy import TenantId
from domain.value import Json


class ChangeKind(StrEnum):
    """What happened to a resource."""

    NEW = "new"
    CHANGED = "changed"
    RETIRED = "retired"


CHANGE_KINDS: tuple[ChangeKind, ...] = tuple(ChangeKind)
"""Change kinds by the code that columns hold."""


NO_RESOURCE_TODO = "Check the id, or scan the file that holds the resource"


@dataclass(frozen=True, slots=True)
class PutCounts:
    """What one inventory did to the store.

    Args:
        older: observations of a state before the stored one; they go to history and change nothing now.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    older: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """One resource's state from `at` on; a retirement keeps the last item seen."""

    at: datetime
    kind: ChangeKind
    item: ConfigurationItem


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


class GraphStore(Protocol):
    """One tenant's items, their history, relationships, scans and imported definitions."""

    @property
    def tenant(self) -> TenantId:
        """Whose store this is."""

    def put_inventory(self, inventory: Inventory, collection: str, at: datetime) -> PutCounts:
        """Record what a collection run saw; all of it or nothing.

        Args:
            collection: name of the run's coverage. A gap-free inventory retires resources that only earlier
                inventories of the same collection hold.
            at: when the run ended; the time of states whose record has none, and of retirements.

        Raises:
            InputError: an item belongs to another tenant.
            UnavailableError: the store cannot write, for example because the disk is full.
        """

    def items(self, as_of: datetime | None = None) -> tuple[ConfigurationItem, ...]:
        """The resources that existed at an instant (default: the latest state), in order of `resource_key`."""

    def item(self, uid: str) -> ConfigurationItem:
        """One resource's latest state.

        Raises:
            NotFound: this tenant has no such resource now.
        """

    def history(self, uid: str) -> tuple[Version, ...]:
        """Every recorded version of one resource, oldest first; empty when it was never seen."""

    def changes(self, since: datetime, until: datetime) -> Changes:
        """What changed after `since`, up to and including `until`."""

    def put_relationships(self, relationships: Iterable[Relationship]) -> None:
        """Replace the current relationships."""

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

    def close(self) -> None:
        """Let go of what the store holds; further calls are an error."""
