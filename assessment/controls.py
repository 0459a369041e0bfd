"""Compliance by control: what the policies that serve a framework's requirement found.

A control is violated when a policy of it has a violation that is not exempt, met when its policies decided something
and found none, and unknown when they decided nothing. Met means that these policies found nothing, not that the
requirement is fulfilled: a requirement also has parts that no configuration shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from assessment.result import ControlStatus, Pairs, PolicyResult
from domain.finding import Control


def control_statuses(results: Sequence[PolicyResult], violations: Pairs) -> tuple[ControlStatus, ...]:
    """A status for each control that a policy names, in order of framework and id."""
    policies_of: defaultdict[Control, list[int]] = defaultdict(list)
    for index, result in enumerate(results):
        for control in result.policy.controls:
            policies_of[control].append(index)
    ordered = sorted(policies_of.items(), key=lambda pair: (pair[0].framework, pair[0].id))
    return tuple(_status(control, indexes, results, violations) for control, indexes in ordered)


def _status(
    control: Control, indexes: Sequence[int], results: Sequence[PolicyResult], violations: Pairs
) -> ControlStatus:
    failing = [index for index in indexes if results[index].violations]
    touched = violations.resources[np.isin(violations.policies, failing)] if failing else violations.resources[:0]
    return ControlStatus(
        control=control,
        policies=len(indexes),
        violations=len(touched),
        resources=len(np.unique(touched)),
        decided=sum(results[index].resources - results[index].unknown for index in indexes),
    )
