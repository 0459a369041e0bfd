"""Findings as OCSF events of class Compliance Finding (2003), version 1.5.0.

An open finding is *New* (nobody has said anything about it here), an exempt one *Suppressed* with the exemption in
the status detail. `control` is our policy, `requirements` the frameworks' controls. What OCSF has no attribute for
stands in `unmapped`, money and evidence among it.

Source: https://schema.ocsf.io/1.5.0/classes/compliance_finding
"""

from __future__ import annotations

from typing import Final

from assessment.findings_rows import FindingRow
from domain.clock import parse_instant
from domain.value import Json

OCSF_VERSION: Final = "1.5.0"
CLASS_UID: Final = 2003
CATEGORY_UID: Final = 2
CREATE, UPDATE = 1, 2
NEW, SUPPRESSED = 1, 3
FAIL: Final = 3
OWN_STANDARD: Final = "Own policies"
_SEVERITIES: Final = {"critical": (5, "Critical"), "high": (4, "High"), "medium": (3, "Medium"), "low": (2, "Low")}
_ACTIVITIES: Final = {CREATE: "Create", UPDATE: "Update"}


def ocsf_event(row: FindingRow, *, tenant: str, product_version: str) -> dict[str, Json]:
    """One finding as an event. Times are milliseconds since 1970, as OCSF's `timestamp_t`."""
    seen, first = _milliseconds(row.seen_at), _milliseconds(row.first_found)
    activity = CREATE if row.is_new else UPDATE
    severity_id, severity = _SEVERITIES[row.severity]
    is_exempt = row.status == "exempt"
    return {
        "class_uid": CLASS_UID,
        "class_name": "Compliance Finding",
        "category_uid": CATEGORY_UID,
        "category_name": "Findings",
        "activity_id": activity,
        "activity_name": _ACTIVITIES[activity],
        "type_uid": CLASS_UID * 100 + activity,
        "type_name": f"Compliance Finding: {_ACTIVITIES[activity]}",
        "time": seen,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": SUPPRESSED if is_exempt else NEW,
        "status": "Suppressed" if is_exempt else "New",
        **({"status_detail": f"Exemption {row.exemption_id}: {row.exemption_reason}"} if is_exempt else {}),
        "message": f"{row.resource_name}: {row.title}",
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "PolicyCortex", "vendor_name": "PolicyCortex", "version": product_version},
            "tenant_uid": tenant,
            "uid": f"{row.finding_id}-{seen}",
        },
        "finding_info": {
            "uid": row.finding_id,
            "title": row.title,
            "created_time": first,
            "first_seen_time": first,
            "last_seen_time": seen,
            "types": ["Policy violation"],
        },
        "compliance": {
            "control": row.policy_id,
            "requirements": list[Json](f"{each.framework} {each.id}" for each in row.controls),
            "standards": list[Json](dict.fromkeys(each.framework for each in row.controls)) or [OWN_STANDARD],
            "status_id": FAIL,
        },
        "resources": [
            {
                "uid": row.resource_id,
                "name": row.resource_name,
                "type": row.resource_type,
                "namespace": row.scope,
                **({"region": row.region} if row.region else {}),
            }
        ],
        **({"remediation": {"desc": row.remediation}} if row.remediation else {}),
        "unmapped": {
            "provider": row.provider,
            "evidence": row.evidence,
            "exemption_expires_at": row.exemption_expires_at,
            "monthly_cost": [{"currency": currency, "amount": amount} for currency, amount in row.monthly_cost],
            "origin": {"file": row.file, "line": row.line},
        },
    }


def _milliseconds(instant: str) -> int:
    return int(parse_instant(instant).timestamp() * 1000)
