"""One way of learning, tried: fitted epoch by epoch, and judged after each on the weeks that are held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from training.dataset import GraphWeek
from training.forward import Network
from training.metrics import draws, judge
from training.network.fit import Reached, Teaching, Weeks, fit_network
from training.network.model import Form
from training.task import NODE_TASKS

METRIC = "auroc"
"""What trials are compared by: the mean over the tasks."""
TOLD = (METRIC, "ap", "recall_at_fpr5")
FIGURES = tuple(f"{task}_{name}" for task in NODE_TASKS for name in TOLD)


class Notebook(Protocol):
    """What keeps a trial."""

    def state(self) -> bytes | None:
        """What was kept last; None at the start of a trial."""

    def keep(self, figures: Mapping[str, float], state: bytes) -> None:
        """Keep an epoch's figures and state; may end the trial."""


@dataclass(frozen=True, slots=True)
class Split:
    """Weeks to learn from, and later ones to judge by."""

    learned: Sequence[datetime]
    held_out: Sequence[datetime]


def teaching_of(choice: Mapping[str, float], *, epochs: int) -> Teaching:
    """The way of learning that a search chose."""
    form = Form(width=int(choice["width"]), layers=int(choice["layers"]), dropout=float(choice["dropout"]))
    return Teaching(form=form, epochs=epochs, rate=float(choice["rate"]), decay=float(choice["decay"]))


def run_trial(load: Weeks, split: Split, teaching: Teaching, notebook: Notebook, *, seed: int) -> None:
    """Learn, and note after each epoch how well the held-out weeks are told.

    Args:
        load: gives a week's rows.
        notebook: a trial that was cut off goes on from what it kept.
    """
    judged = [load(at) for at in split.held_out]

    def note(reached: Reached) -> None:
        figures = {"loss": reached.loss, **figures_of(reached.network, judged)}
        notebook.keep(figures, reached.state())

    fit_network(load, split.learned, seed=seed, teaching=teaching, told=note, resumed=notebook.state())


def figures_of(network: Network, weeks: Sequence[GraphWeek]) -> dict[str, float]:
    """Figures of each task, as ``T2_auroc``, and their mean over the tasks that came true at all."""
    once, at = draws(len(weeks), count=0, seed=0), np.repeat(np.arange(len(weeks)), [len(one.values) for one in weeks])
    scores = np.concatenate([network.logits(one.values, one.relations) for one in weeks]).astype(np.float64)
    labels = np.concatenate([one.labels for one in weeks])
    found: dict[str, float] = {}
    for place, task in enumerate(NODE_TASKS):
        figures = judge(scores[:, place], None, labels[:, place], at, once)
        found |= {f"{task}_{name}": float(figures[name][0]) for name in TOLD}
    told = [value for name, value in found.items() if name.endswith(f"_{METRIC}") and not np.isnan(value)]
    return {**found, METRIC: float(np.mean(told)) if told else 0.0}
