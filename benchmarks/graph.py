"""What filling and reading the graph costs: Neo4j, the embedded store, and Cartography's way beside them.

    python -m benchmarks.graph [--resources N] [--relationships N]

One Neo4j server (NEO4J_URI, or the one of `tests.servers`) serves ours and Cartography's shape in the same run, each in
labels of its own, and each after the server was warmed up by the same work. A collection is `put_inventory` and
`put_relationships`; the second one was asked for everything again, and 1 % of it has changed. Making the estate is not
counted. Memory of our process is the peak of a process that does this one thing alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.graphs.cartography_shape import CartographyShape
from benchmarks.graphs.estate import MadeEstate, collected_again, made_estate
from benchmarks.report import Row, publish
from domain.tenancy import TenantId
from graph.stores.contract import GraphStore
from graph.stores.duckdb import DuckDbStore
from graph.stores.neo4j import Neo4jStore
from graph.stores.neo4j_database import Neo4jConfig, Neo4jDatabase
from tests.servers.neo4j import neo4j

CHANGED = 0.01
Timings = dict[str, float]


def main() -> None:
    """Run everything and publish."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--resources", type=int, default=100_000)
    parser.add_argument("--relationships", type=int, default=300_000)
    given = parser.parse_args()
    size = (given.resources, given.relationships)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (address, process_id):
        cold = alone(ours_in_neo4j, address, "cold", size)
        warm = alone(ours_in_neo4j, address, "warm", size)
        memory_mib = rss_mib(process_id) if process_id else 0.0
        alone(theirs, address, "Cold", size)
        peer = alone(theirs, address, "Warm", size)
        embedded = alone(ours_in_files, folder, "embedded", size)
    publish("graph", rows(cold, warm, peer, embedded, memory_mib))


def rows(cold: Timings, warm: Timings, peer: Timings, embedded: Timings, memory_mib: float) -> Iterator[Row]:
    """The figures with their aims."""
    name = "Cartography's shape"
    yield Row("neo4j: first collection, cold server", cold["first"], "s")
    yield Row(
        "neo4j: first collection",
        warm["first"],
        "s",
        name,
        peer["first"] / warm["first"],
        "<= 30 s",
        warm["first"] <= 30,
    )
    again = peer["second"] / warm["second"]
    yield Row("neo4j: second collection, 1 % changed", warm["second"], "s", "", None, "<= 2 s", warm["second"] <= 2)
    yield Row("cartography's shape: first collection", peer["first"], "s")
    yield Row("cartography's shape: second collection", peer["second"], "s", "ours", again, ">= 10 x", again >= 10)
    yield Row("neo4j: read out", warm["read"], "s", "", None, "<= 12 s", warm["read"] <= 12)
    yield Row("neo4j: our process, CPU of both collections", warm["cpu"], "s")
    yield Row("neo4j: our process, peak memory", warm["memory_mib"], "MiB")
    yield Row("neo4j: server, memory", memory_mib, "MiB")
    yield Row("embedded: first collection", embedded["first"], "s", "", None, "<= 3 s", embedded["first"] <= 3)
    yield Row("embedded: second collection, 1 % changed", embedded["second"], "s")
    yield Row("embedded: read out", embedded["read"], "s", "", None, "<= 0.5 s", embedded["read"] <= 0.5)
    yield Row("embedded: our process, peak memory", embedded["memory_mib"], "MiB")


def ours_in_neo4j(address: str, tenant: str, size: tuple[int, int]) -> Timings:
    """Two collections and a read-out in Neo4j."""
    database = Neo4jDatabase(config_of(address))
    database.prepare()
    try:
        return timed(partial(Neo4jStore, database), TenantId(tenant), size)
    finally:
        database.close()


def ours_in_files(folder: str, tenant: str, size: tuple[int, int]) -> Timings:
    """The same in a file."""
    return timed(partial(DuckDbStore, Path(folder)), TenantId(tenant), size)


def theirs(address: str, prefix: str, size: tuple[int, int]) -> Timings:
    """Two collections in Cartography's way."""
    first, second = estates(TenantId(prefix.lower()), size)
    shape = CartographyShape(config_of(address), prefix)
    shape.prepare(first)
    timings = {"first": clocked(lambda: shape.collect(first, 1)), "second": clocked(lambda: shape.collect(second, 2))}
    shape.close()
    return timings


def timed(opened: Callable[[TenantId], GraphStore], tenant: TenantId, size: tuple[int, int]) -> Timings:
    """Two collections and a read-out; the second collection and the read-out in a store that was opened again."""
    first, second = estates(tenant, size)
    before = process_time()
    store = opened(tenant)
    timings = {"first": clocked(lambda: collect(store, first))}
    store.close()
    again = opened(tenant)
    timings["second"] = clocked(lambda: collect(again, second))
    timings["cpu"] = process_time() - before
    again.close()
    reader = opened(tenant)
    timings["read"] = clocked(lambda: check(reader, second))
    reader.close()
    timings["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return timings


def collect(store: GraphStore, estate: MadeEstate) -> None:
    """Put one collection."""
    store.put_inventory(estate.inventory, "bench", estate.collected_at)
    store.put_relationships(estate.relationships)


def check(store: GraphStore, estate: MadeEstate) -> None:
    """Read everything out, and see that it is all there."""
    found = store.read_out()
    assert found.resources.num_rows == len(estate.items)
    assert found.edges.num_rows == len(estate.relationships)
    assert not found.dangling


def estates(tenant: TenantId, size: tuple[int, int]) -> tuple[MadeEstate, MadeEstate]:
    """The first collection's estate and the second's."""
    first = made_estate(tenant, *size)
    return first, collected_again(first, share=CHANGED)


def clocked(work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    begun = perf_counter()
    work()
    return perf_counter() - begun


def alone(
    work: Callable[[str, str, tuple[int, int]], Timings], place: str, name: str, size: tuple[int, int]
) -> Timings:
    """Run in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, place, name, size).result()


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, int | None]]:
    """Address of a Neo4j server, and its process where it is ours."""
    if uri := os.environ.get("NEO4J_URI"):
        yield f"{uri} {os.environ.get('NEO4J_USER', 'neo4j')} {os.environ.get('NEO4J_PASSWORD', '')}", None
        return
    with neo4j(folder / "neo4j") as started:
        yield f"{started.uri} {started.user} {started.password}", started.process_id


def config_of(address: str) -> Neo4jConfig:
    """How a child process reaches the server."""
    uri, user, password = address.split(" ")
    return Neo4jConfig(uri, user, lambda: password, retry_s=120)


def rss_mib(process_id: int) -> float:
    """Resident memory of a process."""
    status: Mapping[str, str] = dict(
        line.split(":", 1) for line in Path(f"/proc/{process_id}/status").read_text().splitlines() if ":" in line
    )
    return int(status["VmRSS"].split()[0]) / 1024


if __name__ == "__main__":
    main()
