"""`pcg store migrate` against a real Neo4j: there and back by the command that operators run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.change import ChangeEvent
from domain.resource import ResourceId
from domain.tenancy import TenantId
from graph.stores.duckdb import DuckDbStore
from graph.stores.neo4j_database import Neo4jConfig, Neo4jDatabase
from serve import store_place
from serve.cli.errors import run
from tests.unit.graph.estate import NOON, inventory, item

pytestmark = pytest.mark.xdist_group("servers")
DEFAULT = TenantId("default")


@pytest.fixture
def configured(
    neo4j_config: Neo4jConfig, neo4j_database: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The settings name the server; the database is empty."""
    monkeypatch.setenv("PCG_NEO4J_URI", neo4j_config.uri)
    monkeypatch.setenv("PCG_NEO4J_USER", neo4j_config.user)
    monkeypatch.setenv("PCG_NEO4J_PASSWORD", "env:GRAPH_PASSWORD")
    monkeypatch.setenv("GRAPH_PASSWORD", neo4j_config.password())
    yield
    for database in store_place._databases.values():
        database.close()
    store_place._databases.clear()


@pytest.mark.usefixtures("configured")
def test_a_graph_goes_to_neo4j_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    original = DuckDbStore(there / "tenants" / DEFAULT, DEFAULT)
    original.put_inventory(inventory(item("a", tenant=DEFAULT), item("b", tenant=DEFAULT)), "all", NOON)
    original.apply([ChangeEvent(ResourceId("b"), NOON, None)], stream="s", position="7")
    expected = original.archive()
    original.close()
    assert run(["store", "migrate", "--to", "neo4j", "--store", str(there), "--json", "-"]) == 0
    moved = json.loads(capsys.readouterr().out)
    assert (moved["resources"], moved["versions"], moved["to"]) == (1, 3, "neo4j")
    assert run(["store", "status", "--store", str(there)]) == 0
    assert "neo4j" in capsys.readouterr().out
    assert run(["store", "migrate", "--to", "neo4j", "--store", str(there)]) != 0
    assert "already" in capsys.readouterr().err
    assert run(["store", "migrate", "--to", "files", "--store", str(back)]) == 0
    assert "read back and equal" in capsys.readouterr().out
    returned = DuckDbStore(back / "tenants" / DEFAULT, DEFAULT)
    assert returned.archive() == expected
    returned.close()
