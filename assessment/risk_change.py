"""How a year's expected loss changed between two days, by the violations that stood open on each.

The same incidents are simulated for both days: a resource that violated on both has them on both, what was mended keeps
the share that still comes through mended resources, and what is new had that share before. So the difference is of what
changed, and not of two draws. Prices are today's on both days.

A resource that is not in the graph any more cannot be priced: its outages count as nothing and are told beside, so what
was lost with it is a lower bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from assessment.impact_assumptions import JUDGEMENT, Assumptions
from assessment.impact_exposure import RISKS_MAX, Exposure
from assessment.impact_risk import (
    INTERVAL,
    NO_VALUE,
    assumption_row,
    by_severity,
    figure_row,
    middle_values,
    outages,
    responses,
    rests_on,
    worst_first,
)
from cost.loss import YEARS_DEFAULT, Figure, Floats, Threat, simulate
from domain.errors import InputError
from graph.failure import FailureMode

Row: TypeAlias = "dict[str, Any]"
Worst: TypeAlias = "Mapping[str, str]"
EVENTS_AIM: Final = 2_000_000
"""About so many incidents are simulated: many violations need fewer years for figures as firm."""
YEARS_MIN: Final = 500
NO_SCAN: Final = "no scan was made by the window's first day: the loss then is not known"
NO_SCAN_AT_ALL: Final = "no scan was made: what violates is not known"


@dataclass(frozen=True, slots=True)
class _Day:
    """Losses of simulated years as they stood on the first day and stand on the last."""

    start: Floats
    now: Floats


def risk_exposure(start: Worst | None, now: Worst, assumed: Assumptions) -> Exposure:
    """What the graph must be asked: what an hour without each of the resources is worth, the worst first."""
    ordered = worst_first({**(start or {}), **now})
    return Exposure((), tuple(ordered[:RISKS_MAX]), FailureMode.DELETE, *middle_values(assumed))


def unknown_loss(reason: str) -> Row:
    """The figure where it cannot be known."""
    return {
        "parts": [],
        "yearly": None,
        "reduction_share": None,
        "resources_at_start": None,
        "resources_now": None,
        "not_priced": None,
        "interval": INTERVAL,
        "years": None,
        "rests_on": [],
        "assumptions": [],
        "judgement": None,
        "reason": reason,
    }


def risk_change(start: Worst | None, now: Worst, priced: Row, assumed: Assumptions, *, seed: int = 0) -> Row:
    """A year's expected loss at the window's start and now.

    Args:
        start, now: worst severity of each resource that violates, by id; `start` is None where no scan was made.
        priced: the answer to `risk_exposure`.
    """
    hours: Mapping[str, float] = priced["hours"]
    own = (priced["currency"] or assumed.currency) if priced["valued"] else None
    kept, mended, new = _changes(now if start is None else start, now)
    groups = [by_severity(each, hours) for each in (kept, mended, new)]
    years = _years(groups, assumed)
    try:
        parts = [("response", assumed.currency, _simulated(groups, assumed, years, seed, is_outage=False))]
        if own is not None:
            parts.insert(0, ("outage", own, _simulated(groups, assumed, years, seed, is_outage=True)))
    except InputError as error:
        return unknown_loss(str(error))
    names = rests_on({severity for group in groups for severity in group})
    used = [assumed.by_name[name] for name in names]
    total = _total([(currency, day) for _, currency, day in parts]) if own is not None else None
    known = {**(start or {}), **now}
    return {
        "parts": [{"part": part, **_rows(day, currency, is_known=start is not None)} for part, currency, day in parts],
        "yearly": None if total is None else _rows(total[1], total[0], is_known=start is not None),
        "reduction_share": _share(total, is_known=start is not None),
        "resources_at_start": None if start is None else len(start),
        "resources_now": len(now),
        "not_priced": len(known.keys() - hours.keys()),
        "interval": INTERVAL,
        "years": years,
        "rests_on": names,
        "assumptions": [assumption_row(each) for each in used],
        "judgement": sum(each.source == JUDGEMENT for each in used),
        "reason": _reason(start, own, total),
    }


def _reason(start: Worst | None, own: str | None, total: object) -> str | None:
    if own is None:
        return NO_VALUE
    if start is None:
        return NO_SCAN
    return None if total is not None else "outages and responses are in two currencies, which are never added"


def _changes(start: Worst, now: Worst) -> tuple[Worst, Worst, Worst]:
    """What violates as it did, what no longer does, and what did not before; a change of severity is in both."""
    kept = {uid: severity for uid, severity in now.items() if start.get(uid) == severity}
    mended = {uid: severity for uid, severity in start.items() if uid not in kept}
    new = {uid: severity for uid, severity in now.items() if uid not in kept}
    return kept, mended, new


def _years(groups: Sequence[Mapping[str, Sequence[float]]], assumed: Assumptions) -> int:
    yearly = sum(
        assumed.range(f"incident.{severity}.yearly").mean * len(values)
        for group in groups
        for severity, values in group.items()
    )
    return max(YEARS_MIN, min(YEARS_DEFAULT, int(EVENTS_AIM / max(yearly, 1e-9))))


def _simulated(
    groups: Sequence[Mapping[str, Sequence[float]]], assumed: Assumptions, years: int, seed: int, *, is_outage: bool
) -> _Day:
    """Both days' losses: the same seed brings the same incidents to both parts."""
    streams = np.random.default_rng(seed).spawn(len(groups))
    shares = (1.0, None, None)
    found = []
    for group, share, stream in zip(groups, shares, streams, strict=True):
        threats: list[Threat] = outages(group, assumed, share_after=share)
        found.append(simulate(threats if is_outage else responses(threats, assumed), years=years, random=stream))
    kept, mended, new = found
    return _Day(kept.before + mended.before + new.after, kept.before + mended.after + new.before)


def _total(parts: Sequence[tuple[str, _Day]]) -> tuple[str, _Day] | None:
    """The parts together; None where their currencies differ."""
    currencies = {currency for currency, _ in parts}
    if len(currencies) != 1:
        return None
    start, now = np.sum([day.start for _, day in parts], axis=0), np.sum([day.now for _, day in parts], axis=0)
    return currencies.pop(), _Day(start, now)


def _rows(day: _Day, currency: str, *, is_known: bool) -> Row:
    return {
        "at_start": figure_row(Figure.of(day.start), currency) if is_known else None,
        "now": figure_row(Figure.of(day.now), currency),
        "reduction": figure_row(Figure.of(day.start - day.now), currency) if is_known else None,
    }


def _share(total: tuple[str, _Day] | None, *, is_known: bool) -> float | None:
    """The part of the expected loss that is gone; below zero where it grew."""
    if total is None or not is_known:
        return None
    before, after = float(total[1].start.mean()), float(total[1].now.mean())
    return round((before - after) / before, 4) if before > 0 else None
