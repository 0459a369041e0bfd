"""What bounds a first collection: the same resources and relationships put down with nothing else done about them.

No state is compared, no history, digest, ledger, fence or cleanup is kept, and a process that dies leaves a part. What
a store takes beyond this is what those cost; what it takes less, it saves by several transactions at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import pyarrow as pa
from neo4j import Driver, GraphDatabase, ManagedTransaction

from benchmarks.graphs.estate import MadeEstate
from graph.stores.bodies import ITEMS_MAX, blocks
from graph.stores.neo4j_database import Neo4jConfig
from graph.stores.neo4j_rows import item_properties

BATCH: Final = 10_000
NODES_OF_A_BATCH: Final = 2_500
T = TypeVar("T")

_NODES: Final = "UNWIND $rows AS row CREATE (:%s {%s})"
_EDGES: Final = """UNWIND $rows AS row MATCH (a:%s {id: row[0]}) MATCH (b:%s {id: row[1]})
CREATE (a)-[:LEADS_TO {path: row[2], strength: row[3]}]->(b)"""


class BareServer:
    """Nodes with the properties that ours have of an item, one index, and relationships: the leanest Cypher for them.

    What ours know of an item beside what people query is one property here too.

    Args:
        label: sets this estate's nodes apart from whatever else is in the database.
    """

    def __init__(self, config: Neo4jConfig, label: str, estate: MadeEstate) -> None:
        self._driver: Driver = GraphDatabase.driver(config.uri, auth=(config.user, config.password()))
        self._label = label
        nodes = [{"id": item.uid, **item_properties(item)} for item in estate.items]
        self._nodes = [list(node.values()) for node in nodes]
        self._given = ", ".join(f"{name}: row[{place}]" for place, name in enumerate(nodes[0]))
        self._edges = [[each.source, each.target, each.path, each.strength.value] for each in estate.relationships]
        with self._driver.session() as session:
            session.run(f"CREATE CONSTRAINT {label} FOR (n:{label}) REQUIRE n.id IS UNIQUE").consume()

    def fill(self) -> None:
        """Put everything down, one transaction for each batch."""
        with self._driver.session() as session:
            for text, given, size in (
                (_NODES % (self._label, self._given), self._nodes, NODES_OF_A_BATCH),
                (_EDGES % (self._label, self._label), self._edges, BATCH),
            ):
                for batch in batches(given, size):
                    session.execute_write(partial(_run, text, batch))

    def close(self) -> None:
        """End the connection."""
        self._driver.close()


def bare_file(folder: Path, estate: MadeEstate) -> Callable[[], None]:
    """Fills tables of a new file with an estate's columns and documents, in one transaction."""
    connection = duckdb.connect(str(folder / "bare.duckdb"))

    def fill() -> None:
        items, edges = estate.items, estate.relationships
        tables = {
            "items": _texts({name: [getattr(item, name) for item in items] for name in _COLUMNS}),
            "documents": pa.table({"body": pa.array([block.body for block in blocks(items)], pa.binary())}),
            "edges": _texts(
                {
                    "source": [each.source for each in edges],
                    "target": [each.target for each in edges],
                    "kind": [each.kind for each in edges],
                    "path": [each.path for each in edges],
                }
            ),
        }
        assert tables["documents"].num_rows == -(-len(items) // ITEMS_MAX)
        connection.begin()
        for name, table in tables.items():
            connection.register("incoming", table)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
            connection.unregister("incoming")
        connection.commit()

    return fill


_COLUMNS: Final = ("uid", "provider", "type", "name", "scope", "region", "digest")


def _texts(columns: dict[str, list[str]]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _run(text: str, batch: Sequence[Any], transaction: ManagedTransaction) -> None:
    transaction.run(text, rows=batch).consume()


def batches(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Rows in batches."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
