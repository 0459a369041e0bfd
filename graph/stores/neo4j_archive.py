"""Everything of a tenant out of Neo4j, and into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NoReturn

import pyarrow as pa

from domain.tenancy import TenantId
from graph.stores.archive import restoring
from graph.stores.contract import Archive, StoredVersion
from graph.stores.edge_digests import source_edges
from graph.stores.instants import instant_from_us, us_from_instant
from graph.stores.neo4j_edges import linked
from graph.stores.neo4j_ledger import EMPTY, NO_ROW, states_table, table_of
from graph.stores.neo4j_plan import MergeDraft, collection_row, ledger_pieces
from graph.stores.neo4j_records import definition_rows, scan_row
from graph.stores.neo4j_rows import StateRow, node_id
from graph.stores.neo4j_steps import pieces
from graph.stores.neo4j_write import Draft, Standing


def stored_versions(states: Iterable[StateRow]) -> tuple[StoredVersion, ...]:
    """States in the order in which they were written."""
    return tuple(
        StoredVersion(row.item, row.at, instant_from_us(row.sight.seen_at), row.is_retired, row.sight.told)
        for row in sorted(states, key=lambda row: row.number)
    )


def restoring_draft(archive: Archive, tenant: TenantId, standing: Standing) -> Draft:
    """The write that makes an empty graph what the archive says."""
    write = max(archive.version, 1)
    standing = replace(standing, writes=write - 1)
    holders: dict[str, set[str]] = {}
    for record, members in archive.collections:
        for key in members:
            holders.setdefault(key, set()).add(record.name)
    merge = restoring(archive, tenant)
    made = MergeDraft(
        tenant,
        merge,
        standing,
        known={},
        collections=lambda key: holders.get(key, set()),
        item_of=_no_item,
        is_first=True,
    )
    draft = Draft(now={"writes": write, "version": archive.version, "number": made.number})
    draft.add(made.pieces())
    given = source_edges(archive.relationships)
    draft.add(linked(given.once, tenant, is_there=made.latest.__contains__, write=write))
    _add_records(draft, archive, tenant)
    digests = given.digests(given.keys)
    strangers = {key: {**NO_ROW, "edges": digest} for key, digest in digests.items() if key not in made.latest}
    table = pa.concat_tables([states_table(made.latest, digests), table_of(strangers)])
    draft.add(ledger_pieces(tenant, "base", EMPTY.with_rows(table)))
    draft.now.update({"base": write, "sighted": write})
    return draft


def _add_records(draft: Draft, archive: Archive, tenant: TenantId) -> None:
    draft.add(pieces("collection", [collection_row(tenant, record) for record, _ in archive.collections]))
    gone = [
        {"id": node_id(tenant, key), "tenant": tenant, "at": us_from_instant(at)} for key, at in archive.unknown_gone
    ]
    draft.add(pieces("gone", gone))
    streams = [
        {"id": node_id(tenant, name), "tenant": tenant, "name": name, "position": position}
        for name, position in archive.positions
    ]
    draft.add(pieces("stream", streams))
    for ordinal, scan in enumerate(archive.scans, -len(archive.scans)):
        draft.add(pieces("scan", [{**scan_row(tenant, scan), "ordinal": ordinal}]))
    draft.add(pieces("definition", definition_rows(tenant, archive.definitions)))


def _no_item(key: str, number: int) -> NoReturn:
    raise AssertionError(f"an archive repeats no stored version: {key} {number}")
