"""`pcg store`: what it says of a graph in files, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from domain.tenancy import TenantId
from graph.stores.duckdb import DuckDbStore
from graph.stores.neo4j_schema import schema_document, statements
from serve.cli.errors import run
from tests.unit.graph.estate import NOON, inventory, item

DEFAULT = TenantId("default")


def filled(folder: Path) -> None:
    store = DuckDbStore(folder / "tenants" / DEFAULT, DEFAULT)
    items = [item(name, scope="/accounts/1", tenant=DEFAULT) for name in ("a", "b")]
    store.put_inventory(inventory(*items, is_complete=False), "all", NOON)
    ends = [("a", "b"), ("a", "ghost")]
    store.put_relationships(
        Relationship(ResourceId(a), ResourceId(b), RelationshipKind.NETWORK, Strength.HARD, "p") for a, b in ends
    )
    store.close()


def test_status_tells_what_is_kept_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path)
    assert run(["store", "status", "--store", str(tmp_path), "--json", "-"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["store"], row["resources"], row["relationships"], row["dangling"]) == ("files", 2, 1, 1)
    assert row["unproven"] == ["/accounts/1"]
    assert run(["store", "status", "--store", str(tmp_path)]) == 0
    assert "unproven       /accounts/1" in capsys.readouterr().out


def test_moving_needs_a_place_to_move_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path)
    assert run(["store", "migrate", "--to", "neo4j", "--store", str(tmp_path)]) != 0
    assert "neo4j_uri" in capsys.readouterr().err
    assert run(["store", "migrate", "--to", "paper", "--store", str(tmp_path)]) != 0
    assert "unknown store" in capsys.readouterr().err.lower()


def test_the_schema_is_printed_as_it_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["store", "schema"]) == 0
    assert capsys.readouterr().out == schema_document()
    assert run(["store", "schema", "--cypher"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{each};" for each in statements()]
