"""What a scenario is worked out from: the graph as it is judged, and the scenario's policy beside those in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from actors.messages import ScenarioKind, SimulationRequest
from assessment.inputs import AssessedPolicy, required_paths
from assessment.result import Assessment
from assessment.simulate import Decision, Estate, PolicyScenario
from domain.finding import PolicyId
from graph.build import build_snapshot


def scenario(request: SimulationRequest, policy: AssessedPolicy, now: Assessment) -> tuple[Estate, PolicyScenario]:
    """The graph with columns for a policy beside its own, and the policy. Documents stay here."""
    known, inputs = now.inputs.policies, now.inputs
    policy = _as_in_force(known, policy, request)
    snapshot = build_snapshot(
        inputs.tenant,
        inputs.items,
        as_of=request.as_of,
        paths_by_type=required_paths([*known, policy], inputs.items),
        unproven=inputs.snapshot.unproven,
    )
    items = tuple(replace(item, properties={}, tags={}) for item in inputs.items)
    assigned = _in_force(known, policy, has_parameters=bool(request.parameters))
    estate = Estate(snapshot, items, assigned, now.costs)
    return estate, PolicyScenario(Decision(request.kind), policy, request.scope)


def _in_force(
    policies: Sequence[AssessedPolicy], asked: AssessedPolicy, *, has_parameters: bool
) -> frozenset[PolicyId]:
    """Ids of the policies in force; another version of one of them, or other parameters, is a new policy."""
    is_same = not has_parameters and any(known.digest == asked.digest for known in policies)
    return frozenset(known.policy_id for known in policies if is_same or known.policy_id != asked.policy_id)


def _as_in_force(
    policies: Sequence[AssessedPolicy], asked: AssessedPolicy, request: SimulationRequest
) -> AssessedPolicy:
    """The policy that is to be removed or exempted from, with the resources that it is judged on."""
    if request.kind is ScenarioKind.ASSIGN_POLICY or request.parameters:
        return asked
    return next((known for known in policies if known.policy_id == asked.policy_id and known.assigned), asked)
