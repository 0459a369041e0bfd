"""Placement: even, stable, and the same for everybody who reads the roster."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.shards.roster import HEAVY_MIN, Roster, decoded, imbalance, loads, rebalanced
from actors.shards.roster_file import RosterFile, RosterInMemory
from domain.errors import ConflictError, InputError, IntegrityError, UnavailableError
from domain.tenancy import TenantId

SMALL = {TenantId(f"tenant-{number}"): 100 for number in range(10_000)}
LARGE = {TenantId(f"large-{number}"): 100_000 for number in range(10)}
EVERYONE = {**SMALL, **LARGE}


def placed(shards: int) -> Roster:
    names = tuple(f"shard-{number}" for number in range(shards))
    return rebalanced(Roster(1, names), LARGE, light=sum(SMALL.values()))


@pytest.mark.parametrize("shards", [2, 3, 4, 5, 8])
def test_ten_large_tenants_among_ten_thousand_small_ones_lie_within_a_fifth_of_the_mean(shards: int) -> None:
    assert imbalance(loads(placed(shards), EVERYONE)) <= 0.2


def test_by_hash_alone_the_large_ones_would_not() -> None:
    by_hash = Roster(1, tuple(f"shard-{number}" for number in range(4)))
    assert imbalance(loads(by_hash, EVERYONE)) > 0.2


def test_a_placement_that_is_even_enough_stays_as_it_is() -> None:
    roster = placed(4)
    assert rebalanced(roster, LARGE, light=sum(SMALL.values())) is roster


def test_a_shard_that_joins_takes_from_the_others_and_they_exchange_nothing() -> None:
    before = Roster(1, ("a", "b", "c"))
    after = before.with_shards(["a", "b", "c", "d"])
    moved = {after.owner(tenant) for tenant in SMALL if after.owner(tenant) != before.owner(tenant)}
    assert moved == {"d"}
    assert after.version == 2


def test_a_shard_that_leaves_loses_only_its_own_tenants() -> None:
    before = placed(4)
    after = before.with_shards([name for name in before.shards if name != "shard-2"])
    moved = {tenant for tenant in EVERYONE if after.owner(tenant) != before.owner(tenant)}
    assert moved == {tenant for tenant in EVERYONE if before.owner(tenant) == "shard-2"}


def test_a_tenant_that_has_shrunk_is_placed_by_its_hash_again() -> None:
    roster = placed(2)
    shrunk = dict.fromkeys(LARGE, 10)
    after = rebalanced(roster, {**shrunk, TenantId("large-0"): 300_000}, light=1)
    assert set(after.heavy) == {"large-0"}


def test_without_anything_there_is_nothing_to_even_out() -> None:
    roster = Roster(1, ("a", "b"))
    assert rebalanced(roster, {}, light=0) is roster
    assert rebalanced(roster, {}, light=50_000) is roster


def test_no_shard_is_refused() -> None:
    with pytest.raises(InputError):
        Roster(1, ("a",)).with_shards([])


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from(sorted(LARGE)), st.integers(HEAVY_MIN, 10 * HEAVY_MIN)),
    st.integers(1, 9),
    st.integers(0, 10_000_000),
)
def test_a_roster_survives_its_file(sizes: dict[TenantId, int], shards: int, light: int) -> None:
    roster = rebalanced(Roster(7, tuple(f"shard-{number}" for number in range(shards))), sizes, light=light)
    again = decoded(roster.encoded(), where="here")
    assert again == roster
    assert {again.owner(tenant) for tenant in list(SMALL)[:200]} <= set(roster.shards)


@settings(max_examples=60)
@given(st.lists(st.integers(HEAVY_MIN, 200_000), max_size=30), st.integers(1, 8), st.integers(0, 2_000_000))
def test_rebalancing_comes_to_rest(sizes: list[int], shards: int, light: int) -> None:
    known = {TenantId(f"t{number}"): size for number, size in enumerate(sizes)}
    roster = rebalanced(Roster(1, tuple(f"shard-{number}" for number in range(shards))), known, light=light)
    assert rebalanced(roster, known, light=light) is roster


@pytest.mark.parametrize("content", [b"", b"{}", b'{"v": 9}', b"[]", b'{"v":1,"version":1,"shards":3}'])
def test_a_damaged_list_is_named_as_such(content: bytes) -> None:
    with pytest.raises(IntegrityError) as refusal:
        decoded(content, where="shards.json")
    assert refusal.value.facts["where"] == "shards.json"


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_version_is_kept_only_over_the_one_before_it(kind: str, tmp_path: Path) -> None:
    place = RosterFile(tmp_path / "store") if kind == "file" else RosterInMemory()
    assert place.current() is None
    place.save(Roster(1, ("a",)))
    place.save(Roster(2, ("a", "b")))
    with pytest.raises(ConflictError) as refusal:
        place.save(Roster(2, ("c",)))
    assert (refusal.value.facts["expected"], refusal.value.facts["got"]) == (1, 2)
    assert place.current() == Roster(2, ("a", "b"))


def test_a_reader_sees_what_another_process_wrote(tmp_path: Path) -> None:
    writer, reader = RosterFile(tmp_path), RosterFile(tmp_path)
    writer.save(Roster(1, ("a",)))
    assert reader.current() == Roster(1, ("a",))
    writer.save(Roster(2, ("a", "b")))
    assert reader.current() == Roster(2, ("a", "b"))


def test_a_list_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError) as refusal:
        RosterFile(tmp_path / "file" / "store").save(Roster(1, ("a",)))
    assert refusal.value.facts["retry_after_s"] == 2
