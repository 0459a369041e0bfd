"""A small scan document with policies of three SOC 2 criteria: one satisfied, one not, one exempt in part."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from assessment.compliance import ControlResult, compliance
from assessment.compliance_inputs import by_framework, controls_by_policy, policy_evidence, scan_mappings
from assessment.findings_rows import FindingRow, finding_rows
from policy.controls.catalogue import framework

AS_OF: Final = "2026-11-24T12:00:00Z"
NOW: Final = datetime(2026, 11, 24, 13, tzinfo=UTC)
SOC2: Final = framework("SOC2")


def _policy(name: str, control: str, **counts: int) -> dict[str, Any]:
    found = {"resources": 4, "violations": 0, "exempt": 0, "unknown": 0, **counts}
    return {
        "id": name,
        "title": f"Title of {name}",
        "severity": "high",
        "state": "ran",
        "reason": None,
        **found,
        "controls": [{"framework": "SOC2", "id": control}],
    }


def _finding(policy: str, name: str) -> dict[str, Any]:
    return {
        "resource_id": f"/subscriptions/s/{name}",
        "resource_name": name,
        "resource_type": "Microsoft.Storage/storageAccounts",
        "provider": "azure",
        "scope": "/subscriptions/s",
        "region": "westeurope",
        "policy_id": policy,
        "severity": "high",
        "title": "public access is on",
        "monthly_cost": [{"currency": "EUR", "amount": "12.50"}],
        "origin": {"file": "export.json", "line": 7},
    }


DOCUMENT: Final[dict[str, Any]] = {
    "tenant": "acme",
    "as_of": AS_OF,
    "input_digest": "d" * 64,
    "filters": {"scope": None, "type": None},
    "evidence": {"origin": "example/acme/2026", "size": 12},
    "policies": [
        _policy("closed", "CC6.6"),
        _policy("public", "CC6.1", violations=1),
        _policy("waived", "CC7.2", exempt=1),
    ],
    "violations": [
        {
            **_finding("public", "=shop"),
            "remediation": "close it",
            "is_new": True,
            "first_found": AS_OF,
            "controls": [],
        }
    ],
    "exempt": [
        {
            **_finding("waived", "logs"),
            "region": None,
            "exemption_id": "ex-1",
            "exemption_reason": "until the migration",
            "exemption_owner": "platform",
            "exemption_expires_at": None,
        }
    ],
}
ENTRIES: Final = {name: (f"2026-{at}", AS_OF) for at, name in enumerate(("closed", "public", "waived"), start=4)}


def results() -> tuple[ControlResult, ...]:
    mapped = by_framework(scan_mappings(DOCUMENT))
    return compliance(SOC2, mapped["SOC2"], policy_evidence(DOCUMENT, ENTRIES), now=NOW)


def rows(framework_id: str | None = None) -> list[FindingRow]:
    controls = controls_by_policy(scan_mappings(DOCUMENT))
    return list(finding_rows(DOCUMENT, ENTRIES, controls, framework=framework_id))
