"""The members that every task is judged with: heuristics that read one column, and models that are fitted.

A member says from which rows it learns and which columns it sees. Names are those of the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training import births, cochange
from training.boosting import Shape, fit_boosting
from training.dataset import Names, Rows
from training.features import Matrix
from training.logistic import fit_logistic
from training.task import Task

Numbers = NDArray[np.float64]


class Fitted(Protocol):
    """Answers with a probability for each row."""

    def predict(self, values: NDArray[np.floating]) -> Numbers: ...


@dataclass(frozen=True, slots=True)
class Heuristic:
    """Ranks by one column; ``sign`` -1 where small is likely."""

    name: str
    column: str
    sign: float = 1.0


@dataclass(frozen=True, slots=True)
class Learner:
    """A model to fit.

    Args:
        kind: ``logistic``, ``boosting`` or ``network``.
        families: families of columns it sees; every one where empty.
        level: ``row``; ``stack`` for one row per stack, whose answer holds for every resource in it; or ``graph``.
    """

    name: str
    kind: str
    families: tuple[str, ...] = ()
    level: str = "row"


HEURISTICS: Mapping[Task, tuple[Heuristic, ...]] = {
    Task.BORN: (Heuristic("type rate", "type.rate"), Heuristic("stack and type rate", "stack_type.rate"),
                Heuristic("latest outcomes", "stack_type.latest")),
    Task.NEIGHBOURHOOD: (Heuristic("persistence", "near.openings_7"), Heuristic("recency", "own.idle", -1),
                         Heuristic("type rate", "type.near_openings_120"),
                         Heuristic("stack activity", "stack.openings_30"), Heuristic("degree", "degree.ever")),
    Task.STACK: (Heuristic("persistence", "stack.openings_7"), Heuristic("recency", "stack.idle", -1),
                 Heuristic("type rate", "type.tenant_openings_120"),
                 Heuristic("stack activity", "stack.openings_120")),
    Task.CHANGE: (Heuristic("persistence", "own.updates_7"), Heuristic("recency", "own.idle", -1),
                  Heuristic("type rate", "type.tenant_updates_30"), Heuristic("stack activity", "stack.updates_30")),
    Task.COCHANGE: (Heuristic("k-hop reachability", "hops", -1), Heuristic("co-change count", "together"),
                    Heuristic("co-change share", "given_anchor")),
}  # fmt: skip

_ROW = (Learner("logistic", "logistic"), Learner("boosting", "boosting"))
_CONTROLS = (
    Learner("boosting own", "boosting", ("own", "type")),
    Learner("boosting own+degree", "boosting", ("own", "type", "degree")),
    Learner("boosting own+near", "boosting", ("own", "type", "near")),
    Learner("boosting own+degree+near", "boosting", ("own", "type", "degree", "near")),
    Learner("boosting own+stack", "boosting", ("own", "type", "stack", "around", "calendar")),
    Learner("boosting own+stack+degree", "boosting", ("own", "type", "stack", "around", "calendar", "degree")),
)
NETWORK = Learner("network", "network", level="graph")
"""Fitted once for T2 to T4, with a head for T5, by `training.network`; it needs torch, so it takes part where it is
asked for."""
MEAN_OF_SEEDS = "network, mean of seeds"
OF_SEED = "network, seed "
"""Where networks of several seeds were fitted: their mean, and each by itself. `network` is the first seed's."""
LEARNERS: Mapping[Task, tuple[Learner, ...]] = {
    Task.BORN: _ROW,
    Task.NEIGHBOURHOOD: _ROW,
    Task.STACK: (*_ROW, Learner("logistic of stacks", "logistic", level="stack"),
                 Learner("boosting of stacks", "boosting", level="stack")),
    Task.CHANGE: _ROW,
    Task.COCHANGE: _ROW,
}  # fmt: skip
CONTROLS: Mapping[Task, tuple[Learner, ...]] = {
    Task.NEIGHBOURHOOD: _CONTROLS,
    Task.STACK: _CONTROLS[:1] + _CONTROLS[4:5],
    Task.CHANGE: _CONTROLS[:1] + _CONTROLS[2:3] + _CONTROLS[4:5],
}
"""The same model without families of columns: shows where the skill comes from. The degree control is T2's."""
SHAPES: Mapping[Task, Shape] = {
    Task.BORN: Shape(rounds=200),
    Task.COCHANGE: Shape(rounds=200),
    Task.STACK: Shape(rounds=180, rows_in_leaf_min=100),
}


def columns_of(task: Task, names: Names, *, level: str = "row") -> tuple[str, ...]:
    """Names of a task's columns."""
    if task is Task.BORN:
        return births.NAMES
    if task is Task.COCHANGE:
        return cochange.NAMES
    return names.stack if level == "stack" else names.node


def chosen_columns(task: Task, names: Names, learner: Learner) -> NDArray[np.intp]:
    """Which columns a learner sees."""
    columns = columns_of(task, names, level=learner.level)
    if not learner.families:
        return np.arange(len(columns))
    families = dict(zip(names.node, names.families, strict=True))
    return np.array(
        [at for at, name in enumerate(columns) if families[name.removeprefix("largest.")] in learner.families]
    )


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Rows to learn from, each standing for `weights` rows."""

    values: Matrix
    labels: NDArray[np.bool_]
    weights: Numbers
    tenant: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Keep:
    """Shares of the rows that are kept to learn from; those left out are stood for by weights."""

    positives: float = 1.0
    negatives: float = 1.0


KEEP: Mapping[Task, Keep] = {
    Task.BORN: Keep(),
    Task.NEIGHBOURHOOD: Keep(negatives=0.03),
    Task.STACK: Keep(positives=0.15, negatives=0.03),
    Task.CHANGE: Keep(positives=0.7, negatives=0.03),
    Task.COCHANGE: Keep(),
}

STACK_NEGATIVES = 0.15
"""Share of the stacks without a violation that are kept."""


def drawn(rows: Rows, keep: Keep, *, seed: Sequence[int]) -> Sampled:
    """Draw rows of a week, positives and negatives at their own rates."""
    rates = np.where(rows.labels, keep.positives, keep.negatives)
    kept = np.random.default_rng(tuple(seed)).random(len(rates)) < rates
    return Sampled(rows.values[kept], rows.labels[kept], 1 / rates[kept], rows.tenant[kept])


def drawn_stacks(rows: Rows, *, seed: Sequence[int]) -> Sampled:
    """Draw stacks of a week; each stands for the resources in it."""
    size = len(rows.stacks)
    counts = np.bincount(rows.stack, minlength=size).astype(np.float64)
    answers = np.zeros(size, np.bool_)
    answers[rows.stack] = rows.labels
    tenant = np.zeros(size, np.int16)
    tenant[rows.stack] = rows.tenant
    share = np.where(answers, 1.0, STACK_NEGATIVES)
    kept = np.random.default_rng(tuple(seed)).random(size) < share
    return Sampled(rows.stacks[kept], answers[kept], (counts / share)[kept], tenant[kept])


def fit(learner: Learner, task: Task, sampled: Sampled, columns: NDArray[np.intp], *, seeds: tuple[int, ...]) -> Fitted:
    """Fit a learner to drawn rows."""
    values = sampled.values if len(columns) == sampled.values.shape[1] else sampled.values[:, columns]
    if learner.kind == "logistic":
        return fit_logistic(values, sampled.labels, sampled.weights)
    return fit_boosting(values, sampled.labels, sampled.weights, seeds=seeds, shape=SHAPES.get(task, Shape()))


def answer(learner: Learner, model: Fitted, rows: Rows, columns: NDArray[np.intp]) -> Numbers:
    """A fitted learner's score for each row of a week."""
    if learner.level == "stack":
        return model.predict(rows.stacks)[rows.stack] if len(rows.stack) else np.zeros(0)
    if not len(rows.values):
        return np.zeros(0)
    return model.predict(rows.values if len(columns) == rows.values.shape[1] else rows.values[:, columns])
