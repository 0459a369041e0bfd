"""What a decision about violations is worth: downtime, penalties, work, and risk, each with interval and assumptions.

Joins the last scan's violations, what an hour without resources is worth (`assessment.impact_exposure`) and what is
assumed (`assessment.impact_assumptions`). Everything is sampled from one seed, so equal questions give equal answers.
Four parts, never added to one number, because they answer different questions and their currencies may differ:

- **downtime**: one outage of the named resources with all that fails with them.
- **penalty**: a year's penalties while the violations stay, by framework. Counted only for frameworks of which the
  tenant says that they bind it; the others are shown as what it would be. Frameworks that fine nobody say so.
- **efficiency**: work that the platform saves on these violations, once.
- **risk**: a year's expected loss before and after mending them. A resource counts once, with its worst violation.

What cannot be known is None with the reason, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from assessment.impact_assumptions import JUDGEMENT, Assumptions
from assessment.impact_exposure import Exposure
from assessment.impact_risk import (
    INTERVAL,
    NO_VALUE,
    assumption_row,
    by_severity,
    figure_row,
    middle_values,
    outages,
    plain_row,
    responses,
    rests_on,
    uncertainty,
    worst_of_each,
)
from assessment.worth import CRITICALITY
from cost.loss import YEARS_DEFAULT, Figure, Range, simulate
from domain.errors import InputError, NotFound
from domain.resource import resource_key
from graph.failure import FailureMode

Row: TypeAlias = "dict[str, Any]"
Violation: TypeAlias = "Mapping[str, Any]"

IDS_MAX: Final = 1_000
MONEY_OF_PENALTIES: Final = "USD"
_FINING: Final = ("HIPAA", "PCI-DSS")
"""Frameworks that somebody fines for, by the start of their names."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A question.

    Args:
        resource_ids: go down together, and limit the violations to theirs.
        policy_ids: limit the violations to theirs. Without either, every violation counts.
    """

    resource_ids: tuple[str, ...] = ()
    policy_ids: tuple[str, ...] = ()
    failure: FailureMode = FailureMode.DELETE
    years: int = YEARS_DEFAULT
    seed: int = 0


def chosen(violations: Iterable[Violation], asked: Analysis) -> list[Violation]:
    """The violations that a question is about.

    Raises:
        InputError: too many ids.
        NotFound: a policy is named that no violation is of.
    """
    if max(len(asked.resource_ids), len(asked.policy_ids)) > IDS_MAX:
        raise InputError("too many ids", expected=f"at most {IDS_MAX:,}", todo="Ask for fewer")
    uids = {resource_key(uid) for uid in asked.resource_ids}
    policies = set(asked.policy_ids)
    found = [each for each in violations if not policies or each["policy_id"] in policies]
    lacking = policies - {each["policy_id"] for each in found}
    if lacking:
        todo = "Check the id, or scan with this policy first"
        raise NotFound("the last scan has no violation of this policy", policy_id=min(lacking), todo=todo)
    return [
        each
        for each in found
        if not uids or resource_key(each["resource_id"]) in uids or each["resource_name"] in asked.resource_ids
    ]


def exposure_of(asked: Analysis, violations: Sequence[Violation], assumed: Assumptions) -> Exposure:
    """What the graph must be asked for an analysis; violations come worst first."""
    risks = tuple(dict.fromkeys(str(each["resource_id"]) for each in violations))
    return Exposure(asked.resource_ids, risks, asked.failure, *middle_values(assumed), asked.seed)


def analyse(asked: Analysis, violations: Sequence[Violation], priced: Row, assumed: Assumptions) -> Row:
    """Put it together.

    Args:
        violations: those `chosen`. priced: the answer to `exposure_of`.

    Raises:
        InputError: the simulation passes a bound.
    """
    streams = np.random.default_rng(asked.seed).spawn(4)
    return {
        "as_of": priced["as_of"],
        "seed": asked.seed,
        "years": asked.years,
        "interval": INTERVAL,
        "mode": asked.failure.value,
        "violations": len(violations),
        "resources": len(priced["hours"]),
        "downtime": _downtime(asked, priced, assumed, streams[0]),
        "penalty": _penalties(asked, violations, assumed, streams[1]),
        "efficiency": _efficiency(asked, violations, assumed, streams[2]),
        "risk": _risk(asked, violations, priced, assumed, streams[3]),
        "assumptions": [assumption_row(each) for each in sorted(assumed.by_name.values(), key=lambda e: e.name)],
        "notes": _notes(priced, assumed),
    }


def assumption_rows(assumed: Assumptions) -> Row:
    """Everything assumed, as a document."""
    return {
        "ranges": [assumption_row(each) for each in sorted(assumed.by_name.values(), key=lambda e: e.name)],
        "frameworks": None if assumed.frameworks is None else sorted(assumed.frameworks),
        "currency": assumed.currency,
        "hour_values": {uid: {"low": each.low, "high": each.high} for uid, each in assumed.hour_values.items()},
        "no_penalty": dict(assumed.no_penalty),
    }


def _downtime(asked: Analysis, priced: Row, assumed: Assumptions, random: np.random.Generator) -> Row:
    down = priced["down"]
    if down is None:
        return _unknown("no resource was named", centers=[])
    head = {"centers": priced["centers"], **{name: down[name] for name in ("failed", "degraded", "monthly_cost")}}
    if not down["hour"]["high"] and not down["hour_certain"]:
        return _unknown(NO_VALUE if not priced["valued"] else "what goes down costs nothing", **head)
    currency = priced["currency"] or assumed.currency
    hours = assumed.range("outage.hours").draw(asked.years, random)
    value = Range(down["hour"]["low"], max(down["hour"]["high"], down["hour"]["low"])).draw(asked.years, random)
    spread = uncertainty(assumed).draw(asked.years, random)
    return {
        **head,
        "hour": figure_row(Figure.of(value * spread), currency),
        "outage": figure_row(Figure.of(hours * value * spread), currency),
        "rests_on": ["outage.hours", *(f"value.{name}" for name in CRITICALITY)],
        "reason": None,
    }


def _penalties(
    asked: Analysis, violations: Sequence[Violation], assumed: Assumptions, random: np.random.Generator
) -> Row:
    provisions: dict[str, set[str]] = {}
    for each in violations:
        for control in each["controls"]:
            provisions.setdefault(control["framework"], set()).add(control["id"])
    rows = [_penalty(name, len(provisions[name]), asked, assumed, random) for name in sorted(provisions)]
    counted = [row for row in rows if row["binds"] and row["yearly"] is not None]
    total = {"mean": round(sum(row["yearly"]["mean"] for row in counted), 2), "currency": MONEY_OF_PENALTIES}
    return {
        "frameworks": rows,
        "expected_yearly": total if counted else None,
        "reason": None if counted else "no framework with penalties is stated to bind this tenant",
    }


def _penalty(name: str, provisions: int, asked: Analysis, assumed: Assumptions, random: np.random.Generator) -> Row:
    """A year's penalty of one framework: whether there is one, and how much it is."""
    head = {"framework": name, "violated": provisions, "binds": _binds(name, assumed)}
    family = next((each for each in _FINING if name.startswith(each)), None)
    if family is None:
        reason = next((text for start, text in assumed.no_penalty.items() if name.startswith(start)), None)
        return {**head, "yearly": None, "if_fined": None, "rests_on": [],
                "reason": reason or "no range of its penalties is known"}  # fmt: skip
    own = {part: f"penalty.{family}.{part}" for part in ("amount", "cap", "months", "chance")}
    amount = assumed.range(own["amount"]).draw(asked.years, random)
    if own["months"] in assumed.by_name:
        fined = amount * assumed.range(own["months"]).draw(asked.years, random)
    else:
        fined = amount * provisions
    if own["cap"] in assumed.by_name:
        fined = np.minimum(fined, assumed.range(own["cap"]).draw(asked.years, random) * provisions)
    is_fined = random.uniform(size=asked.years) < np.minimum(assumed.range(own["chance"]).draw(asked.years, random), 1)
    return {
        **head,
        "yearly": figure_row(Figure.of(fined * is_fined), MONEY_OF_PENALTIES),
        "if_fined": figure_row(Figure.of(fined), MONEY_OF_PENALTIES),
        "rests_on": [each for each in own.values() if each in assumed.by_name],
        "reason": None,
    }


def _binds(name: str, assumed: Assumptions) -> bool | None:
    """Whether a framework binds the tenant; None where it never said."""
    return None if assumed.frameworks is None else any(name.startswith(own) for own in assumed.frameworks)


def _efficiency(
    asked: Analysis, violations: Sequence[Violation], assumed: Assumptions, random: np.random.Generator
) -> Row:
    count = len(violations)
    names = ("work.hours_by_hand", "work.hours_with_platform", "work.hour_cost")
    by_hand, with_platform, hour = (assumed.range(name).draw(asked.years, random) for name in names)
    hours = np.maximum(by_hand - with_platform, 0) * count
    return {
        "violations": count,
        "hours": plain_row(Figure.of(hours)),
        "gain": figure_row(Figure.of(hours * hour), assumed.currency),
        "rests_on": list(names),
        "reason": None,
    }


def _risk(
    asked: Analysis, violations: Sequence[Violation], priced: Row, assumed: Assumptions, random: np.random.Generator
) -> Row:
    hours: Mapping[str, float] = priced["hours"]
    pairs = ((str(each["resource_id"]), str(each["severity"])) for each in violations)
    worst = by_severity(worst_of_each(pair for pair in pairs if pair[0] in hours), hours)
    incidents = outages(worst, assumed)
    own, other, seed = priced["currency"], assumed.currency, int(random.integers(2**63))
    wanted = [("response", other, responses(incidents, assumed))]
    if own is not None or assumed.hour_values:
        wanted.insert(0, ("outage", own or other, incidents))
    parts = [
        (name, currency, simulate(threats, years=asked.years, random=np.random.default_rng(seed)))
        for name, currency, threats in wanted
    ]
    return {
        "parts": [
            {
                "part": part,
                "before": figure_row(Figure.of(found.before), currency),
                "after": figure_row(Figure.of(found.after), currency),
                "reduction": figure_row(found.reduction, currency),
            }
            for part, currency, found in parts
        ],
        "resources": {name: len(values) for name, values in worst.items()},
        "rests_on": rests_on(worst),
        "reason": None if len(parts) == 2 else NO_VALUE,
    }


def _notes(priced: Row, assumed: Assumptions) -> list[str]:
    judged = sum(each.source == JUDGEMENT for each in assumed.by_name.values())
    notes = [f"{judged} of {len(assumed.by_name)} assumptions are judgement: give your own where you know better"]
    if priced["down"] is not None and priced["down"]["is_capped"]:
        notes.append("more can be reached than is followed: downtime is a lower bound")
    if len(priced["hours"]) > priced["followed"]:
        followed = f"{priced['followed']:,}"
        notes.append(f"what fails with a violating resource is followed for the {followed} worst; others count alone")
    if assumed.frameworks is None:
        notes.append("no framework is stated to bind this tenant: penalties are shown, and not counted")
    return notes


def _unknown(reason: str, **head: Any) -> Row:
    return {**head, "hour": None, "outage": None, "rests_on": [], "reason": reason}
