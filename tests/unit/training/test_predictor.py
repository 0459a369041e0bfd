"""What is served: the whole and one resource agree, it survives being kept, and it says whose calibration it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domain.errors import InputError
from tests.unit.training.made_network import drawn_relations, drawn_values
from tests.unit.training.made_predictor import drawn_predictor
from training.explanation import REMEDIES, Explainer
from training.predictor import POSITIVES_MIN, WEEKS_MIN, as_arrays, load_predictor
from training.task import NODE_TASKS, Task
from training.weights import features_digest, write_weights

PREDICTOR = drawn_predictor()
RELATIONS, VALUES = drawn_relations(40, edges=90), drawn_values(40)


def test_one_resource_has_the_score_that_the_whole_tenant_gives() -> None:
    whole, few = PREDICTOR.answer(VALUES, RELATIONS), PREDICTOR.answer(VALUES, RELATIONS, np.array([5, 31]))
    for task in NODE_TASKS:
        np.testing.assert_allclose(few[task].p, whole[task].p[[5, 31]], rtol=1e-5)


def test_a_model_that_was_kept_answers_the_same(tmp_path: Path) -> None:
    write_weights(tmp_path / "m.npz", as_arrays(PREDICTOR), PREDICTOR.manifest)
    again = load_predictor(features_digest(PREDICTOR.names), tmp_path / "m.npz")
    assert again.names == PREDICTOR.names
    assert again.prior.counts == PREDICTOR.prior.counts
    for task, one in PREDICTOR.answer(VALUES, RELATIONS).items():
        np.testing.assert_array_equal(again.answer(VALUES, RELATIONS)[task].p, one.p)


def test_weights_without_a_part_are_refused(tmp_path: Path) -> None:
    arrays = as_arrays(PREDICTOR)
    del arrays["T3/weights"]
    write_weights(tmp_path / "m.npz", arrays, PREDICTOR.manifest)
    with pytest.raises(InputError, match="lack a part") as refused:
        load_predictor(features_digest(PREDICTOR.names), tmp_path / "m.npz")
    assert "T3/weights" in str(refused.value.facts["missing"])


def test_the_baseline_needs_no_graph() -> None:
    found = PREDICTOR.baseline(VALUES)
    assert all(((one.p >= 0) & (one.p <= 1)).all() for one in found.values())
    assert not np.allclose(found[Task.CHANGE].p, PREDICTOR.answer(VALUES, RELATIONS)[Task.CHANGE].p)


def test_a_tenant_with_outcomes_has_a_calibration_of_its_own() -> None:
    draw = np.random.default_rng(1)
    logits = np.sort(draw.normal(-3, 1, 4_000))
    came = draw.random(4_000) < 0.2
    own = PREDICTOR.calibrated_for({task: (logits, came) for task in NODE_TASKS}, weeks=WEEKS_MIN)
    assert own.is_calibrated_here
    assert abs(own.tasks[Task.CHANGE].scale.network.apply(logits).mean() - 0.2) < 0.02


@pytest.mark.parametrize(("weeks", "positives"), [(WEEKS_MIN - 1, 500), (WEEKS_MIN, POSITIVES_MIN - 1), (0, 0)])
def test_a_tenant_with_few_outcomes_keeps_the_global_model(weeks: int, positives: int) -> None:
    came = np.zeros(1_000, np.bool_)
    came[:positives] = True
    own = PREDICTOR.calibrated_for({Task.CHANGE: (np.zeros(1_000), came)}, weeks=weeks)
    assert own is PREDICTOR


def test_an_explanation_begins_from_the_told_probability() -> None:
    states = PREDICTOR.network.passed(VALUES, RELATIONS).states
    whole = PREDICTOR.answer(VALUES, RELATIONS)
    for row in (0, 7, 39):
        found = Explainer(PREDICTOR, VALUES, RELATIONS, states).explain(row)[Task.STACK]
        np.testing.assert_allclose(found.p, whole[Task.STACK].p[row], rtol=1e-4)
        sizes = [abs(one.adds) for one in found.features]
        assert sizes == sorted(sizes, reverse=True)


def test_a_feature_adds_what_the_answer_loses_without_it() -> None:
    relations, values = drawn_relations(1, edges=0), drawn_values(1)
    states = PREDICTOR.network.passed(values, relations).states
    part = Explainer(PREDICTOR, values, relations, states).explain(0)[Task.CHANGE].features[0]
    without = values.copy()
    at = PREDICTOR.names.index(part.name)
    without[0, at] = np.asarray(PREDICTOR.network.arrays["mean"])[at]
    explainer = Explainer(PREDICTOR, without, relations, states)
    told = PREDICTOR.answer(values, relations)[Task.CHANGE].p[0]
    # what the resource tells itself through its groups is held still
    assert part.adds == pytest.approx(told - explainer.explain(0)[Task.CHANGE].p, abs=1e-6)


def test_only_neighbours_are_named_as_neighbours() -> None:
    states = PREDICTOR.network.passed(VALUES, RELATIONS).states
    found = Explainer(PREDICTOR, VALUES, RELATIONS, states).explain(3)[Task.CHANGE].neighbours
    assert found
    for one in found:
        if "refers_to" in one.relations:
            links = RELATIONS.links[0]
            assert one.row in links.others[links.starts[3] : links.starts[4]]
        assert one.row != 3


def test_a_remedy_is_told_only_where_it_lowers_the_answer() -> None:
    names = ("own.open_violations", "own.age", "near.open_violations", "near.open_share", "stack.open_violations")
    predictor = drawn_predictor(names)
    values = np.abs(drawn_values(40))
    states = predictor.network.passed(values, RELATIONS).states
    explainer = Explainer(predictor, values, RELATIONS, states)
    found = [explainer.explain(row)[Task.NEIGHBOURHOOD] for row in range(10)]
    told = [remedy for one in found for remedy in one.remedies]
    assert told, "some of ten rows with drawn weights are lowered by something"
    assert all(remedy.p < one.p for one in found for remedy in one.remedies)
    assert {remedy.action for remedy in told} <= set(REMEDIES)
    values[:, :] = 0
    nothing = Explainer(predictor, values, RELATIONS, predictor.network.passed(values, RELATIONS).states)
    assert nothing.explain(0)[Task.NEIGHBOURHOOD].remedies == ()
