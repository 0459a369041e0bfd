"""A model whose parameters are drawn (synthetic), with the features of `made_network`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.unit.training.made_network import drawn_network
from training.activity import Prior
from training.calibration import Isotonic
from training.logistic import Logistic, sigmoid
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
