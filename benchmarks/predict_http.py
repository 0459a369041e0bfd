"""One resource's prediction through HTTP at a steady rate, beside a deployment of the same Serve that does nothing.

A platform of its own is started with an estate of 2,000 resources. Three loads take turns: the no-op, resources each of
which is asked about for the first time, and 200 that were asked about before, whose answers are kept. Requests leave
when they are due, whether or not former ones came back, and a time counts from then, so a request that waits behind
others counts its wait. What each costs in processor time of the whole cluster stands beside it, which other work on the
machine disturbs less. Progress goes to standard error; what is not measured within the limit ends with the reason.

Called by ``python -m benchmarks.predict --http``.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import numpy as np
from numpy.typing import NDArray
from yarl import URL

from benchmarks.process_tree import cpu_s_by_command
from benchmarks.report import Row
from benchmarks.serve_modes import MODES

SEED: Final = 7
RESOURCES: Final = 2_000
TURNS: Final = 2
ASKED_AGAIN: Final = 200
"""Resources that are asked about in turn, once before that is measured."""
NOOP, FIRST, AGAIN = "no-op", "resource asked about first", "resource asked about again"
P99_MS_MAX: Final = 50.0
STOP_S: Final = 15.0
ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})
Ask = Callable[[aiohttp.ClientSession, int], Awaitable[int]]
"""Asks once; the status of the answer."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What some seconds of one load came to.

    Args:
        waits_s: of each request, from when it was due.
        cpu_s: of the whole cluster.
        refused: requests that were answered by anything but 200, too many at once for one.
    """

    waits_s: Sequence[float]
    cpu_s: float
    refused: int


class Clock:
    """The time that is left, and what is being done, told on standard error."""

    def __init__(self, limit_s: float) -> None:
        self._begun, self._limit_s = time.monotonic(), limit_s

    def tell(self, what: str) -> None:
        """Say what begins."""
        sys.stderr.write(f"{time.monotonic() - self._begun:6.1f} s  {what}\n")
        sys.stderr.flush()

    def left_s(self) -> float:
        """Seconds until the measurement has to be over.

        Raises:
            SystemExit: there are none.
        """
        left = self._limit_s - (time.monotonic() - self._begun)
        if left <= 0:
            raise SystemExit(self.late())
        return left

    def late(self) -> str:
        """Why nothing was measured."""
        return f"not measured within {self._limit_s:g} s: the machine is too busy, load {os.getloadavg()[0]:.1f}"


def http_rows(*, rate: float, seconds: float, limit_s: float, mode: str) -> list[Row]:
    """Start a platform, ask, stop it.

    Args:
        mode: of `MODES`.

    Raises:
        SystemExit: there are fewer resources than are to be asked about for the first time.
    """
    if rate * seconds > RESOURCES - ASKED_AGAIN:
        raise SystemExit(f"{rate:g}/s for {seconds:g} s asks about more than {RESOURCES - ASKED_AGAIN} resources")
    clock = Clock(limit_s)
    with tempfile.TemporaryDirectory() as folder, _platform(Path(folder), clock, MODES[mode]) as (process, told):
        try:
            turns = asyncio.run(_measured(Path(folder), told, process.pid, clock, rate=rate, seconds=seconds))
        except TimeoutError:
            raise SystemExit(clock.late()) from None
        clock.tell("stopping")
    return _rows(turns, rate, mode)


@contextmanager
def _platform(
    folder: Path, clock: Clock, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[str], Mapping[str, str]]]:
    """A platform in a process of its own, and what it tells: where it listens, and the token."""
    clock.tell(f"starting Ray, actors and HTTP; load {os.getloadavg()[0]:.1f}")
    log = folder / "platform.log"
    command = [sys.executable, "-m", "benchmarks.predict_http", str(folder)]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            text=True, start_new_session=True,
        )  # fmt: skip
    try:
        yield process, _ready(process, log, clock)
    finally:
        _stop(process)


def _ready(process: subprocess.Popen[str], log: Path, clock: Clock) -> Mapping[str, str]:
    assert process.stdout is not None
    if select.select([process.stdout], [], [], clock.left_s())[0] and (line := process.stdout.readline()):
        found: Mapping[str, str] = json.loads(line)
        return found
    state = "still starting" if process.poll() is None else f"ended with status {process.returncode}"
    raise SystemExit(f"the platform did not come up ({state}):\n{log.read_text(errors='replace')[-2_000:]}")


def _stop(process: subprocess.Popen[str]) -> None:
    """Let the platform end, and what is left of it."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def _measured(
    folder: Path, told: Mapping[str, str], pid: int, clock: Clock, *, rate: float, seconds: float
) -> dict[str, list[Turn]]:
    headers = {"Authorization": f"Bearer {told['token']}"}
    limit = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(told["url"], headers=headers, timeout=limit, connector=connector) as session:
        paths = await _scanned(session, folder, clock)
        again, first = paths[:ASKED_AGAIN], iter(paths[ASKED_AGAIN:])
        asks: dict[str, Ask] = {NOOP: _noop, FIRST: partial(_once, first), AGAIN: partial(_in_turn, again)}
        clock.tell(f"asking about {len(again)} that are asked about again")
        for number in range(len(again)):
            await asyncio.wait_for(asks[AGAIN](session, number), clock.left_s())
        turns: dict[str, list[Turn]] = {name: [] for name in asks}
        for turn in range(TURNS):
            for name, ask in asks.items():
                clock.tell(f"{name} at {rate:g}/s, turn {turn + 1} of {TURNS}; load {os.getloadavg()[0]:.1f}")
                load = _load(partial(ask, session), pid, rate=rate, seconds=seconds / TURNS)
                turns[name].append(await asyncio.wait_for(load, clock.left_s()))
        return turns


async def _scanned(session: aiohttp.ClientSession, folder: Path, clock: Clock) -> list[str]:
    """Scan an estate; routes of resources of it, of which the model answers one to begin with."""
    from connectors.estate import write_estate  # noqa: PLC0415
    from connectors.files.read import read_inputs  # noqa: PLC0415
    from domain.tenancy import TenantId  # noqa: PLC0415

    clock.tell(f"scanning {RESOURCES:,} resources")
    estate = folder / "estate"
    write_estate(estate, resources=RESOURCES, tenants=1, days=30, seed=SEED, as_of=datetime.now(UTC))
    body = {"paths": [str(estate / "demo")]}
    found = await _json(await session.post("/api/v2/predictions/bulk-scan", json=body))
    while found["status"] not in ENDED:
        clock.left_s()
        await asyncio.sleep(0.3)
        found = await _json(await session.get(f"/api/v2/operations/{found['operation_id']}"))
    if found["status"] != "succeeded":
        raise SystemExit(f"the scan failed: {found}")
    found = await _json(await session.post("/api/v2/predictions/analyze", json={"limit": 1}))
    items = read_inputs((str(estate / "demo"),), tenant=TenantId("demo")).inventory.items
    assert found["resources"] == len(items) == RESOURCES, "the whole estate is in the graph"
    paths = [f"/api/v2/predictions/{quote(item.uid, safe='')}/timeline" for item in items]
    clock.tell("scoring the tenant")
    learned = (await _json(await session.get(_raw(paths[0]))))["learned"]
    if learned.get("source") != "learned":
        raise SystemExit(f"the model did not answer: {learned}")
    return paths


async def _noop(session: aiohttp.ClientSession, number: int) -> int:
    del number
    async with session.post("/noop/", data=b"{}") as answer:
        await answer.read()
        return answer.status


async def _once(paths: Iterator[str], session: aiohttp.ClientSession, number: int) -> int:
    del number
    return await _resource(session, next(paths))


async def _in_turn(paths: Sequence[str], session: aiohttp.ClientSession, number: int) -> int:
    return await _resource(session, paths[number % len(paths)])


async def _resource(session: aiohttp.ClientSession, path: str) -> int:
    async with session.get(_raw(path)) as answer:
        await answer.read()
        return answer.status


async def _load(ask: Callable[[int], Awaitable[int]], pid: int, *, rate: float, seconds: float) -> Turn:
    """Open loop: a request leaves when it is due."""
    waits: list[float] = []
    refused = 0

    async def one(number: int, due: float) -> None:
        nonlocal refused
        refused += await ask(number) != HTTPStatus.OK
        waits.append(time.perf_counter() - due)

    spent, begun, running = _cpu_s(pid), time.perf_counter(), []
    for number in range(int(rate * seconds)):
        due = begun + number / rate
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        running.append(asyncio.ensure_future(one(number, due)))
    await asyncio.gather(*running)
    return Turn(waits, _cpu_s(pid) - spent, refused)


def _rows(turns: Mapping[str, Sequence[Turn]], rate: float, mode: str) -> list[Row]:
    waits = {name: np.concatenate([one.waits_s for one in found]) for name, found in turns.items()}
    cost = {name: 1_000 * sum(one.cpu_s for one in found) / len(waits[name]) for name, found in turns.items()}
    refused = {name: sum(one.refused for one in found) for name, found in turns.items()}
    rows = [*_time_rows(waits, NOOP, f"({mode}) at {rate:g}/s")]
    for name in (FIRST, AGAIN):
        rows += _time_rows(waits, name, f"({mode}) at {rate:g}/s")
        rows.append(Row(f"{name}, CPU of the cluster, each", cost[name], "ms", NOOP, cost[name] / cost[NOOP]))
        rows.append(Row(f"{name}, asked", float(len(waits[name])), "requests"))
    for name, count in refused.items():
        rows.append(Row(f"of them refused, {name}", float(count), "requests", aim="none", met=not count))
    return rows


def _time_rows(waits: Mapping[str, NDArray[np.float64]], name: str, how: str) -> Iterator[Row]:
    for percent in (50, 99):
        bare, ms = (1_000 * float(np.percentile(waits[each], percent)) for each in (NOOP, name))
        told = f"{name} over HTTP {how}, p{percent}"
        if name == NOOP:
            yield Row(told, ms, "ms")
        elif percent == 99:
            yield Row(told, ms, "ms", NOOP, ms / bare, f"at most {P99_MS_MAX:g} ms", ms <= P99_MS_MAX)
        else:
            yield Row(told, ms, "ms", NOOP, ms / bare)


def _raw(path: str) -> URL:
    """A path that is encoded already."""
    return URL(path, encoded=True)


async def _json(answer: Any) -> dict[str, Any]:
    async with answer:
        if answer.status >= 400:
            raise SystemExit(f"{answer.url}: {answer.status} {(await answer.text())[:500]}")
        found: dict[str, Any] = await answer.json()
        return found


def _cpu_s(pid: int) -> float:
    return sum(cpu_s_by_command(pid).values())


def serve(folder: Path) -> int:
    """A platform with a no-op beside it, until standard input ends."""
    from ray import serve as ray_serve  # noqa: PLC0415 (only the process that serves loads it)

    from benchmarks.chain_http import free_port  # noqa: PLC0415
    from benchmarks.noop_ingress import noop_application  # noqa: PLC0415
    from domain.tenancy import TenantId  # noqa: PLC0415
    from serve.auth.tokens import FILE_NAME, ensure_token  # noqa: PLC0415
    from serve.cluster import start_cluster  # noqa: PLC0415
    from serve.settings import Settings  # noqa: PLC0415

    settings = Settings(
        store_dir=folder / "store", port=free_port(), shards=1, simulations=1, allowed_roots=(folder,),
        prediction_hour=24,
    )  # fmt: skip
    cluster = start_cluster(settings)
    try:
        ray_serve.run(noop_application(), name="noop", route_prefix="/noop")
        token = ensure_token(settings.store_dir / FILE_NAME, TenantId(settings.tenant))
        sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{settings.port}", "token": token}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        cluster.stop()
    return 0


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1])))
