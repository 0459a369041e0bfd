"""What a write does to the nodes, as pieces that can be kept and applied one after the other.

A piece is the name of a statement, the label or type in it, and its rows. Pieces of one kind are cut by rows and by
bytes, so that no transaction outgrows the server's memory.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
from neo4j import ManagedTransaction
from numpy.typing import NDArray

from domain.resource import RelationshipKind

ROWS_MAX: Final = 10_000
BYTES_MAX: Final = 4 * 1024 * 1024
_ROW_BYTES: Final = 300

FOUND: Final = (
    *("id", "tenant", "uid", "provider", "type", "name", "scope", "account", "region", "tags", "document"),
    *("firstseen", "lastupdated", "collections", "number", "noted", "kept"),
)
"""What a row of the statement `found` has behind its account's id."""
_DOCUMENT: Final = 1 + FOUND.index("document")
_FOUND: Final = ", ".join(f"{name}: row[{place}]" for place, name in enumerate(FOUND, 1))
_ITEM_OF = "split(r.kept, '\\n')[0] + '\\n' + "
"""Keeps the first line of `kept`, before another second one."""
_SEE = f"SET r += row.now, r.kept = {_ITEM_OF}row.again"
_KEEP_STATE = f"""CREATE (s:ResourceState)
SET s = properties(r), s += row.former, s.kept = {_ITEM_OF}row.seen, s.entity = r.id"""
_FORMER_LABEL = """head([each IN labels(r) WHERE NOT each IN ['Entity', 'Resource', 'Retired', 'Absent']]) AS former"""
_FORGET = """WITH collect(DISTINCT a) + collect(DISTINCT b) AS ends UNWIND ends AS x
        WITH DISTINCT x WHERE x:Absent AND NOT EXISTS { (x)--() } DELETE x"""
_PLACE = """WITH r, row MATCH (a:Account {id: row.account})"""

STATEMENTS: Final = {
    "accounts": """UNWIND $rows AS row MERGE (a:Account {id: row.id}) SET a.tenant = row.tenant, a.name = row.name
        WITH a, row MATCH (t:Tenant {id: row.tenant}) MERGE (t)-[:ACCOUNT]->(a)""",
    "touch": "UNWIND $rows AS row MATCH (r:Entity {id: row.id}) SET r += row.now",
    "resight": f"UNWIND $rows AS row MATCH (r:Entity {{id: row.id}}) {_SEE}",
    "create": f"""UNWIND $rows AS row MERGE (r:Entity {{id: row.id}})
        SET r += row.now, r.firstseen = row.since, r:Resource:%s REMOVE r:Absent
        {_PLACE} CREATE (a)-[:RESOURCE]->(r)""",
    "found": f"""UNWIND range(0, size($accounts) - 1) AS i MATCH (a:Account {{id: $accounts[i]}})
        WITH i, a ORDER BY i WITH collect(a) AS accounts UNWIND $rows AS row
        WITH row, accounts[row[0]] AS a CREATE (a)-[:RESOURCE]->(:Entity:Resource:%s {{{_FOUND}}})""",
    "replace": f"""UNWIND $rows AS row MATCH (r:Entity {{id: row.id}}) {_KEEP_STATE}
        WITH r, row, {_FORMER_LABEL} {_SEE}, r:Resource:%s REMOVE r:Retired
        WITH r, row, former OPTIONAL MATCH (old:Account)-[m:RESOURCE]->(r) WHERE old.id <> row.account DELETE m
        WITH DISTINCT r, row, former MATCH (a:Account {{id: row.account}}) MERGE (a)-[:RESOURCE]->(r)
        WITH r, row, former WHERE former <> row.label RETURN r.id, former""",
    "restate": f"UNWIND $rows AS row MATCH (r:Entity {{id: row.id}}) {_KEEP_STATE} {_SEE}",
    "retire": f"""UNWIND $rows AS row MATCH (r:Entity {{id: row.id}}) {_KEEP_STATE}
        WITH r, row, {_FORMER_LABEL} {_SEE}, r:Retired REMOVE r:Resource
        WITH r, former OPTIONAL MATCH (:Account)-[m:RESOURCE]->(r) DELETE m WITH DISTINCT r, former
        WHERE former IS NOT NULL RETURN r.id, former""",
    "bury": """UNWIND $rows AS row MERGE (r:Entity {id: row.id})
        SET r += row.now, r.firstseen = row.since, r:Retired REMOVE r:Absent""",
    "states": "UNWIND $rows AS row CREATE (s:ResourceState) SET s = row",
    "absent": """UNWIND $rows AS row MERGE (x:Entity {id: row.id})
        ON CREATE SET x:Absent, x.tenant = row.tenant, x.uid = row.uid, x.noted = row.noted""",
    "unlink": f"UNWIND $rows AS id MATCH (a:Entity {{id: id}})-[e]->(b:Entity) DELETE e {_FORGET}",
    "cut": f"UNWIND $rows AS id MATCH (a)-[e]->(b) WHERE elementId(e) = id DELETE e {_FORGET}",
    "link": """UNWIND range(0, size($ids) - 1) AS i MATCH (x:Entity {id: $ids[i]})
        WITH i, x ORDER BY i WITH collect(x) AS ends WHERE size(ends) = size($ids)
        UNWIND $rows AS row WITH ends[row[0]] AS a, ends[row[1]] AS b, $said[row[2]] AS said
        CREATE (a)-[:%s {path: said[0], strength: said[1], source: said[2], target: said[3]}]->(b)
        RETURN count(*)""",
    "link_found": """UNWIND $rows AS row MATCH (a:Entity {id: $ids[row[0]]}) MATCH (b:Entity {id: $ids[row[1]]})
        WITH a, b, $said[row[2]] AS said
        CREATE (a)-[:%s {path: said[0], strength: said[1], source: said[2], target: said[3]}]->(b)""",
    "gone": "UNWIND $rows AS row MERGE (g:Gone {id: row.id}) SET g.tenant = row.tenant, g.at = row.at",
    "known": "UNWIND $rows AS id MATCH (g:Gone {id: id}) DELETE g",
    "collection": "UNWIND $rows AS row MERGE (c:Collection {id: row.id}) SET c += row",
    "stream": "UNWIND $rows AS row MERGE (s:Stream {id: row.id}) SET s += row",
    "ledger": "UNWIND $rows AS row MERGE (l:Ledger {id: row.id}) SET l += row",
    "trim": """UNWIND $rows AS row MATCH (l:Ledger {tenant: row.tenant})
        WHERE l.kind IS NULL OR l.kind = row.kind AND l.part >= row.parts DELETE l""",
    "scan": "UNWIND $rows AS row MERGE (s:Scan {id: row.id}) SET s += row",
    "definition": "UNWIND $rows AS row MERGE (d:Definition {id: row.id}) SET d += row",
}
"""Every statement that writes, by name; `%s` stands for a label or type that `_checked` lets through."""

_RELABELLED: Final = frozenset({"replace", "retire"})
INDEPENDENT: Final = frozenset({"found", "create", "states", "link"})
"""Statements of which several pieces may be applied at once: none touches what another of them makes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a write.

    Args:
        name: of a statement.
        label: kind label or relationship type in it; empty where it has none.
        common: what its rows name by number.
    """

    name: str
    label: str
    rows: Sequence[Any]
    common: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def run(self, transaction: ManagedTransaction) -> None:
        """Apply it.

        Where an end of a relationship is missing, which only somebody who writes beside us can have brought about, the
        others are made.
        """
        found = self._run(transaction, self.name)
        if self.name in _RELABELLED:
            _unlabel(transaction, found)
        elif self.name == "link" and not found[0][0]:
            self._run(transaction, "link_found")

    def _run(self, transaction: ManagedTransaction, name: str) -> list[list[Any]]:
        return transaction.run(_statement(name, self.label), {**self.common, "rows": self.rows}).values()


def pieces(name: str, rows: Iterable[Any], label: str = "") -> Iterator[Piece]:
    """Rows for one statement, cut into pieces."""
    batch: list[Any] = []
    size = 0
    for row in rows:
        row_size = size_of(name, row)
        if batch and (len(batch) == ROWS_MAX or size + row_size > BYTES_MAX):
            yield Piece(name, label, batch)
            batch, size = [], 0
        batch.append(row)
        size += row_size
    if batch:
        yield Piece(name, label, batch)


def parts(places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Places of small rows, as many at a time as a piece may have."""
    for start in range(0, len(places), ROWS_MAX):
        yield places[start : start + ROWS_MAX]


def size_of(name: str, row: Any) -> int:
    """About how many bytes a row of a statement takes on its way."""
    if name == "found":
        return _ROW_BYTES + len(row[_DOCUMENT])
    if not isinstance(row, dict):
        return _ROW_BYTES
    body = row.get("body") or row.get("document") or (row.get("now") or {}).get("document") or ""
    return _ROW_BYTES + len(body)


def packed(piece: Piece) -> tuple[bytes, int]:
    """A piece as bytes to be kept, and how many they are when unpacked."""
    text = orjson.dumps([piece.name, piece.label, piece.rows, piece.common], default=_base64)
    return pa.Codec("zstd", 1).compress(text, asbytes=True), len(text)


def unpacked(body: bytes, size_bytes: int) -> Piece:
    """A piece that was kept."""
    text = pa.Codec("zstd").decompress(body, decompressed_size=size_bytes, asbytes=True)
    name, label, rows, common = orjson.loads(text)
    if name == "ledger":
        rows = [{**row, "body": b64decode(row["body"])} for row in rows]
    return Piece(name, label, rows, common)


def _base64(value: Any) -> str:
    assert isinstance(value, bytes), "rows hold what JSON can, and bytes"
    return b64encode(value).decode()


def _statement(name: str, label: str) -> str:
    text = STATEMENTS[name]
    return text % _checked(label) if "%s" in text else text


_TYPES: Final = frozenset(kind.name for kind in RelationshipKind)


def _checked(label: str) -> str:
    """A label or type of ours, which nothing from outside can have widened into a statement."""
    assert label in _TYPES or (label.isalnum() and label.isascii()), label
    return label


def _unlabel(transaction: ManagedTransaction, found: Sequence[Sequence[str]]) -> None:
    """Take the former kind's label away."""
    by_label: dict[str, list[str]] = {}
    for id_, label in found:
        by_label.setdefault(label, []).append(id_)
    for label, ids in by_label.items():
        query = f"UNWIND $ids AS id MATCH (r:Entity {{id: id}}) REMOVE r:{_checked(label)}"
        transaction.run(query, ids=ids).consume()
