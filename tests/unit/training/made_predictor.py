"""A model whose parameters are drawn (synthetic), with the features of `made_network`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.unit.training.made_network import drawn_network
from training.activity import Prior
from training.calibration import Isotonic
from training.cochange import NAMES
from training.forward import Network
from training.logistic import Logistic, sigmoid
from training.pairing import Pairing
from training.pairs import PairHead, inputs_count
from training.predictor import Predictor, Scale, TaskModel
from training.task import NODE_TASKS
from training.weights import Manifest, features_digest

MANIFEST = Manifest("", "made", "", "", "d" * 64, "c" * 64, (1,), "2022-01-03", "2025-12-29", {})


def drawn_predictor(names: tuple[str, ...] = tuple("abcde"), *, seed: int = 1) -> Predictor:
    """A model for features of these names."""
    draw = np.random.default_rng(seed)
    steps = np.linspace(-12, 12, 60)
    tasks = {
        task: TaskModel(
            Logistic(np.zeros(len(names)), np.ones(len(names)), draw.normal(size=len(names)), -2.0),
            Scale(Isotonic(steps, sigmoid(steps)), Isotonic(steps, sigmoid(steps - 1))),
        )
        for task in NODE_TASKS
    }
    manifest = replace(MANIFEST, features=features_digest(names))
    network = drawn_network(features=len(names), seed=seed)
    return Predictor(network, tasks, Prior({"resource:aws_s3_bucket": (1.0,) * 7}), names, manifest)


def with_pairing(predictor: Predictor, *, seed: int = 3) -> Predictor:
    """The model with a head for pairs whose parameters are drawn, of a network with another last layer."""
    draw, steps, network = np.random.default_rng(seed), np.linspace(-12, 12, 60), predictor.network

    def some(*shape: int) -> np.ndarray:
        return (draw.normal(size=shape) / 4).astype(np.float32)

    inputs, width = inputs_count(network, len(NAMES)), 5
    arrays = {
        "mean": some(inputs), "scale": 1 + np.abs(some(inputs)), "hidden.weight": some(width, inputs),
        "hidden.bias": some(width), "told.weight": some(1, width), "told.bias": some(1),
        "wide.weight": some(1, inputs),
    }  # fmt: skip
    beside = Network({**network.arrays, "head.bias": np.asarray(network.arrays["head.bias"]) + np.float32(1)})
    shares = np.linspace(0, 1, 20)
    scale, baseline = Isotonic(steps, sigmoid(steps)), Isotonic(shares, shares / 2)
    return replace(predictor, pairing=Pairing(PairHead(arrays), beside, scale, baseline))
