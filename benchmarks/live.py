"""A live graph at size: memory, hydration, and how long a change takes until a reader sees it.

One graph of a million resources and about four million edges, worked out from documents that are made when they are
read; then changes at 500 a second, each visible once a view with its edge patch is there. A smaller one goes through a
real DuckDB store and a saved snapshot. Seconds are wall time; CPU time stands beside them where it differs.

    python -m benchmarks.live [--resources N] [--stored N] [--seconds N]
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import numpy as np

from benchmarks.live_graph.estate import AS_OF, PER_GROUP, TENANT, MadeEstate, with_tag
from benchmarks.report import Row, publish
from domain.inventory import Inventory
from domain.resource import ConfigurationItem, ResourceId, resource_key
from graph.hydrate import Hydration, hydrate, keep, put
from graph.learn import learn
from graph.live import LiveGraph, in_batches
from graph.saved import Saved, load, save
from graph.stores.duckdb import DuckDbStore

MEMORY_GIB_MAX: Final = 4.0
SAVED_S_MAX: Final = 1.0
READ_OUT_S_MAX: Final = 0.5
VISIBLE_MS_MAX: Final = 50.0
RATE: Final = 500
TICK_S: Final = 0.02
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Happened:
    """A change of a resource's latest state."""

    uid: ResourceId
    after: ConfigurationItem | None
    at: datetime


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=1_000_000)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure_large(Path(folder) / "large", given.resources, given.seconds)
        rows += measure_stored(Path(folder) / "stored", given.stored)
    publish("live", rows)
    return 0


def measure_large(folder: Path, resources: int, seconds: int) -> list[Row]:
    """One large graph in this process."""
    estate = MadeEstate(resources // PER_GROUP)
    table = estate.resources()
    before = _cpu_s()
    batches = (list(enumerate(estate.documents(uids), start)) for start, uids in _uids(table.column("uid").to_pylist()))
    base, learn_s = _timed(partial(learn, TENANT, table, batches, as_of=AS_OF))
    learn_cpu_s = _cpu_s() - before
    written, save_s = _timed(partial(save, folder, base, 1))
    del base, table, batches
    saved, load_s = _timed(lambda: load(folder, TENANT))
    assert isinstance(saved, Saved)
    live = LiveGraph(saved.base, estate.documents, version=1)
    size = f"{len(live.base):,} resources, {len(live.base.snapshot.edges):,} edges"
    rows = [
        Row(f"{size}: worked out from documents", learn_s, "s"),
        Row("the same in CPU time", learn_cpu_s, "CPU s"),
        Row("saved", save_s, "s"),
        Row("saved files", written / 2**20, "MiB"),
        Row("mapped back, digests checked", load_s, "s"),
        Row("its buffers", live.size_bytes / 2**20, "MiB"),
    ]
    with ThreadPoolExecutor(1) as executor:
        live.executor = executor
        rows += measure_changes(live, estate, seconds)
    before_s, fold_s = live.pending, _timed(live.fold)[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    aim = f"<= {MEMORY_GIB_MAX} GiB"
    return [
        *rows,
        Row(f"folded, {before_s:,} pending", fold_s, "s"),
        Row("peak memory of the process, all of it", peak, "GiB", aim=aim, met=peak <= MEMORY_GIB_MAX),
    ]


def measure_changes(live: LiveGraph, estate: MadeEstate, seconds: int) -> list[Row]:
    """Changes at a steady rate; each is timed from its arrival until a view with its patch is there."""
    chance, uids = Random(7), list(estate.uids())
    delays_ms: list[float] = []
    costs_ms: list[float] = []
    done, start, cpu = 0, time.perf_counter(), _cpu_s()
    number = 0
    while (now := time.perf_counter() - start) < seconds:
        due = int(now * RATE) - done
        if due < RATE * TICK_S:
            time.sleep(TICK_S / 4)
            continue
        arrived = [start + (done + each) / RATE for each in range(due)]
        changes = []
        for _ in range(due):
            number += 1
            changes.append(_changed(estate, chance.choice(uids), number, chance))
        before = _cpu_s()
        live.apply(changes)
        assert len(live.view().patch) >= 0
        seen = time.perf_counter()
        costs_ms.append((_cpu_s() - before) * 1e3)
        delays_ms += [(seen - at) * 1e3 for at in arrived]
        done += due
    busy = (_cpu_s() - cpu) / seconds
    p50, p99, most = np.percentile(delays_ms, [50, 99, 100]).tolist()
    cost_p50, cost_p99, cost_most = np.percentile(costs_ms, [50, 99, 100]).tolist()
    aim = f"<= {VISIBLE_MS_MAX} ms"
    return [
        Row(
            "changes applied and visible",
            done / seconds,
            "1/s",
            aim=f">= {RATE * 0.99}",
            met=done / seconds > RATE * 0.99,
        ),
        Row("a change is visible after, median", p50, "ms"),
        Row("a change is visible after, p99", p99, "ms", aim=aim, met=p99 <= VISIBLE_MS_MAX),
        Row("a change is visible after, most", most, "ms"),
        Row("one core's time that this takes", busy, "share"),
        Row("CPU time of what arrived together, median", cost_p50, "CPU ms"),
        Row("CPU time of what arrived together, p99", cost_p99, "CPU ms"),
        Row("CPU time of what arrived together, most", cost_most, "CPU ms"),
        Row("load average of the machine meanwhile", os.getloadavg()[0], "processes"),
    ]


def measure_stored(folder: Path, resources: int) -> list[Row]:
    """A graph through a DuckDB store: hydrated from documents, from the store's columns, and from the saved one."""
    estate = MadeEstate(resources // PER_GROUP)
    items = tuple(sorted(estate.items(), key=lambda item: resource_key(item.uid)))
    store = DuckDbStore(folder / "store", TENANT)
    _, ingest_s = _timed(partial(store.put_inventory, Inventory(items, (), (), (), 0), "all", AS_OF))
    del items
    first, documents_s = _timed(lambda: hydrate(store, folder / "saved", as_of=AS_OF))
    assert first.how is Hydration.DOCUMENTS
    _, put_s = _timed(lambda: put(store, first.delta))
    keep(store, first.live, None)
    second, read_s = _timed(lambda: hydrate(store, folder / "saved", as_of=AS_OF))
    assert second.how is Hydration.READ_OUT
    keep(store, first.live, folder / "saved")
    third, saved_s = _timed(lambda: hydrate(store, folder / "saved", as_of=AS_OF))
    assert third.how is Hydration.SAVED
    _, found_s = _timed(lambda: third.live.view().index_of(f"{next(iter(estate.uids()))}"))
    store.close()
    size = f"{len(first.live.base):,} resources, {len(first.live.base.snapshot.edges):,} edges, DuckDB"
    return [
        Row(f"{size}: ingest", ingest_s, "s"),
        Row("hydrated from every document", documents_s, "s"),
        Row("its relationships put into the store", put_s, "s"),
        Row(
            "hydrated from the store's columns", read_s, "s", aim=f"<= {READ_OUT_S_MAX} s", met=read_s <= READ_OUT_S_MAX
        ),
        Row("hydrated from the saved graph", saved_s, "s", aim=f"<= {SAVED_S_MAX} s", met=saved_s <= SAVED_S_MAX),
        Row("first resource found", found_s * 1e3, "ms"),
    ]


def _changed(estate: MadeEstate, uid: ResourceId, number: int, chance: Random) -> Happened:
    """Eight changes of a document out of ten, one resource gone, one back."""
    now = AS_OF + timedelta(milliseconds=number)
    item = estate.item(uid)
    if item is not None and chance.random() < 0.1:
        estate.changed[resource_key(uid)] = None
        return Happened(uid, None, now)
    if item is None:
        estate.changed.pop(resource_key(uid))
        item = estate.item(uid)
        assert item is not None
    after = estate.changed[resource_key(uid)] = with_tag(item, number)
    return Happened(uid, after, now)


def _uids(uids: list[str]) -> Iterator[tuple[int, Sequence[str]]]:
    at = 0
    for batch in in_batches(uids, 2_000):
        yield at, batch
        at += len(batch)


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def _cpu_s() -> float:
    return time.process_time()


if __name__ == "__main__":
    sys.exit(main())
