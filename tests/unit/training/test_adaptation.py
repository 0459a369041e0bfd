"""A candidate from a tenant's own weeks (synthetic): better where there is something to learn, else what is served."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.unit.training.made_network import drawn_relations, drawn_values
from tests.unit.training.made_predictor import drawn_predictor
from tests.unit.training.made_weeks import FIRST
from training.adaptation import LearnedWeek, base_rates, calibrated, candidate, enough, learned, told
from training.logistic import sigmoid
from training.outcomes import Came
from training.predictor import as_arrays
from training.promotion import Action, compared, gate
from training.shift import BINS

SERVING = drawn_predictor(seed=1)
NAME = "serving"
ROWS = 250


def lived(count: int, *, signal: float = 2.0, seed: int = 1, base: float = -1.0) -> list[LearnedWeek]:
    """Weeks in which one feature decides that the serving model does not read as it should."""
    draw, relations = np.random.default_rng(seed), drawn_relations(ROWS, edges=300, seed=seed)
    found = []
    for number in range(count):
        values = drawn_values(ROWS, seed=100 * seed + number)
        logits = SERVING.network.logits(values, relations).astype(np.float64)
        p = sigmoid(base + signal * values[:, [1]] + 0.3 * logits)
        happened = (draw.random(logits.shape) < p).astype(np.uint8)
        found.append(
            LearnedWeek(FIRST + timedelta(weeks=number), values, {NAME: logits}, happened, np.zeros_like(happened))
        )
    return found


def test_a_correction_is_part_of_the_network_itself() -> None:
    weeks = lived(6)
    made, correction = candidate(weeks, SERVING, NAME)
    relations = drawn_relations(ROWS, edges=300, seed=1)
    expected = correction.logits(SERVING.network, weeks[0].values, weeks[0].logits[NAME])
    np.testing.assert_allclose(made.network.logits(weeks[0].values, relations), expected, atol=1e-3)
    assert not np.allclose(expected, weeks[0].logits[NAME])


def test_what_can_be_learned_here_is_learned_and_passes_the_gate() -> None:
    weeks, judged = lived(10), lived(8, seed=2)
    made, correction = candidate(weeks, SERVING, NAME)
    before = calibrated(SERVING, weeks, NAME)
    ours = [told(made, one, correction.logits(SERVING.network, one.values, one.logits[NAME]), "b") for one in judged]
    theirs = [told(before, one, one.logits[NAME], "a") for one in judged]
    found = compared(ours, theirs)
    assert found.overall.low > 0.05
    assert gate(found).action is Action.PROMOTE


def test_where_outcomes_are_noise_nothing_is_promoted() -> None:
    weeks, judged = lived(10, signal=0.0), lived(8, seed=2, signal=0.0)
    noise = [replace(one, came=np.random.default_rng(at).integers(0, 2, one.came.shape, np.uint8)) for at, one in
             enumerate(weeks)]  # fmt: skip
    made, correction = candidate(noise, SERVING, NAME)
    before = calibrated(SERVING, noise, NAME)
    ours = [told(made, one, correction.logits(SERVING.network, one.values, one.logits[NAME]), "b") for one in judged]
    theirs = [told(before, one, one.logits[NAME], "a") for one in judged]
    assert gate(compared(ours, theirs)).action is Action.REFUSE


@pytest.mark.parametrize("code", [Came.NO, Came.YES, Came.UNKNOWN, Came.PREVENTED])
def test_a_task_of_which_nothing_can_be_learned_keeps_what_is_served(code: Came) -> None:
    weeks = [replace(one, came=np.full_like(one.came, code)) for one in lived(4)]
    assert enough(weeks) == []
    made, correction = candidate(weeks, SERVING, NAME)
    assert (correction.slope == 1).all()
    assert not correction.weights.any()
    assert made.tasks == SERVING.tasks
    np.testing.assert_array_equal(
        np.asarray(made.network.arrays["wide.weight"]), np.asarray(SERVING.network.arrays["wide.weight"])
    )


def test_no_weeks_learn_nothing() -> None:
    made, correction = candidate([], SERVING, NAME)
    assert made.reference is None
    assert (correction.offset == 0).all()
    assert all(np.isnan(rate) for rate in base_rates([]).values())


def test_values_that_are_not_numbers_count_as_the_mean() -> None:
    weeks = lived(6)
    for one in weeks:
        one.values[:5, 0] = np.nan
    made, correction = candidate(weeks, SERVING, NAME)
    assert np.isfinite(correction.weights).all()
    assert np.isfinite(
        made.answer(weeks[0].values, drawn_relations(ROWS, edges=300, seed=1))[next(iter(made.tasks))].p
    ).all()


def test_a_candidate_says_what_it_learned_from() -> None:
    made, _ = candidate(lived(6), SERVING, NAME)
    assert made.reference is not None
    assert made.reference.shape == (len(SERVING.names), BINS)
    assert made.reference.sum() == 6 * ROWS * len(SERVING.names)
    assert "reference/counts" in as_arrays(made)
    assert "reference/counts" not in as_arrays(SERVING)


def test_rows_that_nobody_knows_or_somebody_prevented_teach_nothing() -> None:
    weeks = lived(6)
    spoiled = []
    for one in weeks:
        came = one.came.copy()
        came[::2] = Came.UNKNOWN
        came[1::4] = Came.PREVENTED
        spoiled.append(replace(one, came=came))
    kept = [
        replace(
            one, values=one.values[3::4], logits={NAME: one.logits[NAME][3::4]}, came=one.came[3::4], why=one.why[3::4]
        )
        for one in weeks
    ]
    ours, theirs = learned(spoiled, SERVING, NAME), learned(kept, SERVING, NAME)
    np.testing.assert_allclose(ours.weights, theirs.weights, rtol=1e-6)
    np.testing.assert_allclose(ours.slope, theirs.slope, rtol=1e-6)
