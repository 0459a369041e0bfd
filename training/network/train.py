"""Fits the model that is shipped: ``python -m training train DATA_DIR --out FILE --backtest JSON --card FILE``.

The network, and the regressions that stand in for it, learn from every week but the last; what their scores mean as
probabilities is fitted on the last weeks, which none of them saw, a purge gap behind. Figures of quality are the
back-test's, not this run's: a model that was fitted on everything cannot be judged on it.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from domain.clock import SystemClock
from domain.value import Json
from training.activity import Prior
from training.answer import answer
from training.backtest import TRAIN_FROM, day
from training.card import card_of
from training.dataset import FEATURE_CODE, GraphWeek, Weeks, code_digest
from training.forward import Network
from training.logistic import Logistic, fit_logistic
from training.models import KEEP, drawn
from training.network.fit import TEACHING, fit_network
from training.network.pairing import CODE as PAIRS_CODE
from training.network.pairing import fit_pairing
from training.network.split import metrics_of, read_report, split, with_figures
from training.predictor import Predictor, TaskModel, as_arrays
from training.recorded import Recorded, read_histories
from training.renewal import reference_of
from training.rolling import NETWORK_CODE, joined
from training.scales import fit_scales
from training.task import NODE_TASKS, Task, see
from training.tracking import Tracking, tracked
from training.weights import SHIPPED, Manifest, features_digest, write_weights

LOG = logging.getLogger(__name__)
CODE = (
    *FEATURE_CODE,
    *NETWORK_CODE,
    "calibration",
    "logistic",
    "network/split",
    "network/train",
    "predictor",
    "scales",
    "shift",
)
"""Modules that the weights depend on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, write, tell."""
    given = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d ms %(message)s", stream=sys.stderr)
    return answer(partial(run, given), None)


def parser() -> argparse.ArgumentParser:
    """The command line's form."""
    made = argparse.ArgumentParser(prog="python -m training train", description=__doc__)
    made.add_argument("data", type=Path, help="folder with events.parquet, edges.parquet and violations.parquet")
    made.add_argument("--train-from", type=day, default=TRAIN_FROM, help="first week that is learned from")
    made.add_argument("--train-every", type=int, default=4, help="learn from every so many weeks; default 4")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--workers", type=int, default=1, help="processes that learn together, by Ray Train; default 1")
    made.add_argument("--name", default="global")
    made.add_argument("--backtest", type=Path, help="the back-test's JSON, whose figures go into manifest and card")
    made.add_argument("--out", type=Path, default=SHIPPED, help="file of the weights; the manifest goes beside it")
    made.add_argument("--card", type=Path, help="write the model card to this file")
    made.add_argument("--cache", type=Path, default=Path(".pcg/training"), help="where weeks are kept")
    made.add_argument("--track", type=Path, default=Path(".pcg/training/runs"), help="folder where runs are noted")
    made.add_argument("--mlflow", metavar="URI", help="note the run in this MLflow server or store instead")
    return made


def run(given: argparse.Namespace) -> Mapping[str, Json]:
    """Fit on every week, calibrate on the last, and write weights, manifest and card.

    Raises:
        InputError: the data or the back-test cannot be used.
    """
    with tracked(given.track, given.name, SystemClock().now(), uri=given.mlflow) as tracking:
        found = _fitted(given, tracking)
        tracking.given({"sha256": found["sha256"], "size_bytes": found["size_bytes"]})
        return found


def _fitted(given: argparse.Namespace, tracking: Tracking) -> Mapping[str, Json]:
    recorded = read_histories(given.data)
    report = None if given.backtest is None else read_report(given.backtest, recorded.digest)
    weeks = Weeks(recorded, given.cache)
    learned, held_out = split(given.train_from, recorded.end, every_weeks=given.train_every)
    weeks.prepare([*learned, *held_out])
    names = weeks.names().node
    manifest = Manifest(
        schema="", name=given.name, sha256="", features=features_digest(names), data=recorded.digest,
        code=code_digest(CODE), seeds=(given.seed,), learned_from=learned[0].date().isoformat(),
        learned_until=held_out[-1].date().isoformat(), metrics={} if report is None else metrics_of(report),
    )  # fmt: skip
    tracking.given({
        "data": recorded.digest, "code": manifest.code, "features": manifest.features, "seed": given.seed,
        "workers": given.workers,
        "learned_from": manifest.learned_from, "learned_until": manifest.learned_until, "weeks_learned": len(learned),
        **{one.name: getattr(TEACHING, one.name) for one in fields(TEACHING) if one.name != "form"},
        **{one.name: getattr(TEACHING.form, one.name) for one in fields(TEACHING.form)},
    })  # fmt: skip
    network = _learned(given, weeks, learned, lambda epoch, loss: tracking.reached(epoch, {"loss": loss}))
    regressions = {task: _regression(weeks, task, learned, given.seed) for task in NODE_TASKS}
    scales = fit_scales(weeks, network, regressions, held_out)
    tasks = {task: TaskModel(regressions[task], scales[task]) for task in NODE_TASKS}
    pairing, figures = fit_pairing(weeks, network, learned, held_out, seed=given.seed)
    metrics = with_figures(manifest.metrics, Task.COCHANGE, {"held_out": figures})
    manifest = replace(manifest, metrics=metrics, pairs_code=code_digest(PAIRS_CODE))
    prior = prior_of(recorded, held_out[-1])
    predictor = Predictor(
        network, tasks, prior, names, manifest, reference=reference_of(weeks, learned), pairing=pairing
    )
    told = write_weights(given.out, as_arrays(predictor), manifest)
    if given.card is not None:
        given.card.write_text(card_of(told, report, size_bytes=given.out.stat().st_size, reference=predictor.reference))
    return {"file": str(given.out), "sha256": told.sha256, "size_bytes": given.out.stat().st_size,
            "weeks_learned": len(learned), "weeks_held_out": len(held_out)}  # fmt: skip


def _learned(
    given: argparse.Namespace, weeks: Weeks, learned: Sequence[datetime], told: Callable[[int, float], None]
) -> Network:
    """The network, by this process or by several workers."""
    if given.workers == 1:
        return fit_network(weeks.graph, learned, seed=given.seed, told=lambda one: told(one.epoch, one.loss))
    workers = importlib.import_module("training.workers")
    make = partial(_graphs, given.data.resolve(), given.cache.resolve())
    network: Network = workers.fit_together(
        make, learned, seed=given.seed, teaching=TEACHING, workers=given.workers, folder=given.cache / "fits", told=told
    )
    return network


def _graphs(data: Path, cache: Path) -> Callable[[datetime], GraphWeek]:
    """What gives a week's rows, in a process that has only the names of folders."""
    return Weeks(read_histories(data), cache).graph


def prior_of(recorded: Recorded, until: datetime) -> Prior:
    """What every type did in all histories by an instant."""
    return see(recorded.timelines, until)[1]


def _regression(weeks: Weeks, task: Task, learned: Sequence[datetime], seed: int) -> Logistic:
    parts = [drawn(weeks.rows(task, at), KEEP[task], seed=(seed, at.toordinal())) for at in learned]
    rows = joined(parts)
    return fit_logistic(rows.values, rows.labels, rows.weights)


if __name__ == "__main__":
    sys.exit(main())
