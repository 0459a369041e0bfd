"""What the network's answer depends on, and that bad input has a defined answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from domain.errors import InputError
from tests.unit.training.made_network import FEATURES, drawn_network, drawn_relations, drawn_values
from training import forward
from training.forward import RELATIONS, SOFTENING, time_encoding, weighted_mean
from training.logistic import sigmoid
from training.relations import GROUPS, LINKS, Group, Lists, Relations

NETWORK = drawn_network()


def _renumbered(relations: Relations, order: np.ndarray) -> Relations:
    """The same relations, where row i stands at place `order[i]`."""
    back = np.argsort(order)

    def moved(lists: Lists) -> Lists:
        return replace(lists, others=order[lists.others].astype(np.int32))

    links = tuple(moved(one).chosen(back) for one in relations.links)
    groups = tuple(Group(one.codes[back], moved(one.members)) for one in relations.groups)
    return Relations(links, groups, relations.types[back], relations.type_names)


def test_the_order_of_rows_does_not_matter() -> None:
    relations, values = drawn_relations(30, edges=60), drawn_values(30)
    order = np.random.default_rng(3).permutation(30)
    moved = NETWORK.logits(values[np.argsort(order)], _renumbered(relations, order))
    np.testing.assert_allclose(moved[order], NETWORK.logits(values, relations), rtol=1e-5, atol=1e-6)


def test_other_edges_give_other_scores() -> None:
    relations, values = drawn_relations(30, edges=60), drawn_values(30)
    mixed = np.random.default_rng(4).permutation(relations.links[0].others).astype(np.int32)
    other = replace(relations, links=(replace(relations.links[0], others=mixed), relations.links[1]))
    assert np.abs(NETWORK.logits(values, other) - NETWORK.logits(values, relations)).max() > 1e-3


def test_the_age_of_an_edge_matters() -> None:
    relations, values = drawn_relations(30, edges=60), drawn_values(30)
    older = replace(relations.links[0], ages=relations.links[0].ages + 100)
    other = replace(relations, links=(older, relations.links[1]))
    assert np.abs(NETWORK.logits(values, other) - NETWORK.logits(values, relations)).max() > 1e-3


def test_logits_are_those_of_the_formula_row_by_row() -> None:
    relations, values = drawn_relations(40, edges=120), drawn_values(40)
    np.testing.assert_allclose(NETWORK.logits(values, relations), by_formula(values, relations), atol=1e-5)


@pytest.mark.parametrize("few", [0, 10**6])
def test_neither_blocks_nor_the_way_of_summing_change_what_is_told(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    relations, values = drawn_relations(60, edges=200), drawn_values(60)
    expected = NETWORK.passed(values, relations)
    for name, value in (("BLOCK_ROWS", 7), ("BLOCK_AGES", 11), ("FEW", few)):
        monkeypatch.setattr(forward, name, value)
    found = NETWORK.passed(values, relations)
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-5)
    for one, other in zip(found.states, expected.states, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert {one.dtype for one in (*found.states, found.logits)} == {np.dtype(np.float32)}


def by_formula(values: NDArray[np.float32], relations: Relations) -> NDArray[np.float64]:
    """The formula of `training.forward`, for one row and one voice after the other."""
    given = {name: np.asarray(one) for name, one in NETWORK.arrays.items()}
    standard = np.clip((values - given["mean"]) / given["scale"], -8, 8).astype(np.float64)
    embedded = given["embed.weight"][NETWORK.type_codes(relations)]
    state = np.maximum(standard @ given["encode.weight"].T + given["encode.bias"] + embedded, 0)
    for layer in range(NETWORK.layers):
        added = state @ given[f"own.{layer}.weight"].T + given[f"own.{layer}.bias"]
        for at, name in enumerate(RELATIONS):
            group = None if at < len(LINKS) else relations.groups[at - len(LINKS)]
            lists = relations.links[at] if group is None else group.members
            for row in range(len(values)):
                one = row if group is None else int(group.codes[row])
                mine = slice(int(lists.starts[one]), int(lists.starts[one + 1]))
                told = time_encoding(lists.ages[mine]) @ given[f"gate.{layer}.{name}.weight"][0]
                gates = sigmoid(told + given[f"gate.{layer}.{name}.bias"])
                heard = gates @ state[lists.others[mine]] / (gates.sum() + SOFTENING)
                added[row] += heard @ given[f"hear.{layer}.{name}.weight"].T
                added[row] += np.log(1 + gates.sum()) * given[f"count.{layer}.{name}"]
        state = state + np.maximum(added, 0)
    return np.asarray(standard @ given["wide.weight"].T + state @ given["head.weight"].T + given["head.bias"])


def test_a_mean_is_weighted_by_gates() -> None:
    lists = Lists(np.array([0, 2, 2]), np.array([0, 1], np.int32), np.zeros(2, np.float32))
    state = np.array([[1.0], [3.0]], np.float32)
    mean, mass = weighted_mean(lists, state, np.array([0.5, 1.0], np.float32))
    np.testing.assert_allclose(mean[:, 0], [(0.5 + 3.0) / 2.0, 0.0])
    np.testing.assert_allclose(mass, [1.5, 0.0])


def test_a_value_that_is_not_a_number_counts_as_the_mean() -> None:
    relations, values = drawn_relations(8, edges=6), drawn_values(8)
    values[3, 1] = np.nan
    filled = values.copy()
    filled[3, 1] = np.asarray(NETWORK.arrays["mean"])[1]
    np.testing.assert_allclose(NETWORK.logits(values, relations), NETWORK.logits(filled, relations), atol=1e-6)


def test_a_type_that_was_never_learned_has_the_embedding_of_the_unknown() -> None:
    relations = drawn_relations(8, edges=6)
    assert NETWORK.type_codes(relations).tolist() == [0 if one == 2 else one + 1 for one in relations.types]


def test_a_resource_that_nothing_is_joined_to_has_a_score() -> None:
    nothing = Lists(np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    alone = Group(np.zeros(1, np.int32), replace(nothing, starts=np.zeros(2, np.int64)))
    relations = Relations((nothing,) * len(LINKS), (alone,) * len(GROUPS), np.zeros(1, np.int32), ("resource:x",))
    assert np.isfinite(NETWORK.p(drawn_values(1), relations)).all()


def test_an_empty_graph_has_no_scores() -> None:
    nothing = Lists(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    group = Group(np.zeros(0, np.int32), nothing)
    relations = Relations((nothing,) * len(LINKS), (group,) * len(GROUPS), np.zeros(0, np.int32), ())
    assert NETWORK.p(np.zeros((0, FEATURES), np.float32), relations).shape == (0, 3)


def test_features_of_another_form_are_refused() -> None:
    with pytest.raises(InputError, match="fitted on other features") as refused:
        NETWORK.p(drawn_values(4, features=FEATURES + 1), drawn_relations(4, edges=2))
    assert refused.value.facts["expected"] == FEATURES
