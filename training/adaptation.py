"""A candidate from tenants' own histories: the serving network's answers corrected by what came of them here.

For each task a regression on the network's logit and on the features that it reads; both are linear in the last layer,
so that the correction becomes part of the network itself and costs nothing when it is served. No torch is needed. A
task of which too little came true keeps what is served. What scores mean as probabilities is fitted on the latest of
the weeks that were learned from, for the candidate and, to compare them fairly, for any other model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.calibration import fit_isotonic
from training.features import Matrix
from training.forward import Network
from training.logistic import fit_logistic, logit
from training.metrics import Numbers
from training.outcomes import Came, Codes8, decided
from training.predictor import POSITIVES_MIN, Predictor, Scale, TaskModel
from training.quality import WeekTold
from training.shift import counted
from training.task import NODE_TASKS, Task

RIDGE: Final = 1e-2
"""Stronger than where histories of years are learned from: a tenant's weeks are few, and what is served knows much."""
CALIBRATION_WEEKS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class LearnedWeek:
    """Rows of one week with what the models say of them and what came.

    Args:
        logits: by the name of the model, a column for each of `NODE_TASKS`.

    Shapes:
        values: float32 (n, k). came, why: uint8 (n, tasks).
    """

    at: datetime
    values: Matrix
    logits: Mapping[str, Numbers]
    came: Codes8
    why: Codes8


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """What becomes of the network's answers.

    Shapes:
        slope, offset: float64 (tasks,). weights: float64 (tasks, k), on features as the network reads them.
    """

    slope: Numbers
    weights: Numbers
    offset: Numbers

    def logits(self, network: Network, values: Matrix, logits: Numbers) -> Numbers:
        """Corrected answers, from the network's own."""
        standard = network.standard(values).astype(np.float64)
        return np.asarray(logits * self.slope + standard @ self.weights.T + self.offset, np.float64)

    def applied(self, network: Network) -> Network:
        """A network that gives the corrected answers itself."""
        arrays = dict(network.arrays)
        slope = self.slope[:, None]
        arrays["head.weight"] = _float32(np.asarray(arrays["head.weight"]) * slope)
        arrays["head.bias"] = _float32(np.asarray(arrays["head.bias"]) * self.slope + self.offset)
        arrays["wide.weight"] = _float32(np.asarray(arrays["wide.weight"]) * slope + self.weights)
        return Network(arrays)


def learned(weeks: Sequence[LearnedWeek], serving: Predictor, name: str) -> Correction:
    """Fit a correction for each task of which enough came true; the others keep what is served.

    Args:
        name: of the serving model among the weeks' answers.
    """
    features = len(serving.names)
    slope, weights, offset = np.ones(len(NODE_TASKS)), np.zeros((len(NODE_TASKS), features)), np.zeros(len(NODE_TASKS))
    for at in enough(weeks):
        values = serving.network.standard(_joined(weeks, at, lambda week: week.values))
        columns = np.concatenate((_answers(weeks, at, name)[:, None], values), axis=1).astype(np.float32)
        fitted = fit_logistic(columns, came(weeks, at), np.ones(len(columns)), ridge=RIDGE)
        raw = fitted.weights / fitted.scale
        slope[at], weights[at] = raw[0], raw[1:]
        offset[at] = fitted.intercept - float(raw @ fitted.mean)
    return Correction(slope, weights, offset)


def candidate(weeks: Sequence[LearnedWeek], serving: Predictor, name: str) -> tuple[Predictor, Correction]:
    """The corrected model with regressions to stand in and probabilities of its own.

    Returns:
        The model, without a manifest of its own yet, and the correction that it was made by.
    """
    correction = learned(weeks, serving, name)
    network = correction.applied(serving.network)
    tasks = dict(serving.tasks)
    for at in enough(weeks):
        happened = came(weeks, at)
        regression = fit_logistic(_joined(weeks, at, lambda week: week.values), happened, np.ones(len(happened)))
        tasks[NODE_TASKS[at]] = TaskModel(regression, tasks[NODE_TASKS[at]].scale)
    counts = np.sum([counted(week.values) for week in weeks], axis=0) if weeks else None
    made = replace(serving, network=network, tasks=tasks, reference=counts, is_calibrated_here=False)
    corrected = [
        replace(week, logits={name: correction.logits(serving.network, week.values, week.logits[name])})
        for week in weeks
    ]
    return calibrated(made, corrected, name), correction


def calibrated(predictor: Predictor, weeks: Sequence[LearnedWeek], name: str) -> Predictor:
    """The model with its scores made probabilities by the latest weeks; by all where too little came true in those.

    Args:
        name: of this model among the weeks' answers.
    """
    tasks = dict(predictor.tasks)
    for at in enough(weeks):
        latest = weeks[-CALIBRATION_WEEKS:]
        chosen = latest if at in enough(latest) else weeks
        model, happened = tasks[NODE_TASKS[at]], came(chosen, at)
        answers = _answers(chosen, at, name)
        standby = logit(model.logistic.predict(_joined(chosen, at, lambda week: week.values)))
        scale = Scale(fit_isotonic(answers, happened), fit_isotonic(standby, happened))
        tasks[NODE_TASKS[at]] = TaskModel(model.logistic, scale)
    return replace(predictor, tasks=tasks)


def merged(parts: Sequence[LearnedWeek]) -> LearnedWeek:
    """Rows of several tenants in one week as one; models that not all of them answered are left out."""
    names = set.intersection(*(set(one.logits) for one in parts))
    return LearnedWeek(
        parts[0].at,
        np.concatenate([one.values for one in parts]),
        {name: np.concatenate([one.logits[name] for one in parts]) for name in sorted(names)},
        np.concatenate([one.came for one in parts]),
        np.concatenate([one.why for one in parts]),
    )


def told(predictor: Predictor, week: LearnedWeek, logits: Numbers, model: str) -> WeekTold:
    """A week as a model would have told it."""
    scales = predictor.scales()
    p = np.stack([scales[task].apply(logits[:, at]) for at, task in enumerate(NODE_TASKS)], axis=1)
    return WeekTold(week.at, model, logits, p, week.came, week.why)


def enough(weeks: Sequence[LearnedWeek]) -> list[int]:
    """Columns of the tasks of which enough came true, and enough did not."""
    return [
        at
        for at in range(len(NODE_TASKS))
        if min(int((happened := came(weeks, at)).sum()), int((~happened).sum())) >= POSITIVES_MIN
    ]


def came(weeks: Sequence[LearnedWeek], at: int) -> NDArray[np.bool_]:
    """What came to a task's rows whose outcome is known."""
    return np.asarray(_joined(weeks, at, lambda week: week.came[:, at]) == Came.YES)


def base_rates(weeks: Sequence[LearnedWeek]) -> dict[Task, float]:
    """How often each task came true; NaN where nothing is known."""
    found = {task: came(weeks, at) for at, task in enumerate(NODE_TASKS)}
    return {task: float(one.mean()) if len(one) else float("nan") for task, one in found.items()}


def _answers(weeks: Sequence[LearnedWeek], at: int, name: str) -> Numbers:
    """A model's logits for a task."""
    return _joined(weeks, at, lambda week: week.logits[name][:, at])


def _joined(weeks: Sequence[LearnedWeek], at: int, column: Callable[[LearnedWeek], NDArray[Any]]) -> NDArray[Any]:
    """A column of the rows whose outcome is known and was not prevented."""
    parts = [column(week)[decided(week.came[:, at])] for week in weeks]
    return np.concatenate(parts) if parts else np.zeros(0)


def _float32(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return values.astype(np.float32)
