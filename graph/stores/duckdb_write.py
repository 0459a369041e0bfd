"""What a write does to the tables of the embedded store; always inside its transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar

import duckdb
import pyarrow as pa

from domain.resource import Relationship, resource_key
from graph.stores.bodies import encode
from graph.stores.contract import ScanRecord, StoredDefinition
from graph.stores.coverage import CollectionRecord
from graph.stores.duckdb_edges import insert as put
from graph.stores.duckdb_edges import replace_all, replace_of
from graph.stores.duckdb_rows import block_table, version_table
from graph.stores.instants import NEVER_US, instant_from_us, us_from_instant
from graph.stores.journal import Entry
from graph.stores.merge import MergePlan, NewVersion, Repeat
from graph.stores.sightings import Sightings, Touch

T = TypeVar("T")
Numbered: TypeAlias = tuple[int, T, int]
"""A version with its number, and the store's version that it came with."""

LATEST: Final = "QUALIFY row_number() OVER (PARTITION BY key ORDER BY valid_from DESC, number DESC) = 1"
"""Keeps the latest version of each resource at an instant; of now, the column `latest` tells."""
_MARK_LATEST: Final = """UPDATE versions SET latest = versions.number = w.number
    FROM (SELECT key, arg_max(number, (valid_from, number)) AS number FROM versions
        WHERE key IN (SELECT key FROM concerned) GROUP BY key) w
    WHERE versions.key = w.key"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a file stands.

    Args:
        folded: sequence of the last journal entry that the tables have.
        number: the next version's number.
    """

    version: int
    epoch: int
    holder: str
    folded: int
    number: int


def claim(connection: duckdb.DuckDBPyConnection, holder: str) -> int:
    """Begin a new epoch."""
    connection.execute("UPDATE standing SET epoch = epoch + 1, holder = ?", [holder])
    return standing(connection).epoch


def standing(connection: duckdb.DuckDBPyConnection) -> Standing:
    """Where the file stands now."""
    (row,) = connection.execute("SELECT version, epoch, holder, folded FROM standing").fetchall()
    version, epoch, holder, folded = row
    return Standing(version, epoch, holder, folded, next_number(connection, "max(number) FROM versions"))


def write(connection: duckdb.DuckDBPyConnection, merge: MergePlan) -> int:
    """Write versions; the store's version afterwards."""
    version = _next_version(connection, has_changed=bool(merge.changes))
    _touch(connection, merge.touched)
    number = next_number(connection, "max(number) FROM versions")
    numbered = [(at, each, version) for at, each in enumerate(merge.added, number)]
    are_alone = not number and len({each.key for each in merge.added}) == len(numbered)
    added = [(at, each, version) for at, each, _ in numbered if isinstance(each, NewVersion)]
    _add(connection, added, latest=are_alone)
    _repeat(connection, [(at, each, version) for at, each, _ in numbered if isinstance(each, Repeat)])
    if not are_alone:
        _mark_latest(connection, merge.added)
    _note_unknown(connection, {each.key for each in merge.added}, dict(merge.unknown_gone))
    return version


def fold(connection: duckdb.DuckDBPyConnection, entries: Sequence[Entry]) -> None:
    """Take journal entries into the tables, in their order, with as few statements as that allows."""
    numbered = [
        (number, each, entry.version) for entry in entries for number, each in enumerate(entry.added, entry.number)
    ]
    _add(connection, [(number, each, at) for number, each, at in numbered if isinstance(each, NewVersion)])
    for run in _runs(entries):
        if isinstance(run[0], Touch):
            _touch(connection, Sightings.of(each for each in run if isinstance(each, Touch)))
        else:
            _repeat(connection, [each for each in run if not isinstance(each, Touch)])
    _mark_latest(connection, [each for _, each, _ in numbered])
    known: set[str] = set()
    gone: dict[str, datetime] = {}
    for entry in entries:
        for each in entry.added:
            known.add(each.key)
            gone.pop(each.key, None)
        gone |= dict(entry.unknown_gone)
    _note_unknown(connection, known, gone)
    for stream, position in {entry.stream: entry.position for entry in entries if entry.stream}.items():
        write_position(connection, stream, position)
    related = {key: entry for entry in entries for key in entry.sources}
    found = [each for entry in entries for each in entry.relationships if related[resource_key(each.source)] is entry]
    if related:
        replace_of(connection, related.keys(), found)
    query = "UPDATE standing SET version = ?, folded = ?"
    connection.execute(query, [entries[-1].version, entries[-1].sequence])


def _runs(entries: Sequence[Entry]) -> Iterator[list[Touch | Numbered[Repeat]]]:
    """Touches and repeats in order: each run of one kind, none of which needs another one of its run."""
    run: list[Touch | Numbered[Repeat]] = []
    numbers: set[int] = set()
    for entry in entries:
        steps: list[Touch | Numbered[Repeat]] = list(entry.touched)
        for number, version in enumerate(entry.added, entry.number):
            if isinstance(version, Repeat):
                steps.append((number, version, entry.version))
        for each in steps:
            needed = each.version if isinstance(each, Touch) else each[1].version
            if run and (isinstance(run[0], Touch) != isinstance(each, Touch) or needed in numbers):
                yield run
                run, numbers = [], set()
            run.append(each)
            numbers.add(needed if isinstance(each, Touch) else each[0])
    if run:
        yield run


def write_position(connection: duckdb.DuckDBPyConnection, stream: str, position: str) -> None:
    """Remember how far a stream was read."""
    connection.execute("DELETE FROM positions WHERE stream = ?", [stream])
    connection.execute("INSERT INTO positions VALUES (?, ?)", [stream, position])


def write_collection(
    connection: duckdb.DuckDBPyConnection, record: CollectionRecord, members: frozenset[str] | None
) -> None:
    """Replace what is kept of a collection; `members` is None where they are as they were."""
    connection.execute("DELETE FROM collections WHERE name = ?", [record.name])
    proved = None if record.proved_at is None else us_from_instant(record.proved_at)
    row = [record.name, sorted(record.accounts), sorted(record.unproven), us_from_instant(record.ran_at), proved]
    connection.execute("INSERT INTO collections VALUES (?, ?, ?, ?, ?)", row)
    if members is not None:
        connection.execute("DELETE FROM members WHERE collection = ?", [record.name])
        names = {"collection": [record.name] * len(members), "key": sorted(members)}
        insert(connection, "members", texts(names))


def collection_from(row: Sequence[Any]) -> CollectionRecord:
    """A row of `collections`."""
    name, accounts, unproven, ran_at, proved_at = row
    proved = None if proved_at is None else instant_from_us(proved_at)
    return CollectionRecord(name, frozenset(accounts), frozenset(unproven), instant_from_us(ran_at), proved)


def replace_relationships(connection: duckdb.DuckDBPyConnection, found: Sequence[Relationship]) -> None:
    """Replace all relationships, unless they are the same already; in any order, and some may repeat."""
    if replace_all(connection, found):
        _next_version(connection, has_changed=True)


def write_scan(connection: duckdb.DuckDBPyConnection, scan: ScanRecord) -> None:
    """Keep a scan; the same id again replaces it."""
    found = sorted(scan.violations, key=lambda v: (v.resource_id, v.policy_id, v.severity))
    columns: dict[str, list[str]] = {
        "scan": [scan.scan_id] * len(found),
        "resource": [violation.resource_id for violation in found],
        "policy": [violation.policy_id for violation in found],
        "severity": [violation.severity.value for violation in found],
    }
    ordinal = next_number(connection, "max(ordinal) FROM scans")
    row = [ordinal, scan.scan_id, us_from_instant(scan.at), encode(scan.summary)[0]]
    connection.execute("DELETE FROM scans WHERE scan = ?", [scan.scan_id])
    connection.execute("DELETE FROM violations WHERE scan = ?", [scan.scan_id])
    connection.execute("INSERT INTO scans VALUES (?, ?, ?, ?)", row)
    insert(connection, "violations", texts(columns))


def write_definitions(connection: duckdb.DuckDBPyConnection, definitions: Sequence[StoredDefinition]) -> None:
    """Keep definitions; the same policy id again replaces the former."""
    latest = {definition.policy_id: definition for definition in definitions}.values()
    table = pa.table(
        {
            "policy": pa.array([definition.policy_id for definition in latest], pa.string()),
            "document": pa.array([encode(definition.document)[0] for definition in latest], pa.binary()),
            "origin": pa.array([definition.origin for definition in latest], pa.string()),
            "state": pa.array([definition.state for definition in latest], pa.string()),
        }
    )
    connection.register("incoming", table)
    connection.execute("DELETE FROM definitions WHERE policy IN (SELECT policy FROM incoming)")
    connection.execute("INSERT INTO definitions SELECT * FROM incoming")
    connection.unregister("incoming")


def insert(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Add the rows of a table to one of the file."""
    put(connection, "incoming", table, into=name)


def texts(columns: Mapping[str, Sequence[str]]) -> pa.Table:
    """Columns of text."""
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def next_number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """One more than the greatest of a column."""
    ((last,),) = connection.execute(f"SELECT {query}").fetchall()
    return 0 if last is None else int(last) + 1


def _next_version(connection: duckdb.DuckDBPyConnection, *, has_changed: bool) -> int:
    if has_changed:
        connection.execute("UPDATE standing SET version = version + 1")
    ((version,),) = connection.execute("SELECT version FROM standing").fetchall()
    return int(version)


def _add(
    connection: duckdb.DuckDBPyConnection, versions: Sequence[Numbered[NewVersion]], *, latest: bool = False
) -> None:
    if versions:
        block = next_number(connection, "max(block) FROM blocks")
        numbers, added, written = zip(*versions, strict=True)
        insert(connection, "blocks", block_table(added, block))
        insert(connection, "versions", version_table(added, numbers, first_block=block, written=written, latest=latest))


def _mark_latest(connection: duckdb.DuckDBPyConnection, added: Sequence[NewVersion | Repeat]) -> None:
    """Mark the latest versions of resources that have new ones."""
    if added:
        put(connection, "concerned", texts({"key": sorted({each.key for each in added})}), into=None)
        connection.execute(_MARK_LATEST)
        connection.unregister("concerned")


def _repeat(connection: duckdb.DuckDBPyConnection, versions: Sequence[Numbered[Repeat]]) -> None:
    """Add versions that have the item of another one."""
    if not versions:
        return
    numbers, added, written = zip(*versions, strict=True)
    table = pa.table(
        {
            "former": pa.array([each.version for each in added], pa.int64()),
            "number": pa.array(numbers, pa.int64()),
            "valid_from": pa.array([us_from_instant(each.valid_from) for each in added], pa.int64()),
            "seen_at": pa.array([us_from_instant(each.seen_at or each.valid_from) for each in added], pa.int64()),
            "retired": pa.array([each.is_retired for each in added], pa.bool_()),
            "told": pa.array([each.is_told for each in added], pa.bool_()),
            "written": pa.array(written, pa.int64()),
        }
    )
    connection.register("incoming", table)
    connection.execute(
        """INSERT INTO versions SELECT v.* REPLACE (
            i.number AS number, i.valid_from AS valid_from, i.seen_at AS seen_at, i.retired AS retired,
            i.told AS told, i.written AS written, false AS latest)
        FROM versions v JOIN incoming i ON v.number = i.former"""
    )
    connection.unregister("incoming")


def _touch(connection: duckdb.DuckDBPyConnection, touched: Sightings) -> None:
    """Note where and when an unchanged state was seen last."""
    if not len(touched):
        return
    captured_at = touched.captured_us
    table = pa.table(
        {
            "number": touched.numbers,
            "captured_at": pa.array(captured_at, mask=captured_at == NEVER_US),
            "file": pa.array(touched.files, pa.string()),
            "line": touched.lines,
            "seen_at": touched.seen_us,
        }
    )
    connection.register("incoming", table)
    connection.execute(
        """UPDATE versions SET captured_at = i.captured_at, file = i.file, line = i.line, seen_at = i.seen_at
        FROM incoming i WHERE versions.number = i.number"""
    )
    connection.unregister("incoming")


def _note_unknown(connection: duckdb.DuckDBPyConnection, known: Collection[str], gone: Mapping[str, datetime]) -> None:
    """Keep deletions of what was never seen, until it is known."""
    ((count,),) = connection.execute("SELECT count(*) FROM unknown_gone").fetchall()
    if count:
        settled = sorted({*known, *gone})
        connection.execute("DELETE FROM unknown_gone WHERE key IN (SELECT unnest($settled))", {"settled": settled})
    rows = [(key, us_from_instant(at)) for key, at in gone.items()]
    if rows:
        connection.executemany("INSERT INTO unknown_gone VALUES (?, ?)", rows)
