"""Blast radius at size: one resource at a time, over a base and over a patch, beside networkx in the same process.

The graph is made up in the shape of cloud estates (`benchmarks.blast_radius.estate`), a million resources and four
million edges by default. Measured: making the arcs of a mode; the radius of resources drawn at random, of those whose
reach is the median of all that reach anything, and of the largest, which is the root of the organisation; the same
over a patch of one percent of the edges; sampling probabilities. networkx is asked the same question, its answers
held against ours, and an easier one of its own: who is a descendant over hard arcs alone. With ``--cypher`` a Neo4j
server started from the cached jars is asked the easier one as well, on a smaller graph. Times are CPU seconds of the
working thread, so that a busy machine does not count; those beside Neo4j are wall seconds of both.

    python -m benchmarks.blast [--resources N] [--edges N] [--seeds N] [--no-networkx] [--cypher N]
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.blast_radius.estate import made_up
from benchmarks.blast_radius.networkx_way import differs, graph_of, spread_in
from benchmarks.report import Row, publish
from graph.chances import chances
from graph.failing import Failures, Network
from graph.failure import HARD, FailureMode
from graph.patch import EdgePatch
from graph.snapshot import Snapshot
from graph.spread import Spread, spread

MEDIAN_MS_MAX, LARGEST_MS_MAX, RATIO_MIN = 20.0, 1_000.0, 100.0
REPEATS = 5
Seeds = NDArray[np.int32]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, default=4_000_000)
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--no-networkx", action="store_true")
    parser.add_argument("--cypher", type=int, default=0, help="resources of the graph that Neo4j is asked about")
    given = parser.parse_args(arguments)
    snapshot = made_up(given.resources, edges_wanted=given.edges)
    rows = [*_ours(snapshot, given.seeds, with_networkx=not given.no_networkx)]
    if given.cypher:
        from benchmarks.blast_radius.cypher import cypher_rows  # noqa: PLC0415 (needs a server)

        rows += cypher_rows(given.cypher)
    publish("blast", rows)
    return sum(row.met is False for row in rows)


def _ours(snapshot: Snapshot, count: int, *, with_networkx: bool) -> list[Row]:
    failures = Failures(snapshot)
    size = f"{len(snapshot):,} resources, {len(snapshot.edges):,} edges"
    rows = [Row(size, float(len(snapshot)), "resources")]
    started = time.thread_time()
    network = failures.network(FailureMode.DELETE)
    rows.append(Row("arcs of one mode, made once per base", time.thread_time() - started, "s"))
    for mode in FailureMode:
        failures.arcs(mode)
    rows.append(Row("arcs of all six modes", failures.nbytes / 2**20, "MiB"))
    seeds = np.random.default_rng(0).integers(0, len(snapshot), count).astype(np.int32)
    took, reach = _each(network, seeds)
    median = _of_median_reach(seeds, reach)
    root = np.array([_root(snapshot)], np.int32)
    for name, chosen in (("resources at random", seeds), ("resources of median reach", median)):
        took, found = _each(network, chosen)
        rows.append(Row(f"{name}, median of {len(chosen)}", float(np.median(took)) * 1e3, "ms"))
        rows.append(_within(f"{name}, p99", float(np.percentile(took, 99)) * 1e3, MEDIAN_MS_MAX))
        rows.append(Row(f"{name}, largest reach", float(found.max()), "resources"))
    largest, found_all = _best(lambda: spread(network, root))
    rows.append(_within("the largest", largest * 1e3, LARGEST_MS_MAX))
    rows.append(Row("the largest, reach", float(len(found_all.failed) + len(found_all.degraded)), "resources"))
    rows += _over_a_patch(failures, seeds, root)
    rows += _sampled(network, median)
    if with_networkx:
        rows += _networkx(network, seeds, median, root)
    rows.append(
        Row("largest resident size of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "GiB")
    )
    return rows


def _within(name: str, value_ms: float, limit_ms: float) -> Row:
    return Row(name, value_ms, "ms", aim=f"<= {limit_ms:,.0f} ms", met=value_ms <= limit_ms)


def _each(network: Network, seeds: Seeds) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Seconds and reach of each."""
    took, reach = np.zeros(len(seeds)), np.zeros(len(seeds), np.int64)
    for at in range(len(seeds)):
        started = time.thread_time()
        found = spread(network, seeds[at : at + 1])
        took[at] = time.thread_time() - started
        reach[at] = len(found.failed) + len(found.degraded)
    return took, reach


def _of_median_reach(seeds: Seeds, reach: NDArray[np.int64]) -> Seeds:
    """Those in the middle third of all that reach anything."""
    some = seeds[reach > 0]
    order = np.argsort(reach[reach > 0], kind="stable")
    return some[order[len(order) // 3 : 2 * len(order) // 3 + 1]]


def _root(snapshot: Snapshot) -> int:
    """The resource that most is below of."""
    return int(snapshot.rows_by_type["AWS::Organizations::Organization"][0])


def _best(ask: Callable[[], Spread]) -> tuple[float, Spread]:
    best = float("inf")
    for _ in range(REPEATS):
        started = time.thread_time()
        found = ask()
        best = min(best, time.thread_time() - started)
    return best, found


def _over_a_patch(failures: Failures, seeds: Seeds, root: Seeds) -> list[Row]:
    """One percent of the edges gone, as many added, and some new resources."""
    base = failures.base
    random = np.random.default_rng(1)
    count, new = len(base.edges) // 100, len(base) // 1_000
    gone = np.sort(random.choice(len(base.edges), count, replace=False)).astype(np.int32)
    sources = np.sort(random.integers(len(base), len(base) + new, count)).astype(np.int32)
    targets = random.integers(0, len(base), count).astype(np.int32)
    patch = EdgePatch(
        size=len(base) + new,
        gone=gone,
        sources=sources,
        targets=targets,
        kinds=base.edges.kinds[gone],
        strengths=base.edges.strengths[gone],
        paths=("",) * count,
    )
    started = time.thread_time()
    patched = failures.network(
        FailureMode.DELETE, patch, dict.fromkeys(range(len(base), len(base) + new), "AWS::EC2::Instance")
    )
    laid = time.thread_time() - started
    took, _ = _each(patched, seeds)
    largest, _ = _best(lambda: spread(patched, root))
    return [
        Row(f"patch of {2 * count:,} edges laid over the base", laid * 1e3, "ms"),
        Row("patched: resources at random, p99", float(np.percentile(took, 99)) * 1e3, "ms"),
        Row("patched: the largest", largest * 1e3, "ms"),
    ]


def _sampled(network: Network, seeds: Seeds) -> list[Row]:
    value = np.ones(network.size)
    took = []
    for at in range(min(100, len(seeds))):
        started = time.thread_time()
        chances(network, seeds[at : at + 1], value=value)
        took.append(time.thread_time() - started)
    return [
        Row("probabilities, resources of median reach, median", float(np.median(took)) * 1e3, "ms"),
        Row("probabilities, resources of median reach, p99", float(np.percentile(took, 99)) * 1e3, "ms"),
    ]


def _networkx(network: Network, seeds: Seeds, median: Seeds, root: Seeds) -> list[Row]:
    """The same question, and the easier one of who descends over hard arcs."""
    against = f"networkx {import_module('networkx').__version__}"
    started = time.thread_time()
    graph, losses = graph_of(network), network.arcs.group_losses.tolist()
    rows = [Row("networkx: making its graph", time.thread_time() - started, "s")]
    for name, chosen in (("resources at random", seeds), ("resources of median reach", median), ("the largest", root)):
        ours = theirs = 0.0
        for seed in _singly(chosen):
            ours += _best(partial(spread, network, seed))[0]
            started = time.thread_time()
            reached = spread_in(graph, losses, int(seed[0]))
            theirs += time.thread_time() - started
            assert not differs(spread(network, seed), reached), "both ways have one answer"
        ratio, is_largest = theirs / ours, name == "the largest"
        aim, met = (f">= {RATIO_MIN:.0f} x", ratio >= RATIO_MIN) if is_largest else ("", None)
        rows.append(Row(f"networkx, the same question: {name}", theirs * 1e3, "ms", against, ratio, aim, met))
    return [*rows, _descendants(network, root, against)]


def _descendants(network: Network, root: Seeds, against: str) -> Row:
    """Who descends from the largest over hard arcs alone: no degradation, no alternatives, no ways."""
    networkx: Any = import_module("networkx")
    arcs = network.arcs
    hard = arcs.strengths == HARD
    origins = np.repeat(np.arange(network.size, dtype=np.int32), np.diff(arcs.starts))[hard]
    graph = networkx.DiGraph()
    graph.add_edges_from(zip(origins.tolist(), arcs.hits[hard].tolist(), strict=True))
    started = time.thread_time()
    networkx.descendants(graph, int(root[0]))
    took = time.thread_time() - started
    ratio = took / _best(lambda: spread(network, root))[0]
    return Row("networkx, descendants over hard arcs only: the largest", took * 1e3, "ms", against, ratio)


def _singly(seeds: Seeds) -> list[Seeds]:
    return [seeds[at : at + 1] for at in range(len(seeds))]


if __name__ == "__main__":
    sys.exit(main())
