"""Recording evidence over HTTP through Ray Serve, beside an ingress that does nothing in the same cluster and run.

Single appends by many clients, each acknowledged after its sync, and NDJSON batches; once in Serve's default mode and
once behind HAProxy. A mode is a cluster of its own, because Serve reads it when it starts. The no-op and the appends
take turns, and each figure is the median of its turns, since other work on the machine comes and goes. The ratio is
read in two ways, of the medians and as the median of the turns' ratios, and the lower one counts. Beside the rates
stands what each request and entry costs in processor time of the whole cluster, which other work disturbs less.

    python -m benchmarks.chain_http [--clients 64] [--seconds 5] [--turns 3] [--mode default|haproxy]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, cast

import aiohttp
from ray import serve as ray_serve

from benchmarks.noop_ingress import noop_application
from benchmarks.process_tree import cpu_s_by_command
from benchmarks.report import Row, publish
from benchmarks.serve_modes import MODES
from domain.tenancy import TenantId
from serve.auth.tokens import FILE_NAME, ensure_token
from serve.cluster import start_cluster
from serve.settings import Settings

LINES: Final = 10_000
BATCH_CLIENTS: Final = 3
SHARE_MIN: Final = 0.85
ENTRIES_PER_S_MIN: Final = 30_000
MODE_S_MAX: Final = 600.0
MODE_ATTEMPTS: Final = 3

COSTS_SHOWN: Final = 4

Ask = Callable[[int], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Turn:
    """What some seconds of one load came to.

    Args:
        cost_ms: processor time of the whole cluster for one request.
        latencies: in seconds, in order.
    """

    rate: float
    cost_ms: float
    latencies: Sequence[float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both modes, each in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--mode", choices=sorted(MODES))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.inside:
        sys.stdout.write(json.dumps([asdict(row) for row in measure_mode(options)]) + "\n")
        return 0
    rows = [row for mode in ([options.mode] if options.mode else MODES) for row in in_a_process(mode, options)]
    publish("chain_http", rows)
    return 0 if all(row.met is not False for row in rows) else 1


def in_a_process(mode: str, options: argparse.Namespace) -> list[Row]:
    """The rows of one mode."""
    command = [sys.executable, "-m", "benchmarks.chain_http", "--inside", "--mode", mode]
    for name in ("clients", "seconds", "turns", "batches"):
        command += [f"--{name}", str(getattr(options, name))]
    for attempt in range(1, MODE_ATTEMPTS + 1):
        done = subprocess.run(
            command, env={**os.environ, **MODES[mode]}, stdout=subprocess.PIPE, check=False, timeout=MODE_S_MAX
        )
        if done.returncode == 0:
            return [Row(**row) for row in json.loads(done.stdout.splitlines()[-1])]
        sys.stderr.write(f"{mode}: attempt {attempt} of {MODE_ATTEMPTS} ended with status {done.returncode}\n")
    raise SystemExit(f"{mode}: not measured")


def measure_mode(options: argparse.Namespace) -> list[Row]:
    """Start a platform with a no-op beside it, measure, stop it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(store_dir=Path(folder) / "store", port=free_port(), shards=1, simulations=1)
        cluster = start_cluster(settings)
        try:
            ray_serve.run(noop_application(), name="noop", route_prefix="/noop")
            token = ensure_token(settings.store_dir / FILE_NAME, TenantId(settings.tenant))
            return asyncio.run(_measure(f"http://127.0.0.1:{settings.port}", token, options))
        finally:
            cluster.stop()


async def _measure(url: str, token: str, options: argparse.Namespace) -> list[Row]:
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(limit=options.clients)
    async with aiohttp.ClientSession(url, headers=headers, connector=connector) as session:
        noop, append = _post(session, "/noop/", 200), _post(session, "/api/v2/evidence/collect", 201)
        for ask in (noop, append):
            await _load(ask, options.clients, 1.5, start=0)
        turns: dict[str, list[Turn]] = {"noop": [], "append": []}
        for turn in range(1, options.turns + 1):
            for name, ask in (("noop", noop), ("append", append)):
                turns[name].append(await _load(ask, options.clients, options.seconds, start=turn * 1_000_000))
        batches = await _batches(session, options.batches)
    return _single_rows(options, turns["noop"], turns["append"]) + _batch_rows(options.mode, batches)


def _post(session: Any, path: str, status: int) -> Ask:
    """A client's one request: a piece of evidence of about 200 bytes with an id of its own."""

    async def ask(number: int) -> int:
        async with session.post(path, data=_evidence(number), headers={"Content-Type": "application/json"}) as answer:
            content = await answer.read()
            if answer.status != status:
                raise RuntimeError(f"{path}: {answer.status} {content[:300]!r}")
            return number

    return ask


async def _load(ask: Ask, clients: int, seconds: float, *, start: int) -> Turn:
    """Closed loop: each client sends its next request when it has the answer."""
    end = time.perf_counter() + seconds
    latencies: list[float] = []

    async def client(place: int) -> None:
        number = start + place
        while (began := time.perf_counter()) < end:
            await ask(number)
            latencies.append(time.perf_counter() - began)
            number += clients

    spent, began = _cpu_s(), time.perf_counter()
    await asyncio.gather(*(client(place) for place in range(clients)))
    rate = len(latencies) / (time.perf_counter() - began)
    return Turn(rate, 1e3 * (_cpu_s() - spent) / len(latencies), sorted(latencies))


async def _batches(session: Any, count: int) -> tuple[float, dict[str, float]]:
    """Entries a second in batches of 10,000 lines, made before the clock starts, and their cost by process in µs."""
    bodies = [_lines(number) for number in range(count + 1)]
    headers = {"Content-Type": "application/x-ndjson"}

    async def send(body: bytes) -> None:
        async with session.post("/api/v2/evidence/batch", data=body, headers=headers) as answer:
            content = await answer.read()
            if answer.status != 201 or content.count(b"\n") != LINES:
                raise RuntimeError(f"batch: {answer.status} {content[:300]!r}")

    await send(bodies.pop())
    waiting = iter(bodies)

    async def client() -> None:
        for body in waiting:
            await send(body)

    before, began = cpu_s_by_command(os.getpid()), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(BATCH_CLIENTS)))
    rate, after = count * LINES / (time.perf_counter() - began), cpu_s_by_command(os.getpid())
    return rate, {name: 1e6 * (spent - before.get(name, 0.0)) / (count * LINES) for name, spent in after.items()}


def _single_rows(options: argparse.Namespace, noop: Sequence[Turn], append: Sequence[Turn]) -> list[Row]:
    mode, clients, peer = options.mode, options.clients, "no-op ingress"
    rate, bare = (median(turn.rate for turn in turns) for turns in (append, noop))
    by_turn = median(one.rate / other.rate for one, other in zip(append, noop, strict=True))
    share = min(rate / bare, by_turn)
    cost, bare_cost = (median(turn.cost_ms for turn in turns) for turns in (append, noop))
    latencies = sorted(latency for turn in append for latency in turn.latencies)
    aim = f"ratio >= {SHARE_MIN}"
    return [
        Row(f"{mode}: no-op ingress, {clients} clients", bare, "requests/s"),
        Row(f"{mode}: single appends, ratio of medians", rate, "requests/s", peer, rate / bare),
        Row(f"{mode}: single appends, median of ratios", rate, "requests/s", peer, by_turn),
        Row(f"{mode}: single appends, the lower ratio", rate, "requests/s", peer, share, aim, share >= SHARE_MIN),
        Row(f"{mode}: single append, CPU of the cluster", cost, "ms", peer, bare_cost / cost),
        Row(f"{mode}: single append, p50", 1e3 * latencies[len(latencies) // 2], "ms"),
        Row(f"{mode}: single append, p99", 1e3 * latencies[len(latencies) * 99 // 100], "ms"),
    ]


def _batch_rows(mode: str, batches: tuple[float, Mapping[str, float]]) -> list[Row]:
    rate, costs = batches
    name, aim = f"{mode}: NDJSON batches of {LINES:,}", f">= {ENTRIES_PER_S_MIN:,} entries/s"
    dearest = sorted(costs.items(), key=lambda cost: -cost[1])[:COSTS_SHOWN]
    return [
        Row(name, rate, "entries/s", aim=aim, met=rate >= ENTRIES_PER_S_MIN),
        Row(f"{name}, CPU of the cluster", sum(costs.values()), "us/entry"),
        *(Row(f"{mode}: of it {command}", cost, "us/entry") for command, cost in dearest),
    ]


def _cpu_s() -> float:
    return sum(cpu_s_by_command(os.getpid()).values())


def _evidence(number: int) -> bytes:
    return (
        b'{"type":"policy_evaluation","id":"single-%d","subject":"vm-%d","body":{"policy":"pcg-%d","verdict":"violation",'
        b'"severity":"high","resources":3,"reason":"public access is on"}}' % (number, number % 500, number % 200)
    )


def _lines(batch: int) -> bytes:
    return b"\n".join(
        b'{"type":"policy_evaluation","id":"batch-%d-%d","subject":"vm-%d","body":{"policy":"pcg-%d","verdict":"violation",'
        b'"severity":"high","resources":3,"reason":"public access is on"}}' % (batch, line, line % 500, line % 200)
        for line in range(LINES)
    )


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast("int", probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
