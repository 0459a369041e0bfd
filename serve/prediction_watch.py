"""Watches what was told: collects what came of it, and says how good it was and what has shifted.

Days whose seven days are over are settled from the tenant's own history, beside the series of what was told; figures
are made of what is settled, over weeks that share no day. Calibration looks at the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from actors.prediction_outcomes import DaySettled, PredictionOutcomes
from actors.prediction_series import DayCounts, DayTold, PredictionSeries
from domain.clock import format_instant
from domain.tenancy import TenantId
from domain.value import Json
from training.metrics import Estimate
from training.outcomes import WEEK, WORDS, Deed, Settled, Why, last_ended
from training.quality import POSITIVES_MIN, WEEKS, TaskQuality, WeekFigures, judged_rows, quality
from training.shift import RateChange, Shift, rate_change, shifted_share, shifts
from training.task import Task

SHOWN_SHIFTS: Final = 10
INSUFFICIENT: Final = "insufficient"
OWN_WEEK: Final = "this tenant's own first week that is kept"
LEARNED_FROM: Final = "what the weights that are served learned from"
NO_DAY: Final = "no day was scored as a whole yet"
NO_WEEK: Final = "no former week to compare with is kept yet"
UNTOLD: Final = "the weights that are served do not say how features were distributed in what they learned from"
Row = dict[str, Json]


class Histories(Protocol):
    """Where outcomes come from: tenants' shards."""

    def settled(
        self, tenant: TenantId, cutoffs: Sequence[datetime], deeds: Sequence[Deed], *, now: datetime
    ) -> Mapping[datetime, Settled]:
        """What followed some instants."""


class Deeds(Protocol):
    """Where it is recorded what was done about resources."""

    def of(self, tenant: TenantId, *, since: datetime, until: datetime) -> Sequence[Deed]:
        """What was done within a time."""


class NoDeeds:
    """Nothing is recorded elsewhere."""

    def of(self, tenant: TenantId, *, since: datetime, until: datetime) -> Sequence[Deed]:
        """Nothing."""
        del tenant, since, until
        return ()


class PredictionWatch:
    """Safe for several threads: a day that two settle at once is written twice, with the same content.

    Args:
        folder: of a tenant's series, which is also that of its outcomes.
    """

    def __init__(
        self,
        histories: Histories,
        deeds: Deeds,
        folder: Callable[[TenantId], Path],
    ) -> None:
        self._histories, self._deeds, self._folder = histories, deeds, folder

    def collect(self, tenant: TenantId, now: datetime, days: Iterable[date] | None = None) -> int:
        """Settle days whose seven days are over and of which more can become known; how many were.

        Args:
            days: only these; all where not given.
        """
        outcomes = self._outcomes(tenant)
        chosen = self._series(tenant).days() if days is None else days
        waiting = [told for day in chosen if not outcomes.is_final(day) and (told := self._ended(tenant, day, now))]
        if not waiting:
            return 0
        first = min(one.at for one in waiting)
        deeds = self._deeds.of(tenant, since=first, until=now)
        found = self._histories.settled(tenant, [one.at for one in waiting], deeds, now=now)
        for told in waiting:
            if told.at in found:
                outcomes.keep(DaySettled(told, found[told.at].rows_of(told.uids), now))
        return len(found)

    def weeks(self, tenant: TenantId, now: datetime, *, count: int = WEEKS) -> list[DaySettled]:
        """Settled days that share no day of their windows, oldest first; what is missing is settled.

        Args:
            count: at most.
        """
        series = self._series(tenant)
        told = {_begin(day, now): day for day in series.days()}
        days = [told[at] for at in last_ended(told, now - timedelta(days=1))[-count:]]
        self.collect(tenant, now, days)
        outcomes = self._outcomes(tenant)
        known = set(outcomes.days())
        return [found for day in days if day in known and (found := outcomes.of(day)) is not None]

    def quality(
        self, tenant: TenantId, now: datetime, *, learned: Mapping[Task, float], counts: DayCounts | None
    ) -> Row:
        """How good what was told was, and what has shifted.

        Args:
            learned: how often each task came true in what the serving weights learned from, where they say.
            counts: how features were distributed in it; None where the weights do not say.
        """
        found = [one.week for one in self.weeks(tenant, now)]
        tasks: dict[str, Json] = {}
        for at, (task, one) in enumerate(quality(found).items()):
            rows = judged_rows(found, at)
            change = rate_change(learned.get(task, float("nan")), rows.labels, rows.weeks)
            tasks[task.value] = {**_task_row(one), "base_rate": rate_row(change)}
        kept = self._series(tenant).counts()
        return {
            "as_of": format_instant(now), "weeks": len(found), "weeks_wanted": WEEKS, "positives_min": POSITIVES_MIN,
            "tasks": tasks, "features": _moved_row(kept), "features_against_learned": _unlike_row(kept, counts),
        }  # fmt: skip

    def _series(self, tenant: TenantId) -> PredictionSeries:
        return PredictionSeries(self._folder(tenant))

    def _outcomes(self, tenant: TenantId) -> PredictionOutcomes:
        return PredictionOutcomes(self._folder(tenant))

    def _ended(self, tenant: TenantId, day: date, now: datetime) -> DayTold | None:
        if _begin(day, now) + WEEK > now:
            return None
        told = self._series(tenant).told(day)
        return told if told is not None and told.at + WEEK <= now else None


def _begin(day: date, now: datetime) -> datetime:
    return datetime.combine(day, datetime.min.time(), now.tzinfo)


def _moved_row(kept: Sequence[DayCounts]) -> Row:
    """The features that shifted most since the tenant's own first week that is kept."""
    if not kept:
        return _unknown_row(NO_DAY)
    now = kept[-1]
    before = next((one for one in kept if one.names == now.names and one.at + WEEK <= now.at), None)
    return _unknown_row(NO_WEEK) if before is None else _compared_row(OWN_WEEK, before, now)


def _unlike_row(kept: Sequence[DayCounts], learned: DayCounts | None) -> Row:
    """The features in which the tenant differs most from what was learned from, of which no tenant is an average."""
    if not kept:
        return _unknown_row(NO_DAY)
    if learned is None or learned.names != kept[-1].names:
        return _unknown_row(UNTOLD)
    return _compared_row(LEARNED_FROM, learned, kept[-1])


def _unknown_row(reason: str) -> Row:
    return {"state": INSUFFICIENT, "reason": reason, "shifted": []}


def _compared_row(reference: str, before: DayCounts, now: DayCounts) -> Row:
    found = shifts(now.names, before.counts, now.counts)
    return {
        "state": found[0].level.value if found else INSUFFICIENT,
        "reference": reference, "reference_at": format_instant(before.at), "at": format_instant(now.at),
        "rows_before": int(before.counts[0].sum()) if len(before.counts) else 0,
        "rows_now": int(now.counts[0].sum()) if len(now.counts) else 0,
        "shifted": [shift_row(one) for one in found[:SHOWN_SHIFTS]],
        "shifted_share": shifted_share(found),
    }  # fmt: skip


def shift_row(one: Shift) -> Row:
    """A feature's shift as JSON."""
    return {
        "feature": one.feature, "psi": one.psi, "by_chance": one.by_chance, "level": one.level.value,
        "zero_before": number(one.zero_before), "zero_now": number(one.zero_now),
    }  # fmt: skip


def _task_row(one: TaskQuality) -> Row:
    told: Json = INSUFFICIENT
    if one.is_sufficient:
        figures = {name: estimate_row(found) for name, found in one.figures.items()}
        told = {**figures, "strict": {name: estimate_row(found) for name, found in one.strict.items()}}
    return {
        "figures": told, "rows": one.rows, "positives": one.positives, "prevented": one.prevented,
        "unknown": one.unknown, "unusable": one.unusable,
        "reasons": {WORDS[Why(code)]: count for code, count in one.why.items()},
        "by_week": [_week_row(week) for week in one.by_week],
    }  # fmt: skip


def _week_row(week: WeekFigures) -> Row:
    found: Row = asdict(week)
    return {**found, "at": format_instant(week.at), "auroc": number(week.auroc)}


def rate_row(found: RateChange) -> Row:
    """How often a task came true, before and now, as JSON."""
    return {"learned": number(found.before), "now": estimate_row(found.now), "has_changed": found.has_changed}


def estimate_row(one: Estimate) -> Json:
    """A figure with its interval as JSON; what is not a number is null."""
    return {"value": number(one.value), "low": number(one.low), "high": number(one.high)}


def number(value: float) -> float | None:
    """A number as JSON has them."""
    return float(value) if np.isfinite(value) else None
