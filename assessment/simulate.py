"""What one decision about policies would change, on the resources as they are now.

A scenario assigns a policy, removes one, or exempts resources from one, everywhere or below a scope. Its policy is
judged over the snapshot, and only what the decision changes is compared: which violations open, which close, and what
they cost a month. Everything else stays as the scan found it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assessment.applying import applied
from assessment.evaluation import Indexes, groups, kept_by, nothing, outcome
from assessment.inputs import AssessedPolicy
from cost.allocation import ResourceCosts
from cost.charges import exact_sum
from domain.errors import InputError
from domain.finding import PolicyId, Verdict
from domain.money import Money
from domain.resource import ConfigurationItem, ResourceId
from graph.snapshot import Snapshot
from policy.evaluate import Lookups


class Decision(StrEnum):
    """What a scenario decides about its policy."""

    ASSIGN = "assign_policy"
    REMOVE = "remove_policy"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class PolicyScenario:
    """One decision. `scope` is where it applies; None is everywhere."""

    decision: Decision
    policy: AssessedPolicy
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Estate:
    """What a scenario is applied to.

    Args:
        items: the resources of `snapshot`, in its order.
        assigned: ids of the policies that are in force now.
    """

    snapshot: Snapshot
    items: Sequence[ConfigurationItem]
    assigned: frozenset[PolicyId]
    costs: ResourceCosts | None = None


@dataclass(frozen=True, slots=True)
class SimulationOutcome:
    """What would change; resources in order.

    Args:
        evaluated: resources that the policy judges in the scope.
        opened, closed: resources that would newly violate, and that would no longer.
        unknown: resources for which the policy cannot be decided.
        at_risk: change of the monthly cost under this policy, by currency; negative where violations close.
    """

    decision: Decision
    policy_id: PolicyId
    evaluated: int
    opened: tuple[ResourceId, ...]
    closed: tuple[ResourceId, ...]
    unknown: tuple[ResourceId, ...]
    at_risk: tuple[Money, ...]


def simulate(estate: Estate, scenario: PolicyScenario, *, now: datetime) -> SimulationOutcome:
    """Apply a scenario.

    Raises:
        InputError: the scenario's policy cannot run, with the reason.
    """
    program = scenario.policy.program
    if program is None:
        raise InputError(
            "the scenario's policy cannot run",
            policy=scenario.policy.policy_id,
            got=scenario.policy.reason,
            todo="Give the missing parameters or choose another policy",
        )
    by_type = groups(estate.snapshot, kept_by(estate.items, scope=scenario.scope, kind=None))
    found = applied(outcome(program, by_type, Lookups(), now=now), scenario.policy)
    failing = found.with_verdict(Verdict.VIOLATION)
    is_assigned = scenario.policy.policy_id in estate.assigned
    assigning = scenario.decision is Decision.ASSIGN
    opened = failing if assigning and not is_assigned else nothing().rows
    closed = failing if not assigning and is_assigned else nothing().rows
    return SimulationOutcome(
        decision=scenario.decision,
        policy_id=scenario.policy.policy_id,
        evaluated=len(found),
        opened=_ids(estate, opened),
        closed=_ids(estate, closed),
        unknown=_ids(estate, found.with_verdict(Verdict.UNKNOWN)),
        at_risk=_delta(estate.costs, opened, closed),
    )


def _ids(estate: Estate, rows: Indexes) -> tuple[ResourceId, ...]:
    return tuple(estate.items[row].uid for row in rows.tolist())


def _delta(costs: ResourceCosts | None, opened: Indexes, closed: Indexes) -> tuple[Money, ...]:
    if costs is None:
        return ()
    changes = (
        (exact_sum(part.amounts.gather(opened)) - exact_sum(part.amounts.gather(closed)), part.currency)
        for part in costs.currencies
    )
    return tuple(Money(change, currency) for change, currency in changes)
