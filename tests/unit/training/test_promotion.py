"""The gate: only what is certainly better takes the place, only what is certainly worse gives it back."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import ConflictError
from tests.unit.training.made_weeks import FIRST, drawn_weeks
from training.logistic import sigmoid
from training.outcomes import Came
from training.promotion import (
    NEXT,
    Action,
    Standing,
    Trigger,
    compared,
    gate,
    stepped,
    watch,
)
from training.quality import WeekTold
from training.task import NODE_TASKS, Task


def told(skill: float, *, weeks: int = 8, model: str = "b") -> list[WeekTold]:
    return drawn_weeks(weeks, rows=400, skill=skill, model=model)


def test_a_candidate_that_ranks_better_is_promoted_with_the_interval_in_the_reason() -> None:
    found = compared(told(2.0), told(1.0))
    decision = gate(found)
    assert set(found.tasks) == set(NODE_TASKS)
    assert found.overall.low > 0
    assert decision.action is Action.PROMOTE
    assert "above zero" in decision.reason
    assert gate(found, needs_approval=True).action is Action.ASK


def test_an_equal_candidate_is_refused() -> None:
    found = compared(told(1.5), told(1.5))
    assert (found.overall.value, found.overall.low, found.overall.high) == (0, 0, 0)
    assert gate(found).action is Action.REFUSE


def test_a_worse_candidate_is_refused_with_what_it_is_worse_at() -> None:
    decision = gate(compared(told(1.0), told(2.0)))
    assert decision.action is Action.REFUSE
    assert "T2 auroc" in decision.reason


def test_better_ranking_does_not_excuse_probabilities_that_are_certainly_worse() -> None:
    loud = [replace(one, p=np.full_like(one.p, 0.97)) for one in told(2.0)]
    found = compared(loud, told(1.5))
    assert found.overall.low > 0
    decision = gate(found)
    assert decision.action is Action.REFUSE
    assert "brier_skill" in decision.reason


def test_seven_weeks_are_not_eight() -> None:
    decision = gate(compared(told(3.0, weeks=7), told(1.0, weeks=7)))
    assert decision.action is Action.REFUSE
    assert "7 of 8" in decision.reason


def test_only_weeks_that_both_answered_are_judged() -> None:
    found = compared(told(2.0, weeks=10)[2:], told(1.0, weeks=9))
    assert [one for one in found.weeks] == [one.at for one in told(1.0, weeks=9)[2:]]


def test_without_positives_or_with_nothing_else_nothing_is_judged() -> None:
    for came in (Came.NO, Came.YES, Came.UNKNOWN, Came.PREVENTED):
        ours, theirs = (
            [replace(one, came=np.full_like(one.came, came)) for one in told(skill)] for skill in (2.0, 1.0)
        )
        decision = gate(compared(ours, theirs))
        assert decision.action is Action.REFUSE
        assert "too little came true" in decision.reason
    assert gate(compared([], [])).action is Action.REFUSE


def test_rows_that_one_model_gives_no_number_for_are_judged_for_neither() -> None:
    ours = told(2.0)
    broken = [replace(one, p=np.where(np.arange(400)[:, None] < 100, np.nan, one.p)) for one in ours]
    found = compared(broken, told(1.0))
    assert found.tasks[Task.CHANGE].rows == 8 * 300
    assert np.isfinite(found.overall.value)


def test_a_serving_model_that_became_worse_goes_back_and_another_stays() -> None:
    assert watch(told(1.0), told(2.0), since=FIRST).action is Action.FALL_BACK
    assert watch(told(2.0), told(1.0), since=FIRST).action is Action.STAY
    assert watch(told(1.5), told(1.5), since=FIRST).action is Action.STAY
    assert watch([], [], since=FIRST).action is Action.STAY


def test_weeks_before_it_served_do_not_count_against_it() -> None:
    late = told(1.0)[5].at
    found = watch(told(1.0), told(2.0), since=late)
    assert found.action is Action.STAY
    assert "3 ended weeks" in found.reason


@settings(max_examples=25)
@given(st.floats(0, 3), st.floats(0, 3), st.integers(1, 50))
def test_nobody_is_both_better_than_another_and_the_other_way_round(one: float, other: float, seed: int) -> None:
    a, b = (drawn_weeks(8, rows=60, base=0.0, skill=skill, seed=seed) for skill in (one, other))
    forth, back = compared(a, b), compared(b, a)
    assert forth.overall.value == pytest.approx(-back.overall.value)
    assert {gate(forth).action, gate(back).action} != {Action.PROMOTE}


@given(st.integers(1, 50))
def test_the_scale_of_scores_does_not_change_who_ranks_better(seed: int) -> None:
    weeks = drawn_weeks(8, rows=60, base=0.0, seed=seed)
    scaled = [replace(one, scores=3 * one.scores + 1, p=sigmoid(one.scores)) for one in weeks]
    assert compared(scaled, weeks).overall.value == pytest.approx(0, abs=1e-12)


def test_every_step_is_in_the_table_or_refused() -> None:
    refused = 0
    for standing, trigger in product(Standing, Trigger):
        if (standing, trigger) in NEXT:
            assert stepped(standing, trigger, model="m") is NEXT[standing, trigger]
        else:
            refused += 1
            with pytest.raises(ConflictError):
                stepped(standing, trigger, model="m")
    assert len(NEXT) + refused == len(Standing) * len(Trigger)
