"""The same question in Cypher: who descends over hard arcs, asked of a Neo4j server that holds nothing else.

Wall seconds of both, since a server's CPU is not the caller's. The server's cache is warm: each question is asked twice
and the second answer counts.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from neo4j import Driver, GraphDatabase
from numpy.typing import NDArray

from benchmarks.blast_radius.estate import made_up
from benchmarks.report import Row
from graph.failing import Failures, Network
from graph.failure import HARD, FailureMode
from graph.spread import spread
from tests.servers.neo4j import neo4j

BATCH = 10_000
SEEDS = 100
RATIO_MIN = 100.0
_NODES = "UNWIND $rows AS row CREATE (:Node {row: row})"
_ARCS = "UNWIND $rows AS row MATCH (a:Node {row: row[0]}), (b:Node {row: row[1]}) CREATE (a)-[:HITS]->(b)"
_ASKED = "MATCH (a:Node {row: $row})-[:HITS*1..64]->(b) RETURN count(DISTINCT b)"
_LARGEST = "MATCH (a:Node {row: $row})-[:HITS*1..4]->(b) RETURN count(DISTINCT b)"


def cypher_rows(size: int) -> list[Row]:
    """Measure both over a graph of so many resources."""
    snapshot = made_up(size)
    network = Failures(snapshot).network(FailureMode.DELETE)
    seeds = np.random.default_rng(0).integers(0, size, 4 * SEEDS).astype(np.int32)
    seeds = np.array([seed for seed in seeds.tolist() if len(spread(network, _one(seed)).failed)][:SEEDS], np.int32)
    root = int(snapshot.rows_by_type["AWS::Organizations::Organization"][0])
    with (
        tempfile.TemporaryDirectory() as home,
        neo4j(Path(home)) as server,
        GraphDatabase.driver(server.uri, auth=(server.user, server.password)) as driver,
    ):
        _fill(driver, network)
        theirs = sum(_second(driver, _ASKED, seed) for seed in seeds.tolist())
        their_largest = _second(driver, _LARGEST, root)
    ours = sum(_ours(network, seed) for seed in seeds.tolist())
    our_largest = min(_ours(network, root) for _ in range(5))
    against = "Neo4j 5.26"
    rows = []
    for name, their_s, our_s in (
        (f"Cypher, {size:,} resources: {len(seeds)} that take others down", theirs, ours),
        (f"Cypher, {size:,} resources: the largest, four steps", their_largest, our_largest),
    ):
        ratio = their_s / our_s
        rows.append(Row(name, their_s * 1e3, "ms wall", against, ratio, f">= {RATIO_MIN:.0f} x", ratio >= RATIO_MIN))
    return rows


def _fill(driver: Driver, network: Network) -> None:
    arcs = network.arcs
    hard = arcs.strengths == HARD
    origins = np.repeat(np.arange(network.size), np.diff(arcs.starts))[hard]
    pairs = np.column_stack([origins, arcs.hits[hard]]).tolist()
    driver.execute_query("CREATE CONSTRAINT row_of_node IF NOT EXISTS FOR (n:Node) REQUIRE n.row IS UNIQUE")
    for start in range(0, network.size, BATCH):
        driver.execute_query(_NODES, rows=list(range(start, min(start + BATCH, network.size))))
    for start in range(0, len(pairs), BATCH):
        driver.execute_query(_ARCS, rows=pairs[start : start + BATCH])


def _second(driver: Driver, query: str, row: int) -> float:
    driver.execute_query(query, row=row)
    started = time.perf_counter()
    driver.execute_query(query, row=row)
    return time.perf_counter() - started


def _ours(network: Network, row: int) -> float:
    started = time.perf_counter()
    spread(network, _one(row))
    return time.perf_counter() - started


def _one(row: int) -> NDArray[np.int32]:
    return np.array([row], np.int32)
