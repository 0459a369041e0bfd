"""What a drift means: its severity by the policies that read the attribute, and the row that listeners are told.

A changed attribute is as bad as the worst policy that is assessed on the type and reads the attribute, or something
above or below it. What no policy reads is low. Where a resource is gone, nothing is left to judge, so what is missing
counts by what no policy can tell: medium.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from assessment.inputs import AssessedPolicy
from domain.clock import format_instant
from domain.drift import AttributeDrift, Baseline, Drift, DriftKind
from domain.finding import PolicyId, Severity
from domain.resource import Provider
from domain.value import Json
from graph.drift.ledger import DriftEvent
from graph.drift.rules import fold
from graph.path import EACH, parse_path

WITHOUT_POLICY: Final = {
    DriftKind.CHANGED: Severity.LOW,
    DriftKind.UNMANAGED: Severity.LOW,
    DriftKind.MISSING: Severity.MEDIUM,
    DriftKind.MOVED: Severity.LOW,
}
"""Severity of a drift that no policy has a say in."""


@dataclass(slots=True)
class DriftSeverity:
    """Severities of drifted attributes, by the policies in force.

    Args:
        policies: those that can run count.
    """

    policies: Sequence[AssessedPolicy]
    _by_type: dict[tuple[str, Provider], list[tuple[AssessedPolicy, tuple[tuple[str, ...], ...]]]] = field(
        default_factory=dict
    )

    def judged(self, drift: Drift, provider: Provider) -> Drift:
        """The drift with its severity and the policies that give it."""
        if drift.kind is not DriftKind.CHANGED:
            return replace(drift, severity=WITHOUT_POLICY[drift.kind])
        reading = self._reading(drift.type, provider)
        found = {
            policy.policy_id: policy
            for policy, paths in reading
            if any(_touches(attribute, paths) for attribute in drift.attributes)
        }
        ranked = sorted(found.values(), key=lambda policy: (policy.severity.rank, policy.policy_id))
        severity = ranked[0].severity if ranked else WITHOUT_POLICY[drift.kind]
        ids: tuple[PolicyId, ...] = tuple(policy.policy_id for policy in ranked)
        return replace(drift, severity=severity, policies=ids)

    def _reading(self, type_: str, provider: Provider) -> list[tuple[AssessedPolicy, tuple[tuple[str, ...], ...]]]:
        """The policies that are assessed on a type, with what they read of it."""
        key = (type_.lower(), provider)
        if key not in self._by_type:
            self._by_type[key] = [
                (policy, tuple(filter(None, (_segments(path, key[0]) for path in policy.program.paths))))
                for policy in self.policies
                if policy.program is not None
                and policy.program.is_enabled
                and policy.program.applies_to(key[0], provider)
            ]
        return self._by_type[key]


def _segments(path: str, kind: str) -> tuple[str, ...]:
    """A policy's path as folded names, array elements left out; empty where the type has no such path."""
    here = parse_path(path).on(kind)
    if here is None:
        return ()
    return tuple(
        "tags" if segment == "@tags" else fold(segment)
        for segment in here.segments
        if segment != EACH and not segment.startswith("[") and (segment == "@tags" or not segment.startswith("@"))
    )


def _touches(attribute: AttributeDrift, paths: Iterable[tuple[str, ...]]) -> bool:
    """Whether a policy reads the attribute, a part of it, or something that it is a part of."""
    drifted = tuple(fold(segment.partition("[")[0]) for segment in attribute.path.split("."))
    return any(path[: len(drifted)] == drifted[: len(path)] for path in paths)


def provider_of(drift: Drift) -> Provider:
    """Who manages a drifted resource, by its type's form."""
    if drift.type.startswith("AWS::"):
        return Provider.AWS
    if ".googleapis.com/" in drift.type:
        return Provider.GCP
    return Provider.AZURE if "." in drift.type.partition("/")[0] else Provider.KUBERNETES


def drift_row(drift: Drift) -> dict[str, Json]:
    """A drift as JSON, for every interface."""
    return {
        "drift_id": drift.drift_id,
        "kind": drift.kind.value,
        "resource_id": drift.uid,
        "resource_type": drift.type,
        "name": drift.name,
        "scope": drift.scope,
        "region": drift.region,
        "severity": drift.severity.value,
        "policies": list(drift.policies),
        "baseline": drift.baseline or None,
        "address": drift.address or None,
        "attributes": [each.as_json() for each in drift.attributes],
        "moved_to": drift.moved_to or None,
        "uncompared": drift.uncompared,
        "detected_at": None if drift.detected_at is None else format_instant(drift.detected_at),
        "changed_at": None if drift.changed_at is None else format_instant(drift.changed_at),
        "changed_by": None
        if drift.by is None
        else {
            "principal": drift.by.principal,
            "at": format_instant(drift.by.at),
            "operation": drift.by.operation,
            "event_id": drift.by.event_id or None,
        },
        "synthetic": drift.synthetic,
    }


def event_row(event: DriftEvent, baseline: Baseline | None) -> dict[str, Json]:
    """What a listener is told: what happened to the drift, against which baseline, and the drift."""
    return {
        "event": event.trigger.value,
        "at": format_instant(event.at),
        "baseline_sha256": None if baseline is None else baseline.digest,
        "drift": drift_row(event.drift),
    }
