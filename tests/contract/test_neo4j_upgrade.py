"""A graph that the first layout wrote is brought over where it stands, and says the same as before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.change import ChangeEvent
from domain.errors import ConflictError, InputError, IntegrityError
from domain.resource import Relationship, RelationshipKind, ResourceId, Strength
from graph.stores import neo4j_upgrade
from graph.stores.bodies import encode
from graph.stores.contract import Archive
from graph.stores.neo4j import Neo4jStore
from graph.stores.neo4j_database import Neo4jDatabase, rows
from graph.stores.neo4j_kept import facts_of, sight_of
from graph.stores.neo4j_schema import LAYOUT
from tests.unit.graph.estate import NOON, TENANT, inventory, item

pytestmark = pytest.mark.xdist_group("servers")

HOUR = timedelta(hours=1)
ITEMS = [
    item("plain", properties={"v": 1}, tags={"env": "prod", "a=b": "c"}, captured_at=NOON),
    item("wide", properties={"n": 2**70, "text": "\ud800"}, tags={"odd": "\udfff\n"}),
    item("leaves", properties={"v": 1}),
]
LINK = Relationship(ResourceId("plain"), ResourceId("ghost"), RelationshipKind.NETWORK, Strength.HARD, "p")


@pytest.fixture
def before(neo4j_database: Neo4jDatabase) -> Archive:
    """The archive of a small graph with history, whose nodes are then as the first layout had them."""
    store = Neo4jStore(neo4j_database, TENANT)
    store.put_inventory(inventory(*ITEMS), "all", NOON)
    store.put_relationships([LINK])
    changed = item("plain", properties={"v": 2}, captured_at=NOON + HOUR)
    store.put_inventory(inventory(changed, ITEMS[1]), "all", NOON + HOUR)
    store.apply([ChangeEvent(ResourceId("wide"), NOON + 2 * HOUR, ITEMS[1])])
    archive = store.archive()
    neo4j_database.write(_as_the_first_layout)
    return archive


def _as_the_first_layout(transaction: Any) -> None:
    for label in ("Entity", "ResourceState"):
        found = rows(transaction, f"MATCH (r:{label}) WHERE r.kept IS NOT NULL RETURN r.id, r.kept", {})
        for id_, kept in found:
            facts, sight = facts_of(kept), sight_of(kept)
            text = encode([facts.tags, facts.unread, facts.is_plain])[0].decode()
            former = {"facts": text, "digest": facts.digest, "synthetic": facts.synthetic, **sight._asdict()}
            query = f"MATCH (r:{label} {{id: $id}}) SET r += $former, r.label = 'Kind' REMOVE r.kept"
            transaction.run(query, id=id_, former=former).consume()
    transaction.run("MATCH (t:Tenant) REMOVE t.layout").consume()


@pytest.mark.parametrize("batch", [1, 1_000])
def test_every_version_says_the_same_afterwards(
    neo4j_database: Neo4jDatabase, before: Archive, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(neo4j_upgrade, "BATCH", batch)
    assert Neo4jStore(neo4j_database, TENANT).archive() == before
    left = "MATCH (r) WHERE r.fingerprint IS NOT NULL OR r.facts IS NOT NULL OR r.label IS NOT NULL RETURN count(r)"
    assert neo4j_database.read(lambda t: rows(t, left, {})) == [[0]]


def test_what_was_interrupted_is_taken_up_where_it_ended(
    neo4j_database: Neo4jDatabase, before: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neo4j_upgrade, "BATCH", 1)
    kept_of = neo4j_upgrade.kept_of
    made: list[object] = []

    def dying(facts: Any) -> str:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(facts)
        return kept_of(facts)

    monkeypatch.setattr(neo4j_upgrade, "kept_of", dying)
    with pytest.raises(KeyboardInterrupt):
        Neo4jStore(neo4j_database, TENANT).items()
    monkeypatch.setattr(neo4j_upgrade, "kept_of", kept_of)
    assert Neo4jStore(neo4j_database, TENANT).archive() == before


@pytest.mark.usefixtures("before")
def test_a_writer_of_the_version_before_is_fenced_out_and_one_of_now_goes_on(neo4j_database: Neo4jDatabase) -> None:
    query = "MATCH (t:Tenant {id: $tenant}) RETURN t.epoch, t.layout"
    ((former, _),) = neo4j_database.read(lambda t: rows(t, query, {"tenant": TENANT}))
    store = Neo4jStore(neo4j_database, TENANT)
    epoch = store.claim("now")
    assert epoch > former + 1
    store.put_inventory(inventory(ITEMS[0]), "all", NOON + 3 * HOUR)
    assert neo4j_database.read(lambda t: rows(t, query, {"tenant": TENANT})) == [[epoch, LAYOUT]]


@pytest.mark.usefixtures("before")
def test_a_large_write_that_the_version_before_left_open_is_refused(neo4j_database: Neo4jDatabase) -> None:
    neo4j_database.write(lambda t: t.run("MATCH (t:Tenant) SET t.pending = 'x'").consume())
    with pytest.raises(ConflictError, match="large write"):
        Neo4jStore(neo4j_database, TENANT).items()


@pytest.mark.usefixtures("before")
def test_a_graph_of_a_newer_version_is_refused(neo4j_database: Neo4jDatabase) -> None:
    neo4j_database.write(lambda t: t.run("MATCH (t:Tenant) SET t.layout = 99").consume())
    with pytest.raises(InputError, match="newer version"):
        Neo4jStore(neo4j_database, TENANT).items()


def test_a_node_that_somebody_spoilt_is_an_integrity_error(neo4j_database: Neo4jDatabase) -> None:
    store = Neo4jStore(neo4j_database, TENANT)
    store.put_inventory(inventory(*ITEMS), "all", NOON)
    neo4j_database.write(lambda t: t.run("MATCH (r:Entity) SET r.kept = 'nonsense'").consume())
    with pytest.raises(IntegrityError, match="node"):
        store.items()
