"""Which store the settings choose, and how its password is reached."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from domain.errors import InputError, NotFound
from domain.tenancy import TenantId
from graph.stores.duckdb import DuckDbStore
from serve.settings import load_settings
from serve.store_place import StorePlace, store_place

ACME = TenantId("acme")


def place(**flags: str) -> StorePlace:
    return store_place(load_settings(flags, environment={}))


def test_a_file_is_the_store_unless_neo4j_is_named(tmp_path: Path) -> None:
    store = place()(tmp_path, ACME)
    assert isinstance(store, DuckDbStore)
    store.close()


def test_a_place_travels_without_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPH_PASSWORD", "first")
    made = place(neo4j_uri="bolt://db:7687", neo4j_password="env:GRAPH_PASSWORD", neo4j_database="graph")
    assert b"first" not in pickle.dumps(made)
    monkeypatch.setenv("GRAPH_PASSWORD", "second")
    config = pickle.loads(pickle.dumps(made)).config()
    assert (config.uri, config.user, config.database, config.password()) == (
        "bolt://db:7687",
        "neo4j",
        "graph",
        "second",
    )
    assert "second" not in repr(config)


def test_a_password_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    made = place(neo4j_uri="bolt://db:7687", neo4j_password=f"file:{tmp_path / 'password'}")
    assert made.config().password() == "s3cret"
    (tmp_path / "password").unlink()
    with pytest.raises(NotFound, match="cannot be read"):
        made.config().password()


def test_a_server_without_passwords_needs_none() -> None:
    assert place(neo4j_uri="bolt://db:7687").config().password() == ""


@pytest.mark.parametrize("text", ["s3cret", "aws-kms:alias/graph"])
def test_a_password_itself_is_no_reference(text: str) -> None:
    with pytest.raises(InputError) as refused:
        place(neo4j_uri="bolt://db:7687", neo4j_password=text)
    assert text not in str(refused.value.facts.get("got", ""))


def test_an_address_that_is_none_of_neo4j_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neo4j_uri"):
        place(neo4j_uri="http://db:7474")(tmp_path, ACME)
