"""The report of a back-test: every figure with its interval, pooled and per cloud and repository, beside baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from domain.value import Json
from training.conformal import rolling_coverage
from training.metrics import TOPS_PERCENT, Draws, Estimate, difference, draws, estimate, judge
from training.models import HEURISTICS, LEARNERS, MEAN_OF_SEEDS, NETWORK, OF_SEED
from training.rolling import Scored
from training.serving import MEMBERS, SERVING, STACKS, averaged, calibrated, stacks
from training.task import Task

Numbers = NDArray[np.float64]
POSITIVES_MIN = 30
INSUFFICIENT = "insufficient"
DRAWS = 400
NOMINAL = (0.8, 0.9)
TOPS = tuple(f"recall_at_top{percent}" for percent in TOPS_PERCENT)
COMPARED = ("auroc", "auroc_weekly", "ap", "recall_at_fpr5", "brier_skill", *TOPS)
DIFFERENCES_OF = (NETWORK.name, MEAN_OF_SEEDS, *STACKS, SERVING)
PLAIN = ("auroc", "auroc_weekly", "ap", "recall_at_fpr5", "brier_skill", "ece")


class Judged:
    """All rows of a task's judged origins with every model's scores and probabilities.

    `serving` is the model that is told of: the network where it answers, and the mean of the baselines elsewhere.
    `of_seeds` has what networks of single seeds answered, where there are several.
    """

    def __init__(self, task: Task, scored: Sequence[Scored], *, burn_in: int) -> None:
        learners = [one.name for one in LEARNERS[task]]
        names = [*(one.name for one in HEURISTICS[task]), *learners]
        extra = [name for name in scored[0].scores if name not in names]
        judged = scored[burn_in:]
        self.task = task
        self.labels = np.concatenate([one.labels for one in judged])
        self.tenant = np.concatenate([one.tenant for one in judged])
        self.week = np.repeat(np.arange(len(judged)), [len(one.labels) for one in judged])
        self.weeks = len(judged)
        self.scores: dict[str, tuple[Numbers, Numbers]] = {}
        told = {name: [one.scores[name].astype(np.float64) for one in scored] for name in (*names, *extra)}
        told |= {**stacks(scored, task), SERVING: averaged(scored, MEMBERS[task])}
        self.serving = NETWORK.name if NETWORK.name in told else SERVING
        for name, own in told.items():
            p = calibrated(scored, own)
            self.scores[name] = (np.concatenate(own[burn_in:]), np.concatenate(p[burn_in:]))
            if name == self.serving:
                self.coverage = [
                    rolling_coverage(
                        list(zip(p, (one.labels for one in scored), strict=True)), nominal=nominal, warm_up=burn_in
                    )
                    for nominal in NOMINAL
                ]
        self.of_seeds = {
            int(name.removeprefix(OF_SEED)): self.scores.pop(name) for name in extra if name.startswith(OF_SEED)
        }

    def figures(self, drawn: Draws, rows: NDArray[np.bool_] | None = None) -> dict[str, dict[str, Numbers]]:
        """Every model's figures by draw, over all rows or some."""
        chosen = slice(None) if rows is None else rows
        return {
            name: judge(scores[chosen], p[chosen], self.labels[chosen], self.week[chosen], drawn)
            for name, (scores, p) in self.scores.items()
        }


def report(judged: Judged, tenants: Sequence[tuple[str, str]], *, seed: int) -> dict[str, Json]:
    """One task's part of the report."""
    drawn = draws(judged.weeks, count=DRAWS, seed=seed)
    figures = judged.figures(drawn)
    base = estimate(figures[judged.serving]["base_rate"])
    clouds = np.array([cloud for _, cloud in tenants])[judged.tenant]
    repos = np.array([name for name, _ in tenants])[judged.tenant]
    models: dict[str, Json] = {name: _shown(found) for name, found in figures.items()}
    return {
        "base_rate": base.value, "rows": len(judged.labels), "positives": int(judged.labels.sum()),
        "weeks": judged.weeks, "serving": judged.serving,
        "models": models,
        "by_cloud": {name: _slice(judged, clouds == name, drawn) for name in np.unique(clouds).tolist()},
        "by_repo": {name: _slice(judged, repos == name, drawn) for name in np.unique(repos).tolist()},
        "differences": _differences(figures, judged.serving),
        "differences_of": {name: _differences(figures, name) for name in DIFFERENCES_OF if name in figures},
        "spread": {NETWORK.name: _spread(judged)} if judged.of_seeds else {},
        "conformal": [asdict(one) for one in judged.coverage],
    }  # fmt: skip


def _spread(judged: Judged) -> dict[str, Json]:
    """What other seeds would have given: each figure's mean, least and most over the seeds, and each by itself."""
    once = draws(judged.weeks, count=0, seed=0)
    ordered = sorted(judged.of_seeds.items())
    found = [judge(scores, p, judged.labels, judged.week, once) for _, (scores, p) in ordered]
    told: dict[str, Json] = {"seeds": [seed for seed, _ in ordered]}
    for metric in (*PLAIN, *TOPS):
        values = np.array([one[metric][0] for one in found])
        facts = _rounded({"mean": values.mean(), "min": values.min(), "max": values.max()})
        told[metric] = {**facts, "by_seed": [None if np.isnan(value) else round(float(value), 5) for value in values]}
    return told


def _slice(judged: Judged, rows: NDArray[np.bool_], drawn: Draws) -> Json:
    """Figures of some rows; too few positives say nothing and are not shown."""
    positives = int(judged.labels[rows].sum())
    told: dict[str, Json] = {"rows": int(rows.sum()), "positives": positives}
    if positives < POSITIVES_MIN:
        return {**told, "models": INSUFFICIENT}
    models: dict[str, Json] = {name: _shown(found) for name, found in judged.figures(drawn, rows).items()}
    return {**told, "base_rate": positives / int(rows.sum()), "models": models}


def _shown(found: Mapping[str, Numbers]) -> dict[str, Json]:
    told = shown(found, PLAIN)
    for what in ("recall", "precision"):
        told[f"{what}_at_top"] = {str(k): rounded(estimate(found[f"{what}_at_top{k}"])) for k in TOPS_PERCENT}
    told["ap_over_base"] = rounded(estimate(found["ap"] / found["base_rate"]))
    return told


def shown(found: Mapping[str, Numbers], metrics: Sequence[str]) -> dict[str, Json]:
    """Some of a model's figures as they are reported."""
    return {name: rounded(estimate(found[name])) for name in metrics if name in found}


def rounded(told: Estimate) -> dict[str, Json]:
    """A figure and its interval as they are reported."""
    return _rounded(asdict(told))


def _differences(figures: Mapping[str, Mapping[str, Numbers]], of: str) -> list[Json]:
    ours = figures[of]
    return [
        {"against": name, "metric": metric, **rounded(difference(ours, found, metric))}
        for name, found in figures.items()
        if name != of
        for metric in COMPARED
        if metric in found
    ]


def _rounded(facts: Mapping[str, float]) -> dict[str, Json]:
    return {name: None if np.isnan(value) else round(float(value), 5) for name, value in facts.items()}
