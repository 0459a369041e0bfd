"""A shard's own work between requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from actors.shards.due import RETRY_MAX_S, RETRY_MIN_S
from actors.shards.following import SWEEP_S, Following
from connectors.stream.memory import MemoryChangeStream
from domain.errors import IntegrityError, PolicyCortexError, UnavailableError
from domain.tenancy import TenantId
from tests.unit.actors.shards.tenants import Watch
from tests.unit.connectors.stream.changes import batch

ACME, GLOBEX = TenantId("acme"), TenantId("globex")


@dataclass
class Shard:
    """Takes changes, or fails to."""

    stream: MemoryChangeStream
    mine: set[TenantId] = field(default_factory=lambda: {ACME})
    asked: Counter[TenantId] = field(default_factory=Counter)
    failures: dict[TenantId, PolicyCortexError] = field(default_factory=dict)
    more: int = 0
    kept: int = 0

    def keep_house(self) -> None:
        self.kept += 1
        if self.kept == 2:
            raise UnavailableError("the roster cannot be read")

    def take_changes(self, tenant: TenantId) -> bool:
        self.asked[tenant] += 1
        if tenant in self.failures:
            raise self.failures[tenant]
        self.more -= 1
        return self.more >= 0

    def owned(self, tenants: Iterable[TenantId]) -> tuple[TenantId, ...]:
        return tuple(tenant for tenant in tenants if tenant in self.mine)


@pytest.fixture
def shard() -> Shard:
    return Shard(MemoryChangeStream())


def following(shard: Shard, watch: Watch) -> Following:
    return Following(shard, shard.stream, lambda: [ACME, GLOBEX], now_s=watch)


def test_what_waits_at_the_start_is_taken_and_then_what_comes(shard: Shard) -> None:
    shard.stream.publish(batch("1"))
    work = following(shard, Watch())
    work.tick()
    assert shard.asked == {ACME: 1}
    work.tick()
    assert shard.asked == {ACME: 1}
    shard.stream.publish(batch("2"))
    shard.stream.publish(batch("1", tenant=GLOBEX))
    work.tick()
    assert shard.asked == {ACME: 2}


def test_as_long_as_more_waits_it_is_taken(shard: Shard) -> None:
    shard.stream.publish(batch("1"))
    shard.more = 2
    work = following(shard, Watch())
    for _ in range(5):
        work.tick()
    assert shard.asked == {ACME: 3}


def test_a_tenant_that_fails_is_tried_again_later_each_time_and_stops_nobody(shard: Shard) -> None:
    watch = Watch()
    shard.mine = {ACME, GLOBEX}
    shard.failures[ACME] = UnavailableError("the store is down")
    shard.stream.publish(batch("1"))
    shard.stream.publish(batch("1", tenant=GLOBEX))
    work = following(shard, watch)
    work.tick()
    assert shard.asked == {ACME: 1, GLOBEX: 1}
    assert work.problem
    work.tick()
    assert shard.asked[ACME] == 1
    watch.now_s += RETRY_MIN_S
    work.tick()
    watch.now_s += RETRY_MIN_S
    work.tick()
    assert shard.asked[ACME] == 2
    del shard.failures[ACME]
    watch.now_s += 2 * RETRY_MIN_S
    work.tick()
    watch.now_s += RETRY_MAX_S
    work.tick()
    assert shard.asked[ACME] == 3


def test_a_damaged_tenant_is_left_alone_for_long(shard: Shard) -> None:
    watch = Watch()
    shard.failures[ACME] = IntegrityError("the store is damaged")
    shard.stream.publish(batch("1"))
    work = following(shard, watch)
    work.tick()
    watch.now_s += RETRY_MAX_S - 1
    work.tick()
    assert shard.asked[ACME] == 1
    watch.now_s += 1
    work.tick()
    assert shard.asked[ACME] == 2


def test_a_tenant_that_has_moved_is_forgotten(shard: Shard) -> None:
    watch = Watch()
    shard.stream.publish(batch("1"))
    work = following(shard, watch)
    shard.failures[ACME] = UnavailableError("moved", is_moving=True)
    shard.mine = {ACME}
    work.tick()
    shard.mine = set()
    watch.now_s += RETRY_MAX_S
    work.tick()
    watch.now_s += RETRY_MAX_S
    work.tick()
    assert shard.asked[ACME] == 2


def test_a_hint_that_was_lost_is_made_up_for(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch()
    work = following(shard, watch)
    work.tick()
    shard.stream.publish(batch("1"))
    changed = shard.stream.changed("")
    monkeypatch.setattr(shard.stream, "changed", lambda *_, **__: type(changed)(changed.mark, frozenset()))
    work.tick()
    assert shard.asked == {}
    watch.now_s += SWEEP_S
    work.tick()
    assert shard.asked == {ACME: 1}


def test_a_stream_that_is_down_is_told_and_asked_again(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shards.following.RETRY_MIN_S", 0.0)
    shard.stream.publish(batch("1"))
    work = following(shard, Watch())
    with monkeypatch.context() as patched:
        patched.setattr(shard.stream, "changed", _down)
        work.tick()
    assert "down" in work.problem
    work.tick()
    work.tick()
    assert shard.asked == {ACME: 1}


def test_its_thread_works_until_it_is_stopped_and_a_fault_is_seen(shard: Shard) -> None:
    work = Following(shard, None, lambda: [])
    work.begin()
    work.stop()
    assert shard.kept >= 1
    assert not work.has_failed


def _down(*_: object, **__: object) -> None:
    raise UnavailableError("the stream is down")
