"""What each type of evidence must say: the table of bodies, checked before an entry is made.

Version 1. A field may be added to a type as an optional one; anything else is a new version of the type. Bodies hold
no floats (fractions are text), and of persons only what `chain.privacy` makes of the fields that are declared personal
there. The platform's own housekeeping entries (blocks, shards, keys) are made by the log and are not in this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

from domain.errors import InputError
from domain.evidence import EventType
from domain.finding import Severity
from domain.schema import (
    DIALECT,
    AnyObject,
    ByName,
    Choice,
    Count,
    Either,
    Fault,
    Flag,
    Items,
    Kind,
    Personal,
    Record,
    Text,
)
from domain.value import Json

SCHEMA_VERSION: Final = 1
FAULTS_MAX: Final = 10
SCHEMA_ID: Final = "urn:policycortex:evidence"

ID: Final = Text(120, pattern=r"[A-Za-z0-9][A-Za-z0-9._:-]*", form="letters, digits and . _ : - (at most 120)")
DIGEST: Final = Text(64, 64, r"[0-9a-f]{64}", "a SHA-256 in lower-case hexadecimal")
INSTANT: Final = Text(
    32, pattern=r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z", form="a UTC time, RFC 3339"
)
WORD: Final = Text(200)
SUBJECT: Final = Text(500)
SEVERITY: Final = Choice(tuple(Severity))
CONTROLS: Final = Items(Record({"framework": Text(100), "id": Text(100)}, {}), 200)
PERSON: Final = Personal()
PERSONS: Final = Items(PERSON, 100)
RESULT: Final = Choice(("satisfied", "not_satisfied", "unknown"))

_COLLECTED: Final[Mapping[str, Kind]] = {"id": ID, "subject": SUBJECT}
_FREE: Final[Mapping[str, Kind]] = {"controls": CONTROLS, "result": RESULT, "details": AnyObject()}
_SCAN: Final[Mapping[str, Kind]] = {"scan": WORD, "as_of": INSTANT, "input_sha256": DIGEST}

SCHEMAS: Final[Mapping[EventType, Kind]] = MappingProxyType(
    {
        EventType.POLICY_EVALUATION: Record(
            {**_COLLECTED, "policy": WORD, "verdict": Choice(("compliant", "violation", "exempt", "unknown"))},
            {
                **_FREE,
                "severity": SEVERITY,
                "definition_sha256": DIGEST,
                "resources": Count(),
                "violations": Count(),
                "evaluated_at": INSTANT,
                "reason": Text(),
            },
        ),
        EventType.ACCESS_REVIEW: Record(
            {**_COLLECTED, "system": WORD, "reviewed": Count(), "revoked": Count()},
            {
                **_FREE,
                "kept": Count(),
                "changed": Count(),
                "reviewer_role": WORD,
                "reviewer": PERSON,
                "reviewers": PERSONS,
                "subjects": Items(
                    Record(
                        {"principal": PERSON},
                        {
                            "display_name": PERSON,
                            "manager": PERSON,
                            "role": WORD,
                            "decision": Choice(("kept", "changed", "revoked")),
                        },
                    ),
                    200,
                ),
                "period_start": INSTANT,
                "period_end": INSTANT,
            },
        ),
        EventType.CHANGE_RECORD: Record(
            {
                **_COLLECTED,
                "change": WORD,
                "state": Choice(("planned", "approved", "rejected", "applied", "rolled_back")),
            },
            {
                **_FREE,
                "kind": Choice(("standard", "normal", "emergency")),
                "system": WORD,
                "commit": WORD,
                "approver_role": WORD,
                "approved_at": INSTANT,
                "applied_at": INSTANT,
                "tests_passed": Flag(),
            },
        ),
        EventType.SCAN_RESULT: Record(
            {**_COLLECTED, "tool": WORD, "failed": Count()},
            {
                **_FREE,
                "tool_version": WORD,
                "target": SUBJECT,
                "passed": Count(),
                "unknown": Count(),
                "skipped": Count(),
                "severities": ByName(Count()),
                "report_sha256": DIGEST,
                "finished_at": INSTANT,
                "requested_by": PERSON,
                "owners": PERSONS,
            },
        ),
        EventType.EVIDENCE_COLLECTED: Either(
            Record({**_COLLECTED, "body": AnyObject()}, {"controls": CONTROLS, "result": RESULT}),
            Record(
                {
                    **_SCAN,
                    "file": Text(length_min=0),
                    "place": Count(),
                    "format": Text(length_min=0),
                    "records": Count(),
                    "recognised": Count(),
                    "resources": Count(),
                    "current_resources": Count(),
                    "resources_sha256": DIGEST,
                    "gaps": Count(),
                    "gap_reasons": Items(Text(length_min=0), 20),
                },
                {"controls": CONTROLS},
            ),
        ),
        EventType.POLICY_EVALUATED: Record(
            {
                **_SCAN,
                "policy": Text(),
                "definition_sha256": DIGEST,
                "severity": SEVERITY,
                "state": WORD,
                "resources": Count(),
                "compliant": Count(),
                "violations": Count(),
                "exempt": Count(),
                "unknown": Count(),
            },
            {"controls": CONTROLS},
        ),
        EventType.PREDICTION_GENERATED: Record(
            {**_SCAN, "source": WORD, "count": Count(), "horizon_days": Count()}, {"controls": CONTROLS, "model": WORD}
        ),
        EventType.COMPLIANCE_CHECKED: Record(
            {
                **_SCAN,
                "resources": Count(),
                "assessed": Count(),
                "policies": ByName(Count()),
                "violations": ByName(Count()),
                "exempt": Count(),
                "exemptions": Items(Text(), 500),
                "unknown": Count(),
                "gaps": Count(),
                "controls_violated": Count(),
                "controls": Count(),
                "at_risk": ByName(Text(100)),
                "synthetic": Flag(),
            },
            {},
        ),
        EventType.DRIFT_DETECTED: Record(
            {"as_of": INSTANT, "resource_sha256": DIGEST, "attributes": Items(Text(), 200), "baseline_sha256": DIGEST},
            {"current_sha256": DIGEST, "severity": SEVERITY, "source": WORD, "controls": CONTROLS},
        ),
        EventType.REMEDIATION_APPLIED: Record(
            {
                "as_of": INSTANT,
                "plan_sha256": DIGEST,
                "state": Choice(("approved", "applied", "failed", "rolled_back")),
                "policy": Text(),
                "resources": Count(),
            },
            {
                "approver_role": WORD,
                "approver": PERSON,
                "applied_by": PERSON,
                "commit": WORD,
                "resources_sha256": DIGEST,
                "reason": Text(),
                "controls": CONTROLS,
            },
        ),
    }
)
"""Body of an entry by its type."""

_CHECKS: Final = {kind: schema.compile() for kind, schema in SCHEMAS.items()}


def require_body(event_type: EventType, body: Json, *, where: str = "body") -> None:
    """Refuse a body that is not as its type must be.

    Raises:
        InputError: with every place that is wrong, what was expected there and what it is.
    """
    check = _CHECKS.get(event_type)
    if check is None:
        raise InputError("this type of entry has no schema", type=event_type.value, expected=sorted(SCHEMAS))
    if not check(body):
        raise _refusal(event_type, body, where)


def json_schema(event_type: EventType) -> dict[str, Json]:
    """The JSON Schema of a type's body."""
    return {
        "$schema": DIALECT,
        "$id": f"{SCHEMA_ID}:{event_type.value}:{SCHEMA_VERSION}",
        "title": event_type.value,
        **SCHEMAS[event_type].as_json(),
    }


def _refusal(event_type: EventType, body: Json, where: str) -> InputError:
    found: list[Fault] = list(islice(SCHEMAS[event_type].faults(body, where), FAULTS_MAX))
    return InputError(
        "the body is not as its type must be",
        type=event_type.value,
        path=found[0].path,
        expected=found[0].expected,
        got=found[0].got,
        faults=[{"path": fault.path, "expected": fault.expected, "got": fault.got} for fault in found],
        todo=f"Compare the body with GET /api/v2/evidence/schemas/{event_type.value}",
    )
