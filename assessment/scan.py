"""The scan: what violates now, what will, what goes down with it and what it costs, from one set of inputs.

Pure: the only time is `as_of`, and everything that comes out is in a stated order. Unknown is never counted as
compliant, and what is exempt is kept with its exemption.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from assessment.applying import applied
from assessment.controls import control_statuses
from assessment.digest import input_digest
from assessment.evaluation import Group, Indexes, Outcome, groups, kept_by, nothing, outcome
from assessment.exempting import covering
from assessment.inputs import AssessedPolicy, AssessmentInputs, PolicyState
from assessment.notes import notes
from assessment.predict import predictions
from assessment.reach import deletion, largest
from assessment.result import Assessment, Pairs, PolicyResult, severity_ranks
from cost.allocation import ResourceCosts, cost_by_resource
from cost.matching import Billable
from cost.policy_cost import CostAtRisk, cost_at_risk, is_waste
from domain.finding import Verdict
from domain.resource import resource_key

__all__ = ["Assessment", "assess"]


def assess(inputs: AssessmentInputs) -> Assessment:
    """Judge every resource by every policy, and say what follows."""
    kept = kept_by(inputs.items, scope=inputs.scope, kind=inputs.type)
    by_type = groups(inputs.snapshot, kept)
    judged = [_judge(policy, by_type, inputs) for policy in _in_order(inputs.policies)]
    outcomes = tuple(found for _, found in judged)
    failing = _worst_first(_pairs(judged, Verdict.VIOLATION), [result for result, _ in judged])
    covered = covering(failing, [result.policy for result, _ in judged], inputs, at=inputs.as_of)
    results = _with_exempt([result for result, _ in judged], failing.where(covered.mask))
    violations = failing.where(~covered.mask)
    is_new, first_found = _ages(violations, results, inputs)
    costs = cost_by_resource(inputs.billing, _billable(inputs), as_of=inputs.as_of)
    radius = deletion(inputs.snapshot, costs)
    return Assessment(
        inputs=inputs,
        kept=kept,
        results=results,
        outcomes=outcomes,
        violations=violations,
        is_new=is_new,
        first_found=first_found,
        exempt=failing.where(covered.mask),
        exemptions=covered.exemptions,
        unknown=_pairs(judged, Verdict.UNKNOWN),
        predictions=predictions(
            inputs, [result.policy for result in results], by_type, kept=kept, failing=failing, covered=covered
        ),
        reached=radius.failed,
        blast_radii=largest(radius, inputs, kept),
        costs=costs,
        risk=price(costs, violations, results),
        controls=control_statuses(results, violations),
        input_digest=input_digest(inputs, costs),
        notes=notes(inputs, costs),
    )


def price(costs: ResourceCosts, violations: Pairs, results: Sequence[PolicyResult]) -> tuple[CostAtRisk, ...]:
    """Cost at risk in each currency."""
    wasteful = {index for index, result in enumerate(results) if is_waste(result.policy.cost_tag)}
    return tuple(
        cost_at_risk(part, violations.policies, violations.resources, wasteful=wasteful) for part in costs.currencies
    )


def _in_order(policies: Iterable[AssessedPolicy]) -> list[AssessedPolicy]:
    return sorted(policies, key=lambda policy: policy.policy_id)


def _judge(
    policy: AssessedPolicy, by_type: Mapping[str, Group], inputs: AssessmentInputs
) -> tuple[PolicyResult, Outcome]:
    if policy.program is None:
        return PolicyResult(policy, policy.state, policy.reason), nothing()
    if not policy.program.is_enabled:
        return PolicyResult(policy, PolicyState.NOT_APPLICABLE, "its effect is disabled"), nothing()
    found = applied(outcome(policy.program, by_type, inputs.lookups, now=inputs.as_of, kept=inputs.kept), policy)
    counts = np.bincount(found.verdicts, minlength=len(Verdict))
    unknown = int(counts[Verdict.UNKNOWN])
    state, reason = _state(len(found), unknown)
    violations = int(counts[Verdict.VIOLATION])
    return PolicyResult(policy, state, reason, len(found), violations, unknown=unknown), found


def _state(resources: int, unknown: int) -> tuple[PolicyState, str | None]:
    if not resources:
        return PolicyState.NOT_APPLICABLE, "no resource of its types was read"
    if unknown == resources:
        return PolicyState.UNKNOWN, "what it needs was not read of any resource"
    if unknown:
        return PolicyState.RAN, f"what it needs was not read of {unknown} of {resources} resources"
    return PolicyState.RAN, None


def _pairs(judged: Sequence[tuple[PolicyResult, Outcome]], verdict: Verdict) -> Pairs:
    """Pairs with a verdict, in order of policy and resource."""
    some = [
        (index, outcome.with_verdict(verdict))
        for index, (result, outcome) in enumerate(judged)
        if (result.violations if verdict is Verdict.VIOLATION else result.unknown)
    ]
    if not some:
        return Pairs(nothing().rows, nothing().rows)
    policies = np.repeat(np.array([index for index, _ in some], np.int64), [len(rows) for _, rows in some])
    return Pairs(policies, np.concatenate([rows for _, rows in some]))


def _worst_first(pairs: Pairs, results: Sequence[PolicyResult]) -> Pairs:
    ranks = severity_ranks(results)[pairs.policies]
    return pairs.where(np.lexsort((pairs.policies, pairs.resources, ranks)))


def _with_exempt(results: Sequence[PolicyResult], exempt: Pairs) -> tuple[PolicyResult, ...]:
    counts = np.bincount(exempt.policies, minlength=len(results)).tolist()
    return tuple(
        replace(result, violations=result.violations - count, exempt=count) if count else result
        for result, count in zip(results, counts, strict=True)
    )


def _ages(
    violations: Pairs, results: Sequence[PolicyResult], inputs: AssessmentInputs
) -> tuple[NDArray[np.bool_], tuple[datetime, ...]]:
    """For each violation, whether the former scan lacked it, and since when it stands."""
    if inputs.former is None:
        return np.ones(len(violations), dtype=bool), (inputs.as_of,) * len(violations)
    known = inputs.former.first_found
    keys: dict[int, str] = {index: resource_key(inputs.items[index].uid) for index in _distinct(violations.resources)}
    ids = [result.policy.policy_id for result in results]
    pairs = zip(violations.policies.tolist(), violations.resources.tolist(), strict=True)
    found = [known.get((keys[resource], ids[policy])) for policy, resource in pairs]
    is_new = np.array([at is None for at in found], dtype=bool)
    return is_new, tuple(inputs.as_of if at is None else at for at in found)


def _distinct(indexes: Indexes) -> list[int]:
    distinct: list[int] = np.unique(indexes).tolist()
    return distinct


def _billable(inputs: AssessmentInputs) -> Billable:
    items = inputs.items
    return Billable([item.uid for item in items], [item.name for item in items], [item.scope for item in items])
