"""Controls of the back-test: ``python -m training evaluate DATA_DIR --from DATE --to DATE --json OUT``.

Shuffled labels must leave nothing to find; a repository that was never learned from must lose little; and the same
trees without families of features show where the skill comes from, the number of neighbours above all. Figures are of
boosted trees, because they find most where there is something to leak; repositories are left out of the network too,
where `--models network` asks for it.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.value import Json
from training.answer import answer
from training.backtest import BASELINES, SEED, TRAIN_FROM, WITH_NETWORK, day, with_network
from training.dataset import Rows, Weeks, code_digest
from training.judgement import POSITIVES_MIN, shown
from training.metrics import draws, judge
from training.models import CONTROLS, KEEP, LEARNERS, Fitted, Learner, Sampled, chosen_columns, drawn, fit
from training.recorded import read_histories
from training.rolling import Plan, joined, require_plan
from training.task import NODE_TASKS, Task, origins

LOG = logging.getLogger(__name__)
DRAWS = 200
MODELS_HELP = "trees, with every control; the network, with repositories left out; default trees alone"
BOOSTING = Learner("boosting", "boosting")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the controls that the command line asks for."""
    given = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d ms %(message)s", stream=sys.stderr)
    return answer(partial(run, given), given.json)


def parser() -> argparse.ArgumentParser:
    """The command line's form."""
    made = argparse.ArgumentParser(prog="python -m training evaluate", description=__doc__)
    made.add_argument("data", type=Path, help="folder with events.parquet, edges.parquet and violations.parquet")
    made.add_argument("--from", dest="first", type=day, required=True, help="first weekly origin that is scored")
    made.add_argument("--to", dest="last", type=day, required=True, help="last weekly origin")
    made.add_argument("--train-from", type=day, default=TRAIN_FROM, help="first week that is learned from")
    made.add_argument("--train-every", type=int, default=4, help="learn from every so many weeks; default 4")
    made.add_argument("--tasks", nargs="+", type=Task, default=list(NODE_TASKS), metavar="TASK", help="T1 to T5")
    made.add_argument("--unseen", nargs="*", default=[], help="leave these repositories out, each by itself")
    made.add_argument("--models", nargs="+", choices=[BASELINES, WITH_NETWORK], default=[BASELINES], help=MODELS_HELP)
    made.add_argument("--cache", type=Path, default=Path(".pcg/training"), help="where weeks are kept")
    made.add_argument("--json", type=Path, help="write the figures to this file")
    return made


def run(given: argparse.Namespace) -> dict[str, Json]:
    """Fit once before the first origin, score every origin, and repeat it with what each control changes.

    Raises:
        InputError: the folder or the plan cannot be used.
    """
    begun = time.monotonic()
    plan = Plan(given.first, given.last, given.train_from, given.train_every, burn_in_weeks=0)
    recorded = read_histories(given.data)
    require_plan(plan, recorded.end)
    weeks = Weeks(recorded, given.cache)
    is_graph = with_network(given.models)
    tasks: dict[str, Json] = {}
    if BASELINES in given.models:
        tasks |= {task.value: _controls(weeks, task, plan, given.unseen) for task in given.tasks}
    network = _of_network(weeks, plan, given.unseen) if is_graph else {}
    return {
        "schema": "training.evaluate/1", "data_digest": weeks.digest, "feature_code": code_digest(),
        "seeds": list(plan.seeds), "from": plan.first.date().isoformat(), "to": plan.last.date().isoformat(),
        "seconds": round(time.monotonic() - begun, 1), "tasks": tasks, "network": network,
    }  # fmt: skip


def _of_network(weeks: Weeks, plan: Plan, names: Sequence[str]) -> dict[str, Json]:
    """For T2 to T4 what each repository loses that the network never learned from."""
    weeks.prepare(plan.weeks(Task.CHANGE))
    found = importlib.import_module("training.network.unseen").unseen(weeks, plan, names, seed=SEED)
    return {task.value: {"unseen": told} for task, told in found.items()}


def _controls(weeks: Weeks, task: Task, plan: Plan, unseen: Sequence[str]) -> dict[str, Json]:
    chosen = plan.train_weeks(task, plan.first)
    weeks.prepare({*plan.weeks(task), *(() if task is Task.BORN else chosen)})
    learned = joined([drawn(weeks.rows(task, w), KEEP[task], seed=(SEED, w.toordinal())) for w in chosen])
    scored = [weeks.rows(task, origin) for origin in origins(plan.first, plan.last)]
    assert BOOSTING in LEARNERS[task]
    model = _fit(weeks, task, learned, plan)
    families = {
        one.name: _auroc(_fit(weeks, task, learned, plan, one), scored, chosen_columns(task, weeks.names(), one))
        for one in CONTROLS.get(task, ())
    }
    LOG.info("%s: fitted without families of features", task)
    mixed = replace(learned, labels=shuffled(learned.labels, seed=SEED))
    found: dict[str, Json] = {
        "in place": _auroc(model, scored), "shuffled labels": _auroc(_fit(weeks, task, mixed, plan), scored),
    }  # fmt: skip
    LOG.info("%s: shuffled labels judged", task)
    numbers = {name: at for at, (name, _) in enumerate(weeks.tenants)}
    left_out: dict[str, Json] = {}
    for name in unseen:
        part = [_of(rows, numbers[name]) for rows in scored]
        if sum(int(rows.labels.sum()) for rows in part) < POSITIVES_MIN:
            left_out[name] = "insufficient"
            continue
        others = _without(learned, numbers[name])
        left_out[name] = {"seen": _auroc(model, part), "unseen": _auroc(_fit(weeks, task, others, plan), part)}
        LOG.info("%s: %s left out", task, name)
    return {**found, "families": families, "unseen": left_out}


def shuffled(labels: NDArray[np.bool_], *, seed: int) -> NDArray[np.bool_]:
    """Labels in another order."""
    return np.random.default_rng(seed).permutation(labels)


def _fit(weeks: Weeks, task: Task, learned: Sampled, plan: Plan, learner: Learner = BOOSTING) -> Fitted:
    return fit(learner, task, learned, chosen_columns(task, weeks.names(), learner), seeds=plan.seeds)


def _auroc(model: Fitted, scored: Sequence[Rows], columns: NDArray[np.intp] | None = None) -> Json:
    labels = np.concatenate([rows.labels for rows in scored])
    week = np.repeat(np.arange(len(scored)), [len(rows.labels) for rows in scored])
    seen = slice(None) if columns is None else columns
    scores = np.concatenate([model.predict(r.values[:, seen]) if len(r.values) else np.zeros(0) for r in scored])
    told = judge(scores, None, labels, week, draws(len(scored), count=DRAWS, seed=SEED))
    return shown(told, ("auroc", "auroc_weekly", "ap"))


def _of(rows: Rows, tenant: int) -> Rows:
    chosen = rows.tenant == tenant
    return Rows(rows.values[chosen], rows.labels[chosen], rows.tenant[chosen], rows.stack[:0], rows.stacks[:0])


def _without(learned: Sampled, tenant: int) -> Sampled:
    kept = learned.tenant != tenant
    return Sampled(learned.values[kept], learned.labels[kept], learned.weights[kept], learned.tenant[kept])
