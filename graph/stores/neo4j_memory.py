"""The ledger as a store has it in memory: read when the database has another, kept when the store wrote it itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import pyarrow as pa

from domain.tenancy import TenantId
from graph.stores import neo4j_read as read
from graph.stores.neo4j_ledger import Base, Ledger, Seen, base_from, ledger, seen_from, table_of, without_strangers
from graph.stores.neo4j_plan import ledger_pieces
from graph.stores.neo4j_write import Draft, Standing


class Read(Protocol):
    """Runs a query of ours for the tenant."""

    def __call__(self, query: str, **parameters: object) -> list[list[Any]]: ...


class LedgerMemory:
    """What one store knows of its tenant's ledger.

    A part that a draft replaces counts once the draft is written, and not before: `begin` forgets what a draft made
    that another one has to follow, and `written` takes over what the last one made.
    """

    def __init__(self, tenant: TenantId, read: Read) -> None:
        self._tenant = tenant
        self._read = read
        self._base: tuple[int, Base] | None = None
        self._seen: Seen | None = None
        self._made_base: tuple[int, Base] | None = None
        self._made_seen: Seen | None = None

    def begin(self) -> None:
        """A draft is made."""
        self._made_base = self._made_seen = None

    def written(self) -> None:
        """It is written."""
        self._base, self._seen = self._made_base or self._base, self._made_seen or self._seen
        self.begin()

    def add_base(self, draft: Draft, table: pa.Table, standing: Standing) -> None:
        """Have a draft write the base anew."""
        draft.add(ledger_pieces(self._tenant, "base", table))
        draft.now["base"] = standing.writes + 1
        self._made_base = (standing.writes + 1, Base.of(table.combine_chunks()))

    def add_sightings(self, draft: Draft, table: pa.Table, standing: Standing) -> None:
        """Have it write the sightings anew."""
        draft.add(ledger_pieces(self._tenant, "sightings", table))
        draft.now["sighted"] = standing.writes + 1
        self._made_seen = Seen(table, standing.writes + 1)

    def is_whole(self, standing: Standing) -> bool:
        """Whether all of it is in memory: it is the one of now, and no node was written after its base."""
        base, seen = self._base, self._seen
        is_base = base is not None and base[0] == standing.base == standing.writes
        return is_base and seen is not None and seen.write == standing.sighted

    def ledger(self, standing: Standing) -> Ledger:
        """Everything that is known: the base, nodes that were written after it, and the sightings."""
        base = self.base(standing)
        noted: Iterable[list[Any]] = ()
        if standing.base < standing.writes:
            noted = self._read(read.NOTED, after=standing.base)
        nodes = read.node_rows(noted, self._tenant)
        was = {key for key, node in nodes.items() if node.linked <= standing.base}
        edges = {}
        if was:
            chosen = [key for key in was if key in base.rows]
            texts = base.table.column("edges").take(pa.array([base.rows[key] for key in chosen], pa.int64()))
            edges = dict(zip(chosen, texts.to_pylist(), strict=True))
        rows_of = {
            key: {**node.row, "edges": edges.get(key) if key in was else node.row["edges"]}
            for key, node in nodes.items()
        }
        fresh = without_strangers(table_of(rows_of))
        sighted = [nodes[key].sighted for key in fresh.column("key").to_pylist()]
        return ledger(base, fresh, sighted, self.seen(standing))

    def base(self, standing: Standing) -> Base:
        """The ledger's base."""
        if self._base is None or self._base[0] != standing.base:
            found = self._read(read.LEDGER, kind="base") if standing.base else []
            self._base = (standing.base, Base.of(base_from(bytes(body) for (body,) in found)))
        return self._base[1]

    def seen(self, standing: Standing) -> Seen:
        """The ledger's sightings."""
        if self._seen is None or self._seen.write != standing.sighted:
            found = self._read(read.LEDGER, kind="sightings") if standing.sighted else []
            self._seen = seen_from((bytes(body) for (body,) in found), standing.sighted)
        return self._seen
