"""A scenario's policy beside those that are in force."""

from __future__ import annotations

from collections.abc import Sequence

from actors.messages import ScenarioKind, SimulationRequest
from assessment.inputs import AssessedPolicy
from domain.finding import PolicyId


def in_force(policies: Sequence[AssessedPolicy], asked: AssessedPolicy, *, has_parameters: bool) -> frozenset[PolicyId]:
    """Ids of the policies in force; another version of one of them, or other parameters, is a new policy."""
    is_same = not has_parameters and any(known.digest == asked.digest for known in policies)
    return frozenset(known.policy_id for known in policies if is_same or known.policy_id != asked.policy_id)


def as_in_force(
    policies: Sequence[AssessedPolicy], asked: AssessedPolicy, request: SimulationRequest
) -> AssessedPolicy:
    """The policy that is to be removed or exempted from, with the resources that it is judged on."""
    if request.kind is ScenarioKind.ASSIGN_POLICY or request.parameters:
        return asked
    return next((known for known in policies if known.policy_id == asked.policy_id and known.assigned), asked)
