"""The network as a member of the back-test: fitted strictly before each block of origins, and kept on disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from training.dataset import GraphWeek, Weeks, code_digest
from training.features import Matrix
from training.forward import Network
from training.network.fit import TEACHING, Teaching, fit_network
from training.network.pairs import PAIR_TEACHING, PairTeaching, fit_pairs
from training.pairs import PairHead, pair_inputs
from training.rolling import NETWORK_CODE, PAIR_CODE, Plan
from training.task import NODE_TASKS, Task
from training.weights import Arrays

LOG = logging.getLogger(__name__)
Numbers = NDArray[np.float64]


class Networks:
    """Networks by the origin that they were fitted before, one for each seed, each with a head for pairs.

    Args:
        weeks: where rows come from; every week that the plan learns from must be made.
    """

    def __init__(
        self, weeks: Weeks, plan: Plan, teaching: Teaching = TEACHING, pair_teaching: PairTeaching = PAIR_TEACHING
    ) -> None:
        self._weeks, self._plan, self._teaching, self._pair_teaching = weeks, plan, teaching, pair_teaching
        name = f"from{plan.train_from:%Y%m%d}-every{plan.train_every}-purge{plan.purge_days}"
        self._folder = weeks.folder / "networks" / f"{name}-{_told(teaching, NETWORK_CODE)}"
        self._heads = self._folder / f"pairs-{_told(pair_teaching, PAIR_CODE)}"
        self._heads.mkdir(parents=True, exist_ok=True)
        self._kept: dict[tuple[datetime, int], Network] = {}
        self._answers: dict[tuple[datetime, datetime], dict[int, Numbers]] = {}

    def answers(self, task: Task, before: datetime, origin: datetime) -> Mapping[int, Numbers]:
        """Probabilities of an origin's rows of a task by networks fitted before an instant, for each seed."""
        if task is Task.COCHANGE:
            return {seed: self._of_pairs(before, origin, seed) for seed in self._plan.seeds}
        if (before, origin) not in self._answers:
            week = self._weeks.graph(origin)
            found = {seed: self.fitted(before, seed).p(week.values, week.relations) for seed in self._plan.seeds}
            self._answers[before, origin] = found
        at = NODE_TASKS.index(task)
        return {seed: p[:, at] for seed, p in self._answers[before, origin].items()}

    def fitted(self, before: datetime, seed: int) -> Network:
        """The network of a seed for origins from an instant on."""
        if (before, seed) not in self._kept:
            path = self._folder / f"{before:%Y-%m-%d}-{seed}.npz"
            self._kept[before, seed] = Network(_once(path, lambda: self._fit(before, seed, self._weeks.graph).arrays))
        return self._kept[before, seed]

    def without(self, before: datetime, seed: int, name: str, load: Callable[[datetime], GraphWeek]) -> Network:
        """The same, but learned from weeks in which a tenant is left out.

        Args:
            name: of the tenant.
            load: gives a week's rows without it.
        """
        path = self._folder / f"{before:%Y-%m-%d}-{seed}-without-{sha256(name.encode()).hexdigest()[:10]}.npz"
        return Network(_once(path, lambda: self._fit(before, seed, load).arrays))

    def _fit(self, before: datetime, seed: int, load: Callable[[datetime], GraphWeek]) -> Network:
        chosen = self._plan.train_weeks(Task.CHANGE, before)
        return fit_network(load, chosen, seed=seed, teaching=self._teaching)

    def _of_pairs(self, before: datetime, origin: datetime, seed: int) -> Numbers:
        inputs, _ = self._inputs(before, [origin], seed)
        if not len(inputs):
            return np.zeros(0)
        path = self._heads / f"{before:%Y-%m-%d}-{seed}.npz"
        return PairHead(_once(path, lambda: self._fit_pairs(before, seed).arrays)).p(inputs)

    def _fit_pairs(self, before: datetime, seed: int) -> PairHead:
        inputs, labels = self._inputs(before, self._plan.train_weeks(Task.COCHANGE, before), seed)
        return fit_pairs(inputs, labels, seed=seed, teaching=self._pair_teaching)

    def _inputs(self, before: datetime, origins: Sequence[datetime], seed: int) -> tuple[Matrix, NDArray[np.bool_]]:
        """What the head reads of the pairs of some weeks, by a network fitted before an instant; and what came."""
        network, parts, labels = self.fitted(before, seed), [], []
        for origin in origins:
            rows = self._weeks.rows(Task.COCHANGE, origin)
            if len(rows.labels):
                parts.append(pair_inputs(network, self._weeks.graph(origin), rows.values))
                labels.append(rows.labels)
        return (np.concatenate(parts), np.concatenate(labels)) if parts else (_NOTHING, np.zeros(0, np.bool_))


_NOTHING: Matrix = np.zeros((0, 0), np.float32)


def _told(teaching: Teaching | PairTeaching, code: Sequence[str]) -> str:
    """What was fitted, and how, as a few letters."""
    told = orjson.dumps(asdict(teaching), option=orjson.OPT_SORT_KEYS) + code_digest(code).encode()
    return sha256(told).hexdigest()[:10]


def _once(path: Path, fit: Callable[[], Arrays]) -> dict[str, NDArray[np.generic]]:
    """What was fitted, from its file; fitted where there is none."""
    if not path.is_file():
        begun = time.monotonic()
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, allow_pickle=False, **fit())
        partial.replace(path)
        LOG.info("%s fitted in %.1f s", path.relative_to(path.parents[2]), time.monotonic() - begun)
    with np.load(path) as found:
        return {name: found[name] for name in found.files}
