"""Failure drills with every graph in parts on two shards: as with whole graphs, nothing acknowledged is lost.

What asks for much of a graph (failures, dependencies, the drawing) is answered as of the same graph held whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from ray.cluster_utils import Cluster

from actors.impact_desk import ImpactDesk, Question
from actors.tenant_shard import TenantShard
from assessment.blast import Blast, Score
from assessment.deletion import Removal
from assessment.dependencies import Dependencies
from assessment.drawing import View
from domain.change import ChangeBatch, ChangeEvent
from domain.resource import ConfigurationItem, resource_key
from domain.tenancy import TenantId
from domain.value import Json
from graph.build import build_snapshot
from graph.stores.duckdb import DuckDbStore
from graph.whole import WholeGraph
from serve.stream_place import StreamPlace
from tests.cluster.drills.fleet import PATIENCE_S, READS, TENANTS, Fleet, Load, kill_process
from tests.unit.connectors.stream.changes import item

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]

QUEUES = 20
NOW = datetime(2026, 3, 1, tzinfo=UTC)
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


def changed_by(load: Load, tenant: TenantId) -> list[ConfigurationItem]:
    """The resources that callers changed, as they were changed last."""
    return [
        item(uid.rpartition(":")[2], tenant=tenant, Number=numbers[-1])
        for (owner, uid), numbers in load.acknowledged.items()
        if owner == tenant
    ]


def questions(tenant: TenantId) -> tuple[Question, ...]:
    """What asks for more than single resources."""
    uid = queue(tenant, 3).uid
    return (Blast(uid), Score(uid), Dependencies(uid, depth=4), Removal((uid,)), View(), View(around=uid, depth=1))


def require_as_whole(fleet: Fleet, tenant: TenantId, others: Sequence[ConfigurationItem] = ()) -> None:
    """What is told of the parts is what a whole graph of the same resources tells."""
    items = {resource_key(each.uid): each for each in (*(queue(tenant, number) for number in range(QUEUES)), *others)}
    whole = WholeGraph(build_snapshot(tenant, items.values(), as_of=NOW, paths_by_type={}))
    desk = ImpactDesk(lambda: whole, lambda asked: [items[resource_key(uid)] for uid in asked], lambda: ())
    for question in questions(tenant):
        ask = partial(fleet.router.of(tenant).call, TenantShard.impact, tenant, question, as_of=NOW)
        assert fleet.insist(ask) == desk.answer(question, as_of=NOW), question


def test_a_killed_shard_takes_no_change_of_a_graph_in_parts_with_it(parted_fleet: Fleet) -> None:
    fleet = parted_fleet
    for tenant in TENANTS:
        fleet.stream.publish(estate_of(tenant))
    for tenant in TENANTS:
        wait_for_parts(fleet, tenant)
        require_as_whole(fleet, tenant)
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
        require_as_whole(fleet, tenant, changed_by(load, tenant))
