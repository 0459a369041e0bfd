"""Has the prediction model retrained when it is due: decides, submits a job, hears what came of it, and tells.

What is decided is `training.schedule`'s; where jobs run is a port. Where none can be submitted, a due retraining is
told as such, in the log, in `readyz` and by `pcg predictions retraining`, and asked for again at the next look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog

from actors.retraining_book import OFF, Book, RetrainingBook, Run
from domain.clock import Clock, format_instant
from domain.errors import NotFound, PolicyCortexError, UnavailableError
from domain.evidence import EventType, EvidenceEvent, Receipt
from domain.tenancy import PLATFORM, TenantId
from domain.value import Json
from serve.sole_worker import SoleWorker
from serve.ticker import Ticker
from training.promotion import Action
from training.schedule import Due, Plan, Stand, Watched, due, held
from training.task import NODE_TASKS

LOCK: Final = "retraining-schedule.lock"
TICK_S: Final = 30.0
LOOK_EVERY: Final = timedelta(days=1)
LOST_AFTER: Final = timedelta(days=1)
"""After which a job of which nothing can be heard counts as failed."""
STATES: Final[Mapping[Action | None, str]] = {
    Action.PROMOTE: "applied", Action.ASK: "planned", Action.REFUSE: "rejected", Action.FALL_BACK: "rolled_back",
    Action.STAY: "rejected", None: "rejected",
}  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """What a platform was told.

    Args:
        tenants: whose histories are learned from; nothing is scheduled where there are none.
        environment: variables of a job, which hold the platform's settings.
    """

    tenants: tuple[TenantId, ...] = ()
    plan: Plan = field(default_factory=Plan)
    environment: Mapping[str, str] = field(default_factory=dict)

    def row(self) -> dict[str, Json]:
        """The plan for a person who asks."""
        every, plan = self.plan.every, self.plan
        return {
            "tenants": list[Json](self.tenants), "every_days": None if every is None else every.days,
            "shifted_min": plan.shifted_min, "auroc_min": plan.auroc_min,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class JobOrder:
    """A job to be submitted; the same id is submitted once."""

    job: str
    tenants: tuple[TenantId, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job as the cluster tells of it."""

    is_over: bool
    told: str = ""


class Jobs(Protocol):
    """Where jobs are submitted. Every call raises `UnavailableError` where that cannot be done now."""

    def submit(self, order: JobOrder) -> None:
        """Begin a retraining."""

    def seen(self, job: str) -> JobSeen:
        """How a job is.

        Raises:
            NotFound: there is no such job.
        """

    def running(self) -> Sequence[str]:
        """Retrainings that have not ended, whoever submitted them."""


class Told(Protocol):
    """What the schedule looks at."""

    def quality(self, tenant: TenantId) -> Row:
        """How good what a tenant was told was, and what has shifted."""

    def versions(self) -> Row:
        """Every version of the model."""


Record = Callable[[Sequence[EvidenceEvent]], Sequence[Receipt]]


class RetrainingSchedule:
    """Works from `begin` on, in the one process that holds the place.

    Args:
        record: writes the platform's own log.
    """

    def __init__(
        self,
        config: ScheduleConfig,
        book: RetrainingBook,
        jobs: Jobs,
        told: Told,
        *,
        record: Record,
        clock: Clock,
        place: SoleWorker,
    ) -> None:
        self._config, self._book, self._jobs, self._told = config, book, jobs, told
        self._record, self._clock, self._place = record, clock, place
        self._ticker = Ticker("retraining-schedule", self.tick, every_s=TICK_S)

    def begin(self) -> None:
        """Start working, where there is a plan."""
        if self._config.tenants:
            self._ticker.begin()
        elif (book := self._book.read()).plan is not None and self._place.is_mine():
            self._book.save(replace(book, plan=None, checked_at=self._clock.now(), decided=OFF))
            self._place.let_go()

    def stop(self) -> None:
        """End after what is being done."""
        self._ticker.stop()
        self._place.let_go()

    def tick(self) -> None:
        """Hear what came of a run, and decide anew when it is time."""
        if not self._config.tenants or not self._place.is_mine():
            return
        now, kept = self._clock.now(), self._book.read()
        book = replace(kept, runs=tuple(self._heard(one, now) for one in kept.runs))
        if self._is_time(book, now):
            book = self._decided(book, now)
        recorded = replace(book, runs=tuple(self._recorded(one) for one in book.runs))
        if recorded != kept:
            self._book.save(recorded)

    def _is_time(self, book: Book, now: datetime) -> bool:
        if book.checked_at is None or book.plan != self._config.row():
            return True
        if any(one.ended_at is None for one in book.runs):
            return False
        if any(one.ended_at is not None and one.ended_at > book.checked_at for one in book.runs):
            return True
        usual = book.checked_at + LOOK_EVERY
        return now >= min(usual, book.decided.next_at or usual)

    def _decided(self, book: Book, now: datetime) -> Book:
        began_at = now if book.plan is None or book.began_at is None else book.began_at
        book = replace(book, began_at=began_at, plan=self._config.row(), checked_at=now)
        found = held(now, book.attempts, waiting=self._waiting())
        if found is None:
            known = ((tenant, self._watched(tenant)) for tenant in self._config.tenants)
            watched = {str(tenant): one for tenant, one in known if one is not None}
            found = due(now, self._config.plan, book.attempts, watched, began_at=began_at)
        book = self._submitted(book, found, now) if found.stand is Stand.DUE else replace(book, decided=found)
        log = structlog.get_logger()
        tell = log.warning if book.decided.stand is Stand.STUCK else log.info
        tell("retraining of the prediction model", stand=book.decided.stand.value, reason=book.decided.reason)
        return book

    def _submitted(self, book: Book, found: Due, now: datetime) -> Book:
        """Keep the run, then submit it; a run that could not be submitted is taken back."""
        at = now.replace(microsecond=0)
        run = Run(at, f"pcg-retrain-{at:%Y%m%dT%H%M%SZ}", found.reason)
        try:
            others = self._jobs.running()
            if others:
                return replace(book, decided=Due(Stand.RUNNING, f"{', '.join(others)} runs, which others submitted"))
            begun = replace(book, runs=(*book.runs, run), decided=Due(Stand.RUNNING, found.reason))
            self._book.save(begun)
            self._jobs.submit(JobOrder(run.job, self._config.tenants, at))
        except UnavailableError as error:
            why = f"{found.reason}; {error.summary}: {error.facts.get('reason', '')}. {error.facts.get('todo', '')}"
            return replace(book, decided=Due(Stand.STUCK, why))
        return begun

    def _heard(self, run: Run, now: datetime) -> Run:
        if run.ended_at is not None:
            return run
        try:
            seen = self._jobs.seen(run.job)
        except NotFound as error:
            return run.ended(now, None, error.summary)
        except UnavailableError as error:
            is_lost = now - run.at >= LOST_AFTER
            return run.ended(now, None, f"nothing is heard of the job: {error.summary}") if is_lost else run
        if not seen.is_over:
            return run
        left = next(one for one in self._book.read().runs if one.at == run.at)
        return left if left.ended_at is not None else run.ended(now, None, seen.told)

    def _watched(self, tenant: TenantId) -> Watched | None:
        """What is known of a tenant; None where it cannot be read now, which is logged and begins nothing."""
        try:
            return watched_of(self._told.quality(tenant))
        except PolicyCortexError as error:
            structlog.get_logger().warning("quality is not known", tenant=tenant, reason=str(error)[:300])
            return None

    def _waiting(self) -> str:
        rows = self._told.versions()["versions"]
        return next((str(one["model"]) for one in rows if one["standing"] == "waiting for approval"), "")

    def _recorded(self, run: Run) -> Run:
        """The run with entries of the platform's log for what has none yet; one that fails is tried again."""
        try:
            if run.job and not run.asked_id:
                run = replace(run, asked_id=self._entry(run, "asked", "planned", run.at, run.why))
            if run.job and run.ended_at is not None and not run.ended_id:
                outcome = "failed" if run.action is None else run.action.value
                entry = self._entry(run, outcome, STATES[run.action], run.ended_at, run.reason)
                run = replace(run, ended_id=entry)
        except UnavailableError as error:
            structlog.get_logger().warning("a retraining is not recorded yet", job=run.job, reason=error.summary)
        return run

    def _entry(self, run: Run, what: str, state: str, at: datetime, reason: str) -> str:
        name = f"retraining-{run.at:%Y%m%dT%H%M%SZ}-{what.replace(' ', '-')}"
        details: dict[str, Json] = {"job": run.job, "reason": reason, "tenants": list[Json](self._config.tenants),
                                    "report": run.report, "as_of": format_instant(run.at)}  # fmt: skip
        body: dict[str, Json] = {
            "id": name, "subject": "retraining of the prediction model", "change": what, "state": state,
            "system": "policycortex", "approver_role": "role:schedule", "details": details,
        }  # fmt: skip
        event = EvidenceEvent(PLATFORM, f"models/{name}", EventType.CHANGE_RECORD, at, body)
        return str(self._record([event])[0].id)


def watched_of(row: Row) -> Watched:
    """What the schedule reads in an answer about quality."""
    tasks, shares = row["tasks"], row["features"]
    positives = {task: int(tasks[task.value]["positives"]) for task in NODE_TASKS}
    figures = {task: tasks[task.value]["figures"] for task in NODE_TASKS}
    highs = {task: one["auroc"]["high"] for task, one in figures.items() if not isinstance(one, str)}
    known = {task: float(high) for task, high in highs.items() if high is not None}
    return Watched(int(row["weeks"]), positives, shares.get("shifted_share"), known)
