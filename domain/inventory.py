"""What one collection run saw, and what it could not see."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.resource import ConfigurationItem, Origin, ResourceId


class RecordClass(StrEnum):
    """What a record turned out to be. Everything but a gap counts as recognised."""

    RESOURCE = "resource"
    LIST = "list"
    CATALOGUE = "catalogue"
    EMPTY = "empty"
    BILLING = "billing"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be read: where, why, and what would close it."""

    origin: Origin
    reason: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What one file came to.

    Args:
        format: what it was recognised as, such as ``ndjson`` or ``terraform-state``; ``mixed`` is possible.
        records: number of records in it, gaps included.
        classes: how many records of each class, most frequent first.
        resources: resources taken out of it; a list record may hold many.
    """

    path: str
    format: str
    records: int
    classes: tuple[tuple[RecordClass, int], ...]
    resources: int
    gaps: tuple[Gap, ...]

    @property
    def recognised(self) -> int:
        """Records that are not gaps."""
        return sum(count for kind, count in self.classes if kind is not RecordClass.GAP)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The result of one collection run.

    Args:
        items: the current state of each resource, one per id, in order of `resource_key`.
        former: observations that a newer one replaced, oldest first; history, not state.
        gaps: everything that could not be read, over all files.
        files: a report per file, in order of path.
        repeated: how many observations repeated an id (replaced or identical).
    """

    items: tuple[ConfigurationItem, ...]
    former: tuple[ConfigurationItem, ...]
    gaps: tuple[Gap, ...]
    files: tuple[FileReport, ...]
    repeated: int

    @property
    def ids(self) -> frozenset[ResourceId]:
        """The ids of everything that was seen."""
        return frozenset(item.uid for item in self.items)

    @property
    def is_complete(self) -> bool:
        """Whether absence from this inventory proves absence."""
        return not self.gaps


def absent(previous: frozenset[ResourceId], inventory: Inventory) -> frozenset[ResourceId]:
    """Resources that are gone. An incomplete inventory proves no absence."""
    if inventory.gaps:
        return frozenset()
    return previous - inventory.ids
