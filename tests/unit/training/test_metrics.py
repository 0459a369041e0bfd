"""Figures from counts equal figures from rows, and intervals come from whole weeks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import difference, draws, estimate, judge


def _auroc(scores: list[int], labels: list[bool]) -> float:
    pairs = [(a > b) + (a == b) / 2 for a, x in zip(scores, labels, strict=True) if x
             for b, y in zip(scores, labels, strict=True) if not y]  # fmt: skip
    return sum(pairs) / len(pairs)


def _average_precision(scores: list[int], labels: list[bool]) -> float:
    """Precision at each distinct score, weighed by the recall that it adds."""
    found = 0.0
    for score in sorted(set(scores), reverse=True):
        at = [x for s, x in zip(scores, labels, strict=True) if s >= score]
        new = sum(x for s, x in zip(scores, labels, strict=True) if s == score)
        found += new / sum(labels) * sum(at) / len(at)
    return found


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60))
def test_ranking_figures_equal_those_of_all_pairs(rows: list[tuple[int, bool]]) -> None:
    scores, labels = [s for s, _ in rows], [x for _, x in rows]
    if all(labels) or not any(labels):
        return
    weeks = np.zeros(len(rows), np.int64)
    found = judge(np.array(scores, float), None, np.array(labels), weeks, draws(1, count=1, seed=1))
    assert found["auroc"][0] == pytest.approx(_auroc(scores, labels))
    assert found["ap"][0] == pytest.approx(_average_precision(scores, labels))


def test_recall_at_a_false_positive_rate_and_at_a_budget_are_counted_from_the_top() -> None:
    labels = np.zeros(1000, np.bool_)
    labels[[0, 1, 2, 60, 900]] = True
    found = judge(-np.arange(1000.0), None, labels, np.zeros(1000, np.int64), draws(1, count=1, seed=1))
    assert found["recall_at_fpr5"][0] == pytest.approx(3 / 5, abs=0.01)
    assert found["recall_at_top1"][0] == pytest.approx(3 / 5)
    assert found["precision_at_top1"][0] == pytest.approx(3 / 10)
    assert found["recall_at_top10"][0] == pytest.approx(4 / 5)


def test_true_probabilities_are_calibrated_and_have_skill() -> None:
    draw = np.random.default_rng(1)
    p = draw.beta(1, 9, 40_000)
    labels, weeks = draw.random(40_000) < p, np.arange(40_000) % 20
    found = judge(p, p, labels, weeks, draws(20, count=50, seed=1))
    assert found["ece"][0] < 0.01
    assert found["brier_skill"][0] > 0.05
    twice = judge(p, np.minimum(2 * p, 1), labels, weeks, draws(20, count=50, seed=1))
    assert twice["ece"][0] > 0.08
    assert twice["auroc"][0] == found["auroc"][0]


def test_scores_without_information_stand_at_half_and_their_interval_holds_it() -> None:
    draw = np.random.default_rng(2)
    labels, weeks = draw.random(20_000) < 0.05, np.arange(20_000) % 25
    told = estimate(judge(draw.random(20_000), None, labels, weeks, draws(25, count=200, seed=1))["auroc"])
    assert told.low < 0.5 < told.high
    assert told.high - told.low < 0.1


def test_the_interval_is_wider_where_weeks_differ() -> None:
    draw = np.random.default_rng(3)
    weeks = np.arange(20_000) % 20
    labels = draw.random(20_000) < 0.1
    signal = np.where(weeks % 2 == 0, 2.0, 0.0)
    even = judge(draw.normal(size=20_000) + labels, None, labels, weeks, draws(20, count=300, seed=1))["auroc"]
    uneven = judge(draw.normal(size=20_000) + labels * signal, None, labels, weeks, draws(20, count=300, seed=1))[
        "auroc"
    ]
    width = [estimate(one).high - estimate(one).low for one in (even, uneven)]
    assert width[1] > 1.5 * width[0]


def test_a_difference_is_taken_draw_by_draw() -> None:
    draw = np.random.default_rng(4)
    labels, weeks, drawn = draw.random(10_000) < 0.1, np.arange(10_000) % 10, draws(10, count=200, seed=1)
    weak = draw.normal(size=10_000) + labels
    strong = weak + 0.3 * labels
    ours, theirs = judge(strong, None, labels, weeks, drawn), judge(weak, None, labels, weeks, drawn)
    told = difference(ours, theirs, "auroc")
    assert told.low > 0
    assert difference(ours, ours, "auroc").value == 0


def test_a_figure_without_positives_is_not_a_number() -> None:
    found = judge(np.arange(10.0), None, np.zeros(10, np.bool_), np.zeros(10, np.int64), draws(1, count=5, seed=1))
    assert np.isnan(estimate(found["auroc"]).value)
    assert np.isnan(estimate(found["ap"]).low)
