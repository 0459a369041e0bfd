"""The whole graph out of the embedded store as columns, without one Python object per row."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from domain.resource import ResourceId
from graph.references import KINDS, STRENGTHS, Dangling
from graph.stores.contract import Readout
from graph.stores.duckdb_write import LATEST

_CODED = ("type", "scope", "region", "provider")
_RESOURCES = f"""SELECT uid, name, type, scope, region, provider, digest, synthetic, key
    FROM (SELECT * FROM versions {LATEST}) WHERE NOT retired ORDER BY key"""  # noqa: S608 (fixed text)
_EDGES = """SELECT s.row AS source, t.row AS target, (list_position($kinds, r.kind) - 1)::UTINYINT AS kind,
        (list_position($strengths, r.strength) - 1)::UTINYINT AS strength, r.path AS path
    FROM relationships r JOIN places s ON r.source_key = s.key JOIN places t ON r.target_key = t.key
    ORDER BY ALL"""
_DANGLING = """SELECT r.source, r.path, r.target FROM relationships r JOIN places s ON r.source_key = s.key
    WHERE r.target_key NOT IN (SELECT key FROM places) ORDER BY s.row, r.target, r.path"""
_EDGE_TYPES = pa.schema(
    [
        ("source", pa.int32()),
        ("target", pa.int32()),
        ("kind", pa.uint8()),
        ("strength", pa.uint8()),
        ("path", pa.dictionary(pa.int32(), pa.string())),
    ]
)


def read_out(connection: duckdb.DuckDBPyConnection) -> Readout:
    """Resources in order, and edges between their rows."""
    found = connection.sql(_RESOURCES).to_arrow_table().combine_chunks()
    places = pa.table({"key": found.column("key"), "row": pa.array(range(found.num_rows), pa.int32())})
    connection.register("places", places)
    codes = {"kinds": [kind.value for kind in KINDS], "strengths": [strength.value for strength in STRENGTHS]}
    edges = connection.sql(_EDGES, params=codes).to_arrow_table()
    dangling = connection.execute(_DANGLING).fetchall()
    connection.unregister("places")
    ((version,),) = connection.execute("SELECT version FROM standing").fetchall()
    return Readout(
        version=int(version),
        resources=_resources(found),
        edges=_edges(edges),
        dangling=tuple(Dangling(ResourceId(source), path, target) for source, path, target in dangling),
    )


def _resources(found: pa.Table) -> pa.Table:
    columns = {}
    for name in ("uid", "name", *_CODED, "digest", "synthetic"):
        column = found.column(name)
        column = column if name == "synthetic" else column.cast(pa.string())
        columns[name] = column.combine_chunks().dictionary_encode() if name in _CODED else column
    return pa.table(columns)


def _edges(found: pa.Table) -> pa.Table:
    path = found.column("path").cast(pa.string()).combine_chunks().dictionary_encode()
    return found.set_column(4, "path", path).cast(_EDGE_TYPES).combine_chunks()
