"""Logistic regression with weights and a ridge, on standardised columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
RIDGE = 1e-4
STEPS_MAX = 150
BLOCK_ROWS = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """A fitted regression.

    Shapes:
        mean, scale, weights: float64 (k,).
    """

    mean: Numbers
    scale: Numbers
    weights: Numbers
    intercept: float

    def predict(self, values: NDArray[np.floating]) -> Numbers:
        """A probability for each row. A value that is not a number counts as the mean."""
        standard = standardised(values, self.mean, self.scale)
        return sigmoid(standard @ self.weights.astype(np.float32) + self.intercept)


def fit_logistic(
    values: NDArray[np.floating], labels: NDArray[np.bool_], weights: Numbers, *, ridge: float = RIDGE
) -> Logistic:
    """Fit by L-BFGS.

    Args:
        weights: how many rows each row stands for.
        ridge: penalty on standardised weights, per unit of total weight.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 (half a second of every process that never fits)

    total = weights.sum()
    mean = np.average(values, axis=0, weights=weights)
    scale = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    scale = np.where(scale > 1e-9, scale, 1.0)
    standard = standardised(values, mean, scale)
    share, signs = (weights / total).astype(np.float32), np.where(labels, 1.0, -1.0).astype(np.float32)

    def loss(point: Numbers) -> tuple[float, Numbers]:
        margin = signs * (standard @ point[1:].astype(np.float32) + np.float32(point[0]))
        value = (
            float((share * np.logaddexp(0, -margin)).sum(dtype=np.float64)) + ridge * float(point[1:] @ point[1:]) / 2
        )
        pull = -signs * share * sigmoid(-margin).astype(np.float32)
        slope = np.concatenate(([pull.sum(dtype=np.float64)], standard.T @ pull + ridge * point[1:]))
        return value, slope

    base = np.clip(np.average(labels, weights=weights), 1e-6, 1 - 1e-6)
    start = np.zeros(values.shape[1] + 1)
    start[0] = np.log(base / (1 - base))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS_MAX})
    return Logistic(mean, scale, found.x[1:], float(found.x[0]))


def sigmoid(values: NDArray[np.floating]) -> Numbers:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values.astype(np.float64), -60, 60))), np.float64)


def logit(p: Numbers, *, least: float = 1e-6) -> Numbers:
    """The inverse of `sigmoid`, for probabilities kept away from 0 and 1."""
    kept = np.clip(p, least, 1 - least)
    return np.asarray(np.log(kept / (1 - kept)), np.float64)


def standardised(
    values: NDArray[np.floating], mean: NDArray[np.floating], scale: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Columns with mean 0 and scale 1, no further than 8 from it; what is not a number counts as the mean.

    In blocks of rows that stay in the processor's cache, since every step reads all of them.
    """
    found = np.empty(values.shape, np.float32)
    low, factor = mean.astype(np.float32), (1 / scale).astype(np.float32)
    for start in range(0, len(values), BLOCK_ROWS):
        block = found[start : start + BLOCK_ROWS]
        np.subtract(values[start : start + BLOCK_ROWS], low, out=block, casting="same_kind")
        block *= factor
        if np.isnan(block.sum()):
            block[np.isnan(block)] = 0
        np.minimum(block, 8, out=block)
        np.maximum(block, -8, out=block)
    return found
