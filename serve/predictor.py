"""Answers about next week for live tenants: scores, why, what would lower them, and how they went before.

One resource is scored from its neighbourhood alone; a whole tenant once a day, when it is first asked about or when
somebody orders it, and that is what the series keeps. Two models can stand side by side: a share of the tenants is
answered by the candidate, or none is and it only runs along. Figures are kept for each. Where the models compute is a
port: this process, or a deployment of its own; where that errs or is late, the regression answers here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from threading import Lock
from time import perf_counter
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from actors.prediction_series import DayCounts, DayTold, PredictionSeries
from assessment.learned import CoChanging, Prepared
from domain.clock import format_instant
from domain.errors import NotFound, UnavailableError
from domain.resource import resource_key
from domain.tenancy import TenantId
from domain.value import Json
from graph.stores.contract import NO_RESOURCE_TODO
from serve.breaker import Breaker
from serve.cochange import Ranked, cochange_row, counted, pairs_of
from serve.prediction_points import PredictionPoints
from serve.prediction_watch import Deeds, Histories, NoDeeds, PredictionWatch
from training import shift
from training.explanation import Explanation
from training.forward import Floats
from training.pairing import ToldPairs
from training.pairs import Pairs
from training.predictor import Predictor
from training.quality import WeekTold, judged_rows
from training.scoring import NETWORK_ERRORS, Asked, AskedPairs, Beside, Graph, Told
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
SERVING, CANDIDATE = "serving", "candidate"
SCORE_DEADLINE_S: Final = 600.0
LOCKS: Final = 16
FRESH_S: Final = 1.0
"""For so long a graph answers for single resources without its shard being asked whether it has changed."""
FRESH_SHARE: Final = 0.05
"""One that takes long to read answers longer, so that reading takes no more than this share of the time,"""
FRESH_S_MAX: Final = 300.0
"""but never longer than this."""
READ_AGAIN: Final = 3
"""How often a graph is read that another request has just read anew."""
Row = dict[str, Json]
Known = tuple[int, datetime]
T = TypeVar("T")


class Tenants(Histories, Protocol):
    """Where tenants' graphs and outcomes come from: their shards."""

    def prepared_graph(self, tenant: TenantId, *, as_of: datetime, known: Known | None) -> Prepared | None:
        """The tenant's resources; None where they are still those of `known`."""

    def cochanging(self, tenant: TenantId, resource_id: str, *, as_of: datetime) -> CoChanging | None:
        """Who may change with a resource; None where it is not there."""


class Model(Protocol):
    """Where the models compute. Safe for several threads."""

    @property
    def where(self) -> str:
        """In words, for the operator."""

    def place(self, graph: Graph) -> Any:
        """Put a graph where it can be asked about; what comes back names it."""

    def explain(self, asked: Asked, placed: Any) -> Told:
        """Answer one question.

        Raises:
            UnavailableError: the network failed, or did not answer in time.
        """

    def pairs(self, asked: AskedPairs, placed: Any) -> ToldPairs:
        """Answer for pairs.

        Raises:
            UnavailableError: the model has no head for them, failed, or did not answer in time.
        """

    def whole(self, asked: Asked, placed: Any, *, deadline_s: float | None = None) -> Floats:
        """Logits of every row; `asked.row` does not matter.

        Raises:
            UnavailableError: the network failed, or did not answer in time.
        """


@dataclass(frozen=True, slots=True)
class Question:
    """One resource, asked about at an instant."""

    tenant: TenantId
    resource_id: str
    as_of: datetime


@dataclass(slots=True)
class ArmFigures:
    """What one model did: how often it answered or failed, how long it took, and what it told on average.

    Args:
        together: sum over answers of how many were answered at once.
    """

    answered: int = 0
    failed: int = 0
    refused: int = 0
    whole: int = 0
    together: int = 0
    took_s: float = 0.0
    p_sum: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(NODE_TASKS)))
    differs_sum: float = 0.0

    def add(self, p: NDArray[np.float64], took_s: float, *, together: int = 1, differs: float = 0.0) -> None:
        """Count an answer."""
        self.answered += 1
        self.together += together
        self.took_s += took_s
        self.p_sum += p
        self.differs_sum += differs

    def row(self, predictor: Predictor) -> Row:
        """The figures as JSON."""
        count = max(self.answered, 1)
        means: dict[str, Json] = {task.value: float(self.p_sum[at]) / count for at, task in enumerate(NODE_TASKS)}
        return {
            "model": predictor.manifest.model, "answered": self.answered, "failed": self.failed,
            "refused": self.refused, "tenants_scored": self.whole,
            "mean_ms": 1000 * self.took_s / count, "mean_batch": self.together / count,
            "mean_probability": means, "mean_difference_from_serving": self.differs_sum / count,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """The serving model and, where there is one, a candidate.

    Args:
        share: of the tenants that the candidate answers; 0 lets it run along unheard.
        files: of weights by the names of their arms, where the models were read from files.
    """

    serving: Predictor
    candidate: Predictor | None = None
    share: float = 0.0
    files: Mapping[str, Path] = field(default_factory=dict)

    def of(self, tenant: TenantId) -> str:
        """Which answers a tenant; always the same one."""
        place = int.from_bytes(blake2b(tenant.encode(), digest_size=8).digest()) / 2**64
        return CANDIDATE if self.candidate is not None and place < self.share else SERVING

    @property
    def beside(self) -> str:
        """The arm that runs along unheard; empty where none does."""
        return CANDIDATE if self.candidate is not None and self.share == 0 else ""

    def models(self) -> dict[str, Predictor]:
        """Models by the names of their arms."""
        found = {SERVING: self.serving}
        return found if self.candidate is None else {**found, CANDIDATE: self.candidate}


@dataclass(frozen=True, slots=True, eq=False)
class _Tenant:
    """What is kept of a tenant: its graph, where the model finds it, and the model as calibrated for it.

    Args:
        rows: of the graph, by the ids of resources.
        fresh_until_s: until when the graph answers for single resources.
    """

    prepared: Prepared
    rows: Mapping[str, int]
    predictor: Predictor
    name: str
    placed: Any
    fresh_until_s: float = float("-inf")

    def row_of(self, resource_id: str) -> int:
        """Where a resource stands.

        Raises:
            NotFound: the tenant has no such resource, or it was not there yet.
        """
        row = self.rows.get(resource_key(resource_id))
        if row is None:
            raise NotFound("no such resource", resource_id=resource_id, todo=NO_RESOURCE_TODO)
        return row


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
        self._folder, self._points = folder, PredictionPoints(folder)
        self._watch = PredictionWatch(tenants, deeds or NoDeeds(), folder)
        self._models = arms.models()
        self._now, self._now_s = now, now_s
        self._breaker = breaker or Breaker()
        self._figures = {name: ArmFigures() for name in self._models}
        self._kept: dict[TenantId, _Tenant] = {}
        self._lock = Lock()
        self._reading = tuple(Lock() for _ in range(LOCKS))

    def timeline(self, asked: Question) -> Row:
        """One resource's scores, reasons and series.

        Raises:
            NotFound: the tenant has no such resource, or it was not there yet.
        """
        kept = self._tenant(asked.tenant, asked.as_of, is_lately=True)
        if resource_key(asked.resource_id) not in kept.rows:
            kept = self._tenant(asked.tenant, asked.as_of)
        row = kept.row_of(asked.resource_id)
        self._keep_today(asked, kept)
        told, source = self._told(asked.tenant, kept, row)
        points = self._points.of(asked.tenant, asked.resource_id)
        return {
            "model": kept.predictor.manifest.model, "arm": self._arms.of(asked.tenant), "source": source,
            "calibration": OWN if kept.predictor.is_calibrated_here else GLOBAL,
            "as_of": format_instant(kept.prepared.as_of), "tasks": told,
            "series": [
                {"at": format_instant(one.at), "model": one.model, "source": one.source,
                 **{task.value: one.p[at] for at, task in enumerate(NODE_TASKS)}}
                for one in points
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
            sent = AskedPairs(kept.name, arm, pairs, near.values)
            told = self._guarded(arm, lambda: self._model.pairs(sent, kept.placed))
        is_learned = told is not None or (pairing is not None and not len(pairs))
        ranked = counted(near, pairing) if told is None else Ranked(near, told.p, told)
        return {
            "resource_id": asked.resource_id, "model": kept.predictor.manifest.model, "arm": arm,
            "source": LEARNED if is_learned else BASELINE, "calibration": GLOBAL,
            "as_of": format_instant(near.as_of), **cochange_row(ranked, limit),
        }  # fmt: skip

    def _near(self, asked: Question) -> tuple[_Tenant, CoChanging, Pairs]:
        """A resource's candidates, and their rows in the graph that is kept; read anew where that has just changed."""
        for _ in range(READ_AGAIN):
            kept = self._tenant(asked.tenant, asked.as_of)
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
        kept = self._tenant(tenant, as_of)
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
        predictor = self._models[arm]
        learned = {task: predictor.base_rate(task) for task in NODE_TASKS}
        reference = None
        if predictor.reference is not None:
            at = datetime.fromisoformat(predictor.manifest.learned_until).replace(tzinfo=UTC)
            reference = DayCounts(at, predictor.names, predictor.reference)
        found = self._watch.quality(tenant, self._now(), learned=learned, counts=reference)
        return {"model": predictor.manifest.model, "arm": arm, **found}

    def figures(self) -> Row:
        """What each model did since this process began."""
        with self._lock:
            arms: dict[str, Json] = {name: self._figures[name].row(model) for name, model in self._models.items()}
            return {
                "arms": arms, "candidate_share": self._arms.share, "where": self._model.where,
                "breaker_failures": self._breaker.failures,
            }  # fmt: skip

    def _series(self, tenant: TenantId) -> PredictionSeries:
        return PredictionSeries(self._folder(tenant))

    def _keep(self, tenant: TenantId, told: DayTold, kept: _Tenant) -> None:
        """Keep a day, and how the features were distributed that it was told from."""
        graph, series = kept.prepared, self._series(tenant)
        series.keep(told)
        series.keep_counts(DayCounts(told.at, graph.names, shift.counted(graph.values)))

    def _tenant(self, tenant: TenantId, as_of: datetime, *, is_lately: bool = False) -> _Tenant:
        """A tenant's graph as it is now, or as it was lately."""
        with self._reading[hash(tenant) % LOCKS]:
            kept, begun_s = self._kept.get(tenant), self._now_s()
            if is_lately and kept is not None and begun_s < kept.fresh_until_s and kept.prepared.will_do(as_of):
                return kept
            known = None if kept is None else (kept.prepared.version, kept.prepared.as_of)
            fresh = self._tenants.prepared_graph(tenant, as_of=as_of, known=known)
            if fresh is not None:
                kept = self._placed(tenant, fresh, as_of)
            assert kept is not None, "a shard says that nothing changed only of what it gave before"
            now_s = self._now_s()
            fresh_s = min(max(FRESH_S, (now_s - begun_s) / FRESH_SHARE), FRESH_S_MAX)
            kept = replace(kept, fresh_until_s=max(kept.fresh_until_s, now_s + fresh_s))
            with self._lock:
                self._kept.pop(tenant, None)
                self._kept[tenant] = kept
                while len(self._kept) > KEPT_MAX:
                    del self._kept[next(iter(self._kept))]
            return kept

    def _placed(self, tenant: TenantId, fresh: Prepared, as_of: datetime) -> _Tenant:
        predictor = self._calibrated(tenant, as_of)
        scales = predictor.scales() if predictor.is_calibrated_here else None
        placed = self._model.place(Graph(fresh.values, fresh.relations, scales))
        rows = {uid: row for row, uid in enumerate(fresh.uids)}
        return _Tenant(fresh, rows, predictor, f"{tenant}/{token_hex(8)}", placed)

    def _calibrated(self, tenant: TenantId, now: datetime) -> Predictor:
        """The tenant's model, calibrated on its own outcomes where there are enough."""
        predictor = self._models[self._arms.of(tenant)]
        found = self._watch.weeks(tenant, now, count=CALIBRATED_WEEKS)
        weeks = [one.week for one in found if (one.told.model, one.told.source) == (predictor.manifest.model, LEARNED)]
        return predictor.calibrated_for(_outcomes(weeks), weeks=len(weeks)) if weeks else predictor

    def _keep_today(self, asked: Question, kept: _Tenant) -> None:
        """Score the whole tenant where this day's part of the series is missing; only the network's answer is kept."""
        if asked.as_of.date() != self._now().date() or self.is_scored(asked.tenant):
            return
        with self._reading[hash(asked.tenant) % LOCKS]:
            if not self.is_scored(asked.tenant):
                told = self._learned_day(asked.tenant, kept, None)
                if told is not None:
                    self._keep(asked.tenant, told, kept)

    def _learned_day(self, tenant: TenantId, kept: _Tenant, deadline_s: float | None) -> DayTold | None:
        asked = Asked(kept.name, 0, self._arms.of(tenant))
        logits = self._guarded(asked.arm, lambda: self._model.whole(asked, kept.placed, deadline_s=deadline_s))
        if logits is None:
            return None
        with self._lock:
            self._figures[asked.arm].whole += 1
        answers = kept.predictor.told(logits)
        p = np.stack([answers[task].p for task in NODE_TASKS], axis=1)
        graph = kept.prepared
        return DayTold(graph.as_of, kept.predictor.manifest.model, LEARNED, graph.uids, logits.astype(np.float64), p)

    def _told(self, tenant: TenantId, kept: _Tenant, row: int) -> tuple[list[Json], str]:
        asked = Asked(kept.name, row, self._arms.of(tenant), self._arms.beside)
        told = self._guarded(asked.arm, lambda: self._model.explain(asked, kept.placed))
        if told is not None:
            self._count(asked.arm, told)
            return [_task_row(kept.prepared, task, one) for task, one in told.tasks.items()], LEARNED
        answers = kept.predictor.baseline(kept.prepared.values[row : row + 1])
        return [_baseline_row(task, float(answers[task].p[0])) for task in NODE_TASKS], BASELINE

    def _guarded(self, arm: str, ask: Callable[[], T]) -> T | None:
        """What the network answers; None where it fails, or rests after failures."""
        begun = self._now_s()
        with self._lock:
            if not self._breaker.lets_through(begun):
                self._figures[arm].refused += 1
                return None
        try:
            found = ask()
        except NETWORK_ERRORS:
            with self._lock:
                self._figures[arm].failed += 1
                self._breaker.failed(self._now_s())
            return None
        with self._lock:
            ended = self._now_s()
            self._breaker.succeeded(ended, ended - begun)
        return found

    def _count(self, arm: str, told: Told) -> None:
        own = np.array([told.tasks[task].p for task in NODE_TASKS])
        with self._lock:
            self._figures[arm].add(own, told.took_s, together=told.together)
            if told.beside is not None:
                self._count_beside(told.beside, own)

    def _count_beside(self, beside: Beside, own: NDArray[np.float64]) -> None:
        if not beside.p:
            self._figures[CANDIDATE].failed += 1
            return
        other = np.array(beside.p)
        self._figures[CANDIDATE].add(other, beside.took_s, differs=float(np.abs(other - own).mean()))


def _outcomes(weeks: Sequence[WeekTold]) -> dict[Task, tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """For each task logits that were told and what came, where it is known and nobody prevented it."""
    rows = {task: judged_rows(weeks, at) for at, task in enumerate(NODE_TASKS)}
    return {task: (found.scores, found.labels) for task, found in rows.items()}


def _baseline_day(kept: _Tenant) -> DayTold:
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
