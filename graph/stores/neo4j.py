"""The store in Neo4j: nodes that analysts can query, and what a collection needs to write only what changed.

Nodes and relationships are declared in `graph.stores.neo4j_schema`. Which of them a write touches is decided by the
same merge as in every store; how it becomes one write is `graph.stores.neo4j_write`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

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
    Changes,
    PutCounts,
    Readout,
    Relate,
    ScanRecord,
    StoredDefinition,
    Version,
)
from graph.stores.coverage import CollectionRecord, covered
from graph.stores.edge_digests import SourceEdges, source_edges
from graph.stores.edges import ordered, require_sources
from graph.stores.events import plan_events
from graph.stores.instants import instant_from_us, us_from_instant
from graph.stores.known import Known, unknown_gone
from graph.stores.merge import MergePlan, Past, fingerprint, item_changes, plan
from graph.stores.neo4j_archive import restoring_draft, stored_versions
from graph.stores.neo4j_database import Neo4jDatabase, rows
from graph.stores.neo4j_edges import EdgeChanges, linked, marks
from graph.stores.neo4j_kept import known_sight
from graph.stores.neo4j_ledger import (
    NO_ROW,
    NOTHING_SEEN,
    Ledger,
    joined,
    known_of,
    names_from,
    states_table,
    table_of,
    with_texts,
    without_strangers,
)
from graph.stores.neo4j_memory import LedgerMemory
from graph.stores.neo4j_plan import MergeDraft, collection_row
from graph.stores.neo4j_records import definition_rows, scan_row, violations_from
from graph.stores.neo4j_rows import StateRow, node_id, state_rows
from graph.stores.neo4j_steps import pieces
from graph.stores.neo4j_write import TRIES_MAX, Draft, Neo4jWriter, Standing
from graph.stores.sightings import Sightings
from graph.stores.versions import versions_from

CUT_MAX: Final = 10_000
"""Sources of which the relationships are compared one by one; of more, all are written again."""


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
        self._memory = LedgerMemory(tenant, self._read)

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
            nodes = self._nodes(keys)
            known = {**self._gone(keys), **self._known_of(nodes, standing)}
            merge = plan_events(events, tenant=self._tenant, known=known, past=self._past, now=now)
            draft = Draft()
            made = self._merge_draft(merge, standing, known, lambda key: _names(nodes.get(key)))
            draft.add(self._touches(merge, standing, known, nodes))
            draft.add(made.pieces())
            draft.add(self._gone_pieces(merge, known))
            if stream:
                row = {"id": node_id(self._tenant, stream), "tenant": self._tenant, "name": stream}
                draft.add(pieces("stream", [{**row, "position": position}]))
            draft.now = self._now(standing, made, has_changed=bool(merge.changes))
            done[:] = [Applied(item_changes(merge.changes), merge.counts, draft.now["version"])]
            if relate is not None:
                related = relate(done[0])
                keys_of, found = require_sources(related.sources, related.relationships)
                self._add_sources(draft, keys_of, found, standing, made.latest.keys())
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
        noted = self._states(read.NOTED_ITEMS, standing, after=version)
        found = sorted((row for row in noted if row.sight.written > version), key=lambda row: row.key)
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
        latest = self._latest([key])
        former = self._states(read.FORMER_OF, ids=[node_id(self._tenant, key)])
        found = sorted([*former, *latest.values()], key=lambda row: (row.at, row.number))
        return versions_from([(row.at, row.is_retired, row.item.digest) for row in found])

    def changes(self, since: datetime, until: datetime) -> Changes:
        self._writer.standing()
        found = self._database.read(lambda t: read.lines(t, self._tenant, us_from_instant(until)))
        return read.changes_from(found, us_from_instant(since))

    def put_relationships(self, relationships: Iterable[Relationship]) -> None:
        with paused():
            given = source_edges(relationships)
            make = partial(self._relationship_draft, given)
            self._write_with_ledger(make, needs_no_nodes=self._memory.is_whole)

    def put_relationships_of(self, sources: Collection[ResourceId], relationships: Iterable[Relationship]) -> None:
        keys, found = require_sources(sources, relationships)

        def make(standing: Standing) -> Draft:
            draft = Draft(now={"writes": standing.writes + 1, "version": standing.version})
            self._add_sources(draft, keys, found, standing, ())
            return draft

        self._writer.write(make)

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
            states = [*self._states(read.NOTED_ITEMS, standing, after=0), *self._states(read.EVERY_STATE)]
            ledger = self._memory.ledger(standing)
        names = self._read("MATCH (c:Collection {tenant: $tenant}) RETURN c.name ORDER BY c.name")
        records = [record for (name,) in names if (record := self._collection(name)) is not None]
        return Archive(
            version=standing.version,
            versions=stored_versions(states),
            collections=tuple((record, frozenset(ledger.holders(record.name)[0])) for record in records),
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
        with suppress(UnavailableError):  # it is decided, and applied by whoever opens the graph next
            self._writer.settle()
        if self._closes_database:
            self._database.close()

    def _put(self, inventory: Inventory, collection: str, at: datetime, *, with_changes: bool) -> Applied:
        done: list[Applied] = []

        def make(standing: Standing) -> Draft:
            ledger = self._memory.ledger(standing)
            ledger.known.extra = self._gone(None)
            draft, merge = self._inventory_draft(inventory, collection, at, standing, ledger)
            changes = item_changes(merge.changes) if with_changes else ()
            done[:] = [Applied(changes, merge.counts, draft.now["version"])]
            return draft

        with paused():
            self._write_with_ledger(make)
        return done[0]

    def _write_with_ledger(
        self, make: Callable[[Standing], Draft], *, needs_no_nodes: Callable[[Standing], bool] = lambda _: False
    ) -> None:
        """Write, and keep what of the ledger was written."""

        def afresh(standing: Standing) -> Draft:
            self._memory.begin()
            return make(standing)

        self._writer.write(afresh, needs_no_nodes=needs_no_nodes)
        self._memory.written()

    def _inventory_draft(
        self, inventory: Inventory, collection: str, at: datetime, standing: Standing, ledger: Ledger
    ) -> tuple[Draft, MergePlan]:
        held, held_elsewhere = ledger.holders(collection)
        merge = plan(
            inventory,
            tenant=self._tenant,
            at=at,
            known=ledger.known,
            past=self._past,
            members=held,
            held_elsewhere=held_elsewhere,
        )
        members = merge.members or frozenset()

        def names_of(key: str) -> frozenset[str]:
            others = ledger.names_of(key) - {collection}
            return others | {collection} if key in members else others

        made = self._merge_draft(merge, standing, ledger.known, names_of)
        moved = {key for key in held ^ members if key in ledger.rows and key not in made.latest}
        draft = Draft()
        draft.add(made.pieces())
        draft.add(self._gone_pieces(merge, ledger.known))
        write = standing.writes + 1
        rows_of_moved = [
            {"id": node_id(self._tenant, key), "now": {"collections": sorted(names_of(key)), "noted": write}}
            for key in sorted(moved)
        ]
        draft.add(pieces("touch", rows_of_moved))
        record = covered(inventory, name=collection, at=at, before=self._collection(collection))
        draft.add(pieces("collection", [collection_row(self._tenant, record)]))
        draft.now = self._now(standing, made, has_changed=bool(merge.changes))
        sightings = ledger.sighted(merge.touched, made.latest.keys())
        if ledger.wants_base(len(made.latest) + len(moved)):
            edges = ledger.edges()
            texts = {key: joined(names_of(key)) for key in moved}
            table = ledger.with_rows(states_table(made.latest, edges))
            self._memory.add_base(draft, with_texts(table, "collections", texts), standing)
        self._memory.add_sightings(draft, sightings, standing)
        return draft, merge

    def _merge_draft(
        self,
        merge: MergePlan,
        standing: Standing,
        known: Mapping[str, Known],
        collections: Callable[[str], Collection[str]],
    ) -> MergeDraft:
        return MergeDraft(
            self._tenant,
            merge,
            standing,
            known=known,
            collections=collections,
            item_of=self._item_of_version,
            is_first=standing.writes == 0,
        )

    def _now(self, standing: Standing, made: MergeDraft, *, has_changed: bool) -> dict[str, Any]:
        write = standing.writes + 1
        version = write if has_changed else standing.version
        return {"writes": write, "number": made.number, "version": version}

    def _relationship_draft(self, given: SourceEdges, standing: Standing) -> Draft:
        """Replace all relationships: those of each source that has others now."""
        ledger, write = self._memory.ledger(standing), standing.writes + 1
        changed, had = map(sorted, ledger.others(given.keys, given.marks))
        draft = Draft(now={"writes": write, "version": write if changed else standing.version})
        digests = given.digests(changed)
        is_there = ledger.known.rows.__contains__
        if not had and len(changed) == len(given.keys):
            draft.add(linked(given.once, self._tenant, is_there=is_there, write=write))
        else:
            is_much = len(had) > CUT_MAX
            changes = EdgeChanges(given.of(changed), {} if is_much else self._edges_of(had), had if is_much else ())
            draft.add(changes.pieces(self._tenant, is_there=is_there, write=write))
        texts = {key: digests.get(key) for key in changed}
        forgotten = any(key not in digests and key not in ledger.known.rows for key in changed)
        if changed and (forgotten or ledger.wants_base(len(changed))):
            strangers = {key: {**NO_ROW, "edges": digests[key]} for key in texts.keys() - ledger.rows.keys()}
            table = with_texts(ledger.with_rows(table_of(strangers)), "edges", texts)
            self._memory.add_base(draft, without_strangers(table), standing)
            self._memory.add_sightings(draft, ledger.sighted(Sightings.of(()), ()), standing)
        else:
            draft.add(marks(self._tenant, texts, write))
        return draft

    def _add_sources(
        self,
        draft: Draft,
        keys: frozenset[str],
        relationships: Collection[Relationship],
        standing: Standing,
        made: Collection[str],
    ) -> None:
        """Replace the relationships of some sources, behind what the draft does before that.

        Args:
            made: keys of what the draft makes or changes.
        """
        former, given = self._edges_of(sorted(keys)), source_edges(relationships)
        found = given.of(sorted(keys))
        changed = {key: each for key, each in found.items() if set(each) != former.get(key, {}).keys()}
        if not changed:
            return
        write, digests = standing.writes + 1, given.digests(changed)
        ends = {resource_key(each.target) for found in changed.values() for each in found} | changed.keys()
        there = {key for key, node in self._nodes(sorted(ends - set(made))).items() if node.has_state} | set(made)
        changes = EdgeChanges(changed, {key: former[key] for key in changed if key in former})
        draft.add(changes.pieces(self._tenant, is_there=there.__contains__, write=write))
        draft.add(marks(self._tenant, {key: digests.get(key) for key in changed}, write))
        draft.now["version"] = write

    def _edges_of(self, keys: Sequence[str]) -> dict[str, dict[Relationship, list[str]]]:
        if not keys:
            return {}
        self._writer.settle()
        ids = [node_id(self._tenant, key) for key in keys]
        return self._database.read(lambda t: read.edges_of(t, self._tenant, ids))

    def _overtaken(self) -> UnavailableError:
        return UnavailableError(
            "another process wrote to the graph while this write was being worked out",
            tenant=self._tenant,
            retry_after_s=1,
            todo="Read the graph again, then repeat the write",
        )

    def _touches(
        self,
        merge: MergePlan,
        standing: Standing,
        known: Mapping[str, Known],
        nodes: Mapping[str, read.NodeRow],
    ) -> Iterable[Any]:
        write, rows_of = standing.writes + 1, []
        for touch in merge.touched:
            at, sight = us_from_instant(touch.seen_at), known_sight(known[touch.key], nodes[touch.key].written)
            again = sight._replace(seen_at=at, **_seen_of(touch.item))
            now = {"lastupdated": at // 1_000, "noted": write, "sighted": write}
            rows_of.append({"id": node_id(self._tenant, touch.key), "now": now, "again": again.text})
        return pieces("resight", rows_of)

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

    def _nodes(self, keys: Sequence[str]) -> dict[str, read.NodeRow]:
        """Some entities as their nodes have them."""
        if not keys:
            return {}
        return read.node_rows(self._read(read.NAMED, ids=[node_id(self._tenant, key) for key in keys]), self._tenant)

    def _known_of(self, nodes: Mapping[str, read.NodeRow], standing: Standing) -> dict[str, Known]:
        """The latest versions of some entities."""
        seen = self._memory.seen(standing)
        known = {}
        for key, node in nodes.items():
            if node.has_state:
                row = dict(node.row)
                last = seen.of(row["number"], node.sighted)
                if last is not None:
                    row["captured_at"], row["file"], row["line"], row["seen_at"] = last
                known[key] = known_of(row)
        return known

    def _gone(self, keys: Sequence[str] | None) -> dict[str, Known]:
        if keys is None:
            found = self._read("MATCH (g:Gone {tenant: $tenant}) RETURN g.id, g.at")
        else:
            query = "UNWIND $ids AS id MATCH (g:Gone {id: id}) RETURN g.id, g.at"
            found = self._read(query, ids=[node_id(self._tenant, key) for key in keys])
        return {id_[len(self._tenant) + 1 :]: unknown_gone(instant_from_us(at)) for id_, at in found}

    def _past(self, keys: frozenset[str]) -> list[Past]:
        former = self._states(read.FORMER_OF, ids=[node_id(self._tenant, key) for key in sorted(keys)])
        return [
            Past(row.key, row.number, fingerprint(row.item), row.at, row.item.captured_at, row.is_retired)
            for row in [*former, *self._latest(sorted(keys)).values()]
        ]

    def _item_of_version(self, key: str, number: int) -> ConfigurationItem:
        latest = self._latest([key]).get(key)
        if latest is not None and latest.number == number:
            return latest.item
        return self._states(read.NUMBERED, ids=[node_id(self._tenant, f"{number}")])[0].item

    def _latest(self, keys: Sequence[str]) -> dict[str, StateRow]:
        if not keys:
            return {}
        standing = self._writer.standing()
        found = self._read(read.NAMED_ITEMS, ids=[node_id(self._tenant, key) for key in keys])
        return {row.key: row for row in state_rows(found, self._memory.seen(standing), self._tenant)}

    def _states(self, query: str, standing: Standing | None = None, **parameters: object) -> list[StateRow]:
        """States that a query finds; where they may be present ones, with how the graph stands."""
        seen = NOTHING_SEEN if standing is None else self._memory.seen(standing)
        return state_rows(self._read(query, **parameters), seen, self._tenant)

    def _items_as_of(self, as_of: datetime, standing: Standing) -> tuple[ConfigurationItem, ...]:
        found = self._database.read(lambda t: read.lines(t, self._tenant, us_from_instant(as_of)))
        latest = {line.id: line for line in found}
        numbers = {line.number for line in latest.values() if not line.is_gone}
        ids = [id_ for id_, line in latest.items() if not line.is_gone]
        rows_of = self._states(read.NAMED_ITEMS, standing, ids=ids)
        former = self._states(read.NUMBERED, ids=[node_id(self._tenant, f"{each}") for each in numbers])
        chosen = {row.key: row.item for row in [*rows_of, *former] if row.number in numbers}
        return tuple(chosen[key] for key in sorted(chosen))

    def _read(self, query: str, **parameters: object) -> list[list[Any]]:
        self._writer.settle()
        given = {"tenant": self._tenant, **parameters}
        return self._database.read(lambda t: rows(t, query, given))


_NONE: frozenset[str] = frozenset()


def _names(node: read.NodeRow | None) -> frozenset[str]:
    return _NONE if node is None else names_from(node.row["collections"])


def _seen_of(item: ConfigurationItem) -> dict[str, Any]:
    captured_at = None if item.captured_at is None else us_from_instant(item.captured_at)
    return {"captured_at": captured_at, "file": item.origin.file, "line": item.origin.line}
