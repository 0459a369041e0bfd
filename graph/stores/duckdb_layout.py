"""The tables of the embedded store, and how a file of an earlier layout comes to have them."""

from __future__ import annotations

from typing import Final

import duckdb
import pyarrow as pa

from domain.resource import resource_key

LAYOUT_VERSION: Final = 3
TABLES: Final = (
    "CREATE TABLE layout (version INTEGER NOT NULL, tenant VARCHAR NOT NULL)",
    "CREATE TABLE standing (version BIGINT NOT NULL, epoch BIGINT NOT NULL, holder VARCHAR NOT NULL, folded BIGINT)",
    """CREATE TABLE versions (
        number BIGINT NOT NULL, key VARCHAR NOT NULL, uid VARCHAR NOT NULL, provider VARCHAR NOT NULL,
        type VARCHAR NOT NULL, name VARCHAR NOT NULL, scope VARCHAR NOT NULL, region VARCHAR NOT NULL,
        valid_from BIGINT NOT NULL, captured_at BIGINT, digest VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
        file VARCHAR NOT NULL, line BIGINT NOT NULL, synthetic BOOLEAN NOT NULL, retired BOOLEAN NOT NULL,
        block BIGINT NOT NULL, slot INTEGER NOT NULL, seen_at BIGINT, told BOOLEAN, written BIGINT)""",
    "CREATE TABLE blocks (block BIGINT NOT NULL, plain BOOLEAN NOT NULL, size BIGINT NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE members (collection VARCHAR NOT NULL, key VARCHAR NOT NULL)",
    """CREATE TABLE collections (
        name VARCHAR NOT NULL, accounts VARCHAR[] NOT NULL, unproven VARCHAR[] NOT NULL, ran_at BIGINT NOT NULL,
        proved_at BIGINT)""",
    "CREATE TABLE unknown_gone (key VARCHAR NOT NULL, gone_at BIGINT NOT NULL)",
    "CREATE TABLE positions (stream VARCHAR NOT NULL, reached VARCHAR NOT NULL)",
    """CREATE TABLE relationships (
        source VARCHAR NOT NULL, target VARCHAR NOT NULL, kind VARCHAR NOT NULL, strength VARCHAR NOT NULL,
        path VARCHAR NOT NULL, source_key VARCHAR, target_key VARCHAR)""",
    """CREATE TABLE scans (
        ordinal BIGINT NOT NULL, scan VARCHAR NOT NULL, finished BIGINT NOT NULL, summary BLOB NOT NULL)""",
    """CREATE TABLE violations (
        scan VARCHAR NOT NULL, resource VARCHAR NOT NULL, policy VARCHAR NOT NULL, severity VARCHAR NOT NULL)""",
    """CREATE TABLE definitions (
        policy VARCHAR NOT NULL, document BLOB NOT NULL, origin VARCHAR NOT NULL, state VARCHAR NOT NULL)""",
)
_ADDED_IN_2 = ("standing", "collections", "unknown_gone", "positions")
_TO_2 = (
    "ALTER TABLE versions ADD COLUMN seen_at BIGINT",
    "ALTER TABLE versions ADD COLUMN told BOOLEAN",
    "ALTER TABLE versions ADD COLUMN written BIGINT",
    """UPDATE versions SET seen_at = greatest(valid_from, coalesce(captured_at, valid_from)), told = false,
        written = 1""",
    "ALTER TABLE relationships ADD COLUMN source_key VARCHAR",
    "ALTER TABLE relationships ADD COLUMN target_key VARCHAR",
    "INSERT INTO standing VALUES (1, 0, '', 0)",
)


_TO_3: Final = ("ALTER TABLE standing ADD COLUMN folded BIGINT", "UPDATE standing SET folded = 0")


def upgrade(connection: duckdb.DuckDBPyConnection, layout: int) -> None:
    """Bring a file of an earlier layout to this one, in one transaction."""
    connection.begin()
    if layout == 1:
        _to_2(connection)
    else:
        for statement in _TO_3:
            connection.execute(statement)
    connection.execute("UPDATE layout SET version = ?", [LAYOUT_VERSION])
    connection.commit()


def _to_2(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a file of layout 1 what it lacks, in the form of the present layout."""
    for statement in TABLES:
        if statement.startswith(tuple(f"CREATE TABLE {name} " for name in _ADDED_IN_2)):
            connection.execute(statement)
    for statement in _TO_2:
        connection.execute(statement)
    query = "SELECT source FROM relationships UNION SELECT target FROM relationships"
    ends = [end for (end,) in connection.execute(query).fetchall()]
    text = pa.string()
    connection.register("ends", pa.table({"id": pa.array(ends, text), "key": pa.array(map(resource_key, ends), text)}))
    for side in ("source", "target"):
        connection.execute(f"UPDATE relationships SET {side}_key = ends.key FROM ends WHERE {side} = ends.id")  # noqa: S608 (fixed names)
    connection.unregister("ends")
