"""Calls that find the owner, also while it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from actors.handles import LocalHandle
from actors.shards.roster import Roster
from actors.shards.roster_file import RosterInMemory
from actors.shards.router import PAUSES_S, ShardRouter
from domain.errors import NotFound, UnavailableError
from domain.tenancy import TenantId

ACME = TenantId("acme")


class Shard:
    """Refuses a tenant until it was asked often enough."""

    def __init__(self, name: str, refusals: int = 0, before: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self.refusals = refusals
        self.before = before

    def whose(self, tenant: TenantId) -> str:
        self.before()
        if self.refusals:
            self.refusals -= 1
            raise UnavailableError("moving", is_moving=True)
        return f"{self.name} has {tenant}"

    def fail(self, tenant: TenantId) -> str:
        raise NotFound("no such thing", tenant=tenant)


def router(place: RosterInMemory, shards: dict[str, Shard], pauses: list[float]) -> ShardRouter[Shard]:
    return ShardRouter(place, lambda name: LocalHandle(shards[name]), pause=pauses.append)


def test_a_call_reaches_the_owner_and_follows_it() -> None:
    place, shards = RosterInMemory(Roster(1, ("a",))), {name: Shard(name) for name in "ab"}
    routed = router(place, shards, []).of(ACME).within(5.0)
    assert routed.call(Shard.whose, ACME) == "a has acme"
    place.save(Roster(2, ("b",)))
    assert routed.call(Shard.whose, ACME) == "b has acme"
    assert routed.refer(Shard.whose, ACME) == "b has acme"
    assert asyncio.run(routed.ask(Shard.whose, ACME)) == "b has acme"


def test_while_a_tenant_moves_it_is_asked_for_again() -> None:
    pauses: list[float] = []
    routed = router(RosterInMemory(Roster(1, ("a",))), {"a": Shard("a", refusals=3)}, pauses).of(ACME)
    assert routed.call(Shard.whose, ACME) == "a has acme"
    assert pauses == list(PAUSES_S[:3])


def test_a_tenant_that_moves_for_long_is_unavailable() -> None:
    shards = {"a": Shard("a", refusals=100)}
    routed = router(RosterInMemory(Roster(1, ("a",))), shards, []).of(ACME)
    with pytest.raises(UnavailableError):
        routed.call(Shard.whose, ACME)
    assert shards["a"].refusals == 100 - len(PAUSES_S) - 1


def test_another_error_is_not_asked_about_twice() -> None:
    routed = router(RosterInMemory(Roster(1, ("a",))), {"a": Shard("a")}, []).of(ACME)
    with pytest.raises(NotFound):
        routed.call(Shard.fail, ACME)


def test_a_shard_whose_process_ended_is_looked_for_anew() -> None:
    def end() -> None:
        raise UnavailableError("an actor's process ended", is_interrupted=True)

    shards, asked = [Shard("a", before=end), Shard("a")], list[str]()

    def connect(name: str) -> LocalHandle[Shard]:
        asked.append(name)
        return LocalHandle(shards.pop(0))

    routed = ShardRouter(RosterInMemory(Roster(1, ("a",))), connect).of(ACME)
    with pytest.raises(UnavailableError):
        routed.call(Shard.whose, ACME)
    assert routed.call(Shard.whose, ACME) == "a has acme"
    assert asked == ["a", "a"]


def test_a_question_whose_tenant_moved_while_it_waited_is_put_to_the_new_owner() -> None:
    place = RosterInMemory(Roster(1, ("a",)))

    def hang() -> None:
        place.save(Roster(2, ("b",)))
        raise UnavailableError("an actor did not answer in time")

    shards = {"a": Shard("a", before=hang), "b": Shard("b")}
    assert router(place, shards, []).of(ACME).call(Shard.whose, ACME) == "b has acme"


def test_an_event_loop_waits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shards.router.PAUSES_S", (0.0, 0.0))
    routed = router(RosterInMemory(Roster(1, ("a",))), {"a": Shard("a", refusals=2)}, []).of(ACME)
    assert asyncio.run(routed.ask(Shard.whose, ACME)) == "a has acme"
    always = router(RosterInMemory(Roster(1, ("a",))), {"a": Shard("a", refusals=9)}, []).of(ACME)
    with pytest.raises(UnavailableError):
        asyncio.run(always.ask(Shard.whose, ACME))


def test_without_a_roster_there_is_nobody_to_ask() -> None:
    with pytest.raises(UnavailableError) as refusal:
        router(RosterInMemory(), {}, []).all()
    assert refusal.value.facts["retry_after_s"] == 1
