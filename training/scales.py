"""What the scores of the network, and of the regressions that stand in for it, mean as probabilities. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from training.calibration import fit_weekly
from training.dataset import Weeks
from training.forward import Network
from training.logistic import Logistic, logit
from training.predictor import Scale
from training.task import NODE_TASKS, Task


def fit_scales(
    weeks: Weeks, network: Network, regressions: Mapping[Task, Logistic], held_out: Sequence[datetime]
) -> dict[Task, Scale]:
    """For each task, probabilities for both ways to answer, from weeks that neither learned from."""
    graphs = [weeks.graph(at) for at in held_out]
    answers = [network.logits(one.values, one.relations).astype(np.float64) for one in graphs]
    found = {}
    for at, task in enumerate(NODE_TASKS):
        came = [one.labels[:, at] for one in graphs]
        standby = [logit(regressions[task].predict(one.values)) for one in graphs]
        found[task] = Scale(fit_weekly([one[:, at] for one in answers], came), fit_weekly(standby, came))
    return found
