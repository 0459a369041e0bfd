"""Compliance by control: what the policies that serve a framework's requirement found.

A control is violated when a policy of it has a violation that is not exempt, met when its policies decided something
and found none, and unknown when they decided nothing. Met means that these policies found nothing, not that the
requirement is fulfilled: a requirement also has parts that no configuration shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from assessment.evaluation import Indexes
from assessment.result import ControlStatus, Pairs, PolicyResult
from domain.finding import Control


def control_statuses(results: Sequence[PolicyResult], violations: Pairs) -> tuple[ControlStatus, ...]:
    """A status for each control that a policy names, in order of framework and id."""
    policies_of: defaultdict[Control, list[int]] = defaultdict(list)
    for index, result in enumerate(results):
        for control in result.policy.controls:
            policies_of[control].append(index)
    touched = _by_policy(violations, len(results))
    ordered = sorted(policies_of.items(), key=lambda pair: (pair[0].framework, pair[0].id))
    return tuple(_status(control, indexes, results, touched) for control, indexes in ordered)


def _status(
    control: Control, indexes: Sequence[int], results: Sequence[PolicyResult], resources: Sequence[Indexes]
) -> ControlStatus:
    touched = np.concatenate([resources[index] for index in indexes])
    return ControlStatus(
        control=control,
        policies=len(indexes),
        violations=len(touched),
        resources=len(np.unique(touched)),
        decided=sum(results[index].resources - results[index].unknown for index in indexes),
    )


def _by_policy(violations: Pairs, policies: int) -> list[Indexes]:
    """The resources that violate each policy."""
    order = np.argsort(violations.policies, kind="stable")
    ends = np.searchsorted(violations.policies[order], np.arange(1, policies))
    return np.split(violations.resources[order], ends)
