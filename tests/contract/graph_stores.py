"""Every kind of graph store, opened for a test and closed after it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from domain.tenancy import TenantId
from graph.stores import neo4j_ledger, neo4j_steps, neo4j_write
from graph.stores.contract import GraphStore
from graph.stores.duckdb import DuckDbStore
from graph.stores.memory import MemoryStore
from graph.stores.neo4j import Neo4jStore
from graph.stores.neo4j_database import Neo4jConfig, Neo4jDatabase
from tests.servers.neo4j import neo4j
from tests.unit.graph.estate import TENANT

Opener: TypeAlias = "Callable[[TenantId], GraphStore]"
"""Opens a store for a tenant: the same content for the same tenant, as another process would have it."""


NEO4J = pytest.param("neo4j", marks=pytest.mark.xdist_group("servers"))


@pytest.fixture(params=["memory", "duckdb", NEO4J])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    with ExitStack() as closing:
        if request.param == "neo4j":
            opener = in_neo4j(request.getfixturevalue("neo4j_database"))
        else:
            opener = in_memory() if request.param == "memory" else in_files(tmp_path)

        def open_for(tenant: TenantId) -> GraphStore:
            store = opener(tenant)
            closing.callback(store.close)
            return store

        yield open_for


@pytest.fixture
def store(opened: Opener) -> GraphStore:
    return opened(TENANT)


@pytest.fixture(scope="session")
def neo4j_config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jConfig]:
    """A server that is there for all tests of the session."""
    if uri := os.environ.get("NEO4J_URI"):
        password = os.environ.get("NEO4J_PASSWORD", "")
        yield Neo4jConfig(uri, os.environ.get("NEO4J_USER", "neo4j"), lambda: password)
        return
    with neo4j(tmp_path_factory.mktemp("neo4j")) as server:
        yield Neo4jConfig(server.uri, server.user, lambda: server.password)


@pytest.fixture
def neo4j_database(neo4j_config: Neo4jConfig) -> Iterator[Neo4jDatabase]:
    """The database, empty."""
    database = Neo4jDatabase(neo4j_config)
    database.write(lambda t: t.run("MATCH (n) DETACH DELETE n").consume())
    yield database
    database.close()


def in_neo4j(database: Neo4jDatabase) -> Opener:
    return lambda tenant: Neo4jStore(database, tenant)


def in_pieces_of(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let writes of more rows than these be large ones, cut into pieces of so many, and the ledger written anew."""
    for module in (neo4j_write, neo4j_steps):
        monkeypatch.setattr(module, "ROWS_MAX", rows)
    monkeypatch.setattr(neo4j_ledger, "FRESH_MIN", rows)
    monkeypatch.setattr(neo4j_ledger, "ROWS_OF_A_PART", rows)


def in_memory() -> Opener:
    first: dict[TenantId, MemoryStore] = {}

    def open_for(tenant: TenantId) -> GraphStore:
        store = MemoryStore(tenant, beside=first.get(tenant))
        first.setdefault(tenant, store)
        return store

    return open_for


def in_files(folder: Path) -> Opener:
    return lambda tenant: DuckDbStore(folder, tenant)
