"""The way that Cartography fills Neo4j, in the shape of the queries that it publishes, written by us.

Every collection merges every node and relationship in batches of ten thousand, sets `lastupdated` on all of them, and
then deletes in batches whatever has another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from neo4j import Driver, GraphDatabase, ManagedTransaction, Session

from benchmarks.graphs.bare import BATCH, batches
from benchmarks.graphs.estate import MadeEstate
from domain.resource import ConfigurationItem, ResourceId
from graph.stores.neo4j_database import Neo4jConfig
from graph.stores.neo4j_schema import kind_label

CLEANUP: Final = 100

_NODES = """UNWIND $DictList AS item MERGE (i:%s {id: item.id})
ON CREATE SET i.firstseen = timestamp()
SET i.lastupdated = $lastupdated, i._module_name = 'cartography', i.arn = item.id, i.name = item.name,
    i.region = item.region, i.state = item.state, i.size = item.size, i.encrypted = item.encrypted,
    i.endpoint = item.endpoint, i.created = item.created
WITH i, item MATCH (a:AWSAccount {id: item.account}) MERGE (a)-[r:RESOURCE]->(i)
ON CREATE SET r.firstseen = timestamp() SET r.lastupdated = $lastupdated"""
_EDGES = """UNWIND $DictList AS item MATCH (i:%s {id: item.a}) MATCH (j:%s {id: item.b})
MERGE (i)-[r:%s]->(j) ON CREATE SET r.firstseen = timestamp() SET r.lastupdated = $lastupdated"""
_STALE_NODES = """MATCH (:AWSAccount {id: $account})-[:RESOURCE]->(n:%s) WHERE n.lastupdated <> $tag
WITH n LIMIT $limit DETACH DELETE n RETURN count(*)"""
_STALE_EDGES = """MATCH (:AWSAccount {id: $account})-[:RESOURCE]->(n:%s)-[r:%s]->() WHERE r.lastupdated <> $tag
WITH r LIMIT $limit DELETE r RETURN count(*)"""


class CartographyShape:
    """Collections in Cartography's way.

    Args:
        prefix: sets this estate's labels apart from whatever else is in the database.
    """

    def __init__(self, config: Neo4jConfig, prefix: str) -> None:
        self._driver: Driver = GraphDatabase.driver(config.uri, auth=(config.user, config.password()))
        self._prefix = prefix

    def prepare(self, estate: MadeEstate) -> None:
        """Declare its indexes and accounts, which it does once."""
        with self._driver.session() as session:
            session.run("CREATE INDEX account_id IF NOT EXISTS FOR (a:AWSAccount) ON (a.id)").consume()
            for label in sorted({self._label(item) for item in estate.items}):
                for column in ("id", "lastupdated"):
                    text = f"CREATE INDEX {label}_{column} IF NOT EXISTS FOR (n:{label}) ON (n.{column})"
                    session.run(text).consume()
            session.run("CALL db.awaitIndexes(60)").consume()
            accounts = sorted({item.scope for item in estate.items})
            session.run("UNWIND $ids AS id MERGE (a:AWSAccount {id: id})", ids=self._accounts(accounts)).consume()

    def collect(self, estate: MadeEstate, tag: int) -> None:
        """One collection: everything is merged, and what it did not merge is deleted."""
        with self._driver.session() as session:
            labels = {item.uid: self._label(item) for item in estate.items}
            self._load_nodes(session, estate, labels, tag)
            self._load_edges(session, estate, labels, tag)
            self._clean(session, estate, sorted(set(labels.values())), tag)

    def close(self) -> None:
        """End the connection."""
        self._driver.close()

    def _load_nodes(self, session: Session, estate: MadeEstate, labels: Mapping[ResourceId, str], tag: int) -> None:
        by_label: dict[str, list[dict[str, Any]]] = {}
        for item in estate.items:
            by_label.setdefault(labels[item.uid], []).append(self._node(item))
        for label, nodes in by_label.items():
            self._send(session, _NODES % label, nodes, tag)

    def _load_edges(self, session: Session, estate: MadeEstate, labels: Mapping[ResourceId, str], tag: int) -> None:
        by_shape: dict[tuple[str, str, str], list[dict[str, str]]] = {}
        for each in estate.relationships:
            shape = (labels[each.source], labels[each.target], each.kind.name)
            by_shape.setdefault(shape, []).append({"a": each.source, "b": each.target})
        for shape, edges in by_shape.items():
            self._send(session, _EDGES % shape, edges, tag)

    def _clean(self, session: Session, estate: MadeEstate, labels: Sequence[str], tag: int) -> None:
        kinds = sorted({each.kind.name for each in estate.relationships})
        for account in self._accounts(sorted({item.scope for item in estate.items})):
            for label in labels:
                for text in (_STALE_NODES % label, *(_STALE_EDGES % (label, kind) for kind in kinds)):
                    while session.run(text, account=account, tag=tag, limit=CLEANUP).single(strict=True)[0]:
                        pass

    def _send(self, session: Session, text: str, rows: Sequence[Any], tag: int) -> None:
        for batch in batches(rows, BATCH):
            session.execute_write(partial(_merge, text, batch, tag))

    def _accounts(self, scopes: Sequence[str]) -> list[str]:
        return [f"{self._prefix}{scope}" for scope in scopes]

    def _label(self, item: ConfigurationItem) -> str:
        return self._prefix + kind_label(item.provider, item.type)

    def _node(self, item: ConfigurationItem) -> dict[str, Any]:
        found = item.properties
        endpoint = found["Endpoint"]
        assert isinstance(endpoint, dict)
        return {
            "id": item.uid,
            "name": item.name,
            "region": item.region,
            "account": f"{self._prefix}{item.scope}",
            "state": found["State"],
            "size": found["Size"],
            "encrypted": found["Encrypted"],
            "endpoint": endpoint["Address"],
            "created": found["Created"],
        }


def _merge(text: str, batch: Sequence[Any], tag: int, transaction: ManagedTransaction) -> None:
    transaction.run(text, DictList=batch, lastupdated=tag).consume()
