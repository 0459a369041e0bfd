"""Scores into probabilities that mean what they say: isotonic and temperature scaling, fitted on weeks before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.logistic import logit, sigmoid

Numbers = NDArray[np.float64]
BINS_MAX = 400
ROWS_IN_BIN_MIN = 25
HISTORY_WEEKS = 26
HALF_LIFE_WEEKS = 13.0
"""Finished weeks that say what scores mean, and after how many a week counts half. Single weeks of campaigns swing by
more than they tell of the next one, so half a year says more than two months; rates move slowly beneath."""


@dataclass(frozen=True, slots=True, eq=False)
class Isotonic:
    """A function that never falls: steps at `scores`, straight lines between.

    Shapes:
        scores, values: float64 (k,), ascending.
    """

    scores: Numbers
    values: Numbers

    def apply(self, scores: Numbers) -> Numbers:
        """The probability that each score stands for."""
        return np.interp(scores, self.scores, self.values)


def fit_weekly(scores: Sequence[Numbers], labels: Sequence[NDArray[np.bool_]]) -> Isotonic:
    """What scores mean, from finished weeks, oldest first: at most `HISTORY_WEEKS` of them, later ones counting more.

    Shapes:
        scores: for each week float64 (n,). labels: for each week bool (n,).
    """
    latest = slice(-HISTORY_WEEKS, None)
    sizes = [len(one) for one in scores[latest]]
    ages = np.repeat(np.arange(len(sizes), dtype=np.float64)[::-1], sizes)
    past = np.concatenate([np.zeros(0), *scores[latest]])
    came = np.concatenate([np.zeros(0, np.bool_), *labels[latest]])
    return fit_isotonic(past, came, 0.5 ** (ages / HALF_LIFE_WEEKS))


def fit_isotonic(
    scores: Numbers, labels: NDArray[np.bool_], weights: Numbers | None = None, *, pseudo: float = 1.0
) -> Isotonic:
    """Pool adjacent violators over bins of equally many rows, finer towards the highest scores.

    Args:
        weights: how much each row counts; each as one where not given.
        pseudo: rows of the mean rate added to what was pooled, so that few rows do not say 0 or 1. Each pool gets them
            once, however many bins it is of: given to each bin, they would draw thousands of rows to the mean as much
            as a few.
    """
    if not len(scores):
        return Isotonic(np.zeros(1), np.full(1, 0.5))
    order = np.argsort(scores, kind="stable")
    ranked, counts = scores[order], np.ones(len(order)) if weights is None else weights[order]
    starts = _starts(len(ranked))
    rows = np.add.reduceat(counts, starts)
    sums = np.add.reduceat(counts * labels[order], starts)
    pools = _pool_starts(_pooled(sums / rows, rows))
    heavy = np.add.reduceat(rows, pools) + pseudo
    drawn = _pooled((np.add.reduceat(sums, pools) + pseudo * sums.sum() / rows.sum()) / heavy, heavy)
    values = np.repeat(drawn, np.diff(np.append(pools, len(rows))))
    return Isotonic(np.add.reduceat(counts * ranked, starts) / rows, values)


def fit_temperature(p: Numbers, labels: NDArray[np.bool_]) -> float:
    """The number by which logits are divided so that the log loss is least."""
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 (half a second of every process that never fits)

    margins = logit(p) * np.where(labels, 1.0, -1.0)
    found = minimize_scalar(lambda t: float(np.logaddexp(0, -margins / t).mean()), bounds=(0.05, 20), method="bounded")
    return float(found.x)


def tempered(p: Numbers, temperature: float) -> Numbers:
    """Probabilities with their logits divided."""
    return sigmoid(logit(p) / temperature)


def _starts(size: int) -> NDArray[np.int64]:
    """First rows of the bins: half of them hold the highest tenth of the rows."""
    bins, split = max(min(BINS_MAX, size // ROWS_IN_BIN_MIN), 2), int(size * 0.9)
    low = np.linspace(0, split, bins // 2, endpoint=False)
    high = np.linspace(split, size, min(bins // 2, max((size - split) // ROWS_IN_BIN_MIN, 1)), endpoint=False)
    return np.unique(np.concatenate((low, high)).astype(np.int64))


def _pool_starts(pooled: Numbers) -> NDArray[np.intp]:
    """First bins of the pools."""
    return np.flatnonzero(np.diff(pooled, prepend=-1.0))


def _pooled(rates: Numbers, weights: Numbers) -> Numbers:
    blocks: list[list[float]] = []
    for rate, weight in zip(rates.tolist(), weights.tolist(), strict=True):
        blocks.append([rate, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            after, before = blocks.pop(), blocks.pop()
            total = before[1] + after[1]
            blocks.append([(before[0] * before[1] + after[0] * after[1]) / total, total, before[2] + after[2]])
    return np.repeat([one[0] for one in blocks], [int(one[2]) for one in blocks])
