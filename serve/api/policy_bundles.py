"""Policies as code: bundles are tested, planned, applied and rolled back; assignments are tried beforehand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, Field, JsonValue

from actors.messages import AssignmentChange, BundleOrder
from serve.api.context import ApiContext, Caller, CallerOf, Context, IdempotencyKey
from serve.api.models import Document, Id, Request, RowsView
from serve.problem import problem_responses

router = APIRouter(prefix="/policies", tags=["policies"], responses=problem_responses(401, 422, 500, 503, 504))

Files = Annotated[dict[str, JsonValue], Field(min_length=1, description="Documents by path in the bundle")]
Role = Annotated[str, Field(min_length=1, max_length=200, description="Role of who decides it; no name")]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class BundleBody(Request):
    """A bundle of policies."""

    files: Files
    as_of: AwareDatetime | None = None


class PlanBody(BundleBody):
    """A bundle to plan; with `tries` also on the resources as they are now."""

    tries: bool = True


class ApplyBody(BundleBody):
    """A bundle to put in force; with a plan's `base_state` only on the state that the plan was made against."""

    by: Role
    signature: Annotated[str | None, Field(max_length=100_000)] = None
    base_state: Digest | None = None
    commit: Annotated[str | None, Field(max_length=200)] = None


class RollbackBody(Request):
    """A revision whose bundle is to be in force again."""

    revision: Annotated[int, Field(ge=1)]
    by: Role
    as_of: AwareDatetime | None = None


class WhatIfBody(Request):
    """Policy documents (assignments, exemptions, initiatives, definitions) to add or replace, and ids to remove."""

    documents: Annotated[list[Document], Field(max_length=10_000, default_factory=list)]
    remove: Annotated[list[Id], Field(max_length=10_000, default_factory=list)]
    as_of: AwareDatetime | None = None


@router.get("/bundles")
def history(caller: CallerOf, context: Context) -> RowsView:
    """Every revision of the policies in force, newest first: the first one is in force."""
    return RowsView(items=[dict(row) for row in context.platform.bundles.history(caller.tenant)])


@router.post("/bundles/test")
def check(body: BundleBody, caller: CallerOf, context: Context) -> Document:
    """Run a bundle's tests. Nothing is changed by it."""
    return dict(context.platform.bundles.check(_order(body, caller, context)))


@router.post("/bundles/plan", responses=problem_responses(409))
def plan(body: PlanBody, caller: CallerOf, context: Context) -> Document:
    """What applying a bundle would change, and which resources change state. Nothing is changed by it."""
    return dict(context.platform.bundles.plan(_order(body, caller, context), tries=body.tries))


@router.post("/bundles/apply", responses=problem_responses(403, 409))
def apply(body: ApplyBody, caller: CallerOf, context: Context, key: IdempotencyKey = None) -> Document:
    """Put a bundle in force, all of it or nothing. A bundle that is in force already is not applied again."""
    del key
    order = BundleOrder(
        tenant=caller.tenant,
        files=body.files,
        at=body.as_of or context.clock.now(),
        signature=body.signature,
        by=body.by,
        base_state=body.base_state,
        commit=body.commit,
    )
    return dict(context.platform.bundles.apply(order))


@router.post("/bundles/rollback", responses=problem_responses(403, 404, 409))
def roll_back(body: RollbackBody, caller: CallerOf, context: Context, key: IdempotencyKey = None) -> Document:
    """Put the bundle of an earlier revision in force again."""
    del key
    moment = body.as_of or context.clock.now()
    return dict(context.platform.bundles.roll_back(caller.tenant, body.revision, by=body.by, at=moment))


@router.post("/what-if", responses=problem_responses(404))
def what_if(body: WhatIfBody, caller: CallerOf, context: Context) -> Document:
    """Which resources a change of assignments would give another state, as they are now. Nothing is changed by it."""
    moment = body.as_of or context.clock.now()
    change = AssignmentChange(caller.tenant, moment, tuple(body.documents), tuple(body.remove))
    return dict(context.platform.bundles.what_if(change))


def _order(body: BundleBody, caller: Caller, context: ApiContext) -> BundleOrder:
    return BundleOrder(caller.tenant, body.files, body.as_of or context.clock.now())
