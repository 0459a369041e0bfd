"""Scores every weekly origin with models that were fitted strictly before it, and keeps what was scored.

A model fitted for origins from r on learns from weeks whose windows had ended a purge gap before r. Finished blocks of
origins are files: a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from training.dataset import Rows, Weeks, code_digest
from training.models import (
    HEURISTICS,
    KEEP,
    LEARNERS,
    MEAN_OF_SEEDS,
    OF_SEED,
    Learner,
    Sampled,
    answer,
    chosen_columns,
    columns_of,
    drawn,
    drawn_stacks,
    fit,
)
from training.task import HORIZON_DAYS, Task, origins

LOG = logging.getLogger(__name__)
Numbers = NDArray[np.float64]
MODEL_CODE = ("boosting", "logistic", "models", "rolling")
NETWORK_CODE = ("forward", "network/fit", "network/model", "relations")
PAIR_CODE = ("network/pairs", "pairs")


@dataclass(frozen=True, slots=True)
class Plan:
    """Which origins are scored, and what is learned from.

    Args:
        first, last: the origins that are judged.
        train_from: the first week learned from; of T2 to T4 and T5 every `train_every`-th week is.
        burn_in_weeks: origins scored before the first, so that calibration has weeks to look back on.
        purge_days: between the end of the last window learned from and the first origin scored.
        seeds: one booster for each, and one network, of which the first is the one that is judged.
    """

    first: datetime
    last: datetime
    train_from: datetime
    train_every: int = 2
    refit_weeks: int = 4
    burn_in_weeks: int = 8
    purge_days: int = 7
    seeds: tuple[int, ...] = (1,)

    def scored(self) -> tuple[datetime, ...]:
        """Every origin that is scored, burn-in first."""
        return tuple(origins(self.first - timedelta(weeks=self.burn_in_weeks), self.last))

    def blocks(self) -> Iterator[tuple[datetime, ...]]:
        """Origins that share a fit."""
        every = self.scored()
        return (every[at : at + self.refit_weeks] for at in range(0, len(every), self.refit_weeks))

    def weeks(self, task: Task) -> set[datetime]:
        """Every week that is scored or learned from and has to be made; births are made as a whole."""
        scored = self.scored()
        return {scored[0]} if task is Task.BORN else {*scored, *self.train_weeks(task, scored[-1])}

    def train_weeks(self, task: Task, before: datetime) -> tuple[datetime, ...]:
        """Weeks to learn from for origins from an instant on."""
        last = before - timedelta(days=HORIZON_DAYS + self.purge_days)
        return tuple(origins(self.train_from, last, every_weeks=1 if task is Task.BORN else self.train_every))


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One origin's rows with every member's score."""

    origin: datetime
    labels: NDArray[np.bool_]
    tenant: NDArray[np.int16]
    scores: dict[str, NDArray[np.float32]]


class Networks(Protocol):
    """Networks by the origin that they were fitted before; `training.network.member` has them."""

    def answers(self, task: Task, before: datetime, origin: datetime) -> Mapping[int, Numbers]:
        """Probabilities of an origin's rows of a task, for each seed."""


def require_plan(plan: Plan, end: datetime) -> None:
    """Refuse origins whose outcome is not known, and plans with nothing to score or to learn from.

    Raises:
        InputError: says which origin, and which would do.
    """
    last_known = end - timedelta(days=HORIZON_DAYS)
    if plan.last > last_known:
        raise InputError(
            "the window of the last origin passes the end of the data", origin=plan.last.isoformat(),
            data_end=end.isoformat(), todo=f"Choose a last origin no later than {last_known.date()}",
        )  # fmt: skip
    if plan.first > plan.last:
        raise InputError("there is no origin", first=plan.first.isoformat(), last=plan.last.isoformat(),
                         todo="Choose a first origin before the last")  # fmt: skip
    if len(plan.train_weeks(Task.CHANGE, plan.scored()[0])) < 4:
        raise InputError("there are no weeks to learn from", train_from=plan.train_from.isoformat(),
                         first=plan.first.isoformat(), todo="Start to learn earlier, or judge later")  # fmt: skip


def run_task(
    weeks: Weeks,
    task: Task,
    plan: Plan,
    *,
    learners: Sequence[Learner] | None = None,
    networks: Networks | None = None,
    tag: str = "",
) -> tuple[Scored, ...]:
    """Score every origin of a plan, by each heuristic and learner of a task.

    Args:
        learners: instead of the task's own.
        networks: answer for learners of that kind.
        tag: keeps runs with other learners apart.
    """
    learners = LEARNERS[task] if learners is None else learners
    fitter = _Fitter(weeks, task, plan, learners, networks)
    is_graph = any(one.kind == "network" for one in learners)
    graph_code = (*NETWORK_CODE, *(PAIR_CODE if task is Task.COCHANGE else ()))
    code = (*MODEL_CODE, *(graph_code if is_graph else ()))
    folder = weeks.folder / "scores" / f"{_key(plan, code)}{tag}"
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Scored] = []
    for block in plan.blocks():
        path = folder / f"{task}-{block[0]:%Y-%m-%d}.npz"
        if not path.is_file():
            begun = time.monotonic()
            _save(path, fitter.score(block))
            LOG.info("%s from %s scored in %.1f s", task, block[0].date(), time.monotonic() - begun)
        found += _load(path, block)
    return tuple(found)


class _Fitter:
    """Fits learners for blocks of origins; keeps the drawn rows of each week."""

    def __init__(
        self, weeks: Weeks, task: Task, plan: Plan, learners: Sequence[Learner], networks: Networks | None
    ) -> None:
        self._weeks, self._task, self._plan, self._networks = weeks, task, plan, networks
        self._learners = [one for one in learners if one.kind != "network"]
        self._graph = [one for one in learners if one.kind == "network"]
        self._rows: dict[tuple[str, datetime], Sampled] = {}

    def score(self, block: Sequence[datetime]) -> list[Scored]:
        """Fit once, strictly before the block, and score each of its origins."""
        chosen = self._plan.train_weeks(self._task, block[0])
        for week in chosen:
            self._draw(week)
        names = self._weeks.names()
        fits = []
        for learner in self._learners:
            columns = chosen_columns(self._task, names, learner)
            sampled = joined([self._rows[learner.level, week] for week in chosen])
            fits.append((learner, columns, fit(learner, self._task, sampled, columns, seeds=self._plan.seeds)))
        scored = []
        for origin in block:
            rows = self._weeks.rows(self._task, origin)
            scores = {one.name: answer(one, model, rows, columns).astype(np.float32) for one, columns, model in fits}
            scores |= self._of_networks(block[0], origin)
            scored.append(Scored(origin, rows.labels, rows.tenant, {**self._ranked(rows), **scores}))
        return scored

    def _of_networks(self, before: datetime, origin: datetime) -> dict[str, NDArray[np.float32]]:
        if not self._graph:
            return {}
        assert self._networks is not None, "a network is asked for where there are none"
        answers = self._networks.answers(self._task, before, origin)
        (name,) = (one.name for one in self._graph)
        found = {name: answers[self._plan.seeds[0]]}
        if len(answers) > 1:
            found[MEAN_OF_SEEDS] = np.mean(list(answers.values()), axis=0)
            found |= {f"{OF_SEED}{seed}": p for seed, p in answers.items()}
        return {one: p.astype(np.float32) for one, p in found.items()}

    def _ranked(self, rows: Rows) -> dict[str, NDArray[np.float32]]:
        columns = columns_of(self._task, self._weeks.names())
        return {one.name: one.sign * rows.values[:, columns.index(one.column)] for one in HEURISTICS[self._task]}

    def _draw(self, week: datetime) -> None:
        if ("row", week) in self._rows:
            return
        rows, keep, seed = self._weeks.rows(self._task, week), KEEP[self._task], (self._plan.seeds[0], week.toordinal())
        self._rows["row", week] = drawn(rows, keep, seed=seed)
        if any(one.level == "stack" for one in self._learners):
            self._rows["stack", week] = drawn_stacks(rows, seed=seed)


def joined(parts: Sequence[Sampled]) -> Sampled:
    """Rows of several weeks as one."""
    return Sampled(
        np.concatenate([one.values for one in parts]), np.concatenate([one.labels for one in parts]),
        np.concatenate([one.weights for one in parts]), np.concatenate([one.tenant for one in parts]),
    )  # fmt: skip


def _key(plan: Plan, code: Sequence[str]) -> str:
    """Names a plan and the code of the models, so that scores of another are never taken for these."""
    seeds = "-".join(map(str, plan.seeds))
    return (
        f"{plan.scored()[0]:%Y%m%d}-{plan.last:%Y%m%d}-from{plan.train_from:%Y%m%d}-every{plan.train_every}"
        f"-refit{plan.refit_weeks}-purge{plan.purge_days}-seeds{seeds}-{code_digest(code)[:10]}"
    )


def _save(path: Path, scored: Sequence[Scored]) -> None:
    arrays: dict[str, NDArray[np.generic]] = {"names": np.array(sorted(scored[0].scores))}
    for at, one in enumerate(scored):
        arrays[f"{at}/labels"], arrays[f"{at}/tenant"] = one.labels, one.tenant
        arrays |= {f"{at}/{name}": values for name, values in one.scores.items()}
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, allow_pickle=False, **arrays)
    partial.replace(path)


def _load(path: Path, block: Sequence[datetime]) -> list[Scored]:
    with np.load(path) as found:
        names = found["names"].tolist()
        return [
            Scored(origin, found[f"{at}/labels"], found[f"{at}/tenant"], {n: found[f"{at}/{n}"] for n in names})
            for at, origin in enumerate(block)
        ]
