"""Tenants that a shard opens, keeps, hands over and loses."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from actors.shards.admission import Limits
from actors.shards.roster import Roster
from actors.shards.roster_file import RosterInMemory
from domain.errors import ConflictError, UnavailableError
from domain.tenancy import TenantId
from tests.unit.actors.shards.tenants import Epochs, Tenant, Watch, holding

TENANTS = [TenantId(f"tenant-{number}") for number in range(40)]
ACME = TENANTS[0]


def test_a_tenant_is_claimed_once_and_stays_open() -> None:
    epochs = Epochs()
    shard = holding("a", epochs, Watch())
    for _ in range(3):
        with shard.reading(ACME) as state:
            assert state.name == ACME
    assert epochs.claims[ACME] == 1
    assert shard.open_tenants() == (ACME,)


def test_threads_that_come_at_once_open_a_tenant_once() -> None:
    epochs, start = Epochs(), Barrier(8)
    shard = holding("a", epochs, Watch())

    def ask() -> None:
        start.wait()
        with shard.reading(ACME):
            pass

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert epochs.claims[ACME] == 1


def test_another_shards_tenant_is_refused_and_nothing_is_opened() -> None:
    epochs, place = Epochs(), RosterInMemory(Roster(1, ("a", "b")))
    shard = holding("a", epochs, Watch(), place=place)
    foreign = next(tenant for tenant in TENANTS if Roster(1, ("a", "b")).owner(tenant) == "b")
    with pytest.raises(UnavailableError) as refusal, shard.reading(foreign):
        pass
    assert refusal.value.facts["is_moving"]
    assert not epochs.opened


def test_what_moves_is_closed_when_its_last_request_has_left() -> None:
    epochs, place = Epochs(), RosterInMemory(Roster(1, ("a",)))
    shard = holding("a", epochs, Watch(), place=place)
    moved = next(tenant for tenant in TENANTS if Roster(2, ("a", "b")).owner(tenant) == "b")
    with shard.writing(moved) as state:
        place.save(Roster(2, ("a", "b")))
        shard.keep_house()
        assert [each.is_closed for each in epochs.opened] == [False]
        with pytest.raises(UnavailableError) as refusal, shard.reading(moved):
            pass
        assert refusal.value.facts["is_moving"]
    assert state.is_closed
    assert shard.open_tenants() == ()
    assert shard.beat().roster == 2


def test_a_shard_that_was_cut_off_asks_the_roster_when_its_lease_is_over() -> None:
    epochs, place, watch = Epochs(), RosterInMemory(Roster(1, ("a",))), Watch()
    shard = holding("a", epochs, watch, place=place)
    moved = next(tenant for tenant in TENANTS if Roster(2, ("a", "b")).owner(tenant) == "b")
    with shard.reading(moved):
        pass
    place.save(Roster(2, ("a", "b")))
    with shard.reading(moved):
        pass
    watch.now_s += 10.0
    with pytest.raises(UnavailableError) as refusal, shard.reading(moved):
        pass
    assert refusal.value.facts["is_moving"]


def test_a_shard_that_still_owns_its_tenant_goes_on_after_its_lease() -> None:
    epochs, watch = Epochs(), Watch()
    shard = holding("a", epochs, watch, place=RosterInMemory(Roster(1, ("a",))))
    for _ in range(3):
        with shard.reading(ACME):
            pass
        watch.now_s += 30.0
    assert epochs.claims[ACME] == 1


def test_a_fenced_writer_lets_go_and_claims_anew_at_the_next_request() -> None:
    epochs = Epochs()
    shard = holding("a", epochs, Watch())
    with pytest.raises(UnavailableError) as refusal, shard.writing(ACME) as first:
        raise ConflictError("another writer has claimed the store", epoch=1, present=2)
    assert refusal.value.facts["is_moving"]
    assert first.is_closed
    with shard.writing(ACME) as second:
        assert second is not first
    assert epochs.claims[ACME] == 2


def test_another_conflict_is_the_callers() -> None:
    shard = holding("a", Epochs(), Watch())
    with pytest.raises(ConflictError, match="bundle"), shard.writing(ACME) as state:
        raise ConflictError("another bundle was applied")
    assert not state.is_closed


def test_a_store_that_its_former_owner_still_holds_is_asked_for_again() -> None:
    epochs = Epochs(locked={ACME})
    shard = holding("a", epochs, Watch(), place=RosterInMemory(Roster(1, ("a",))))
    with pytest.raises(UnavailableError) as refusal, shard.reading(ACME):
        pass
    assert refusal.value.facts["is_moving"]
    epochs.locked.clear()
    with shard.reading(ACME):
        pass


def test_without_a_roster_a_locked_store_is_told_as_it_is() -> None:
    shard = holding("a", Epochs(locked={ACME}), Watch())
    with pytest.raises(ConflictError), shard.reading(ACME):
        pass


@pytest.mark.parametrize("failure", [UnavailableError("down"), RuntimeError("bug")])
def test_a_store_that_does_not_open_leaves_nothing_behind(failure: Exception) -> None:
    epochs = Epochs(failure=failure)
    shard = holding("a", epochs, Watch())
    with pytest.raises(type(failure)), shard.writing(ACME):
        pass
    assert shard.beat().tenants == 0
    epochs.failure = None
    with shard.writing(ACME):
        pass


def test_the_budget_holds_by_letting_the_least_recently_used_go() -> None:
    epochs = Epochs()
    shard = holding("a", epochs, Watch(), budget_bytes=30)
    for tenant in TENANTS[:5]:
        with shard.reading(tenant):
            pass
    assert shard.open_tenants() == tuple(reversed(TENANTS[2:5]))
    assert [state.is_closed for state in epochs.opened] == [True, True, False, False, False]
    assert shard.beat().used_bytes == 30


def test_a_tenant_between_the_steps_of_a_scan_is_not_evicted() -> None:
    epochs = Epochs()
    shard = holding("a", epochs, Watch(), budget_bytes=20)
    with shard.writing(ACME) as state:
        state.is_busy = True
    for tenant in TENANTS[1:5]:
        with shard.reading(tenant):
            pass
    assert ACME in shard.open_tenants()
    assert not state.is_closed


def test_a_hydration_waits_for_memory_that_writes_hold() -> None:
    shard = holding("a", Epochs(), Watch(), budget_bytes=20)
    other = TENANTS[1]
    with shard.writing(other):
        pass
    with (
        shard.writing(other),
        shard.reading(ACME),
        pytest.raises(UnavailableError) as refusal,
        shard.hydrating(ACME, 15),
    ):
        pass
    assert refusal.value.facts["retry_after_s"] == 2
    with shard.reading(ACME), shard.hydrating(ACME, 15):
        assert shard.open_tenants() == (ACME,)


def test_hydrations_at_once_are_bounded() -> None:
    shard = holding("a", Epochs(), Watch(), limits=Limits(hydrations=1))
    with shard.hydrating(ACME, 1), pytest.raises(UnavailableError), shard.hydrating(TENANTS[1], 1):
        pass


def test_a_quiet_tenant_is_cooled_and_stays() -> None:
    watch = Watch()
    shard = holding("a", Epochs(), watch)
    with shard.reading(ACME) as state:
        pass
    watch.now_s += 61.0
    shard.keep_house()
    shard.keep_house()
    assert (state.cooled, state.is_closed) == (1, False)


def test_a_tenant_in_use_is_not_cooled() -> None:
    watch = Watch()
    shard = holding("a", Epochs(), watch)
    with shard.reading(ACME) as state:
        watch.now_s += 61.0
        shard.keep_house()
    assert state.cooled == 0


def test_a_shard_that_leaves_empties_itself_and_takes_nothing_new() -> None:
    epochs = Epochs()
    shard = holding("a", epochs, Watch(), place=RosterInMemory(Roster(1, ("a",))))
    with shard.reading(ACME):
        shard.drain()
    assert shard.beat().tenants == 0
    with pytest.raises(UnavailableError) as refusal, shard.reading(ACME):
        pass
    assert refusal.value.facts["is_moving"]


def test_closing_ends_everything() -> None:
    epochs = Epochs()
    shard = holding("a", epochs, Watch())
    for tenant in TENANTS[:3]:
        with shard.reading(tenant):
            pass
    shard.close()
    assert all(state.is_closed for state in epochs.opened)
    assert shard.open_tenants() == ()


def test_a_beat_tells_the_large_from_the_small() -> None:
    epochs = Epochs()
    shard = holding("a", epochs, Watch())
    for tenant, resources in zip(TENANTS, [50_000, 7, 9], strict=False):
        with shard.reading(tenant) as state:
            state.resources = resources
    beat = shard.beat()
    assert (dict(beat.heavy), beat.light, beat.tenants) == ({ACME: 50_000}, 16, 3)


def test_owned_and_fitting() -> None:
    shard = holding("a", Epochs(), Watch(), place=RosterInMemory(Roster(1, ("a", "b"))), budget_bytes=10)
    assert set(shard.ownership.owned(TENANTS)) == {
        tenant for tenant in TENANTS if Roster(1, ("a", "b")).owner(tenant) == "a"
    }
    assert shard.room.fits(10)
    assert not shard.room.fits(11)
    assert holding("a", Epochs(), Watch()).ownership.owned([ACME]) == (ACME,)


def test_a_state_is_what_was_opened() -> None:
    with holding("a", Epochs(), Watch()).reading(ACME) as state:
        assert isinstance(state, Tenant)
