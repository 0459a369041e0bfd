"""The scan document: an assessment written out as `assessment.schema` defines it.

Lists are in the order of the assessment, mappings in order of key, money in text. Nothing here depends on when or
where it is written; `evidence` is what the log said, passed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import orjson

from assessment.money import cost_entry, cost_of_all, money_entries
from assessment.result import Assessment, ControlStatus, PolicyResult, Reach
from assessment.schema import (
    BlastRadiusEntry,
    ControlEntry,
    ControlRef,
    ControlState,
    EvidenceEntry,
    ExemptEntry,
    FileEntry,
    LocatedGap,
    MoneyEntry,
    OriginEntry,
    PolicyEntry,
    PredictionEntry,
    ResourceCounts,
    ResourceFields,
    ScanDocument,
    SeverityCount,
    SeverityName,
    UnknownSummary,
    ViolationEntry,
)
from domain.clock import format_instant
from domain.finding import Control
from domain.inventory import FileReport
from domain.resource import ConfigurationItem

_PRETTY: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def scan_document(assessment: Assessment, evidence: EvidenceEntry | None) -> ScanDocument:
    """Write an assessment out.

    Args:
        evidence: the head of the log after this scan's events; None where none was kept.
    """
    inputs = assessment.inputs
    described = _Described(assessment)
    return {
        "version": "1",
        "tenant": inputs.tenant,
        "as_of": format_instant(inputs.as_of),
        "input_digest": assessment.input_digest,
        "synthetic": any(item.synthetic for item in inputs.items),
        "filters": {"scope": inputs.scope, "type": inputs.type},
        "notes": list(assessment.notes),
        "files": [_file(report) for report in inputs.files],
        "gaps": [gap for report in inputs.files for gap in _gaps(report)],
        "resources": _resources(assessment),
        "policies": [_policy(result) for result in assessment.results],
        "severities": _severities(assessment),
        "new_since": None if inputs.former is None else format_instant(inputs.former.at),
        "violations": list(_violations(assessment, described)),
        "exempt": list(_exempt(assessment, described)),
        "unknown": _unknown(assessment),
        "predictions": list(_predictions(assessment)),
        "blast_radius": [_reach(assessment, reach) for reach in assessment.blast_radii],
        "controls": [_control(status) for status in assessment.controls],
        "cost": cost_entry(assessment),
        "evidence": evidence,
    }


def document_bytes(document: ScanDocument) -> bytes:
    """The document as a file: indented JSON in the order of the schema."""
    return orjson.dumps(document, option=_PRETTY)


def _file(report: FileReport) -> FileEntry:
    return {
        "path": report.path,
        "format": report.format,
        "records": report.records,
        "recognised": report.recognised,
        "resources": report.resources,
        "classes": {kind.value: count for kind, count in sorted(report.classes)},
        "gaps": [{"line": gap.origin.line, "reason": gap.reason, "todo": gap.todo} for gap in report.gaps],
    }


def _gaps(report: FileReport) -> Iterator[LocatedGap]:
    return (
        {"path": gap.origin.file, "line": gap.origin.line, "reason": gap.reason, "todo": gap.todo}
        for gap in report.gaps
    )


def _resources(assessment: Assessment) -> ResourceCounts:
    items = assessment.inputs.items
    return {
        "total": len(items),
        "assessed": int(assessment.kept.sum()),
        "repeated": assessment.inputs.repeated,
        "by_provider": _counted(item.provider.value for item in items),
        "by_type": _counted(item.type for item in items),
        "by_scope": _counted(item.scope for item in items),
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _policy(result: PolicyResult) -> PolicyEntry:
    policy = result.policy
    entry: PolicyEntry = {
        "id": policy.policy_id,
        "title": policy.title,
        "source": policy.source,
        "severity": policy.severity.value,
        "state": result.state.value,
        "reason": result.reason,
        "resources": result.resources,
        "violations": result.violations,
        "exempt": result.exempt,
        "unknown": result.unknown,
        "controls": _controls(policy.controls),
        "cost_tag": policy.cost_tag,
        "digest": policy.digest,
    }
    if policy.assigned is not None:
        entry["assignment"] = policy.assigned.assignment.assignment_id
        entry["enforcement"] = policy.assigned.assignment.enforcement.value
    return entry


def _controls(controls: Sequence[Control]) -> list[ControlRef]:
    return [{"framework": control.framework, "id": control.id} for control in controls]


def _severities(assessment: Assessment) -> dict[SeverityName, SeverityCount]:
    new = assessment.count_by_severity(new_only=True)
    return {
        severity.value: {"violations": count, "new": new[severity]}
        for severity, count in assessment.count_by_severity().items()
    }


class _Described:
    """Resources as entries show them, each written once."""

    def __init__(self, assessment: Assessment) -> None:
        self._items = assessment.inputs.items
        self._costs = assessment.costs
        self._resources: dict[int, ResourceFields] = {}
        self._money: dict[int, list[MoneyEntry]] = {}

    def resource(self, index: int) -> ResourceFields:
        found = self._resources.get(index)
        if found is None:
            found = self._resources[index] = _resource(self._items[index])
        return found

    def cost(self, index: int) -> list[MoneyEntry]:
        found = self._money.get(index)
        if found is None:
            found = self._money[index] = money_entries(self._costs.of(index))
        return found

    def origin(self, index: int) -> OriginEntry:
        origin = self._items[index].origin
        return {"file": origin.file, "line": origin.line}


def _resource(item: ConfigurationItem) -> ResourceFields:
    return {
        "resource_id": item.uid,
        "resource_name": item.name,
        "resource_type": item.type,
        "provider": item.provider.value,
        "scope": item.scope,
        "region": item.region,
    }


def _violations(assessment: Assessment, described: _Described) -> Iterator[ViolationEntry]:
    pairs = assessment.violations
    policies, resources = pairs.policies.tolist(), pairs.resources.tolist()
    for policy, index, is_new, found in zip(
        policies, resources, assessment.is_new.tolist(), assessment.first_found, strict=True
    ):
        failed = assessment.results[policy].policy
        yield {
            **described.resource(index),
            "policy_id": failed.policy_id,
            "severity": failed.severity.value,
            "title": failed.finding,
            "remediation": failed.remediation,
            "controls": _controls(failed.controls),
            "monthly_cost": described.cost(index),
            "origin": described.origin(index),
            "is_new": is_new,
            "first_found": format_instant(found),
        }


def _exempt(assessment: Assessment, described: _Described) -> Iterator[ExemptEntry]:
    pairs = zip(assessment.exempt.policies.tolist(), assessment.exempt.resources.tolist(), strict=True)
    for (policy, index), exemption in zip(pairs, assessment.exemptions, strict=True):
        failed = assessment.results[policy].policy
        yield {
            **described.resource(index),
            "policy_id": failed.policy_id,
            "severity": failed.severity.value,
            "title": failed.finding,
            "monthly_cost": described.cost(index),
            "origin": described.origin(index),
            "exemption_id": exemption.exemption_id,
            "exemption_reason": exemption.reason,
            "exemption_owner": exemption.owner,
            "exemption_expires_at": None if exemption.expires_at is None else format_instant(exemption.expires_at),
        }


def _unknown(assessment: Assessment) -> UnknownSummary:
    return {
        "evaluations": len(assessment.unknown),
        "resources": len(np.unique(assessment.unknown.resources)),
        "by_policy": [
            {"policy_id": result.policy.policy_id, "resources": result.unknown}
            for result in assessment.results
            if result.unknown
        ],
    }


def _predictions(assessment: Assessment) -> Iterator[PredictionEntry]:
    policies = {result.policy.policy_id: result.policy for result in assessment.results}
    for found in assessment.predictions:
        policy = None if found.policy_id is None else policies[found.policy_id]
        index = assessment.inputs.snapshot.index_of(found.resource_id)
        item = assessment.inputs.items[index]
        yield {
            "resource_id": found.resource_id,
            "resource_name": item.name,
            "resource_type": item.type,
            "policy_id": found.policy_id,
            "title": "likely to change" if policy is None else policy.finding,
            "severity": None if policy is None else policy.severity.value,
            "source": found.source.value,
            "date": None if found.date is None else format_instant(found.date),
            "probability": found.probability,
            "interval": None if found.interval is None else {"low": found.interval.low, "high": found.interval.high},
            "score": found.score,
            "reasons": list(found.reasons),
            "resources_behind": int(assessment.reached[index]),
        }


def _reach(assessment: Assessment, reach: Reach) -> BlastRadiusEntry:
    item = assessment.inputs.items[reach.resource]
    return {
        "resource_id": item.uid,
        "resource_name": item.name,
        "resource_type": item.type,
        "scope": item.scope,
        "failure": reach.failure,
        "resources": len(reach.failed),
        "degraded": reach.degraded,
        "monthly_cost": money_entries(cost_of_all(assessment.costs, reach.failed)),
        "reasons": list(reach.reasons),
    }


def _control(status: ControlStatus) -> ControlEntry:
    met: ControlState = "met" if status.decided else "unknown"
    return {
        "framework": status.control.framework,
        "id": status.control.id,
        "state": "violated" if status.violations else met,
        "policies": status.policies,
        "violations": status.violations,
        "resources": status.resources,
    }
