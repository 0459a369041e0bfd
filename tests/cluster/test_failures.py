"""Failure drills on a Ray cluster of several nodes, under load: what fails comes back, and what was promised holds.

Each drill publishes and reads without a pause, breaks one thing, and then asks for every change that was acknowledged:
none is lost, none stands twice, reads were answered again in time, and nobody saw another tenant's resources.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from graph.stores.duckdb import DuckDbStore
from serve.stream_place import StreamPlace
from tests.cluster.fleet import RESUME_S, Fleet, Load, kill_process, ray_cluster, stop_process
from tests.servers.redis import redis_server

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]

READS = 30


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_AUTH_MODE", "disabled")
        patched.setenv("RAY_health_check_initial_delay_ms", "0")
        with ray_cluster(2) as found:
            yield found


@pytest.fixture
def fleet(tmp_path: Path, cluster: Cluster) -> Iterator[Fleet]:
    found = Fleet(tmp_path, cluster, DuckDbStore, StreamPlace(tmp_path / "streams"))
    yield found
    found.end()


def resumed(load: Load) -> None:
    load.check()
    assert max(load.gaps_s.values()) <= RESUME_S


def test_a_killed_shard_comes_back(fleet: Fleet) -> None:
    with Load(fleet).running() as load:
        load.wait_for_reads(READS)
        kill_process(fleet.process_of(fleet.busiest()))
        load.wait_for_reads(3 * READS)
    resumed(load)


def test_the_tenants_of_a_shard_that_hangs_go_to_another(fleet: Fleet) -> None:
    hanging = fleet.busiest()
    pid = fleet.process_of(hanging)
    with Load(fleet).running() as load:
        load.wait_for_reads(READS)
        stop_process(pid)
        load.wait_for_reads(3 * READS)
    kill_process(pid)
    resumed(load)


def test_shards_that_join_and_leave_move_tenants_without_loss(fleet: Fleet) -> None:
    with Load(fleet).running() as load:
        load.wait_for_reads(READS)
        for count in (3, 1, 2):
            fleet.insist(partial(fleet.resize, count))
            fleet.wait_for_shards(count)
            load.wait_for_reads(READS)
    resumed(load)


def test_the_shards_of_a_lost_node_go_on_elsewhere(fleet: Fleet, cluster: Cluster) -> None:
    node = fleet.node_of(fleet.busiest())
    if node is cluster.head_node:
        node = next(fleet.node_of(name) for name in fleet.router.all() if fleet.node_of(name) is not cluster.head_node)
    with Load(fleet).running() as load:
        load.wait_for_reads(READS)
        cluster.remove_node(node, allow_graceful=False)
        load.wait_for_reads(3 * READS)
    cluster.add_node(num_cpus=2, object_store_memory=80 * 1024 * 1024)
    resumed(load)


def test_changes_wait_for_redis_and_are_there_once(tmp_path: Path, cluster: Cluster) -> None:
    with redis_server(tmp_path / "redis") as server:
        fleet = Fleet(tmp_path, cluster, DuckDbStore, StreamPlace(tmp_path / "streams", server.url))
        try:
            with Load(fleet).running() as load:
                load.wait_for_reads(READS)
                server.kill()
                load.wait_for_reads(READS)
                server.start()
                load.wait_for_reads(READS)
            resumed(load)
        finally:
            fleet.end()
