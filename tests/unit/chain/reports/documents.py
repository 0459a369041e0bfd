"""Scan documents for executive pages, as small as the schema allows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from chain.reports.board_figures import Document
from domain.clock import format_instant
from tests.unit.chain.packs import FIRST

DOLLARS = {"amount": "10488.00", "currency": "USD"}


def scan_document(at: datetime = FIRST, *, critical: int = 2, **changes: Any) -> Document:
    """A document with two scopes, two frameworks, billing, predictions and a blast radius."""
    found = [_violation(number, "critical") for number in range(critical)] + [_violation(9, "low")]
    document: dict[str, Any] = {
        "as_of": format_instant(at),
        "severities": {
            severity: {"violations": sum(each["severity"] == severity for each in found), "new": 0}
            for severity in ("critical", "high", "medium", "low")
        },
        "violations": found,
        "predictions": [
            _prediction(at + timedelta(days=2), "critical"),
            _prediction(at + timedelta(days=9), "critical"),
            {**_prediction(None, "high"), "source": "learned", "interval": {"low": 0.25, "high": 0.75}},
        ],
        "controls": [
            {"framework": "CIS", "id": str(number), "state": state}
            for number, state in enumerate(["met"] * 30 + ["violated"] * 9 + ["unknown"])
        ],
        "policies": [{"id": "p", "title": "Disks are attached"}, {"id": "q", "title": "Tags are set"}],
        "blast_radius": [
            {"resource_name": "rg-hub-with-a-very-long-name-that-nobody-can-read-in-one-line-of-a-chart-at-all",
             "resources": 12, "monthly_cost": [DOLLARS]},
            {"resource_name": "kv", "resources": 40, "monthly_cost": []},
        ],
        "cost": {
            "currency": "USD",
            "effective_month": "2026-02",
            "total": "1000.00",
            "at_risk": f"{100 * critical}.00",
            "waste": "50.50",
            "by_policy": [
                {"policy_id": "p", "amount": "50.50", "resources": 2, "is_waste": True},
                {"policy_id": "q", "amount": "70.00", "resources": 3, "is_waste": False},
                {"policy_id": "r", "amount": "0.00", "resources": 1, "is_waste": False},
            ],
        },
        "notes": ["12 of 12 resources are synthetic"],
    }  # fmt: skip
    return {**document, **changes}


def bare_document(at: datetime = FIRST) -> Document:
    """A document of a scan that found nothing, without billing, controls or references."""
    cost: dict[str, Any] = {
        "currency": None,
        "effective_month": None,
        "total": None,
        "at_risk": None,
        "waste": None,
        "by_policy": [],
    }
    nothing = {"violations": [], "predictions": [], "controls": [], "blast_radius": [], "notes": [], "cost": cost}
    zero = {severity: {"violations": 0, "new": 0} for severity in ("critical", "high", "medium", "low")}
    return {**scan_document(at), **nothing, "severities": zero}


def _violation(number: int, severity: str) -> dict[str, Any]:
    scope = f"/subscriptions/{number % 12}/resourceGroups/rg" if number < 9 else "platform"
    return {
        "provider": "azure",
        "scope": scope,
        "severity": severity,
        "policy_id": "p" if severity == "critical" else "q",
        "title": "the disk is attached to nothing",
        "resource_name": f"disk-{number}",
        "monthly_cost": [DOLLARS] if severity == "critical" else [],
    }


def _prediction(at: datetime | None, severity: str) -> dict[str, Any]:
    stamp = None if at is None else format_instant(at)
    return {"source": "date", "date": stamp, "severity": severity, "interval": None}
