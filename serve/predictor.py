"""Answers about next week for live tenants: scores, why, what would lower them, and how they went before.

One resource is scored from its neighbourhood alone; a whole tenant once a day, when it is first asked about or when
somebody orders it, and that is what the series keeps. Two models can stand side by side: a share of the tenants is
answered by the candidate, or none is and it only runs along. Figures are kept for each. Where the models compute is a
port: this process, or a deployment of its own; where that errs or is late, the regression answers here. What the
model told of a resource is told again while the tenant's graph is the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np

from actors.prediction_series import DayCounts, DayTold, PredictionSeries
from assessment.learned import CoChanging, Prepared
from domain.clock import format_instant
from domain.errors import UnavailableError
from domain.resource import resource_key
from domain.tenancy import TenantId
from domain.value import Json
from serve.arms import Arms, ArmWatch, Model, Row
from serve.breaker import Breaker
from serve.cochange import Ranked, cochange_row, counted, pairs_of
from serve.kept_answers import KeptAnswers
from serve.prediction_points import Points, PredictionPoints
from serve.prediction_watch import Deeds, NoDeeds, PredictionWatch
from serve.tenant_graphs import BASELINE, LEARNED, TenantGraph, TenantGraphs, Tenants
from training import shift
from training.explanation import Explanation
from training.pairing import ToldPairs
from training.pairs import Pairs
from training.scoring import Asked, AskedPairs, Told
from training.task import NODE_TASKS, Task

QUESTIONS: Final[Mapping[Task, str]] = {
    Task.NEIGHBOURHOOD: "a violation opens on it or next to it within 7 days",
    Task.STACK: "a violation opens in its stack within 7 days",
    Task.CHANGE: "it is changed within 7 days",
}
GLOBAL: Final = "global model, not calibrated on this tenant"
OWN: Final = "calibrated on this tenant's own outcomes"
SCORE_DEADLINE_S: Final = 600.0
READERS_MAX: Final = 16
"""Questions for which something is read at the same time."""
READ_AGAIN: Final = 3
"""How often a graph is read that another request has just read anew."""


@dataclass(frozen=True, slots=True)
class Question:
    """One resource, asked about at an instant."""

    tenant: TenantId
    resource_id: str
    as_of: datetime


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """A question with everything that its answer needs besides the model."""

    asked: Question
    kept: TenantGraph
    row: int
    points: Points


class PredictionService:
    """Scores tenants. Safe for several threads.

    Args:
        model: where the arms compute.
        series: a tenant's series; its folder is that of its outcomes.
        deeds: where it is recorded what was done about resources.
        now: what is asked about another day than this one's is told and not kept.
    """

    def __init__(
        self,
        arms: Arms,
        model: Model,
        tenants: Tenants,
        folder: Callable[[TenantId], Path],
        *,
        now: Callable[[], datetime],
        deeds: Deeds | None = None,
        breaker: Breaker | None = None,
        now_s: Callable[[], float] = perf_counter,
    ) -> None:
        self._arms, self._model, self._tenants = arms, model, tenants
        self._folder, self._points = folder, PredictionPoints(folder, now_s=now_s)
        self._watch = PredictionWatch(tenants, deeds or NoDeeds(), folder)
        self._graphs = TenantGraphs(arms, model, tenants, self._watch, now_s)
        self._figures = ArmWatch(arms, breaker, now_s=now_s)
        self._answers = KeptAnswers()
        self._readers = ThreadPoolExecutor(READERS_MAX, thread_name_prefix="predictions")
        self._now = now

    async def timeline(self, asked: Question) -> Row:
        """One resource's scores, reasons and series. The loop is not held up: what has to be read is read on a thread.

        Raises:
            NotFound: the tenant has no such resource, or it was not there yet.
        """
        ready = self._at_hand(asked)
        if ready is None:
            ready = await asyncio.get_running_loop().run_in_executor(self._readers, self._read, asked)
        kept = ready.kept
        told, source = await self._told(ready)
        return {
            "model": kept.predictor.manifest.model, "arm": self._arms.of(asked.tenant), "source": source,
            "calibration": OWN if kept.predictor.is_calibrated_here else GLOBAL,
            "as_of": format_instant(kept.prepared.as_of), "tasks": told,
            "series": [
                {"at": format_instant(one.at), "model": one.model, "source": one.source,
                 **{task.value: one.p[at] for at, task in enumerate(NODE_TASKS)}}
                for one in ready.points
            ],
        }  # fmt: skip

    def cochange(self, asked: Question, limit: int) -> Row:
        """Which others are changed when one resource is, most likely first.

        Raises:
            NotFound: the tenant has no such resource, or it was not there yet.
            UnavailableError: the graph changes faster than it can be read.
        """
        kept, near, pairs = self._near(asked)
        arm, pairing = self._arms.of(asked.tenant), kept.predictor.pairing
        told = None
        if pairing is not None and len(pairs):
            told = self._told_pairs(kept, AskedPairs(kept.name, arm, pairs, near.values))
        is_learned = told is not None or (pairing is not None and not len(pairs))
        ranked = counted(near, pairing) if told is None else Ranked(near, told.p, told)
        return {
            "resource_id": asked.resource_id, "model": kept.predictor.manifest.model, "arm": arm,
            "source": LEARNED if is_learned else BASELINE, "calibration": GLOBAL,
            "as_of": format_instant(near.as_of), **cochange_row(ranked, limit),
        }  # fmt: skip

    def _near(self, asked: Question) -> tuple[TenantGraph, CoChanging, Pairs]:
        """A resource's candidates, and their rows in the graph that is kept; read anew where that has just changed."""
        for _ in range(READ_AGAIN):
            kept = self._graphs.now(asked.tenant, asked.as_of)
            row = kept.row_of(asked.resource_id)
            near = self._tenants.cochanging(asked.tenant, asked.resource_id, as_of=kept.prepared.as_of)
            if near is not None and (near.version, near.as_of) == (kept.prepared.version, kept.prepared.as_of):
                pairs = pairs_of(near, row, kept.rows)
                if pairs is not None:
                    return kept, near, pairs
        raise UnavailableError("the graph changes while it is read", resource_id=asked.resource_id, retry_after_s=1,
                               todo="Repeat the request")  # fmt: skip

    def score(self, tenant: TenantId, as_of: datetime) -> Row:
        """Score a whole tenant, by the regression where the network does not answer, and keep it as the day's part."""
        kept = self._graphs.now(tenant, as_of)
        told = self._learned_day(tenant, kept, SCORE_DEADLINE_S) or _baseline_day(kept)
        self._keep(tenant, told, kept)
        return {"resources": len(told.uids), "source": told.source, "model": told.model, "at": format_instant(told.at)}

    def is_scored(self, tenant: TenantId) -> bool:
        """Whether the series has this day."""
        return self._now().date() in self._series(tenant).days()

    def collect(self, tenant: TenantId) -> int:
        """Settle what came of days whose seven days are over; how many were."""
        return self._watch.collect(tenant, self._now())

    def quality(self, tenant: TenantId) -> Row:
        """How good what the tenant was told was, over ended weeks, and what has shifted."""
        arm = self._arms.of(tenant)
        predictor = self._arms.models()[arm]
        learned = {task: predictor.base_rate(task) for task in NODE_TASKS}
        reference = None
        if predictor.reference is not None:
            at = datetime.fromisoformat(predictor.manifest.learned_until).replace(tzinfo=UTC)
            reference = DayCounts(at, predictor.names, predictor.reference)
        found = self._watch.quality(tenant, self._now(), learned=learned, counts=reference)
        return {"model": predictor.manifest.model, "arm": arm, **found}

    def figures(self) -> Row:
        """What each model did since this process began."""
        return {**self._figures.row(), "where": self._model.where}

    def _at_hand(self, asked: Question) -> _Ready | None:
        """What a question needs, without reading anything; None where something is to be read."""
        kept = self._graphs.at_hand(asked.tenant, asked.as_of)
        points = self._points.at_hand(asked.tenant, asked.resource_id)
        if kept is None or points is None or not self._is_known_to_be_scored(asked):
            return None
        row = kept.rows.get(resource_key(asked.resource_id))
        return None if row is None else _Ready(asked, kept, row, points)

    def _is_known_to_be_scored(self, asked: Question) -> bool:
        """Whether the series needs nothing for a question's day."""
        today = self._now().date()
        return asked.as_of.date() != today or self._points.is_known_to_have(asked.tenant, today)

    def _read(self, asked: Question) -> _Ready:
        """The same, read.

        Raises:
            NotFound: the tenant has no such resource, or it was not there yet.
        """
        kept = self._graphs.lately(asked.tenant, asked.as_of)
        if resource_key(asked.resource_id) not in kept.rows:
            kept = self._graphs.now(asked.tenant, asked.as_of)
        row = kept.row_of(asked.resource_id)
        self._keep_today(asked, kept)
        return _Ready(asked, kept, row, self._points.of(asked.tenant, asked.resource_id))

    async def _told(self, ready: _Ready) -> tuple[list[Json], str]:
        """The model's answer as rows, and where it comes from."""
        kept, arm = ready.kept, self._arms.of(ready.asked.tenant)
        known = self._answers.of((kept.name, ready.row))
        if known is not None:
            return known, LEARNED
        told: Told | None = None
        with self._figures.asking(arm) as may_ask:
            if may_ask:
                told = await self._model.explain(Asked(kept.name, ready.row, arm, self._arms.beside), kept.placed)
        if told is None:
            answers = kept.predictor.baseline(kept.prepared.values[ready.row : ready.row + 1])
            return [_baseline_row(task, float(answers[task].p[0])) for task in NODE_TASKS], BASELINE
        self._figures.count(arm, told)
        rows: list[Json] = [_task_row(kept.prepared, task, one) for task, one in told.tasks.items()]
        self._answers.keep((kept.name, ready.row), rows)
        return rows, LEARNED

    def _told_pairs(self, kept: TenantGraph, asked: AskedPairs) -> ToldPairs | None:
        """What the head for pairs answers; None where it fails, or rests after failures."""
        with self._figures.asking(asked.arm) as may_ask:
            if may_ask:
                return self._model.pairs(asked, kept.placed)
        return None

    def _series(self, tenant: TenantId) -> PredictionSeries:
        return PredictionSeries(self._folder(tenant))

    def _keep(self, tenant: TenantId, told: DayTold, kept: TenantGraph) -> None:
        """Keep a day, and how the features were distributed that it was told from."""
        graph, series = kept.prepared, self._series(tenant)
        series.keep(told)
        series.keep_counts(DayCounts(told.at, graph.names, shift.counted(graph.values)))
        self._points.changed(tenant)

    def _keep_today(self, asked: Question, kept: TenantGraph) -> None:
        """Score the whole tenant where this day's part of the series is missing; only the network's answer is kept."""
        today = self._now().date()
        if asked.as_of.date() != today or self._points.has(asked.tenant, today):
            return
        with self._graphs.reading(asked.tenant):
            if not self.is_scored(asked.tenant):
                told = self._learned_day(asked.tenant, kept, None)
                if told is not None:
                    self._keep(asked.tenant, told, kept)

    def _learned_day(self, tenant: TenantId, kept: TenantGraph, deadline_s: float | None) -> DayTold | None:
        asked, logits = Asked(kept.name, 0, self._arms.of(tenant)), None
        with self._figures.asking(asked.arm) as may_ask:
            if may_ask:
                logits = self._model.whole(asked, kept.placed, deadline_s=deadline_s)
        if logits is None:
            return None
        self._figures.count_whole(asked.arm)
        answers = kept.predictor.told(logits)
        p = np.stack([answers[task].p for task in NODE_TASKS], axis=1)
        graph = kept.prepared
        return DayTold(graph.as_of, kept.predictor.manifest.model, LEARNED, graph.uids, logits.astype(np.float64), p)


def _baseline_day(kept: TenantGraph) -> DayTold:
    graph, answers = kept.prepared, kept.predictor.baseline(kept.prepared.values)
    logits, p = (np.stack([getattr(answers[task], name) for task in NODE_TASKS], axis=1) for name in ("logits", "p"))
    return DayTold(graph.as_of, kept.predictor.manifest.model, BASELINE, graph.uids, logits, p)


def _task_row(graph: Prepared, task: Task, found: Explanation) -> Row:
    return {
        "task": task.value, "question": QUESTIONS[task], "probability": found.p,
        "features": [{"name": one.name, "adds": one.adds} for one in found.features],
        "neighbours": [
            {"resource_id": graph.uids[one.row], "relations": list(one.relations), "adds": one.adds}
            for one in found.neighbours
        ],
        "would_lower_it": [{"action": one.action, "probability": one.p} for one in found.remedies],
    }  # fmt: skip


def _baseline_row(task: Task, p: float) -> Row:
    return {"task": task.value, "question": QUESTIONS[task], "probability": p, "features": [], "neighbours": [],
            "would_lower_it": []}  # fmt: skip
