"""The network learns from neighbours, finds nothing where there is nothing, and serves what it learned."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `gnn` is not installed")
pytest.importorskip("torch_geometric", reason="the extra `gnn` is not installed")

import torch

from domain.errors import InputError
from tests.unit.training.made_history import START
from tests.unit.training.made_network import FEATURES, drawn_relations, drawn_values
from training.dataset import GraphWeek
from training.forward import Network
from training.metrics import draws, judge
from training.network.fit import Reached, Teaching, drawn_rows, fit_network
from training.network.model import Form, RelationNetwork, neighbourhood

pytestmark = pytest.mark.slow
ROWS = 600
WEEKS = [START + timedelta(weeks=at) for at in range(4)]
LEARNT = Teaching(form=Form(width=12, dropout=0.0), epochs=15, rate=0.03)


def _week(seed: int, *, shuffled: bool = False) -> GraphWeek:
    """Rows come true where those that they refer to have a high first feature (planted)."""
    relations, values = drawn_relations(ROWS, edges=2 * ROWS, seed=seed), drawn_values(ROWS, seed=seed)
    links = relations.links[0]
    said = np.bincount(links.owners(), values[links.others, 0], ROWS)
    labels = np.repeat((said > 1.2)[:, None], 3, axis=1)
    if shuffled:
        labels = np.random.default_rng(seed).permutation(labels)
    return GraphWeek(values, relations, labels)


def _auroc(network: Network, week: GraphWeek) -> tuple[float, float, float]:
    found = judge(
        network.p(week.values, week.relations)[:, 0].astype(np.float64), None, week.labels[:, 0],
        np.arange(ROWS) % 10, draws(10, count=200, seed=1),
    )["auroc"]  # fmt: skip
    low, high = np.quantile(found[1:], (0.025, 0.975))
    return float(found[0]), float(low), float(high)


@pytest.fixture(scope="module")
def learned() -> Network:
    return fit_network(lambda at: _week(at.toordinal()), WEEKS, seed=1, teaching=LEARNT)


def test_what_neighbours_say_is_learned(learned: Network) -> None:
    assert _auroc(learned, _week(9))[0] > 0.8


def test_with_permuted_edges_it_is_no_longer_known(learned: Network) -> None:
    week = _week(9)
    mixed = np.random.default_rng(4).permutation(week.relations.links[0].others).astype(np.int32)
    back = np.random.default_rng(5).permutation(week.relations.links[1].others).astype(np.int32)
    links = (replace(week.relations.links[0], others=mixed), replace(week.relations.links[1], others=back))
    apart = replace(week, relations=replace(week.relations, links=links))
    assert _auroc(learned, apart)[0] < _auroc(learned, week)[0] - 0.2


def test_shuffled_labels_leave_nothing_to_find() -> None:
    network = fit_network(lambda at: _week(at.toordinal(), shuffled=True), WEEKS, seed=1, teaching=LEARNT)
    _, low, high = _auroc(network, _week(9, shuffled=True))
    assert low <= 0.5 <= high


def test_what_is_served_is_what_was_learned() -> None:
    torch.manual_seed(1)
    model = RelationNetwork(Form(width=10), features=FEATURES, types=2, tasks=3).eval()
    for one in model.parameters():
        torch.nn.init.normal_(one, std=0.3)
    relations, values = drawn_relations(200, edges=500), drawn_values(200)
    known = {"mean": values.mean(axis=0), "scale": values.std(axis=0), "type_names": np.array(relations.type_names[:2])}
    network = Network({**known, **model.arrays()})
    near = neighbourhood(relations, network.type_codes(relations), torch.device("cpu"))
    with torch.no_grad():
        expected = model(torch.from_numpy(network.standard(values)), near).numpy()
    np.testing.assert_allclose(network.logits(values, relations), expected, rtol=1e-5, atol=1e-5)


def test_one_seed_gives_one_network() -> None:
    short = replace(LEARNT, epochs=2)
    one, again, other = (
        fit_network(lambda at: _week(at.toordinal()), WEEKS[:2], seed=seed, teaching=short) for seed in (1, 1, 2)
    )
    for name, values in one.arrays.items():
        np.testing.assert_array_equal(values, again.arrays[name])
    assert not np.array_equal(one.arrays["head.weight"], other.arrays["head.weight"])


def test_rows_left_out_are_stood_for_by_weights() -> None:
    labels = np.zeros((40_000, 3), np.bool_)
    labels[:100, 0] = labels[:4000, 1] = True
    rows, weights = drawn_rows(labels, np.random.default_rng(1))
    assert set(range(100)) <= set(rows.tolist()), "every violation nearby is learned from"
    assert weights[rows < 100].tolist() == [1.0] * 100
    assert abs(weights.sum() - 40_000) < 3_000


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(InputError, match="no weeks to learn from"):
        fit_network(lambda at: _week(at.toordinal()), [], seed=1)


def test_learning_that_stopped_goes_on_as_if_it_had_not() -> None:
    teaching = replace(LEARNT, form=Form(width=8, dropout=0.2), epochs=4)
    reached: list[Reached] = []
    states: list[bytes] = []

    def note(one: Reached) -> None:
        reached.append(one)
        states.append(one.state())

    def load(at: datetime) -> GraphWeek:
        return _week(at.toordinal())

    whole = fit_network(load, WEEKS, seed=1, teaching=teaching, told=note)
    again = fit_network(load, WEEKS, seed=1, teaching=teaching, resumed=states[1])
    assert [one.epoch for one in reached] == [1, 2, 3, 4]
    assert all(np.array_equal(whole.arrays[name], again.arrays[name]) for name in whole.arrays)
    assert any(not np.array_equal(reached[1].network.arrays[name], whole.arrays[name]) for name in whole.arrays)
