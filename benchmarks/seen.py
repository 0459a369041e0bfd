"""How soon a published change is heard of on a WebSocket of another replica, on a running platform.

    python -m benchmarks.seen [--rate 500] [--seconds 12] [--resources 20000] [--mode default|haproxy]

The platform has two HTTP replicas and one shard, with its embedded store and stream. Every resource is approved as it
is; then changes are published over HTTP in two ways, one after the other in the same cluster:

- *batches*, as connectors publish: 50 changes a request, in an open loop, which does not slow down where the platform
  does;
- *singles*: one change a request, from 64 clients of which each waits for its answer, at that rate at most. What Serve
  itself takes of such requests, without anything being done, stands beside it.

Each change is a drift, and so an event of `/ws/drift-stream`, to which both replicas have listeners. The time of a
change is from the answer that acknowledges it to the *last* listener's hearing of it: one of them is on another replica
than took it in. Beside it stand, of the same cluster and run, an empty call of the shard and an ingress that does
nothing but send messages of that size at that rate. `haproxy` runs Serve as in production, behind HAProxy.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import aiohttp
import numpy as np
import ray
from ray import serve as ray_serve

from actors.placement import shard_router
from actors.shards.roster_file import RosterFile
from actors.tenant_shard import TenantShard
from benchmarks.noop_ingress import noop_application
from benchmarks.process_tree import cpu_s_by_command
from benchmarks.queues import STATE, fill, message, queue
from benchmarks.report import Row, publish
from benchmarks.serve_modes import MODES
from connectors.baseline.parts import baseline
from connectors.baseline.snapshot import read
from domain.clock import parse_instant
from domain.drift import BaselineSource
from domain.resource import ConfigurationItem
from domain.tenancy import TenantId
from serve.auth.tokens import FILE_NAME, ensure_token
from serve.cluster import APPLICATION, RunningCluster, start_cluster
from serve.settings import Settings

PER_BATCH = 50
CLIENTS = 64
REPLICAS = 2
LISTENERS_MAX = 16
PINGS = 300
COSTS_SHOWN = 5
PATIENCE_S = 120.0
HEARD_MS_AIM = 500.0

Change = tuple[str, int]
"""A resource's id and its new state."""


@dataclass
class Listeners:
    """When each listener heard of each change, and when the shard had found what it is."""

    heard_s: list[dict[Change, float]] = field(default_factory=list)
    found_s: dict[Change, float] = field(default_factory=dict)

    async def listen(self, line: aiohttp.ClientWebSocketResponse) -> None:
        """Take in what one of them is sent."""
        mine: dict[Change, float] = {}
        self.heard_s.append(mine)
        async for answer in line:
            at_s = time.time()
            for event in answer.json().get("events", ()):
                drift = event["drift"]
                state = next((each["actual"] for each in drift["attributes"] if each["path"] == STATE), None)
                change = drift["resource_id"], int(state or 0)
                mine.setdefault(change, at_s)
                self.found_s.setdefault(change, parse_instant(event["at"]).timestamp())

    def have_all(self, changes: int) -> bool:
        """Whether every listener heard of so many."""
        return all(len(mine) >= changes for mine in self.heard_s)

    def last_s(self, change: Change) -> float:
        """When the last of them heard of a change."""
        return max(mine.get(change, float("inf")) for mine in self.heard_s)


@dataclass
class Published:
    """What was acknowledged in one of the ways, and when."""

    way: str
    acknowledged_s: dict[Change, float] = field(default_factory=dict)
    late_s: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cost: Mapping[str, float] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="How soon a change is heard of on a WebSocket of another replica.")
    parser.add_argument("--rate", type=int, default=500, help="changes a second")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each way")
    parser.add_argument("--resources", type=int, default=20_000)
    parser.add_argument("--mode", choices=sorted(MODES), default="default", help="how Serve takes requests in")
    options = parser.parse_args(arguments)
    os.environ.update(MODES[options.mode])
    with tempfile.TemporaryDirectory() as folder:
        rows = _measured(Path(folder) / "store", options)
    publish("seen", rows)
    return 0 if all(row.met is not False for row in rows) else 1


def _measured(store: Path, options: argparse.Namespace) -> list[Row]:
    settings = Settings(store_dir=store, port=_free_port(), shards=1, simulations=1, http_replicas=REPLICAS)
    tenant = TenantId(settings.tenant)
    with ProcessPoolExecutor(1) as apart:
        apart.submit(fill, store, tenant, options.resources).result()
    cluster = start_cluster(settings)
    try:
        _approve(cluster, tenant, options.resources)
        ray_serve.run(noop_application(), name="noop", route_prefix="/noop")
        rows = asyncio.run(_load(settings, tenant, options))
        return [*rows, *_empty_calls(store, tenant)]
    finally:
        cluster.stop()


def _approve(cluster: RunningCluster, tenant: TenantId, resources: int) -> None:
    items = [queue(tenant, number, 0) for number in range(resources)]
    approved = baseline("approved", BaselineSource.SNAPSHOT, read(items))
    cluster.platform.drift.declare(tenant, [approved], datetime.now(UTC))
    cluster.platform.graph_status(tenant)


async def _load(settings: Settings, tenant: TenantId, options: argparse.Namespace) -> list[Row]:
    token = ensure_token(settings.store_dir / FILE_NAME, tenant)
    url, headers = f"http://127.0.0.1:{settings.port}", {"Authorization": f"Bearer {token}"}
    listeners = Listeners()
    async with aiohttp.ClientSession(url, headers=headers) as session, asyncio.TaskGroup() as tasks:
        lines = await _lines_on_every_replica(session)
        listening = [tasks.create_task(listeners.listen(line)) for line in lines]
        ways = []
        for publishing in (_publish_batches, _publish_singles):
            spent = cpu_s_by_command(os.getpid())
            published = await publishing(session, tenant, options)
            ways.append(published)
            await _wait_until_heard(listeners, sum(len(way.acknowledged_s) for way in ways))
            published.cost = _since(spent)
        for task in listening:
            task.cancel()
    async with aiohttp.ClientSession(url, headers=headers) as session:
        bare_ms = await _ticks(session, options)
        empty = await _empty_posts(session, options)
    rows = [row for published in ways for row in _rows(listeners, published, options)]
    return [*rows, *_bare_rows(bare_ms), Row("limit: requests that nothing is done for", empty, "a second")]


async def _lines_on_every_replica(session: aiohttp.ClientSession) -> list[aiohttp.ClientWebSocketResponse]:
    """Listeners, at least one on each replica: a replica has as many requests going on as it has listeners."""
    lines: list[aiohttp.ClientWebSocketResponse] = []
    while len(lines) < LISTENERS_MAX:
        line = await session.ws_connect("/ws/drift-stream", max_msg_size=0)
        ready = await line.receive_json()
        assert ready["type"] == "ready", ready
        lines.append(line)
        going_on = await asyncio.to_thread(_going_on)
        if len(going_on) == REPLICAS and all(going_on):
            sys.stderr.write(f"listeners of each replica: {going_on}\n")
            return lines
    raise RuntimeError(f"{LISTENERS_MAX} listeners and still none on one of the replicas")


def _going_on() -> list[int]:
    """Requests that each replica of the platform is answering."""
    named = ray.util.list_named_actors(all_namespaces=True)
    replicas = [each for each in named if each["name"].startswith(f"SERVE_REPLICA::{APPLICATION}#")]
    actors = [ray.get_actor(each["name"], each["namespace"]) for each in replicas]
    found: list[int] = ray.get([actor.get_num_ongoing_requests.remote() for actor in actors])
    return found


async def _publish_batches(session: aiohttp.ClientSession, tenant: TenantId, options: argparse.Namespace) -> Published:
    """Publish each batch at its time, whatever became of those before it."""
    found = Published("batches")
    begun = time.time()
    async with asyncio.TaskGroup() as tasks:
        for number in range(int(options.rate * options.seconds) // PER_BATCH):
            due = begun + number * PER_BATCH / options.rate
            await asyncio.sleep(max(0.0, due - time.time()))
            found.late_s.append(time.time() - due)
            items = [_state_of(tenant, number * PER_BATCH + at, options.resources, 1) for at in range(PER_BATCH)]
            tasks.create_task(_publish_items(session, found, items))
    found.seconds = time.time() - begun
    return found


async def _publish_singles(session: aiohttp.ClientSession, tenant: TenantId, options: argparse.Namespace) -> Published:
    """Publish each change by itself, as many at once as there are clients, none before its time."""
    found = Published("singles")
    begun = time.time()
    round_after_batches = 2 + int(options.rate * options.seconds) // options.resources
    numbers = iter(range(int(options.rate * options.seconds)))

    async def client() -> None:
        for number in numbers:
            wait_s = begun + number / options.rate - time.time()
            await asyncio.sleep(max(0.0, wait_s))
            found.late_s.append(max(0.0, -wait_s))
            if time.time() - begun > options.seconds:
                return
            await _publish_items(session, found, [_state_of(tenant, number, options.resources, round_after_batches)])

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CLIENTS):
            tasks.create_task(client())
    found.seconds = time.time() - begun
    return found


def _state_of(tenant: TenantId, number: int, resources: int, first_round: int) -> ConfigurationItem:
    """A resource in a state that it has not had before: each round changes every resource once."""
    return queue(tenant, number % resources, first_round + number // resources)


async def _publish_items(session: aiohttp.ClientSession, found: Published, items: Sequence[ConfigurationItem]) -> None:
    name = f"{found.way}-{items[0].uid}-{items[0].properties[STATE]}"
    async with session.post("/api/v2/changes", data=message(name, items, datetime.now(UTC))) as answer:
        content = await answer.json()
        if answer.status != 200 or content["events"] != len(items):
            raise RuntimeError(f"{answer.status}: {content}")
    acknowledged = time.time()
    found.acknowledged_s.update({(item.uid, int(str(item.properties[STATE]))): acknowledged for item in items})


async def _empty_posts(session: aiohttp.ClientSession, options: argparse.Namespace) -> float:
    """Requests a second that an ingress takes which does nothing with them."""
    begun, count = time.time(), 0

    async def client() -> None:
        nonlocal count
        while time.time() - begun < options.seconds / 2:
            async with session.post("/noop/", data=b"x" * 400) as answer:
                await answer.read()
            count += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CLIENTS):
            tasks.create_task(client())
    return count / (time.time() - begun)


async def _wait_until_heard(listeners: Listeners, changes: int) -> None:
    end = time.time() + PATIENCE_S
    while not listeners.have_all(changes):
        if time.time() > end:
            heard = [len(mine) for mine in listeners.heard_s]
            raise RuntimeError(f"of {changes} changes the listeners heard of {heard}")
        await asyncio.sleep(0.1)


async def _ticks(session: aiohttp.ClientSession, options: argparse.Namespace) -> list[float]:
    """Milliseconds that messages took which nobody had to make."""
    query = {"rate": options.rate, "count": options.rate * 5}
    async with session.ws_connect("/noop/ticks", params=query) as line:
        return [1e3 * (time.time() - float(message.json()["sent_s"])) async for message in line]


def _empty_calls(store: Path, tenant: TenantId) -> Iterator[Row]:
    shard = shard_router(RosterFile(store)).of(tenant)
    took_ms = []
    for _ in range(PINGS):
        begun = time.time()
        shard.call(TenantShard.ping)
        took_ms.append(1e3 * (time.time() - begun))
    yield Row("limit: an empty call of the shard, median", float(np.median(took_ms)), "ms")


def _rows(listeners: Listeners, published: Published, options: argparse.Namespace) -> Iterator[Row]:
    way, changes, cost = published.way, published.acknowledged_s, published.cost
    reached = len(changes) / published.seconds
    took_ms = 1e3 * np.array([listeners.last_s(change) - at for change, at in changes.items()])
    found_ms = 1e3 * np.array([listeners.found_s[change] - at for change, at in changes.items()])
    p50, p99, worst = (float(np.percentile(took_ms, share)) for share in (50, 99, 100))
    found_p50, found_p99 = (float(np.percentile(found_ms, share)) for share in (50, 99))
    name, met = f"{way}: heard of on another replica after the acknowledgement", p99 <= HEARD_MS_AIM
    yield Row(
        f"{way}: changes published", reached, "a second", aim=f">= {options.rate}", met=reached >= 0.98 * options.rate
    )
    yield Row(f"{way}: publisher behind its time, at most", 1e3 * max(published.late_s), "ms")
    yield Row(f"{name}, median", p50, "ms")
    yield Row(f"{name}, p99", p99, "ms", aim=f"<= {HEARD_MS_AIM:.0f}", met=met)
    yield Row(f"{name}, last", worst, "ms")
    yield Row(f"{way}: of it until the shard compares it, median", found_p50, "ms")
    yield Row(f"{way}: of it until the shard compares it, p99", found_p99, "ms")
    yield Row(f"{way}: processor time of the platform", 1e3 * sum(cost.values()) / len(changes), "ms/change")
    for command, seconds in sorted(cost.items(), key=lambda each: -each[1])[:COSTS_SHOWN]:
        yield Row(f"{way}: of it {command}", 1e3 * seconds / len(changes), "ms/change")


def _bare_rows(bare_ms: Sequence[float]) -> Iterator[Row]:
    p50, p99 = (float(np.percentile(bare_ms, share)) for share in (50, 99))
    yield Row("limit: a message of a no-op WebSocket, median", p50, "ms")
    yield Row("limit: a message of a no-op WebSocket, p99", p99, "ms")


def _since(before: Mapping[str, float]) -> dict[str, float]:
    return {name: spent - before.get(name, 0.0) for name, spent in cpu_s_by_command(os.getpid()).items()}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast("int", probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
