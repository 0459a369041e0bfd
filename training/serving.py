"""The model that is served: members' answers averaged, and made a probability by the latest finished weeks.

Members count equally, as logits: weights fitted on few positives did worse than none. What ranks is the average
itself; the probability comes from isotonic calibration on the weeks whose windows had ended by the origin, half a year
of them at most, later ones counting more, fitted anew each week.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.calibration import fit_weekly
from training.logistic import logit, sigmoid
from training.rolling import Scored
from training.stacking import stacked
from training.task import Task

Numbers = NDArray[np.float64]
SERVING = "averaged and calibrated"
MEMBERS: Mapping[Task, tuple[str, ...]] = {
    **{task: ("logistic", "boosting") for task in Task},
    Task.STACK: ("logistic", "boosting of stacks"),
}
"""Learners that are averaged into the served model: one linear, one of trees."""
STACKS: Mapping[str, tuple[str, ...]] = {
    "network and logistic, stacked": ("logistic", "network"),
    "network and trees, stacked": ("trees", "network"),
    "all three, stacked": ("logistic", "trees", "network"),
}
"""Members that are weighted by their latest weeks, where there is a network; `trees` are those of the task."""


def stacks(scored: Sequence[Scored], task: Task) -> dict[str, list[Numbers]]:
    """Each stack's logits for each origin; none where no network was fitted."""
    if "network" not in scored[0].scores:
        return {}
    trees = MEMBERS[task][1]
    return {
        name: _stack(scored, [trees if one == "trees" else one for one in members]) for name, members in STACKS.items()
    }


def _stack(scored: Sequence[Scored], members: Sequence[str]) -> list[Numbers]:
    answers = [np.stack([one.scores[name] for name in members], axis=1).astype(np.float64) for one in scored]
    return stacked(answers, [one.labels for one in scored])[0]


def averaged(scored: Sequence[Scored], members: Sequence[str]) -> list[Numbers]:
    """The mean of the members' logits for each row of each origin."""
    return [np.mean([logit(one.scores[name].astype(np.float64)) for name in members], axis=0) for one in scored]


def calibrated(scored: Sequence[Scored], scores: Sequence[Numbers]) -> list[Numbers]:
    """Scores as probabilities, each origin by the weeks before it; the first has none and is taken at its word.

    Args:
        scores: for each origin, a score for each of its rows.
    """
    answers = []
    # sorted once: weeks that are in order by themselves are quickly put in order together
    orders = [np.argsort(one, kind="stable") for one in scores]
    ranked = [one[order] for one, order in zip(scores, orders, strict=True)]
    came = [one.labels[order] for one, order in zip(scored, orders, strict=True)]
    for at, own in enumerate(scores):
        answers.append(fit_weekly(ranked[:at], came[:at]).apply(own) if at else sigmoid(own))
    return answers
