"""How good scores are, and how sure that is: figures with intervals from resampling whole weeks.

Rows of one week share campaigns and people, so single rows are not independent; weeks are drawn with replacement.
Every figure is computed from counts per week and score, so a draw of weeks costs a weighted sum of counts, and two
models judged with the same draws can be compared draw by draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Draws = NDArray[np.float64]
SCORES_MAX = 3_000
"""Distinct scores of positives that are kept apart; beyond, neighbouring scores share a bin and count as ties."""
TOPS_PERCENT = (1, 5, 10)
FPR = 0.05
RELIABILITY_BINS = 15


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the interval in which 95 % of the draws fall."""

    value: float
    low: float
    high: float


def draws(weeks: int, *, count: int, seed: int) -> Draws:
    """How often each week is drawn; the first row is every week once.

    Shapes:
        Returns float64 (count + 1, weeks).
    """
    drawn = np.random.default_rng(seed).multinomial(weeks, np.full(weeks, 1 / weeks), size=count)
    return np.concatenate((np.ones((1, weeks)), drawn.astype(np.float64)))


def judge(
    scores: Numbers, p: Numbers | None, labels: NDArray[np.bool_], weeks: NDArray[np.integer], drawn: Draws
) -> dict[str, Numbers]:
    """Every figure for every draw of weeks; the first entry of each is the figure itself.

    Args:
        scores: what ranks the rows.
        p: the probability told of each row; None where a model tells none.
        weeks: the week of each row, in [0, number of weeks).
    """
    positives, negatives = _counted(scores, labels, weeks, drawn.shape[1])
    above, below = drawn @ positives, drawn @ negatives
    figures = _ranking(above, below)
    weekly = _auroc(positives, negatives)
    told = ~np.isnan(weekly)
    figures["auroc_weekly"] = _safe(drawn[:, told] @ weekly[told], drawn[:, told].sum(axis=1))
    if p is not None:
        figures["brier_skill"] = _brier_skill(p, labels, weeks, drawn)
        figures["ece"] = _ece(p, labels, weeks, drawn)
    return figures


def estimate(values: Numbers) -> Estimate:
    """The figure, with the interval of its draws."""
    told = values[1:][~np.isnan(values[1:])]
    if np.isnan(values[0]) or not len(told):
        return Estimate(float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(told, (0.025, 0.975))
    return Estimate(float(values[0]), float(low), float(high))


def difference(ours: Mapping[str, Numbers], theirs: Mapping[str, Numbers], metric: str) -> Estimate:
    """How much higher ours is than theirs, draw by draw."""
    return estimate(ours[metric] - theirs[metric])


def _counted(
    scores: Numbers, labels: NDArray[np.bool_], weeks: NDArray[np.integer], size: int
) -> tuple[Numbers, Numbers]:
    """Positives and negatives by week and score, highest score first. A positive's score has a bin of its own."""
    told = _told_apart(np.unique(scores[labels]))
    at = np.searchsorted(told, scores)
    exact = np.zeros(len(scores), np.int64)
    inside = at < len(told)
    exact[inside] = told[at[inside]] == scores[inside]
    bins = 2 * len(told) + 1
    places = bins - 1 - (2 * at + exact) + weeks.astype(np.int64) * bins
    counts = [np.bincount(places[chosen], minlength=size * bins) for chosen in (labels, ~labels)]
    return counts[0].reshape(size, bins).astype(np.float64), counts[1].reshape(size, bins).astype(np.float64)


def _told_apart(found: Numbers) -> Numbers:
    """Scores whose bins are kept: all, or the highest third of the room one by one and the rest evenly."""
    if len(found) <= SCORES_MAX:
        return found
    highest = SCORES_MAX // 3
    rest = np.linspace(0, len(found) - highest - 1, SCORES_MAX - highest).astype(np.int64)
    return np.concatenate((found[rest], found[-highest:]))


def _ranking(positives: Numbers, negatives: Numbers) -> dict[str, Numbers]:
    """Figures of rank alone, from counts by score, highest first; one row for each draw."""
    found = {"auroc": _auroc(positives, negatives)}
    hits, alarms = positives.cumsum(axis=1), negatives.cumsum(axis=1)
    total, none = hits[:, -1], alarms[:, -1]
    precision = np.nan_to_num(_safe(hits, hits + alarms))
    found["ap"] = _safe((positives * precision).sum(axis=1), total)
    found["base_rate"] = _safe(total, total + none)
    found["recall_at_fpr5"] = _safe(_reached(alarms, hits, FPR * none), total)
    for percent in TOPS_PERCENT:
        budget = (total + none) * percent / 100
        reached = _reached(hits + alarms, hits, budget)
        found[f"recall_at_top{percent}"] = _safe(reached, total)
        found[f"precision_at_top{percent}"] = _safe(reached, budget)
    return found


def _auroc(positives: Numbers, negatives: Numbers) -> Numbers:
    worse = negatives.sum(axis=1, keepdims=True) - negatives.cumsum(axis=1)
    wins = (positives * (worse + negatives / 2)).sum(axis=1)
    return _safe(wins, positives.sum(axis=1) * negatives.sum(axis=1))


def _reached(spent: Numbers, hits: Numbers, budget: Numbers) -> Numbers:
    """Hits when a budget is spent, going down the scores; within one score in proportion."""
    rows = np.arange(len(spent))
    at = np.minimum((spent <= budget[:, None]).sum(axis=1), spent.shape[1] - 1)
    before = np.maximum(at - 1, 0)
    spent_before = np.where(at > 0, spent[rows, before], 0.0)
    hits_before = np.where(at > 0, hits[rows, before], 0.0)
    width = spent[rows, at] - spent_before
    share = np.where(width > 0, (budget - spent_before) / np.where(width > 0, width, 1), 1.0)
    return np.asarray(hits_before + np.clip(share, 0, 1) * (hits[rows, at] - hits_before), np.float64)


def _brier_skill(p: Numbers, labels: NDArray[np.bool_], weeks: NDArray[np.integer], drawn: Draws) -> Numbers:
    """1 minus squared error over that of always saying the drawn weeks' base rate."""
    error = drawn @ np.bincount(weeks, (p - labels) ** 2, drawn.shape[1])
    rows = drawn @ np.bincount(weeks, minlength=drawn.shape[1])
    hits = drawn @ np.bincount(weeks, labels, drawn.shape[1])
    return 1 - _safe(error, hits * (1 - _safe(hits, rows)))


def _ece(p: Numbers, labels: NDArray[np.bool_], weeks: NDArray[np.integer], drawn: Draws) -> Numbers:
    """Mean distance of said from found, over bins of equally many rows."""
    cuts = np.unique(np.quantile(p, np.linspace(0, 1, RELIABILITY_BINS + 1)[1:-1])) if len(p) else np.zeros(0)
    places = np.searchsorted(cuts, p, side="right") + weeks.astype(np.int64) * (len(cuts) + 1)
    shape = (drawn.shape[1], len(cuts) + 1)
    gap = np.bincount(places, p - labels, shape[0] * shape[1]).reshape(shape)
    rows = drawn @ np.bincount(weeks, minlength=drawn.shape[1])
    return _safe(np.abs(drawn @ gap).sum(axis=1), rows)


def _safe(above: Numbers, below: Numbers) -> Numbers:
    return np.asarray(np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan), np.float64)
