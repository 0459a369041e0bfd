"""The embedded store: one DuckDB file per tenant, one writer per file.

Rows hold what is searched; documents lie beside them in compressed blocks (`graph.stores.bodies`). Everything
is written in one transaction and in bulk through Arrow.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np

from domain.change import ChangeEvent
from domain.errors import IntegrityError, NotFound, PolicyCortexError, UnavailableError
from domain.finding import PolicyId, Severity, Violation
from domain.inventory import Inventory
from domain.resource import (
    ConfigurationItem,
    Relationship,
    ResourceId,
    resource_key,
)
from domain.tenancy import TenantId
from graph.stores.archive import require_empty, restoring
from graph.stores.bodies import Block, Body, bodies
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
    StoredVersion,
    Version,
)
from graph.stores.coverage import CollectionRecord, covered
from graph.stores.duckdb_edges import relationships
from graph.stores.duckdb_file import DatabaseFile
from graph.stores.duckdb_readout import read_out
from graph.stores.duckdb_rows import ITEM_COLUMNS, items_from
from graph.stores.duckdb_write import (
    LATEST,
    Standing,
    claim,
    collection_from,
    fold,
    replace_relationships,
    standing,
    write,
    write_collection,
    write_definitions,
    write_scan,
)
from graph.stores.edges import ordered, require_sources
from graph.stores.events import plan_events
from graph.stores.fence import require_epoch
from graph.stores.instants import instant_from_us, us_from_instant
from graph.stores.journal import Entry, packed, unpacked
from graph.stores.journal_file import JournalFile
from graph.stores.known import Known, KnownColumns, known_columns, unknown_gone
from graph.stores.merge import MergePlan, Past, item_changes, plan
from graph.stores.tail import BYTES_MAX, ROWS_MAX, Tail
from graph.stores.versions import KeptHistories, versions_from

_HISTORY: Final = "SELECT valid_from, number, retired, digest FROM versions WHERE key = ?"
"""Of one resource; few enough to be put in order here, which plans faster."""


class DuckDbStore:
    """Keeps one tenant's graph in `directory`.

    Raises:
        ConflictError: another process (or another store object) has it open.
        InputError: it was written by a newer version.
        IntegrityError: the file is damaged or another tenant's.
        UnavailableError: the folder cannot be used.
    """

    def __init__(self, directory: Path, tenant: TenantId) -> None:
        self._tenant = tenant
        self._file = DatabaseFile(directory, tenant)
        self._epoch: int | None = None
        self._tail = Tail()
        self._base: KnownColumns | None = None
        self._histories = KeptHistories()
        with ExitStack() as undo:
            undo.callback(self._file.close)
            self._standing = self._read_standing()
            self._journal = JournalFile(self._file.path.with_suffix(".journal"), tenant)
            undo.callback(self._journal.close)
            self._replay()
            undo.pop_all()

    @property
    def tenant(self) -> TenantId:
        return self._tenant

    @property
    def path(self) -> Path:
        """The database file."""
        return self._file.path

    def claim(self, holder: str) -> int:
        with self._file.transaction() as connection:
            self._epoch = claim(connection, holder)
        self._standing = replace(self._standing, epoch=self._epoch, holder=holder)
        return self._epoch

    def put_inventory(self, inventory: Inventory, collection: str, at: datetime) -> PutCounts:
        with paused():
            merge, record = self._plan(inventory, collection, at)
            with self._write() as connection:
                write(connection, merge)
                write_collection(connection, record, merge.members)
        return merge.counts

    def put(self, inventory: Inventory, collection: str, at: datetime) -> Applied:
        with paused():
            merge, record = self._plan(inventory, collection, at)
            with self._write() as connection:
                version = write(connection, merge)
                write_collection(connection, record, merge.members)
        return Applied(item_changes(merge.changes), merge.counts, version)

    def apply(
        self,
        events: Sequence[ChangeEvent],
        *,
        stream: str = "",
        position: str = "",
        now: datetime | None = None,
        relate: Relate | None = None,
    ) -> Applied:
        known = self._lately({resource_key(event.uid) for event in events})
        merge = plan_events(events, tenant=self._tenant, known=known, past=self._past_lately, now=now)
        self._require_epoch()
        standing, changes = self._standing, item_changes(merge.changes)
        applied = Applied(changes, merge.counts, standing.version + bool(changes))
        sources, found = _NO_RELATIONSHIPS
        if relate is not None:
            related = relate(applied)
            sources, found = require_sources(related.sources, related.relationships)
            applied = replace(applied, version=standing.version + bool(changes or sources))
        entry = Entry(
            self._sequence,
            applied.version,
            standing.number,
            merge.added,
            tuple(merge.touched),
            merge.unknown_gone,
            stream,
            position,
            sources,
            ordered(found),
        )
        if entry.has_effect:
            self._keep(entry, known)
        return applied

    def position(self, stream: str) -> str:
        if stream in self._tail.positions:
            return self._tail.positions[stream]
        found = self._found("SELECT reached FROM positions WHERE stream = $stream", {"stream": stream})["reached"]
        return str(found[0]) if found else ""

    def version(self) -> int:
        self._file.require_open()
        return self._standing.version

    def changed_after(self, version: int) -> ChangedItems | None:
        present = self.version()
        if not 0 <= version <= present:
            return None
        where = f"latest AND written > {version}"
        items = self._items(f"SELECT {ITEM_COLUMNS} FROM versions WHERE NOT retired AND {where} ORDER BY key")  # noqa: S608
        gone = self._rows(f"SELECT uid FROM versions WHERE retired AND {where} ORDER BY key")["uid"]  # noqa: S608
        return ChangedItems(present, tuple(items), tuple(map(ResourceId, gone)))

    def read_out(self) -> Readout:
        self._settle()
        with self._file.guarded():
            return read_out(self._file.connection)

    def documents(self, uids: Sequence[str]) -> tuple[ConfigurationItem, ...]:
        tail, keys = self._tail, {resource_key(uid) for uid in uids}
        lately = {key for key in keys if key in tail.known and not tail.known[key].is_retired}
        found = {key: item for key in lately if (item := tail.item(key)) is not None}
        if found.keys() < lately:
            self._settle()
        found |= self._present(sorted(keys - found.keys() - self._tail.known.keys()))
        return tuple(found[key] for key in sorted(found))

    def unproven(self) -> frozenset[str]:
        return frozenset(self._found("SELECT DISTINCT unnest(unproven) AS account FROM collections")["account"])

    def items(self, as_of: datetime | None = None) -> tuple[ConfigurationItem, ...]:
        where = "WHERE latest" if as_of is None else f"WHERE valid_from <= {us_from_instant(as_of)} {LATEST}"
        query = f"SELECT * FROM versions {where}"  # noqa: S608 (an integer of ours)
        return tuple(self._items(f"SELECT {ITEM_COLUMNS} FROM ({query}) WHERE NOT retired ORDER BY key"))  # noqa: S608

    def item(self, uid: str) -> ConfigurationItem:
        query = f"SELECT {ITEM_COLUMNS} FROM versions WHERE key = $key AND latest AND NOT retired"  # noqa: S608
        found = self._items(query, {"key": resource_key(uid)})
        if not found:
            raise NotFound("no such resource", uid=uid, todo=NO_RESOURCE_TODO)
        return found[0]

    def history(self, uid: str) -> tuple[Version, ...]:
        self._settle()
        return self._histories.of(resource_key(uid), self._standing.number, self._read_history)

    def _read_history(self, key: str) -> tuple[Version, ...]:
        with self._file.guarded():
            rows = sorted(self._file.connection.execute(_HISTORY, [key]).fetchall())
        return versions_from([(instant_from_us(at), is_retired, digest) for at, _, is_retired, digest in rows])

    def changes(self, since: datetime, until: datetime) -> Changes:
        rows = self._rows(
            """SELECT uid, type, scope, valid_from, kind FROM (
                SELECT uid, type, scope, valid_from, number, CASE
                    WHEN retired THEN 2
                    WHEN lag(retired, 1, true) OVER (PARTITION BY key ORDER BY valid_from, number) THEN 0
                    ELSE 1 END AS kind
                FROM versions WHERE valid_from <= $until)
            WHERE valid_from > $since ORDER BY valid_from, uid, number""",
            {"since": us_from_instant(since), "until": us_from_instant(until)},
        )
        return Changes(
            uids=tuple(rows["uid"]),
            types=tuple(rows["type"]),
            scopes=tuple(rows["scope"]),
            at_us=np.array(rows["valid_from"], np.int64),
            kinds=np.array(rows["kind"], np.uint8),
        )

    def put_relationships(self, relationships: Iterable[Relationship]) -> None:
        with paused(), self._write() as connection:
            replace_relationships(connection, list(relationships))

    def put_relationships_of(self, sources: Collection[ResourceId], relationships: Iterable[Relationship]) -> None:
        keys, found = require_sources(sources, relationships)
        self._require_epoch()
        if found != self._related(keys):
            entry = Entry(
                self._sequence,
                self._standing.version + 1,
                self._standing.number,
                sources=keys,
                relationships=ordered(found),
            )
            self._keep(entry, {})

    def relationships(self) -> tuple[Relationship, ...]:
        self._settle()
        with self._file.guarded():
            return relationships(self._file.connection)

    def save_scan(self, scan: ScanRecord) -> None:
        with self._write() as connection:
            write_scan(connection, scan)

    def scans(self) -> tuple[ScanRecord, ...]:
        rows = self._rows("SELECT scan, finished, summary FROM scans ORDER BY ordinal")
        return tuple(
            ScanRecord(scan, instant_from_us(at), json.loads(summary))
            for scan, at, summary in zip(*rows.values(), strict=True)
        )

    def last_scan(self) -> ScanRecord | None:
        scans = self.scans()
        return replace(scans[-1], violations=self.violations_of(scans[-1].scan_id)) if scans else None

    def violations_of(self, scan_id: str) -> frozenset[Violation]:
        if not self._rows("SELECT scan FROM scans WHERE scan = $scan", {"scan": scan_id})["scan"]:
            raise NotFound("no such scan", scan_id=scan_id)
        rows = self._rows("SELECT resource, policy, severity FROM violations WHERE scan = $scan", {"scan": scan_id})
        return frozenset(
            Violation(ResourceId(resource), PolicyId(policy), Severity(severity))
            for resource, policy, severity in zip(*rows.values(), strict=True)
        )

    def save_definitions(self, definitions: Sequence[StoredDefinition]) -> None:
        with self._write() as connection:
            write_definitions(connection, definitions)

    def definitions(self) -> tuple[StoredDefinition, ...]:
        rows = self._rows("SELECT policy, document, origin, state FROM definitions ORDER BY policy")
        return tuple(
            StoredDefinition(policy, json.loads(document), origin, state)
            for policy, document, origin, state in zip(*rows.values(), strict=True)
        )

    def archive(self) -> Archive:
        columns = f"{ITEM_COLUMNS}, valid_from, seen_at, retired, told"
        with paused():
            rows = self._rows(f"SELECT {columns} FROM versions ORDER BY number")  # noqa: S608 (fixed text)
            items = items_from(rows, self._bodies(rows), self._tenant)
        facts = zip(items, rows["valid_from"], rows["seen_at"], rows["retired"], rows["told"], strict=True)
        held = self._rows("SELECT collection, list(key) AS keys FROM members GROUP BY collection")
        members = dict(zip(held["collection"], map(frozenset, held["keys"]), strict=True))
        collections = self._rows("SELECT * FROM collections ORDER BY name")
        records = [collection_from(row) for row in zip(*collections.values(), strict=True)]
        gone = self._rows("SELECT key, gone_at FROM unknown_gone ORDER BY key")
        positions = self._rows("SELECT stream, reached FROM positions ORDER BY stream")
        return Archive(
            version=self.version(),
            versions=tuple(
                StoredVersion(item, instant_from_us(at), instant_from_us(seen_at), retired, told)
                for item, at, seen_at, retired, told in facts
            ),
            collections=tuple((record, members.get(record.name, frozenset())) for record in records),
            unknown_gone=tuple((key, instant_from_us(at)) for key, at in zip(*gone.values(), strict=True)),
            positions=tuple(zip(positions["stream"], positions["reached"], strict=True)),
            relationships=ordered(self.relationships()),
            scans=tuple(replace(scan, violations=self.violations_of(scan.scan_id)) for scan in self.scans()),
            definitions=self.definitions(),
        )

    def restore(self, archive: Archive) -> None:
        merge = restoring(archive, self._tenant)
        tables = ("versions", "scans", "definitions", "relationships", "collections", "positions", "unknown_gone")
        counts = [self._rows(f"SELECT count(*) AS n FROM {table}")["n"][0] for table in tables]  # noqa: S608
        require_empty(is_empty=not any(counts) and not self.version(), tenant=self._tenant)
        with self._write() as connection:
            connection.execute("UPDATE standing SET version = ?", [archive.version])
            write(connection, merge)
            for record, members in archive.collections:
                write_collection(connection, record, members)
            for stream, position in archive.positions:
                connection.execute("INSERT INTO positions VALUES (?, ?)", [stream, position])
            replace_relationships(connection, archive.relationships)
            connection.execute("UPDATE standing SET version = ?", [archive.version])
            for scan in archive.scans:
                write_scan(connection, scan)
            write_definitions(connection, archive.definitions)

    def close(self) -> None:
        with suppress(PolicyCortexError):  # the journal has it
            self._settle()
        self._file.close()
        self._journal.close()

    def _rows(self, query: str, parameters: Mapping[str, object] | None = None) -> dict[str, list[Any]]:
        """What a query finds, with all that was written before it."""
        self._settle()
        return self._found(query, parameters)

    def _found(self, query: str, parameters: Mapping[str, object] | None = None) -> dict[str, list[Any]]:
        """What a query finds in the tables, which may lack what the journal holds."""
        with self._file.guarded():
            return _fetch(self._file.connection, query, parameters)

    def _items(self, query: str, parameters: Mapping[str, object] | None = None) -> list[ConfigurationItem]:
        self._settle()
        return self._items_found(query, parameters)

    def _items_found(self, query: str, parameters: Mapping[str, object] | None = None) -> list[ConfigurationItem]:
        with paused():
            rows = self._found(query, parameters)
            return items_from(rows, self._bodies(rows), self._tenant)

    def _bodies(self, rows: Mapping[str, Sequence[int]]) -> dict[int, list[Body]]:
        wanted = sorted(set(rows["block"]))
        found = self._found(
            "SELECT block, plain, size, body FROM blocks WHERE block IN (SELECT unnest($wanted))", {"wanted": wanted}
        )
        return {
            block: bodies(Block(plain, size, body)) for block, plain, size, body in zip(*found.values(), strict=True)
        }

    @contextmanager
    def _write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction of the one writer, behind everything that was written before it."""
        self._require_epoch()
        self._settle()
        with self._file.transaction() as connection:
            yield connection
            present = standing(connection)
        self._standing, self._base = present, None

    def _require_epoch(self) -> None:
        """Nobody else can have claimed the file: it has been locked since its epoch was read."""
        if self._epoch is None:
            self._epoch = self._standing.epoch
        require_epoch(self._epoch, self._standing.epoch, self._standing.holder, self._tenant)

    @property
    def _sequence(self) -> int:
        """Of the next entry."""
        return self._standing.folded + len(self._tail.entries) + 1

    def _related(self, keys: frozenset[str]) -> set[Relationship]:
        """The present relationships of some sources, those in the journal too."""
        lately = self._tail.related
        with self._file.guarded():
            found = set(relationships(self._file.connection, keys - lately.keys()))
        return found.union(*(lately[key] for key in keys & lately.keys()))

    def _keep(self, entry: Entry, known: Mapping[str, Known]) -> None:
        """Write an entry down, where it is small; the tables take it in later, together with others."""
        if not (entry.rows <= ROWS_MAX and self._tail.can_take(entry.added, known)):
            self._settle()
            self._fold([entry])
            return
        self._journal.add(packed(entry))
        self._tail.take(entry, known)
        self._standing = replace(self._standing, version=entry.version, number=self._standing.number + len(entry.added))
        if self._tail.rows >= ROWS_MAX or self._journal.size_bytes >= BYTES_MAX:
            with suppress(UnavailableError):  # it is safe where it is, and tried again
                self._settle()

    def _settle(self) -> None:
        """Bring the tables up to date with the journal."""
        self._file.require_open()
        if self._tail.entries:
            self._fold(self._tail.entries)

    def _fold(self, entries: Sequence[Entry]) -> None:
        with paused(), self._file.transaction() as connection:
            fold(connection, entries)
            present = standing(connection)
        if self._base is not None:
            self._base.extra |= self._tail.known
        if entries is not self._tail.entries or (self._base is not None and self._base.is_worn):
            self._base = None
        self._standing, self._tail = present, Tail()
        self._journal.clear()

    def _replay(self) -> None:
        """Take in what a process that ended left in the journal."""
        found = [unpacked(record, self._tenant) for record in self._journal.found]
        left = [entry for entry in found if entry.sequence > self._standing.folded]
        if left and left[0].sequence != self._standing.folded + 1:
            raise IntegrityError(
                "the store's journal does not continue its file",
                path=str(self._file.path),
                expected=self._standing.folded + 1,
                got=left[0].sequence,
                todo="Put the file and its journal back together, or remove the journal to begin from the file alone",
            )
        if left:
            self._fold(left)
        else:
            self._journal.clear()

    def _read_standing(self) -> Standing:
        with self._file.guarded():
            return standing(self._file.connection)

    def _plan(self, inventory: Inventory, collection: str, at: datetime) -> tuple[MergePlan, CollectionRecord]:
        members, elsewhere = self._members(collection)
        merge = plan(
            inventory,
            tenant=self._tenant,
            at=at,
            known=self._known(),
            past=self._past,
            members=members,
            held_elsewhere=elsewhere,
        )
        record = covered(inventory, name=collection, at=at, before=self._collection(collection))
        return (replace(merge, members=None) if merge.members == members else merge), record

    def _known(self) -> KnownColumns:
        """The latest versions, as the tables have them."""
        if self._base is None:
            query = """SELECT key, number, fingerprint, valid_from, captured_at, file, line, seen_at, retired, told
                FROM versions WHERE latest"""
            with self._file.guarded():
                table = self._file.connection.sql(query).to_arrow_table()
            gone = self._found("SELECT key, gone_at FROM unknown_gone")
            extra = {key: unknown_gone(instant_from_us(at)) for key, at in zip(*gone.values(), strict=True)}
            self._base = known_columns(table, extra)
        return self._base

    def _lately(self, keys: Collection[str]) -> dict[str, Known]:
        """The latest versions of some resources, those in the journal too."""
        if not keys:
            return {}
        base, lately = self._known(), self._tail.known
        return {key: lately[key] if key in lately else base[key] for key in keys if key in lately or key in base}

    def _members(self, collection: str) -> tuple[frozenset[str], frozenset[str]]:
        """Keys that the collection holds, and keys that others hold."""
        mine = self._rows("SELECT key FROM members WHERE collection = $name", {"name": collection})
        others = self._rows("SELECT DISTINCT key FROM members WHERE collection <> $name", {"name": collection})
        return frozenset(mine["key"]), frozenset(others["key"])

    def _collection(self, name: str) -> CollectionRecord | None:
        rows = self._rows("SELECT * FROM collections WHERE name = $name", {"name": name})
        return next((collection_from(row) for row in zip(*rows.values(), strict=True)), None)

    def _past_lately(self, keys: frozenset[str]) -> list[Past]:
        """Every version of some resources, those in the journal too; one that the journal touches is in it."""
        if any(touch.key in keys for entry in self._tail.entries for touch in entry.touched):
            self._settle()
        return [*self._past(keys), *(each for key in keys for each in self._tail.past.get(key, ()))]

    def _past(self, keys: frozenset[str]) -> list[Past]:
        rows = self._found(
            """SELECT key, number, fingerprint, valid_from, captured_at, retired FROM versions
            WHERE key IN (SELECT unnest($wanted))""",
            {"wanted": sorted(keys)},
        )
        return [
            Past(key, number, mark, instant_from_us(at), None if read is None else instant_from_us(read), retired)
            for key, number, mark, at, read, retired in zip(*rows.values(), strict=True)
        ]

    def _present(self, keys: Sequence[str]) -> dict[str, ConfigurationItem]:
        """The latest items of some resources that the tables have, by key."""
        if not keys:
            return {}
        where = "latest AND NOT retired AND key IN (SELECT unnest($wanted))"
        items = self._items_found(f"SELECT {ITEM_COLUMNS} FROM versions WHERE {where}", {"wanted": keys})  # noqa: S608
        return {resource_key(item.uid): item for item in items}


_NO_RELATIONSHIPS: Final = (frozenset[str](), set[Relationship]())


def _fetch(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, object] | None = None
) -> dict[str, list[Any]]:
    relation = connection.sql(query, params=dict(parameters)) if parameters else connection.sql(query)
    table = relation.to_arrow_table()
    return {name: table.column(name).to_pylist() for name in table.column_names}
