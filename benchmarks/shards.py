"""Many tenants on few shards: how evenly they lie, what an idle one costs, and how soon a change is seen.

    python -m benchmarks.shards [--small 10000] [--large 10] [--shards 4] [--seconds 20] [--rate 500]

Placement is worked out for 10,000 tenants of 100 resources and 10 of 100,000. What an idle tenant takes in memory is
measured on real shards in several processes (`benchmarks.live_graph.idle`) and compared with what its graph says it
takes. Visibility: batches are published at a rate through the embedded stream while the shard follows in its thread,
and each change is looked for in the graph from the moment its publication was acknowledged.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread

import numpy as np

from actors.folders import Folders
from actors.shards.config import ShardConfig
from actors.shards.roster import Roster, imbalance, loads, rebalanced
from actors.tenant_shard import TenantShard
from benchmarks.live_graph.idle import idle_tenants
from benchmarks.queues import fill, queue
from benchmarks.report import Row, publish
from connectors.stream.file_stream import FileChangeStream
from domain.change import ChangeBatch, ChangeEvent
from domain.resource import ResourceId
from domain.tenancy import TenantId
from graph.stores.duckdb import DuckDbStore

SMALL_SIZE = 100
LARGE_SIZE = 100_000
IDLE_BYTES_AIM = 50_000
VISIBLE_MS_AIM = 50.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="Placement, memory of idle tenants, visibility of changes.")
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=10)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--idle", type=int, default=100, help="tenants that are opened to measure an idle one")
    parser.add_argument("--processes", type=int, default=3, help="in how many processes that is measured")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=int, default=500, help="changes a second")
    options = parser.parse_args(arguments)
    rows = list(_placement(options.small, options.large, options.shards))
    with TemporaryDirectory() as folder:
        rows += _idle(Path(folder), options.idle, options.processes)
    with TemporaryDirectory() as folder:
        rows += _visibility(Path(folder), options.seconds, options.rate)
    publish("shards", rows)
    return 0


def _placement(small: int, large: int, shards: int) -> Iterator[Row]:
    sizes = {TenantId(f"tenant-{number}"): SMALL_SIZE for number in range(small)}
    heavy = {TenantId(f"large-{number}"): LARGE_SIZE for number in range(large)}
    by_hash = Roster(1, tuple(f"shard-{number}" for number in range(shards)))
    begun = time.perf_counter()
    planned = rebalanced(by_hash, heavy, light=small * SMALL_SIZE)
    seconds = time.perf_counter() - begun
    everyone = {**sizes, **heavy}
    uneven, even = (imbalance(loads(roster, everyone)) for roster in (by_hash, planned))
    moved = planned.with_shards([*planned.shards, "shard-new"])
    share = sum(moved.owner(tenant) != planned.owner(tenant) for tenant in sizes) / small
    yield Row(f"placement: farthest from the mean, {shards} shards", even, "of mean", aim="<= 0.2", met=even <= 0.2)
    yield Row("the same by hash alone", uneven, "of mean")
    yield Row("working the placement out", seconds * 1_000, "ms")
    yield Row("small tenants that move to a new shard", share, "of all")


def _idle(folder: Path, tenants: int, processes: int) -> Iterator[Row]:
    grown, allocated = idle_tenants(folder, tenants, SMALL_SIZE, processes)
    beyond = median(each.beyond for each in grown)
    yield Row(f"idle tenant of {SMALL_SIZE} resources, its graph in memory", allocated.graph / 1_000, "KB")
    yield Row(f"idle tenant, whole, median of {processes} processes", median(e.taken for e in grown) / 1_000, "KB")
    yield Row("the same, allocated by Python, numpy and Arrow", allocated.taken / 1_000, "KB")
    yield Row("idle tenant beyond its graph", beyond / 1_000, "KB", aim="<= 50", met=beyond <= IDLE_BYTES_AIM)
    yield Row("the same, least of the processes", min(e.beyond for e in grown) / 1_000, "KB")
    yield Row("the same, most of the processes", max(e.beyond for e in grown) / 1_000, "KB")
    yield Row("the same, allocated", allocated.beyond / 1_000, "KB")


@dataclass
class _Watcher:
    """Looks for published changes in the graph and notes how long each took."""

    shard: TenantShard
    tenant: TenantId
    waiting: dict[ResourceId, tuple[str, float]] = field(default_factory=dict)
    seen_s: list[float] = field(default_factory=list)
    stopping: Event = field(default_factory=Event)

    def run(self) -> None:
        while not self.stopping.is_set() or self.waiting:
            view = self.shard.shown(self.tenant)
            for uid, (digest, at_s) in list(self.waiting.items()):
                row = None if view is None else view.find(uid)
                if row is not None and view is not None and view.resource(row).digest == digest:
                    self.seen_s.append(time.perf_counter() - at_s)
                    self.waiting.pop(uid, None)
            time.sleep(0.001)


def _visibility(folder: Path, seconds: float, rate: int) -> Iterator[Row]:
    tenant, size, per_batch = TenantId("tenant-0"), 20_000, 25
    fill(folder, tenant, size)
    stream = FileChangeStream(folder / "streams")
    shard = TenantShard(
        Folders(folder),
        DuckDbStore,
        ShardConfig(is_following=True, shows_ahead=True),
        open_stream=lambda: FileChangeStream(folder / "streams"),
    )
    shard.graph_status(tenant)
    watcher = _Watcher(shard, tenant)
    thread = Thread(target=watcher.run)
    thread.start()
    published, begun = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < seconds:
        if published > elapsed * rate:
            time.sleep(0.002)
            continue
        items = [queue(tenant, (published + number) % size, published + number + 1) for number in range(per_batch)]
        at = datetime.now(UTC)
        batch = ChangeBatch(tenant, f"b{published}", "benchmark", at, tuple(ChangeEvent(i.uid, at, i) for i in items))
        stream.publish(batch)
        acknowledged = time.perf_counter()
        watcher.waiting.update({item.uid: (item.digest, acknowledged) for item in items})
        published += per_batch
    reached = published / (time.perf_counter() - begun)
    watcher.stopping.set()
    thread.join()
    shard.close()
    milliseconds = np.array(watcher.seen_s) * 1_000
    p50, p99 = (float(np.percentile(milliseconds, share)) for share in (50, 99))
    yield Row("changes published", reached, "a second", aim=f">= {rate}", met=reached >= 0.99 * rate)
    yield Row("change seen after its acknowledgement, median", p50, "ms")
    yield Row(
        "change seen after its acknowledgement, p99",
        p99,
        "ms",
        aim=f"<= {VISIBLE_MS_AIM:.0f}",
        met=p99 <= VISIBLE_MS_AIM,
    )


if __name__ == "__main__":
    sys.exit(main())
