"""What operators do with the logs. Targets, receipts and gaps concern every tenant and are shown to each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from serve.api.context import CallerOf, Context
from serve.api.evidence import Cursor
from serve.api.models import Document, RowsView
from serve.problem import problem_responses

router = APIRouter(prefix="/chain", tags=["chain"], responses=problem_responses(401, 422, 500, 503, 504))

HoldId = Annotated[str, Path(max_length=100, pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Size = Annotated[int, Query(ge=0, le=2**53)]


class AnchorsView(BaseModel):
    """Anchor targets with their circuits, and receipts and gaps as the platform log has them, newest first."""

    targets: list[Document]
    items: list[Document]
    next_cursor: str | None = None


class HoldBody(BaseModel):
    """A legal hold. `by` is a principal's id, `reason` a matter's number or name: no personal data."""

    hold: Annotated[str, Field(max_length=100, pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    year: Annotated[int, Field(ge=1000, le=9999)]
    by: Text
    reason: Text


class ReleaseBody(BaseModel):
    """The end of a legal hold."""

    by: Text
    reason: Text


class ExpiryBody(BaseModel):
    """Whether only to say what would go."""

    is_dry_run: bool = True


class CosignaturesBody(BaseModel):
    """What witnesses signed of a log's published checkpoint."""

    origin: Annotated[str, Field(max_length=500)]
    checkpoint: Annotated[str, Field(max_length=100_000)]
    cosigners: Annotated[list[str], Field(max_length=100)]


class ConsistencyView(BaseModel):
    """Consistency in both trees (RFC 6962). Hashes are hexadecimal."""

    origin: str
    old_size: int
    new_size: int
    path_sha256: list[str]
    path_sha3_256: list[str]


@router.get("/anchors")
def anchors(
    caller: CallerOf, context: Context, limit: Annotated[int, Query(ge=1, le=1_000)] = 100, cursor: Cursor = None
) -> AnchorsView:
    """How every anchor target stands, and its receipts and gaps."""
    return AnchorsView(**context.platform.logs.anchors(caller.tenant, before=cursor, limit=limit))


@router.post("/anchors", responses=problem_responses(403))
def anchor(caller: CallerOf, context: Context) -> Document:
    """Publish the platform log and ask every target now. For the operator."""
    caller.require_operator()
    return context.platform.logs.anchor(caller.tenant)


@router.get("/consistency-proof", responses=problem_responses(404))
def consistency(
    caller: CallerOf,
    context: Context,
    origin: Annotated[str, Query(max_length=500, description="Of the tenant's newest log")],
    old: Size,
    new: Size,
) -> ConsistencyView:
    """Prove that the log of one size begins with that of the other."""
    found = context.platform.logs.consistency(caller.tenant, origin, old, new)
    paths = ([step.hex() for step in proof.path] for proof in (found.sha256, found.sha3_256))
    first, second = paths
    return ConsistencyView(origin=origin, old_size=old, new_size=new, path_sha256=first, path_sha3_256=second)


@router.post("/cosignatures", responses=problem_responses(403, 404, 409))
def cosignatures(body: CosignaturesBody, caller: CallerOf, context: Context) -> Document:
    """Keep and publish what witnesses signed of the published checkpoint. For the operator."""
    caller.require_operator()
    head = context.platform.logs.cosign(caller.tenant, body.origin, body.checkpoint, body.cosigners)
    return {"origin": head.origin, "size": head.size, "checkpoint": head.checkpoint}


@router.get("/holds")
def holds(caller: CallerOf, context: Context) -> RowsView:
    """The tenant's legal holds in force."""
    return RowsView(items=list(context.platform.logs.holds(caller.tenant)))


@router.post("/holds", status_code=201, responses=problem_responses(403, 404, 409))
def place_hold(body: HoldBody, caller: CallerOf, context: Context) -> Document:
    """Keep a year's log beyond its retention; recorded as an entry. For the operator."""
    caller.require_operator()
    return context.platform.logs.place_hold(caller.tenant, body.hold, year=body.year, by=body.by, reason=body.reason)


@router.post("/holds/{hold_id}/release", responses=problem_responses(403, 404, 409))
def release_hold(hold_id: HoldId, body: ReleaseBody, caller: CallerOf, context: Context) -> Document:
    """End a legal hold; recorded as an entry. For the operator."""
    caller.require_operator()
    return context.platform.logs.lift_hold(caller.tenant, hold_id, by=body.by, reason=body.reason)


@router.post("/expiry", responses=problem_responses(403, 409))
def expire(body: ExpiryBody, caller: CallerOf, context: Context) -> Document:
    """End the logs of all tenants whose retention is over, or say which would go. For the operator."""
    caller.require_operator()
    return context.platform.logs.expire(caller.tenant, is_dry_run=body.is_dry_run)
