"""A store in memory: for tests, and for scans that keep nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from domain.errors import NotFound
from domain.finding import Violation
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, Relationship, resource_key
from domain.tenancy import TenantId
from graph.stores.contract import (
    CHANGE_KINDS,
    NO_RESOURCE_TODO,
    ChangeKind,
    Changes,
    PutCounts,
    ScanRecord,
    StoredDefinition,
    Version,
)
from graph.stores.instants import us_from_instant
from graph.stores.merge import Known, Observation, plan


@dataclass(frozen=True, slots=True)
class _Row:
    """A version with its number: later numbers win at equal times."""

    number: int
    at: datetime
    item: ConfigurationItem
    fingerprint: str
    is_retired: bool = False


class MemoryStore:
    """Keeps one tenant's versions in dictionaries."""

    def __init__(self, tenant: TenantId) -> None:
        self._tenant = tenant
        self._rows: dict[str, list[_Row]] = {}
        self._members: dict[str, frozenset[str]] = {}
        self._relationships: tuple[Relationship, ...] = ()
        self._scans: dict[str, ScanRecord] = {}
        self._definitions: dict[str, StoredDefinition] = {}
        self._number = 0

    @property
    def tenant(self) -> TenantId:
        return self._tenant

    def put_inventory(self, inventory: Inventory, collection: str, at: datetime) -> PutCounts:
        others = [keys for name, keys in self._members.items() if name != collection]
        merge = plan(
            inventory,
            tenant=self._tenant,
            at=at,
            known={key: _known(rows[-1]) for key, rows in self._rows.items()},
            past=self._past,
            members=self._members.get(collection, frozenset()),
            held_elsewhere=frozenset().union(*others),
        )
        for number, item in merge.touched:
            self._touch(number, item)
        for version in merge.added:
            self._add(version.key, version.valid_from, version.item, version.fingerprint)
        for key, gone_at in merge.retired:
            last = self._rows[key][-1]
            self._add(key, gone_at, last.item, last.fingerprint, is_retired=True)
        self._members[collection] = merge.members
        return merge.counts

    def items(self, as_of: datetime | None = None) -> tuple[ConfigurationItem, ...]:
        found = []
        for key in sorted(self._rows):
            row = next((row for row in reversed(self._rows[key]) if as_of is None or row.at <= as_of), None)
            if row is not None and not row.is_retired:
                found.append(row.item)
        return tuple(found)

    def item(self, uid: str) -> ConfigurationItem:
        rows = self._rows.get(resource_key(uid))
        if not rows or rows[-1].is_retired:
            raise NotFound("no such resource", uid=uid, todo=NO_RESOURCE_TODO)
        return rows[-1].item

    def history(self, uid: str) -> tuple[Version, ...]:
        return tuple(_versions(self._rows.get(resource_key(uid), [])))

    def changes(self, since: datetime, until: datetime) -> Changes:
        found = [
            (version.at, version.item.uid, row.number, version)
            for rows in self._rows.values()
            for row, version in zip(rows, _versions(rows), strict=True)
            if since < version.at <= until
        ]
        found.sort(key=lambda entry: entry[:3])
        versions = [entry[3] for entry in found]
        return Changes(
            uids=tuple(version.item.uid for version in versions),
            types=tuple(version.item.type for version in versions),
            scopes=tuple(version.item.scope for version in versions),
            at_us=np.array([us_from_instant(version.at) for version in versions], np.int64),
            kinds=np.array([CHANGE_KINDS.index(version.kind) for version in versions], np.uint8),
        )

    def put_relationships(self, relationships: Iterable[Relationship]) -> None:
        self._relationships = tuple(sorted(set(relationships), key=lambda r: (r.source, r.target, r.kind, r.path)))

    def relationships(self) -> tuple[Relationship, ...]:
        return self._relationships

    def save_scan(self, scan: ScanRecord) -> None:
        self._scans.pop(scan.scan_id, None)
        self._scans[scan.scan_id] = scan

    def scans(self) -> tuple[ScanRecord, ...]:
        return tuple(replace(scan, violations=frozenset()) for scan in self._scans.values())

    def last_scan(self) -> ScanRecord | None:
        return next(reversed(self._scans.values()), None)

    def violations_of(self, scan_id: str) -> frozenset[Violation]:
        if scan_id not in self._scans:
            raise NotFound("no such scan", scan_id=scan_id)
        return self._scans[scan_id].violations

    def save_definitions(self, definitions: Sequence[StoredDefinition]) -> None:
        self._definitions.update({definition.policy_id: definition for definition in definitions})

    def definitions(self) -> tuple[StoredDefinition, ...]:
        return tuple(self._definitions[policy_id] for policy_id in sorted(self._definitions))

    def close(self) -> None:
        self._rows.clear()

    def _past(self, keys: frozenset[str]) -> set[Observation]:
        return {
            (key, row.fingerprint, row.item.captured_at)
            for key in keys
            for row in self._rows.get(key, [])
            if not row.is_retired
        }

    def _add(
        self, key: str, at: datetime, item: ConfigurationItem, fingerprint: str, *, is_retired: bool = False
    ) -> None:
        self._number += 1
        rows = self._rows.setdefault(key, [])
        rows.append(_Row(self._number, at, item, fingerprint, is_retired))
        rows.sort(key=lambda row: (row.at, row.number))

    def _touch(self, number: int, item: ConfigurationItem) -> None:
        rows = self._rows[resource_key(item.uid)]
        rows[:] = [replace(row, item=item) if row.number == number else row for row in rows]


def _known(row: _Row) -> Known:
    seen = (row.item.captured_at, row.item.origin.file, row.item.origin.line)
    return Known(row.number, row.fingerprint, row.at, seen, row.is_retired)


def _versions(rows: Sequence[_Row]) -> list[Version]:
    """Each row with what it means after its predecessor."""
    versions = []
    is_present = False
    for row in rows:
        kind = ChangeKind.RETIRED if row.is_retired else ChangeKind.CHANGED if is_present else ChangeKind.NEW
        versions.append(Version(row.at, kind, row.item))
        is_present = not row.is_retired
    return versions
