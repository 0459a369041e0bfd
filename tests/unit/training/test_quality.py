"""Figures over ended weeks: what is not known says nothing, and too little says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.training.made_weeks import drawn_weeks, with_outcome
from training.outcomes import Came, Why
from training.quality import POSITIVES_MIN, WEEKS, WeekTold, quality
from training.task import NODE_TASKS, Task


def test_a_model_with_skill_ranks_and_its_interval_holds_the_figure() -> None:
    found = quality(drawn_weeks())[Task.CHANGE]
    auroc = found.figures["auroc"]
    assert found.is_sufficient
    assert 0.75 < auroc.low <= auroc.value <= auroc.high < 1
    assert found.rows == 8 * 200
    assert [one.positives for one in found.by_week] == [int(w.came[:, 2].sum()) for w in drawn_weeks()]


def test_only_the_latest_weeks_count() -> None:
    weeks = drawn_weeks(WEEKS + 3)
    found = quality(weeks)[Task.STACK]
    assert [one.at for one in found.by_week] == [one.at for one in weeks[3:]]


def test_what_nobody_knows_is_left_out_and_counted() -> None:
    week = drawn_weeks(1)[0]
    rows = np.flatnonzero(week.came[:, 0] == Came.NO)[:50].tolist()
    found = quality([with_outcome(week, rows, Came.UNKNOWN, Why.NOT_SCANNED)])[NODE_TASKS[0]]
    assert (found.rows, found.unknown) == (150, 50)
    assert found.why == {Why.NOT_SCANNED: 50}


def test_a_prevented_violation_is_no_false_alarm_and_stands_beside() -> None:
    weeks = []
    for week in drawn_weeks():
        alarms = np.flatnonzero((week.came == Came.NO).all(axis=1) & (week.p[:, 0] > 0.5)).tolist()
        weeks.append(with_outcome(week, alarms, Came.PREVENTED, Why.MENDED))
    assert sum(int((one.came[:, 0] == Came.PREVENTED).sum()) for one in weeks) > 20
    found = quality(weeks)[NODE_TASKS[0]]
    assert found.figures["ap"].value > found.strict["ap"].value
    assert found.strict["auroc"] == quality(drawn_weeks())[NODE_TASKS[0]].figures["auroc"]


@pytest.mark.parametrize("rows", [0, 1])
def test_no_rows_are_insufficient(rows: int) -> None:
    for weeks in ([], drawn_weeks(3, rows=rows)):
        found = quality(weeks)[Task.NEIGHBOURHOOD]
        assert not found.is_sufficient
        assert found.figures == found.strict == {}


def test_fewer_than_thirty_positives_are_insufficient_and_thirty_are_not() -> None:
    week = drawn_weeks(1, rows=400)[0]
    came = np.zeros_like(week.came)
    came[: POSITIVES_MIN - 1, 0] = Came.YES
    came[:POSITIVES_MIN, 1] = Came.YES
    found = quality([replace(week, came=came)])
    assert [found[task].is_sufficient for task in NODE_TASKS] == [False, True, False]


def test_one_class_alone_ranks_nothing() -> None:
    week = drawn_weeks(1)[0]
    found = quality([replace(week, came=np.full_like(week.came, Came.YES))])[Task.STACK]
    assert np.isnan(found.figures["auroc"].value)
    assert found.base_rate.value == 1
    assert np.isnan(found.by_week[0].auroc)


def test_a_probability_that_is_not_a_number_is_not_judged() -> None:
    week = drawn_weeks(1)[0]
    p = week.p.copy()
    p[:10] = np.nan
    found = quality([replace(week, p=p)])[Task.STACK]
    assert (found.rows, found.unusable) == (190, 10)
    assert np.isfinite(found.figures["ece"].value)


@given(st.permutations(range(40)), st.integers(0, 5))
def test_the_order_of_rows_does_not_matter(order: list[int], seed: int) -> None:
    week = drawn_weeks(1, rows=40, base=0.0, seed=seed)[0]
    moved = WeekTold(week.at, week.model, week.scores[order], week.p[order], week.came[order], week.why[order])
    one, other = quality([week] * 3)[Task.CHANGE], quality([moved] * 3)[Task.CHANGE]
    assert one.positives == other.positives
    for name in one.figures:
        assert one.figures[name].value == pytest.approx(other.figures[name].value, nan_ok=True)
