"""Everything of a tenant out of Neo4j, and into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NoReturn

from domain.tenancy import TenantId
from graph.stores.archive import restoring
from graph.stores.contract import Archive, StoredVersion
from graph.stores.instants import instant_from_us, us_from_instant
from graph.stores.neo4j_ledger import NO_ENTRY, Entry
from graph.stores.neo4j_plan import (
    MergeDraft,
    by_source,
    collection_row,
    edges_digest,
    ledger_pieces,
    relationship_pieces,
)
from graph.stores.neo4j_records import definition_rows, scan_row
from graph.stores.neo4j_rows import StateRow, node_id
from graph.stores.neo4j_steps import pieces
from graph.stores.neo4j_write import Draft, Standing


def stored_versions(states: Iterable[StateRow], sights: Mapping[int, tuple[int, bool]]) -> tuple[StoredVersion, ...]:
    """States in the order in which they were written.

    Args:
        sights: by version number, when each was seen last, and whether an event brought it.
    """
    return tuple(
        StoredVersion(row.item, row.at, instant_from_us(sights[row.number][0]), row.is_retired, sights[row.number][1])
        for row in sorted(states, key=lambda row: row.number)
    )


def members_of(entries: Mapping[str, Entry], name: str) -> frozenset[str]:
    """Keys that a collection holds."""
    return frozenset(key for key, entry in entries.items() if name in entry.collection_names)


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
        tenant, merge, standing, known={}, collections=lambda key: holders.get(key, set()), item_of=_no_item
    )
    draft = Draft(now={"writes": write, "version": archive.version, "number": made.number})
    draft.add(made.pieces())
    grouped = by_source(archive.relationships)
    digests = {key: edges_digest(found) for key, found in grouped.items()}
    draft.add(relationship_pieces(tenant, grouped, digests=digests, entries=made.latest, write=write))
    entries = dict(made.latest)
    for key, digest in digests.items():
        entries[key] = entries.get(key, NO_ENTRY)._replace(edges=digest)
    _add_records(draft, archive, tenant)
    ledger, parts = ledger_pieces(tenant, entries, {}, standing)
    draft.add(ledger)
    draft.now.update({"ledger": write, "parts": parts})
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
