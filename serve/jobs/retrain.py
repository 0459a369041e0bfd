"""Retrain the prediction model on what came of it, and let it serve where it is certainly better.

    ray job submit --working-dir . -- python -m serve.jobs.retrain --store /var/lib/pcg --tenant acme --tenant globex

Histories of the tenants that are named are read where they are: from the platform that runs on the store, else from the
store itself. Tasks make the weeks, one each; a candidate is learned from the earlier ones (or given with --candidate,
such as one that `python -m training train` made) and judged on the last eight. The decision is recorded in the
platform's log; weights, report.html and retraining.json are kept below the store. Exit status: 0 decided, whichever
way, 2 nothing to learn from, 4 something that cannot be used now.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import ray

from actors.placement import NAMESPACE
from assessment.learned import LiveHistory
from assessment.learning import WEEKS_MAX, learned_week
from domain.clock import parse_instant
from domain.errors import ConflictError, InputError, NotFound, PolicyCortexError, UnavailableError
from domain.tenancy import tenant_id
from serve.bootstrap import local_platform
from serve.platform import Platform
from serve.retraining import RetrainJob
from serve.run_file import find_running
from serve.settings import Settings, load_settings
from training.activity import Prior
from training.adaptation import LearnedWeek
from training.predictor import Predictor

RETRIES: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job."""
    given = _parser().parse_args(arguments)
    try:
        settings = load_settings({"store_dir": given.store}, config=given.config)
        now = parse_instant(given.as_of) if given.as_of else datetime.now(UTC).replace(microsecond=0)
        with attached_platform(settings) as platform:
            job = RetrainJob(platform, settings, now, made_by_tasks)
            document = job.run([tenant_id(one) for one in given.tenant], given.candidate, weeks=given.weeks)
    except (InputError, NotFound, ConflictError, UnavailableError) as error:
        sys.stderr.write(f"{error.summary}\n  {error.facts.get('todo', '')}\n")
        return 4 if isinstance(error, UnavailableError) else 2
    decision: Any = document["decision"]
    sys.stdout.write(f"{decision['action']}: {decision['reason']}\n{document['report']}\n")
    return 0


@contextmanager
def attached_platform(settings: Settings) -> Iterator[Platform]:
    """The platform that runs on the store, through its actors; or one in this process."""
    if not ray.is_initialized():
        ray.init(namespace=NAMESPACE, log_to_driver=False)
    if find_running(settings) is None:
        with local_platform(settings) as platform:
            yield platform
        return
    from serve.cluster import ingress_config  # noqa: PLC0415 (only where there is a platform to attach to)
    from serve.crew import ray_crew  # noqa: PLC0415

    config = ingress_config(settings, operator_digest=b"")
    keys = config.keys.log_keys(config.folders)
    shards, simulations = config.shards, config.simulations
    yield Platform(
        ray_crew(config.folders, config.upkeep, keys, config.opening, shards=shards, simulations=simulations)
    )


def made_by_tasks(
    history: LiveHistory, prior: Prior, models: Mapping[str, Predictor], cutoffs: Sequence[datetime]
) -> list[LearnedWeek]:
    """Weeks by tasks, one each; what they read is put into the object store once."""
    shared: Any = (ray.put(history), ray.put(prior), ray.put(dict(models)))
    task: Any = ray.remote(_week)
    waiting = [task.options(name=f"week {at:%Y-%m-%d}", max_retries=RETRIES).remote(*shared, at) for at in cutoffs]
    try:
        found: list[LearnedWeek] = ray.get(waiting)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, PolicyCortexError):
            raise error.cause from None
        raise
    return found


def _week(history: LiveHistory, prior: Prior, models: Mapping[str, Predictor], cutoff: datetime) -> LearnedWeek:
    return learned_week(history, prior, models, cutoff)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serve.jobs.retrain", description="Retrain the prediction model.")
    parser.add_argument("--tenant", action="append", required=True, help="learn from it; may be repeated")
    parser.add_argument("--store", type=Path, default=None, help="the platform's store")
    parser.add_argument("--config", type=Path, default=None, help="settings file")
    parser.add_argument("--candidate", type=Path, default=None, help="judge these weights instead of learning some")
    parser.add_argument("--weeks", type=int, default=WEEKS_MAX, help="ended weeks that are looked back on")
    parser.add_argument("--as-of", default=None, metavar="TIME", help="the only clock of the run; now by default")
    return parser


if __name__ == "__main__":
    sys.exit(main())
