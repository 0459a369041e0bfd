"""The choice of commitments: never dearer than the simple rules it is held to, and honest about the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cost.commitment_scenarios import FALL, HISTORY_MIN_DAYS, REPEAT, STEADY, Expected, Floats, Weights, project
from cost.commitments import (
    CURRENT,
    RULES,
    Offer,
    best_in_hindsight,
    best_offer,
    choose,
    costs_of,
    ladder,
)
from domain.errors import InputError

OFFER = Offer("one year", 0.72)


def history(days: int = 180, *, slope: float = 0.0, noise: float = 0.05, seed: int = 1) -> Floats:
    random = np.random.default_rng(seed)
    day = np.arange(days)
    weekend = np.where(day % 7 >= 5, 0.7, 1.0)
    made: Floats = 1_000 * weekend * np.exp(slope * day / 365 + random.normal(0, noise, days))
    return made


@settings(deadline=None, max_examples=30)
@given(
    slope=st.floats(-1.0, 1.0),
    noise=st.floats(0.0, 0.3),
    rate=st.floats(0.3, 0.95),
    current=st.floats(0, 3_000),
    seed=st.integers(0, 1_000),
)
def test_over_its_scenarios_the_choice_costs_no_more_than_any_of_the_four_rules(
    slope: float, noise: float, rate: float, current: float, seed: int
) -> None:
    known = history(90, slope=slope, noise=noise, seed=seed)
    scenarios = project(known, days=60, paths=20, random=np.random.default_rng(seed))
    choice = choose(scenarios, Offer("o", rate), history=known, current=current)
    assert all(choice.outlook.cost <= choice.rules[rule].cost * (1 + 1e-9) for rule in RULES)
    if choice.is_robust:
        for name, cost in choice.outlook.by_class.items():
            assert cost <= min(choice.rules[rule].by_class[name] for rule in RULES) * (1 + 1e-9)


@pytest.mark.parametrize("slope", [-1.2, -0.5, 0.0, 0.5])
def test_on_a_thousand_paths_it_has_not_seen_the_choice_costs_no_more_than_the_best_rule(slope: float) -> None:
    known = history(400, slope=slope)
    choice = choose(
        project(known, days=180, paths=200, random=np.random.default_rng(5)), OFFER, history=known, current=500
    )
    unseen = project(known, days=180, paths=300, random=np.random.default_rng(6))
    assert len(unseen) >= 1_000
    levels = np.array([choice.outlook.level, *(choice.rules[rule].level for rule in RULES)])
    means = costs_of(unseen.paths, levels, OFFER.rate) @ unseen.weights
    assert means[0] <= means[1:].min()


def test_the_best_level_of_steady_demand_is_the_quantile_of_its_price() -> None:
    known = np.tile(np.arange(100.0, 800.0, 100.0), 20)
    only = Weights(steady=1, trend=1e-12, repeat=1e-12, fall=1e-12)
    scenarios = project(known, days=70, paths=10, random=np.random.default_rng(0), weights=only)
    choice = choose(scenarios, Offer("o", 0.5), history=known, current=0)
    tried = np.linspace(0, 800, 161)
    costs = costs_of(scenarios.paths, tried, 0.5) @ scenarios.weights
    assert choice.outlook.cost <= costs.min() * 1.001


def test_the_same_seed_gives_the_same_choice() -> None:
    known = history()
    made = [
        choose(project(known, days=90, paths=30, random=np.random.default_rng(3)), OFFER, history=known, current=0)
        for _ in range(2)
    ]
    assert made[0] == made[1]


def test_expected_shutdown_lowers_the_level_and_is_a_class_of_its_own() -> None:
    known = history()
    plain = project(known, days=180, paths=60, random=np.random.default_rng(3))
    shutdown = project(
        known, days=180, paths=60, random=np.random.default_rng(3), expected=[Expected("move", 30, 0.2, 5.0)]
    )
    free, warned = (choose(each, OFFER, history=known, current=0) for each in (plain, shutdown))
    assert warned.outlook.level < free.outlook.level
    assert set(warned.outlook.by_class) == {*free.outlook.by_class, "move"}


def test_a_year_of_history_adds_the_class_that_repeats_it() -> None:
    short = project(history(100), days=30, paths=5, random=np.random.default_rng(0))
    long = project(history(400), days=30, paths=5, random=np.random.default_rng(0))
    assert REPEAT not in short.names
    assert REPEAT in long.names
    assert {STEADY, FALL} <= set(short.names)


def test_regret_is_to_the_best_level_of_each_path_and_never_below_zero() -> None:
    known = history()
    scenarios = project(known, days=90, paths=40, random=np.random.default_rng(2))
    choice = choose(scenarios, OFFER, history=known, current=900)
    best = best_in_hindsight(scenarios.paths, OFFER.rate)
    costs = costs_of(scenarios.paths, np.linspace(0, 3_000, 400), OFFER.rate)
    assert (best <= costs.min(axis=0) + 1e-6).all()
    for outlook in (choice.outlook, *choice.rules.values()):
        assert 0 <= outlook.regret.mean <= outlook.regret.largest
        assert 0 <= outlook.coverage <= 1
        assert 0 <= outlook.utilisation <= 1


def test_a_ladder_notices_a_fall_before_everything_is_bought() -> None:
    known = history()
    gone = project(known, days=180, paths=40, random=np.random.default_rng(4), expected=[Expected("end", 20, 0.1, 1e9)])
    choice = choose(
        project(known, days=180, paths=40, random=np.random.default_rng(4)), OFFER, history=known, current=0
    )
    at_once = ladder(gone, OFFER, choice.outlook.level, tranches=1)
    spread = ladder(gone, OFFER, choice.outlook.level, tranches=4)
    assert spread.cost < at_once.cost
    assert spread.bought < at_once.bought == pytest.approx(1.0)
    assert [(each.day, each.ends_day) for each in spread.tranches] == [(0, 365), (30, 395), (60, 425), (90, 455)]


def test_the_cheapest_offer_is_taken() -> None:
    known = history()
    scenarios = project(known, days=90, paths=40, random=np.random.default_rng(4))
    offers = [OFFER, Offer("three years", 0.5, 1_095)]
    assert best_offer(scenarios, offers, history=known, current=0).offer.name == "three years"
    with pytest.raises(InputError, match="no commitment to choose"):
        best_offer(scenarios, [], history=known, current=0)


def test_a_level_that_noise_explains_is_not_bought() -> None:
    known = np.full(60, 1_000.0)
    scenarios = project(
        known, days=30, paths=20, random=np.random.default_rng(0), weights=Weights(fall=1e-9, trend=1e-9)
    )
    choice = choose(scenarios, OFFER, history=known, current=1_000)
    assert choice.rule in RULES
    assert choice.rules[CURRENT].level == 1_000


@pytest.mark.parametrize(
    ("known", "days", "paths"),
    [
        (np.ones(HISTORY_MIN_DAYS - 1), 30, 5),
        (-np.ones(60), 30, 5),
        (np.full(60, np.nan), 30, 5),
        (np.ones(60), 0, 5),
        (np.ones(60), 30, 0),
    ],
)
def test_what_cannot_be_projected_is_refused(known: Floats, days: int, paths: int) -> None:
    with pytest.raises(InputError):
        project(known, days=days, paths=paths, random=np.random.default_rng(0))


def test_offers_and_changes_that_make_no_sense_are_refused() -> None:
    known = history()
    for rate in (0.0, 1.0, 1.2):
        with pytest.raises(InputError, match="not below on-demand"):
            Offer("o", rate)
    with pytest.raises(InputError, match="expected change"):
        project(known, days=30, paths=5, random=np.random.default_rng(0), expected=[Expected("x", 0, -1, 1)])
    scenarios = project(known, days=30, paths=5, random=np.random.default_rng(0))
    with pytest.raises(InputError, match="below zero"):
        choose(scenarios, OFFER, history=known, current=-1)
    with pytest.raises(InputError, match="ladder"):
        ladder(scenarios, OFFER, 10, tranches=4, every_days=30)


def test_demand_of_nothing_commits_to_nothing() -> None:
    known = np.zeros(60)
    scenarios = project(known, days=30, paths=5, random=np.random.default_rng(0))
    choice = choose(scenarios, OFFER, history=known, current=0)
    assert (choice.outlook.level, choice.outlook.cost, choice.on_demand) == (0.0, 0.0, 0.0)
