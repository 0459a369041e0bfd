"""The report of a back-test: every figure with its interval, pooled and per cloud and repository, beside baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from domain.value import Json
from training.conformal import rolling_coverage
from training.metrics import TOPS_PERCENT, Draws, difference, draws, estimate, judge
from training.models import HEURISTICS, LEARNERS, NETWORK
from training.rolling import Scored
from training.serving import MEMBERS, SERVING, STACKS, averaged, calibrated, stacks
from training.task import Task

Numbers = NDArray[np.float64]
POSITIVES_MIN = 30
INSUFFICIENT = "insufficient"
DRAWS = 400
NOMINAL = (0.8, 0.9)
COMPARED = ("auroc", "auroc_weekly", "ap", "recall_at_fpr5", "brier_skill")
PLAIN = ("auroc", "auroc_weekly", "ap", "recall_at_fpr5", "brier_skill", "ece")


class Judged:
    """All rows of a task's judged origins with every model's scores and probabilities."""

    def __init__(self, task: Task, scored: Sequence[Scored], *, burn_in: int) -> None:
        learners = [one.name for one in LEARNERS[task]]
        names = [*(one.name for one in HEURISTICS[task]), *learners]
        extra = [name for name in scored[0].scores if name not in names]
        means = averaged(scored, MEMBERS[task])
        answers = calibrated(scored, means)
        judged = scored[burn_in:]
        self.task = task
        self.labels = np.concatenate([one.labels for one in judged])
        self.tenant = np.concatenate([one.tenant for one in judged])
        self.week = np.repeat(np.arange(len(judged)), [len(one.labels) for one in judged])
        self.weeks = len(judged)
        self.scores: dict[str, tuple[Numbers, Numbers]] = {}
        for name in (*names, *extra):
            own = [one.scores[name].astype(np.float64) for one in scored]
            p = np.concatenate(calibrated(scored, own)[burn_in:])
            self.scores[name] = (np.concatenate(own[burn_in:]), p)
        for name, found in stacks(scored, task).items():
            p = np.concatenate(calibrated(scored, found)[burn_in:])
            self.scores[name] = (np.concatenate(found[burn_in:]), p)
        self.scores[SERVING] = (np.concatenate(means[burn_in:]), np.concatenate(answers[burn_in:]))
        self.coverage = [
            rolling_coverage(
                list(zip(answers, (one.labels for one in scored), strict=True)), nominal=nominal, warm_up=burn_in
            )
            for nominal in NOMINAL
        ]

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
    base = estimate(figures[SERVING]["base_rate"])
    clouds = np.array([cloud for _, cloud in tenants])[judged.tenant]
    repos = np.array([name for name, _ in tenants])[judged.tenant]
    models: dict[str, Json] = {name: _shown(found) for name, found in figures.items()}
    return {
        "base_rate": base.value, "rows": len(judged.labels), "positives": int(judged.labels.sum()),
        "weeks": judged.weeks, "serving": SERVING,
        "models": models,
        "by_cloud": {name: _slice(judged, clouds == name, drawn) for name in np.unique(clouds).tolist()},
        "by_repo": {name: _slice(judged, repos == name, drawn) for name in np.unique(repos).tolist()},
        "differences": _differences(figures, SERVING),
        "differences_of": {name: _differences(figures, name) for name in (NETWORK.name, *STACKS) if name in figures},
        "conformal": [asdict(one) for one in judged.coverage],
    }  # fmt: skip


def _slice(judged: Judged, rows: NDArray[np.bool_], drawn: Draws) -> Json:
    """Figures of some rows; too few positives say nothing and are not shown."""
    positives = int(judged.labels[rows].sum())
    told: dict[str, Json] = {"rows": int(rows.sum()), "positives": positives}
    if positives < POSITIVES_MIN:
        return {**told, "models": INSUFFICIENT}
    models: dict[str, Json] = {name: _shown(found) for name, found in judged.figures(drawn, rows).items()}
    return {**told, "base_rate": positives / int(rows.sum()), "models": models}


def _shown(found: Mapping[str, Numbers]) -> dict[str, Json]:
    shown: dict[str, Json] = {name: _told(found[name]) for name in PLAIN if name in found}
    for what in ("recall", "precision"):
        shown[f"{what}_at_top"] = {str(k): _told(found[f"{what}_at_top{k}"]) for k in TOPS_PERCENT}
    shown["ap_over_base"] = _told(found["ap"] / found["base_rate"])
    return shown


def _differences(figures: Mapping[str, Mapping[str, Numbers]], of: str) -> list[Json]:
    ours = figures[of]
    return [
        {"against": name, "metric": metric, **_rounded(asdict(difference(ours, found, metric)))}
        for name, found in figures.items()
        if name != of
        for metric in COMPARED
        if metric in found
    ]


def _told(values: Numbers) -> dict[str, Json]:
    return _rounded(asdict(estimate(values)))


def _rounded(facts: Mapping[str, float]) -> dict[str, Json]:
    return {name: None if np.isnan(value) else round(float(value), 5) for name, value in facts.items()}
