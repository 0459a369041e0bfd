"""A Ray cluster of several nodes on this machine with the platform's shards on it, and callers that never rest."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Final, Protocol
from uuid import uuid4

import pytest
import ray
from ray.cluster_utils import Cluster

from actors.folders import Folders
from actors.placement import NAMESPACE, SUPERVISOR_NAME, ShardOpening, shard_router, supervisor_handle
from actors.shards.beat import FleetState
from actors.shards.config import ShardConfig
from actors.shards.roster_file import RosterFile
from actors.shards.supervisor import ShardSupervisor
from actors.tenant_shard import OpenStore, TenantShard
from connectors.stream.contract import ChangeStream
from domain.change import ChangeBatch, ChangeEvent
from domain.errors import NotFound, PolicyCortexError
from domain.tenancy import TenantId
from serve.stream_place import StreamPlace
from tests.servers.ports import free_port
from tests.unit.connectors.stream.changes import item

MEBIBYTE: Final = 1024 * 1024
NODE: Final[dict[str, Any]] = {"num_cpus": 2, "object_store_memory": 80 * MEBIBYTE}
STARTS_MAX: Final = 5
TENANTS: Final = tuple(TenantId(f"tenant-{number}") for number in range(6))
NAMES: Final = ("orders", "letters", "stock")
READS: Final = 30
RESUME_S: Final = 30.0
RESUME_STARTS: Final = 1.5
"""How long reads may stay away: so many seconds, or so many times what the platform's start took where that is longer
because the machine is busy."""
PATIENCE_S: Final = 120.0
SHARDS_MAX: Final = 4


@contextmanager
def ray_cluster(nodes: int, *, has_dashboard: bool = False) -> Iterator[Cluster]:
    """A head and further nodes. A dashboard is ten processes more."""
    cluster = Cluster()
    with pytest.MonkeyPatch.context() as patched:
        try:
            _patiently(lambda: _add_head(cluster, patched, has_dashboard=has_dashboard))
            for _ in range(nodes):
                add_node(cluster)
            ray.init(address=cluster.address, namespace=NAMESPACE, log_to_driver=False)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()  # type: ignore[no-untyped-call]


def add_node(cluster: Cluster) -> None:
    """Add a node to a cluster."""
    _patiently(lambda: cluster.add_node(**NODE))


def _add_head(cluster: Cluster, patched: pytest.MonkeyPatch, *, has_dashboard: bool) -> None:
    patched.setenv("RAY_external_storage_namespace", uuid4().hex)  # what a former attempt left is not of this one
    ports: dict[str, Any] = {"gcs_server_port": free_port(), "dashboard_port": free_port()}
    cluster.add_node(**NODE, **ports, include_dashboard=has_dashboard)


def _patiently(start: Callable[[], object]) -> None:
    """Start a node; again where a busy machine took longer than the 15 s that Ray waits for a node's agents."""
    for _ in range(STARTS_MAX - 1):
        try:
            start()
        except Exception:  # noqa: BLE001 (Ray raises the bare class)
            time.sleep(1.0)
        else:
            return
    start()


@dataclass
class Fleet:
    """The shards of one platform."""

    folder: Path
    cluster: Cluster
    open_store: OpenStore
    streams: StreamPlace
    shards: int = 2
    whole_bytes: int = 0

    def __post_init__(self) -> None:
        folders = Folders(self.folder)
        for tenant in TENANTS:
            folders.graph(tenant).mkdir(parents=True, exist_ok=True)
        opening = ShardOpening(
            folders,
            self.open_store,
            self.streams.open_changes,
            self.streams.open_feed,
            ShardConfig(idle_s=600.0, is_following=True, shows_ahead=True, whole_bytes=self.whole_bytes),
        )
        begun = time.monotonic()
        self.supervisor = supervisor_handle(opening, self.shards)
        self.router = shard_router(RosterFile(self.folder))
        self.stream: ChangeStream = self.streams.open_changes()
        for tenant in TENANTS:
            self.ask(tenant, TenantShard.graph_status)
        self.resume_s = max(RESUME_S, RESUME_STARTS * (time.monotonic() - begun))

    def ask(self, tenant: TenantId, method: Callable[..., Any], *arguments: str) -> Any:
        """Ask a tenant's shard until there is an answer."""
        return self.insist(partial(self.router.of(tenant).call, method, tenant, *arguments))

    def insist(self, ask: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
        """Ask until there is an answer, as a caller does that is told to come back."""
        end = time.monotonic() + within_s
        while True:
            try:
                return ask()
            except PolicyCortexError:
                if time.monotonic() >= end:
                    raise
                time.sleep(0.2)

    def resize(self, shards: int) -> FleetState:
        """Ask for so many shards."""
        return self.supervisor.call(ShardSupervisor.resize, shards)

    def wait_for_shards(self, shards: int) -> None:
        """Wait until tenants are placed on so many shards."""
        end, place = time.monotonic() + PATIENCE_S, RosterFile(self.folder)
        while (roster := place.current()) is None or len(roster.shards) != shards:
            assert time.monotonic() < end, f"there are not {shards} shards"
            time.sleep(0.2)

    def busiest(self) -> str:
        """The shard that owns most tenants."""
        return Counter(self.router.owner(tenant) for tenant in TENANTS).most_common(1)[0][0]

    def process_of(self, shard: str) -> int:
        """The process of a shard."""
        return int(self._state(shard)["Pid"])

    def node_of(self, shard: str) -> Any:
        """The node of a shard, as the cluster knows it."""
        wanted = self._state(shard)["Address"]["NodeID"]
        nodes = [self.cluster.head_node, *self.cluster.worker_nodes]
        return next(node for node in nodes if node.node_id == wanted)

    def node_beside_head(self) -> Any:
        """A node with a shard that is not the head. Where Ray put all shards on the head, they are started again."""
        for _ in range(STARTS_MAX):
            nodes = [self.node_of(name) for name in self.router.all()]
            beside = [node for node in nodes if node is not self.cluster.head_node]
            if beside:
                return beside[0]
            for name in self.router.all():
                self._start_again(name)
        raise AssertionError("all shards stay on the head")

    def _start_again(self, shard: str) -> None:
        former, end = self.process_of(shard), time.monotonic() + PATIENCE_S
        kill_process(former)
        while self.process_of(shard) in {0, former}:
            assert time.monotonic() < end, f"{shard} does not start again"
            time.sleep(0.2)
        for tenant in TENANTS:
            self.ask(tenant, TenantShard.graph_status)

    def end(self) -> None:
        """Take every actor of the platform away, the supervisor first: it would start shards again."""
        for names in ((SUPERVISOR_NAME,), tuple(f"shard-{number}" for number in range(SHARDS_MAX))):
            for name in names:
                with suppress(ValueError):
                    ray.kill(ray.get_actor(name, NAMESPACE))
            self._wait_until_gone(names)
        self.stream.close()

    def _wait_until_gone(self, names: Sequence[str]) -> None:
        end, left = time.monotonic() + PATIENCE_S, list(names)
        while left and time.monotonic() < end:
            left = [name for name in left if _is_there(name)]
            time.sleep(0.1)
        assert not left, f"{left} do not end"

    def _state(self, shard: str) -> Any:
        actor = ray.get_actor(shard, NAMESPACE)._actor_id.hex()
        return ray._private.state.actors(actor)


class Outage(Protocol):
    """A server that a drill takes away."""

    def kill(self) -> None: ...

    def start(self) -> None: ...


@dataclass
class Load:
    """Callers that publish and read without a pause, and remember what they were promised and what they saw.

    Args:
        name: goes into the ids of its resources and batches, so that several on one fleet keep apart.
        acknowledged: by tenant and resource, every acknowledged number, oldest first.
        gaps_s: for each tenant, the longest time without an answered read.
    """

    fleet: Fleet
    name: str = field(default_factory=lambda: uuid4().hex[:8])
    acknowledged: dict[tuple[TenantId, str], list[int]] = field(default_factory=dict)
    gaps_s: dict[TenantId, float] = field(default_factory=lambda: dict.fromkeys(TENANTS, 0.0))
    reads: int = 0
    wrong: list[str] = field(default_factory=list)
    _stopping: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def running(self) -> Iterator[Load]:
        """While it runs."""
        threads = [Thread(target=self._publish, daemon=True)]
        threads += [Thread(target=self._read, args=(TENANTS[number::2],), daemon=True) for number in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join(PATIENCE_S)

    def wait_for_reads(self, count: int) -> None:
        """Let it run until so many more reads were answered."""
        wanted, end = self.reads + count, time.monotonic() + PATIENCE_S
        while self.reads < wanted:
            assert time.monotonic() < end, f"{wanted - self.reads} reads of {count} are not answered"
            time.sleep(0.05)

    def _publish(self) -> None:
        number = 0
        while not self._stopping.is_set():
            number += 1
            tenant, name = TENANTS[number % len(TENANTS)], NAMES[number % len(NAMES)]
            made = item(f"{tenant}-{self.name}-{name}", tenant=tenant, Number=number)
            now = datetime.now(UTC)
            event = ChangeEvent(made.uid, now, made)
            batch = ChangeBatch(tenant, f"{self.name}-{number}", "drill", now, (event,))
            while not self._stopping.is_set():
                try:
                    self.fleet.stream.publish(batch)
                    self.fleet.stream.publish(batch)  # as a publisher does that did not hear the answer
                except PolicyCortexError:
                    time.sleep(0.2)
                    continue
                self.acknowledged.setdefault((tenant, made.uid), []).append(number)
                break
            time.sleep(0.02)

    def _read(self, tenants: Sequence[TenantId]) -> None:
        answered = dict.fromkeys(tenants, time.monotonic())
        while not self._stopping.is_set():
            for tenant in tenants:
                if self._is_answered(tenant):
                    now = time.monotonic()
                    with self._lock:
                        self.reads += 1
                        self.gaps_s[tenant] = max(self.gaps_s[tenant], now - answered[tenant])
                    answered[tenant] = now
            time.sleep(0.02)
        for tenant in tenants:
            self.gaps_s[tenant] = max(self.gaps_s[tenant], time.monotonic() - answered[tenant])

    def _is_answered(self, tenant: TenantId) -> bool:
        uid = item(f"{tenant}-{self.name}-orders", tenant=tenant).uid
        other = next(each for each in TENANTS if each != tenant)
        handle = self.fleet.router.of(tenant).within(5.0)
        try:
            row = handle.call(TenantShard.resource, tenant, uid)
            if row["resource_id"] != uid:
                self.wrong.append(f"{tenant} got {row['resource_id']}")
            with suppress(NotFound):
                seen = handle.call(TenantShard.resource, tenant, item(f"{other}-{self.name}-orders", tenant=other).uid)
                self.wrong.append(f"{tenant} saw {seen['resource_id']}")
        except NotFound:
            return True
        except PolicyCortexError:
            return False
        return True

    def run_through_outage(self, server: Outage) -> None:
        """Run while a server is killed and, later, started again."""
        with self.running():
            self.wait_for_reads(READS)
            server.kill()
            self.wait_for_reads(READS)
            server.start()
            self.wait_for_reads(READS)

    def check(self) -> None:
        """Hold the platform to what was acknowledged, and to answering again in time."""
        self.check_changes()
        assert max(self.gaps_s.values()) <= self.fleet.resume_s

    def check_changes(self) -> None:
        """Hold the platform to what was acknowledged, once nothing waits any more."""
        assert self.wrong == []
        assert self.acknowledged
        end = time.monotonic() + PATIENCE_S
        for tenant in TENANTS:
            while self.fleet.ask(tenant, TenantShard.graph_status)["changes_waiting"]:
                assert time.monotonic() < end, f"changes of {tenant} still wait"
                time.sleep(0.2)
        for (tenant, uid), numbers in self.acknowledged.items():
            row = self.fleet.ask(tenant, TenantShard.resource, uid)
            assert row["properties"]["Number"] == numbers[-1], f"{uid} lost its last acknowledged change"
            history = self.fleet.ask(tenant, TenantShard.resource_history, uid)
            expected = [item(uid.rpartition(":")[2], tenant=tenant, Number=number).digest for number in numbers]
            assert [version["digest"] for version in history] == expected, f"{uid} lost or doubled a change"


def _is_there(name: str) -> bool:
    try:
        ray.get_actor(name, NAMESPACE)
    except ValueError:
        return False
    return True


def stop_process(pid: int) -> None:
    """Let a process hang."""
    os.kill(pid, signal.SIGSTOP)


def kill_process(pid: int) -> None:
    """End a process at once."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
