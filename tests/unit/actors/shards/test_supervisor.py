"""What a supervisor does about shards that come, hang, come back and go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from actors.shards.beat import Beat
from actors.shards.health import Patience
from actors.shards.roster import Roster
from actors.shards.roster_file import RosterInMemory
from actors.shards.supervisor import REBALANCE_S, ShardSupervisor
from domain.errors import InputError
from domain.tenancy import TenantId
from tests.unit.actors.shards.tenants import Watch

TENANTS = tuple(TenantId(f"tenant-{number}") for number in range(12))


@dataclass
class Fleet:
    """Shards that answer or do not, and what was done to them."""

    place: RosterInMemory
    silent: set[str] = field(default_factory=set)
    told: dict[str, Beat] = field(default_factory=dict)
    done: list[tuple[str, ...]] = field(default_factory=list)

    def beats(self, names: Sequence[str]) -> Mapping[str, Beat | None]:
        roster = self.place.current()
        assert roster is not None
        return {
            name: None if name in self.silent else replace(self.told.get(name, Beat(name)), roster=roster.version)
            for name in names
        }

    def launch(self, name: str) -> None:
        self.done.append(("launch", name))

    def restart(self, name: str) -> None:
        self.done.append(("restart", name))

    def retire(self, name: str) -> None:
        self.done.append(("retire", name))

    def drain(self, name: str) -> None:
        self.done.append(("drain", name))
        self.told[name] = Beat(name)

    def warm(self, name: str, tenants: Sequence[TenantId]) -> None:
        self.done.append(("warm", name, *tenants))

    def warmed(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for what, name, *tenants in self.done:
            if what == "warm":
                found.setdefault(name, set()).update(tenants)
        return found


@dataclass
class World:
    place: RosterInMemory
    fleet: Fleet
    watch: Watch
    supervisor: ShardSupervisor

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.watch.now_s += 1.0
            self.supervisor.tick()

    def hold(self) -> None:
        """Let each shard have its own tenants in memory."""
        roster = self.roster
        for name in roster.shards:
            mine = tuple(tenant for tenant in TENANTS if roster.owner(tenant) == name)
            self.fleet.told[name] = Beat(name, recent=mine, tenants=len(mine))

    @property
    def roster(self) -> Roster:
        found = self.place.current()
        assert found is not None
        return found


def world(*names: str, place: RosterInMemory | None = None) -> World:
    place, watch = place or RosterInMemory(), Watch()
    fleet = Fleet(place)
    supervisor = ShardSupervisor(fleet, place, names, now_s=watch, patience=Patience(40.0, 8.0))
    return World(place, fleet, watch, supervisor)


def test_the_first_supervisor_writes_the_roster_and_starts_the_shards() -> None:
    it = world("shard-0", "shard-1")
    assert it.roster == Roster(1, ("shard-0", "shard-1"))
    assert it.fleet.done == [("launch", "shard-0"), ("launch", "shard-1")]


def test_a_supervisor_that_begins_anew_goes_on_from_the_roster() -> None:
    place = RosterInMemory(Roster(7, ("shard-0", "shard-4")))
    it = world("shard-0", place=place)
    assert ("launch", "shard-4") in it.fleet.done
    it.run(2)
    assert it.roster.version == 7


def test_a_short_silence_moves_nobody() -> None:
    it = world("shard-0", "shard-1")
    it.run(1)
    it.fleet.silent.add("shard-1")
    it.run(6)
    it.fleet.silent.clear()
    it.run(1)
    assert it.roster.version == 1
    assert ("restart", "shard-1") not in it.fleet.done


def test_the_tenants_of_a_hanging_shard_are_placed_elsewhere_read_again_and_its_process_is_ended() -> None:
    it = world("shard-0", "shard-1", "shard-2")
    it.run(1)
    it.hold()
    it.run(1)
    lost = set(it.fleet.told["shard-1"].recent)
    it.fleet.silent.add("shard-1")
    it.run(9)
    assert it.roster.shards == ("shard-0", "shard-2")
    assert it.fleet.done.count(("restart", "shard-1")) == 1
    warmed = it.fleet.warmed()
    assert set().union(*warmed.values()) == lost
    assert all(it.roster.owner(TenantId(tenant)) == name for name, tenants in warmed.items() for tenant in tenants)


def test_a_shard_that_comes_back_gets_its_tenants_again() -> None:
    it = world("shard-0", "shard-1")
    it.run(1)
    before = it.roster
    it.fleet.silent.add("shard-1")
    it.run(10)
    it.fleet.silent.clear()
    it.run(2)
    assert it.roster.shards == before.shards
    assert all(it.roster.owner(tenant) == before.owner(tenant) for tenant in TENANTS)


def test_a_shard_that_hangs_again_is_ended_again_after_a_while() -> None:
    it = world("shard-0", "shard-1")
    it.run(1)
    it.fleet.silent.add("shard-1")
    it.run(120)
    assert 3 <= it.fleet.done.count(("restart", "shard-1")) <= 4


def test_a_process_that_began_anew_reads_what_it_had() -> None:
    it = world("shard-0", "shard-1")
    it.run(1)
    it.hold()
    it.run(1)
    had = set(it.fleet.told["shard-0"].recent)
    it.fleet.silent.add("shard-0")
    it.run(2)
    it.fleet.silent.clear()
    it.fleet.told["shard-0"] = Beat("shard-0")
    it.run(1)
    assert it.roster.version == 1
    assert it.fleet.warmed() == {"shard-0": had}


def test_when_all_are_silent_the_placement_stays() -> None:
    it = world("shard-0", "shard-1")
    it.run(1)
    it.fleet.silent.update({"shard-0", "shard-1"})
    it.run(20)
    assert it.roster.shards == ("shard-0", "shard-1")


def test_a_new_shard_joins_when_it_answers() -> None:
    it = world("shard-0")
    it.run(1)
    it.fleet.silent.add("shard-1")
    it.supervisor.resize(2)
    it.run(3)
    assert [*it.roster.shards] == ["shard-0"]
    it.fleet.silent.clear()
    it.run(1)
    assert [*it.roster.shards] == ["shard-0", "shard-1"]


def test_a_surplus_shard_hands_over_before_it_ends() -> None:
    it = world("shard-0", "shard-1")
    it.run(1)
    it.hold()
    it.supervisor.resize(1)
    assert {shard.name: shard.standing for shard in it.supervisor.state().shards}["shard-1"] == "leaving"
    it.run(1)
    assert len(it.roster.shards) == 1
    it.run(2)
    steps = [step[0] for step in it.fleet.done if step[1] == "shard-1" and step[0] in {"drain", "retire"}]
    assert steps[0] == "drain"
    assert steps[-1] == "retire"
    assert [shard.name for shard in it.supervisor.state().shards] == ["shard-0"]


def test_a_shard_that_is_wanted_again_while_it_leaves_begins_anew() -> None:
    it = world("shard-0", "shard-1")
    it.run(2)
    it.hold()
    it.supervisor.resize(1)
    it.supervisor.resize(2)
    assert it.fleet.done[-1] == ("restart", "shard-1")
    it.run(2)
    assert {shard.name: shard.standing for shard in it.supervisor.state().shards}["shard-1"] == "alive"


def test_a_surplus_shard_that_does_not_answer_is_not_waited_for_for_ever() -> None:
    it = world("shard-0", "shard-1")
    it.run(1)
    it.fleet.silent.add("shard-1")
    it.supervisor.resize(1)
    it.run(10)
    assert ("retire", "shard-1") in it.fleet.done


@pytest.mark.parametrize("shards", [0, 1_025])
def test_a_number_of_shards_out_of_bounds_is_refused(shards: int) -> None:
    with pytest.raises(InputError):
        world("shard-0").supervisor.resize(shards)


def test_heavy_tenants_are_evened_out_now_and_then() -> None:
    it = world("shard-0", "shard-1")
    it.run(1)
    heavy = {TenantId(f"large-{number}"): 100_000 for number in range(4)}
    it.fleet.told["shard-0"] = Beat("shard-0", heavy=heavy)
    it.run(REBALANCE_S + 1)
    assert sorted(it.roster.heavy.values()) == ["shard-0", "shard-0", "shard-1", "shard-1"]
    version = it.roster.version
    it.run(REBALANCE_S + 1)
    assert it.roster.version == version


def test_two_supervisors_at_once_do_not_overwrite_each_other() -> None:
    it = world("shard-0", "shard-1")
    other = ShardSupervisor(it.fleet, it.place, ["shard-0", "shard-1"], now_s=it.watch)
    it.run(1)
    other.tick()
    it.fleet.silent.add("shard-1")
    it.run(9)
    assert it.roster.shards == ("shard-0",)
    it.fleet.silent.clear()
    other.tick()
    assert it.roster.version == 3
    assert it.supervisor.state().roster == 3


def test_it_works_in_its_thread_and_says_so() -> None:
    it = world("shard-0")
    assert it.supervisor.ping() == "ok"
    it.supervisor.begin()
    assert it.supervisor.ping() == "ok"
    it.supervisor.stop()
    assert it.supervisor.ping() == "supervision ended"
    it.supervisor.stop()
