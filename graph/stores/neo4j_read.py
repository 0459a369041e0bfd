"""What is read out of Neo4j in columns: few rows with long lists, since a row costs more than what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any, Final

import numpy as np
import pyarrow as pa
from neo4j import ManagedTransaction

from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from domain.tenancy import TenantId
from graph.references import Dangling
from graph.stores.contract import CHANGE_KINDS, Changes
from graph.stores.edges import KIND_CODES, STRENGTH_CODES, edge_table
from graph.stores.neo4j_database import rows
from graph.stores.neo4j_kept import facts_of, sight_of
from graph.stores.neo4j_ledger import NO_ROW, NO_STATE, row_of
from graph.stores.neo4j_rows import ITEM_PROPERTIES
from graph.stores.versions import change_kinds

_NODES: Final = """MATCH (r:Entity) WHERE r.tenant = $tenant AND r.noted > 0 AND r:Resource
RETURN r.type, r.provider, r.region, r.scope, collect(r.id), collect(r.uid), collect(r.name), collect(r.kept),
    collect(r.number)"""
_EDGES: Final = """MATCH (a:Entity) WHERE a.tenant = $tenant AND a.noted > 0 AND a:Resource MATCH (a)-[e]->(b:Resource)
RETURN type(e), e.strength, e.path, collect(a.number), collect(b.number)"""
_DANGLING: Final = """MATCH (a:Entity) WHERE a.tenant = $tenant AND a.noted > 0 AND a:Resource
MATCH (a)-[e]->(b:Entity) WHERE NOT b:Resource
RETURN a.number, e.path, coalesce(e.source, substring(a.id, $start)), coalesce(e.target, substring(b.id, $start))"""
_RELATIONSHIPS: Final = """MATCH (a:Entity) WHERE a.tenant = $tenant AND a.noted > 0 MATCH (a)-[e]->(b:Entity)
RETURN type(e), e.strength, e.path, collect(coalesce(e.source, substring(a.id, $start))),
    collect(coalesce(e.target, substring(b.id, $start)))"""
_EDGES_OF: Final = """UNWIND $ids AS id MATCH (a:Entity {id: id})-[e]->(b:Entity)
RETURN a.id, type(e), e.strength, e.path, coalesce(e.source, substring(a.id, $start)),
    coalesce(e.target, substring(b.id, $start)), elementId(e)"""
_LINES: Final = """MATCH (r:Entity) WHERE r.tenant = $tenant AND r.noted > 0 AND r.number IS NOT NULL
RETURN r.id, r.number, r.kept, r.uid, r.type, r.scope
UNION ALL MATCH (r:ResourceState) WHERE r.tenant = $tenant AND r.valid_from <= $until
RETURN r.entity AS `r.id`, r.number, r.kept, r.uid, r.type, r.scope"""
_KNOWN: Final = """RETURN r.id, r.number, r.kept, r.collections, r.edges, coalesce(r.sighted, 0),
    coalesce(r.linked, 0)"""
_ITEM: Final = ", ".join(f"r.{name}" for name in ITEM_PROPERTIES)

NOTED: Final = f"MATCH (r:Entity) WHERE r.tenant = $tenant AND r.noted > $after {_KNOWN}"
"""Entities that a write after the ledger's base touched."""
NAMED: Final = f"UNWIND $ids AS id MATCH (r:Entity {{id: id}}) {_KNOWN}"
"""Some entities."""
PRESENT: Final = f"MATCH (r:Entity) WHERE r.tenant = $tenant AND r.noted > 0 AND r:Resource RETURN {_ITEM}"
NAMED_ITEMS: Final = f"UNWIND $ids AS id MATCH (r:Entity {{id: id}}) WHERE r.number IS NOT NULL RETURN {_ITEM}"
NOTED_ITEMS: Final = f"""MATCH (r:Entity) WHERE r.tenant = $tenant AND r.noted > $after AND r.number IS NOT NULL
RETURN {_ITEM}"""
_FORMER: Final = _ITEM.replace("r.id", "r.entity").replace("r.sighted", "9223372036854775807")
"""A former state is not in the ledger: what it says of itself is all there is."""
FORMER_OF: Final = f"UNWIND $ids AS id MATCH (r:ResourceState {{entity: id}}) RETURN {_FORMER}"
NUMBERED: Final = f"UNWIND $ids AS id MATCH (r:ResourceState {{id: id}}) RETURN {_FORMER}"


EVERY_STATE: Final = f"MATCH (r:ResourceState) WHERE r.tenant = $tenant RETURN {_FORMER}"
LEDGER: Final = "MATCH (l:Ledger {tenant: $tenant}) WHERE l.kind = $kind RETURN l.body ORDER BY l.part"
POSITIONS: Final = "MATCH (s:Stream {tenant: $tenant}) RETURN s.name, s.position"


def whole_graph(transaction: ManagedTransaction, tenant: TenantId) -> tuple[pa.Table, pa.Table, tuple[Dangling, ...]]:
    """`Readout.resources`, `Readout.edges` and `Readout.dangling`."""
    resources, places = resource_columns(transaction, tenant)
    return (resources, *edge_rows(transaction, tenant, places))


def resource_columns(transaction: ManagedTransaction, tenant: TenantId) -> tuple[pa.Table, dict[int, int]]:
    """`Readout.resources`, and the row of each version number."""
    columns: list[list[Any]] = [[] for _ in range(9)]
    for *common, ids, uids, names, kept, numbers in rows(transaction, _NODES, {"tenant": tenant}):
        alike = ([value] * len(ids) for value in common)
        for column, values in zip(columns, chain(alike, (ids, uids, names, kept, numbers)), strict=True):
            column.extend(values)
    types, providers, regions, scopes, ids, uids, names, kept, numbers = columns
    facts = [facts_of(text) for text in kept]
    start = len(tenant) + 1
    order = sorted(range(len(ids)), key=lambda row: ids[row][start:])

    def texts(values: Sequence[str]) -> pa.Array:
        return pa.array([values[row] for row in order], pa.string())

    table = pa.table(
        {
            "uid": texts(uids),
            "name": texts(names),
            "type": texts(types).dictionary_encode(),
            "scope": texts(scopes).dictionary_encode(),
            "region": texts(regions).dictionary_encode(),
            "provider": texts(providers).dictionary_encode(),
            "digest": texts([each.digest for each in facts]),
            "synthetic": pa.array([facts[row].synthetic for row in order], pa.bool_()),
        }
    )
    return table, {numbers[row]: place for place, row in enumerate(order)}


def edge_rows(
    transaction: ManagedTransaction, tenant: TenantId, places: Mapping[int, int]
) -> tuple[pa.Table, tuple[Dangling, ...]]:
    """`Readout.edges` and `Readout.dangling`."""
    sources: list[int] = []
    targets: list[int] = []
    codes: list[int] = []
    paths: list[str] = []
    for kind, strength, path, from_, to in rows(transaction, _EDGES, {"tenant": tenant}):
        sources.extend(from_)
        targets.extend(to)
        meaning = KIND_CODES[RelationshipKind[kind]] << 8 | STRENGTH_CODES[Strength(strength)]
        codes.extend([meaning] * len(from_))
        paths.extend([path] * len(from_))
    place = _placed(places)
    source, target, code = place[np.array(sources, np.int64)], place[np.array(targets, np.int64)], np.array(codes, int)
    kinds, strengths = code >> 8, code & 255
    ranks = {path: rank for rank, path in enumerate(sorted(set(paths)))}
    order = np.lexsort((strengths, np.array([ranks[path] for path in paths], int), kinds, target, source))
    table = edge_table(source[order], target[order], kinds[order], strengths[order], [paths[row] for row in order])
    loose = rows(transaction, _DANGLING, {"tenant": tenant, "start": len(tenant) + 1})
    loose.sort(key=lambda row: (places[row[0]], row[3], row[1]))
    return table, tuple(Dangling(ResourceId(source), path, target) for _, path, source, target in loose)


def relationship_rows(transaction: ManagedTransaction, tenant: TenantId) -> Iterable[Relationship]:
    """Every relationship, in no order."""
    found = rows(transaction, _RELATIONSHIPS, {"tenant": tenant, "start": len(tenant) + 1})
    for kind, strength, path, sources, targets in found:
        meaning = (RelationshipKind[kind], Strength(strength), path)
        for source, target in zip(sources, targets, strict=True):
            yield Relationship(ResourceId(source), ResourceId(target), *meaning)


@dataclass(frozen=True, slots=True)
class Line:
    """A version in the line of its entity, whose node's id is `id`."""

    id: str
    number: int
    at_us: int
    is_gone: bool
    uid: str
    type: str
    scope: str


def lines(transaction: ManagedTransaction, tenant: TenantId, until_us: int) -> list[Line]:
    """Every version that began by an instant, by entity, time and number."""
    found = []
    for id_, number, kept, uid, type_, scope in rows(transaction, _LINES, {"tenant": tenant, "until": until_us}):
        sight = sight_of(kept)
        if sight.valid_from <= until_us:
            found.append(Line(id_, number, sight.valid_from, sight.retired, uid, type_, scope))
    return sorted(found, key=lambda line: (line.id, line.at_us, line.number))


def changes_from(found: Sequence[Line], since_us: int) -> Changes:
    """What changed after an instant, from `lines`."""
    changed: list[tuple[int, str, int, str, str, int]] = []
    for _, states in groupby(found, key=lambda line: line.id):
        own = list(states)
        for line, kind in zip(own, change_kinds(line.is_gone for line in own), strict=True):
            if line.at_us > since_us:
                changed.append((line.at_us, line.uid, line.number, line.type, line.scope, CHANGE_KINDS.index(kind)))
    changed.sort()
    return Changes(
        uids=tuple(row[1] for row in changed),
        types=tuple(row[3] for row in changed),
        scopes=tuple(row[4] for row in changed),
        at_us=np.array([row[0] for row in changed], np.int64),
        kinds=np.array([row[5] for row in changed], np.uint8),
    )


@dataclass(frozen=True, slots=True)
class NodeRow:
    """What a node says of an entity.

    Args:
        row: of the ledger's base, but for its key.
        sighted: the write by which an event saw this state again; 0 where none did.
        linked: the write that its digest of relationships belongs to; 0 where the ledger alone knows them.
        written: the write that last changed its state; 0 where it has none.
    """

    row: dict[str, Any]
    sighted: int
    linked: int
    written: int

    @property
    def has_state(self) -> bool:
        """Whether it was ever seen."""
        return bool(self.row["number"] != NO_STATE)


def node_rows(found: Iterable[Sequence[Any]], tenant: TenantId) -> dict[str, NodeRow]:
    """Entities as their nodes have them, by key."""
    start = len(tenant) + 1
    rows_by_key = {}
    for id_, number, kept, names, edges, sighted, linked in found:
        row, written = dict(NO_ROW), 0
        if number is not None:
            sight = sight_of(kept)
            row, written = row_of(sight, number, names or ()), sight.written
        row["edges"] = edges
        rows_by_key[id_[start:]] = NodeRow(row, sighted, linked, written)
    return rows_by_key


def edges_of(
    transaction: ManagedTransaction, tenant: TenantId, ids: Sequence[str]
) -> dict[str, dict[Relationship, list[str]]]:
    """The relationships of some sources with the database's ids of them, by key."""
    start = len(tenant) + 1
    by_key: dict[str, dict[Relationship, list[str]]] = {}
    for id_, kind, strength, path, source, target, element in rows(
        transaction, _EDGES_OF, {"ids": ids, "start": start}
    ):
        each = Relationship(ResourceId(source), ResourceId(target), RelationshipKind[kind], Strength(strength), path)
        by_key.setdefault(id_[start:], {}).setdefault(each, []).append(element)
    return by_key


def _placed(places: Mapping[int, int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows by version number."""
    table = np.zeros(max(places, default=0) + 1, np.int64)
    table[list(places)] = list(places.values())
    return table
