"""What an idle tenant takes in memory beyond its graph: on a real shard, in several fresh processes.

Tenants are opened one after another, asked once and cooled as after minutes of quiet. Told is what is really allocated
for each, by Python and numpy as tracemalloc counts it and by Arrow; and the slope of what the process takes by itself
over the number of tenants (Theil and Sen: the median over all pairs of marks). Allocators take and return tens of
mebibytes at a time, so that the slope wants many tenants.
"""

from __future__ import annotations

import ctypes
import gc
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, median

import pyarrow as pa

from actors.folders import Folders
from actors.shards.config import ShardConfig
from actors.tenant_shard import TenantShard
from benchmarks.queues import fill
from domain.tenancy import TenantId
from graph.stores.duckdb import DuckDbStore

WARM = 20
STEP = 10


@dataclass(frozen=True, slots=True)
class Idle:
    """Bytes of one idle tenant in one process: its graph as it is counted, and what is taken with it."""

    graph: float
    taken: float

    @property
    def beyond(self) -> float:
        """Bytes beyond the graph."""
        return self.taken - self.graph


def idle_tenants(folder: Path, tenants: int, resources: int, processes: int) -> tuple[list[Idle], Idle]:
    """Measure by growth in so many processes, and by allocations in one more.

    Args:
        tenants: opened after those that warm the process up.
    """
    names = [TenantId(f"tenant-{number}") for number in range(WARM + tenants)]
    with _apart() as pool:
        list(pool.map(fill, *zip(*((folder, tenant, resources) for tenant in names), strict=True)))
    grown = []
    for _ in range(processes):
        with _apart() as pool:
            grown.append(pool.submit(_opened, folder, names, is_traced=False).result())
    with _apart() as pool:
        return grown, pool.submit(_opened, folder, names, is_traced=True).result()


def _apart() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _opened(folder: Path, names: Sequence[TenantId], *, is_traced: bool) -> Idle:
    """Open every tenant, and look at the memory after every few."""
    shard = TenantShard(Folders(folder), DuckDbStore, ShardConfig(memory_mib=4_096, idle_s=0.0))
    for tenant in names[:WARM]:  # what every first use loads is not the tenants'
        _open(shard, tenant)
    if is_traced:
        tracemalloc.start()
    marks = [_allocated() if is_traced else _of_process()]
    for number, tenant in enumerate(names[WARM:], 1):
        _open(shard, tenant)
        if number % STEP == 0:
            marks.append(_allocated() if is_traced else _of_process())
    tracemalloc.stop()
    slopes = [(marks[b] - marks[a]) / (b - a) / STEP for a, b in combinations(range(len(marks)), 2)]
    graphs = fmean(shard.graph_status(tenant)["size_bytes"] for tenant in names[WARM:])
    shard.close()
    return Idle(graphs, median(slopes))


def _open(shard: TenantShard, tenant: TenantId) -> None:
    shard.graph_status(tenant)
    shard.keep_house()


def _of_process() -> int:
    """Memory that only this process has, after what is garbage and what allocators keep for later has gone."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1_024 for line in lines if line.startswith(("Private_", "Swap:")))


def _allocated() -> int:
    gc.collect()
    traced, _ = tracemalloc.get_traced_memory()
    return int(traced + pa.total_allocated_bytes())
