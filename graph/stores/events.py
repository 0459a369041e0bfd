"""What observed changes do to a store: late, repeated and reordered events end in the same state.

A resource has the state with the latest time. Two states of one instant count in the order in which they arrive. A
deletion of something that was never seen is remembered, so that an event from before it brings nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.change import ChangeEvent
from domain.clock import format_instant
from domain.errors import InputError
from domain.resource import ConfigurationItem, resource_key
from domain.tenancy import TenantId
from graph.stores.contract import SKEW_MAX, ChangeKind, PutCounts
from graph.stores.known import Known
from graph.stores.merge import (
    MergePlan,
    NewVersion,
    Past,
    PastOf,
    Planned,
    Repeat,
    fingerprint,
    require_tenant,
)
from graph.stores.sightings import Sightings, Touch


def plan_events(
    events: Sequence[ChangeEvent],
    *,
    tenant: TenantId,
    known: Mapping[str, Known],
    past: PastOf,
    now: datetime | None = None,
) -> MergePlan:
    """Decide what events change.

    Args:
        known: the latest version of each resource that the events name, by key.
        past: asked only for keys with events that are not later than what is known.
        now: where given, refuse what comes from more than `SKEW_MAX` after it.

    Raises:
        InputError: an event contradicts itself, belongs to another tenant, or comes from the future.
    """
    for event in events:
        _require_sound(event, now)
    require_tenant([event.item for event in events if event.item is not None], tenant)
    by_key: dict[str, list[ChangeEvent]] = {}
    for event in events:
        by_key.setdefault(resource_key(event.uid), []).append(event)
    history = _history(by_key, known, past)
    lines = [_Line(key, known.get(key), history.get(key, ())) for key in sorted(by_key)]
    for line in lines:
        for event in sorted(by_key[line.key], key=lambda event: event.at):
            line.take(event)
    return _joined(lines)


def _require_sound(event: ChangeEvent, now: datetime | None) -> None:
    if event.item is not None and resource_key(event.item.uid) != resource_key(event.uid):
        raise InputError(
            "an event names another resource than its item",
            uid=event.uid,
            got=event.item.uid,
            todo="Publish an event under the id of its item",
        )
    if now is not None and event.at > now + SKEW_MAX:
        raise InputError(
            "an event comes from the future",
            uid=event.uid,
            at=format_instant(event.at),
            now=format_instant(now),
            todo="Set the clock of the source or of this machine, then publish the event again",
        )


def _history(
    by_key: Mapping[str, Sequence[ChangeEvent]], known: Mapping[str, Known], past: PastOf
) -> dict[str, list[Past]]:
    """Stored versions of the resources that have an event which is not the latest."""
    late = frozenset(
        key
        for key, events in by_key.items()
        if (before := known.get(key)) is not None and min(event.at for event in events) <= before.seen_at
    )
    found: dict[str, list[Past]] = {}
    for each in past(late) if late else ():
        found.setdefault(each.key, []).append(each)
    return {key: sorted(rows, key=lambda each: (each.valid_from, each.version)) for key, rows in found.items()}


@dataclass(slots=True)
class _Row:
    """One state in a resource's line; its item is either stored under a number or came with an event of this batch.

    Args:
        place: where it stands in `_Line.added`, when it is to be added.
    """

    at: datetime
    mark: str
    is_gone: bool
    version: int | None = None
    item: ConfigurationItem | None = None
    place: int | None = None

    @property
    def has_item(self) -> bool:
        return self.version is not None or self.item is not None

    def is_state_of(self, other: _Row) -> bool:
        """Whether both say the same of the resource."""
        return self.is_gone and other.is_gone if self.is_gone or other.is_gone else self.mark == other.mark


class _Line:
    """One resource's states in order of time, with the events of a batch sorted in, earliest first.

    Args:
        history: every stored version where an event is not the latest; else empty.
    """

    def __init__(self, key: str, before: Known | None, history: Sequence[Past]) -> None:
        self.key = key
        self.before = before
        self.added: list[NewVersion | Repeat] = []
        self.touch: Touch | None = None
        self.older = self.unchanged = 0
        self._rows = [_Row(each.valid_from, each.fingerprint, each.is_retired, each.version) for each in history]
        if before is not None and not self._rows:
            self._rows = [_Row(before.valid_from, before.fingerprint, before.is_retired, before.version)]
        self._seen_at = before.seen_at if before is not None else None
        self._spelt = key

    def take(self, event: ChangeEvent) -> None:
        """Sort one event in."""
        self._spelt = event.uid
        row = _Row(
            event.at, "" if event.item is None else fingerprint(event.item), event.item is None, None, event.item
        )
        if self._seen_at is not None and (event.at < self._seen_at or self._is_stored(row)):
            self._insert(row)
        elif self._rows and row.is_state_of(self._rows[-1]):
            self._see_again(row)
        else:
            self._append(row)
            self._seen_at = event.at

    @property
    def gone_unknown_at(self) -> datetime | None:
        """When it was deleted, where nothing is known of it but that."""
        return None if self._rows[-1].has_item else self._rows[-1].at

    def change(self) -> Planned | None:
        """How the latest state differs from what it was before the batch."""
        latest, before = self._rows[-1], self.before
        was_there = before is not None and not before.is_retired
        if latest.is_gone:
            return Planned(self.key, ChangeKind.RETIRED, latest.at, None, self._spelt) if was_there else None
        if before is None or not was_there:
            return Planned(self.key, ChangeKind.NEW, latest.at, latest.item)
        if latest.mark == before.fingerprint:
            return None
        return Planned(self.key, ChangeKind.CHANGED, latest.at, latest.item)

    def _is_stored(self, row: _Row) -> bool:
        return any(row.at == stored.at and row.is_state_of(stored) for stored in self._rows)

    def _see_again(self, row: _Row) -> None:
        self.unchanged += 1
        self._seen_at = row.at
        latest = self._rows[-1]
        if latest.place is not None:
            self.added[latest.place] = self.added[latest.place]._replace(seen_at=row.at)
        elif row.item is not None and latest.version is not None:
            self.touch = Touch(self.key, latest.version, row.item, row.at)
        elif row.is_gone:  # kept, or an older event that comes later would bring the resource back
            self._append(row)

    def _insert(self, row: _Row) -> None:
        """Put an older state into history; where the latest one began before it, that begins again after it."""
        latest = self._rows[-1]
        place = sum(stored.at <= row.at for stored in self._rows)
        former = self._rows[place - 1] if place else None
        if self._is_stored(row) or (row.is_gone if former is None else row.is_state_of(former)):
            self.unchanged += 1
            return
        self.older += 1
        self._add(row, former)
        self._rows.insert(place, row)
        if not latest.has_item:
            latest.item, latest.mark = row.item, row.mark
            self._add(latest, row)
        elif former is latest:
            assert self._seen_at is not None
            self._append(_Row(self._seen_at, latest.mark, latest.is_gone, latest.version, latest.item))

    def _append(self, row: _Row) -> None:
        self._add(row, self._rows[-1] if self._rows else None)
        self._rows.append(row)

    def _add(self, row: _Row, former: _Row | None) -> None:
        """Have a row written; a deletion is written with what was there before it."""
        if row.is_gone and former is not None and not row.has_item:
            row.version, row.item, row.mark = former.version, former.item, former.mark
        if row.has_item:
            row.place = len(self.added)
        if row.item is not None:
            version = NewVersion(self.key, row.item, row.mark, row.at, is_retired=row.is_gone, is_told=True)
            self.added.append(version)
        elif row.version is not None:
            self.added.append(Repeat(self.key, row.version, row.at, row.is_gone, is_told=True))


def _joined(lines: Sequence[_Line]) -> MergePlan:
    changes = tuple(change for line in lines if (change := line.change()) is not None)
    kinds = [change.kind for change in changes]
    return MergePlan(
        added=tuple(version for line in lines for version in line.added),
        touched=Sightings.of(line.touch for line in lines if line.touch is not None),
        changes=changes,
        counts=PutCounts(
            new=kinds.count(ChangeKind.NEW),
            changed=kinds.count(ChangeKind.CHANGED),
            unchanged=sum(line.unchanged for line in lines),
            retired=kinds.count(ChangeKind.RETIRED),
            older=sum(line.older for line in lines),
        ),
        unknown_gone=tuple((line.key, at) for line in lines if (at := line.gone_unknown_at) is not None),
    )
