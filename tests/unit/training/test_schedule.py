"""When a retraining is due: each reason by itself, and which of several counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from training.promotion import Action
from training.schedule import FAILED_PAUSE, PAUSE_MAX, REST, Attempt, Plan, Stand, Watched, due, held, rested_at
from training.task import Task

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)
PLAN = Plan(28 * DAY, shifted_min=0.5, auroc_min=0.6)
GOOD = Watched(8, {Task.STACK: 30}, 0.1, {Task.STACK: 0.9})


def attempts(*actions: Action | None, last: datetime = NOW) -> list[Attempt]:
    """Attempts that ended, a day apart."""
    days = range(len(actions) - 1, -1, -1)
    return [Attempt(last - day * DAY, last - day * DAY, action) for day, action in zip(days, actions, strict=True)]


def test_nothing_is_due_before_the_gate_could_judge() -> None:
    for watched in ({}, {"acme": replace(GOOD, weeks=7)}, {"acme": replace(GOOD, positives={Task.STACK: 29})}):
        found = due(NOW, PLAN, (), watched, began_at=NOW - 99 * DAY)
        assert found.stand is Stand.TOO_FEW
        assert found.next_at is None
    assert "7 of 8" in due(NOW, PLAN, (), {"acme": replace(GOOD, weeks=7)}, began_at=NOW).reason
    assert "T3 29" in due(NOW, PLAN, (), {"acme": replace(GOOD, positives={Task.STACK: 29})}, began_at=NOW).reason


def test_what_came_true_for_several_tenants_counts_together() -> None:
    half = replace(GOOD, positives={Task.STACK: 15})
    assert due(NOW, PLAN, (), {"acme": half}, began_at=NOW).stand is Stand.TOO_FEW
    assert due(NOW, PLAN, (), {"acme": half, "globex": half}, began_at=NOW).stand is Stand.LATER


def test_the_cadence_counts_from_the_last_decision_and_at_first_from_the_beginning() -> None:
    early = due(NOW, PLAN, (), {"acme": GOOD}, began_at=NOW - 27 * DAY)
    assert (early.stand, early.next_at) == (Stand.LATER, NOW + DAY)
    assert due(NOW, PLAN, (), {"acme": GOOD}, began_at=NOW - 28 * DAY).stand is Stand.DUE
    since = attempts(Action.PROMOTE, None, last=NOW - 20 * DAY)
    found = due(NOW, PLAN, since, {"acme": GOOD}, began_at=NOW - 99 * DAY)
    assert found.next_at == NOW + 7 * DAY, "28 days after the one that was decided, not the one that failed"


def test_without_a_cadence_only_a_cause_begins_one() -> None:
    plan = replace(PLAN, every=None)
    assert due(NOW, plan, (), {"acme": GOOD}, began_at=NOW - 999 * DAY).stand is Stand.LATER
    assert due(NOW, plan, (), {"acme": replace(GOOD, shifted=0.5)}, began_at=NOW).stand is Stand.DUE


def test_a_shift_or_poor_ranking_of_one_tenant_begins_one_and_says_whose() -> None:
    shifted = {"acme": GOOD, "globex": replace(GOOD, shifted=0.6)}
    found = due(NOW, PLAN, (), shifted, began_at=NOW)
    assert found.stand is Stand.DUE
    assert "60 % of the features of globex" in found.reason
    poor = {"acme": replace(GOOD, auroc_high={Task.CHANGE: 0.59}), "globex": GOOD}
    assert "T4 on acme is at most 0.590" in due(NOW, PLAN, (), poor, began_at=NOW).reason


@pytest.mark.parametrize(
    ("plan", "watched"),
    [
        (PLAN, replace(GOOD, shifted=0.49)),
        (PLAN, replace(GOOD, shifted=None)),
        (PLAN, replace(GOOD, auroc_high={Task.STACK: 0.6})),
        (replace(PLAN, shifted_min=None), replace(GOOD, shifted=1.0)),
        (replace(PLAN, auroc_min=None), replace(GOOD, auroc_high={Task.STACK: 0.1})),
    ],
)
def test_what_is_not_asked_for_or_not_beyond_its_threshold_begins_none(plan: Plan, watched: Watched) -> None:
    assert due(NOW, plan, (), {"acme": watched}, began_at=NOW).stand is Stand.LATER


def test_one_that_runs_or_waits_for_approval_holds_every_other() -> None:
    running = held(NOW, [*attempts(Action.PROMOTE), Attempt(NOW)])
    assert running is not None
    assert (running.stand, running.next_at) == (Stand.RUNNING, None)
    waits = held(NOW, (), waiting="global@2")
    assert waits is not None
    assert waits.stand is Stand.WAITING
    assert "global@2" in waits.reason
    assert held(NOW, ()) is None


@pytest.mark.parametrize(
    ("actions", "pause"),
    [
        ([Action.PROMOTE], REST),
        ([Action.FALL_BACK], REST),
        ([Action.REFUSE], REST),
        ([Action.REFUSE, Action.REFUSE], 2 * REST),
        ([Action.REFUSE] * 3, 4 * REST),
        ([Action.REFUSE] * 99, PAUSE_MAX),
        ([None], FAILED_PAUSE),
        ([None, None, None], 4 * FAILED_PAUSE),
        ([Action.REFUSE, None], 2 * FAILED_PAUSE),
        ([Action.REFUSE, Action.REFUSE, Action.PROMOTE], REST),
        ([None, Action.PROMOTE, None], FAILED_PAUSE),
    ],
)
def test_what_led_to_nothing_is_followed_by_longer_and_longer_pauses(
    actions: list[Action | None], pause: timedelta
) -> None:
    made = attempts(*actions)
    assert rested_at(made) == NOW + pause
    just_before = held(NOW + pause - DAY / 2, made)
    assert just_before is not None
    assert (just_before.stand, just_before.next_at) == (Stand.RESTING, NOW + pause)
    assert held(NOW + pause, made) is None


def test_nothing_rests_before_the_first() -> None:
    assert rested_at(()) is None
    assert rested_at([Attempt(NOW)]) is None
