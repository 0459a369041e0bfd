"""What became of changes that were taken from a stream, and whether a store came to what was shown of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from actors.shards.ahead import Portion, Seen
from domain.change import ChangeEvent
from domain.resource import ConfigurationItem, ResourceId, resource_key
from graph.stores.contract import Applied, GraphStore, ItemChange


@dataclass(frozen=True, slots=True)
class Followed:
    """What one look at the stream, or one write of what was shown, came to.

    Args:
        changes: what changed the latest state of resources, by the store.
        parked: ids of batches that were put aside.
        is_behind: more was waiting than was taken.
    """

    batches: int = 0
    events: int = 0
    changes: tuple[ItemChange, ...] = ()
    parked: tuple[str, ...] = ()
    is_behind: bool = False


class Moved(Protocol):
    """A resource that has another state than before."""

    @property
    def uid(self) -> ResourceId:
        """Which."""

    @property
    def after(self) -> ConfigurationItem | None:
        """The state that it has now; None where it is gone."""


@dataclass(slots=True)
class News:
    """What has changed in what is shown, in order, for whoever is to hear of it.

    Args:
        told: the events that say who caused it.
    """

    moved: list[Moved] = field(default_factory=list)
    told: list[ChangeEvent] = field(default_factory=list)

    def add(self, moved: Iterable[Moved], events: Iterable[ChangeEvent]) -> None:
        """More has changed."""
        self.moved += moved
        self.told += [event for event in events if event.principal]


@dataclass(slots=True)
class Taken:
    """What of a delivery has been dealt with."""

    events: int = 0
    changes: list[ItemChange] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)

    def followed(self, batches: int, *, is_behind: bool) -> Followed:
        """As an answer."""
        return Followed(batches, self.events, tuple(self.changes), tuple(self.parked), is_behind)


def agrees(store: GraphStore, applied: Applied, portions: Sequence[Portion]) -> bool:
    """Whether the store came to the states that were shown."""
    shown = {resource_key(each.uid): each for portion in portions for each in portion.seen}
    known = {resource_key(each.uid): each.after for each in applied.changes}
    others = [each for key, each in shown.items() if key not in known]
    if others:
        known |= {resource_key(each.uid): each for each in store.documents([each.uid for each in others])}
    return known.keys() <= shown.keys() and all(_is_state(each, known.get(key)) for key, each in shown.items())


def _is_state(seen: Seen, item: ConfigurationItem | None) -> bool:
    if seen.after is None or item is None:
        return seen.after is item
    return seen.after.digest == item.digest
