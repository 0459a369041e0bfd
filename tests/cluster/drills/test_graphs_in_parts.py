"""Failure drills with every graph in parts on two shards: as with whole graphs, nothing acknowledged is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from ray.cluster_utils import Cluster

from actors.tenant_shard import TenantShard
from domain.change import ChangeBatch, ChangeEvent
from domain.resource import ConfigurationItem
from domain.tenancy import TenantId
from domain.value import Json
from graph.stores.duckdb import DuckDbStore
from serve.stream_place import StreamPlace
from tests.cluster.drills.fleet import PATIENCE_S, READS, TENANTS, Fleet, Load, kill_process
from tests.unit.connectors.stream.changes import item

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]

QUEUES = 20
WHOLE_BYTES = 15_000
"""More than the names of every graph take, and less than what they take with their edges."""


@pytest.fixture
def parted_fleet(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("parted")
    found = Fleet(folder, cluster, DuckDbStore, StreamPlace(folder / "streams"), whole_bytes=WHOLE_BYTES)
    yield found
    found.end()


def queue(tenant: TenantId, number: int) -> ConfigurationItem:
    """A queue, in one of four accounts, that names all others."""
    others: list[Json] = [item(f"q{other}", tenant=tenant).uid for other in range(QUEUES) if other != number]
    return replace(item(f"q{number}", tenant=tenant, Targets=others), scope=f"/accounts/{number % 4}")


def estate_of(tenant: TenantId) -> ChangeBatch:
    """All queues of a tenant, as they come from a provider."""
    now = datetime.now(UTC)
    events = tuple(ChangeEvent(made.uid, now, made) for made in (queue(tenant, number) for number in range(QUEUES)))
    return ChangeBatch(tenant, f"estate-{tenant}", "drill", now, events)


def wait_for_parts(fleet: Fleet, tenant: TenantId) -> None:
    """Wait until a tenant's graph is in parts on both shards."""
    end = time.monotonic() + PATIENCE_S
    while len({part["shard"] for part in fleet.ask(tenant, TenantShard.graph_status)["parts"]}) < 2:
        assert time.monotonic() < end, f"the graph of {tenant} is not in parts"
        time.sleep(0.2)


def test_a_killed_shard_takes_no_change_of_a_graph_in_parts_with_it(parted_fleet: Fleet) -> None:
    fleet = parted_fleet
    for tenant in TENANTS:
        fleet.stream.publish(estate_of(tenant))
    for tenant in TENANTS:
        wait_for_parts(fleet, tenant)
    with Load(fleet).running() as load:
        load.wait_for_reads(READS)
        kill_process(fleet.process_of(fleet.busiest()))
        load.wait_for_reads(3 * READS)
    load.check()
    for tenant in TENANTS:
        wait_for_parts(fleet, tenant)
        for number in range(QUEUES):
            row = fleet.ask(tenant, TenantShard.resource, queue(tenant, number).uid)
            others = {queue(tenant, other).uid for other in range(QUEUES)} - {row["resource_id"]}
            assert {each["resource_id"] for each in row["depends_on"]} == others
            assert {each["resource_id"] for each in row["needed_by"]} == others
