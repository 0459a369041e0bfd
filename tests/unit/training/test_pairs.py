"""What joins two resources directly is read from the network's own lists, and the head is plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from domain.errors import InputError
from tests.unit.training.made_network import drawn_network, drawn_relations, drawn_values
from training.dataset import GraphWeek
from training.forward import SCALES_DAYS, Floats
from training.pairs import PairHead, Pairs, pair_inputs, ties
from training.relations import LINKS, Relations

ROWS = 60
DECAYS = 1 + len(SCALES_DAYS)


@pytest.fixture(scope="module")
def relations() -> Relations:
    return drawn_relations(ROWS, edges=150)


def _all_pairs() -> Pairs:
    return np.array([(one, other) for one in range(ROWS) for other in range(ROWS) if one != other], np.int32)


def test_a_link_is_told_with_decays_of_its_age(relations: Relations) -> None:
    pairs, found = _all_pairs(), ties(relations, _all_pairs())
    for at, lists in enumerate(relations.links):
        for (anchor, candidate), row in zip(pairs.tolist(), found[:, DECAYS * at : DECAYS * (at + 1)], strict=True):
            mine = slice(lists.starts[anchor], lists.starts[anchor + 1])
            ages = lists.ages[mine][lists.others[mine] == candidate]
            assert row[0] == (len(ages) > 0)
            if len(ages) == 1:
                np.testing.assert_allclose(row[1:], np.exp2(-ages[0] / np.array(SCALES_DAYS)), rtol=1e-5, atol=1e-6)
            if not len(ages):
                assert not row.any()


def test_groups_tell_who_shares_them_and_who_changed_last(relations: Relations) -> None:
    pairs = _all_pairs()
    found = ties(relations, pairs)[:, DECAYS * len(LINKS) :]
    for at, group in enumerate(relations.groups):
        for (anchor, candidate), row in zip(pairs.tolist(), found[:, 3 * at : 3 * at + 3], strict=True):
            number, members = group.codes[anchor], group.members
            latest = members.others[members.starts[number] : members.starts[number + 1]]
            is_same = number == group.codes[candidate]
            assert row.tolist() == [is_same, is_same and candidate in latest, is_same and anchor in latest]


def test_a_pair_is_told_the_same_whatever_stands_beside_it(relations: Relations) -> None:
    pairs, values = _all_pairs()[:40], drawn_values(40, features=7)
    network, features = drawn_network(), drawn_values(ROWS)
    found = pair_inputs(network, _week(features, relations, pairs), values)
    some = np.array([3, 31, 7])
    alone = pair_inputs(network, _week(features, relations, pairs[some]), values[some])
    np.testing.assert_array_equal(alone, found[some])


def test_a_week_without_pairs_and_values_that_are_no_numbers_are_defined(relations: Relations) -> None:
    assert len(pair_inputs(drawn_network(), _week(drawn_values(ROWS), relations, _all_pairs()[:0]), _NONE)) == 0
    inputs = drawn_values(5, features=3)
    inputs[2, 1] = np.nan
    assert np.isfinite(_head(inputs=3).p(inputs)).all()


def test_other_inputs_than_the_head_was_fitted_on_are_refused() -> None:
    with pytest.raises(InputError, match="other inputs") as refused:
        _head(inputs=3).logits(drawn_values(5, features=4))
    assert refused.value.facts["expected"] == 3


_NONE: Floats = np.zeros((0, 7), np.float32)


def _week(values: Floats, relations: Relations, pairs: Pairs) -> GraphWeek:
    return GraphWeek(values, relations, np.zeros((len(values), 3), np.bool_), pairs)


def _head(*, inputs: int, width: int = 4) -> PairHead:
    draw = np.random.default_rng(1)
    shapes = {"hidden.weight": (width, inputs), "hidden.bias": (width,), "told.weight": (1, width), "told.bias": (1,),
              "wide.weight": (1, inputs)}  # fmt: skip
    drawn = {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return PairHead({"mean": np.zeros(inputs, np.float32), "scale": np.ones(inputs, np.float32), **drawn})
