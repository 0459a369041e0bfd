"""What filling and reading the graph costs: Neo4j, the embedded store, and Cartography's way beside them.

    python -m benchmarks.graph [--resources N] [--peer-resources N]

One Neo4j server (NEO4J_URI, or the one of `tests.servers`) serves ours and Cartography's shape in the same run, each in
labels of its own, and each after the server was warmed up by the same work. A collection is `put_inventory` and
`put_relationships` (three for each resource); of every later one, which was asked for everything again, 1 % has
changed. Shards work relationships out themselves and put those of changed resources alone: that is told beside it.
Later collections and hydrations are repeated, and the median counts. Cartography's way takes minutes at full size, so
that it is compared at a size of its own, with ours at that same size; what the comparison says at full size,
`--peer-resources` tells. What bounds a first collection is measured beside it: the same resources and relationships put
down by the leanest statements, with nothing compared or kept safe (`benchmarks.graphs.bare`). Making the estates is not
counted. Beside the seconds on the clock stand the seconds of processor that our process and the server took: on a
machine that is shared they say more. Ends within ten minutes on two cores that do nothing else.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from benchmarks.graphs.bare import BareServer, bare_file
from benchmarks.graphs.cartography_shape import CartographyShape
from benchmarks.graphs.estate import MadeEstate, collected_again, made_estate
from benchmarks.report import Row, publish
from domain.resource import Relationship, ResourceId
from domain.tenancy import TenantId
from graph.hydrate import RELATIONSHIPS, Hydration, hydrate
from graph.live import LiveGraph
from graph.saved import save
from graph.stores.contract import GraphStore
from graph.stores.duckdb import DuckDbStore
from graph.stores.neo4j import Neo4jStore
from graph.stores.neo4j_database import Neo4jConfig, Neo4jDatabase
from tests.servers.neo4j import neo4j

CHANGED = 0.01
REPEATS = 3
WARM_UP = 10_000
FULL = "full"
Timings = dict[str, float]


def main() -> None:
    """Run everything and publish."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--resources", type=int, default=100_000)
    parser.add_argument("--peer-resources", type=int, default=50_000)
    given = parser.parse_args()
    size, peer_size = given.resources, given.peer_resources
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (address, process_id):
        embedded = alone(ours_in_files, folder, "embedded", size)
        cold = alone(ours_in_neo4j, address, "cold", min(WARM_UP, size))
        alone(theirs, address, "Cold", min(WARM_UP, size))
        beside = alone(ours_in_neo4j, address, "beside", peer_size)
        peer = alone(theirs, address, "Peer", peer_size)
        full = alone(ours_in_neo4j, address, FULL, size)
        full |= alone(bare_in_neo4j, address, "Bare", size)
        memory_mib = rss_mib(process_id) if process_id else 0.0
    publish("graph", [*of_neo4j(full, cold), *of_peer(beside, peer, peer_size), *of_files(embedded, memory_mib)])


def of_neo4j(full: Timings, cold: Timings) -> Iterator[Row]:
    """Ours in Neo4j, with the aims."""
    yield Row("neo4j: first collection, cold server, small estate", cold["first"], "s")
    yield from timed_rows(full, "first", "neo4j: first collection", 30)
    yield from limit_rows(full, "neo4j: first collection")
    yield from timed_rows(full, "later", "neo4j: later collection, 1 % changed", 2)
    yield from timed_rows(full, "sent", "neo4j: the same as shards send it", 2)
    yield from timed_rows(full, "read", "neo4j: hydrated from it alone", 12)
    yield from timed_rows(full, "saved", "neo4j: hydrated from the saved graph", 1)
    yield Row("neo4j: our process, peak memory", full["memory_mib"], "MiB")


def of_peer(ours: Timings, peer: Timings, size: int) -> Iterator[Row]:
    """Cartography's way, beside ours at the same size."""
    at = f"{size:,} resources"
    for phase, what in (("first", "first"), ("later", "later")):
        name = f"cartography's shape: {what} collection, {at}"
        ratio = peer[phase] / ours[phase]
        is_aimed = phase == "later"
        aim, met = (">= 10 x", ratio >= 10) if is_aimed else ("", None)
        yield Row(name, peer[phase], "s", "ours", ratio, aim, met)
        spent, other = ours[f"{phase}_ours"] + ours[f"{phase}_server"], peer[f"{phase}_ours"] + peer[f"{phase}_server"]
        yield Row(f"{name}, processor", other, "s", "ours", other / spent if spent else None)
        yield Row(f"neo4j: {what} collection, {at}", ours[phase], "s")
    ratio = peer["later"] / ours["sent"]
    yield Row(f"neo4j: later collection as shards send it, {at}", ours["sent"], "s", "cartography's shape", ratio)


def of_files(embedded: Timings, memory_mib: float) -> Iterator[Row]:
    """Ours in a file, with the aims."""
    yield from timed_rows(embedded, "first", "embedded: first collection", 3)
    yield from limit_rows(embedded, "embedded: first collection")
    yield from timed_rows(embedded, "later", "embedded: later collection, 1 % changed", None)
    yield from timed_rows(embedded, "sent", "embedded: the same as shards send it", None)
    yield from timed_rows(embedded, "read", "embedded: hydrated", 0.5)
    yield Row("embedded: our process, peak memory", embedded["memory_mib"], "MiB")
    yield Row("neo4j: server, memory", memory_mib, "MiB")
    yield Row("load average of the machine at the end", os.getloadavg()[0], "processes")


def timed_rows(timings: Timings, phase: str, name: str, most_s: float | None) -> Iterator[Row]:
    """One thing that was timed: on the clock, and the processors' part."""
    value = timings[phase]
    aim, met = ("", None) if most_s is None else (f"<= {most_s:g} s", value <= most_s)
    yield Row(name, value, "s", aim=aim, met=met)
    yield Row(f"{name}, processor, our process", timings[f"{phase}_ours"], "s")
    if server_s := timings[f"{phase}_server"]:
        yield Row(f"{name}, processor, server", server_s, "s")


def limit_rows(timings: Timings, name: str) -> Iterator[Row]:
    """What bounds a first collection, and how much of it ours takes."""
    for part, what in (("", ""), ("_ours", ", processor, our process"), ("_server", ", processor, server")):
        if limit := timings[f"bare{part}"]:
            ratio = limit / timings[f"first{part}"]
            yield Row(f"{name}, the bare writes alone{what}", limit, "s", "ours", ratio)


def ours_in_neo4j(address: str, tenant: str, size: int) -> Timings:
    """Collections and hydrations in Neo4j."""
    database = Neo4jDatabase(config_of(address))
    database.prepare()
    try:
        opened, clock = partial(Neo4jStore, database), Clock(server_of(address))
        return timed(opened, TenantId(tenant), size, clock, keeps=tenant == FULL)
    finally:
        database.close()


def ours_in_files(folder: str, tenant: str, size: int) -> Timings:
    """The same in a file."""
    clock = Clock(None)
    clock.time("bare", bare_file(Path(folder), estate_of(TenantId(tenant), size)))
    return timed(partial(DuckDbStore, Path(folder)), TenantId(tenant), size, clock, keeps=False)


def bare_in_neo4j(address: str, label: str, size: int) -> Timings:
    """The bare writes of a first collection."""
    bare = BareServer(config_of(address), label, estate_of(TenantId("bare"), size))
    clock = Clock(server_of(address))
    clock.time("bare", bare.fill)
    bare.close()
    return clock.timings


def theirs(address: str, prefix: str, size: int) -> Timings:
    """Two collections in Cartography's way."""
    first = estate_of(TenantId(prefix.lower()), size)
    second = collected_again(first, share=CHANGED)
    shape = CartographyShape(config_of(address), prefix)
    shape.prepare(first)
    clock = Clock(server_of(address))
    clock.time("first", lambda: shape.collect(first, 1))
    clock.time("later", lambda: shape.collect(second, 2))
    shape.close()
    return clock.timings


class Clock:
    """Seconds on the clock, and of processor in this process and the server's; of what is repeated, the medians."""

    def __init__(self, server_id: int | None) -> None:
        self._server_id = server_id
        self._noted: dict[str, list[tuple[float, float, float]]] = {}
        self.more: Timings = {}

    @property
    def timings(self) -> Timings:
        """By name of what was done."""
        found = dict(self.more)
        for name, noted in self._noted.items():
            for part, values in zip(("", "_ours", "_server"), zip(*noted, strict=True), strict=True):
                found[name + part] = median(values)
        return found

    def time(self, name: str, work: Callable[[], object]) -> None:
        """Do some work and note what it took."""
        begun, spent, server = perf_counter(), process_time(), self._server_s()
        work()
        noted = (perf_counter() - begun, process_time() - spent, self._server_s() - server)
        self._noted.setdefault(name, []).append(noted)

    def _server_s(self) -> float:
        if self._server_id is None:
            return 0.0
        fields = Path(f"/proc/{self._server_id}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(
    opened: Callable[[TenantId], GraphStore], tenant: TenantId, size: int, clock: Clock, *, keeps: bool
) -> Timings:
    """Collections and hydrations; all but the first in a store that was opened again.

    Args:
        keeps: whether the graph is saved and brought back as well.
    """
    estate = estate_of(tenant, size)
    store = opened(tenant)
    clock.time("first", lambda: collect(store, estate))
    store.close()
    for number in range(REPEATS):
        estate = collected_again(estate, share=CHANGED, seed=2 + number)
        again = opened(tenant)
        clock.time("later", lambda store=again, estate=estate: collect(store, estate))  # type: ignore[misc]
        again.close()
    for number in range(REPEATS):
        estate = collected_again(estate, share=CHANGED, seed=2 + REPEATS + number)
        of_source = by_source(estate.relationships)
        again = opened(tenant)
        clock.time("sent", lambda store=again, estate=estate, of_source=of_source: send(store, estate, of_source))  # type: ignore[misc]
        again.close()
    reader = opened(tenant)
    reader.apply((), stream=RELATIONSHIPS, position=str(reader.version()))
    for _ in range(REPEATS):
        clock.time("read", lambda: check(reader, estate, None, Hydration.READ_OUT))
    clock.more["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if keeps:
        bring_back(reader, estate, clock)
    reader.close()
    return clock.timings


def bring_back(store: GraphStore, estate: MadeEstate, clock: Clock) -> None:
    """Save the graph that the documents tell, and bring it back."""
    with tempfile.TemporaryDirectory() as folder:
        live = LiveGraph.from_items(
            store.tenant,
            estate.items,
            as_of=estate.collected_at,
            documents=store.documents,
            version=store.version(),
        )
        save(Path(folder), live.base, store.version())
        del live
        for _ in range(REPEATS):
            clock.time("saved", lambda: check(store, estate, Path(folder), Hydration.SAVED))


def collect(store: GraphStore, estate: MadeEstate) -> None:
    """Put one collection, and wait until all of it is applied."""
    store.put_inventory(estate.inventory, "bench", estate.collected_at)
    store.put_relationships(estate.relationships)
    store.version()


def by_source(relationships: Iterable[Relationship]) -> dict[ResourceId, list[Relationship]]:
    """Relationships by the resource that they lead from."""
    found: dict[ResourceId, list[Relationship]] = {}
    for each in relationships:
        found.setdefault(each.source, []).append(each)
    return found


def send(store: GraphStore, estate: MadeEstate, of_source: Mapping[ResourceId, list[Relationship]]) -> None:
    """Put one collection as shards do: the inventory, then the relationships of what it changed."""
    applied = store.put(estate.inventory, "bench", estate.collected_at)
    sources = {change.uid for change in applied.changes}
    store.put_relationships_of(sources, [each for source in sources for each in of_source.get(source, ())])
    store.version()


def check(store: GraphStore, estate: MadeEstate, folder: Path | None, how: Hydration) -> None:
    """Bring everything into memory, and see that it is all there."""
    found = hydrate(store, folder, as_of=estate.collected_at)
    assert found.how is how, (found.how, found.reason)
    assert (found.changed, len(found.live.base)) == (0, len(estate.items))
    edges = len(found.live.base.snapshot.edges)
    assert edges >= 0.95 * len(estate.relationships), edges  # documents tell two relationships of one pair as one


def estate_of(tenant: TenantId, resources: int) -> MadeEstate:
    """An estate with three relationships for each resource."""
    return made_estate(tenant, resources, 3 * resources)


def alone(work: Callable[[str, str, int], Timings], place: str, name: str, size: int) -> Timings:
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
