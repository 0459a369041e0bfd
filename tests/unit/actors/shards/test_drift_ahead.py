"""Drift is told as soon as a change is shown, before the store has it, and told once whatever ends in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.drift_desk import TOPIC
from actors.drift_pages import DriftQuery
from actors.folders import Folders
from actors.shards.config import ShardConfig
from actors.tenant_shard import TenantShard
from connectors.baseline.parts import baseline
from connectors.baseline.snapshot import read
from connectors.stream.memory import MemoryChangeStream, MemoryFeed
from domain.drift import Baseline, BaselineSource
from domain.tenancy import TenantId
from graph.stores.contract import GraphStore
from graph.stores.memory import MemoryStore
from tests.unit.connectors.stream.changes import NOON, TENANT, FixedClock, batch, changed, deleted, item


@dataclass
class World:
    """What outlives a shard: the store, the stream, the feed and the folder."""

    folder: Path
    store: MemoryStore = field(default_factory=lambda: MemoryStore(TENANT))
    stream: MemoryChangeStream = field(default_factory=MemoryChangeStream)
    feed: MemoryFeed = field(default_factory=MemoryFeed)
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOON + timedelta(hours=2)))
    published: int = 0

    def shard(self) -> TenantShard:
        def open_store(_: Path, tenant: TenantId) -> GraphStore:
            assert tenant == TENANT
            return self.store

        return TenantShard(
            Folders(self.folder),
            open_store,
            ShardConfig(is_following=True, shows_ahead=True, has_threads=False),
            open_stream=lambda: self.stream,
            open_feed=lambda: self.feed,
            clock=self.clock,
        )

    def publish(self, delay: int | None, *, minutes: int) -> None:
        self.published += 1
        at = self.clock.now() + timedelta(minutes=minutes)
        event = deleted("orders", at=at) if delay is None else changed("orders", at=at, DelaySeconds=delay)
        self.stream.publish(batch(f"b-{self.published}", event))

    @property
    def told(self) -> list[tuple[str, Any]]:
        rows = [orjson.loads(each.payload) for each in self.feed.read(TENANT, TOPIC, "")]
        return [(row["event"], [each.get("actual") for each in row["drift"]["attributes"]]) for row in rows]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def approved() -> Baseline:
    return baseline("approved", BaselineSource.SNAPSHOT, read([item("orders", DelaySeconds=0)]))


def begun(world: World) -> TenantShard:
    """A shard that has the resource as it was approved."""
    shard = world.shard()
    world.publish(0, minutes=-60)
    shard.graph_status(TENANT)
    shard.declare_baselines(TENANT, [approved()], world.clock.now())
    return shard


def test_drift_is_told_before_the_store_has_the_change(world: World) -> None:
    shard = begun(world)
    world.publish(9, minutes=1)
    shard.take_changes(TENANT)
    assert shard.graph_status(TENANT)["changes_waiting"] == 1
    assert world.told == [("detected", [9])]
    assert world.store.item(item("orders").uid).properties["DelaySeconds"] == 0
    shard.write_shown(TENANT)
    assert world.store.item(item("orders").uid).properties["DelaySeconds"] == 9
    assert world.told == [("detected", [9])]


def test_drift_that_comes_and_goes_is_told_in_order(world: World) -> None:
    shard = begun(world)
    for minute, delay in enumerate((9, 7, 0, None), 1):
        world.publish(delay, minutes=minute)
        shard.take_changes(TENANT)
    assert [event for event, _ in world.told] == ["detected", "changed", "resolved", "detected"]
    shard.write_shown(TENANT)
    assert len(world.told) == 4
    (missing,) = shard.active_drift(TENANT, DriftQuery(), world.clock.now()).items
    assert missing["kind"] == "missing"


def test_a_process_that_ends_before_the_store_has_a_change_tells_nothing_twice(world: World) -> None:
    shard = begun(world)
    world.publish(9, minutes=1)
    shard.take_changes(TENANT)
    following = world.shard()  # the one before it has ended: nothing of it was written
    drifts: list[Any] = [*following.active_drift(TENANT, DriftQuery(), world.clock.now()).items]
    assert [each["attributes"][0]["actual"] for each in drifts] == [9]
    assert world.told == [("detected", [9])]


def test_a_baseline_is_compared_with_what_is_shown(world: World) -> None:
    shard = begun(world)
    shard.withdraw_baseline(TENANT, "approved", world.clock.now())
    world.publish(9, minutes=1)
    shard.take_changes(TENANT)
    shard.declare_baselines(TENANT, [approved()], world.clock.now())
    assert world.told == [("detected", [9])]
