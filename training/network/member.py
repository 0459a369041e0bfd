"""The network as a member of the back-test: fitted strictly before each block of origins, and kept on disk."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256

import numpy as np
import orjson
from numpy.typing import NDArray

from training.dataset import Weeks, code_digest
from training.forward import Network
from training.network.fit import TEACHING, Teaching, fit_network
from training.rolling import NETWORK_CODE, Plan
from training.task import Task

LOG = logging.getLogger(__name__)


class Networks:
    """Networks by the origin that they were fitted before, one for each seed; they answer with their mean.

    Args:
        weeks: where rows come from; every week that the plan learns from must be made.
    """

    def __init__(self, weeks: Weeks, plan: Plan, teaching: Teaching = TEACHING) -> None:
        self._weeks, self._plan, self._teaching = weeks, plan, teaching
        told = orjson.dumps(asdict(teaching), option=orjson.OPT_SORT_KEYS) + code_digest(NETWORK_CODE).encode()
        name = f"from{plan.train_from:%Y%m%d}-every{plan.train_every}-purge{plan.purge_days}"
        self._folder = weeks.folder / "networks" / f"{name}-{sha256(told).hexdigest()[:10]}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._kept: dict[datetime, tuple[Network, ...]] = {}
        self._answers: dict[tuple[datetime, datetime], NDArray[np.float64]] = {}

    def p(self, before: datetime, origin: datetime) -> NDArray[np.float64]:
        """Probabilities of an origin's rows, by networks fitted before an instant.

        Shapes:
            Returns float64 (n, tasks), a column for each of `NODE_TASKS`.
        """
        if (before, origin) not in self._answers:
            week = self._weeks.graph(origin)
            found = [one.p(week.values, week.relations) for one in self.fitted(before)]
            self._answers[before, origin] = np.mean(found, axis=0)
        return self._answers[before, origin]

    def fitted(self, before: datetime) -> tuple[Network, ...]:
        """The networks for origins from an instant on."""
        if before not in self._kept:
            self._kept[before] = tuple(self._fit(before, seed) for seed in self._plan.seeds)
        return self._kept[before]

    def _fit(self, before: datetime, seed: int) -> Network:
        path = self._folder / f"{before:%Y-%m-%d}-{seed}.npz"
        if not path.is_file():
            begun = time.monotonic()
            chosen = self._plan.train_weeks(Task.CHANGE, before)
            network = fit_network(self._weeks.graph, chosen, seed=seed, teaching=self._teaching)
            partial = path.with_suffix(".partial.npz")
            np.savez(partial, allow_pickle=False, **network.arrays)
            partial.replace(path)
            LOG.info("network before %s fitted in %.1f s", before.date(), time.monotonic() - begun)
        with np.load(path) as found:
            return Network({name: found[name] for name in found.files})
