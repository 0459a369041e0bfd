"""The tables of the embedded store, and how a file of an earlier layout comes to have them."""

from __future__ import annotations

from typing import Final

import duckdb
import pyarrow as pa

from domain.resource import resource_key

LAYOUT_VERSION: Final = 4
TABLES: Final = (
    "CREATE TABLE layout (version INTEGER NOT NULL, tenant VARCHAR NOT NULL)",
    "CREATE TABLE standing (version BIGINT NOT NULL, epoch BIGINT NOT NULL, holder VARCHAR NOT NULL, folded BIGINT)",
    """CREATE TABLE versions (
        number BIGINT NOT NULL, key VARCHAR NOT NULL, uid VARCHAR NOT NULL, provider VARCHAR NOT NULL,
        type VARCHAR NOT NULL, name VARCHAR NOT NULL, scope VARCHAR NOT NULL, region VARCHAR NOT NULL,
        valid_from BIGINT NOT NULL, captured_at BIGINT, digest VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
        file VARCHAR NOT NULL, line BIGINT NOT NULL, synthetic BOOLEAN NOT NULL, retired BOOLEAN NOT NULL,
        block BIGINT NOT NULL, slot INTEGER NOT NULL, seen_at BIGINT, told BOOLEAN, written BIGINT, latest BOOLEAN)""",
    "CREATE TABLE blocks (block BIGINT NOT NULL, plain BOOLEAN NOT NULL, size BIGINT NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE members (collection VARCHAR NOT NULL, key VARCHAR NOT NULL)",
    """CREATE TABLE collections (
        name VARCHAR NOT NULL, accounts VARCHAR[] NOT NULL, unproven VARCHAR[] NOT NULL, ran_at BIGINT NOT NULL,
        proved_at BIGINT)""",
    "CREATE TABLE unknown_gone (key VARCHAR NOT NULL, gone_at BIGINT NOT NULL)",
    "CREATE TABLE positions (stream VARCHAR NOT NULL, reached VARCHAR NOT NULL)",
    "CREATE TABLE ends (code INTEGER NOT NULL, text VARCHAR NOT NULL, key VARCHAR NOT NULL)",
    """CREATE TABLE meanings (
        code INTEGER NOT NULL, kind VARCHAR NOT NULL, strength VARCHAR NOT NULL, path VARCHAR NOT NULL)""",
    "CREATE TABLE relationships (source INTEGER NOT NULL, target INTEGER NOT NULL, meaning INTEGER NOT NULL)",
    """CREATE TABLE scans (
        ordinal BIGINT NOT NULL, scan VARCHAR NOT NULL, finished BIGINT NOT NULL, summary BLOB NOT NULL)""",
    """CREATE TABLE violations (
        scan VARCHAR NOT NULL, resource VARCHAR NOT NULL, policy VARCHAR NOT NULL, severity VARCHAR NOT NULL)""",
    """CREATE TABLE definitions (
        policy VARCHAR NOT NULL, document BLOB NOT NULL, origin VARCHAR NOT NULL, state VARCHAR NOT NULL)""",
)
_TO_2: Final = (
    "CREATE TABLE standing (version BIGINT NOT NULL, epoch BIGINT NOT NULL, holder VARCHAR NOT NULL)",
    "INSERT INTO standing VALUES (1, 0, '')",
    """CREATE TABLE collections (
        name VARCHAR NOT NULL, accounts VARCHAR[] NOT NULL, unproven VARCHAR[] NOT NULL, ran_at BIGINT NOT NULL,
        proved_at BIGINT)""",
    "CREATE TABLE unknown_gone (key VARCHAR NOT NULL, gone_at BIGINT NOT NULL)",
    "CREATE TABLE positions (stream VARCHAR NOT NULL, reached VARCHAR NOT NULL)",
    "ALTER TABLE versions ADD COLUMN seen_at BIGINT",
    "ALTER TABLE versions ADD COLUMN told BOOLEAN",
    "ALTER TABLE versions ADD COLUMN written BIGINT",
    """UPDATE versions SET seen_at = greatest(valid_from, coalesce(captured_at, valid_from)), told = false,
        written = 1""",
)
_TO_3: Final = ("ALTER TABLE standing ADD COLUMN folded BIGINT", "UPDATE standing SET folded = 0")
_TO_4: Final = (
    "ALTER TABLE versions ADD COLUMN latest BOOLEAN",
    """UPDATE versions SET latest = versions.number = w.number
        FROM (SELECT key, arg_max(number, (valid_from, number)) AS number FROM versions GROUP BY key) w
        WHERE versions.key = w.key""",
    """CREATE TABLE meanings AS SELECT (row_number() OVER () - 1)::INTEGER AS code, kind, strength, path
        FROM (SELECT DISTINCT kind, strength, path FROM relationships)""",
    """CREATE TABLE ends AS SELECT (row_number() OVER () - 1)::INTEGER AS code, text, text AS key
        FROM (SELECT source AS text FROM relationships UNION SELECT target FROM relationships)""",
    """CREATE TABLE coded AS SELECT s.code AS source, t.code AS target, m.code AS meaning FROM relationships r
        JOIN ends s ON r.source = s.text JOIN ends t ON r.target = t.text
        JOIN meanings m ON r.kind = m.kind AND r.strength = m.strength AND r.path = m.path""",
    "DROP TABLE relationships",
    "ALTER TABLE coded RENAME TO relationships",
)
_STEPS: Final = (_TO_2, _TO_3, _TO_4)


def upgrade(connection: duckdb.DuckDBPyConnection, layout: int) -> None:
    """Bring a file of an earlier layout to this one, in one transaction."""
    connection.begin()
    for steps in _STEPS[layout - 1 :]:
        for statement in steps:
            connection.execute(statement)
    _add_keys(connection)
    connection.execute("UPDATE layout SET version = ?", [LAYOUT_VERSION])
    connection.commit()


def _add_keys(connection: duckdb.DuckDBPyConnection) -> None:
    ends = [end for (end,) in connection.execute("SELECT text FROM ends").fetchall()]
    text = pa.string()
    table = pa.table({"end": pa.array(ends, text), "key": pa.array(map(resource_key, ends), text)})
    connection.register("keyed", table)
    connection.execute('UPDATE ends SET key = keyed.key FROM keyed WHERE text = keyed."end"')
    connection.unregister("keyed")
