"""A store in memory: for tests, and for scans that keep nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from domain.change import ChangeEvent
from domain.errors import NotFound
from domain.finding import Violation
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, Relationship, ResourceId, resource_key
from domain.tenancy import TenantId
from graph.build import resource_table
from graph.stores.archive import require_empty, restoring
from graph.stores.contract import (
    CHANGE_KINDS,
    NO_RESOURCE_TODO,
    Applied,
    Archive,
    ChangedItems,
    Changes,
    PutCounts,
    Readout,
    Relate,
    Related,
    ScanRecord,
    StoredDefinition,
    StoredVersion,
    Version,
)
from graph.stores.coverage import CollectionRecord, covered
from graph.stores.edges import edge_columns, ordered, require_sources
from graph.stores.events import plan_events
from graph.stores.fence import require_epoch
from graph.stores.instants import us_from_instant
from graph.stores.known import Known, KnownColumns, unknown_gone
from graph.stores.merge import MergePlan, NewVersion, Past, Repeat, item_changes, plan
from graph.stores.versions import change_kinds, versions_from


@dataclass(frozen=True, slots=True)
class _Row:
    """A version with its number (later numbers win at equal times) and the store's version that it came with."""

    number: int
    at: datetime
    item: ConfigurationItem
    fingerprint: str
    seen_at: datetime
    written: int
    is_retired: bool = False
    is_told: bool = False


@dataclass(slots=True)
class _Kept:
    """Everything that is kept of a tenant; several stores may write here, one after the other."""

    rows: dict[str, list[_Row]] = field(default_factory=dict)
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    collections: dict[str, CollectionRecord] = field(default_factory=dict)
    unknown_gone: dict[str, datetime] = field(default_factory=dict)
    relationships: frozenset[Relationship] = frozenset()
    scans: dict[str, ScanRecord] = field(default_factory=dict)
    definitions: dict[str, StoredDefinition] = field(default_factory=dict)
    positions: dict[str, str] = field(default_factory=dict)
    number: int = 0
    version: int = 0
    epoch: int = 0
    holder: str = ""


class MemoryStore:
    """Keeps one tenant's versions in dictionaries.

    Args:
        beside: another store of the same tenant, whose content this one shares, as two processes share a database.
    """

    def __init__(self, tenant: TenantId, *, beside: MemoryStore | None = None) -> None:
        assert beside is None or beside.tenant == tenant
        self._tenant = tenant
        self._kept: _Kept = _Kept() if beside is None else beside._kept
        self._epoch: int | None = None

    @property
    def tenant(self) -> TenantId:
        return self._tenant

    def claim(self, holder: str) -> int:
        self._kept.epoch += 1
        self._kept.holder = holder
        self._epoch = self._kept.epoch
        return self._epoch

    def put_inventory(self, inventory: Inventory, collection: str, at: datetime) -> PutCounts:
        return self.put(inventory, collection, at).counts

    def put(self, inventory: Inventory, collection: str, at: datetime) -> Applied:
        kept = self._writable()
        others = [keys for name, keys in kept.members.items() if name != collection]
        merge = plan(
            inventory,
            tenant=self._tenant,
            at=at,
            known=KnownColumns.of(self._known(kept.rows.keys() | kept.unknown_gone.keys())),
            past=self._past,
            members=kept.members.get(collection, frozenset()),
            held_elsewhere=frozenset().union(*others),
        )
        applied = self._write(merge)
        assert merge.members is not None
        kept.members[collection] = merge.members
        before = kept.collections.get(collection)
        kept.collections[collection] = covered(inventory, name=collection, at=at, before=before)
        return applied

    def apply(
        self,
        events: Sequence[ChangeEvent],
        *,
        stream: str = "",
        position: str = "",
        now: datetime | None = None,
        relate: Relate | None = None,
    ) -> Applied:
        kept = self._writable()
        known = self._known({resource_key(event.uid) for event in events})
        merge = plan_events(events, tenant=self._tenant, known=known, past=self._past, now=now)
        changes = item_changes(merge.changes)
        version = kept.version + bool(changes)
        related = None if relate is None else self._related(relate(Applied(changes, merge.counts, version)))
        applied = self._write(merge)
        if related is not None and related != kept.relationships:
            kept.relationships = related
            kept.version += not changes
            applied = replace(applied, version=kept.version)
        if stream:
            kept.positions[stream] = position
        return applied

    def position(self, stream: str) -> str:
        return self._kept.positions.get(stream, "")

    def version(self) -> int:
        return self._kept.version

    def changed_after(self, version: int) -> ChangedItems | None:
        if not 0 <= version <= self._kept.version:
            return None
        latest = [self._kept.rows[key][-1] for key in sorted(self._kept.rows)]
        changed = [row for row in latest if row.written > version]
        return ChangedItems(
            self._kept.version,
            tuple(row.item for row in changed if not row.is_retired),
            tuple(row.item.uid for row in changed if row.is_retired),
        )

    def read_out(self) -> Readout:
        items = self.items()
        rows = {resource_key(item.uid): row for row, item in enumerate(items)}
        edges, dangling = edge_columns(self.relationships(), rows)
        return Readout(self._kept.version, resource_table(items), edges, dangling)

    def documents(self, uids: Sequence[str]) -> tuple[ConfigurationItem, ...]:
        found = (self._kept.rows.get(key) for key in sorted({resource_key(uid) for uid in uids}))
        return tuple(rows[-1].item for rows in found if rows and not rows[-1].is_retired)

    def unproven(self) -> frozenset[str]:
        return frozenset().union(*(record.unproven for record in self._kept.collections.values()))

    def items(self, as_of: datetime | None = None) -> tuple[ConfigurationItem, ...]:
        found = []
        for key in sorted(self._kept.rows):
            row = next((row for row in reversed(self._kept.rows[key]) if as_of is None or row.at <= as_of), None)
            if row is not None and not row.is_retired:
                found.append(row.item)
        return tuple(found)

    def item(self, uid: str) -> ConfigurationItem:
        rows = self._kept.rows.get(resource_key(uid))
        if not rows or rows[-1].is_retired:
            raise NotFound("no such resource", uid=uid, todo=NO_RESOURCE_TODO)
        return rows[-1].item

    def history(self, uid: str) -> tuple[Version, ...]:
        rows = self._kept.rows.get(resource_key(uid), [])
        return versions_from([(row.at, row.is_retired, row.item.digest) for row in rows])

    def changes(self, since: datetime, until: datetime) -> Changes:
        found = [
            (row, kind)
            for rows in self._kept.rows.values()
            for row, kind in zip(rows, change_kinds(row.is_retired for row in rows), strict=True)
            if since < row.at <= until
        ]
        found.sort(key=lambda each: (each[0].at, each[0].item.uid, each[0].number))
        return Changes(
            uids=tuple(row.item.uid for row, _ in found),
            types=tuple(row.item.type for row, _ in found),
            scopes=tuple(row.item.scope for row, _ in found),
            at_us=np.array([us_from_instant(row.at) for row, _ in found], np.int64),
            kinds=np.array([CHANGE_KINDS.index(kind) for _, kind in found], np.uint8),
        )

    def put_relationships(self, relationships: Iterable[Relationship]) -> None:
        self._replace_relationships(frozenset(relationships))

    def put_relationships_of(self, sources: Collection[ResourceId], relationships: Iterable[Relationship]) -> None:
        self._replace_relationships(self._with(*require_sources(sources, relationships)))

    def relationships(self) -> tuple[Relationship, ...]:
        return ordered(self._kept.relationships)

    def save_scan(self, scan: ScanRecord) -> None:
        kept = self._writable()
        kept.scans.pop(scan.scan_id, None)
        kept.scans[scan.scan_id] = scan

    def scans(self) -> tuple[ScanRecord, ...]:
        return tuple(replace(scan, violations=frozenset()) for scan in self._kept.scans.values())

    def last_scan(self) -> ScanRecord | None:
        return next(reversed(self._kept.scans.values()), None)

    def violations_of(self, scan_id: str) -> frozenset[Violation]:
        if scan_id not in self._kept.scans:
            raise NotFound("no such scan", scan_id=scan_id)
        return self._kept.scans[scan_id].violations

    def save_definitions(self, definitions: Sequence[StoredDefinition]) -> None:
        self._writable().definitions.update({definition.policy_id: definition for definition in definitions})

    def definitions(self) -> tuple[StoredDefinition, ...]:
        return tuple(self._kept.definitions[policy_id] for policy_id in sorted(self._kept.definitions))

    def archive(self) -> Archive:
        kept = self._kept
        rows = sorted((row for rows in kept.rows.values() for row in rows), key=lambda row: row.number)
        return Archive(
            version=kept.version,
            versions=tuple(StoredVersion(row.item, row.at, row.seen_at, row.is_retired, row.is_told) for row in rows),
            collections=tuple((kept.collections[name], kept.members[name]) for name in sorted(kept.collections)),
            unknown_gone=tuple(sorted(kept.unknown_gone.items())),
            positions=tuple(sorted(kept.positions.items())),
            relationships=self.relationships(),
            scans=tuple(kept.scans.values()),
            definitions=self.definitions(),
        )

    def restore(self, archive: Archive) -> None:
        kept = self._writable()
        require_empty(is_empty=not (kept.version or kept.rows or kept.scans or kept.definitions), tenant=self._tenant)
        merge = restoring(archive, self._tenant)
        kept.version = archive.version
        self._write(merge)
        kept.members = {record.name: members for record, members in archive.collections}
        kept.collections = {record.name: record for record, _ in archive.collections}
        kept.positions = dict(archive.positions)
        kept.relationships = frozenset(archive.relationships)
        kept.scans = {scan.scan_id: scan for scan in archive.scans}
        self.save_definitions(archive.definitions)

    def close(self) -> None:
        self._kept = _Kept()

    def _writable(self) -> _Kept:
        kept = self._kept
        if self._epoch is None:
            self._epoch = kept.epoch
        require_epoch(self._epoch, kept.epoch, kept.holder, self._tenant)
        return kept

    def _replace_relationships(self, relationships: frozenset[Relationship]) -> None:
        kept = self._writable()
        if relationships != kept.relationships:
            kept.relationships = relationships
            kept.version += 1

    def _related(self, related: Related) -> frozenset[Relationship]:
        return self._with(*require_sources(related.sources, related.relationships))

    def _with(self, keys: frozenset[str], found: set[Relationship]) -> frozenset[Relationship]:
        """All relationships, with those of some sources replaced."""
        return frozenset(found | {each for each in self._kept.relationships if resource_key(each.source) not in keys})

    def _known(self, keys: Collection[str]) -> dict[str, Known]:
        known = {}
        for key in keys:
            if key in self._kept.rows:
                known[key] = _known(self._kept.rows[key][-1])
            elif key in self._kept.unknown_gone:
                known[key] = unknown_gone(self._kept.unknown_gone[key])
        return known

    def _past(self, keys: frozenset[str]) -> list[Past]:
        return [
            Past(key, row.number, row.fingerprint, row.at, row.item.captured_at, row.is_retired)
            for key in keys
            for row in self._kept.rows.get(key, [])
        ]

    def _write(self, merge: MergePlan) -> Applied:
        changes = item_changes(merge.changes)
        self._kept.version += bool(changes)
        for touch in merge.touched:
            rows = self._kept.rows[touch.key]
            rows[:] = [
                replace(row, item=touch.item, seen_at=touch.seen_at) if row.number == touch.version else row
                for row in rows
            ]
        for version in merge.added:
            self._add(version)
        self._kept.unknown_gone.update(merge.unknown_gone)
        return Applied(changes, merge.counts, self._kept.version)

    def _add(self, version: NewVersion | Repeat) -> None:
        kept = self._kept
        rows = kept.rows.setdefault(version.key, [])
        if isinstance(version, Repeat):
            former = next(row for row in rows if row.number == version.version)
            item, mark = former.item, former.fingerprint
        else:
            item, mark = version.item, version.fingerprint
        kept.number += 1
        at, seen_at = version.valid_from, version.seen_at or version.valid_from
        rows.append(_Row(kept.number, at, item, mark, seen_at, kept.version, version.is_retired, version.is_told))
        rows.sort(key=lambda row: (row.at, row.number))
        kept.unknown_gone.pop(version.key, None)


def _known(row: _Row) -> Known:
    seen = (row.item.captured_at, row.item.origin.file, row.item.origin.line)
    return Known(row.number, row.fingerprint, row.at, seen, row.seen_at, row.is_retired, row.is_told)
