"""Changes of resources: published by connectors and providers, waiting for the graph, or put aside with the reason."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from serve.api.context import CallerOf, Context
from serve.api.models import Document
from serve.api.models import Request as Body
from serve.change_desk import LISTED_MAX
from serve.problem import problem_responses

router = APIRouter(prefix="/changes", tags=["changes"], responses=problem_responses(401, 422, 500, 503, 504))

ParkedId = Annotated[str, Field(min_length=1, max_length=100, pattern="^[A-Za-z0-9-]+$")]
Position = Annotated[str | None, Query(max_length=40, pattern="^[0-9]+-[0-9]+$", description="Of the page before")]

_LINES: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "One batch or one provider's change message a line (docs/changes.md)",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}


class PublishedView(BaseModel):
    """What came of the lines.

    Each batch with its position; each line that was put aside or refused, with the reason.
    """

    batches: list[Document]
    events: int
    refused: list[Document]
    silent: int = Field(description="Messages that were understood and tell no change")


class WaitingView(BaseModel):
    """What the stream holds."""

    last: str = Field(description="Position of the newest batch that ever was")
    length: int
    items: list[Document]
    next_cursor: str | None = None


class ParkedView(BaseModel):
    """Messages that were put aside, oldest first."""

    items: list[Document]
    dropped: int = Field(description="Messages that were forgotten because there were too many")


class RetriedView(BaseModel):
    """What came of each: its new positions, or why it stays aside."""

    items: list[Document]


class RetryBody(Body):
    """Which to publish again; all where none is named."""

    ids: Annotated[list[ParkedId], Field(max_length=1_000)] | None = None


class DiscardBody(Body):
    """Which to forget."""

    ids: Annotated[list[ParkedId], Field(min_length=1, max_length=1_000)]


class DiscardedView(BaseModel):
    """How many there were."""

    discarded: int


@router.post("", openapi_extra=_LINES)
async def publish(request: Request, caller: CallerOf, context: Context) -> PublishedView:
    """Publish changes. The same lines again publish nothing new, so a request may be repeated.

    What was acknowledged is durable. A line that cannot be read is put aside and stops nothing.
    """
    lines = await request.body()
    return PublishedView(**await run_in_threadpool(context.changes.publish, caller.tenant, lines))


@router.get("", responses=problem_responses(409))
def waiting(
    caller: CallerOf,
    context: Context,
    limit: Annotated[int, Query(ge=1, le=LISTED_MAX)] = 100,
    cursor: Position = None,
) -> WaitingView:
    """What the stream holds of the tenant, and its batches, oldest first."""
    return WaitingView(**context.changes.waiting(caller.tenant, after=cursor or "", limit=limit))


@router.get("/parked")
def parked(caller: CallerOf, context: Context) -> ParkedView:
    """Messages that could not be read or applied, with the reason."""
    return ParkedView(**context.changes.parked(caller.tenant))


@router.post("/parked/retry", responses=problem_responses(404))
def retry(body: RetryBody, caller: CallerOf, context: Context) -> RetriedView:
    """Publish messages that were put aside once more; what fails again stays."""
    return RetriedView(**context.changes.retry(caller.tenant, body.ids))


@router.post("/parked/discard")
def discard(body: DiscardBody, caller: CallerOf, context: Context) -> DiscardedView:
    """Forget messages that were put aside."""
    return DiscardedView(**context.changes.discard(caller.tenant, body.ids))
