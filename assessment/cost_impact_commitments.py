"""How much to commit to, by stored bills: demand, scenarios, the choice and a ladder, as a document.

Each figure is a sum over the days projected, in the bill's currency, unless its name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import numpy as np

from assessment.money import amount_text
from cost.billing.store import BillingStore
from cost.commitment_bill import Demand, demand_of
from cost.commitment_scenarios import Expected, Scenarios, project
from cost.commitments import Choice, Ladder, Offer, Outlook, choose, ladder

Row: TypeAlias = "dict[str, Any]"
_BY_DAY = "demand is by day: within a day it varies, so that a level near the mean is used less than said here"


@dataclass(frozen=True, slots=True)
class CommitmentQuestion:
    """A question; see `cost.commitments`. Without `rate`, what is held now says what a commitment costs."""

    services: tuple[str, ...]
    rate: float | None = None
    term_days: int = 365
    days: int = 365
    paths: int = 300
    tranches: int = 4
    every_days: int = 30
    seed: int = 0
    start: date | None = None
    end: date | None = None
    expected: tuple[Expected, ...] = ()


def advise(store: BillingStore, asked: CommitmentQuestion) -> list[Row]:
    """Advice by currency.

    Raises:
        InputError: a bound is passed, too little history, or bills that sum months into one row.
    """
    found = demand_of(store, asked.services, start=asked.start, end=asked.end)
    return [_advice(demand, asked, place) for place, demand in enumerate(found)]


def _advice(demand: Demand, asked: CommitmentQuestion, place: int) -> Row:
    rate = asked.rate if asked.rate is not None else demand.rate
    head = {
        "currency": demand.currency,
        "first_day": demand.first.isoformat(),
        "days_known": len(demand.daily),
        "rows": demand.rows,
        "demand_per_day": round(float(demand.daily[-28:].mean()), 2) if len(demand.daily) else 0.0,
        "held_per_day": round(demand.held, 2),
        "coverage_now": _share(demand.coverage),
        "utilisation_now": _share(demand.utilisation),
        "unused_28_days": amount_text(demand.unused),
        "rate": rate,
        "notes": [_BY_DAY],
    }
    if rate is None or not 0 < rate < 1:
        reason = "the bill has no commitment to learn its price from: give `rate`"
        return {**head, "advice": None, "reason": reason}
    random = np.random.default_rng([asked.seed, place])
    scenarios = project(demand.daily, days=asked.days, paths=asked.paths, random=random, expected=asked.expected)
    choice = choose(scenarios, Offer("asked", rate, asked.term_days), history=demand.daily, current=demand.held)
    steps = ladder(
        scenarios, choice.offer, choice.outlook.level,
        held=min(demand.held, choice.outlook.level), tranches=asked.tranches, every_days=asked.every_days,
    )  # fmt: skip
    return {**head, "advice": _choice_row(choice, scenarios, steps), "reason": None}


def _choice_row(choice: Choice, scenarios: Scenarios, steps: Ladder) -> Row:
    days = scenarios.paths.shape[1]
    return {
        "days": days,
        "classes": dict(zip(scenarios.names, _class_weights(scenarios), strict=True)),
        "rule": choice.rule,
        "is_robust": choice.is_robust,
        "on_demand": round(choice.on_demand, 2),
        **_outlook_row(choice.outlook, choice.offer),
        "saving_on_current": round(choice.saving, 2),
        "rules": {name: _outlook_row(each, choice.offer) for name, each in choice.rules.items()},
        "ladder": {
            "tranches": [{"day": each.day, "level_per_day": round(each.level, 2), "ends_day": each.ends_day}
                         for each in steps.tranches],
            "cost": round(steps.cost, 2),
            "cost_p95": round(steps.cost_p95, 2),
            "share_bought": round(steps.bought, 4),
        },
    }  # fmt: skip


def _outlook_row(found: Outlook, offer: Offer) -> Row:
    return {
        "level_per_day": round(found.level, 2),
        "pays_per_day": round(found.level * offer.rate, 2),
        "cost": round(found.cost, 2),
        "cost_p95": round(found.cost_p95, 2),
        "coverage": round(found.coverage, 4),
        "utilisation": round(found.utilisation, 4),
        "regret": {name: round(getattr(found.regret, name), 4) for name in type(found.regret).__slots__},
        "cost_by_class": {name: round(cost, 2) for name, cost in found.by_class.items()},
    }


def _class_weights(scenarios: Scenarios) -> list[float]:
    sums = np.bincount(scenarios.classes, scenarios.weights, minlength=len(scenarios.names))
    return [round(float(each), 4) for each in sums]


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
