"""The model that is served: members' answers weighed together and calibrated on the latest finished weeks.

At an origin only weeks whose windows had ended by then are looked at. Weights and calibration are fitted anew each
week, so both follow base rates that move.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.calibration import fit_isotonic
from training.logistic import fit_logistic, logit
from training.rolling import Scored

Numbers = NDArray[np.float64]
HISTORY_WEEKS = 8
SERVING = "stacked and calibrated"
TIES = 0.02
"""Share of the uncalibrated answer that is kept, so that rows on one step of the calibration stay in order."""
NEGATIVES_DRAWN = 40_000
RIDGE = 1e-3


def served(scored: Sequence[Scored], members: Sequence[str], *, seed: int) -> list[Numbers]:
    """The served probability of each row of each origin, in order."""
    margins = [np.stack([logit(one.scores[name].astype(np.float64)) for name in members], axis=1) for one in scored]
    answers = []
    for at, own in enumerate(margins):
        back = range(max(0, at - HISTORY_WEEKS), at)
        past = np.concatenate([margins[k] for k in back]) if back else own[:0]
        labels = np.concatenate([scored[k].labels for k in back]) if back else np.zeros(0, np.bool_)
        answers.append(_one(own, past, labels, np.random.default_rng((seed, at))))
    return answers


def calibrated(scored: Sequence[Scored], name: str) -> list[Numbers]:
    """One member's scores as probabilities, each origin by the weeks before it."""
    answers = []
    for at, one in enumerate(scored):
        back = scored[max(0, at - HISTORY_WEEKS) : at]
        own = one.scores[name].astype(np.float64)
        past = np.concatenate([b.scores[name] for b in back]).astype(np.float64) if back else own[:0]
        labels = np.concatenate([b.labels for b in back]) if back else np.zeros(0, np.bool_)
        answers.append(fit_isotonic(past, labels).apply(own))
    return answers


def _one(own: Numbers, past: Numbers, labels: NDArray[np.bool_], draw: np.random.Generator) -> Numbers:
    if labels.sum() < 2 or labels.all():
        return np.asarray(1 / (1 + np.exp(-own.mean(axis=1))), np.float64)
    kept, weights = _fewer(labels, draw)
    weigher = fit_logistic(past[kept], labels[kept], weights, ridge=RIDGE)
    before, now = weigher.predict(past), weigher.predict(own)
    return np.asarray((1 - TIES) * fit_isotonic(before, labels).apply(now) + TIES * now, np.float64)


def _fewer(labels: NDArray[np.bool_], draw: np.random.Generator) -> tuple[NDArray[np.intp], Numbers]:
    """All positives and at most so many negatives, with weights that make up for the rest."""
    positives, negatives = np.flatnonzero(labels), np.flatnonzero(~labels)
    drawn = draw.choice(negatives, min(NEGATIVES_DRAWN, len(negatives)), replace=False)
    weights = np.concatenate((np.ones(len(positives)), np.full(len(drawn), len(negatives) / max(len(drawn), 1))))
    return np.concatenate((positives, drawn)), weights
