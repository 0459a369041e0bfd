"""From a score to a confidence: how often candidates of that score were right where the answer was known.

Isotonic regression: the best step function that never falls, by pooling adjacent violators. Each step is pulled a
little to the share of all, by one imagined candidate, so that a few lucky ones never read as certainty.

Source: Ayer et al. 1955; Zadrozny and Elkan 2002.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Calibration:
    """A step function.

    Args:
        scores: lower ends of the steps, ascending.
        confidences: one a step, not falling.
    """

    scores: tuple[float, ...]
    confidences: tuple[float, ...]

    def confidence(self, score: float) -> float:
        """Confidence of a score; 0 below the first step."""
        at = int(np.searchsorted(np.asarray(self.scores), score, side="right")) - 1
        return self.confidences[at] if at >= 0 else 0.0


def calibrate(scores: Sequence[float], is_right: Sequence[bool]) -> Calibration:
    """Fit to candidates of which it is known whether they are right; of no candidate, nothing is ever confident."""
    order = np.argsort(np.asarray(scores, dtype=np.float64), kind="stable")
    ordered = np.asarray(scores, dtype=np.float64)[order]
    right = np.asarray(is_right, dtype=np.float64)[order]
    starts, sums, counts = _ties(ordered, right)
    steps: list[tuple[float, float, float]] = []
    for start, total, count in zip(starts, sums, counts, strict=True):
        step = (start, total, count)
        while steps and steps[-1][1] / steps[-1][2] >= step[1] / step[2]:
            former = steps.pop()
            step = (former[0], former[1] + step[1], former[2] + step[2])
        steps.append(step)
    share = float(right.mean()) if len(right) else 0.0
    pulled = ((total + share) / (count + 1) for _, total, count in steps)
    return Calibration(tuple(start for start, _, _ in steps), tuple(accumulate(pulled, max)))


def _ties(ordered: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[list[float], list[float], list[float]]:
    """Equal scores as one step each."""
    starts, first, counts = np.unique(ordered, return_index=True, return_counts=True)
    sums = np.add.reduceat(right, first) if len(first) else right
    return starts.tolist(), sums.tolist(), counts.astype(np.float64).tolist()
