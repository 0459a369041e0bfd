"""Rolling-origin back-test of every task: ``python -m training.backtest DATA_DIR --from DATE --to DATE --json OUT``.

Scores weekly origins with models fitted strictly before them and writes figures with intervals, seeds, digests of the
data and of the code. Leaves with 2 where the input cannot be used.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import logging
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from domain.errors import InputError
from domain.value import Json
from training.answer import answer
from training.dataset import Weeks, code_digest
from training.judgement import Judged, report
from training.models import CONTROLS, LEARNERS, NETWORK, Learner
from training.recorded import read_histories
from training.rolling import Networks, Plan, require_plan, run_task
from training.table import table_of
from training.task import Task

TRAIN_FROM = datetime(2022, 1, 3, tzinfo=UTC)
SEED = 7
BASELINES, WITH_NETWORK = "baselines", "network"
MODELS_HELP = "baselines always take part; the network does where torch is, unless only baselines are named"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the back-test that the command line describes."""
    given = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d ms %(message)s", stream=sys.stderr)
    return answer(partial(run, given), given.json, shown=table_of)


def parser() -> argparse.ArgumentParser:
    """The command line's form."""
    made = argparse.ArgumentParser(prog="python -m training.backtest", description=__doc__)
    made.add_argument("data", type=Path, help="folder with events.parquet, edges.parquet and violations.parquet")
    made.add_argument("--from", dest="first", type=day, required=True, help="first weekly origin, such as 2025-07-07")
    made.add_argument("--to", dest="last", type=day, required=True, help="last weekly origin")
    made.add_argument("--train-from", type=day, default=TRAIN_FROM, help="first week that is learned from")
    made.add_argument("--train-every", type=int, default=2, help="learn from every so many weeks; default 2")
    made.add_argument("--tasks", nargs="+", type=Task, default=list(Task), metavar="TASK", help="T1 to T5; default all")
    made.add_argument("--repos", nargs="+", default=[], help="only these repositories")
    made.add_argument("--seeds", nargs="+", type=int, default=[1], help="one booster and one network for each")
    made.add_argument("--controls", action="store_true", help="also fit models without families of features")
    made.add_argument("--refit-every", type=int, default=4, help="fit anew every so many weeks; default 4")
    made.add_argument("--models", nargs="+", choices=[BASELINES, WITH_NETWORK], help=MODELS_HELP)
    made.add_argument("--cache", type=Path, default=Path(".pcg/training"), help="where weeks and scores are kept")
    made.add_argument("--json", type=Path, help="write the report to this file")
    return made


def run(given: argparse.Namespace) -> dict[str, Json]:
    """Score and judge.

    Raises:
        InputError: the folder or the plan cannot be used.
    """
    begun = time.monotonic()
    plan = Plan(
        given.first, given.last, given.train_from, given.train_every, given.refit_every, seeds=tuple(given.seeds)
    )
    is_graph = with_network(given.models)
    recorded = read_histories(given.data, only=frozenset(given.repos))
    require_plan(plan, recorded.end)
    weeks = Weeks(recorded, given.cache)
    tasks: dict[str, Json] = {}
    weeks.prepare(set().union(*(plan.weeks(task) for task in given.tasks)))
    networks = _networks(weeks, plan) if is_graph else None
    for task in given.tasks:
        learners = _learners(task, is_graph=is_graph, has_controls=given.controls)
        tag = ("-controls" if given.controls else "") + ("-network" if is_graph else "")
        scored = run_task(weeks, task, plan, learners=learners, networks=networks, tag=tag)
        judged = Judged(task, scored, burn_in=plan.burn_in_weeks)
        tasks[task.value] = report(judged, weeks.tenants, seed=SEED)
        logging.getLogger(__name__).info("%s judged", task)
    return {
        "schema": "training.backtest/1", "data_digest": weeks.digest, "data_end": weeks.end.isoformat(),
        "feature_code": code_digest(), "code": code_digest(every_module()),
        "models": [BASELINES, *([WITH_NETWORK] if is_graph else [])], "seeds": list(plan.seeds),
        "bootstrap_seed": SEED, "from": plan.first.date().isoformat(), "to": plan.last.date().isoformat(),
        "train_from": plan.train_from.date().isoformat(), "refit_weeks": plan.refit_weeks,
        "purge_days": plan.purge_days, "train_every_weeks": plan.train_every, "python": platform.python_version(),
        "seconds": round(time.monotonic() - begun, 1), "tasks": tasks,
    }  # fmt: skip


def day(text: str) -> datetime:
    """Midnight UTC of a date."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def every_module() -> list[str]:
    """Every module of `training`, by its path without the ending."""
    folder = Path(__file__).parent
    return [path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.py")]


def _learners(task: Task, *, is_graph: bool, has_controls: bool) -> tuple[Learner, ...]:
    graph = (NETWORK,) if is_graph and task is not Task.BORN else ()
    return (*LEARNERS[task], *graph, *(CONTROLS.get(task, ()) if has_controls else ()))


def with_network(models: Sequence[str] | None) -> bool:
    """Whether the network takes part; where nothing is asked for, it does where torch is.

    Raises:
        InputError: it is asked for, and torch is missing.
    """
    has_torch = importlib.util.find_spec("torch") is not None
    if models is not None and WITH_NETWORK in models and not has_torch:
        raise InputError("the network needs torch", todo="Install the extra: uv pip install 'policycortex[gnn]'")
    return has_torch if models is None else WITH_NETWORK in models


def _networks(weeks: Weeks, plan: Plan) -> Networks:
    made: Networks = importlib.import_module("training.network.member").Networks(weeks, plan)
    return made


if __name__ == "__main__":
    sys.exit(main())
