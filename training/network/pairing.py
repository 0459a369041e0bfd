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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from domain.value import Json
from training.answer import answer
from training.backtest import TRAIN_FROM, day
from training.calibration import fit_isotonic
from training.card import card_of
from training.dataset import FEATURE_CODE, Weeks, code_digest
from training.features import Matrix
from training.forward import Network
from training.metrics import draws, estimate, judge
from training.network.pairs import fit_pairs
from training.network.split import metrics_of, read_report, split
from training.pairing import SHARE, Pairing
from training.pairs import PairHead, pair_inputs
from training.predictor import as_arrays, load_predictor
from training.recorded import read_histories
from training.rolling import NETWORK_CODE, PAIR_CODE
from training.task import Task
from training.weights import SHIPPED, features_digest, write_weights

LOG = logging.getLogger(__name__)
CODE = (*FEATURE_CODE, *NETWORK_CODE, *PAIR_CODE, "calibration", "network/pairing", "pairing")
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
    _require_same(served.manifest.data, recorded.digest, "the weights learned from other data")
    spans = [f"{one:%Y-%m-%d}" for one in (learned[0], held_out[-1])]
    _require_same(
        [served.manifest.learned_from, served.manifest.learned_until], spans, "the weights learned from other weeks"
    )
    pairing, figures = fit_pairing(weeks, served.network, learned, held_out, seed=given.seed)
    judged = {} if report is None else metrics_of(report).get(Task.COCHANGE.value, {})
    metrics = {**served.manifest.metrics, Task.COCHANGE.value: {**_mapping(judged), "held_out": figures}}
    manifest = replace(served.manifest, metrics=metrics, pairs_code=code_digest(CODE))
    told = write_weights(given.out, as_arrays(replace(served, pairing=pairing)), manifest)
    size_bytes = given.out.stat().st_size
    if given.card is not None:
        given.card.write_text(card_of(told, report, size_bytes=size_bytes))
    return {"file": str(given.out), "sha256": told.sha256, "size_bytes": size_bytes, "held_out": figures}


def fit_pairing(
    weeks: Weeks, network: Network, learned: Sequence[datetime], held_out: Sequence[datetime], *, seed: int
) -> tuple[Pairing, dict[str, Json]]:
    """A head beside a network, and how well it and the count rank the weeks that neither learned from.

    Raises:
        InputError: there is no pair to learn from.
    """
    rows = [week_pairs(weeks, network, at) for at in learned]
    inputs, _, came = _joined(rows)
    LOG.info("%d pairs of %d weeks to learn from", len(came), len(learned))
    head = fit_pairs(inputs, came, seed=seed)
    latest = [week_pairs(weeks, network, at) for at in held_out]
    inputs, share, came = _joined(latest)
    logits = head.logits(inputs).astype(np.float64) if len(came) else np.zeros(0)
    week = np.repeat(np.arange(len(latest)), [len(one[2]) for one in latest])
    ranked = {"network": logits, "co-change share": share}
    figures: dict[str, Json] = {"rows": len(came), "weeks": len(held_out)}
    if came.any() and not came.all():
        figures["base_rate"] = float(came.mean())
        figures |= {name: _figures(scores, came, week, len(latest)) for name, scores in ranked.items()}
    LOG.info("the head is fitted: %s", figures)
    return Pairing(PairHead(head.arrays), network, fit_isotonic(logits, came), fit_isotonic(share, came)), figures


Pairs = tuple[Matrix, NDArray[np.float64], NDArray[np.bool_]]


def week_pairs(weeks: Weeks, network: Network, at: datetime) -> Pairs:
    """A week's pairs: what the head reads, the share that the baseline reads, and what came."""
    rows = weeks.rows(Task.COCHANGE, at)
    share = rows.values[:, SHARE].astype(np.float64) if len(rows.labels) else np.zeros(0)
    return pair_inputs(network, weeks.graph(at), rows.values), share, rows.labels


def _joined(parts: Sequence[Pairs]) -> Pairs:
    known = [one for one in parts if len(one[2])]
    if not known:
        return np.zeros((0, 0), np.float32), np.zeros(0), np.zeros(0, np.bool_)
    inputs, shares, labels = zip(*known, strict=True)
    return np.concatenate(inputs), np.concatenate(shares), np.concatenate(labels)


def _figures(scores: NDArray[np.float64], came: NDArray[np.bool_], week: NDArray[np.integer], size: int) -> Json:
    found = judge(scores, None, came, week, draws(size, count=DRAWS, seed=1))
    return {name: asdict(estimate(found[name])) for name in ("auroc", "ap")}


def _require_same(got: object, expected: object, what: str) -> None:
    if got != expected:
        raise InputError(what, expected=str(expected), got=str(got),
                         todo="Give the data and --train-from that the weights were fitted with")  # fmt: skip


def _mapping(found: Any) -> Mapping[str, Json]:
    return found if isinstance(found, Mapping) else {}
