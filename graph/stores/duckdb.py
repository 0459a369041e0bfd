"""The embedded store: one DuckDB file per tenant, one writer per file.

Rows hold what is searched; documents lie beside them in compressed blocks (`graph.stores.bodies`). Everything
is written in one transaction and in bulk through Arrow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from domain.errors import NotFound
from domain.finding import PolicyId, Severity, Violation
from domain.inventory import Inventory
from domain.resource import (
    ConfigurationItem,
    Relationship,
    RelationshipKind,
    ResourceId,
    Strength,
    resource_key,
)
from domain.tenancy import TenantId
from graph.stores.bodies import Block, Body, bodies, encode
from graph.stores.collector import paused
from graph.stores.contract import (
    NO_RESOURCE_TODO,
    ChangeKind,
    Changes,
    PutCounts,
    ScanRecord,
    StoredDefinition,
    Version,
)
from graph.stores.duckdb_file import DatabaseFile
from graph.stores.duckdb_rows import ITEM_COLUMNS, block_table, captured, items_from, version_table
from graph.stores.instants import instant_from_us, us_from_instant
from graph.stores.merge import Known, MergePlan, Observation, plan

_LATEST = "QUALIFY row_number() OVER (PARTITION BY key ORDER BY valid_from DESC, number DESC) = 1"


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

    @property
    def tenant(self) -> TenantId:
        return self._tenant

    @property
    def path(self) -> Path:
        """The database file."""
        return self._file.path

    def put_inventory(self, inventory: Inventory, collection: str, at: datetime) -> PutCounts:
        with self._file.guarded():
            known = self._known()
            members, elsewhere = self._members(collection)
            merge = plan(
                inventory,
                tenant=self._tenant,
                at=at,
                known=known,
                past=self._past,
                members=members,
                held_elsewhere=elsewhere,
            )
        with self._file.transaction() as connection:
            _add(connection, merge)
            _touch(connection, merge.touched)
            _retire(connection, merge, known)
            if merge.members != members:
                _replace_members(connection, collection, merge.members)
        return merge.counts

    def items(self, as_of: datetime | None = None) -> tuple[ConfigurationItem, ...]:
        bound = "" if as_of is None else f"WHERE valid_from <= {us_from_instant(as_of)}"
        query = f"SELECT *, key AS k FROM versions {bound} {_LATEST}"  # noqa: S608 (an integer of ours)
        return tuple(self._items(f"SELECT {ITEM_COLUMNS} FROM ({query}) WHERE NOT retired ORDER BY k"))  # noqa: S608

    def item(self, uid: str) -> ConfigurationItem:
        query = f"SELECT * FROM versions WHERE key = $key {_LATEST}"  # noqa: S608 (fixed text)
        found = self._items(f"SELECT {ITEM_COLUMNS} FROM ({query}) WHERE NOT retired", {"key": resource_key(uid)})  # noqa: S608
        if not found:
            raise NotFound("no such resource", uid=uid, todo=NO_RESOURCE_TODO)
        return found[0]

    def history(self, uid: str) -> tuple[Version, ...]:
        columns = f"{ITEM_COLUMNS}, valid_from, retired"
        query = f"SELECT {columns} FROM versions WHERE key = $key ORDER BY valid_from, number"  # noqa: S608 (fixed text)
        rows = self._rows(query, {"key": resource_key(uid)})
        items = items_from(rows, self._bodies(rows), self._tenant)
        versions: list[Version] = []
        for item, at, retired in zip(items, rows["valid_from"], rows["retired"], strict=True):
            is_new = not versions or versions[-1].kind is ChangeKind.RETIRED
            kind = ChangeKind.RETIRED if retired else ChangeKind.NEW if is_new else ChangeKind.CHANGED
            versions.append(Version(instant_from_us(at), kind, item))
        return tuple(versions)

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
        found = sorted(set(relationships), key=lambda r: (r.source, r.target, r.kind, r.path))
        columns: dict[str, list[str]] = {
            "source": [r.source for r in found],
            "target": [r.target for r in found],
            "kind": [r.kind.value for r in found],
            "strength": [r.strength.value for r in found],
            "path": [r.path for r in found],
        }
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM relationships")
            _insert(connection, "relationships", _texts(columns))

    def relationships(self) -> tuple[Relationship, ...]:
        rows = self._rows("SELECT source, target, kind, strength, path FROM relationships ORDER BY rowid")
        return tuple(
            Relationship(ResourceId(source), ResourceId(target), RelationshipKind(kind), Strength(strength), path)
            for source, target, kind, strength, path in zip(*rows.values(), strict=True)
        )

    def save_scan(self, scan: ScanRecord) -> None:
        found = sorted(scan.violations, key=lambda v: (v.resource_id, v.policy_id, v.severity))
        columns: dict[str, list[str]] = {
            "scan": [scan.scan_id] * len(found),
            "resource": [violation.resource_id for violation in found],
            "policy": [violation.policy_id for violation in found],
            "severity": [violation.severity.value for violation in found],
        }
        row = [scan.scan_id, us_from_instant(scan.at), encode(scan.summary)[0]]
        with self._file.transaction() as connection:
            ordinal = _next(connection, "max(ordinal) FROM scans")
            connection.execute("DELETE FROM scans WHERE scan = ?", [scan.scan_id])
            connection.execute("DELETE FROM violations WHERE scan = ?", [scan.scan_id])
            connection.execute("INSERT INTO scans VALUES (?, ?, ?, ?)", [ordinal, *row])
            _insert(connection, "violations", _texts(columns))

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
        latest = {definition.policy_id: definition for definition in definitions}.values()
        table = pa.table(
            {
                "policy": pa.array([definition.policy_id for definition in latest], pa.string()),
                "document": pa.array([encode(definition.document)[0] for definition in latest], pa.binary()),
                "origin": pa.array([definition.origin for definition in latest], pa.string()),
                "state": pa.array([definition.state for definition in latest], pa.string()),
            }
        )
        with self._file.transaction() as connection:
            connection.register("incoming", table)
            connection.execute("DELETE FROM definitions WHERE policy IN (SELECT policy FROM incoming)")
            connection.execute("INSERT INTO definitions SELECT * FROM incoming")
            connection.unregister("incoming")

    def definitions(self) -> tuple[StoredDefinition, ...]:
        rows = self._rows("SELECT policy, document, origin, state FROM definitions ORDER BY policy")
        return tuple(
            StoredDefinition(policy, json.loads(document), origin, state)
            for policy, document, origin, state in zip(*rows.values(), strict=True)
        )

    def close(self) -> None:
        self._file.close()

    def _rows(self, query: str, parameters: Mapping[str, object] | None = None) -> dict[str, list[Any]]:
        with self._file.guarded():
            return _fetch(self._file.connection, query, parameters)

    def _items(self, query: str, parameters: Mapping[str, object] | None = None) -> list[ConfigurationItem]:
        with paused():
            rows = self._rows(query, parameters)
            return items_from(rows, self._bodies(rows), self._tenant)

    def _bodies(self, rows: Mapping[str, Sequence[int]]) -> dict[int, list[Body]]:
        wanted = sorted(set(rows["block"]))
        found = self._rows(
            "SELECT block, plain, size, body FROM blocks WHERE block IN (SELECT unnest($wanted))", {"wanted": wanted}
        )
        return {
            block: bodies(Block(plain, size, body)) for block, plain, size, body in zip(*found.values(), strict=True)
        }

    def _known(self) -> dict[str, Known]:
        rows = self._rows(
            f"""SELECT key, number, fingerprint, valid_from, captured_at, file, line, retired
            FROM versions {_LATEST}"""  # noqa: S608 (fixed text)
        )
        instants = {us: instant_from_us(us) for us in {*rows["valid_from"], *rows["captured_at"]} - {None}}
        return {
            key: Known(number, mark, instants[valid_from], (instants.get(captured_at), file, line), retired)
            for key, number, mark, valid_from, captured_at, file, line, retired in zip(*rows.values(), strict=True)
        }

    def _members(self, collection: str) -> tuple[frozenset[str], frozenset[str]]:
        """Keys that the collection holds, and keys that others hold."""
        mine = self._rows("SELECT key FROM members WHERE collection = $name", {"name": collection})
        others = self._rows("SELECT DISTINCT key FROM members WHERE collection <> $name", {"name": collection})
        return frozenset(mine["key"]), frozenset(others["key"])

    def _past(self, keys: frozenset[str]) -> set[Observation]:
        rows = self._rows(
            """SELECT key, fingerprint, captured_at FROM versions
            WHERE NOT retired AND key IN (SELECT unnest($wanted))""",
            {"wanted": sorted(keys)},
        )
        return {
            (key, mark, None if captured_at is None else instant_from_us(captured_at))
            for key, mark, captured_at in zip(*rows.values(), strict=True)
        }


def _fetch(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, object] | None = None
) -> dict[str, list[Any]]:
    relation = connection.sql(query, params=dict(parameters)) if parameters else connection.sql(query)
    table = relation.to_arrow_table()
    return {name: table.column(name).to_pylist() for name in table.column_names}


def _insert(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    if table.num_rows:
        connection.register("incoming", table)
        connection.execute(f"INSERT INTO {name} SELECT * FROM incoming")  # noqa: S608 (a table's own name)
        connection.unregister("incoming")


def _texts(columns: Mapping[str, Sequence[str]]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _next(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((last,),) = connection.execute(f"SELECT {query}").fetchall()
    return 0 if last is None else int(last) + 1


def _add(connection: duckdb.DuckDBPyConnection, merge: MergePlan) -> None:
    if merge.added:
        number, block = _next(connection, "max(number) FROM versions"), _next(connection, "max(block) FROM blocks")
        _insert(connection, "blocks", block_table(merge.added, block))
        _insert(connection, "versions", version_table(merge.added, number, block))


def _touch(connection: duckdb.DuckDBPyConnection, touched: Sequence[tuple[int, ConfigurationItem]]) -> None:
    """Note where and when an unchanged state was seen last."""
    if not touched:
        return
    items = [item for _, item in touched]
    table = pa.table(
        {
            "number": pa.array([number for number, _ in touched], pa.int64()),
            "captured_at": captured([item.captured_at for item in items]),
            "file": pa.array([item.origin.file for item in items], pa.string()),
            "line": pa.array([item.origin.line for item in items], pa.int64()),
        }
    )
    connection.register("incoming", table)
    connection.execute(
        """UPDATE versions SET captured_at = i.captured_at, file = i.file, line = i.line
        FROM incoming i WHERE versions.number = i.number"""
    )
    connection.unregister("incoming")


def _retire(connection: duckdb.DuckDBPyConnection, merge: MergePlan, known: Mapping[str, Known]) -> None:
    """Add a retired version that repeats the last state."""
    if not merge.retired:
        return
    number = _next(connection, "max(number) FROM versions")
    table = pa.table(
        {
            "former": pa.array([known[key].version for key, _ in merge.retired], pa.int64()),
            "number": pa.array(range(number, number + len(merge.retired)), pa.int64()),
            "valid_from": pa.array([us_from_instant(gone_at) for _, gone_at in merge.retired], pa.int64()),
        }
    )
    connection.register("incoming", table)
    connection.execute(
        """INSERT INTO versions SELECT v.* REPLACE (i.number AS number, i.valid_from AS valid_from, true AS retired)
        FROM versions v JOIN incoming i ON v.number = i.former"""
    )
    connection.unregister("incoming")


def _replace_members(connection: duckdb.DuckDBPyConnection, collection: str, keys: frozenset[str]) -> None:
    connection.execute("DELETE FROM members WHERE collection = ?", [collection])
    _insert(connection, "members", _texts({"collection": [collection] * len(keys), "key": sorted(keys)}))
