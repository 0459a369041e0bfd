"""What an inventory changes: the one rule that every store applies.

A state counts from when the provider was asked, or from the end of the collection run where the record does
not say. An observation older than the last sight of the stored state is history and changes nothing now. Only a
gap-free inventory retires, and only what no other collection still holds. Events have the same rules, and their own
module (`graph.stores.events`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from operator import attrgetter
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, ResourceId, resource_key, resource_keys
from domain.tenancy import TenantId
from graph.stores.contract import ChangeKind, ItemChange, PutCounts
from graph.stores.instants import NEVER_US, us_from_instant
from graph.stores.known import Known, KnownColumns
from graph.stores.sightings import Sightings, Touch, captured_us


@dataclass(frozen=True, slots=True)
class Past:
    """One stored version."""

    key: str
    version: int
    fingerprint: str
    valid_from: datetime
    captured_at: datetime | None
    is_retired: bool


PastOf: TypeAlias = "Callable[[frozenset[str]], Collection[Past]]"
"""Every stored version of the keys given."""


class NewVersion(NamedTuple):
    """A version to be added: `item` is what was seen, or what was last seen when it retires.

    Args:
        seen_at: when it was seen last; None where that is `valid_from`.
    """

    key: str
    item: ConfigurationItem
    fingerprint: str
    valid_from: datetime
    is_retired: bool = False
    is_told: bool = False
    seen_at: datetime | None = None


class Repeat(NamedTuple):
    """A version to be added that has the item of a stored one: a retirement, or a state that is still there.

    Args:
        version: number of the stored one.
    """

    key: str
    version: int
    valid_from: datetime
    is_retired: bool
    is_told: bool = False
    seen_at: datetime | None = None


class Planned(NamedTuple):
    """A change of the latest state.

    Args:
        uid: how what is gone is spelt.
        after: None for a retirement.
    """

    key: str
    kind: ChangeKind
    at: datetime
    after: ConfigurationItem | None
    uid: str = ""


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What to write.

    Args:
        added: versions in the order in which they count at equal times.
        members: keys that the collection holds from now on; None for events, which belong to no collection.
        unknown_gone: keys of which nothing is stored but that they were deleted, with the instant.
    """

    added: tuple[NewVersion | Repeat, ...]
    touched: Sightings
    changes: tuple[Planned, ...]
    counts: PutCounts
    members: frozenset[str] | None = None
    unknown_gone: tuple[tuple[str, datetime], ...] = ()


def item_changes(planned: Iterable[Planned]) -> tuple[ItemChange, ...]:
    """The changes in order of key."""
    return tuple(
        ItemChange(ResourceId(each.uid if each.after is None else each.after.uid), each.after, each.at, each.kind)
        for each in sorted(planned, key=attrgetter("key"))
    )


def fingerprint(item: ConfigurationItem) -> str:
    """Equal for two observations of one state; where and when it was read does not matter."""
    return _mark(item, _tag_text(sorted(item.tags.items())))


def fingerprints(items: Iterable[ConfigurationItem]) -> list[str]:
    """`fingerprint` of each; many have the same tags."""
    texts: dict[tuple[tuple[str, str], ...], str] = {}
    marks = []
    for item in items:
        tags = tuple(item.tags.items())
        text = texts.get(tags)
        if text is None:
            text = texts[tags] = _tag_text(sorted(tags))
        marks.append(_mark(item, text))
    return marks


def _tag_text(tags: Sequence[tuple[str, str]]) -> str:
    return "\x1e".join([f"{key}\x1f{value}" for key, value in tags])


def _mark(item: ConfigurationItem, tags: str) -> str:
    parts = (item.digest, item.uid, item.type, item.provider, item.name, item.scope, item.region, tags, *item.unread)
    text = "\x1d".join(parts) + ("\x1ds" if item.synthetic else "\x1dr")
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def plan(
    inventory: Inventory,
    *,
    tenant: TenantId,
    at: datetime,
    known: KnownColumns,
    past: PastOf,
    members: Collection[str],
    held_elsewhere: Collection[str],
) -> MergePlan:
    """Decide what one inventory changes.

    What is as it was is found in columns, and costs little; each of the others is looked at by itself.

    Args:
        known: the latest versions.
        past: asked only for keys with former states.
        members: keys that the collection held before.
        held_elsewhere: keys that other collections hold.

    Raises:
        InputError: an item belongs to another tenant.
    """
    require_tenant(inventory.items, tenant)
    require_tenant(inventory.former, tenant)
    keys = resource_keys([item.uid for item in inventory.items])
    marks = fingerprints(inventory.items)
    rows = known.places(keys)
    is_same = known.are_present(rows, marks)
    again = _again(inventory.items, keys, np.flatnonzero(is_same), rows, known=known, at=at)
    sorting = _Sorting(known, at)
    for place in np.flatnonzero(~is_same).tolist():
        key = keys[place]
        if key in known:
            sorting.see(inventory.items[place], key, marks[place])
        else:
            sorting.take_new(inventory.items[place], key, marks[place])
    former = [*_former(inventory, at), *sorting.older]
    unseen = _unseen(former, past)
    seen = set(keys)
    retired, kept = _retired(inventory, at, known=known, seen=seen, members=members, held_elsewhere=held_elsewhere)
    touched = again if not sorting.touched else Sightings.of([*again, *sorting.touched])
    return MergePlan(
        added=(*unseen, *_still_there(unseen, sorting, touched), *sorting.latest, *retired),
        touched=touched,
        changes=(*sorting.changes, *map(_retirement, retired)),
        counts=PutCounts(
            sorting.new,
            sorting.changed,
            sorting.unchanged + int(is_same.sum()),
            retired=len(retired),
            older=len(sorting.older),
        ),
        members=frozenset(seen | kept),
    )


def _again(
    items: Sequence[ConfigurationItem],
    keys: Sequence[str],
    places: NDArray[np.int64],
    rows: NDArray[np.int64],
    *,
    known: KnownColumns,
    at: datetime,
) -> Sightings:
    """What was seen as it was known, but later or elsewhere."""
    if not len(places):
        return Sightings.of(())
    at_rows, chosen = rows[places], [items[place] for place in places.tolist()]
    read_us = captured_us(chosen)
    seen_us = np.where(read_us == NEVER_US, us_from_instant(at), read_us)
    is_elsewhere = (
        (known.captured_us[at_rows] != read_us)
        | (known.lines[at_rows] != np.array([item.origin.line for item in chosen], np.int64))
        | (known.files[at_rows] != known.codes_of([item.origin.file for item in chosen]))
    )
    (moved,) = np.nonzero(is_elsewhere & (seen_us >= known.seen_us[at_rows]))
    return Sightings(
        [keys[place] for place in places[moved].tolist()],
        known.numbers[at_rows[moved]],
        [chosen[place] for place in moved.tolist()],
        read_us[moved],
        seen_us[moved],
    )


def require_tenant(items: Collection[ConfigurationItem], tenant: TenantId) -> None:
    """Refuse another tenant's item.

    Raises:
        InputError: there is one.
    """
    if {item.tenant for item in items} <= {tenant}:
        return
    for item in items:
        if item.tenant != tenant:
            raise InputError(
                "an item belongs to another tenant",
                uid=item.uid,
                expected=tenant,
                got=item.tenant,
                todo="Open the store of that tenant",
            )


class _Sorting:
    """Takes the items of an inventory one after the other, and notes what each means beside what is known."""

    def __init__(self, known: Mapping[str, Known], at: datetime) -> None:
        self.known = known
        self.at = at
        self.latest: list[NewVersion] = []
        self.older: list[NewVersion] = []
        self.touched: list[Touch] = []
        self.changes: list[Planned] = []
        self.new = self.changed = self.unchanged = 0

    def take_new(self, item: ConfigurationItem, key: str, mark: str) -> None:
        """Take in an item of which nothing is known."""
        at = item.captured_at or self.at
        self.latest.append(NewVersion(key, item, mark, at))
        self.changes.append(Planned(key, ChangeKind.NEW, at, item))
        self.new += 1

    def see(self, item: ConfigurationItem, key: str, mark: str) -> None:
        """Sort in an item of something that is known."""
        version = NewVersion(key, item, mark, item.captured_at or self.at)
        before = self.known[key]
        if before.is_retired:
            if before.is_told and item.captured_at is not None and item.captured_at < before.valid_from:
                self.older.append(version)
            else:
                self._take(_not_before(version, before.valid_from), ChangeKind.NEW)
        elif before.fingerprint == version.fingerprint:
            self.unchanged += 1
            self._touch(version, before)
        elif version.valid_from < before.seen_at:
            self.older.append(version)
        else:
            self._take(version, ChangeKind.CHANGED)

    def _take(self, version: NewVersion, kind: ChangeKind) -> None:
        self.latest.append(version)
        self.changes.append(Planned(version.key, kind, version.valid_from, version.item))
        if kind is ChangeKind.NEW:
            self.new += 1
        else:
            self.changed += 1

    def _touch(self, version: NewVersion, before: Known) -> None:
        assert before.version is not None, "what is not retired has a state"
        if before.seen != _seen(version.item) and version.valid_from >= before.seen_at:
            self.touched.append(Touch(version.key, before.version, version.item, version.valid_from))


def _version(item: ConfigurationItem, valid_from: datetime) -> NewVersion:
    return NewVersion(resource_key(item.uid), item, fingerprint(item), valid_from)


def _not_before(version: NewVersion, instant: datetime) -> NewVersion:
    return version if version.valid_from >= instant else version._replace(valid_from=instant)


def _former(inventory: Inventory, at: datetime) -> list[NewVersion]:
    """Replaced observations, each no later than what replaced it. One without a time has no place in history."""
    if not inventory.former:
        return []
    current = {resource_key(item.uid): item.captured_at or at for item in inventory.items}
    return [
        _version(item, min(item.captured_at, current.get(resource_key(item.uid), at)))
        for item in inventory.former
        if item.captured_at is not None
    ]


def _unseen(versions: list[NewVersion], past: PastOf) -> list[NewVersion]:
    if not versions:
        return []
    found = past(frozenset(version.key for version in versions))
    stored = {(each.key, each.fingerprint, each.captured_at) for each in found if not each.is_retired}
    unseen = []
    for version in versions:
        observation = (version.key, version.fingerprint, version.item.captured_at)
        if observation not in stored:
            stored.add(observation)
            unseen.append(version)
    return unseen


def _still_there(former: Sequence[NewVersion], sorting: _Sorting, touched: Sightings) -> list[NewVersion | Repeat]:
    """States that stay the latest although history now has another one after their beginning: they begin again."""
    if not former:
        return []
    seen_at = {touch.key: touch.seen_at for touch in touched}
    replaced = {version.key for version in sorting.latest}
    found: dict[str, NewVersion | Repeat] = {}
    for version in former:
        before = sorting.known.get(version.key)
        if before is None or version.key in replaced:
            continue
        if before.version is None:
            found[version.key] = version._replace(valid_from=before.valid_from, is_retired=True, is_told=True)
        elif version.valid_from >= before.valid_from:
            again = max(seen_at.get(version.key, before.seen_at), version.valid_from)
            found[version.key] = Repeat(version.key, before.version, again, before.is_retired, before.is_told)
    return list(found.values())


def _retirement(version: Repeat) -> Planned:
    return Planned(version.key, ChangeKind.RETIRED, version.valid_from, None, version.key)


def _seen(item: ConfigurationItem) -> tuple[datetime | None, str, int]:
    return (item.captured_at, item.origin.file, item.origin.line)


def _retired(
    inventory: Inventory,
    at: datetime,
    *,
    known: Mapping[str, Known],
    seen: Collection[str],
    members: Collection[str],
    held_elsewhere: Collection[str],
) -> tuple[list[Repeat], set[str]]:
    """What retires, and keys that stay members because absence is not proved."""
    missing: Sequence[str] = sorted(key for key in members if key not in seen)
    if not inventory.is_complete:
        return [], set(missing)
    gone, kept = [], set()
    for key in missing:
        before = known.get(key)
        if before is None or before.is_retired or before.version is None:
            continue
        if before.is_told and before.valid_from > at:
            kept.add(key)
        elif key not in held_elsewhere:
            gone.append(Repeat(key, before.version, max(at, before.valid_from), is_retired=True))
    return gone, kept
