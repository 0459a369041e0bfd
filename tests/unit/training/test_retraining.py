"""A retraining from weeks to a decision (synthetic): judged on weeks that it did not see, undone where it failed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.unit.training.made_predictor import drawn_predictor
from tests.unit.training.test_adaptation import SERVING, lived
from training.adaptation import LearnedWeek, merged
from training.outcomes import WEEK, Came
from training.promotion import Action
from training.retraining import FORMER, GIVEN, PURGE, Order, retrained, split
from training.retraining import SERVING as NAME


def test_weeks_that_judge_are_the_last_eight_and_a_gap_lies_before_them() -> None:
    weeks = lived(16)
    learned, judged = split(weeks[::-1])
    assert [one.at for one in judged] == [one.at for one in weeks[8:]]
    assert learned[-1].at + WEEK + PURGE <= judged[0].at
    assert len(learned) == 7


def test_a_candidate_that_learned_something_is_promoted_or_waits() -> None:
    found = retrained(lived(18), Order(SERVING))
    assert found.decision.action is Action.PROMOTE
    assert found.made is not None
    assert found.comparison.overall.low > 0
    assert len(found.judged) == 8
    assert retrained(lived(18), Order(SERVING, needs_approval=True)).decision.action is Action.ASK


def test_too_few_weeks_are_refused_with_the_reason() -> None:
    for count in (0, 1, 8, 12):
        found = retrained(lived(count), Order(SERVING))
        assert found.decision.action is Action.REFUSE
        assert found.made is None
        assert "weeks to learn from" in found.decision.reason


def test_a_model_that_became_worse_than_the_one_before_falls_back_and_nothing_is_learned() -> None:
    weeks = lived(18)
    truth = {id(one): 2.0 * one.values[:, [1]] * np.ones((1, 3)) for one in weeks}
    weeks = [replace(one, logits={**one.logits, FORMER: truth[id(one)]}) for one in weeks]
    order = Order(SERVING, former=drawn_predictor(seed=2), since=weeks[8].at)
    found = retrained(weeks, order)
    assert found.decision.action is Action.FALL_BACK
    assert found.made is None
    late = retrained(weeks, replace(order, since=weeks[-1].at))
    assert late.watched.action is Action.STAY
    assert late.made is not None


def test_a_given_candidate_passes_the_same_gate() -> None:
    weeks = [replace(one, logits={**one.logits, GIVEN: one.logits[NAME]}) for one in lived(12)]
    found = retrained(weeks, Order(SERVING, given=SERVING))
    assert found.decision.action is Action.REFUSE
    assert found.comparison.overall.value == 0


def test_what_is_not_known_is_not_judged() -> None:
    weeks = [replace(one, came=np.full_like(one.came, Came.UNKNOWN)) for one in lived(18)]
    found = retrained(weeks, Order(SERVING))
    assert found.decision.action is Action.REFUSE
    assert "too little came true" in found.decision.reason
    assert all(one.unknown == 8 * 250 for one in found.theirs.values())


def test_the_future_of_what_is_judged_is_not_learned_from() -> None:
    weeks = lived(18)
    planted = [replace(one, came=1 - one.came) if at >= 10 else one for at, one in enumerate(weeks)]
    one, other = retrained(weeks, Order(SERVING)), retrained(planted, Order(SERVING))
    assert one.made is not None
    assert other.made is not None
    for name, array in one.made.network.arrays.items():
        np.testing.assert_array_equal(array, other.made.network.arrays[name])


def test_the_report_says_what_changed_in_the_data() -> None:
    weeks = lived(18)
    moved = replace(weeks[-1], values=weeks[-1].values + np.array([0, 0, 5, 0, 0], np.float32))
    found = retrained([*weeks[:-1], moved], Order(SERVING))
    assert found.shifted[0].feature == "c"
    assert found.features_before == weeks[8].at


def test_tenants_of_one_week_are_judged_together() -> None:
    one, other = lived(1)[0], lived(1, seed=2)[0]
    found = merged([one, other])
    assert len(found.values) == len(found.came) == len(found.logits[NAME]) == 500
    assert isinstance(found, LearnedWeek)
