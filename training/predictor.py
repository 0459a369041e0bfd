"""The served model: the network calibrated, a regression to stand in, and what types do elsewhere. No torch.

Answers are of the global model until a tenant has a history of its own outcomes (`calibrated_for`); each says which.
Where the network cannot answer, the regression does, calibrated by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from training.activity import PRIOR_COLUMNS, Prior
from training.calibration import Isotonic, fit_isotonic
from training.forward import Floats, Network
from training.logistic import Logistic, logit
from training.pairing import Pairing, read_pairing
from training.relations import Relations, ego
from training.shift import Counts
from training.task import NODE_TASKS, Task, features_of, see
from training.weights import SHIPPED, Arrays, Manifest, features_digest, read_manifest, read_weights

Numbers = NDArray[np.float64]
Matrix = NDArray[np.float32]
WEEKS_MIN: Final = 8
POSITIVES_MIN: Final = 30
"""Finished weeks, and what came true in them, from which on a tenant has a calibration of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """From logits to probabilities, for each way to answer."""

    network: Isotonic
    baseline: Isotonic


@dataclass(frozen=True, slots=True, eq=False)
class TaskModel:
    """What a task has besides the network that tasks share."""

    logistic: Logistic
    scale: Scale


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One task's answer for some rows.

    Args:
        logits: what ranks. p: what is told.
    """

    logits: Numbers
    p: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """A fitted model.

    Args:
        names: of the features, in order.
        is_calibrated_here: the probabilities are calibrated on the tenant's own outcomes.
        reference: how the features were distributed in what was learned from; None where the weights do not say.
        pairing: for T5; None where the weights have no head for it.

    Shapes:
        reference: int64 (k, bins), as `training.shift.counted` gives them.
    """

    network: Network
    tasks: Mapping[Task, TaskModel]
    prior: Prior
    names: tuple[str, ...]
    manifest: Manifest
    is_calibrated_here: bool = False
    reference: Counts | None = None
    pairing: Pairing | None = None

    def answer(
        self, values: Matrix, relations: Relations, rows: NDArray[np.integer] | None = None
    ) -> dict[Task, Answer]:
        """Score every row, or some from their neighbourhoods alone."""
        if rows is not None:
            nodes, relations = ego(relations, rows, hops=self.network.layers)
            values = values[nodes]
        return self.told(self.network.logits(values, relations))

    def told(self, logits: Floats) -> dict[Task, Answer]:
        """Answers from the network's logits, a column for each of `NODE_TASKS`."""
        columns = logits.astype(np.float64)
        return {
            task: Answer(columns[:, at], self.tasks[task].scale.network.apply(columns[:, at]))
            for at, task in enumerate(NODE_TASKS)
        }

    def baseline(self, values: Matrix) -> dict[Task, Answer]:
        """The regression's answers: what is told while the network does not answer."""
        found = {}
        for task in NODE_TASKS:
            model = self.tasks[task]
            logits = logit(model.logistic.predict(values))
            found[task] = Answer(logits, model.scale.baseline.apply(logits))
        return found

    def calibrated_for(self, outcomes: Mapping[Task, tuple[Numbers, NDArray[np.bool_]]], *, weeks: int) -> Predictor:
        """This model calibrated on a tenant's own outcomes; unchanged while there are too few.

        Args:
            outcomes: for each task, logits that were told and what came.
            weeks: how many finished weeks they are from.
        """
        has_enough = weeks >= WEEKS_MIN and all(
            int(outcomes[task][1].sum()) >= POSITIVES_MIN for task in NODE_TASKS if task in outcomes
        )
        if not outcomes or not has_enough:
            return self
        return self.scaled({task: fit_isotonic(logits, came) for task, (logits, came) in outcomes.items()})

    def scaled(self, scales: Mapping[Task, Isotonic]) -> Predictor:
        """This model with a tenant's own calibration of the network."""
        own = {task: replace(self.tasks[task].scale, network=scale) for task, scale in scales.items()}
        tasks = {task: replace(model, scale=own.get(task, model.scale)) for task, model in self.tasks.items()}
        return replace(self, tasks=tasks, is_calibrated_here=True)

    def base_rate(self, task: Task) -> float:
        """How often a task came true where the weights were judged; NaN where they do not say."""
        found = self.manifest.metrics.get(task.value)
        rate = found.get("base_rate") if isinstance(found, Mapping) else None
        return float(rate) if isinstance(rate, int | float) else float("nan")

    def scales(self) -> dict[Task, Isotonic]:
        """How the network's logits become probabilities."""
        return {task: model.scale.network for task, model in self.tasks.items()}


def load_predictor(features: str, path: Path = SHIPPED) -> Predictor:
    """The model in a file of weights.

    Args:
        features: what the features of this code digest to.

    Raises:
        InputError: there is none, or it does not fit this code.
        IntegrityError: it was changed.
    """
    arrays, manifest = read_weights(path, features=features)
    try:
        return _predictor(arrays, manifest)
    except KeyError as failure:
        raise InputError("the weights lack a part", file=str(path), missing=str(failure),
                         todo="Run `python -m training train`") from failure  # fmt: skip


@lru_cache(maxsize=1)
def features_now() -> str:
    """What the features of this code digest to."""
    from training.live import live_timeline  # noqa: PLC0415 (tables, which a process that only scores needs not)

    nobody = live_timeline("", "", [], [], end=datetime(2000, 1, 1, tzinfo=UTC))
    (seen,), prior = see([nobody], nobody.end)
    return features_digest(features_of(seen, prior).names)


@lru_cache(maxsize=4)
def shipped_predictor(path: Path = SHIPPED) -> Predictor:
    """The model that is served, read once."""
    return load_predictor(features_now(), path)


def shipped_sha256() -> str:
    """The digest of the weights that come with the product, as their manifest has it."""
    return read_manifest(SHIPPED).sha256


def as_arrays(predictor: Predictor) -> dict[str, NDArray[np.generic]]:
    """A model as named arrays, to be kept."""
    found = {f"network/{name}": one for name, one in predictor.network.arrays.items()}
    found["names"] = np.array(predictor.names)
    found["prior/types"] = np.array(list(predictor.prior.counts), np.str_)
    found["prior/counts"] = np.array(list(predictor.prior.counts.values())).reshape(-1, len(PRIOR_COLUMNS))
    for task, model in predictor.tasks.items():
        fitted = model.logistic
        found |= {
            f"{task}/mean": fitted.mean, f"{task}/scale": fitted.scale, f"{task}/weights": fitted.weights,
            f"{task}/intercept": np.array(fitted.intercept),
        }  # fmt: skip
        for name, one in (("network", model.scale.network), ("baseline", model.scale.baseline)):
            found |= {f"{task}/{name}/scores": one.scores, f"{task}/{name}/values": one.values}
    if predictor.reference is not None:
        found["reference/counts"] = predictor.reference
    return found if predictor.pairing is None else found | predictor.pairing.arrays()


def _predictor(arrays: Arrays, manifest: Manifest) -> Predictor:
    prefix = "network/"
    network = Network({name.removeprefix(prefix): one for name, one in arrays.items() if name.startswith(prefix)})
    rows = np.asarray(arrays["prior/counts"]).tolist()
    prior = Prior({str(name): tuple(row) for name, row in zip(arrays["prior/types"].tolist(), rows, strict=True)})
    tasks = {task: _task(arrays, task) for task in NODE_TASKS}
    names, counts = tuple(map(str, arrays["names"].tolist())), arrays.get("reference/counts")
    reference = None if counts is None else np.asarray(counts, np.int64)
    pairing = read_pairing(arrays, network)
    return Predictor(network, tasks, prior, names, manifest, reference=reference, pairing=pairing)


def _task(arrays: Arrays, task: Task) -> TaskModel:
    def get(name: str) -> Numbers:
        return np.asarray(arrays[f"{task}/{name}"], np.float64)

    fitted = Logistic(get("mean"), get("scale"), get("weights"), float(get("intercept")))
    scales = [Isotonic(get(f"{name}/scores"), get(f"{name}/values")) for name in ("network", "baseline")]
    return TaskModel(fitted, Scale(*scales))
