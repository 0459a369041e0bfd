"""What Neo4j's failures come to: an error that says who must act, and nothing half done."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from neo4j import ManagedTransaction

from domain.change import ChangeEvent
from domain.errors import AccessDenied, ConflictError, InputError, IntegrityError, UnavailableError
from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from domain.tenancy import TenantId
from graph.stores import neo4j_edges, neo4j_write
from graph.stores.contract import PutCounts
from graph.stores.neo4j import Neo4jStore
from graph.stores.neo4j_database import Neo4jConfig, Neo4jDatabase, rows
from graph.stores.neo4j_steps import Piece
from tests.contract.graph_stores import Opener, in_pieces_of
from tests.servers.neo4j import DEADLINE_S, Neo4jServer, prepared
from tests.unit.graph.estate import NOON, TENANT, inventory, item

pytestmark = pytest.mark.xdist_group("servers")
HOUR = timedelta(hours=1)
MANY = inventory(*(item(f"id-{number:02}", properties={"n": number}) for number in range(20)))
FEW = inventory(*MANY.items[:5])


@contextmanager
def connected(config: Neo4jConfig) -> Iterator[Neo4jDatabase]:
    database = Neo4jDatabase(config)
    try:
        yield database
    finally:
        database.close()


def test_a_server_that_is_down_is_named(neo4j_config: Neo4jConfig) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"bolt://127.0.0.1:{free.getsockname()[1]}"
    with connected(replace(neo4j_config, uri=uri, retry_s=0.2)) as database:
        for work in (lambda: Neo4jStore(database, TENANT).items(), lambda: Neo4jStore(database, TENANT).claim("me")):
            with pytest.raises(UnavailableError, match="Neo4j") as refused:
                work()
            assert refused.value.facts["uri"] == uri


def test_wrong_credentials_are_the_operators_to_mend(neo4j_config: Neo4jConfig) -> None:
    with (
        connected(replace(neo4j_config, password=lambda: "not it", retry_s=0.2)) as database,
        pytest.raises(AccessDenied) as refused,
    ):
        Neo4jStore(database, TENANT).put_inventory(MANY, "all", NOON)
    assert refused.value.facts["user"] == neo4j_config.user
    assert "not it" not in str(refused.value)


def test_a_database_that_does_not_exist_is_named(neo4j_config: Neo4jConfig) -> None:
    with (
        connected(replace(neo4j_config, database="nowhere", retry_s=0.2)) as database,
        pytest.raises((InputError, UnavailableError)) as refused,
    ):
        Neo4jStore(database, TENANT).items()
    assert "nowhere" in str(refused.value)


def test_a_mistake_of_ours_is_not_disguised(neo4j_database: Neo4jDatabase) -> None:
    with pytest.raises(Exception, match="Invalid input") as raised:
        neo4j_database.read(lambda t: rows(t, "MATCH nonsense", {}))
    assert type(raised.value).__name__ == "CypherSyntaxError"


def test_a_damaged_ledger_is_an_integrity_error(neo4j_database: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    in_pieces_of(4, monkeypatch)
    store = Neo4jStore(neo4j_database, TENANT)
    store.put_inventory(MANY, "all", NOON)
    store.close()
    neo4j_database.write(lambda t: t.run("MATCH (l:Ledger) SET l.body = $body", body=b"nonsense").consume())
    with pytest.raises(IntegrityError, match="ledger"):
        Neo4jStore(neo4j_database, TENANT).put_inventory(MANY, "all", NOON)


class _Broken(Exception):
    """Where a test ends a process."""


@pytest.mark.parametrize("pieces_before", range(4))
@pytest.mark.parametrize("is_cleanup", [False, True])
def test_a_process_that_dies_in_a_large_write_has_written_it_or_nothing(
    neo4j_database: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch, pieces_before: int, *, is_cleanup: bool
) -> None:
    store = Neo4jStore(neo4j_database, TENANT)
    if is_cleanup:
        store.put_inventory(MANY, "all", NOON)
    in_pieces_of(4, monkeypatch)
    done: list[Piece] = []
    run = Piece.run

    def dying(piece: Piece, transaction: object) -> None:
        if len(done) == pieces_before:
            raise _Broken
        done.append(piece)
        run(piece, transaction)  # type: ignore[arg-type]

    monkeypatch.setattr(Piece, "run", dying)
    at = NOON + HOUR
    store.put_inventory(FEW if is_cleanup else MANY, "all", at)
    with pytest.raises(_Broken):
        store.close()
    monkeypatch.setattr(Piece, "run", run)
    again = Neo4jStore(neo4j_database, TENANT)
    expected = FEW if is_cleanup else MANY
    assert again.items() == expected.items
    assert again.put_inventory(expected, "all", at) == PutCounts(unchanged=len(expected.items))
    left = neo4j_database.read(lambda t: rows(t, "MATCH (p:PendingWrite) RETURN count(p)", {}))
    assert left == [[0]]


def test_a_process_that_dies_before_it_decided_has_written_nothing(
    neo4j_database: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_pieces_of(4, monkeypatch)
    store = Neo4jStore(neo4j_database, TENANT)
    writer = neo4j_write.Neo4jWriter
    keep = writer._keep
    kept: list[int] = []

    def dying(self: neo4j_write.Neo4jWriter, write: str, ordinal: int, piece: Piece) -> None:
        keep(self, write, ordinal, piece)
        kept.append(ordinal)
        raise _Broken

    monkeypatch.setattr(writer, "_keep", dying)
    with pytest.raises(_Broken):
        store.put_inventory(MANY, "all", NOON)
    monkeypatch.setattr(writer, "_keep", keep)
    again = Neo4jStore(neo4j_database, TENANT)
    assert kept
    assert (again.items(), again.version()) == ((), 0)
    assert again.put_inventory(MANY, "all", NOON) == PutCounts(new=20)
    assert again.items() == MANY.items


def test_a_large_write_is_answered_when_it_is_decided_and_the_next_one_is_worked_out_meanwhile(
    neo4j_database: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_pieces_of(4, monkeypatch)
    uids = [each.uid for each in MANY.items]
    links = [
        Relationship(source, target, RelationshipKind.NETWORK, Strength.HARD, "p") for source, target in pairwise(uids)
    ]
    go, there, run, linked = Event(), [], Piece.run, neo4j_edges.linked

    def held(piece: Piece, transaction: ManagedTransaction) -> None:
        assert go.wait(60)
        run(piece, transaction)

    def let_go(*given: Any, **named: Any) -> Any:
        there.append(neo4j_database.read(lambda t: rows(t, "MATCH (r:Resource) RETURN count(r)", {})))
        go.set()
        return linked(*given, **named)

    monkeypatch.setattr(Piece, "run", held)
    monkeypatch.setattr("graph.stores.neo4j.linked", let_go)
    store = Neo4jStore(neo4j_database, TENANT)
    assert store.put_inventory(MANY, "all", NOON) == PutCounts(new=20)
    store.put_relationships(links)
    assert there == [[[0]]]
    assert store.relationships() == tuple(links)
    assert store.items() == MANY.items


def test_a_piece_that_two_processes_take_at_once_is_applied_by_one(neo4j_config: Neo4jConfig) -> None:
    piece = Piece("gone", "", [{"id": f"{TENANT}/id", "tenant": TENANT, "at": 0}])
    blocked = "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN count(*)"
    with connected(neo4j_config) as database, ThreadPoolExecutor(1) as pool:
        writer = neo4j_write.Neo4jWriter(database, TENANT)
        database.prepare()
        writer._keep("write", 0, piece)

        def take(transaction: ManagedTransaction) -> Future[None]:
            taken = transaction.run("MATCH (p:PendingWrite {write: 'write'}) DELETE p").consume()
            assert taken.counters.nodes_deleted == 1
            waiting = pool.submit(writer._apply, "write", 0, piece)
            while database.read(lambda t: rows(t, blocked, {})) == [[0]]:
                assert not waiting.done()
            return waiting

        database.write(take).result()
        assert database.read(lambda t: rows(t, "MATCH (g:Gone) WHERE g.id ENDS WITH '/id' RETURN count(g)", {})) == [
            [0]
        ]


def test_a_writer_that_was_fenced_while_it_prepared_writes_nothing(
    neo4j_database: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, present = Neo4jStore(neo4j_database, TENANT), Neo4jStore(neo4j_database, TENANT)
    former.claim("former")
    in_pieces_of(4, monkeypatch)
    keep = neo4j_write.Neo4jWriter._keep

    def overtaken(self: neo4j_write.Neo4jWriter, write: str, ordinal: int, piece: Piece) -> None:
        keep(self, write, ordinal, piece)
        if ordinal == 0:
            present.claim("present")

    monkeypatch.setattr(neo4j_write.Neo4jWriter, "_keep", overtaken)
    with pytest.raises(ConflictError, match="claimed"):
        former.put_inventory(MANY, "all", NOON)
    assert present.items() == ()
    assert present.version() == 0


def test_two_processes_that_nobody_fenced_plan_again_instead_of_mixing(neo4j_database: Neo4jDatabase) -> None:
    one, other = Neo4jStore(neo4j_database, TENANT), Neo4jStore(neo4j_database, TENANT)
    plan_one = one._put
    assert plan_one(inventory(item("a")), "one", NOON, with_changes=True).counts == PutCounts(new=1)
    other.put_inventory(inventory(item("a"), item("b")), "other", NOON)
    assert one.put_inventory(inventory(), "one", NOON + HOUR) == PutCounts()
    assert [found.uid for found in one.items()] == ["a", "b"]
    assert other.put_inventory(inventory(item("b")), "other", NOON + HOUR) == PutCounts(unchanged=1, retired=1)


def test_an_answer_that_was_lost_does_not_lose_what_it_said(
    neo4j_database: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Neo4jStore(neo4j_database, TENANT)
    write_small = neo4j_write.Neo4jWriter._write_small

    def lost(self: neo4j_write.Neo4jWriter, draft: neo4j_write.Draft, standing: neo4j_write.Standing) -> bool:
        assert write_small(self, draft, standing)
        raise UnavailableError("the connection broke after the commit")

    monkeypatch.setattr(neo4j_write.Neo4jWriter, "_write_small", lost)
    event = ChangeEvent(ResourceId("a"), NOON, item("a"))
    applied = store.apply([event], stream="s", position="1")
    assert [change.uid for change in applied.changes] == ["a"]
    assert (store.position("s"), applied.version) == ("1", store.version())


def test_half_an_inventory_retires_nothing_and_says_where_it_was_blind(opened: Opener) -> None:
    store = opened(TenantId("acme"))
    store.put_inventory(inventory(item("a", scope="/accounts/1"), item("b", scope="/accounts/1")), "all", NOON)
    half = inventory(item("a", scope="/accounts/1"), is_complete=False)
    assert store.put_inventory(half, "all", NOON + HOUR).retired == 0
    assert len(store.items()) == 2
    assert store.unproven() == {"/accounts/1"}


@pytest.mark.slow
@pytest.mark.timeout(3 * DEADLINE_S)
def test_a_server_that_is_killed_loses_no_answered_write_and_is_found_again(tmp_path: Path) -> None:
    server = prepared(tmp_path, memory="512m")
    try:
        server.start()
        _kill_and_continue(server)
    finally:
        server.kill()


def _kill_and_continue(server: Neo4jServer) -> None:
    with connected(Neo4jConfig(server.uri, server.user, lambda: server.password, retry_s=1)) as database:
        store = Neo4jStore(database, TENANT)
        store.put_inventory(MANY, "all", NOON)
        cut = pytest.MonkeyPatch()
        run, done = Piece.run, []

        def killing(piece: Piece, transaction: object) -> None:
            done.append(piece)
            if len(done) == 2:
                server.kill()
            run(piece, transaction)  # type: ignore[arg-type]

        with cut.context() as patch:
            in_pieces_of(4, patch)
            patch.setattr(Piece, "run", killing)
            store.put_inventory(FEW, "all", NOON + HOUR)
            store.close()
        with pytest.raises(UnavailableError):
            store.items()
        server.start()
        assert store.items() == FEW.items
        assert store.put_inventory(FEW, "all", NOON + HOUR) == PutCounts(unchanged=5)
