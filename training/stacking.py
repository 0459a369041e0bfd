"""Members weighted by how they did lately: a small regression on their logits, drawn towards the plain mean.

Fitted anew at each origin on the weeks whose windows had ended by it, so nothing of the origin's own outcome decides
how its members are weighted. Few positives say little: the penalty keeps the weights near equal until there are more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.logistic import logit, sigmoid

Numbers = NDArray[np.float64]
HISTORY_WEEKS = 8
PENALTY = 50.0
"""How much evidence it takes to leave equal weights, in units of the curvature that positives give."""
NEGATIVES = 0.1
"""Share of the rows without the event that are looked at; the others are stood for by weight."""
STEPS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Weights of members, and what is added.

    Shapes:
        weights: float64 (m,).
    """

    weights: Numbers
    intercept: float

    def logits(self, members: Numbers) -> Numbers:
        """One logit for each row.

        Shapes:
            members: float64 (n, m), the members' logits.
        """
        return np.asarray(members @ self.weights + self.intercept, np.float64)


def equal(members: int) -> Stack:
    """The plain mean."""
    return Stack(np.full(members, 1 / members), 0.0)


def fit_stack(members: Numbers, labels: NDArray[np.bool_], *, seed: int) -> Stack:
    """Fit weights by Newton's method; the plain mean where there is no positive to learn from."""
    start = equal(members.shape[1])
    if not labels.any():
        return start
    kept = labels | (np.random.default_rng(seed).random(len(labels)) < NEGATIVES)
    rows = np.concatenate((members[kept], np.ones((int(kept.sum()), 1))), axis=1)
    stands_for = np.where(labels[kept], 1.0, 1 / NEGATIVES)
    prior = np.append(start.weights, 0.0)
    penalty = np.append(np.full(len(start.weights), PENALTY), 1.0)
    point = prior.copy()
    for _ in range(STEPS):
        p = sigmoid(rows @ point)
        slope = rows.T @ (stands_for * (p - labels[kept])) + penalty * (point - prior)
        curvature = (rows * (stands_for * p * (1 - p))[:, None]).T @ rows + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        point = point - np.clip(step, -0.5, 0.5)
    return Stack(point[:-1], float(point[-1]))


def stacked(answers: Sequence[Numbers], labels: Sequence[NDArray[np.bool_]]) -> tuple[list[Numbers], list[Stack]]:
    """Each origin's members weighted by the weeks before it.

    Args:
        answers: for each origin, probabilities of its rows, a column for each member. Shape float64 (n, m).

    Returns:
        A logit for each row of each origin, and the weights of each origin.
    """
    members = [logit(one) for one in answers]
    found: list[Numbers] = []
    stacks: list[Stack] = []
    for at, own in enumerate(members):
        back = range(max(0, at - HISTORY_WEEKS), at)
        stack = equal(own.shape[1])
        if back:
            past, came = np.concatenate([members[k] for k in back]), np.concatenate([labels[k] for k in back])
            stack = fit_stack(past, came, seed=at)
        stacks.append(stack)
        found.append(stack.logits(own))
    return found, stacks
