"""Projections: paths that reproduce, savings that stay below cost, violations that go as they went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assessment.projection import World, blocks_of, columns, project
from assessment.projection_findings import FindingGroup
from assessment.projection_summary import Outcome, summary
from assessment.whatif import (
    Adoption,
    Change,
    CommitmentPurchase,
    ComplianceAdoption,
    PolicyAction,
    PolicyChange,
    Range,
    RegionMove,
    Scaling,
    Scenario,
    require_names,
)
from cost.forecast_methods import Series
from cost.forecast_paths import Outlook, outlook
from domain.errors import InputError
from domain.finding import Severity

HALF = Range.of(0.5)


def bill(days: int = 500, seed: int = 3) -> Series:
    generator = np.random.default_rng(seed)
    day = np.arange(days)
    values: Series = 100 * np.where(day % 7 >= 5, 0.7, 1.0) * np.exp(generator.normal(0, 0.05, days))
    return values


LOOK: Outlook = outlook(bill(), horizons=(30, 60, 90))
OPEN = (
    FindingGroup(Severity.HIGH, 0b1, 40, born=12, days=60, closed=20, exposure_days=2_000),
    FindingGroup(Severity.LOW, 0, 10, born=3, days=60, closed=2, exposure_days=600),
)


def world(*changes: Change, cells: Mapping[int, float] | None = None, groups: tuple[FindingGroup, ...] = OPEN) -> World:
    """A world of one scenario; without cells, every change concerns half of the cost."""
    bits = tuple(range(len(changes)))
    chosen = {sum(1 << bit for bit in bits): 0.5, 0: 0.5} if cells is None else cells
    scenarios = (Scenario("one", tuple(changes)),) if changes else ()
    return World(LOOK, chosen, groups, scenarios, (bits,) if changes else (), seed=11)


def drawn(asked: World, paths: int = 1_000) -> dict[tuple[int, str], Series]:
    made = project(asked, blocks_of(paths))
    return {key: made[:, :, place] for place, key in enumerate(columns(asked))}


def told(asked: World, paths: int = 2_000) -> tuple[Outcome, Outcome]:
    going, under = summary(asked, project(asked, blocks_of(paths)))
    return going, under


def half(**named: object) -> Scaling:
    return Scaling({"service": ("EC2",)}, HALF, **named)  # type: ignore[arg-type]


def test_blocks_give_the_same_paths_whoever_draws_them_and_in_which_order() -> None:
    asked = world(
        half(adoption=Adoption(start_day=Range(0, 5, 20))), CommitmentPurchase({"service": ("EC2",)}, 10, 0.7)
    )
    blocks = blocks_of(1_700)

    whole = project(asked, blocks)
    apart = np.concatenate([project(asked, [block]) for block in reversed(blocks)][::-1])

    assert [size for _, size in blocks] == [500, 500, 500, 200]
    assert np.array_equal(whole, apart)


def test_another_seed_gives_other_paths() -> None:
    first, second = (project(replace(world(half()), seed=seed), blocks_of(100)) for seed in (1, 2))
    assert not np.array_equal(first, second)


def test_what_is_scaled_to_half_at_once_saves_a_quarter_where_it_is_half_of_the_cost() -> None:
    found = drawn(world(half()))
    assert found[0, "saving 0"] == pytest.approx(found[-1, "cost"] / 4)
    assert found[0, "cost"] == pytest.approx(found[-1, "cost"] * 0.75)


def test_a_change_saves_nothing_before_it_starts_and_grows_over_its_ramp() -> None:
    slow = half(adoption=Adoption(start_day=Range.of(30), ramp_days=Range.of(30)))
    saving = drawn(world(slow))[0, "saving 0"]

    assert np.all(saving[:, 0] == 0)
    assert np.all(saving[:, 1] > 0)
    assert np.all(saving[:, 2] - saving[:, 1] > saving[:, 1])


def test_what_changes_save_adds_up_and_a_later_one_acts_on_what_the_former_left() -> None:
    found = drawn(world(half(), half()))

    assert found[0, "saving 1"] == pytest.approx(found[0, "saving 0"] / 2)
    assert found[-1, "cost"] - found[0, "cost"] == pytest.approx(found[0, "saving 0"] + found[0, "saving 1"])


@settings(max_examples=40, deadline=None)
@given(
    factors=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=15),
    committed=st.floats(0, 500),
    price=st.floats(0, 1),
)
def test_savings_never_exceed_cost_whatever_overlaps(
    factors: list[float], shares: list[float], committed: float, price: float
) -> None:
    changes: list[Change] = [Scaling({"service": ("x",)}, Range.of(factor)) for factor in factors]
    changes.append(CommitmentPurchase({"service": ("x",)}, committed, price))
    weights = np.array([*shares, 1e-3])
    cells = {cell * 7 % 32: float(share) for cell, share in enumerate(weights / weights.sum())}

    found = drawn(world(*changes, cells=cells), 60)

    whole = sum(found[0, f"saving {number}"] for number in range(len(changes)))
    assert np.all(whole <= found[-1, "cost"] * (1 + 1e-9) + 1e-6)
    assert found[-1, "cost"] - found[0, "cost"] == pytest.approx(whole)


def test_a_commitment_that_is_always_used_saves_its_discount() -> None:
    saving = drawn(world(CommitmentPurchase({"service": ("EC2",)}, 1.0, 0.7)))[0, "saving 0"]
    assert saving == pytest.approx(np.array([[9.0, 18.0, 27.0]]).repeat(1_000, axis=0))


def test_a_commitment_beyond_all_use_costs_more_than_it_saves() -> None:
    _, under = told(world(CommitmentPurchase({"service": ("EC2",)}, 1_000.0, 0.7)))
    assert under.saving is not None
    assert under.saving[2].mean < 0
    assert under.chance == (0.0, 0.0, 0.0)


def test_moving_pays_once_and_both_regions_for_the_days_between() -> None:
    move = RegionMove({"region": ("a",)}, "b", HALF, one_off=Range.of(100), double_days=Range.of(10))
    plain = RegionMove({"region": ("a",)}, "b", HALF)

    dear, cheap = (drawn(world(change))[0, "saving 0"] for change in (move, plain))

    lost = (cheap - dear)[:, 0]
    assert np.all(lost > 100)
    assert lost == pytest.approx((cheap - dear)[:, 2])


def test_a_policy_that_is_enforced_leaves_no_violation_and_says_what_mending_costs() -> None:
    enforced = PolicyChange("p", PolicyAction.ENFORCE, fix_cost=Range.of(2))
    going, under = told(world(enforced, groups=OPEN[:1]))

    assert [figure.mean for figure in under.violations] == [0, 0, 0]
    assert under.saving is not None
    assert under.saving[0].mean == pytest.approx(-2 * going.violations[0].mean)
    assert under.risk_reduction is not None
    assert under.risk_reduction[2].mean == pytest.approx(going.risk[2].mean)


def test_a_policy_that_is_only_assigned_shows_what_it_opens() -> None:
    asked = replace(
        world(PolicyChange("p", PolicyAction.ASSIGN), groups=()), opened={0: {Severity.CRITICAL: 7, Severity.LOW: 2}}
    )
    going, under = told(asked, 100)

    assert going.violations[0].mean == 0
    assert [figure.mean for figure in under.violations] == [9, 9, 9]
    assert under.risk[0].mean == 72


def test_adopting_a_framework_mends_by_and_by() -> None:
    slow = Adoption(ramp_days=Range.of(90), share=Range(0.6, 0.8, 1.0))
    going, under = told(world(ComplianceAdoption("CIS", adoption=slow)))

    left = [under.violations[place].mean / going.violations[place].mean for place in range(3)]
    assert left == sorted(left, reverse=True)
    assert 0.2 < left[2] < 0.5


def test_violations_go_on_at_the_rates_that_were_seen() -> None:
    steady = FindingGroup(Severity.LOW, 0, 100, born=6_000, days=600, closed=60_000, exposure_days=600_000)
    (going,) = summary(world(groups=(steady,)), project(world(groups=(steady,)), blocks_of(2_000)))
    assert [figure.mean for figure in going.violations] == pytest.approx([100, 100, 100], rel=0.02)


def test_nothing_appears_or_ends_where_nobody_knows_how_often() -> None:
    going, _ = told(world(half(), groups=(FindingGroup(Severity.LOW, 0, 5),)))
    assert [(figure.low, figure.high) for figure in going.violations] == [(5, 5)] * 3


def test_expected_loss_counts_years_that_violations_stand_open() -> None:
    asked = replace(world(half(), groups=(FindingGroup(Severity.HIGH, 0, 73),)), losses={Severity.HIGH: Range.of(10.0)})
    going, _ = told(asked, 50)
    assert [figure.mean for figure in going.loss] == pytest.approx([60, 120, 180])


def test_intervals_of_cost_are_as_wide_as_the_forecasts_say() -> None:
    going, _ = told(world(half()), 10_000)
    for figure, made in zip(going.cost, LOOK.forecasts, strict=True):
        assert figure.low is not None
        assert figure.high is not None
        assert made.best.high is not None
        half_width = (figure.high - figure.low) / 2
        assert half_width == pytest.approx(made.best.high - made.best.total, rel=0.1)


def test_a_short_bill_has_no_interval_of_cost() -> None:
    short = replace(world(half()), outlook=outlook(bill(150), horizons=(30, 60, 90)))
    going, under = told(short, 100)

    assert going.cost[0].low is not None
    assert going.cost[1].low is going.cost[2].high is None
    assert under.saving is not None
    assert under.saving[2].low is None


@pytest.mark.parametrize("numbers", [(1, 0, 2), (0, 2, 1), (0, float("nan"), 1), (float("inf"),) * 3])
def test_a_range_that_is_none_is_refused(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="range is not valid"):
        Range(*numbers)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Scaling({}, HALF),
        lambda: Scaling({"service": ()}, HALF),
        lambda: Scaling({"service": ("x",)}, Range.of(-1)),
        lambda: CommitmentPurchase({"service": ("x",)}, 10, 1.2),
        lambda: CommitmentPurchase({"service": ("x",)}, -1, 0.5),
        lambda: PolicyChange("p", PolicyAction.ASSIGN, saving=Range.of(1.5)),
        lambda: ComplianceAdoption(None),
        lambda: ComplianceAdoption("CIS", ("p",)),
        lambda: Adoption(share=Range.of(2)),
        lambda: Scenario("s", ()),
        lambda: Scenario("s", (CommitmentPurchase({"service": ("x",)}, 1, 0.5), half())),
        lambda: require_names([]),
        lambda: require_names([Scenario("s", (half(),)), Scenario("s", (half(),))]),
    ],
)
def test_scenarios_that_make_no_sense_are_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(InputError):
        make()
