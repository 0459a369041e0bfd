"""Members are weighted by their latest weeks, never by what is asked about."""

from __future__ import annotations

import numpy as np
import pytest

from training.logistic import logit, sigmoid
from training.stacking import equal, fit_stack, stacked


def _weeks(count: int, *, rows: int = 4_000) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A member that knows, and one that guesses (synthetic)."""
    draw, answers, labels = np.random.default_rng(1), [], []
    for _ in range(count):
        p = draw.beta(1, 15, rows)
        answers.append(np.stack((p, draw.permutation(p)), axis=1))
        labels.append(draw.random(rows) < p)
    return answers, labels


def test_the_member_that_knows_weighs_more() -> None:
    answers, labels = _weeks(9)
    weights = stacked(answers, labels)[1][-1].weights
    assert weights[0] > 0.8
    assert abs(weights[1]) < 0.1


def test_the_first_week_is_the_plain_mean_of_logits() -> None:
    answers, labels = _weeks(2)
    logits, stacks = stacked(answers, labels)
    np.testing.assert_allclose(logits[0], logit(answers[0]).mean(axis=1))
    assert stacks[0].weights.tolist() == [0.5, 0.5]


def test_weights_do_not_change_with_the_outcome_that_is_asked_about() -> None:
    answers, labels = _weeks(5)
    other = [*labels[:4], ~labels[4]]
    np.testing.assert_array_equal(stacked(answers, labels)[0][4], stacked(answers, other)[0][4])


def test_few_positives_leave_members_near_equal() -> None:
    draw = np.random.default_rng(2)
    members, labels = draw.normal(-5, 1, (2_000, 2)), np.zeros(2_000, np.bool_)
    labels[:2] = True
    np.testing.assert_allclose(fit_stack(members, labels, seed=1).weights, 0.5, atol=0.1)


@pytest.mark.parametrize("is_true", [True, False])
def test_one_kind_of_outcome_is_defined(is_true: bool) -> None:
    members = np.random.default_rng(3).normal(size=(50, 3))
    found = fit_stack(members, np.full(50, is_true), seed=1)
    assert np.isfinite(sigmoid(found.logits(members))).all()
    if not is_true:
        assert found.weights.tolist() == equal(3).weights.tolist()
