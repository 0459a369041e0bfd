"""What silence and answers make of a shard."""

from __future__ import annotations

from itertools import product

from actors.shards.health import NEXT, Patience, Sign, Standing, Watched, placeable

PATIENCE = Patience(starting_s=40.0, silent_s=8.0)
IGNORED = {
    *((Standing.GONE, sign) for sign in Sign),
    *((standing, Sign.DRAINED) for standing in Standing if standing is not Standing.LEAVING),
}


def test_every_pair_is_a_step_or_ignored() -> None:
    assert set(NEXT) | IGNORED == set(product(Standing, Sign))
    assert not set(NEXT) & IGNORED


def test_a_sign_that_comes_late_changes_nothing() -> None:
    gone = Watched("a", 0.0, Standing.GONE)
    assert gone.answered(5.0).standing is Standing.GONE
    assert Watched("a", 0.0, Standing.ALIVE).drained().standing is Standing.ALIVE


def test_one_missed_answer_costs_a_shard_nothing_but_long_silence_its_tenants() -> None:
    shard = Watched("a", 0.0).answered(10.0)
    assert shard.missed(11.0, PATIENCE).standing is Standing.SILENT
    assert shard.missed(11.0, PATIENCE).missed(17.9, PATIENCE).standing is Standing.SILENT
    lost = shard.missed(11.0, PATIENCE).missed(18.0, PATIENCE)
    assert lost.standing is Standing.LOST
    assert lost.answered(30.0).standing is Standing.ALIVE


def test_a_shard_that_starts_is_given_longer() -> None:
    assert Watched("a", 0.0).missed(39.0, PATIENCE).standing is Standing.STARTING
    assert Watched("a", 0.0).missed(40.0, PATIENCE).standing is Standing.LOST


def test_a_shard_that_leaves_is_waited_for_and_then_no_longer() -> None:
    leaving = Watched("a", 0.0, Standing.ALIVE).removed(100.0)
    assert leaving.answered(101.0).standing is Standing.LEAVING
    assert leaving.missed(105.0, PATIENCE).standing is Standing.LEAVING
    assert leaving.missed(108.0, PATIENCE).standing is Standing.GONE
    assert leaving.drained().standing is Standing.GONE


def test_tenants_are_placed_on_those_that_answer() -> None:
    shards = [Watched(name, 0.0, standing) for name, standing in zip("abcdef", Standing, strict=True)]
    assert placeable(shards, ["a", "b", "c", "d"]) == ("a", "b", "c")
    assert placeable(shards, ["b", "c", "d"]) == ("b", "c")


def test_when_none_answers_the_placement_stays_on_those_that_may_come_back() -> None:
    lost = [Watched("a", 0.0, Standing.LOST), Watched("b", 0.0, Standing.LOST), Watched("c", 0.0, Standing.LEAVING)]
    assert placeable(lost, ["a"]) == ("a", "b")
    assert placeable([], ["a"]) == ("a",)
