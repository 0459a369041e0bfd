"""What filling and reading the graph costs: Neo4j, the embedded store, and Cartography's way beside them.

    python -m benchmarks.graph [--resources N] [--relationships N]

One Neo4j server (NEO4J_URI, or the one of `tests.servers`) serves ours and Cartography's shape in the same run, each in
labels of its own, and each after the server was warmed up by the same work. A collection is `put_inventory` and
`put_relationships`; the second one was asked for everything again, and 1 % of it has changed. Making the estate is not
counted. Memory of our process is the peak of a process that does this one thing alone. Beside the seconds on the clock
stand the seconds of processor that our process and the server took: on a machine that is shared they say more.
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
    for phase in ("first", "second"):
        mine, other = warm[f"{phase}_cpu"], peer[f"{phase}_cpu"]
        yield Row(f"neo4j: {phase} collection, processor", mine, "s", name, other / mine)
    yield Row("neo4j: read out, processor", warm["read_cpu"], "s")
    yield Row("neo4j: our process, peak memory", warm["memory_mib"], "MiB")
    yield Row("neo4j: server, memory", memory_mib, "MiB")
    yield Row("embedded: first collection", embedded["first"], "s", "", None, "<= 3 s", embedded["first"] <= 3)
    yield Row("embedded: first collection, processor", embedded["first_cpu"], "s")
    yield Row("embedded: second collection, 1 % changed", embedded["second"], "s")
    yield Row("embedded: read out, processor", embedded["read_cpu"], "s")
    yield Row("embedded: read out", embedded["read"], "s", "", None, "<= 0.5 s", embedded["read"] <= 0.5)
    yield Row("embedded: our process, peak memory", embedded["memory_mib"], "MiB")


def ours_in_neo4j(address: str, tenant: str, size: tuple[int, int]) -> Timings:
    """Two collections and a read-out in Neo4j."""
    database = Neo4jDatabase(config_of(address))
    database.prepare()
    try:
        return timed(partial(Neo4jStore, database), TenantId(tenant), size, Clock(server_of(address)))
    finally:
        database.close()


def ours_in_files(folder: str, tenant: str, size: tuple[int, int]) -> Timings:
    """The same in a file."""
    return timed(partial(DuckDbStore, Path(folder)), TenantId(tenant), size, Clock(None))


def theirs(address: str, prefix: str, size: tuple[int, int]) -> Timings:
    """Two collections in Cartography's way."""
    first, second = estates(TenantId(prefix.lower()), size)
    shape = CartographyShape(config_of(address), prefix)
    shape.prepare(first)
    clock = Clock(server_of(address))
    clock.time("first", lambda: shape.collect(first, 1))
    clock.time("second", lambda: shape.collect(second, 2))
    shape.close()
    return clock.timings


class Clock:
    """Seconds on the clock, and of processor in this process and the server's, by name of what was done."""

    def __init__(self, server_id: int | None) -> None:
        self._server_id = server_id
        self.timings: Timings = {}

    def time(self, name: str, work: Callable[[], object]) -> None:
        """Do some work and note what it took."""
        begun, spent = perf_counter(), self._spent()
        work()
        self.timings[name] = perf_counter() - begun
        self.timings[f"{name}_cpu"] = self._spent() - spent

    def _spent(self) -> float:
        if self._server_id is None:
            return process_time()
        fields = Path(f"/proc/{self._server_id}/stat").read_text().rpartition(")")[2].split()
        return process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(opened: Callable[[TenantId], GraphStore], tenant: TenantId, size: tuple[int, int], clock: Clock) -> Timings:
    """Two collections and a read-out; the second collection and the read-out in a store that was opened again."""
    first, second = estates(tenant, size)
    store = opened(tenant)
    clock.time("first", lambda: collect(store, first))
    store.close()
    again = opened(tenant)
    clock.time("second", lambda: collect(again, second))
    again.close()
    reader = opened(tenant)
    clock.time("read", lambda: check(reader, second))
    reader.close()
    clock.timings["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return clock.timings


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
        yield f"{uri} {os.environ.get('NEO4J_USER', 'neo4j')} {os.environ.get('NEO4J_PASSWORD', '')} 0", None
        return
    with neo4j(folder / "neo4j") as started:
        yield f"{started.uri} {started.user} {started.password} {started.process_id}", started.process_id


def config_of(address: str) -> Neo4jConfig:
    """How a child process reaches the server."""
    uri, user, password, _ = address.split(" ")
    return Neo4jConfig(uri, user, lambda: password, retry_s=120)


def server_of(address: str) -> int | None:
    """The server's process, where it is on this machine and ours."""
    return int(address.split(" ")[3]) or None


def rss_mib(process_id: int) -> float:
    """Resident memory of a process."""
    status: Mapping[str, str] = dict(
        line.split(":", 1) for line in Path(f"/proc/{process_id}/status").read_text().splitlines() if ":" in line
    )
    return int(status["VmRSS"].split()[0]) / 1024


if __name__ == "__main__":
    main()
