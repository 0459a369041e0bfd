"""Gradient-boosted trees (LightGBM), deterministic for a seed."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large and how careful the trees are. One thread: on a busy machine several wait for each other."""

    rounds: int = 180
    rate: float = 0.06
    leaves: int = 31
    rows_in_leaf_min: int = 60
    columns_share: float = 0.5
    rows_share: float = 0.7
    ridge: float = 5.0
    threads: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Boosting:
    """Fitted trees, one booster for each seed; they answer with their mean."""

    boosters: tuple[lightgbm.Booster, ...]

    def predict(self, values: NDArray[np.floating]) -> Numbers:
        """A probability for each row. A value that is not a number goes where the trees learned to send it."""
        answers = [np.asarray(one.predict(values), np.float64) for one in self.boosters]
        return np.asarray(np.mean(answers, axis=0), np.float64)

    def gains(self) -> Numbers:
        """How much each column lowered the loss."""
        return np.asarray(np.sum([one.feature_importance("gain") for one in self.boosters], axis=0), np.float64)


def fit_boosting(
    values: NDArray[np.floating],
    labels: NDArray[np.bool_],
    weights: Numbers,
    *,
    seeds: tuple[int, ...],
    shape: Shape = Shape(),
) -> Boosting:
    """Fit one booster for each seed."""
    data = lightgbm.Dataset(values, label=labels.astype(np.float32), weight=weights / weights.mean())
    return Boosting(tuple(lightgbm.train(_options(shape, seed), data, shape.rounds) for seed in seeds))


def _options(shape: Shape, seed: int) -> dict[str, object]:
    return {
        "objective": "binary", "learning_rate": shape.rate, "num_leaves": shape.leaves,
        "min_data_in_leaf": shape.rows_in_leaf_min, "feature_fraction": shape.columns_share,
        "bagging_fraction": shape.rows_share, "bagging_freq": 1, "lambda_l2": shape.ridge, "seed": seed,
        "num_threads": shape.threads, "deterministic": True, "force_row_wise": True, "verbosity": -1,
        "feature_pre_filter": False, "max_bin": 127,
    }  # fmt: skip
