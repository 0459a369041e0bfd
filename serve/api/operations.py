"""Long work as callers follow it."""

from __future__ import annotations

from fastapi import APIRouter

from actors.messages import Operation, ScanProgress
from serve.api.context import CallerOf, Context
from serve.api.models import OperationView, ProgressView
from serve.problem import problem_responses

router = APIRouter(prefix="/operations", tags=["operations"], responses=problem_responses(401, 404, 422, 500, 503, 504))


@router.get("/{operation_id}")
def operation(operation_id: str, caller: CallerOf, context: Context) -> OperationView:
    """Where long work stands. Operations are forgotten when the platform stops; what they did is not."""
    return operation_view(context.platform.operation(caller.tenant, operation_id))


def operation_view(found: Operation) -> OperationView:
    """An operation as JSON, with where to go from here."""
    links = {"self": f"/api/v2/operations/{found.operation_id}"}
    if found.kind == "simulation":
        links["result"] = f"/api/v2/simulator/results/{found.operation_id}"
    elif found.kind == "report":
        links["result"] = f"/api/v2/reports/{found.operation_id}"
    elif found.kind == "whatif":
        links["result"] = f"/api/v2/whatif/results/{found.operation_id}"
    elif found.result is not None and "scan_id" in found.result:
        links["result"] = f"/api/v2/scans/{found.result['scan_id']}"
    return OperationView(
        operation_id=found.operation_id,
        kind=found.kind,
        status=found.status,
        created_at=found.created_at,
        progress=None if found.progress is None else _progress(found.progress),
        result=None if found.result is None else dict(found.result),
        problem=None if found.problem is None else dict(found.problem),
        links=links,
    )


def _progress(found: ScanProgress) -> ProgressView:
    return ProgressView(stage=found.stage, done=found.done, total=found.total, detail=found.detail)
