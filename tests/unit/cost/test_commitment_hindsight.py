"""Hindsight: what history speaks for, and only where demand grew beyond doubt does it raise a choice."""

from __future__ import annotations

import numpy as np
import pytest

from cost.commitment_hindsight import HISTORY_MIN_DAYS, grew, level_in_hindsight
from cost.commitment_scenarios import Expected, Floats, Weights, project
from cost.commitments import HINDSIGHT, MEAN, Offer, choose, costs_of

YEAR = 365
OFFER = Offer("one year", 0.72)


def demand(slope: float, seed: int, *, noise: float = 0.03, days: int = YEAR) -> Floats:
    random, day = np.random.default_rng(seed), np.arange(days)
    weekend = np.where(day % 7 >= 5, random.uniform(0.5, 1.0), 1.0)
    made: Floats = 1_000 * weekend * np.exp(slope * day / YEAR + random.normal(0, noise, days))
    return made


def test_a_demand_that_never_changes_would_have_been_committed_to_whole() -> None:
    assert level_in_hindsight(np.full(200, 50.0), 0.72) == pytest.approx(50)
    assert level_in_hindsight(np.full(200, 50.0), 0.99) == pytest.approx(50)


def test_the_level_in_hindsight_would_have_been_the_cheapest_share_to_buy() -> None:
    known = demand(0.4, 1)
    share = level_in_hindsight(known, OFFER.rate) / known[-28:].mean()

    def cost(tried: float) -> float:
        bought = range(28, YEAR - 27, 14)
        levels = ((day, tried * known[day - 28 : day].mean()) for day in bought)
        return sum(float(costs_of(known[None, day:], np.array([level]), OFFER.rate)[0, 0]) for day, level in levels)

    assert all(cost(share) <= cost(share + step) for step in (-0.1, -0.02, 0.02, 0.1))


@pytest.mark.parametrize(("slope", "is_growing"), [(0.5, True), (0.1, True), (0.0, False), (-0.4, False)])
def test_growth_is_beyond_doubt_or_is_none(slope: float, is_growing: bool) -> None:
    found = [grew(demand(slope, seed)) for seed in range(20)]
    assert sum(found) >= 19 if is_growing else sum(found) <= 2


def test_a_short_history_grew_beyond_no_doubt() -> None:
    assert grew(demand(2.0, 1, days=HISTORY_MIN_DAYS))
    assert not grew(demand(2.0, 1, days=HISTORY_MIN_DAYS - 1))


def test_where_demand_grows_the_choice_costs_no_more_than_the_mean_on_years_that_it_has_not_seen() -> None:
    costs = []
    for seed in range(24):
        path = demand(np.random.default_rng(seed).uniform(0.05, 0.6), seed, days=2 * YEAR)
        known, year = path[:YEAR], path[YEAR:]
        scenarios = project(known, days=YEAR, paths=40, random=np.random.default_rng(seed))
        choice = choose(scenarios, OFFER, history=known, current=0)
        levels = np.array([choice.outlook.level, choice.rules[MEAN].level])
        costs.append(costs_of(year[None, :], levels, OFFER.rate)[:, 0] / year.sum())
    chosen, mean = np.mean(costs, axis=0)
    assert chosen <= mean


def test_a_raised_level_still_costs_no_more_than_the_cheapest_rule() -> None:
    known = demand(0.4, 3)
    fearful = Weights(fall=2.0)
    choices = [
        choose(
            project(known, days=180, paths=60, random=np.random.default_rng(3), weights=weights),
            OFFER,
            history=known,
            current=0,
        )
        for weights in (None, fearful)
    ]
    assert choices[0].rule == HINDSIGHT
    for choice in choices:
        assert choice.outlook.cost <= min(rule.cost for rule in choice.rules.values()) * (1 + 1e-9)
    assert choices[1].outlook.level < choices[0].outlook.level


def test_what_the_owner_expects_is_not_overruled_by_the_past() -> None:
    known = demand(0.4, 3)
    end = [Expected("end", 20, 0.1, 0.5)]
    warned = choose(
        project(known, days=180, paths=60, random=np.random.default_rng(3), expected=end),
        OFFER,
        history=known,
        current=0,
    )
    assert warned.rule != HINDSIGHT
