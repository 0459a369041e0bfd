"""Scores become probabilities, and sets cover as often as they say, also when the world shifts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.calibration import (
    HALF_LIFE_WEEKS,
    HISTORY_WEEKS,
    fit_isotonic,
    fit_temperature,
    fit_weekly,
    tempered,
)
from training.conformal import rolling_coverage
from training.logistic import fit_logistic, logit, sigmoid


def _week(draw: np.random.Generator, *, rate: float = 0.1, rows: int = 2_000) -> tuple[np.ndarray, np.ndarray]:
    labels = draw.random(rows) < rate
    return sigmoid(draw.normal(size=rows) + 2.0 * labels - 3), labels


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_isotonic_probabilities_never_fall_and_stay_within_bounds(rows: list[tuple[float, bool]]) -> None:
    scores, labels = np.array([s for s, _ in rows]), np.array([x for _, x in rows])
    answers = fit_isotonic(scores, labels).apply(np.linspace(-1, 2, 30))
    assert (np.diff(answers) >= 0).all()
    assert answers.min() >= 0
    assert answers.max() <= 1


def test_isotonic_recovers_the_true_probability() -> None:
    draw = np.random.default_rng(1)
    p = draw.beta(1, 5, 60_000)
    fitted = fit_isotonic(np.log(p) * 3 + 7, draw.random(60_000) < p)
    asked = np.array([0.05, 0.2, 0.5])
    np.testing.assert_allclose(fitted.apply(np.log(asked) * 3 + 7), asked, atol=0.03)


def test_temperature_undoes_overconfidence() -> None:
    draw = np.random.default_rng(2)
    p = draw.beta(2, 6, 30_000)
    labels = draw.random(30_000) < p
    overconfident = sigmoid(3 * logit(p))
    temperature = fit_temperature(overconfident, labels)
    assert 2.7 < temperature < 3.3
    np.testing.assert_allclose(tempered(overconfident, temperature), p, atol=0.03)


def test_both_classes_are_covered_as_often_as_asked() -> None:
    draw = np.random.default_rng(3)
    told = rolling_coverage([_week(draw) for _ in range(40)], nominal=0.9)
    assert abs(told.positives - 0.9) < 0.02
    assert abs(told.negatives - 0.9) < 0.02
    assert 0 < told.abstained < 0.6


def test_coverage_comes_back_after_a_shift_of_all_scores() -> None:
    draw = np.random.default_rng(4)
    calm = [_week(draw) for _ in range(15)]
    shifted = [(p * 0.3, labels) for p, labels in (_week(draw) for _ in range(40))]
    told = rolling_coverage([*calm, *shifted], nominal=0.9, warm_up=25)
    assert abs(told.positives - 0.9) < 0.02


def test_without_weeks_nothing_is_claimed() -> None:
    told = rolling_coverage([], nominal=0.9)
    assert np.isnan(told.positives)


def test_logistic_regression_finds_the_weights_that_made_the_labels() -> None:
    draw = np.random.default_rng(5)
    values = draw.normal(size=(40_000, 3)) * np.array([1.0, 5.0, 1.0]) + 2
    p = sigmoid((values[:, 0] - 2) * 1.5 - (values[:, 1] - 2) / 5 - 2)
    labels = draw.random(40_000) < p
    fitted = fit_logistic(values, labels, np.ones(40_000))
    np.testing.assert_allclose(fitted.weights, [1.5, -1.0, 0.0], atol=0.08)
    np.testing.assert_allclose(fitted.predict(values), p, atol=0.05)


def test_weights_stand_for_rows_that_were_left_out() -> None:
    draw = np.random.default_rng(6)
    values = draw.normal(size=(60_000, 2))
    labels = draw.random(60_000) < sigmoid(values[:, 0] - 3)
    kept = labels | (draw.random(60_000) < 0.2)
    weights = np.where(labels, 1.0, 5.0)[kept]
    fitted = fit_logistic(values[kept], labels[kept], weights)
    assert abs(fitted.predict(values).mean() - labels.mean()) < 0.005


def test_a_value_that_is_not_a_number_counts_as_the_mean() -> None:
    draw = np.random.default_rng(7)
    values = draw.normal(size=(2_000, 2)).astype(np.float32)
    fitted = fit_logistic(values, draw.random(2_000) < sigmoid(values[:, 0]), np.ones(2_000))
    asked = np.array([[np.nan, 0.0]], np.float32)
    assert fitted.predict(asked)[0] == fitted.predict(np.array([[fitted.mean[0], 0.0]]))[0]


def test_rows_without_an_error_are_drawn_to_the_mean_once_and_not_by_every_bin() -> None:
    scores = np.random.default_rng(8).normal(size=5_000)
    fitted = fit_isotonic(scores, scores > 0.3)
    none, all_ = int((scores <= 0.3).sum()), int((scores > 0.3).sum())
    low, high = fitted.apply(np.array([-9.0, 9.0]))
    base = all_ / len(scores)
    np.testing.assert_allclose([low, 1 - high], [base / none, (1 - base) / all_], rtol=0.1)


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=1, max_size=200),
    st.floats(0.01, 1),
)
def test_weights_count_against_each_other(rows: list[tuple[int, bool]], weight: float) -> None:
    scores, labels = np.array([float(s) for s, _ in rows]), np.array([x for _, x in rows])
    asked = np.linspace(-10, 10, 30)
    whole = fit_isotonic(scores, labels)
    same = fit_isotonic(scores, labels, np.ones(len(rows)))
    np.testing.assert_array_equal(whole.apply(asked), same.apply(asked))
    less = fit_isotonic(scores, labels, np.full(len(rows), weight), pseudo=weight)
    np.testing.assert_allclose(less.apply(asked), whole.apply(asked), atol=1e-9)


def test_later_weeks_count_more_and_weeks_before_the_last_half_year_do_not() -> None:
    draw = np.random.default_rng(9)
    scores = [draw.normal(size=2_000) for _ in range(HISTORY_WEEKS + 4)]
    rates = [0.9] * 4 + [0.6] * (HISTORY_WEEKS // 2) + [0.2] * (HISTORY_WEEKS // 2)
    labels = [draw.random(len(one)) < rate for one, rate in zip(scores, rates, strict=True)]
    told = fit_weekly(scores, labels).apply(np.concatenate(scores)).mean()
    age = np.arange(HISTORY_WEEKS)[::-1]
    expected = np.average(rates[4:], weights=0.5 ** (age / HALF_LIFE_WEEKS))
    assert abs(told - expected) < 0.01
    assert told < 0.36, "both halves alike would be 0.4"


def test_without_weeks_the_probability_is_one_half() -> None:
    assert fit_weekly([], []).apply(np.zeros(1)).tolist() == [0.5]
