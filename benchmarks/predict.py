"""The prediction model at size, in numpy as it is served, beside PyG's eager path in the same run where torch is there.

Graphs are made up: references drawn at random, groups of about thirty, the shipped weights. Measured: the network over
100,000 resources with 400,000 edges, with ``--large`` over 1,000,000 with 4,000,000 (with peak memory); the answer with
regression, weights and calibration; one resource out of its neighbourhood, and explained; features of a history of
100,000 resources, and what changes with one of them. Times are wall seconds, the least of the repeats, on one thread as
in a replica, with processor seconds and the load of the machine beside them. On a quiet machine it takes 90 s, and
200 s with ``--large``.

With ``--http`` only a platform that is started for it is asked, at a steady rate, beside a no-op, as
`benchmarks.predict_http` says, by default with the variables of the cluster files. Starting took 70 to 90 s there and
the whole 150 s.

    python -m benchmarks.predict [--small] [--large]
    python -m benchmarks.predict --http [--mode default|haproxy|cluster] [--rate N] [--seconds N] [--limit N]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assessment.learned import cochanging, looked
from benchmarks.report import Row, publish
from benchmarks.serve_modes import MODES
from serve.cochange import pairs_of
from training.explanation import Explainer
from training.history import Frames, Timeline, timeline
from training.predictor import Predictor, shipped_predictor
from training.relations import GROUPS, Relations, grouped, recent, relations_of
from training.task import features_of, see

SEED = 7
REPEATS = 5
GROUP_SIZE = 30
QUESTIONS, PAIRED = 300, 60
END = datetime(2026, 1, 5, tzinfo=UTC)
RESOURCE_MS_MAX, NETWORK_S_MAX, WITH_FEATURES_S_MAX, LARGE_S_MAX, LARGE_GB_MAX = 5.0, 0.2, 3.0, 5.0, 3.0
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
"""Read when the numerical libraries are loaded, so the process begins anew with them."""


def made_up(rows: int, edges: int) -> Relations:
    """References drawn at random, and groups of about the same size; ages up to two years."""
    draw = np.random.default_rng(SEED)
    source, target = draw.integers(0, rows, (2, edges))
    ages = (draw.random(edges) * 700).astype(np.float32)
    idle = (draw.random(rows) * 300).astype(np.float32)
    links = tuple(recent(*ends, ages, size=rows, idle=idle) for ends in ((source, target), (target, source)))
    groups = tuple(grouped(draw.integers(0, max(rows // GROUP_SIZE, 1), rows), idle) for _ in GROUPS)
    names = ("resource:aws_s3_bucket", "resource:aws_iam_role", "resource:nobody_knows")
    return Relations(links, groups, draw.integers(0, len(names), rows).astype(np.int32), names)


def processor_s(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """The least processor time of some repeats, which other processes lengthen less."""
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def least_s(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """The least wall time of some repeats."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def whole_rows(predictor: Predictor, rows: int, edges: int, *, repeats: int) -> list[Row]:
    """The network and the whole answer over one size, beside PyG."""
    relations, values = made_up(rows, edges), drawn_values(predictor, rows)
    name = f"{rows:,} / {edges:,}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    network_s = least_s(lambda: predictor.network.logits(values, relations), repeats)
    answer_s = least_s(lambda: predictor.answer(values, relations), repeats)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    is_large = rows >= 1_000_000
    aim_s = LARGE_S_MAX if is_large else NETWORK_S_MAX
    found = [Row(f"network, {name}", network_s, "s", aim=f"at most {aim_s} s", met=network_s <= aim_s)]
    used_s = processor_s(lambda: predictor.network.logits(values, relations), repeats)
    found.append(Row(f"network, {name}, processor", used_s, "s"))
    eager = pyg_forward(predictor, values, relations)
    if eager is not None:
        times = 1 if is_large else 2
        eager_s, eager_used_s = least_s(eager, times), processor_s(eager, times)
        found.append(Row(f"network in PyG, {name}", eager_s, "s", "torch_geometric, eager", eager_s / network_s))
        found.append(Row(f"network in PyG, {name}, processor", eager_used_s, "s", "the same", eager_used_s / used_s))
    found.append(Row(f"answer with calibration, {name}", answer_s, "s"))
    aim, met = (f"at most {LARGE_GB_MAX} GB", peak_gb <= LARGE_GB_MAX) if is_large else ("", None)
    found.append(Row(f"process at most, {name}", peak_gb, "GB", "before it", before / 2**20, aim, met))
    return found


def pyg_forward(predictor: Predictor, values: NDArray[np.float32], relations: Relations) -> Callable[[], Any] | None:
    """The same network in PyG; None where torch is not installed."""
    try:
        torch, model = import_module("torch"), import_module("training.network.model")
    except ModuleNotFoundError:
        return None
    network = predictor.network
    width = len(network.arrays["encode.bias"])
    built = model.RelationNetwork(
        model.Form(width=width, layers=network.layers), features=values.shape[1],
        types=len(network.arrays["type_names"]), tasks=3,
    )  # fmt: skip
    state = {name: torch.from_numpy(np.asarray(network.arrays[name])) for name, _ in built.named_parameters()}
    built.load_state_dict(state)
    built.eval()
    near = model.neighbourhood(relations, network.type_codes(relations), torch.device("cpu"))

    def forward() -> Any:
        with torch.inference_mode():
            return built(torch.from_numpy(network.standard(values)), near)

    apart = float(np.abs(forward().numpy()[:1000] - network.logits(values, relations)[:1000]).max())
    assert apart < 1e-3, f"both are the same network, yet differ by {apart}"
    return forward


def one_rows(predictor: Predictor, rows: int, edges: int) -> list[Row]:
    """One resource at a time, out of its neighbourhood."""
    relations, values = made_up(rows, edges), drawn_values(predictor, rows)
    states = predictor.network.passed(values, relations).states
    explainer = Explainer(predictor, values, relations, states)
    chosen = np.random.default_rng(SEED).integers(0, rows, QUESTIONS)
    ask = [partial(predictor.answer, values, relations, np.array([row])) for row in chosen]
    why = [partial(explainer.explain, int(row)) for row in chosen[:60]]
    scored, told = (np.array([least_s(one, 1) for one in each]) for each in (ask, why))
    used = np.array([processor_s(one, 1) for one in ask])
    found = [Row(f"one resource scored, of {rows:,}, processor, mean", 1000 * float(used.mean()), "ms")]
    for name, times in (("one resource scored", scored), ("one resource explained", told)):
        for percent in (50, 99):
            ms = 1000 * float(np.percentile(times, percent))
            is_aimed = percent == 50 and times is scored
            aim = f"at most {RESOURCE_MS_MAX} ms" if is_aimed else ""
            found.append(
                Row(f"{name}, of {rows:,}, p{percent}", ms, "ms", aim=aim, met=ms <= RESOURCE_MS_MAX if aim else None)
            )
    return found


def history_rows(predictor: Predictor, rows: int, edges: int) -> list[Row]:
    """What is asked of a history of as many resources, each created, some changed."""
    draw = np.random.default_rng(SEED)
    history = timeline("made", "aws", made_frames(draw, rows, edges, END), end=END)
    return [features_row(predictor, history, rows, edges), *cochange_rows(predictor, history, rows)]


def features_row(predictor: Predictor, history: Timeline, rows: int, edges: int) -> Row:
    """Features of every resource; and the answer after them."""

    def work() -> None:
        (seen,), own = see([history], END)
        features_of(seen, predictor.prior.merged([own]))

    took = least_s(work, 2)
    aim = f"with the network at most {WITH_FEATURES_S_MAX} s"
    return Row(f"features of a history, {rows:,} / {edges:,}", took, "s", aim=aim, met=took <= WITH_FEATURES_S_MAX)


def cochange_rows(predictor: Predictor, history: Timeline, rows: int) -> list[Row]:
    """Which others are changed with one resource: its candidates with their features, and the head for pairs."""
    pairing = predictor.pairing
    assert pairing is not None, "shipped weights have a head for pairs"
    known = looked(history, predictor.prior, as_of=END)
    values, relations = known.found.values, relations_of(known.seen)
    uids = known.uids()
    places = {uid: row for row, uid in enumerate(uids)}
    sizes: list[int] = []

    def ask(row: int) -> None:
        near = cochanging(known, uids[row], as_of=END, version=1)
        assert near is not None, "every resource is there"
        pairs = pairs_of(near, row, places)
        assert pairs is not None, "candidates are of the same graph"
        pairing.told(values, relations, pairs, near.values)
        sizes.append(len(pairs))

    chosen = np.random.default_rng(SEED).integers(0, len(uids), PAIRED).tolist()
    took = 1000 * np.array([least_s(partial(ask, row), 1) for row in chosen])
    named = f"what changes with one resource, of {rows:,}"
    times = [Row(f"{named}, p{percent}", float(np.percentile(took, percent)), "ms") for percent in (50, 99)]
    return [*times, Row(f"{named}, candidates, median", float(np.median(sizes)), "resources")]


def made_frames(draw: np.random.Generator, rows: int, edges: int, end: datetime) -> Frames:
    """A history: every resource created within two years, half as many changes, references."""
    who = np.concatenate((np.arange(rows), draw.integers(0, rows, rows // 2)))
    ago = np.concatenate((draw.integers(100, 700, rows), draw.integers(0, 100, rows // 2)))
    at = [end - timedelta(days=int(days)) for days in ago]
    stack = who // GROUP_SIZE
    kinds = np.char.add("resource:t", (who % 40).astype(str))
    events = pl.DataFrame(
        {"at": at, "uid": who.astype(str), "type": kinds, "stack": stack.astype(str)}
    ).with_columns(
        is_scored=pl.lit(True), folder=pl.lit("f"), file=pl.col("stack"), source=pl.col("type"),
        peer=pl.col("type"), action=pl.Series(np.repeat([0, 1], [rows, rows // 2])).cast(pl.UInt8), changed=pl.lit(2),
        author=pl.lit("a"), is_bot=pl.lit(False), batch=pl.col("uid"), batch_size=pl.lit(1),
    )  # fmt: skip
    ends = draw.integers(0, rows, (2, edges)).astype(str)
    joined = pl.DataFrame({"at": [end - timedelta(days=50)] * edges, "source": ends[0], "target": ends[1]})
    nothing = pl.DataFrame(
        schema={"at": pl.Datetime("us", "UTC"), "uid": pl.String, "check": pl.String, "opened": pl.Boolean}
    )
    return Frames(events, joined.with_columns(added=pl.lit(True)), nothing)


def drawn_values(predictor: Predictor, rows: int) -> NDArray[np.float32]:
    """Features in the range of those that were learned from."""
    mean, scale = (np.asarray(predictor.network.arrays[name]) for name in ("mean", "scale"))
    drawn = np.random.default_rng(SEED).standard_normal((rows, len(mean)), np.float32)
    return np.asarray(mean + scale * drawn, np.float32)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and publish."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.predict", description=__doc__)
    made.add_argument("--small", action="store_true", help="only graphs of 10,000 resources")
    made.add_argument("--large", action="store_true", help="also a graph of a million; minutes on a busy machine")
    made.add_argument("--http", action="store_true", help="only ask a platform that is started for it")
    made.add_argument("--rate", type=float, default=50.0)
    made.add_argument("--seconds", type=float, default=20.0, help="of asking, with --http; the no-op as long")
    made.add_argument("--mode", choices=sorted(MODES), default="cluster", help="how Serve takes requests in")
    made.add_argument("--limit", type=float, default=300.0, help="seconds after which --http gives up, with the reason")
    given = made.parse_args(arguments)
    if given.http:
        rows = import_module("benchmarks.predict_http").http_rows(
            rate=given.rate, seconds=given.seconds, limit_s=given.limit, mode=given.mode
        )
        publish("predict", [*rows, load_row()])
        return 0
    if any(name not in os.environ for name in ONE_THREAD):
        command = [sys.executable, "-m", "benchmarks.predict", *(sys.argv[1:] if arguments is None else arguments)]
        return subprocess.run(command, env={**os.environ, **ONE_THREAD}, check=False).returncode
    predictor = shipped_predictor()
    size = (10_000, 40_000) if given.small else (100_000, 400_000)
    rows = [*whole_rows(predictor, *size, repeats=REPEATS), *one_rows(predictor, *size)]
    rows += history_rows(predictor, *size)
    if given.large:
        rows += whole_rows(predictor, 1_000_000, 4_000_000, repeats=2)
    publish("predict", [*rows, load_row()])
    return 0


def load_row() -> Row:
    """How busy the machine is at the end."""
    return Row("load of the machine", os.getloadavg()[0], "processes")


if __name__ == "__main__":
    sys.exit(main())
