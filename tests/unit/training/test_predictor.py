"""What is served: the whole and one resource agree, it survives being kept, and it says whose calibration it has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from domain.errors import InputError
from tests.unit.training.made_network import drawn_relations, drawn_values
from tests.unit.training.made_predictor import drawn_predictor, with_pairing
from training.cochange import NAMES, PAIR_NAMES
from training.explanation import REMEDIES, Explainer
from training.forward import Network
from training.logistic import sigmoid
from training.pairs import Near, Pairs, near_pairs, pair_inputs
from training.predictor import POSITIVES_MIN, WEEKS_MIN, _predictor, as_arrays, load_predictor
from training.task import NODE_TASKS, Task
from training.weights import features_digest, manifest_path, write_weights

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


def _pairs() -> tuple[Pairs, np.ndarray]:
    pairs = np.array([(one, other) for one in (3, 17) for other in range(40) if one != other], np.int32)
    return pairs, drawn_values(len(pairs), features=len(NAMES))


def test_a_head_that_was_kept_answers_the_same_and_as_the_whole_graph_would(tmp_path: Path) -> None:
    made = with_pairing(PREDICTOR)
    write_weights(tmp_path / "m.npz", as_arrays(made), made.manifest)
    again = load_predictor(features_digest(PREDICTOR.names), tmp_path / "m.npz").pairing
    pairs, features = _pairs()
    assert made.pairing is not None
    assert again is not None
    told, kept = (one.told(VALUES, RELATIONS, pairs, features) for one in (made.pairing, again))
    np.testing.assert_array_equal(told.p, kept.p)
    whole = pair_inputs(made.pairing.network, Near(VALUES, RELATIONS, pairs), features)
    np.testing.assert_allclose(told.p, sigmoid(made.pairing.head.logits(whole)), atol=5e-3)
    near = pair_inputs(made.pairing.network, near_pairs(VALUES, RELATIONS, pairs, hops=made.network.layers), features)
    np.testing.assert_allclose(near, whole, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(again.counted(features), made.pairing.counted(features))


def test_what_an_input_adds_is_what_the_answer_lacks_without_it() -> None:
    pairing = with_pairing(PREDICTOR).pairing
    assert pairing is not None
    pairs, features = _pairs()
    told = pairing.told(VALUES, RELATIONS, pairs, features)
    at = PAIR_NAMES.index("together")
    without = features.copy()
    without[:, at] = np.asarray(pairing.head.arrays["mean"])[at]
    inputs = [pair_inputs(pairing.network, Near(VALUES, RELATIONS, pairs), one) for one in (features, without)]
    whole, less = (pairing.head.logits(one) for one in inputs)
    np.testing.assert_allclose(told.adds[:, at], whole - less, atol=1e-4)


def test_weights_of_the_first_schema_are_read_and_have_no_head(tmp_path: Path) -> None:
    write_weights(tmp_path / "m.npz", as_arrays(PREDICTOR), PREDICTOR.manifest)
    path = manifest_path(tmp_path / "m.npz")
    told = orjson.loads(path.read_bytes())
    del told["pairs_code"]
    path.write_bytes(orjson.dumps({**told, "schema": "policycortex.weights/1"}))
    again = load_predictor(features_digest(PREDICTOR.names), tmp_path / "m.npz")
    assert again.pairing is None
    assert again.manifest.pairs_code == ""


@pytest.mark.parametrize(
    ("name", "shape", "match"),
    [("T5/names", None, "other features of pairs"), ("T5/head/mean", (9,), "another network"),
     ("T5/head/wide.weight", (1, 9), "another network"), ("T5/beside/head.bias", None, "lack a part"),
     ("T5/network/values", None, "lack a part")],
)  # fmt: skip
def test_a_head_for_other_pairs_or_another_network_is_refused(
    tmp_path: Path, name: str, shape: tuple[int, ...] | None, match: str
) -> None:
    made = with_pairing(PREDICTOR)
    arrays = as_arrays(made)
    if name == "T5/names":
        arrays[name] = np.array(["hops"])
    elif shape is None:
        del arrays[name]
    else:
        arrays[name] = np.zeros(shape, np.float32)
    write_weights(tmp_path / "m.npz", arrays, made.manifest)
    with pytest.raises(InputError, match=match):
        load_predictor(features_digest(PREDICTOR.names), tmp_path / "m.npz")


def test_a_last_layer_that_was_corrected_leaves_the_head_as_it_was() -> None:
    made = with_pairing(PREDICTOR)
    assert made.pairing is not None
    corrected = replace(
        made, network=Network({**made.network.arrays, "head.bias": np.asarray(made.network.arrays["head.bias"]) + 3})
    )
    pairs, features = _pairs()
    again = _predictor(as_arrays(corrected), made.manifest).pairing
    assert again is not None
    before, after = (one.told(VALUES, RELATIONS, pairs, features).p for one in (made.pairing, again))
    np.testing.assert_array_equal(before, after)


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
