"""What violates now and what will within seven days."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime

from actors.messages import APPLIED, BUILTIN, IMPORTED, Filters, Progress, ScanFacts, ScanRequest
from actors.model_book import Move
from domain.errors import InputError, IntegrityError, NotFound, UnavailableError
from domain.value import Json
from serve.api.context import (
    ApiContext,
    Caller,
    CallerOf,
    Context,
    IdempotencyKey,
    caller_in,
    context_of,
    instant_in,
)
from serve.api.models import AnalyzeBody, Document, ModelStepBody, OperationView, ScanBody
from serve.api.operations import operation_view
from serve.cochange import LIMIT_MAX
from serve.operations import Work
from serve.predictor import Question
from serve.problem import problem_responses

router = APIRouter(prefix="/predictions", tags=["predictions"], responses=problem_responses(401, 422, 500, 503, 504))

ResourceId = Annotated[str, Path(description="Provider id, URL-encoded: slashes as %2F, or as they are")]


@router.post("/analyze")
def analyze(body: AnalyzeBody, caller: CallerOf, context: Context) -> Document:
    """Judge the tenant's resources as they are now, and say what is expected within seven days."""
    chosen = None if body.resource_ids is None else tuple(sorted(body.resource_ids))
    filters = Filters(body.scope, body.type, chosen)
    as_of = body.as_of or context.clock.now()
    return dict(context.platform.analyze(caller.tenant, as_of=as_of, filters=filters, limit=body.limit))


@router.get("/{resource_id:path}/timeline", response_model=Document, responses=problem_responses(404))
async def timeline(
    resource_id: ResourceId,
    caller: CallerOf,
    context: Context,
    as_of: Annotated[
        AwareDatetime | None, Query(description="Now, or up to five minutes ago, when it is not given")
    ] = None,
) -> Response:
    """One resource's changes, violations and what dates decide, oldest first; and what the model expects, `learned`:
    probabilities for seven days, what they come from, what would lower them, and how they were on the days before.
    """  # noqa: D205 (the first sentence is the route's summary)
    moment = _moment(as_of, context)
    row, learned = await asyncio.gather(
        context.platform.timeline(caller.tenant, resource_id, as_of=moment, lately=as_of is None),
        _learned(context, Question(caller.tenant, resource_id, moment)),
    )
    return Response(orjson.dumps({**row, "learned": learned}), media_type="application/json")


async def timeline_asked(request: Request) -> Response:
    """The same for a request that was not read yet: asked often, and dependencies would cost as much as the answer."""
    context, caller = context_of(request), caller_in(request)
    as_of = instant_in(request, "as_of")
    return await timeline(request.path_params["resource_id"], caller, context, as_of)


@router.get("/{resource_id:path}/cochange", responses=problem_responses(404))
def cochange(
    resource_id: ResourceId,
    caller: CallerOf,
    context: Context,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Of the most likely ones")] = 20,
    as_of: Annotated[AwareDatetime | None, Query(description="Now when it is not given")] = None,
) -> Document:
    """Which resources within three hops are changed within seven days, given that this one is; most likely first, each
    with its probability, its distance, why, and what adds to it. `source` says what answered; `note` is not empty where
    nothing is near the resource, or none of its changes is known.
    """  # noqa: D205 (the first sentence is the route's summary)
    return context.predictions.cochange(Question(caller.tenant, resource_id, _moment(as_of, context)), limit)


@router.get("/quality")
def quality(caller: CallerOf, context: Context) -> Document:
    """How good what was told has been over the last eight ended weeks, for each task, and what has shifted since the
    model learned. Outcomes that nobody knows say nothing; what somebody prevented is no false alarm.
    """  # noqa: D205 (the first sentence is the route's summary)
    return context.predictions.quality(caller.tenant)


@router.get("/models", responses=problem_responses(403))
def models(caller: CallerOf, context: Context) -> Document:
    """What the prediction models did for all tenants since the platform began; for the platform's operator."""
    caller.require_operator()
    return context.predictions.figures()


@router.get("/models/versions", responses=problem_responses(403))
def versions(caller: CallerOf, context: Context) -> Document:
    """Every version of the prediction model: where it stands, and each decision with its reason and its entry in the
    platform's log; for the platform's operator.
    """  # noqa: D205 (the first sentence is the route's summary)
    caller.require_operator()
    return context.predictions.versions()


@router.get("/models/retraining", responses=problem_responses(403))
def retraining(caller: CallerOf, context: Context) -> Document:
    """Whether a retraining is due and why, when the next one is, and what came of each, the latest first; for the
    platform's operator.
    """  # noqa: D205 (the first sentence is the route's summary)
    caller.require_operator()
    return context.predictions.retraining()


@router.post("/models/versions/{model}/{step}", responses=problem_responses(403, 404, 409))
def move_version(
    model: Annotated[str, Path(description="As the versions have it")],
    step: Literal["approve", "reject", "fall-back"],
    body: ModelStepBody,
    caller: CallerOf,
    context: Context,
) -> Document:
    """Approve or reject a model that waits, or send the one that serves back; for the platform's operator."""
    caller.require_operator()
    move = Move.asked(model, step, at=context.clock.now(), by=body.by, reason=body.reason)
    return context.predictions.move(move)


@router.post("/score", status_code=202, responses=problem_responses(409))
def score(caller: CallerOf, context: Context, key: IdempotencyKey = None) -> OperationView:
    """Score every resource of the tenant now, and keep it as the day's part of the series; to be ordered each night."""
    moment = context.clock.now()

    def run(progress: Progress) -> Mapping[str, Json]:
        del progress
        return context.predictions.score(caller.tenant, moment)

    return operation_view(context.operations.start(Work(caller.tenant, "score", b"score", key, run)))


@router.post("/bulk-scan", status_code=202, responses=problem_responses(409))
def bulk_scan(body: ScanBody, caller: CallerOf, context: Context, key: IdempotencyKey = None) -> OperationView:
    """Scan files on the platform's machine. Follow the operation; its result names the scan."""
    request = scan_request(body, caller, context)

    def run(progress: Progress) -> Mapping[str, Json]:
        result = context.platform.scan(request, progress)
        return {"scan_id": result.scan_id, "facts": facts_row(result.facts)}

    canonical = orjson.dumps(body.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return operation_view(context.operations.start(Work(caller.tenant, "bulk-scan", canonical, key, run)))


def scan_request(body: ScanBody, caller: Caller, context: ApiContext) -> ScanRequest:
    """The message for a scan, with every path checked."""
    named = {APPLIED, BUILTIN, IMPORTED}
    policies = [each if each in named else caller.paths(context, [each])[0] for each in body.policies]
    return ScanRequest(
        tenant=caller.tenant,
        paths=caller.paths(context, body.paths),
        as_of=_moment(body.as_of, context),
        policies=tuple(policies),
        aliases=caller.paths(context, body.aliases),
        exemptions=None if body.exemptions is None else caller.paths(context, [body.exemptions])[0],
        scope=body.scope,
        type=body.type,
        aws_operation=body.aws_operation,
        collection=body.collection,
    )


def facts_row(facts: ScanFacts) -> dict[str, Json]:
    """What decides an exit code, for callers elsewhere."""
    return {
        "readable": facts.readable,
        "gaps": facts.gaps,
        "violations": {severity.value: number for severity, number in facts.violations.items()},
        "new_violations": {severity.value: number for severity, number in facts.new_violations.items()},
    }


async def _learned(context: ApiContext, asked: Question) -> Mapping[str, Json]:
    """The model's answer, or why there is none: what dates decide is told all the same."""
    try:
        return await context.predictions.timeline(asked)
    except (InputError, IntegrityError, UnavailableError, NotFound) as error:
        return {"unavailable": error.summary, "todo": str(error.facts.get("todo", ""))}


def _moment(as_of: datetime | None, context: ApiContext) -> datetime:
    return context.clock.now() if as_of is None else as_of
