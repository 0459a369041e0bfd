"""Which changes are shown before the store has them, and what of them the store is still to get.

A change is acknowledged when it is in the stream, and the stream keeps it until the store has it. So a graph may show
it at once, as long as it is certain that the store will come to the same state: the store counts the latest state of a
resource by its provider's clock. An event is known to be the latest where it is later than the one that was shown last
of its resource, or later than anything that the store held when the graph was read. Of any other event the store is
asked first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from domain.change import ChangeBatch, ChangeEvent
from domain.resource import ConfigurationItem, Relationship, ResourceId, resource_key
from domain.tenancy import TenantId
from graph.live import Delta
from graph.stores.contract import SKEW_MAX
from graph.stores.merge import fingerprint

LATEST_MAX: Final = 20_000
"""Resources of which the time of the latest state is kept; then they are forgotten together, to begin anew."""

_GONE: Final = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A batch and where it stood in the stream."""

    position: str
    batch: ChangeBatch


@dataclass(frozen=True, slots=True)
class Seen:
    """The state that a resource has from an event on."""

    uid: ResourceId
    after: ConfigurationItem | None
    at: datetime


class Latest:
    """The times of the latest states, as far as they decide about the next events.

    Args:
        horizon: no state that the store holds is later, but those noted here.
    """

    def __init__(self, tenant: TenantId, horizon: datetime) -> None:
        self._tenant = tenant
        self._horizon = horizon
        self._known: dict[str, tuple[datetime, str | None]] = {}

    def decided(self, events: Sequence[ChangeEvent], now: datetime) -> tuple[Seen, ...] | None:
        """What events change, in order; None where the store is to be asked.

        Args:
            now: what comes from the future, the store is to refuse.
        """
        fresh: dict[str, tuple[datetime, str | None]] = {}
        seen: list[Seen] = []
        for event in sorted(events, key=lambda event: event.at):
            if not self._is_sound(event, now):
                return None
            key, mark = resource_key(event.uid), _GONE if event.item is None else fingerprint(event.item)
            known = fresh.get(key) or self._known.get(key)
            at, last = known or (self._horizon, None)
            if event.at > at:
                fresh[key] = (event.at, mark)
                if mark != last:
                    seen.append(Seen(event.uid, event.item, event.at))
            elif known is None or (event.at == at and mark != last):
                return None
        self._note(fresh)
        return tuple(seen)

    def told(self, events: Iterable[ChangeEvent]) -> None:
        """The store was asked about events and has decided."""
        fresh: dict[str, tuple[datetime, str | None]] = {}
        for event in events:
            key = resource_key(event.uid)
            at, _ = fresh.get(key) or self._known.get(key) or (self._horizon, None)
            if event.at >= at:
                fresh[key] = (event.at, None)
        self._note(fresh)

    def _note(self, fresh: dict[str, tuple[datetime, str | None]]) -> None:
        self._known.update(fresh)
        if len(self._known) > LATEST_MAX:
            self._horizon = max(at for at, _ in self._known.values())
            self._known.clear()

    def _is_sound(self, event: ChangeEvent, now: datetime) -> bool:
        """Whether the store takes an event, whatever it holds."""
        item = event.item
        return event.at <= now + SKEW_MAX and (
            item is None or (item.tenant == self._tenant and resource_key(item.uid) == resource_key(event.uid))
        )


@dataclass(eq=False, slots=True)
class Portion:
    """Batches that are shown together and written together.

    Args:
        seen: what they changed.
        delta: what that did to the edges.
        is_written: the store has them.
    """

    placed: tuple[Placed, ...]
    events: tuple[ChangeEvent, ...]
    seen: tuple[Seen, ...]
    delta: Delta
    is_written: bool = False

    @property
    def position(self) -> str:
        """Where the stream goes on behind it."""
        return self.placed[-1].position


@dataclass(slots=True)
class Ahead:
    """What is shown and not yet in the store, oldest first. One thread at a time changes it; any may ask."""

    _portions: deque[Portion] = field(default_factory=deque)
    _items: dict[str, tuple[Portion, ConfigurationItem | None]] = field(default_factory=dict)
    _events: int = 0

    def __len__(self) -> int:
        """Events that wait to be written."""
        return self._events

    def add(self, portion: Portion) -> None:
        """A portion is shown."""
        self._portions.append(portion)
        self._events += len(portion.events)
        self._items.update({resource_key(each.uid): (portion, each.after) for each in portion.seen})

    def first(self, events_max: int) -> tuple[Portion, ...]:
        """The oldest portions, about so many events together, at least one portion where there is any."""
        found: list[Portion] = []
        count = 0
        for portion in self._portions:
            if found and count + len(portion.events) > events_max:
                break
            found.append(portion)
            count += len(portion.events)
        return tuple(found)

    def drop_written(self) -> None:
        """Forget what the store has by now."""
        while self._portions and self._portions[0].is_written:
            gone = self._portions.popleft()
            self._events -= len(gone.events)
            for event in gone.events:
                key = resource_key(event.uid)
                if key in self._items and self._items[key][0] is gone:
                    del self._items[key]

    def item(self, uid: str) -> tuple[bool, ConfigurationItem | None]:
        """Whether a resource's latest state is here, and that; None where it is gone."""
        found = self._items.get(resource_key(uid))
        return (False, None) if found is None else (True, found[1])

    def items(self) -> dict[str, ConfigurationItem | None]:
        """The latest states that are here, by key."""
        return {key: item for key, (_, item) in dict(self._items).items()}

    def clear(self) -> None:
        """Forget everything: it is taken from the stream again."""
        self._portions.clear()
        self._items.clear()
        self._events = 0


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges of some sources, as they are from now on."""

    sources: frozenset[ResourceId]
    relationships: tuple[Relationship, ...]


def joined(deltas: Iterable[Delta]) -> Edges:
    """The edges that several deltas leave: of each source, as the last that names it says."""
    sources: dict[str, ResourceId] = {}
    found: dict[str, list[Relationship]] = {}
    for delta in deltas:
        for uid in delta.sources:
            sources[resource_key(uid)], found[resource_key(uid)] = uid, []
        for each in delta.relationships:
            found[resource_key(each.source)].append(each)
    return Edges(frozenset(sources.values()), tuple(each for edges in found.values() for each in edges))
