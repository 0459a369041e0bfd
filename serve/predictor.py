"""Answers about next week for live tenants: scores, why, what would lower them, and how they went before.

One resource is scored from its neighbourhood alone; a whole tenant once a day, when it is first asked about or when
somebody orders it, and that is what the series keeps. Two models can stand side by side: a share of the tenants is
answered by the candidate, or none is and it only runs along. Figures are kept for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from time import perf_counter
from typing import Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from actors.prediction_series import DayTold, PredictionSeries
from assessment.learned import CameTrue, Prepared, joined_outcomes
from domain.clock import format_instant
from domain.errors import NotFound, PolicyCortexError
from domain.tenancy import TenantId
from domain.value import Json
from graph.stores.contract import NO_RESOURCE_TODO
from serve.breaker import Breaker
from training.explanation import Explainer, Explanation
from training.forward import Floats
from training.predictor import Answer, Predictor
from training.relations import ego
from training.task import NODE_TASKS, Task

KEPT_MAX: Final = 16
CALIBRATED_WEEKS: Final = 12
QUESTIONS: Final[Mapping[Task, str]] = {
    Task.NEIGHBOURHOOD: "a violation opens on it or next to it within 7 days",
    Task.STACK: "a violation opens in its stack within 7 days",
    Task.CHANGE: "it is changed within 7 days",
}
GLOBAL: Final = "global model, not calibrated on this tenant"
OWN: Final = "calibrated on this tenant's own outcomes"
LEARNED, BASELINE = "learned", "baseline"
Row = dict[str, Json]
Known = tuple[int, datetime]
T = TypeVar("T")


class Tenants(Protocol):
    """Where tenants' graphs and outcomes come from: their shards."""

    def prepared_graph(self, tenant: TenantId, *, as_of: datetime, known: Known | None) -> Prepared | None:
        """The tenant's resources; None where they are still those of `known`."""

    def came_true(self, tenant: TenantId, cutoffs: Sequence[datetime], *, now: datetime) -> Mapping[datetime, CameTrue]:
        """What followed some instants."""


@dataclass(frozen=True, slots=True)
class Question:
    """One resource, asked about at an instant."""

    tenant: TenantId
    resource_id: str
    as_of: datetime


@dataclass(slots=True)
class ArmFigures:
    """What one model did: how often it answered or failed, how long it took, and what it told on average."""

    answered: int = 0
    failed: int = 0
    refused: int = 0
    took_s: float = 0.0
    p_sum: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(NODE_TASKS)))
    differs_sum: float = 0.0

    def row(self, predictor: Predictor) -> Row:
        """The figures as JSON."""
        count = max(self.answered, 1)
        means: dict[str, Json] = {task.value: float(self.p_sum[at]) / count for at, task in enumerate(NODE_TASKS)}
        return {
            "model": model_name(predictor), "answered": self.answered, "failed": self.failed, "refused": self.refused,
            "mean_ms": 1000 * self.took_s / count, "mean_probability": means,
            "mean_difference_from_serving": self.differs_sum / count,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """The serving model and, where there is one, a candidate.

    Args:
        share: of the tenants that the candidate answers; 0 lets it run along unheard.
    """

    serving: Predictor
    candidate: Predictor | None = None
    share: float = 0.0

    def of(self, tenant: TenantId) -> str:
        """Which answers a tenant; always the same one."""
        place = int.from_bytes(blake2b(tenant.encode(), digest_size=8).digest()) / 2**64
        return "candidate" if self.candidate is not None and place < self.share else "serving"

    def get(self, name: str) -> Predictor:
        """A model by the name of its arm."""
        return self.candidate if name == "candidate" and self.candidate is not None else self.serving


@dataclass(slots=True, eq=False)
class _Tenant:
    """What is kept of a tenant: its graph, and after a whole scoring the states of every layer."""

    prepared: Prepared
    predictor: Predictor
    states: list[Floats] | None = None


class PredictionService:
    """Scores tenants. Not for several threads.

    Args:
        series: a tenant's series.
        now: what is asked about another day than this one's is told and not kept.
    """

    def __init__(
        self,
        arms: Arms,
        tenants: Tenants,
        series: Callable[[TenantId], PredictionSeries],
        *,
        now: Callable[[], datetime],
        breaker: Breaker | None = None,
        now_s: Callable[[], float] = perf_counter,
    ) -> None:
        self._arms, self._tenants, self._series = arms, tenants, series
        self._now, self._now_s = now, now_s
        self._breaker = breaker or Breaker()
        self._figures = {name: ArmFigures() for name in ("serving", "candidate")}
        self._kept: dict[TenantId, _Tenant] = {}

    def timeline(self, asked: Question) -> Row:
        """One resource's scores, reasons and series.

        Raises:
            NotFound: the tenant has no such resource, or it was not there yet.
        """
        kept = self._tenant(asked.tenant, asked.as_of)
        row = kept.prepared.row_of(asked.resource_id)
        if row is None:
            raise NotFound("no such resource", resource_id=asked.resource_id, todo=NO_RESOURCE_TODO)
        today = self._now().date()
        is_due = asked.as_of.date() == today and today not in self._series(asked.tenant).days()
        if is_due and self._breaker.lets_through(self._now_s()):
            self._score(asked.tenant, kept)
        told, source = self._told(asked.tenant, kept, row)
        points = self._series(asked.tenant).of(asked.resource_id)
        return {
            "model": model_name(kept.predictor), "arm": self._arms.of(asked.tenant), "source": source,
            "calibration": OWN if kept.predictor.is_calibrated_here else GLOBAL,
            "as_of": format_instant(kept.prepared.as_of), "tasks": told,
            "series": [
                {"at": format_instant(one.at), "model": one.model, "source": one.source,
                 **{task.value: one.p[at] for at, task in enumerate(NODE_TASKS)}}
                for one in points
            ],
        }  # fmt: skip

    def score(self, tenant: TenantId, as_of: datetime) -> Row:
        """Score a whole tenant and keep it as the day's part of the series."""
        kept = self._tenant(tenant, as_of)
        told = self._score(tenant, kept)
        return {"resources": len(told.uids), "source": told.source, "model": told.model, "at": format_instant(told.at)}

    def figures(self) -> Row:
        """What each model did since this process began."""
        arms: dict[str, Json] = {"serving": self._figures["serving"].row(self._arms.serving)}
        if self._arms.candidate is not None:
            arms["candidate"] = self._figures["candidate"].row(self._arms.candidate)
        return {"arms": arms, "candidate_share": self._arms.share, "breaker_failures": self._breaker.failures}

    def _tenant(self, tenant: TenantId, as_of: datetime) -> _Tenant:
        kept = self._kept.pop(tenant, None)
        known = None if kept is None else (kept.prepared.version, kept.prepared.as_of)
        fresh = self._tenants.prepared_graph(tenant, as_of=as_of, known=known)
        if fresh is not None:
            kept = _Tenant(fresh, self._calibrated(tenant, as_of))
        assert kept is not None, "a shard says that nothing changed only of what it gave before"
        self._kept[tenant] = kept
        while len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        return kept

    def _calibrated(self, tenant: TenantId, now: datetime) -> Predictor:
        """The tenant's model, calibrated on its own outcomes where there are enough."""
        predictor, series = self._arms.get(self._arms.of(tenant)), self._series(tenant)
        told: dict[datetime, tuple[tuple[str, ...], NDArray[np.float64]]] = {}
        last = now
        for day in reversed(series.days()):
            if last - timedelta(weeks=1) < datetime.combine(day, datetime.min.time(), now.tzinfo):
                continue
            found = series.logits(day)
            if found is not None and found[1] == model_name(predictor) and len(told) < CALIBRATED_WEEKS:
                told[found[0]], last = found[2:], found[0]
        if not told:
            return predictor
        logits, came = joined_outcomes(told, self._tenants.came_true(tenant, sorted(told), now=now))
        outcomes = {task: (logits[:, at], came[:, at]) for at, task in enumerate(NODE_TASKS)}
        return predictor.calibrated_for(outcomes, weeks=len(told))

    def _score(self, tenant: TenantId, kept: _Tenant) -> DayTold:
        graph, source = kept.prepared, LEARNED
        answers = self._guarded(tenant, lambda: self._whole(kept))
        if answers is None:
            answers, source = kept.predictor.baseline(graph.values), BASELINE
        logits, p = (
            np.stack([getattr(answers[task], name) for task in NODE_TASKS], axis=1) for name in ("logits", "p")
        )
        told = DayTold(graph.as_of, model_name(kept.predictor), source, graph.uids, logits, p)
        self._series(tenant).keep(told)
        return told

    def _whole(self, kept: _Tenant) -> dict[Task, Answer]:
        network = kept.predictor.network
        standard = network.standard(kept.prepared.values)
        states = network.states(standard, kept.prepared.relations)
        answers = kept.predictor.told(network.heads(standard, states[-1]))
        kept.states = states
        return answers

    def _told(self, tenant: TenantId, kept: _Tenant, row: int) -> tuple[list[Json], str]:
        explained = self._guarded(tenant, lambda: self._explained(kept, row))
        if explained is not None:
            self._run_along(tenant, kept, row, explained)
            return [_task_row(kept.prepared, task, one) for task, one in explained.items()], LEARNED
        answers = kept.predictor.baseline(kept.prepared.values[row : row + 1])
        return [_baseline_row(task, float(answers[task].p[0])) for task in NODE_TASKS], BASELINE

    def _explained(self, kept: _Tenant, row: int) -> dict[Task, Explanation]:
        graph, network = kept.prepared, kept.predictor.network
        if kept.states is not None:
            whole = Explainer(kept.predictor, graph.values, graph.relations, kept.states)
            return {task: whole.explain(row, task) for task in NODE_TASKS}
        nodes, near = ego(graph.relations, np.array([row]), hops=network.layers)
        values = graph.values[nodes]
        part = Explainer(kept.predictor, values, near, network.states(network.standard(values), near))
        return {task: part.explain(0, task).placed(nodes) for task in NODE_TASKS}

    def _guarded(self, tenant: TenantId, ask: Callable[[], T]) -> T | None:
        """What the network answers; None where it fails, or rests after failures."""
        figures = self._figures[self._arms.of(tenant)]
        begun = self._now_s()
        if not self._breaker.lets_through(begun):
            figures.refused += 1
            return None
        try:
            found = ask()
        except (ArithmeticError, LookupError, ValueError, MemoryError, PolicyCortexError):
            figures.failed += 1
            self._breaker.failed(self._now_s())
            return None
        ended = self._now_s()
        self._breaker.succeeded(ended, ended - begun)
        figures.took_s += ended - begun
        return found

    def _run_along(self, tenant: TenantId, kept: _Tenant, row: int, told: Mapping[Task, Explanation]) -> None:
        """Count the answer, and let the candidate answer unheard where it only runs along."""
        own = np.array([told[task].p for task in NODE_TASKS])
        figures = self._figures[self._arms.of(tenant)]
        figures.answered += 1
        figures.p_sum += own
        candidate = self._arms.candidate
        if candidate is None or self._arms.share > 0:
            return
        begun, unheard = self._now_s(), self._figures["candidate"]
        try:
            found = candidate.answer(kept.prepared.values, kept.prepared.relations, np.array([row]))
        except (ArithmeticError, LookupError, ValueError, MemoryError, PolicyCortexError):
            unheard.failed += 1
            return
        other = np.array([found[task].p[0] for task in NODE_TASKS])
        unheard.answered += 1
        unheard.took_s += self._now_s() - begun
        unheard.p_sum += other
        unheard.differs_sum += float(np.abs(other - own).mean())


def model_name(predictor: Predictor) -> str:
    """A model's name and the beginning of its digest."""
    return f"{predictor.manifest.name}@{predictor.manifest.sha256[:12]}"


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
