"""Nodes that an earlier version wrote, brought to the form of now.

In the first layout every fact of a state was a property. A node is brought over in one transaction with others, and is
known by having `kept`: whoever is interrupted, or does so beside another process, begins where that one ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from neo4j import ManagedTransaction

from domain.errors import ConflictError, InputError
from domain.tenancy import TenantId
from graph.stores.bodies import encode
from graph.stores.neo4j_database import Neo4jDatabase, rows
from graph.stores.neo4j_kept import BREAK, Sight, parsed
from graph.stores.neo4j_schema import LAYOUT

BATCH: Final = 2_000
_OF_STATES: Final = ("valid_from", "retired")
"""What a former state goes on saying as properties as well."""
_GONE: Final = ("label", "facts", "digest", "synthetic", *(name for name in Sight._fields if name not in _OF_STATES))
_REMOVED: Final = ", ".join(f"r.{name}" for name in _GONE)
_FACTS: Final = ", ".join(f".{name}" for name in ("facts", "digest", "synthetic", *Sight._fields))
_FIND: Final = f"""MATCH (r:%s) WHERE r.tenant = $tenant%s AND r.number IS NOT NULL AND r.kept IS NULL
WITH r LIMIT $limit RETURN r.id, r {{{_FACTS}}}"""
_KEEP: Final = "UNWIND $rows AS row MATCH (r:%s {id: row[0]}) WHERE r.kept IS NULL SET r.kept = row[1] REMOVE %s"
_LABELS: Final = (
    ("Entity", " AND r.noted > 0", f"{_REMOVED}, {', '.join(f'r.{name}' for name in _OF_STATES)}"),
    ("ResourceState", "", _REMOVED),
)


def require_known(layout: int, pending: str | None, tenant: TenantId) -> None:
    """Refuse what cannot be brought over.

    Raises:
        ConflictError: an earlier version has begun a large write and not ended it.
        InputError: a newer version wrote the graph.
    """
    if layout > LAYOUT:
        raise InputError(
            "the graph in Neo4j was written by a newer version of PolicyCortex",
            tenant=tenant,
            layout=layout,
            known=LAYOUT,
            todo="Update PolicyCortex",
        )
    if pending is not None:
        raise ConflictError(
            "an earlier version has begun a large write to the graph and not ended it",
            tenant=tenant,
            write=pending,
            todo="Open the tenant once with the version that was used before, which ends it; then start this one",
        )


def upgrade(database: Neo4jDatabase, tenant: TenantId) -> None:
    """Bring over every node of a tenant that has the first layout."""
    for label, where, removed in _LABELS:

        def work(transaction: ManagedTransaction, label: str = label, where: str = where, gone: str = removed) -> bool:
            found = rows(transaction, _FIND % (label, where), {"tenant": tenant, "limit": BATCH})
            made = [[id_, kept_of(facts)] for id_, facts in found]
            rows(transaction, _KEEP % (label, gone), {"rows": made})
            return bool(made)

        while database.write(work):
            pass


def kept_of(facts: Mapping[str, Any]) -> str:
    """`kept` from properties of the first layout."""
    tags, unread, is_plain = parsed(facts["facts"])
    item = encode([facts["digest"], facts["synthetic"], tags, unread, is_plain])[0].decode()
    return f"{item}{BREAK}{Sight(*(facts[name] for name in Sight._fields)).text}"
