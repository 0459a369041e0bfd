"""One resource over time: what changed, what it violates now, and what is expected of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from assessment.inputs import AssessedPolicy
from assessment.result import Assessment
from domain.finding import PolicyId, Severity
from domain.prediction import Prediction
from domain.resource import ResourceId
from graph.stores.contract import ChangeKind, Version


class Moment(StrEnum):
    """Kinds of points on a timeline."""

    CHANGE = "change"
    VIOLATION = "violation"
    EXEMPT = "exempt"
    PREDICTION = "prediction"


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """Something about a resource. `at` is None for what is expected within seven days without a date."""

    at: datetime | None
    moment: Moment
    text: str
    policy_id: PolicyId | None = None
    severity: Severity | None = None
    prediction: Prediction | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A resource's points: those with a time oldest first, then those without. `now` divides past and future."""

    resource_id: ResourceId
    now: datetime
    points: tuple[TimelinePoint, ...]


_WORDS = {
    ChangeKind.NEW: "first seen",
    ChangeKind.CHANGED: "changed",
    ChangeKind.RETIRED: "no longer there",
}


def timeline(assessment: Assessment, resource_id: str, history: Sequence[Version]) -> Timeline:
    """Put together what is known of a resource.

    Args:
        history: its versions, oldest first; versions after the time of the assessment are left out.

    Raises:
        NotFound: the resource is not in the assessment.
    """
    index = assessment.inputs.snapshot.index_of(resource_id)
    now = assessment.inputs.as_of
    points = [*_changes(history, now), *_violations(assessment, index), *_expected(assessment, index)]
    points.sort(key=lambda point: (point.at is None, point.at or now, point.moment, point.policy_id or "", point.text))
    return Timeline(assessment.inputs.items[index].uid, now, tuple(points))


def _changes(history: Iterable[Version], now: datetime) -> Iterator[TimelinePoint]:
    return (TimelinePoint(version.at, Moment.CHANGE, _WORDS[version.kind]) for version in history if version.at <= now)


def _violations(assessment: Assessment, index: int) -> Iterator[TimelinePoint]:
    for position in np.flatnonzero(assessment.violations.resources == index).tolist():
        policy = assessment.results[int(assessment.violations.policies[position])].policy
        found = assessment.first_found[position]
        yield TimelinePoint(found, Moment.VIOLATION, policy.finding, policy.policy_id, policy.severity)
    for position in np.flatnonzero(assessment.exempt.resources == index).tolist():
        policy = assessment.results[int(assessment.exempt.policies[position])].policy
        text = f"{policy.finding}: exempt by {assessment.exemptions[position].exemption_id}"
        yield TimelinePoint(assessment.inputs.as_of, Moment.EXEMPT, text, policy.policy_id, policy.severity)


def _expected(assessment: Assessment, index: int) -> Iterator[TimelinePoint]:
    uid = assessment.inputs.items[index].uid
    for found in assessment.predictions:
        if found.resource_id == uid:
            policy = None if found.policy_id is None else _policy(assessment, found.policy_id)
            yield TimelinePoint(
                at=found.date,
                moment=Moment.PREDICTION,
                text="likely to change" if policy is None else policy.finding,
                policy_id=found.policy_id,
                severity=None if policy is None else policy.severity,
                prediction=found,
            )


def _policy(assessment: Assessment, policy_id: PolicyId) -> AssessedPolicy:
    """A policy by its id, in whose order results are."""
    at = bisect_left(assessment.results, policy_id, key=lambda result: result.policy.policy_id)
    return assessment.results[at].policy
