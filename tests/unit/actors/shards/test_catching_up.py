"""Which way is cheaper, by what was measured."""

from __future__ import annotations

from actors.shards.catching_up import Costs, Way


def test_few_changes_are_applied_and_a_long_absence_is_read_anew() -> None:
    costs = Costs(change_s=1e-3, resource_s=1e-5, hydration_s=0.0)
    assert costs.way(10, 100_000) is Way.APPLY
    assert costs.way(1_000, 100_000) is Way.APPLY
    assert costs.way(1_001, 100_000) is Way.REHYDRATE


def test_what_is_measured_moves_the_choice() -> None:
    costs = Costs(change_s=1e-3, resource_s=1e-5, hydration_s=0.0)
    for _ in range(40):
        costs = costs.with_changes(100, elapsed_s=100 * 1e-5)
    assert costs.way(5_000, 10_000) is Way.APPLY
    for _ in range(40):
        costs = costs.with_hydration(10_000, elapsed_s=0.001)
    assert costs.way(5_000, 10_000) is Way.REHYDRATE


def test_no_changes_measure_nothing() -> None:
    assert Costs().with_changes(0, 5.0) == Costs()
