"""What a projection starts from, read off the tenant's bills and findings: the world that its paths are drawn in.

Cost goes on as the whole does: a part of the bill keeps the share that it had in its last 28 days. Violations appear
and end as often as they did between scans, by severity and by the changes that concern them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np

from assessment.finding_lives import Lives
from assessment.projection import HORIZONS, World
from assessment.projection_findings import FindingGroup
from assessment.spend import DAYS_MAX, Money
from assessment.whatif import (
    ComplianceAdoption,
    PolicyAction,
    PolicyChange,
    Range,
    Scenario,
    Selection,
    require_names,
)
from cost.billing.cells import RESOURCE, CellCost, bill_span, cell_costs
from cost.billing.store import BillingStore
from cost.forecast import days_needed
from cost.forecast_methods import MEAN_DAYS, Series
from cost.forecast_paths import outlook
from domain.errors import InputError, NotFound
from domain.finding import Severity

PREDICTION_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Compliance:
    """What is known of violations.

    Args:
        violations: entries of the last scan's document.
        frameworks: policies that serve each framework's controls, by the scan.
        predicted: the sum of the probabilities of new violations within a week; None where nothing is predicted.
    """

    violations: Sequence[Mapping[str, Any]] = ()
    lives: Lives = field(default_factory=lambda: Lives(None, None, ()))
    frameworks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    policies: frozenset[str] = frozenset()
    predicted: float | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """What a change concerns: its cost in the last 28 days, how many violations, and the rows behind the cost."""

    cost_28_days: float
    rows: int
    violations: int


@dataclass(frozen=True, slots=True)
class Start:
    """A world, and what a reader must know of it.

    Args:
        through: the last whole day of the bill.
        selected: what each change concerns, by scenario.
        assumptions: everything taken for granted, in words.
    """

    world: World
    currency: str
    first: date
    through: date
    selected: tuple[tuple[Selected, ...], ...]
    assumptions: tuple[str, ...]


def policies_of(change: object, compliance: Compliance) -> frozenset[str]:
    """The policies that a change is about.

    Raises:
        NotFound: the last scan knows no such framework or policy.
    """
    if isinstance(change, ComplianceAdoption):
        if change.framework is None:
            return frozenset(change.policies)
        found = {name.lower(): served for name, served in compliance.frameworks.items()}.get(change.framework.lower())
        if found is None:
            raise NotFound(
                "the last scan knows no such framework",
                framework=change.framework,
                known=", ".join(sorted(compliance.frameworks))[:300],
                todo="Name one of them, or policies",
            )
        return found
    return frozenset({change.policy_id}) if isinstance(change, PolicyChange) else frozenset()


def start(
    store: BillingStore,
    scenarios: Sequence[Scenario],
    money: Money,
    compliance: Compliance,
    *,
    seed: int,
    opened: Mapping[tuple[int, int], Sequence[tuple[str, Severity]]] | None = None,
    losses: Mapping[Severity, Range] | None = None,
    horizons: tuple[int, ...] = HORIZONS,
) -> Start:
    """Read where things are.

    Args:
        opened: by scenario and change: resources that would newly violate, for policies that are to be assigned.

    Raises:
        InputError: no bills, several currencies and none chosen, or a change that selects no cost.
        NotFound: a policy or framework that nobody knows.
    """
    require_names(scenarios)
    opened = opened or {}
    places = [(place, number) for place, each in enumerate(scenarios) for number in range(len(each.changes))]
    policies = [policies_of(scenarios[place].changes[number], compliance) for place, number in places]
    selections = [
        _selection(scenarios[place].changes[number], policies[bit], compliance, opened.get((place, number), ()))
        for bit, (place, number) in enumerate(places)
    ]
    first, through = _span(store)
    costs = cell_costs(store, selections, start=first, end=through + timedelta(days=1), measure=money.measure)
    currency, amounts = _in_one(costs, money)
    days = (through - first).days + 1
    daily = _daily(amounts, first, days)
    recent = _recent(amounts, through)
    whole = sum(amount for amount, _ in recent.values())
    if whole <= 0:
        raise InputError("the bill has no cost in its last 28 days", got=f"{whole:.2f}", todo="Import newer bills")
    bits = {key: bit for bit, key in enumerate(places)}
    world = World(
        outlook=outlook(daily, horizons=horizons),
        cells={cell: amount / whole for cell, (amount, _) in recent.items()},
        groups=_groups(compliance, policies),
        scenarios=tuple(scenarios),
        bits=tuple(
            tuple(bits[place, number] for number in range(len(each.changes))) for place, each in enumerate(scenarios)
        ),
        opened={bits[key]: Counter(severity for _, severity in found) for key, found in opened.items() if found},
        losses=dict(losses or {}),
        horizons=horizons,
        seed=seed,
    )
    chosen = tuple(
        tuple(_selected(bits[place, number], recent, compliance, policies) for number in range(len(each.changes)))
        for place, each in enumerate(scenarios)
    )
    _require_cost(scenarios, selections, chosen, bits)
    return Start(world, currency, first, through, chosen, _assumptions(world, compliance, days))


def _span(store: BillingStore) -> tuple[date, date]:
    span = bill_span(store)
    if span is None:
        raise InputError("no bills are stored", todo="Import some: pcg costs import PATH")
    first, last = span
    through = last - timedelta(days=1)
    first = max(first, through - timedelta(days=DAYS_MAX - 1))
    if (through - first).days + 1 < MEAN_DAYS:
        raise InputError(
            "the bill is too short for a projection",
            got=f"{(through - first).days + 1} whole days",
            expected=f"at least {MEAN_DAYS}",
            todo="Import more months",
        )
    return first, through


def _selection(
    change: object, policies: frozenset[str], compliance: Compliance, opened: Sequence[tuple[str, Severity]]
) -> Selection:
    if isinstance(change, PolicyChange | ComplianceAdoption):
        uids = [str(row["resource_id"]) for row in compliance.violations if row["policy_id"] in policies]
        return {RESOURCE: tuple(sorted({*uids, *(uid for uid, _ in opened)}))}
    where: Selection = getattr(change, "where", {})
    return where


def _in_one(costs: Sequence[CellCost], money: Money) -> tuple[str, list[tuple[CellCost, float]]]:
    """Amounts in one currency: the one asked for, by the rates of their days, or the only one that there is."""
    found = sorted({each.currency for each in costs})
    if money.currency is None:
        if len(found) > 1:
            raise InputError(
                "the bills are in several currencies", got=", ".join(found), todo="Name one, with a table of rates"
            )
        return (found[0] if found else ""), [(each, float(each.amount)) for each in costs]
    if found == [money.currency]:
        return money.currency, [(each, float(each.amount)) for each in costs]
    if money.rates is None:
        raise InputError(
            "there are no exchange rates", expected=f"rates to {money.currency}", todo="pcg costs rates FILE"
        )
    rates, target = money.rates, money.currency
    converted = [
        (each, float(rates.convert(each.amount, each.day, source=each.currency, target=target)))
        if each.currency != target
        else (each, float(each.amount))
        for each in costs
    ]
    return target, converted


def _daily(amounts: Sequence[tuple[CellCost, float]], first: date, days: int) -> Series:
    daily = np.zeros(days)
    for each, amount in amounts:
        daily[(each.day - first).days] += amount
    return daily


def _recent(amounts: Sequence[tuple[CellCost, float]], through: date) -> dict[int, tuple[float, int]]:
    """Cost and rows of each cell in the last 28 days."""
    found: defaultdict[int, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for each, amount in amounts:
        if (through - each.day).days < MEAN_DAYS:
            known = found[each.cell]
            found[each.cell] = (known[0] + amount, known[1] + each.rows)
    return dict(found)


def _groups(compliance: Compliance, policies: Sequence[frozenset[str]]) -> tuple[FindingGroup, ...]:
    """Violations by severity and by the changes that concern them."""
    targets: dict[str, int] = {}

    def target(policy: str) -> int:
        if policy not in targets:
            targets[policy] = sum(1 << bit for bit, wanted in enumerate(policies) if policy in wanted)
        return targets[policy]

    keys = [(Severity(str(row["severity"])), target(str(row["policy_id"]))) for row in compliance.violations]
    lives = compliance.lives
    open_now = Counter(keys)
    born: Counter[tuple[Severity, int]] = Counter()
    closed: Counter[tuple[Severity, int]] = Counter()
    exposure: defaultdict[tuple[Severity, int], float] = defaultdict(float)
    for life in lives.lives:
        key = (life.severity, target(life.policy_id))
        born[key] += not life.is_first
        closed[key] += life.closed_at is not None
        assert lives.end is not None
        exposure[key] += ((life.closed_at or lives.end) - life.opened_at).total_seconds() / 86_400
    if lives.days <= 0 and compliance.predicted is not None and open_now:
        whole = sum(open_now.values())
        return tuple(
            FindingGroup(severity, bits, count, compliance.predicted * count / whole, PREDICTION_DAYS)
            for (severity, bits), count in sorted(open_now.items())
        )
    return tuple(
        FindingGroup(key[0], key[1], open_now[key], born[key], lives.days, closed[key], exposure[key])
        for key in sorted({*open_now, *born, *exposure})
    )


def _selected(
    bit: int, recent: Mapping[int, tuple[float, int]], compliance: Compliance, policies: Sequence[frozenset[str]]
) -> Selected:
    mine = [found for cell, found in recent.items() if cell >> bit & 1]
    violations = sum(str(row["policy_id"]) in policies[bit] for row in compliance.violations)
    return Selected(sum(amount for amount, _ in mine), sum(rows for _, rows in mine), violations)


def _require_cost(
    scenarios: Sequence[Scenario],
    selections: Sequence[Selection],
    chosen: Sequence[Sequence[Selected]],
    bits: Mapping[tuple[int, int], int],
) -> None:
    """Refuse a change of cost that concerns none: it is a word misspelled, not a saving of nothing."""
    for place, scenario in enumerate(scenarios):
        for number, change in enumerate(scenario.changes):
            if not isinstance(change, PolicyChange | ComplianceAdoption) and not chosen[place][number].rows:
                raise InputError(
                    "a change selects no cost of the last 28 days",
                    scenario=scenario.name,
                    change=number,
                    got=str({name: list(values) for name, values in selections[bits[place, number]].items()})[:300],
                    todo="See what there is: pcg costs query --by service,region",
                )


def _assumptions(world: World, compliance: Compliance, days: int) -> tuple[str, ...]:
    """What is taken for granted."""
    said = [
        f"Cost goes on as the forecast of the whole bill says ({world.outlook.method.value}, {days} days of bills); "
        f"each part of it keeps its share of the last {MEAN_DAYS} days.",
    ]
    said += [
        f"The interval of cost over {horizon} days is not known: it takes {days_needed(horizon)} days of bills."
        for horizon in world.horizons
        if horizon > world.outlook.certain_days
    ]
    if compliance.lives.days > 0:
        said.append(
            f"Violations appear and end as often as in {compliance.lives.days:.0f} days of scans: "
            f"{compliance.lives.born()} appeared, {compliance.lives.closed()} ended."
        )
    elif compliance.predicted is not None:
        said.append(
            f"There is one scan alone: violations appear as predicted for a week ({compliance.predicted:.1f}), and "
            "none ends by itself."
        )
    else:
        said.append("There is one scan at most: no violation appears or ends by itself.")
    said.append("Risk is a score: open violations, critical 10, high 5, medium 2, low 1.")
    if not world.losses:
        said.append("No expected loss: nobody said what an open violation loses a year.")
    if any(isinstance(c, PolicyChange) and c.action is PolicyAction.ASSIGN for s in world.scenarios for c in s.changes):
        said.append("A policy that is assigned opens the violations that it finds in today's graph.")
    return tuple(said)


def frameworks_of(policies: Sequence[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Policies by framework, out of a scan document's policies."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in policies:
        for control in row["controls"]:
            found[str(control["framework"])].add(str(row["id"]))
    return {name: frozenset(served) for name, served in found.items()}


def predicted_of(predictions: Collection[Mapping[str, Any]]) -> float | None:
    """How many new violations a scan document predicts for a week; None where it gives no probability."""
    chances = [1.0 if row["date"] is not None else row["probability"] for row in predictions]
    known = [float(chance) for chance in chances if chance is not None]
    return sum(known) if known else None


def cents(amount: float) -> Decimal:
    """An estimate as it is shown."""
    return Decimal(repr(round(amount, 2))).quantize(Decimal("0.01"))
