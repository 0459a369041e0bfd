"""What cost, violations and risk would come to over 30, 60 and 90 days if things were decided differently."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Annotated

import orjson
from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import Field

from actors.messages import OperationStatus, OperationTrigger, Progress
from domain.errors import ConflictError, NotFound
from domain.value import Json
from serve.api.context import CallerOf, Context, IdempotencyKey
from serve.api.models import Document, OperationView, Request, RowsView
from serve.api.operations import operation_view
from serve.api.strict_route import StrictRoute
from serve.operations import Work, operation_id_of
from serve.problem import problem_responses
from serve.whatif import KIND
from serve.whatif_models import WhatIfBody

router = APIRouter(
    prefix="/whatif",
    tags=["what-if"],
    responses=problem_responses(401, 404, 422, 500, 503, 504),
    route_class=StrictRoute,
)

WhatIfId = Annotated[str, InPath(max_length=40, pattern="^[0-9a-f]{24}$")]


class CompareBody(Request):
    """Finished projections by id; one that has several scenarios compares those."""

    ids: Annotated[list[Annotated[str, Field(pattern="^[0-9a-f]{24}$")]], Field(min_length=1, max_length=20)]


@router.post("/simulate", status_code=202, responses=problem_responses(409))
def simulate(body: WhatIfBody, caller: CallerOf, context: Context, key: IdempotencyKey = None) -> OperationView:
    """Start a projection. Nothing is changed by it; its result is kept under the operation's id and recorded."""
    request = body.request(context.clock.now())

    key = key or token_hex(12)
    whatif_id = operation_id_of(caller.tenant, KIND, key)

    def work(progress: Progress) -> Mapping[str, Json]:
        context.whatif.simulate(caller.tenant, request, whatif_id, progress)
        return {"whatif_id": whatif_id}

    canonical = orjson.dumps(body.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return operation_view(context.operations.start(Work(caller.tenant, KIND, canonical, key, work)))


@router.get("/results")
def results(caller: CallerOf, context: Context) -> RowsView:
    """Finished projections, newest first."""
    return RowsView(items=[dict(row) for row in context.whatif.results(caller.tenant)])


@router.get("/results/{whatif_id}", responses=problem_responses(409))
def result(whatif_id: WhatIfId, caller: CallerOf, context: Context) -> Document:
    """A finished projection; 409 while it runs, or when it failed or was cancelled."""
    try:
        return dict(context.whatif.result(caller.tenant, whatif_id))
    except NotFound:
        found = context.platform.operation(caller.tenant, whatif_id)
        if found.kind != KIND:
            raise
    raise ConflictError(
        "the projection is not done",
        whatif_id=whatif_id,
        operation_status=found.status.value,
        todo=f"See /api/v2/operations/{whatif_id}",
    )


@router.post("/results/{whatif_id}/cancel", responses=problem_responses(409))
def cancel(whatif_id: WhatIfId, caller: CallerOf, context: Context) -> OperationView:
    """End a projection that waits or runs, on whichever replica; nothing of it is kept."""
    found = context.platform.operation(caller.tenant, whatif_id)
    if found.kind != KIND:
        raise NotFound("no such projection", whatif_id=whatif_id)
    if found.status is OperationStatus.CANCELLED:
        return operation_view(found)
    return operation_view(context.platform.move(caller.tenant, whatif_id, OperationTrigger.CANCELLED))


@router.post("/compare")
def compare(body: CompareBody, caller: CallerOf, context: Context) -> Document:
    """Scenarios side by side: a table by saving, and the series of each small multiple."""
    return dict(context.whatif.compare(caller.tenant, body.ids))
