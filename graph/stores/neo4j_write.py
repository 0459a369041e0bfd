"""Writing to Neo4j, all or nothing, whatever the size.

What fits goes in one transaction. What does not is first written down in pieces (`PendingWrite`), then decided in one
small transaction, then applied piece by piece, each removed in the transaction that applies it. A process that dies
before the decision has written nothing; after it, whoever comes next applies the rest before anything else.

What is decided is applied while the caller goes on: the next write is worked out meanwhile, and whatever asks the
database waits until all is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import Any, Final
from uuid import uuid4

from neo4j import ManagedTransaction

from domain.errors import ConflictError, PolicyCortexError, UnavailableError
from domain.tenancy import TenantId
from graph.stores.fence import require_epoch
from graph.stores.neo4j_database import Neo4jDatabase, rows
from graph.stores.neo4j_rows import node_id
from graph.stores.neo4j_schema import LAYOUT
from graph.stores.neo4j_steps import BYTES_MAX, INDEPENDENT, ROWS_MAX, Piece, packed, size_of, unpacked
from graph.stores.neo4j_upgrade import require_known, upgrade

TRIES_MAX: Final = 5
SIDE_BY_SIDE: Final = 3
_STANDING = """t.epoch, t.holder, t.version, t.writes, t.number, coalesce(t.base, 0), coalesce(t.sighted, 0), t.pending,
    t.last, coalesce(t.layout, 1)"""
_LOCK = f"""MERGE (t:Tenant {{id: $tenant}})
ON CREATE SET t.tenant = $tenant, t.epoch = 0, t.holder = '', t.version = 0, t.writes = 0, t.number = 0,
    t.layout = {LAYOUT}
SET t.writes = t.writes RETURN {_STANDING}"""


def _never(_: Standing) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a tenant's graph stands, as its `Tenant` node says.

    Args:
        base: the write that the ledger's base was written with; 0 where there is none.
        sighted: the write that the sightings were written with.
        layout: which form the nodes have.
    """

    epoch: int = 0
    holder: str = ""
    version: int = 0
    writes: int = 0
    number: int = 0
    base: int = 0
    sighted: int = 0
    pending: str | None = None
    last: str | None = None
    layout: int = LAYOUT


@dataclass(slots=True)
class Draft:
    """A write as it was planned: valid while the graph stands where it stood then.

    Args:
        now: properties of the tenant's node afterwards.
        name: tells this write from every other, so that one whose answer was lost is known again.
    """

    pieces: list[Piece] = field(default_factory=list)
    now: dict[str, Any] = field(default_factory=dict)
    name: str = field(default_factory=lambda: uuid4().hex)

    def add(self, made: Iterable[Piece]) -> None:
        """Add pieces behind the others."""
        self.pieces.extend(made)

    @property
    def is_large(self) -> bool:
        """Whether it is more than one transaction should hold."""
        if sum(len(piece.rows) for piece in self.pieces) > ROWS_MAX:
            return True
        return sum(size_of(piece.name, row) for piece in self.pieces for row in piece.rows) > BYTES_MAX


class Neo4jWriter:
    """The writing side of one tenant's store."""

    def __init__(self, database: Neo4jDatabase, tenant: TenantId) -> None:
        self._database = database
        self._tenant = tenant
        self._epoch: int | None = None
        self._behind: tuple[str, Future[None]] | None = None

    def claim(self, holder: str) -> int:
        """Begin a new epoch."""
        self._database.prepare()
        self.standing()

        def work(transaction: ManagedTransaction) -> int:
            epoch = self._locked(transaction).epoch + 1
            query = "MATCH (t:Tenant {id: $tenant}) SET t.epoch = $epoch, t.holder = $holder"
            transaction.run(query, tenant=self._tenant, epoch=epoch, holder=holder).consume()
            return epoch

        self._epoch = self._database.write(work)
        return self._epoch

    def standing(self) -> Standing:
        """Where the graph stands, after what was decided is applied, and its nodes have the form of now."""
        self._join()
        for _ in range(TRIES_MAX):
            found = self._database.read(self._standing)
            if found.layout != LAYOUT:
                self._upgrade(found)
            elif found.pending is None:
                return found
            else:
                self.finish(found.pending)
        raise UnavailableError("a large write is being applied", tenant=self._tenant, retry_after_s=1)

    def settle(self) -> None:
        """Wait until all that this writer decided is applied."""
        if self._behind is not None:
            self.standing()

    def write(self, make: Callable[[Standing], Draft], *, needs_no_nodes: Callable[[Standing], bool] = _never) -> None:
        """Plan and write, and plan again where another process has written in between.

        Args:
            needs_no_nodes: whether the plan can be made, as the graph stands, before all of the last write is applied.

        Raises:
            ConflictError: another writer has claimed the store, or keeps writing at the same time.
        """
        self._database.prepare()
        for _ in range(TRIES_MAX):
            standing = self._decided(needs_no_nodes) or self.standing()
            if self._epoch is None:
                self._epoch = standing.epoch
            require_epoch(self._epoch, standing.epoch, standing.holder, self._tenant)
            draft = make(standing)
            try:
                is_written = (self._write_large if draft.is_large else self._write_small)(draft, standing)
            except UnavailableError:
                if not self._is_last(draft):
                    raise
                return
            if is_written:
                return
        raise ConflictError(
            "another process keeps writing to this tenant's graph",
            tenant=self._tenant,
            todo="End one of them, or let one claim the store",
        )

    def finish(self, write: str) -> None:
        """Apply what is left of a decided write."""
        query = "MATCH (p:PendingWrite {tenant: $tenant}) WHERE p.write = $write RETURN p.ordinal ORDER BY p.ordinal"
        left = self._database.read(lambda t: rows(t, query, {"tenant": self._tenant, "write": write}))
        for (ordinal,) in left:
            self._apply(write, ordinal, None)
        self._close(write)

    def _decided(self, is_enough: Callable[[Standing], bool]) -> Standing | None:
        """Where the graph will stand when this writer's last write is applied; None where that has to be awaited."""
        if self._behind is None:
            return None
        found = self._database.read(self._standing)
        will_stand = replace(found, pending=None)
        return will_stand if found.pending == self._behind[0] and is_enough(will_stand) else None

    def _join(self) -> None:
        """Wait for what is applied behind the caller; what could not be, is left for `standing` to find."""
        behind, self._behind = self._behind, None
        if behind is not None:
            with suppress(PolicyCortexError):
                behind[1].result()

    def _upgrade(self, found: Standing) -> None:
        """Give nodes that an earlier version wrote the form of now, while nobody of that version can write."""
        require_known(found.layout, found.pending, self._tenant)
        self._database.write(lambda t: self._set(t, {"epoch": self._locked(t).epoch + 1}))
        upgrade(self._database, self._tenant)
        self._database.write(lambda t: self._set(t, {"layout": LAYOUT}))

    def _write_small(self, draft: Draft, standing: Standing) -> bool:
        self._join()

        def work(transaction: ManagedTransaction) -> bool:
            present = self._locked(transaction)
            if present.last == draft.name:
                return True
            if not self._is_as_planned(present, standing):
                return False
            for piece in draft.pieces:
                piece.run(transaction)
            self._set(transaction, {**draft.now, "last": draft.name})
            return True

        return self._database.write(work)

    def _write_large(self, draft: Draft, standing: Standing) -> bool:
        write = draft.name
        self._discard_undecided()
        side_by_side(partial(self._keep, write), enumerate(draft.pieces))

        def decide(transaction: ManagedTransaction) -> bool:
            query = "MATCH (p:PendingWrite {tenant: $tenant}) WHERE p.write = $write RETURN count(p)"
            present = self._locked(transaction)
            if present.last == write:
                return True
            if not self._is_as_planned(present, standing):
                return False
            ((count,),) = rows(transaction, query, {"tenant": self._tenant, "write": write})
            if count == len(draft.pieces):
                self._set(transaction, {**draft.now, "pending": write, "last": write})
            return bool(count == len(draft.pieces))

        self._join()
        is_decided = self._database.write(decide)
        if is_decided:
            pool = ThreadPoolExecutor(1)
            self._behind = write, pool.submit(self._apply_all, write, draft.pieces)
            pool.shutdown(wait=False)
        return is_decided

    def _apply_all(self, write: str, pieces: Sequence[Piece]) -> None:
        for stage in _stages(pieces):
            side_by_side(partial(self._apply, write), stage)
        self._close(write)

    def _keep(self, write: str, ordinal: int, piece: Piece) -> None:
        body, size = packed(piece)
        row = {"id": self._piece_id(write, ordinal), "tenant": self._tenant, "write": write, "ordinal": ordinal}
        query = "MERGE (p:PendingWrite {id: $row.id}) SET p += $row"
        self._database.write(lambda t: t.run(query, row={**row, "body": body, "size": size}).consume())

    def _apply(self, write: str, ordinal: int, piece: Piece | None) -> None:
        """Apply one piece, unless somebody did: to delete it is to take it, and of two who do so one has deleted it."""
        query = "MATCH (p:PendingWrite {id: $id}) WITH p, p.body AS body, p.size AS size DELETE p RETURN body, size"
        if piece is not None:
            query = "MATCH (p:PendingWrite {id: $id}) DELETE p RETURN null AS body, null AS size"

        def work(transaction: ManagedTransaction) -> None:
            found = transaction.run(query, id=self._piece_id(write, ordinal))
            kept = found.values()
            if found.consume().counters.nodes_deleted:
                ((body, size),) = kept
                (piece or unpacked(body, size)).run(transaction)

        self._database.write(work)

    def _close(self, write: str) -> None:
        query = "MATCH (t:Tenant {id: $tenant}) WHERE t.pending = $write REMOVE t.pending"
        self._database.write(lambda t: t.run(query, tenant=self._tenant, write=write).consume())

    def _discard_undecided(self) -> None:
        query = "MATCH (p:PendingWrite {tenant: $tenant}) WITH p LIMIT 500 DELETE p RETURN count(p)"

        def work(transaction: ManagedTransaction) -> int:
            if self._locked(transaction).pending is not None:
                return 0
            return int(rows(transaction, query, {"tenant": self._tenant})[0][0])

        while self._database.write(work):
            pass

    def _is_last(self, draft: Draft) -> bool:
        """Whether a write of which no answer came was written all the same, and nothing after it."""
        try:
            return self.standing().last == draft.name
        except UnavailableError:
            return False

    def _is_as_planned(self, present: Standing, planned: Standing) -> bool:
        """Whether the plan still holds; asked under the tenant's lock.

        Raises:
            ConflictError: another writer has claimed the store.
        """
        assert self._epoch is not None
        require_epoch(self._epoch, present.epoch, present.holder, self._tenant)
        return present.writes == planned.writes and present.pending is None

    def _locked(self, transaction: ManagedTransaction) -> Standing:
        return _standing_from(rows(transaction, _LOCK, {"tenant": self._tenant}))

    def _standing(self, transaction: ManagedTransaction) -> Standing:
        query = f"MATCH (t:Tenant {{id: $tenant}}) RETURN {_STANDING}"
        return _standing_from(rows(transaction, query, {"tenant": self._tenant}))

    def _set(self, transaction: ManagedTransaction, now: dict[str, Any]) -> None:
        query = "MATCH (t:Tenant {id: $tenant}) SET t += $now"
        transaction.run(query, tenant=self._tenant, now=now).consume()

    def _piece_id(self, write: str, ordinal: int) -> str:
        return node_id(self._tenant, f"{write}/{ordinal}")


def _stages(pieces: Sequence[Piece]) -> Iterator[list[tuple[int, Piece]]]:
    """Pieces with their ordinals, those together that need nothing of each other."""
    for name, stage in groupby(enumerate(pieces), key=lambda each: each[1].name):
        if name in INDEPENDENT:
            yield list(stage)
        else:
            yield from ([each] for each in stage)


def side_by_side(work: Callable[[int, Piece], None], stage: Iterable[tuple[int, Piece]]) -> None:
    """Do some work for each piece, a few at a time: the server has more processors than a transaction uses."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        try:
            for done in [pool.submit(work, *each) for each in stage]:
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _standing_from(found: Sequence[Sequence[Any]]) -> Standing:
    return Standing(*found[0]) if found else Standing()
