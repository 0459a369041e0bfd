"""What an inventory changes: the one rule that every store applies.

A state counts from when the provider was asked, or from the end of the collection run where the record does
not say. An observation older than the stored state is history and changes nothing now. Only a gap-free
inventory retires, and only what no other collection still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import TypeAlias

from domain.errors import InputError
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, resource_key
from domain.tenancy import TenantId
from graph.stores.contract import PutCounts

Observation: TypeAlias = "tuple[str, str, datetime | None]"
"""Key, fingerprint and captured_at."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a store knows about the latest version of one resource.

    Args:
        version: the store's own number of the version.
        seen: captured_at, file and line of the latest observation of this state.
    """

    version: int
    fingerprint: str
    valid_from: datetime
    seen: tuple[datetime | None, str, int]
    is_retired: bool = False


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to be added: `item` is what was seen, or what was last seen when it retires."""

    key: str
    item: ConfigurationItem
    fingerprint: str
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What to write for one inventory.

    Args:
        added: versions in the order in which they count.
        touched: versions whose state was seen again, by number, with the observation.
        retired: keys of resources that are gone, with the instant.
        members: keys that the collection holds from now on.
    """

    added: tuple[NewVersion, ...]
    touched: tuple[tuple[int, ConfigurationItem], ...]
    retired: tuple[tuple[str, datetime], ...]
    members: frozenset[str]
    counts: PutCounts


def fingerprint(item: ConfigurationItem) -> str:
    """Equal for two observations of one state; where and when it was read does not matter."""
    tags = "\x1e".join([f"{key}\x1f{value}" for key, value in sorted(item.tags.items())])
    parts = (item.digest, item.uid, item.type, item.provider, item.name, item.scope, item.region, tags, *item.unread)
    text = "\x1d".join(parts) + ("\x1ds" if item.synthetic else "\x1dr")
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def plan(
    inventory: Inventory,
    *,
    tenant: TenantId,
    at: datetime,
    known: Mapping[str, Known],
    past: Callable[[frozenset[str]], Collection[Observation]],
    members: Collection[str],
    held_elsewhere: Collection[str],
) -> MergePlan:
    """Decide what one inventory changes.

    Args:
        known: the latest version by key.
        past: every stored observation of the keys given; asked only for keys with former states.
        members: keys that the collection held before.
        held_elsewhere: keys that other collections hold.

    Raises:
        InputError: an item belongs to another tenant.
    """
    _require_tenant(inventory, tenant)
    latest: list[NewVersion] = []
    former = _former(inventory, at)
    touched: list[tuple[int, ConfigurationItem]] = []
    new = changed = unchanged = older = 0
    seen = set()
    for item in inventory.items:
        version = _version(item, item.captured_at or at)
        seen.add(version.key)
        before = known.get(version.key)
        if before is None or before.is_retired:
            new += 1
            latest.append(version if before is None else _not_before(version, before.valid_from))
        elif before.fingerprint == version.fingerprint:
            unchanged += 1
            if before.seen != _seen(item) and version.valid_from >= before.valid_from:
                touched.append((before.version, item))
        elif version.valid_from < before.valid_from:
            older += 1
            former.append(version)
        else:
            changed += 1
            latest.append(version)
    retired, kept = _retired(inventory, at, known=known, seen=seen, members=members, held_elsewhere=held_elsewhere)
    return MergePlan(
        added=(*_unseen(former, past), *latest),
        touched=tuple(touched),
        retired=retired,
        members=frozenset(seen | kept),
        counts=PutCounts(new, changed, unchanged, len(retired), older),
    )


def _version(item: ConfigurationItem, valid_from: datetime) -> NewVersion:
    return NewVersion(resource_key(item.uid), item, fingerprint(item), valid_from)


def _not_before(version: NewVersion, instant: datetime) -> NewVersion:
    return version if version.valid_from >= instant else replace(version, valid_from=instant)


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


def _unseen(versions: list[NewVersion], past: Callable[[frozenset[str]], Collection[Observation]]) -> list[NewVersion]:
    if not versions:
        return []
    stored = set(past(frozenset(version.key for version in versions)))
    unseen = []
    for version in versions:
        observation = (version.key, version.fingerprint, version.item.captured_at)
        if observation not in stored:
            stored.add(observation)
            unseen.append(version)
    return unseen


def _require_tenant(inventory: Inventory, tenant: TenantId) -> None:
    for item in (*inventory.items, *inventory.former):
        if item.tenant != tenant:
            raise InputError(
                "an item belongs to another tenant",
                uid=item.uid,
                expected=tenant,
                got=item.tenant,
                todo="Open the store of that tenant",
            )


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
) -> tuple[tuple[tuple[str, datetime], ...], set[str]]:
    """Keys that retire with their instants, and keys that stay members because absence is not proved."""
    missing = sorted(key for key in members if key not in seen)
    if not inventory.is_complete:
        return (), set(missing)
    gone = []
    for key in missing:
        before = known.get(key)
        if before is not None and not before.is_retired and key not in held_elsewhere:
            gone.append((key, max(at, before.valid_from)))
    return tuple(gone), set()
