"""Fits the head of T5 beside a network that stays as it is: ``python -m training pairs DATA_DIR --out FILE``.

The head learns from the weeks that the network learned from; what its scores mean as probabilities, and those of the
count that stands in for it, is fitted on the last weeks, which neither saw. How well both rank those weeks is kept in
the manifest as a held-out figure, beside the back-test's where one is given.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.value import Json
from training.answer import answer
from training.backtest import TRAIN_FROM, day
from training.card import card_of
from training.dataset import FEATURE_CODE, Weeks, code_digest
from training.forward import Network
from training.metrics import draws, estimate, judge
from training.network.pairs import fit_pairs
from training.network.split import metrics_of, read_report, require_learned_from, split, with_figures
from training.pair_weeks import PairRows, calibrated_pairing, pair_rows
from training.pairing import Pairing
from training.pairs import PairHead
from training.predictor import as_arrays, load_predictor
from training.recorded import read_histories
from training.rolling import NETWORK_CODE, PAIR_CODE
from training.task import Task
from training.weights import SHIPPED, features_digest, write_weights

LOG = logging.getLogger(__name__)
CODE = (*FEATURE_CODE, *NETWORK_CODE, *PAIR_CODE, "calibration", "network/pairing", "pair_weeks", "pairing")
"""Modules that the head depends on."""
DRAWS = 400


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, write, tell."""
    given = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d ms %(message)s", stream=sys.stderr)
    return answer(partial(run, given), None)


def parser() -> argparse.ArgumentParser:
    """The command line's form."""
    made = argparse.ArgumentParser(prog="python -m training pairs", description=__doc__)
    made.add_argument("data", type=Path, help="the folder that the weights were learned from")
    made.add_argument("--weights", type=Path, default=SHIPPED, help="whose network stays as it is")
    made.add_argument("--train-from", type=day, default=TRAIN_FROM, help="first week that is learned from")
    made.add_argument("--train-every", type=int, default=4, help="learn from every so many weeks; default 4")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--backtest", type=Path, help="a back-test's JSON: its figures of T5 go into the manifest")
    made.add_argument("--out", type=Path, default=SHIPPED, help="file of the weights; the manifest goes beside it")
    made.add_argument("--card", type=Path, help="write what the manifest says of T5 to this file")
    made.add_argument("--cache", type=Path, default=Path(".pcg/training"), help="where weeks are kept")
    return made


def run(given: argparse.Namespace) -> Mapping[str, Json]:
    """Fit the head on the weeks that the weights' network learned from, and write both.

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
    pairing, figures = fit_pairing(weeks, served.network, learned, held_out, seed=given.seed)
    judged = {} if report is None else metrics_of(report).get(Task.COCHANGE.value, {})
    known = {**served.manifest.metrics, Task.COCHANGE.value: judged}
    metrics = with_figures(known, Task.COCHANGE, {"held_out": figures})
    manifest = replace(served.manifest, metrics=metrics, pairs_code=code_digest(CODE))
    told = write_weights(given.out, as_arrays(replace(served, pairing=pairing)), manifest)
    size_bytes = given.out.stat().st_size
    if given.card is not None:
        given.card.write_text(card_of(told, report, size_bytes=size_bytes, reference=served.reference))
    return {"file": str(given.out), "sha256": told.sha256, "size_bytes": size_bytes, "held_out": figures}


def fit_pairing(
    weeks: Weeks, network: Network, learned: Sequence[datetime], held_out: Sequence[datetime], *, seed: int
) -> tuple[Pairing, dict[str, Json]]:
    """A head beside a network, and how well it and the count rank the weeks that neither learned from.

    Raises:
        InputError: there is no pair to learn from.
    """
    rows = pair_rows(weeks, network, learned)
    LOG.info("%d pairs of %d weeks to learn from", len(rows.came), len(learned))
    head = PairHead(fit_pairs(rows.inputs, rows.came, seed=seed).arrays)
    latest = pair_rows(weeks, network, held_out)
    figures: dict[str, Json] = {"rows": len(latest.came), "weeks": len(held_out)}
    if latest.came.any() and not latest.came.all():
        figures["base_rate"] = float(latest.came.mean())
        ranked = {"network": latest.logits(head), "co-change share": latest.share}
        figures |= {name: _figures(scores, latest, len(held_out)) for name, scores in ranked.items()}
    LOG.info("the head is fitted: %s", figures)
    return calibrated_pairing(head, network, latest), figures


def _figures(scores: NDArray[np.float64], rows: PairRows, weeks: int) -> Json:
    found = judge(scores, None, rows.came, rows.week, draws(weeks, count=DRAWS, seed=1))
    return {name: asdict(estimate(found[name])) for name in ("auroc", "ap")}
