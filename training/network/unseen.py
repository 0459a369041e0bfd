"""What a repository loses that the network never learned from: fitted without it, and judged on it alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from domain.value import Json
from training.dataset import GraphWeek, Weeks
from training.forward import Network
from training.judgement import INSUFFICIENT, POSITIVES_MIN, rounded, shown
from training.metrics import difference, draws, judge
from training.network.member import Networks
from training.relations import ego
from training.rolling import Plan
from training.task import NODE_TASKS, Task

LOG = logging.getLogger(__name__)
METRICS = ("auroc", "auroc_weekly", "ap")
DRAWS = 400


def unseen(weeks: Weeks, plan: Plan, names: Sequence[str], *, seed: int) -> dict[Task, dict[str, Json]]:
    """For each task and repository how well it is told with and without having been learned from.

    Both networks are fitted once, before the plan's first origin. Intervals come from drawing whole weeks.

    Args:
        seed: of the draws.
    """
    networks, numbers = Networks(weeks, plan), {name: at for at, (name, _) in enumerate(weeks.tenants)}
    found: dict[Task, dict[str, Json]] = {task: {} for task in NODE_TASKS}
    for name in names:
        both = {
            "seen": networks.fitted(plan.first, plan.seeds[0]),
            "unseen": networks.without(plan.first, plan.seeds[0], name, partial(_without, weeks, numbers[name])),
        }
        own = [of_tenants(weeks.graph(at), _tenants(weeks, at) == numbers[name]) for at in plan.scored()]
        for task, told in _compared(both, own, seed=seed).items():
            found[task][name] = told
        LOG.info("%s left out of the network", name)
    return found


def _compared(both: Mapping[str, Network], weeks: Sequence[GraphWeek], *, seed: int) -> dict[Task, Json]:
    """Figures of both ways, and how much is lost, for each task."""
    answers = {
        way: np.concatenate([one.logits(week.values, week.relations) for week in weeks]).astype(np.float64)
        for way, one in both.items()
    }
    labels = np.concatenate([one.labels for one in weeks])
    at = np.repeat(np.arange(len(weeks)), [len(one.labels) for one in weeks])
    drawn = draws(len(weeks), count=DRAWS, seed=seed)
    found: dict[Task, Json] = {}
    for place, task in enumerate(NODE_TASKS):
        came = labels[:, place]
        facts: dict[str, Json] = {"rows": len(came), "positives": int(came.sum())}
        if came.sum() < POSITIVES_MIN:
            found[task] = {**facts, "models": INSUFFICIENT}
            continue
        figures = {way: judge(scores[:, place], None, came, at, drawn) for way, scores in answers.items()}
        loss: Json = {one: rounded(difference(figures["seen"], figures["unseen"], one)) for one in METRICS}
        found[task] = {**facts, **{way: shown(one, METRICS) for way, one in figures.items()}, "loss": loss}
    return found


def of_tenants(week: GraphWeek, chosen: NDArray[np.bool_]) -> GraphWeek:
    """A week with the rows of some tenants alone; nothing joins them to others."""
    rows = np.flatnonzero(chosen)
    nodes, relations = ego(week.relations, rows, hops=1)
    assert len(nodes) == len(rows), "tenants are joined"
    return GraphWeek(week.values[rows], replace(relations, reach=()), week.labels[rows])


def _tenants(weeks: Weeks, origin: datetime) -> NDArray[np.int16]:
    return weeks.rows(Task.CHANGE, origin).tenant


def _without(weeks: Weeks, tenant: int, origin: datetime) -> GraphWeek:
    return of_tenants(weeks.graph(origin), _tenants(weeks, origin) != tenant)
