"""The whole graph out of the embedded store as columns, without one Python object per row."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from graph.stores.contract import Readout
from graph.stores.duckdb_edges import edge_columns

_CODED = ("type", "scope", "region", "provider")
_RESOURCES = """SELECT uid, name, type, scope, region, provider, digest, synthetic, key
    FROM versions WHERE latest AND NOT retired ORDER BY key"""


def read_out(connection: duckdb.DuckDBPyConnection) -> Readout:
    """Resources in order, and edges between their rows."""
    found = connection.sql(_RESOURCES).to_arrow_table().combine_chunks()
    edges, dangling = edge_columns(connection, found.column("key"))
    ((version,),) = connection.execute("SELECT version FROM standing").fetchall()
    return Readout(version=int(version), resources=_resources(found), edges=edges, dangling=dangling)


def _resources(found: pa.Table) -> pa.Table:
    columns = {}
    for name in ("uid", "name", *_CODED, "digest", "synthetic"):
        column = found.column(name)
        column = column if name == "synthetic" else column.cast(pa.string())
        columns[name] = column.combine_chunks().dictionary_encode() if name in _CODED else column
    return pa.table(columns)
