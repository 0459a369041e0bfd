"""The head of T5 learns what the states of both ends say, and is served as it was learned."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `gnn` is not installed")
pytest.importorskip("torch_geometric", reason="the extra `gnn` is not installed")

import torch

from domain.errors import InputError
from training.network.pairs import PairModel, PairTeaching, fit_pairs
from training.pairs import PairHead

SHORT = PairTeaching(width=16, epochs=12, rows=128, rate=1e-2)


def _drawn(rows: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that come true where two inputs agree in sign (planted); alone neither says anything."""
    inputs = np.random.default_rng(seed).normal(size=(rows, 4)).astype(np.float32)
    return inputs, inputs[:, 0] * inputs[:, 1] > 0


def test_what_takes_both_ends_is_learned() -> None:
    head = fit_pairs(*_drawn(4_000, seed=1), seed=1, teaching=SHORT)
    inputs, labels = _drawn(2_000, seed=2)
    assert ((head.p(inputs) > 0.5) == labels).mean() > 0.85


def test_what_is_served_is_what_was_learned() -> None:
    torch.manual_seed(1)
    model = PairModel(6, 5, 0.3).eval()
    for one in model.parameters():
        torch.nn.init.normal_(one, std=0.5)
    inputs = np.random.default_rng(1).normal(size=(300, 6)).astype(np.float32)
    arrays = {name: one.detach().numpy() for name, one in model.named_parameters()}
    head = PairHead({"mean": inputs.mean(axis=0), "scale": inputs.std(axis=0), **arrays})
    with torch.no_grad():
        expected = model(torch.from_numpy(head.standard(inputs))).numpy()
    np.testing.assert_allclose(head.logits(inputs), expected, rtol=1e-5, atol=1e-5)


def test_one_seed_gives_one_head() -> None:
    short = PairTeaching(width=4, epochs=1)
    one, again, other = (fit_pairs(*_drawn(500, seed=1), seed=seed, teaching=short) for seed in (1, 1, 2))
    for name, values in one.arrays.items():
        np.testing.assert_array_equal(values, again.arrays[name])
    assert not np.array_equal(one.arrays["told.weight"], other.arrays["told.weight"])


def test_no_pair_to_learn_from_is_refused() -> None:
    with pytest.raises(InputError, match="no pairs to learn from"):
        fit_pairs(np.zeros((0, 4), np.float32), np.zeros(0, np.bool_), seed=1)
