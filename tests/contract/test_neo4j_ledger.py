"""A later collection reads and writes what differs, and says of the rest when it was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from domain.resource import Origin, Relationship, RelationshipKind, ResourceId, Strength
from graph.stores import neo4j_ledger
from graph.stores.contract import PutCounts
from graph.stores.neo4j import Neo4jStore
from graph.stores.neo4j_database import Neo4jDatabase, rows
from tests.unit.graph.estate import NOON, TENANT, inventory, item

pytestmark = pytest.mark.xdist_group("servers")

HOUR = timedelta(hours=1)
ITEMS = [item(f"id-{number:02}", properties={"v": 0}, captured_at=NOON) for number in range(20)]
LINKS = [
    Relationship(one.uid, other.uid, RelationshipKind.NETWORK, Strength.HARD, "p") for one, other in pairwise(ITEMS)
]


@pytest.mark.parametrize("fresh_min", [0, 1_024])
def test_a_later_collection_writes_what_differs_and_nothing_else(
    neo4j_database: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch, fresh_min: int
) -> None:
    monkeypatch.setattr(neo4j_ledger, "FRESH_MIN", fresh_min)
    first = Neo4jStore(neo4j_database, TENANT)
    first.put_inventory(inventory(*ITEMS), "all", NOON)
    first.put_relationships(LINKS)
    before = _touched(neo4j_database)
    later = [replace(each, captured_at=NOON + HOUR, origin=Origin("later.json", 7)) for each in ITEMS]
    later[3] = item("id-03", properties={"v": 1}, captured_at=NOON + HOUR)
    moved = [replace(LINKS[0], target=ResourceId("ghost")), *LINKS[1:]]
    second = Neo4jStore(neo4j_database, TENANT)
    assert second.put_inventory(inventory(*later), "all", NOON + HOUR) == PutCounts(changed=1, unchanged=19)
    second.put_relationships(moved)
    after = _touched(neo4j_database)
    assert {id_ for id_, noted in after.items() if before.get(id_) != noted} <= {
        f"{TENANT}/{name}" for name in ("id-00", "id-03", "ghost")
    }
    third = Neo4jStore(neo4j_database, TENANT)
    assert third.items() == tuple(later)
    assert third.documents(["id-05"])[0].origin == Origin("later.json", 7)
    assert set(third.relationships()) == set(moved)
    version = third.version()
    assert third.put_inventory(inventory(*later), "all", NOON + 2 * HOUR) == PutCounts(unchanged=20)
    third.put_relationships(moved)
    assert third.version() == version


def test_an_observation_from_before_the_last_sight_of_an_unchanged_state_is_history(
    neo4j_database: Neo4jDatabase,
) -> None:
    for hours in (0, 4):
        seen = [replace(each, captured_at=NOON + hours * HOUR) for each in ITEMS]
        Neo4jStore(neo4j_database, TENANT).put_inventory(inventory(*seen), "all", NOON + hours * HOUR)
    late = item("id-01", properties={"v": 9}, captured_at=NOON + 2 * HOUR)
    counts = Neo4jStore(neo4j_database, TENANT).put_inventory(inventory(late), "other", NOON + 5 * HOUR)
    assert counts == PutCounts(older=1)


def _touched(database: Neo4jDatabase) -> dict[str, int]:
    return dict(database.read(lambda t: rows(t, "MATCH (r:Entity) RETURN r.id, r.noted", {})))
