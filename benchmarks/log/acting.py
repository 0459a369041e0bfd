"""Recording through the real actor: a Ray cluster of its own, callers in this process behind one group commit."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.log.entries import make_batch
from benchmarks.report import Row
from chain.batch import EntryBatch

LEAVES_PER_S_MIN: Final = 60_000
BATCH: Final = 1000
CALLERS: Final = 4
WRITERS: Final = 64


def actor_rows(folder: Path, leaves: int, *, seconds: float) -> list[Row]:
    """Batches of a thousand, then single entries of many callers, beside calls that do nothing."""
    with _commit(folder) as (append, ping):
        append(make_batch(10**9, 10))
        batches = [make_batch(first, BATCH) for first in range(0, leaves, BATCH)]
        calls = _per_second(lambda _: ping(), 1, seconds)
        many = _per_second(lambda _: ping(), WRITERS, seconds)
        started = time.perf_counter()
        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(append, batches))
        rate = leaves / (time.perf_counter() - started)
        numbers = count(2 * 10**9)
        singles = [[make_batch(next(numbers), 1) for _ in range(int(400 * seconds))] for _ in range(WRITERS)]
        single = _per_second(lambda writer: append(singles[writer].pop()), WRITERS, seconds)
    aim = f">= {LEAVES_PER_S_MIN:,} leaves/s"
    return [
        Row("empty actor calls, one caller", calls, "calls/s"),
        Row(f"empty actor calls, {WRITERS} callers", many, "calls/s"),
        Row(f"actor with group commit, batches of {BATCH}", rate, "leaves/s", "", None, aim, rate >= LEAVES_PER_S_MIN),
        Row(
            f"actor with group commit, {WRITERS} writers of one entry", single, "leaves/s", "empty calls", single / many
        ),
    ]


@contextmanager
def _commit(folder: Path) -> Iterator[tuple[Callable[[EntryBatch], object], Callable[[], object]]]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")  # a busy machine takes its time
    import ray  # noqa: PLC0415 (starting it takes seconds and the other parts do without)

    from actors.evidence_chain import EvidenceChain  # noqa: PLC0415
    from actors.folders import Folders  # noqa: PLC0415
    from actors.group_commit import GroupCommit  # noqa: PLC0415
    from actors.placement import chain_handle  # noqa: PLC0415

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        chain = chain_handle(Folders(folder))
        chain.call(EvidenceChain.ping)
        commit = GroupCommit(lambda batch: chain.call(EvidenceChain.append, batch))
        yield commit.append, lambda: chain.call(EvidenceChain.ping)
    finally:
        ray.shutdown()


def _per_second(ask: Callable[[int], object], callers: int, seconds: float) -> float:
    """Closed loop: each caller asks again when it has its answer."""
    end = time.perf_counter() + seconds

    def caller(number: int) -> int:
        done = 0
        while time.perf_counter() < end:
            ask(number)
            done += 1
        return done

    started = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        total = sum(pool.map(caller, range(callers)))
    return total / (time.perf_counter() - started)
