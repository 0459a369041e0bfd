"""T5's pairs of whole weeks, for fitting a head and for saying what its scores mean. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from training.calibration import fit_weekly
from training.dataset import Weeks
from training.features import Matrix
from training.forward import Network
from training.pairing import SHARE, Pairing
from training.pairs import PairHead, pair_inputs
from training.task import Task


@dataclass(frozen=True, slots=True, eq=False)
class PairRows:
    """Pairs of some weeks, one week behind the other.

    Args:
        inputs: what the head reads. share: what the count that stands in for it reads.

    Shapes:
        inputs: float32 (p, k), or (0, 0). share: float64 (p,). came: bool (p,). week: int64 (p,), places of weeks.
    """

    inputs: Matrix
    share: NDArray[np.float64]
    came: NDArray[np.bool_]
    week: NDArray[np.int64]

    def logits(self, head: PairHead) -> NDArray[np.float64]:
        """What a head says of each."""
        return head.logits(self.inputs).astype(np.float64) if len(self.came) else np.zeros(0)


def pair_rows(weeks: Weeks, network: Network, chosen: Sequence[datetime]) -> PairRows:
    """The pairs of some weeks, as a network knows them."""
    inputs, shares, came, week = [], [], [], []
    for place, at in enumerate(chosen):
        rows = weeks.rows(Task.COCHANGE, at)
        if len(rows.labels):
            inputs.append(pair_inputs(network, weeks.graph(at), rows.values))
            shares.append(rows.values[:, SHARE].astype(np.float64))
            came.append(rows.labels)
            week.append(np.full(len(rows.labels), place, np.int64))
    if not came:
        return PairRows(np.zeros((0, 0), np.float32), np.zeros(0), np.zeros(0, np.bool_), np.zeros(0, np.int64))
    return PairRows(np.concatenate(inputs), np.concatenate(shares), np.concatenate(came), np.concatenate(week))


def calibrated_pairing(head: PairHead, network: Network, latest: PairRows) -> Pairing:
    """A head, and the count that stands in for it, with what their scores came to in weeks that neither saw."""
    every = [latest.week == place for place in np.unique(latest.week)]
    came = [latest.came[rows] for rows in every]
    scales = (fit_weekly([one[rows] for rows in every], came) for one in (latest.logits(head), latest.share))
    return Pairing(head, network, *scales)
