"""The shipped weights score as they did when they were fitted, whatever became of the code that scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.unit.training.made_network import drawn_relations
from training.predictor import shipped_predictor
from training.relations import ego
from training.shift import BINS

CARD = Path(__file__).parents[3] / "docs" / "model-card.md"
ROWS = (0, 50, 199)
TOLD = ((-8.30004, -3.41299, -5.19432), (-8.13064, -3.28146, -5.76994), (-8.03302, -3.7237, -5.01928))
"""Logits of T2, T3 and T4, as the code that the weights came with gave them (made-up resources)."""


def test_the_shipped_weights_give_the_scores_that_they_came_with() -> None:
    predictor, relations = shipped_predictor(), drawn_relations(200, edges=600)
    mean, scale = (np.asarray(predictor.network.arrays[name]) for name in ("mean", "scale"))
    drawn = np.random.default_rng(7).standard_normal((200, len(mean)))
    values = (mean + scale * drawn).astype(np.float32)
    np.testing.assert_allclose(predictor.network.logits(values, relations)[list(ROWS)], TOLD, atol=2e-5)
    nodes, near = ego(relations, np.array(ROWS), hops=predictor.network.layers)
    np.testing.assert_allclose(predictor.network.logits(values[nodes], near), TOLD, atol=2e-5)


def test_the_shipped_weights_say_how_features_were_distributed_in_what_they_learned_from() -> None:
    predictor = shipped_predictor()
    assert predictor.reference is not None
    assert predictor.reference.shape == (len(predictor.names), BINS)
    rows = predictor.reference.sum(axis=1)
    assert (rows == rows[0]).all()
    assert f"{rows[0]:,} rows" in CARD.read_text()
    assert predictor.manifest.sha256 in CARD.read_text()
