"""The store in Neo4j: nodes that analysts can query, and what a collection needs to write only what changed.

Nodes and relationships are declared in `graph.stores.neo4j_schema`. Which of them a write touches is decided by the
same merge as in every store; how it becomes one write is `graph.stores.neo4j_write`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from domain.change import ChangeEvent
from domain.clock import parse_instant
from domain.errors import NotFound, UnavailableError
from domain.finding import Violation
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, Relationship, ResourceId, resource_key
from domain.tenancy import TenantId
from graph.stores import neo4j_read as read
from graph.stores.archive import require_empty
from graph.stores.collector import paused
from graph.stores.contract import (
    NO_RESOURCE_TODO,
    Applied,
    Archive,
    ChangedItems,
    ChangeKind,
    Changes,
    PutCounts,
    Readout,
    Relate,
    Related,
    ScanRecord,
    StoredDefinition,
    Version,
)
from graph.stores.coverage import CollectionRecord, covered
from graph.stores.edges import ordered, require_sources
from graph.stores.events import plan_events
from graph.stores.instants import instant_from_us, us_from_instant
from graph.stores.known import Known, unknown_gone
from graph.stores.merge import MergePlan, Past, fingerprint, item_changes, plan
from graph.stores.neo4j_archive import members_of, restoring_draft, stored_versions
from graph.stores.neo4j_database import Neo4jDatabase, rows
from graph.stores.neo4j_ledger import NO_ENTRY, NO_STATE, Entry, decoded, joined, known_from, part_of
from graph.stores.neo4j_plan import (
    MergeDraft,
    by_source,
    collection_row,
    edges_digest,
    ledger_pieces,
    relationship_pieces,
)
from graph.stores.neo4j_records import definition_rows, scan_row, violations_from
from graph.stores.neo4j_rows import StateRow, node_id, state_rows
from graph.stores.neo4j_steps import pieces
from graph.stores.neo4j_write import TRIES_MAX, Draft, Neo4jWriter, Standing


class Neo4jStore:
    """Keeps one tenant's graph in a Neo4j database that it shares with other tenants.

    Args:
        closes_database: whether closing the store ends the connection too.
    """

    def __init__(self, database: Neo4jDatabase, tenant: TenantId, *, closes_database: bool = False) -> None:
        self._database = database
        self._tenant = tenant
        self._closes_database = closes_database
        self._writer = Neo4jWriter(database, tenant)
        self._parts: tuple[int, dict[int, bytes]] = (0, {})

    @property
    def tenant(self) -> TenantId:
        return self._tenant

    def claim(self, holder: str) -> int:
        return self._writer.claim(holder)

    def put_inventory(self, inventory: Inventory, collection: str, at: datetime) -> PutCounts:
        return self._put(inventory, collection, at, with_changes=False).counts

    def put(self, inventory: Inventory, collection: str, at: datetime) -> Applied:
        return self._put(inventory, collection, at, with_changes=True)

    def apply(
        self,
        events: Sequence[ChangeEvent],
        *,
        stream: str = "",
        position: str = "",
        now: datetime | None = None,
        relate: Relate | None = None,
    ) -> Applied:
        keys = sorted({resource_key(event.uid) for event in events})
        done: list[Applied] = []

        def make(standing: Standing) -> Draft:
            if done and relate is not None:
                raise self._overtaken()
            entries = self._entries_of(keys, standing)
            known = {**self._gone(keys), **known_from(entries)}
            merge = plan_events(events, tenant=self._tenant, known=known, past=self._past, now=now)
            draft = Draft()
            made = self._merge_draft(merge, standing, known, lambda key: _names(entries.get(key)))
            draft.add(self._touches(merge, standing))
            draft.add(made.pieces())
            draft.add(self._gone_pieces(merge, known))
            if stream:
                row = {"id": node_id(self._tenant, stream), "tenant": self._tenant, "name": stream}
                draft.add(pieces("stream", [{**row, "position": position}]))
            draft.now = self._now(standing, made, has_changed=bool(merge.changes))
            done[:] = [Applied(item_changes(merge.changes), merge.counts, draft.now["version"])]
            if relate is not None:
                related = self._related_draft(relate(done[0]), standing, {**entries, **made.latest})
                draft.add(related.pieces)
                draft.now["version"] = max(draft.now["version"], related.now["version"])
                done[:] = [replace(done[0], version=draft.now["version"])]
            return draft

        self._writer.write(make)
        return done[0]

    def position(self, stream: str) -> str:
        found = self._read("MATCH (s:Stream {id: $id}) RETURN s.position", id=node_id(self._tenant, stream))
        return str(found[0][0]) if found else ""

    def version(self) -> int:
        return self._writer.standing().version

    def changed_after(self, version: int) -> ChangedItems | None:
        standing = self._writer.standing()
        if not 0 <= version <= standing.version:
            return None
        found = sorted(self._states(read.CHANGED_ITEMS, standing, after=version), key=lambda row: row.key)
        return ChangedItems(
            standing.version,
            tuple(row.item for row in found if not row.is_retired),
            tuple(row.item.uid for row in found if row.is_retired),
        )

    def read_out(self) -> Readout:
        for _ in range(TRIES_MAX):
            standing = self._writer.standing()
            with paused():
                columns = self._database.read(lambda t: read.whole_graph(t, self._tenant))
            if self._writer.standing().writes == standing.writes:
                return Readout(standing.version, *columns)
        raise UnavailableError("the graph is changed faster than it can be read", tenant=self._tenant, retry_after_s=1)

    def documents(self, uids: Sequence[str]) -> tuple[ConfigurationItem, ...]:
        found = self._latest(sorted({resource_key(uid) for uid in uids}))
        return tuple(found[key].item for key in sorted(found) if not found[key].is_retired)

    def unproven(self) -> frozenset[str]:
        found = self._read("MATCH (c:Collection {tenant: $tenant}) RETURN c.unproven")
        return frozenset(account for (accounts,) in found for account in accounts)

    def items(self, as_of: datetime | None = None) -> tuple[ConfigurationItem, ...]:
        standing = self._writer.standing()
        if as_of is not None:
            return self._items_as_of(as_of, standing)
        with paused():
            found = self._states(read.PRESENT, standing)
        return tuple(row.item for row in sorted(found, key=lambda row: row.key))

    def item(self, uid: str) -> ConfigurationItem:
        found = self._latest([resource_key(uid)])
        for row in found.values():
            if not row.is_retired:
                return row.item
        raise NotFound("no such resource", uid=uid, todo=NO_RESOURCE_TODO)

    def history(self, uid: str) -> tuple[Version, ...]:
        key = resource_key(uid)
        former = self._states(read.FORMER_OF, Standing(), ids=[node_id(self._tenant, key)])
        found = sorted([*former, *self._latest([key]).values()], key=lambda row: (row.at, row.number))
        versions: list[Version] = []
        for row in found:
            is_new = not versions or versions[-1].kind is ChangeKind.RETIRED
            kind = ChangeKind.RETIRED if row.is_retired else ChangeKind.NEW if is_new else ChangeKind.CHANGED
            versions.append(Version(row.at, kind, row.item))
        return tuple(versions)

    def changes(self, since: datetime, until: datetime) -> Changes:
        self._writer.standing()
        found = self._database.read(lambda t: read.lines(t, self._tenant, us_from_instant(until)))
        return read.changes_from(found, us_from_instant(since))

    def put_relationships(self, relationships: Iterable[Relationship]) -> None:
        grouped = by_source(set(relationships))
        digests = {key: edges_digest(found) for key, found in grouped.items()}

        def make(standing: Standing) -> Draft:
            entries = self._entries(standing)
            former = {key: entry.edges for key, entry in entries.items() if entry.edges}
            changed = {key for key in digests.keys() | former.keys() if digests.get(key) != former.get(key)}
            draft = self._relationship_draft(standing, {key: grouped.get(key, []) for key in changed}, digests, entries)
            for key in changed:
                entry = entries.get(key, NO_ENTRY)
                entries[key] = entry._replace(edges=digests.get(key, b""))
                if entries[key] == NO_ENTRY:
                    del entries[key]
            if changed:
                self._add_ledger(draft, entries, standing)
            return draft

        self._writer.write(make)

    def put_relationships_of(self, sources: Collection[ResourceId], relationships: Iterable[Relationship]) -> None:
        keys, found = require_sources(sources, relationships)
        self._writer.write(lambda standing: self._sources_draft(keys, found, standing, {}))

    def relationships(self) -> tuple[Relationship, ...]:
        self._writer.standing()
        return ordered(self._database.read(lambda t: list(read.relationship_rows(t, self._tenant))))

    def save_scan(self, scan: ScanRecord) -> None:
        row = scan_row(self._tenant, scan)

        def make(standing: Standing) -> Draft:
            draft = Draft(now={"writes": standing.writes + 1})
            draft.add(pieces("scan", [{**row, "ordinal": standing.writes + 1}]))
            return draft

        self._writer.write(make)

    def scans(self) -> tuple[ScanRecord, ...]:
        query = "MATCH (s:Scan {tenant: $tenant}) RETURN s.scan, s.finished, s.summary ORDER BY s.ordinal"
        found = self._read(query)
        return tuple(ScanRecord(scan, instant_from_us(at), json.loads(summary)) for scan, at, summary in found)

    def last_scan(self) -> ScanRecord | None:
        scans = self.scans()
        return replace(scans[-1], violations=self.violations_of(scans[-1].scan_id)) if scans else None

    def violations_of(self, scan_id: str) -> frozenset[Violation]:
        query = "MATCH (s:Scan {id: $id}) RETURN s.violations, s.size"
        found = self._read(query, id=node_id(self._tenant, scan_id))
        if not found:
            raise NotFound("no such scan", scan_id=scan_id)
        return violations_from(*found[0])

    def save_definitions(self, definitions: Sequence[StoredDefinition]) -> None:
        made = definition_rows(self._tenant, definitions)

        def make(standing: Standing) -> Draft:
            draft = Draft(now={"writes": standing.writes + 1})
            draft.add(pieces("definition", made))
            return draft

        self._writer.write(make)

    def definitions(self) -> tuple[StoredDefinition, ...]:
        query = "MATCH (d:Definition {tenant: $tenant}) RETURN d.policy, d.document, d.origin, d.state"
        found = sorted(self._read(query))
        return tuple(
            StoredDefinition(policy, json.loads(document), origin, state) for policy, document, origin, state in found
        )

    def archive(self) -> Archive:
        standing = self._writer.standing()
        with paused():
            states = [*self._states(read.EVERY_ENTITY, standing), *self._states(read.EVERY_STATE, Standing())]
            sights = {number: (seen_at, told) for number, seen_at, told in self._read(read.SIGHTS)}
            entries = self._entries(standing)
        sights.update({entry.number: (entry.seen_at, entry.told) for entry in entries.values()})
        names = self._read("MATCH (c:Collection {tenant: $tenant}) RETURN c.name ORDER BY c.name")
        records = [record for (name,) in names if (record := self._collection(name)) is not None]
        return Archive(
            version=standing.version,
            versions=stored_versions(states, sights),
            collections=tuple((record, members_of(entries, record.name)) for record in records),
            unknown_gone=tuple(sorted((key, known.valid_from) for key, known in self._gone(None).items())),
            positions=tuple((name, place) for name, place in sorted(self._read(read.POSITIONS))),
            relationships=self.relationships(),
            scans=tuple(replace(scan, violations=self.violations_of(scan.scan_id)) for scan in self.scans()),
            definitions=self.definitions(),
        )

    def restore(self, archive: Archive) -> None:
        def make(standing: Standing) -> Draft:
            require_empty(is_empty=standing.writes == 0, tenant=self._tenant)
            return restoring_draft(archive, self._tenant, standing)

        self._writer.write(make)

    def close(self) -> None:
        if self._closes_database:
            self._database.close()

    def _put(self, inventory: Inventory, collection: str, at: datetime, *, with_changes: bool) -> Applied:
        done: list[Applied] = []

        def make(standing: Standing) -> Draft:
            entries = self._entries(standing)
            known = {**self._gone(None), **known_from(entries)}
            draft, merge = self._inventory_draft(inventory, collection, at, standing, entries=entries, known=known)
            changes = item_changes(merge.changes) if with_changes else ()
            done[:] = [Applied(changes, merge.counts, draft.now["version"])]
            return draft

        with paused():
            self._writer.write(make)
        return done[0]

    def _inventory_draft(
        self,
        inventory: Inventory,
        collection: str,
        at: datetime,
        standing: Standing,
        *,
        entries: dict[str, Entry],
        known: Mapping[str, Known],
    ) -> tuple[Draft, MergePlan]:
        holders = {key: entry.collection_names for key, entry in entries.items() if entry.collections}
        held = {key for key, names in holders.items() if collection in names}
        merge = plan(
            inventory,
            tenant=self._tenant,
            at=at,
            known=known,
            past=self._past,
            members=held,
            held_elsewhere={key for key, names in holders.items() if names - {collection}},
        )
        members = merge.members or frozenset()

        def names_of(key: str) -> frozenset[str]:
            others = holders.get(key, _NONE) - {collection}
            return others | {collection} if key in members else others

        made = self._merge_draft(merge, standing, known, names_of)
        draft = Draft()
        draft.add(made.pieces())
        draft.add(self._gone_pieces(merge, known))
        _note_sightings(entries, merge, made)
        moved = _rename(entries, held.symmetric_difference(members), names_of) - made.latest.keys()
        write = standing.writes + 1
        rows_of_moved = [
            {"id": node_id(self._tenant, key), "now": {"collections": sorted(names_of(key)), "noted": write}}
            for key in sorted(moved)
        ]
        draft.add(pieces("touch", rows_of_moved))
        record = covered(inventory, name=collection, at=at, before=self._collection(collection))
        draft.add(pieces("collection", [collection_row(self._tenant, record)]))
        draft.now = self._now(standing, made, has_changed=bool(merge.changes))
        self._add_ledger(draft, entries, standing)
        return draft, merge

    def _merge_draft(
        self,
        merge: MergePlan,
        standing: Standing,
        known: Mapping[str, Known],
        collections: Callable[[str], Collection[str]],
    ) -> MergeDraft:
        return MergeDraft(
            self._tenant, merge, standing, known=known, collections=collections, item_of=self._item_of_version
        )

    def _now(self, standing: Standing, made: MergeDraft, *, has_changed: bool) -> dict[str, Any]:
        write = standing.writes + 1
        version = write if has_changed else standing.version
        return {"writes": write, "number": made.number, "version": version}

    def _add_ledger(self, draft: Draft, entries: Mapping[str, Entry], standing: Standing) -> None:
        made, parts = ledger_pieces(self._tenant, entries, self._parts_now(standing), standing)
        draft.add(made)
        draft.now.update({"ledger": standing.writes + 1, "parts": parts})

    def _relationship_draft(
        self,
        standing: Standing,
        changed: Mapping[str, Sequence[Relationship]],
        digests: Mapping[str, bytes],
        entries: Mapping[str, Entry],
    ) -> Draft:
        write = standing.writes + 1
        draft = Draft(now={"writes": write, "version": write if changed else standing.version})
        draft.add(relationship_pieces(self._tenant, changed, digests=digests, entries=entries, write=write))
        return draft

    def _related_draft(self, related: Related, standing: Standing, entries: Mapping[str, Entry]) -> Draft:
        keys, found = require_sources(related.sources, related.relationships)
        return self._sources_draft(keys, found, standing, entries)

    def _sources_draft(
        self,
        keys: frozenset[str],
        relationships: Collection[Relationship],
        standing: Standing,
        entries: Mapping[str, Entry],
    ) -> Draft:
        """Replace the relationships of some sources.

        Args:
            entries: of entities that this write makes or changes before it comes to the relationships.
        """
        grouped = by_source(relationships)
        digests = {key: edges_digest(each) for key, each in grouped.items()}
        ends = {resource_key(each.target) for each in relationships} | keys
        present = self._entries_of(sorted(ends), standing)
        former = {key: present[key].edges for key in keys & present.keys() if present[key].edges}
        changed = {key: grouped.get(key, []) for key in sorted(keys) if digests.get(key) != former.get(key)}
        for key, entry in entries.items():
            present[key] = entry._replace(edges=present[key].edges if key in present else b"")
        return self._relationship_draft(standing, changed, digests, present)

    def _overtaken(self) -> UnavailableError:
        return UnavailableError(
            "another process wrote to the graph while this write was being worked out",
            tenant=self._tenant,
            retry_after_s=1,
            todo="Read the graph again, then repeat the write",
        )

    def _touches(self, merge: MergePlan, standing: Standing) -> Iterable[Any]:
        rows_of = [
            {
                "id": node_id(self._tenant, touch.key),
                "now": {
                    **_seen_of(touch.item),
                    "seen_at": us_from_instant(touch.seen_at),
                    "lastupdated": us_from_instant(touch.seen_at) // 1_000,
                    "noted": standing.writes + 1,
                },
            }
            for touch in merge.touched
        ]
        return pieces("touch", rows_of)

    def _gone_pieces(self, merge: MergePlan, known: Mapping[str, Known]) -> Iterable[Any]:
        found = {each.key for each in merge.added if each.key in known and known[each.key].version is None}
        yield from pieces("known", [node_id(self._tenant, key) for key in sorted(found)])
        yield from pieces(
            "gone",
            [
                {"id": node_id(self._tenant, key), "tenant": self._tenant, "at": us_from_instant(at)}
                for key, at in merge.unknown_gone
            ],
        )

    def _collection(self, name: str) -> CollectionRecord | None:
        query = "MATCH (c:Collection {id: $id}) RETURN c.accounts, c.unproven, c.ran_at, c.proved_at"
        found = self._read(query, id=node_id(self._tenant, name))
        for accounts, unproven, ran_at, proved_at in found:
            proved = None if proved_at is None else parse_instant(proved_at)
            return CollectionRecord(name, frozenset(accounts), frozenset(unproven), parse_instant(ran_at), proved)
        return None

    def _entries(self, standing: Standing) -> dict[str, Entry]:
        """Everything that is known, from the ledger and from nodes that were written after it."""
        entries = decoded(self._parts_now(standing).values())
        for key, (entry, _) in self._noted(read.NOTED, after=standing.ledger).items():
            entries[key] = entry
        return {key: entry for key, entry in entries.items() if entry.number != NO_STATE or entry.edges}

    def _entries_of(self, keys: Sequence[str], standing: Standing) -> dict[str, Entry]:
        """What is known of some entities."""
        found = self._noted(read.NAMED, ids=[node_id(self._tenant, key) for key in keys])
        stale = [key for key, (_, noted) in found.items() if noted <= standing.ledger]
        ledger = self._ledger_of(stale, standing)
        return {
            key: ledger.get(key, entry) if noted <= standing.ledger else entry for key, (entry, noted) in found.items()
        }

    def _noted(self, query: str, **parameters: object) -> dict[str, tuple[Entry, int]]:
        return read.known_entries(self._read(query, **parameters), self._tenant)

    def _ledger_of(self, keys: Sequence[str], standing: Standing) -> dict[str, Entry]:
        if not keys or not standing.parts:
            return {}
        parts = self._parts_now(standing)
        return decoded(parts[number] for number in {part_of(key, standing.parts) for key in keys} if number in parts)

    def _parts_now(self, standing: Standing) -> dict[int, bytes]:
        """The ledger's parts, asked for again when they were written again."""
        if self._parts[0] != standing.ledger:
            query = "MATCH (l:Ledger {tenant: $tenant}) WHERE l.part < $parts RETURN l.part, l.body"
            found = self._read(query, parts=standing.parts)
            self._parts = (standing.ledger, {part: bytes(body) for part, body in found})
        return self._parts[1]

    def _gone(self, keys: Sequence[str] | None) -> dict[str, Known]:
        if keys is None:
            found = self._read("MATCH (g:Gone {tenant: $tenant}) RETURN g.id, g.at")
        else:
            query = "UNWIND $ids AS id MATCH (g:Gone {id: id}) RETURN g.id, g.at"
            found = self._read(query, ids=[node_id(self._tenant, key) for key in keys])
        return {id_[len(self._tenant) + 1 :]: unknown_gone(instant_from_us(at)) for id_, at in found}

    def _past(self, keys: frozenset[str]) -> list[Past]:
        former = self._states(read.FORMER_OF, Standing(), ids=[node_id(self._tenant, key) for key in sorted(keys)])
        return [
            Past(row.key, row.number, fingerprint(row.item), row.at, row.item.captured_at, row.is_retired)
            for row in [*former, *self._latest(sorted(keys)).values()]
        ]

    def _item_of_version(self, key: str, number: int) -> ConfigurationItem:
        latest = self._latest([key]).get(key)
        if latest is not None and latest.number == number:
            return latest.item
        return self._states(read.NUMBERED, Standing(), ids=[node_id(self._tenant, f"{number}")])[0].item

    def _latest(self, keys: Sequence[str]) -> dict[str, StateRow]:
        if not keys:
            return {}
        standing = self._writer.standing()
        entries = self._ledger_of(keys, standing)
        ids = [node_id(self._tenant, key) for key in keys]
        found = self._read(read.NAMED_ITEMS, ids=ids)
        states = state_rows(found, entries, tenant=self._tenant, ledger=standing.ledger)
        return {row.key: row for row in states}

    def _states(self, query: str, standing: Standing, **parameters: object) -> list[StateRow]:
        found = self._read(query, **parameters)
        entries = decoded(self._parts_now(standing).values()) if standing.parts else {}
        return state_rows(found, entries, tenant=self._tenant, ledger=standing.ledger)

    def _items_as_of(self, as_of: datetime, standing: Standing) -> tuple[ConfigurationItem, ...]:
        found = self._database.read(lambda t: read.lines(t, self._tenant, us_from_instant(as_of)))
        latest = {row[0]: row for row in found}
        numbers = {row[1] for row in latest.values() if not row[3]}
        rows_of = self._states(read.NAMED_ITEMS, standing, ids=[id_ for id_, row in latest.items() if not row[3]])
        former = self._states(read.NUMBERED, Standing(), ids=[node_id(self._tenant, f"{each}") for each in numbers])
        chosen = {row.key: row.item for row in [*rows_of, *former] if row.number in numbers}
        return tuple(chosen[key] for key in sorted(chosen))

    def _read(self, query: str, **parameters: object) -> list[list[Any]]:
        given = {"tenant": self._tenant, **parameters}
        return self._database.read(lambda t: rows(t, query, given))


_NONE: frozenset[str] = frozenset()


def _names(entry: Entry | None) -> frozenset[str]:
    return _NONE if entry is None else entry.collection_names


def _seen_of(item: ConfigurationItem) -> dict[str, Any]:
    captured_at = None if item.captured_at is None else us_from_instant(item.captured_at)
    return {"captured_at": captured_at, "file": item.origin.file, "line": item.origin.line}


def _note_sightings(entries: dict[str, Entry], merge: MergePlan, made: MergeDraft) -> None:
    """Bring the entries to what they are after the write."""
    for touch in merge.touched:
        seen = _seen_of(touch.item)
        entries[touch.key] = entries[touch.key]._replace(**seen, seen_at=us_from_instant(touch.seen_at))
    for key, entry in made.latest.items():
        edges = entries[key].edges if key in entries else b""
        entries[key] = entry._replace(edges=edges)


def _rename(entries: dict[str, Entry], moved: Collection[str], names_of: Callable[[str], frozenset[str]]) -> set[str]:
    """Note who holds what now; the keys among them that have entries."""
    found = entries.keys() & moved
    for key in found:
        entries[key] = entries[key]._replace(collections=joined(names_of(key)))
    return found
