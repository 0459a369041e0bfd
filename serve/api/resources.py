"""The graph as it is now: one resource, and how far the graph follows its changes. And for operators, its shards."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from actors.shards.beat import Beat, FleetState, ShardState
from actors.shards.supervisor import SHARDS_MAX
from serve.api.context import CallerOf, Context
from serve.api.models import Document, Request, RowsView
from serve.problem import problem_responses

router = APIRouter(tags=["graph"], responses=problem_responses(401, 404, 422, 429, 500, 503, 504))

ResourceId = Annotated[str, Path(description="Provider id, URL-encoded: slashes as %2F, or as they are")]


class ShardsBody(Request):
    """How many shards there are to be."""

    shards: Annotated[int, Field(ge=1, le=SHARDS_MAX)]


class FleetView(BaseModel):
    """The shards as their supervisor sees them."""

    roster: int = Field(description="Version of the placement in force")
    problem: str
    shards: list[Document]


@router.get("/graph/status")
def graph_status(caller: CallerOf, context: Context) -> Document:
    """How large the tenant's graph is, how many changes wait, and what of it is not proven."""
    return dict(context.platform.graph_status(caller.tenant))


@router.get("/resources/{resource_id:path}/history")
def resource_history(resource_id: ResourceId, caller: CallerOf, context: Context) -> RowsView:
    """Every recorded state of one resource, oldest first: since when, and the digest of its document."""
    return RowsView(items=[dict(row) for row in context.platform.resource_history(caller.tenant, resource_id)])


@router.get("/resources/{resource_id:path}")
def resource(resource_id: ResourceId, caller: CallerOf, context: Context) -> Document:
    """One resource as it is now: its document, what it depends on and what needs it."""
    return dict(context.platform.resource(caller.tenant, resource_id))


@router.get("/shards", responses=problem_responses(403))
def shards(caller: CallerOf, context: Context) -> FleetView:
    """How the shards stand; for the platform's operator."""
    caller.require_operator()
    return _fleet(context.platform.fleet())


@router.put("/shards", responses=problem_responses(403))
def resize(body: ShardsBody, caller: CallerOf, context: Context) -> FleetView:
    """Have so many shards, for the platform's operator. Tenants move by and by; no change is lost or doubled."""
    caller.require_operator()
    return _fleet(context.platform.resize(body.shards))


def _fleet(state: FleetState) -> FleetView:
    return FleetView(roster=state.roster, problem=state.problem, shards=[_shard(each) for each in state.shards])


def _shard(state: ShardState) -> Document:
    return {
        "name": state.name,
        "standing": state.standing,
        "is_placed": state.is_placed,
        "restarts": state.restarts,
        "last_answer": None if state.beat is None else _beat(state.beat),
    }


def _beat(beat: Beat) -> Document:
    """Numbers alone: which tenants there are is nothing for a screen."""
    return {
        "roster": beat.roster,
        "tenants": beat.tenants,
        "resources": beat.light + sum(beat.heavy.values()),
        "parts": beat.parts,
        "used_bytes": beat.used_bytes,
        "budget_bytes": beat.budget_bytes,
        "writing": beat.writing,
        "changes_waiting": beat.changes_waiting,
        "leases": dict(beat.leases),
    }
