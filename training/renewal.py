"""Makes parts of fitted weights anew beside all that was learned: ``python -m training renew DATA_DIR --out FILE``.

Two parts say what a model was made of rather than what it learned, and need no fit of the network: what its scores
mean as probabilities (`calibration`, from the last weeks, which it did not learn from), and how features were
distributed in every row of the weeks that it learned from (`reference`). Every other array stays bit for bit.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from domain.value import Json
from training.answer import answer
from training.backtest import TRAIN_FROM, day
from training.card import card_of
from training.dataset import FEATURE_CODE, Weeks, code_digest
from training.network.split import metrics_of, read_report, require_learned_from, split, with_figures
from training.pair_weeks import calibrated_pairing, pair_rows
from training.predictor import Predictor, TaskModel, as_arrays, load_predictor
from training.recorded import read_histories
from training.scales import fit_scales
from training.shift import Counts, counted
from training.task import NODE_TASKS, Task
from training.weights import SHIPPED, features_digest, write_weights

LOG = logging.getLogger(__name__)
CALIBRATION: Final = "calibration"
REFERENCE: Final = "reference"
PARTS: Final = (CALIBRATION, REFERENCE)
CODE: Final = (
    *FEATURE_CODE, "calibration", "forward", "logistic", "network/split", "pair_weeks", "pairing", "pairs", "renewal",
    "scales", "shift",
)  # fmt: skip
"""Modules that the parts depend on."""
ANSWERED: Final = (*NODE_TASKS, Task.COCHANGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make, write, tell."""
    given = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d ms %(message)s", stream=sys.stderr)
    return answer(partial(run, given), None)


def parser() -> argparse.ArgumentParser:
    """The command line's form."""
    made = argparse.ArgumentParser(prog="python -m training renew", description=__doc__)
    made.add_argument("data", type=Path, help="the folder that the weights were learned from")
    made.add_argument("--weights", type=Path, default=SHIPPED, help="whose parts are made anew")
    made.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="default both")
    made.add_argument("--train-from", type=day, default=TRAIN_FROM, help="first week that was learned from")
    made.add_argument("--train-every", type=int, default=4, help="so many weeks apart; default 4")
    made.add_argument("--backtest", type=Path, help="a back-test's JSON: its figures go into manifest and card")
    made.add_argument("--out", type=Path, default=SHIPPED, help="file of the weights; the manifest goes beside it")
    made.add_argument("--card", type=Path, help="write the model card to this file")
    made.add_argument("--cache", type=Path, default=Path(".pcg/training"), help="where weeks are kept")
    return made


def run(given: argparse.Namespace) -> Mapping[str, Json]:
    """Make the parts anew from the weeks that the weights name, and write them.

    Raises:
        InputError: data, back-test and weights do not belong together.
    """
    recorded = read_histories(given.data)
    report = None if given.backtest is None else read_report(given.backtest, recorded.digest)
    weeks = Weeks(recorded, given.cache)
    learned, held_out = split(given.train_from, recorded.end, every_weeks=given.train_every)
    weeks.prepare([*learned, *held_out])
    served = load_predictor(features_digest(weeks.names().node), given.weights)
    require_learned_from(served.manifest, recorded.digest, learned, held_out)
    made = recalibrated(served, weeks, held_out) if CALIBRATION in given.parts else served
    if REFERENCE in given.parts:
        made = replace(made, reference=reference_of(weeks, learned))
    metrics = served.manifest.metrics if report is None else _judged(served.manifest.metrics, metrics_of(report))
    manifest = replace(served.manifest, metrics=metrics, renewed_code=code_digest(CODE))
    told = write_weights(given.out, as_arrays(made), manifest)
    size_bytes = given.out.stat().st_size
    if given.card is not None:
        given.card.write_text(card_of(told, report, size_bytes=size_bytes, reference=made.reference))
    rows = 0 if made.reference is None else int(made.reference[0].sum())
    return {"file": str(given.out), "sha256": told.sha256, "size_bytes": size_bytes, "parts": list(given.parts),
            "reference_rows": rows}  # fmt: skip


def recalibrated(served: Predictor, weeks: Weeks, held_out: Sequence[datetime]) -> Predictor:
    """The model with the probabilities that the last weeks give its scores."""
    scales = fit_scales(weeks, served.network, {task: served.tasks[task].logistic for task in NODE_TASKS}, held_out)
    tasks = {task: TaskModel(served.tasks[task].logistic, scales[task]) for task in NODE_TASKS}
    pairing = served.pairing
    if pairing is not None:
        pairing = calibrated_pairing(pairing.head, pairing.network, pair_rows(weeks, pairing.network, held_out))
    LOG.info("calibrated on %d weeks", len(held_out))
    return replace(served, tasks=tasks, pairing=pairing)


def reference_of(weeks: Weeks, learned: Sequence[datetime]) -> Counts:
    """How the features of every row of some weeks were distributed.

    Shapes:
        Returns int64 (k, BINS).
    """
    found: Counts = np.sum([counted(weeks.graph(at).values) for at in learned], axis=0)
    LOG.info("%d rows of %d weeks counted", int(found[0].sum()), len(learned))
    return found


def _judged(known: Mapping[str, Json], found: Mapping[str, Json]) -> Mapping[str, Json]:
    """A back-test's figures of what the weights answer, beside what else is known of each task."""
    for task in ANSWERED:
        part = found.get(task.value)
        if isinstance(part, Mapping):
            known = with_figures(known, task, part)
    return known
