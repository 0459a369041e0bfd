"""Failure drills on a Ray cluster of several nodes, under load: what fails comes back, and what was promised holds.

Each drill publishes and reads without a pause, breaks one thing, and then asks for every change that was acknowledged:
none is lost, none stands twice, reads were answered again in time, and nobody saw another tenant's resources.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from ray.cluster_utils import Cluster

from tests.cluster.drills.fleet import READS, Fleet, Load, add_node, kill_process, stop_process
from tests.servers.redis import require_program

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_killed_shard_comes_back(fleet: Fleet) -> None:
    with Load(fleet).running() as load:
        load.wait_for_reads(READS)
        kill_process(fleet.process_of(fleet.busiest()))
        load.wait_for_reads(3 * READS)
    load.check()


def test_the_tenants_of_a_shard_that_hangs_go_to_another(fleet: Fleet) -> None:
    hanging = fleet.busiest()
    pid = fleet.process_of(hanging)
    with Load(fleet).running() as load:
        load.wait_for_reads(READS)
        stop_process(pid)
        load.wait_for_reads(3 * READS)
    kill_process(pid)
    load.check()


def test_shards_that_join_and_leave_move_tenants_without_loss(fleet: Fleet) -> None:
    with Load(fleet).running() as load:
        load.wait_for_reads(READS)
        for count in (3, 1, 2):
            fleet.insist(partial(fleet.resize, count))
            fleet.wait_for_shards(count)
            load.wait_for_reads(READS)
    load.check()


def test_the_shards_of_a_lost_node_go_on_elsewhere(fleet: Fleet, cluster: Cluster) -> None:
    lost = fleet.node_beside_head()
    with Load(fleet).running() as load:
        load.wait_for_reads(READS)
        cluster.remove_node(lost, allow_graceful=False)
        load.wait_for_reads(3 * READS)
    add_node(cluster)
    load.check()


def test_the_head_service_comes_back_with_what_it_knew(fleet: Fleet, cluster: Cluster) -> None:
    """The process that holds the cluster's tables ends; its tables are in Redis, and another one reads them."""
    require_program()
    head: Any = cluster.head_node
    shards = {name: fleet.process_of(name) for name in fleet.router.all()}
    with Load(fleet).running() as load:
        load.wait_for_reads(READS)
        head.kill_gcs_server()
        load.wait_for_reads(READS)
        head.start_gcs_server()
        load.wait_for_reads(READS)
        assert {name: fleet.insist(partial(fleet.process_of, name)) for name in shards} == shards
        kill_process(shards[fleet.busiest()])
        load.wait_for_reads(READS)
    load.check()
