"""Finished scans, their violations, and the policies that judge."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from pydantic import AwareDatetime

from domain.finding import Severity
from serve.api.context import CallerOf, Context
from serve.api.models import Document, ImportBody, RowsView, ViolationsView
from serve.problem import problem_responses

router = APIRouter(responses=problem_responses(401, 404, 422, 500, 503, 504))
LATEST = "latest"
PAGE_MAX = 10_000


@router.get("/openapi.json", tags=["openapi"])
def openapi(request: Request, _: CallerOf) -> Document:
    """This document."""
    assert isinstance(request.app, FastAPI)
    return request.app.openapi()


@router.get("/scans/{scan_id}", tags=["scans"])
def scan(scan_id: str, caller: CallerOf, context: Context) -> Document:
    """A scan's whole document (docs/scan.schema.json); `latest` is the last one's."""
    return dict(context.platform.document(caller.tenant, None if scan_id == LATEST else scan_id))


@router.get("/violations", tags=["scans"])
def violations(  # noqa: PLR0917 (each is a query parameter)
    caller: CallerOf,
    context: Context,
    severity: Annotated[Severity | None, Query(description="This severity and worse")] = None,
    new: Annotated[bool, Query(description="Only what the former scan had not")] = False,
    type: Annotated[str | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 1_000,
    cursor: Annotated[int, Query(ge=0, description="`next_cursor` of the former page")] = 0,
) -> ViolationsView:
    """The last scan's violations, worst first."""
    found = context.platform.violations(caller.tenant, severity=severity, only_new=new, type=type)
    end = cursor + limit
    following = str(end) if end < len(found) else None
    return ViolationsView(total=len(found), items=[dict(row) for row in found[cursor:end]], next_cursor=following)


@router.get("/explanations", tags=["scans"])
def explanation(
    resource_id: str,
    policy_id: str,
    caller: CallerOf,
    context: Context,
    as_of: Annotated[AwareDatetime | None, Query()] = None,
) -> Document:
    """Why a policy judges a resource as it does: what was found, what was expected, where it was read."""
    moment = as_of or context.clock.now()
    return dict(context.platform.explain(caller.tenant, resource_id, policy_id, as_of=moment))


@router.get("/policies", tags=["policies"])
def policies(caller: CallerOf, context: Context) -> RowsView:
    """Built-in and imported policies, in order of id."""
    return RowsView(items=[dict(row) for row in context.platform.policies(caller.tenant)])


@router.post("/policies/import", tags=["policies"])
def import_policies(body: ImportBody, caller: CallerOf, context: Context) -> RowsView:
    """Import policies, in whatever language, from a file or folder; one row per id says whether it runs, or why not."""
    path = caller.paths(context, [body.path])[0]
    aliases = [FilePath(each) for each in caller.paths(context, body.aliases)]
    rows = context.platform.import_definitions(caller.tenant, FilePath(path), aliases=aliases)
    return RowsView(items=[dict(row) for row in rows])


@router.get("/policies/{policy_id}", tags=["policies"])
def policy(policy_id: str, caller: CallerOf, context: Context) -> Document:
    """One policy's whole definition."""
    return dict(context.platform.policy(caller.tenant, policy_id))
