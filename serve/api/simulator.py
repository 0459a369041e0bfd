"""What a decision would do to the tenant's resources as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter

from actors.messages import OperationStatus, Progress, SimulationRequest, SimulationResult
from domain.clock import format_instant
from domain.errors import ConflictError, NotFound
from domain.value import Json
from serve.api.context import CallerOf, Context, IdempotencyKey
from serve.api.models import OperationView, ScenarioBody, SimulationView
from serve.api.operations import operation_view
from serve.operations import Work
from serve.problem import problem_responses

router = APIRouter(prefix="/simulator", tags=["simulator"], responses=problem_responses(401, 422, 500, 503, 504))
KIND = "simulation"


@router.post("/run", status_code=202, responses=problem_responses(409))
def run(body: ScenarioBody, caller: CallerOf, context: Context, key: IdempotencyKey = None) -> OperationView:
    """Start a scenario. Nothing is changed by it."""
    request = SimulationRequest(
        tenant=caller.tenant,
        kind=body.kind,
        policy=body.policy,
        as_of=body.as_of or context.clock.now(),
        parameters=body.parameters,
        scope=body.scope,
    )

    def work(_: Progress) -> Mapping[str, Json]:
        return simulation_row(context.platform.simulate(request))

    canonical = orjson.dumps(body.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return operation_view(context.operations.start(Work(caller.tenant, KIND, canonical, key, work)))


@router.get("/results/{simulation_id}", responses=problem_responses(404, 409))
def results(simulation_id: str, caller: CallerOf, context: Context) -> SimulationView:
    """A finished scenario, by the id of its operation; 409 while it runs or when it failed."""
    found = context.platform.operation(caller.tenant, simulation_id)
    if found.kind != KIND:
        raise NotFound("no such simulation", simulation_id=simulation_id)
    if found.result is None:
        why = "the simulation has failed" if found.status is OperationStatus.FAILED else "the simulation is not done"
        todo = f"See /api/v2/operations/{simulation_id}"
        raise ConflictError(why, simulation_id=simulation_id, operation_status=found.status.value, todo=todo)
    return SimulationView.model_validate(dict(found.result))


def simulation_row(found: SimulationResult) -> dict[str, Any]:
    """A result as JSON."""
    return {
        "simulation_id": found.simulation_id,
        "kind": found.kind.value,
        "policy_id": found.policy_id,
        "as_of": format_instant(found.as_of),
        "evaluated": found.evaluated,
        "opened": list(found.opened),
        "closed": list(found.closed),
        "unknown": list(found.unknown),
        "at_risk": [{"amount": str(each.amount), "currency": each.currency} for each in found.at_risk],
    }
