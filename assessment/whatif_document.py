"""A projection as a document, and several as one table: what the console, the command line and HTTP callers show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import orjson

from assessment.money import amount_text
from assessment.projection_summary import Figure, Outcome
from assessment.whatif import (
    Change,
    CommitmentPurchase,
    ComplianceAdoption,
    PolicyChange,
    RegionMove,
    Scaling,
    Scenario,
)
from assessment.whatif_world import Selected, Start, cents
from cost.forecast import Projection
from domain.clock import format_instant
from domain.errors import InputError
from domain.evidence import Artifact, EventType, EvidenceEvent
from domain.tenancy import TenantId

Row = dict[str, Any]
VERSION: Final = 1
FIGURES: Final = ("cost", "saving", "violations", "risk")
_KINDS: Final[Mapping[type[object], str]] = {
    PolicyChange: "policy",
    ComplianceAdoption: "compliance",
    Scaling: "scaling",
    RegionMove: "region_move",
    CommitmentPurchase: "commitment",
}


def whatif_document(
    start: Start, outcomes: Sequence[Outcome], *, whatif_id: str, paths: int, as_of: datetime, inputs: Mapping[str, str]
) -> Row:
    """A finished projection.

    Args:
        outcomes: how things are going, then one for each scenario.
        inputs: what it was made of: the bill's and the scan's identity.
    """
    going, *under = outcomes
    world = start.world
    return {
        "version": VERSION,
        "whatif_id": whatif_id,
        "as_of": format_instant(as_of),
        "seed": world.seed,
        "paths": paths,
        "currency": start.currency,
        "horizons_days": list(world.horizons),
        "bill": {"first_day": start.first.isoformat(), "last_day": start.through.isoformat(), **inputs},
        "forecast": {
            "method": world.outlook.method.value,
            "horizons": [
                {
                    "horizon_days": each.horizon_days,
                    "origins": each.origins,
                    "best": _projection(each.best),
                    "mean_of_28_days": _projection(each.mean),
                }
                for each in world.outlook.forecasts
            ],
        },
        "going_on": _outcome(going, has_loss=bool(world.losses)),
        "scenarios": [
            _scenario(scenario, outcome, selected, has_loss=bool(world.losses))
            for scenario, outcome, selected in zip(world.scenarios, under, start.selected, strict=True)
        ],
        "assumptions": list(start.assumptions),
    }


def evidence_event(document: Row, tenant: TenantId) -> EvidenceEvent:
    """A projection as an entry of the log, with the whole document as its artifact."""
    content = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    asked = {key: document[key] for key in ("seed", "paths", "currency", "bill", "assumptions")}
    return EvidenceEvent(
        tenant=tenant,
        request_id=f"whatif-{document['whatif_id']}",
        type=EventType.PREDICTION_GENERATED,
        occurred_at=datetime.fromisoformat(document["as_of"]),
        body={
            "scan": f"whatif {document['whatif_id']}",
            "as_of": document["as_of"],
            "input_sha256": sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest(),
            "source": "what-if",
            "count": len(document["scenarios"]),
            "horizon_days": document["horizons_days"][-1],
        },
        artifacts={"projection": Artifact("application/json", content)},
    )


def comparison(documents: Sequence[Mapping[str, Any]]) -> Row:
    """Scenarios of one projection or several side by side: a table, and a series for each small multiple.

    Raises:
        InputError: nothing to compare, or several currencies.
    """
    if not documents:
        raise InputError("nothing to compare", todo="Name projections by their ids")
    currencies = sorted({str(each["currency"]) for each in documents})
    if len(currencies) > 1:
        raise InputError(
            "projections of several currencies cannot be compared",
            got=", ".join(currencies),
            expected="one currency",
            todo="Project them again in one currency",
        )
    worlds = {orjson.dumps([each["bill"], each["seed"], each["paths"]]) for each in documents}
    named = [(each, scenario) for each in documents for scenario in each["scenarios"]]
    rows = [_row(each, scenario) for each, scenario in named]
    return {
        "currency": currencies[0],
        "is_same_start": len(worlds) == 1,
        "notes": []
        if len(worlds) == 1
        else [
            "The projections start from different bills, seeds or numbers of paths: differences are not only theirs."
        ],
        "rows": sorted(rows, key=lambda row: -float(row["saving"]["mean"])),
        "multiples": [
            {
                "figure": figure,
                "series": [
                    {"whatif_id": each["whatif_id"], "scenario": scenario["name"], "points": scenario[figure]}
                    for each, scenario in named
                ],
                "going_on": documents[0]["going_on"].get(figure, []),
            }
            for figure in FIGURES
        ],
    }


def _row(document: Mapping[str, Any], scenario: Mapping[str, Any]) -> Row:
    """One scenario by its longest horizon."""
    last = {figure: scenario[figure][-1] for figure in FIGURES}
    return {
        "whatif_id": document["whatif_id"],
        "scenario": scenario["name"],
        "horizon_days": document["horizons_days"][-1],
        **last,
        "chance_of_saving": scenario["chance_of_saving"][-1],
        "violations_going_on": document["going_on"]["violations"][-1]["mean"],
    }


def _outcome(outcome: Outcome, *, has_loss: bool) -> Row:
    return {
        "cost": _money_figures(outcome.cost),
        "violations": _count_figures(outcome.violations),
        "risk": _count_figures(outcome.risk),
        "expected_loss": _money_figures(outcome.loss) if has_loss else None,
    }


def _scenario(scenario: Scenario, outcome: Outcome, selected: Sequence[Selected], *, has_loss: bool) -> Row:
    assert outcome.saving is not None
    assert outcome.risk_reduction is not None
    changes = zip(scenario.changes, outcome.by_change, selected, strict=True)
    return {
        "name": scenario.name,
        **_outcome(outcome, has_loss=has_loss),
        "saving": _money_figures(outcome.saving),
        "chance_of_saving": [round(each, 4) for each in outcome.chance],
        "risk_reduction": _count_figures(outcome.risk_reduction),
        "changes": [
            {
                **change_row(change),
                "concerns": {
                    "cost_28_days": amount_text(cents(mine.cost_28_days)),
                    "billing_rows": mine.rows,
                    "violations": mine.violations,
                },
                "saving": _money_figures(saving),
            }
            for change, saving, mine in changes
        ],
    }


def change_row(change: Change) -> Row:
    """A change as it was asked, with what was taken for granted where nothing was said."""
    row: Row = {"kind": _KINDS[type(change)], **asdict(change)}
    if isinstance(change, PolicyChange):
        row["adoption"] = asdict(change.mended)
    return {key: value.value if isinstance(value, StrEnum) else value for key, value in row.items()}


def _projection(made: Projection) -> Row:
    return {
        "method": made.method.value,
        "total": amount_text(cents(made.total)),
        "low": None if made.low is None else amount_text(cents(made.low)),
        "high": None if made.high is None else amount_text(cents(made.high)),
        "median_error": None if made.error is None else round(made.error, 4),
    }


def _money_figures(figures: Sequence[Figure]) -> list[Row]:
    return [
        {
            "horizon_days": each.horizon_days,
            "mean": amount_text(cents(each.mean)),
            "median": amount_text(cents(each.median)),
            "low": None if each.low is None else amount_text(cents(each.low)),
            "high": None if each.high is None else amount_text(cents(each.high)),
        }
        for each in figures
    ]


def _count_figures(figures: Sequence[Figure]) -> list[Row]:
    return [
        {
            "horizon_days": each.horizon_days,
            "mean": round(each.mean, 2),
            "median": round(each.median, 2),
            "low": None if each.low is None else round(each.low, 2),
            "high": None if each.high is None else round(each.high, 2),
        }
        for each in figures
    ]
