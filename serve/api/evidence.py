"""The tenant's evidence: recording it, reading it, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime
from starlette.concurrency import run_in_threadpool

from actors.evidence_pages import EvidenceQuery
from chain.privacy.erasure import ErasureOrder
from domain.errors import ConflictError, NotFound
from domain.evidence import EntryId, EventType
from domain.evidence_schema import SCHEMAS, json_schema
from serve.api.context import CallerOf, Context, caller_in, context_of, idempotency_key_in
from serve.api.evidence_models import (
    REVIEW,
    DayCountRow,
    ErasureBody,
    ErasureView,
    EvidenceEntryView,
    EvidenceListView,
    EvidenceRow,
    EvidenceSummaryView,
    LatestRow,
    LatestView,
    ReceiptsView,
    ReceiptView,
)
from serve.api.models import Document, RowsView
from serve.api.raw_body import described
from serve.api.receipts import receipt_lines
from serve.api.submission import Submission, submission_of, submissions_of_json, submissions_of_lines
from serve.evidence_rows import entry_row, erasure_row, evidence_row
from serve.problem import problem_responses
from serve.recording import record

router = APIRouter(
    prefix="/evidence",
    tags=["evidence"],
    responses=problem_responses(401, 422, 429, 500, 503, 504),
)

NDJSON: Final = "application/x-ndjson"
JSON: Final = "application/json"
EvidenceId = Annotated[str, Path(max_length=40, description="Year and index of the entry, such as 2026-17")]
Cursor = Annotated[str | None, Query(max_length=600, description="`next_cursor` of the former page")]
_LINES: Final = b"\n".join(orjson.dumps({**REVIEW, "id": f"review-2026-q{number}"}) for number in (1, 2)).decode()
_BY_LINES: Final = {NDJSON: {"schema": {"type": "string", "description": "A CollectBody a line"}, "example": _LINES}}
_RECEIPTS: Final[dict[int | str, dict[str, Any]]] = {
    201: {"content": {NDJSON: {"schema": {"type": "string", "description": "A ReceiptView a line"}}}}
}


@router.post(
    "/collect",
    status_code=201,
    response_model=ReceiptView,
    responses=problem_responses(409),
    openapi_extra=described("CollectBody"),
)
async def collect(request: Request) -> Response:
    """Record one piece of evidence. Durable when answered; the same id (or key) again gives the first receipt."""
    return await receipt(request, submission_of)


@router.post(
    "/batch",
    status_code=201,
    response_model=ReceiptsView,
    responses={**problem_responses(409, 413), **_RECEIPTS},
    openapi_extra=described("BatchBody", _BY_LINES),
)
async def batch(request: Request) -> Response:
    """Record many pieces at once, all of them or none: NDJSON of up to 10,000 lines, or JSON of up to 1,000 items.

    The answer is NDJSON where the request is, or where `Accept` asks for it; receipts are in the order of the request.
    """
    context, caller, key = context_of(request), caller_in(request), idempotency_key_in(request)
    content = await request.body()
    is_lines = request.headers.get("content-type", "").partition(";")[0].strip() == NDJSON
    read = submissions_of_lines if is_lines else submissions_of_json
    submissions = await run_in_threadpool(read, content, key)
    try:
        recorded, placements = await record(
            context.platform, context.protection, caller.tenant, submissions, context.clock.now()
        )
    except ConflictError as error:
        raise _placed(error, submissions, content if is_lines else None) from None
    lines = await run_in_threadpool(lambda: list(receipt_lines(submissions, recorded, placements)))
    accepted = request.headers.get("accept", "")
    if NDJSON in accepted or (is_lines and JSON not in accepted):
        return Response("\n".join(lines) + "\n", status_code=201, media_type=NDJSON)
    return Response('{"receipts":[' + ",".join(lines) + "]}", status_code=201, media_type=JSON)


@router.post("/erasures", status_code=201, responses=problem_responses(404, 409))
def erasure(body: ErasureBody, caller: CallerOf, context: Context) -> ErasureView:
    """Erase a person: the key of every commitment to them is destroyed, the entries and all proofs stay.

    What is erased cannot be brought back. The answer names the entry that says so.
    """
    done = context.protection.erase(caller.tenant, body.subject, ErasureOrder(context.clock.now(), body.basis, body.by))
    return ErasureView(**erasure_row(done, context.platform.collect([done])[0]))


@router.get("")
def evidence_list(  # noqa: PLR0917 (each is a query parameter)
    caller: CallerOf,
    context: Context,
    type: Annotated[EventType | None, Query(description="Only this type")] = None,
    since: Annotated[AwareDatetime | None, Query(alias="from", description="Not before this time of theirs")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to", description="Before this time of theirs")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Cursor = None,
) -> EvidenceListView:
    """Evidence, newest first. What the log writes about itself is shown only where its type is asked for."""
    before = None if cursor is None else EntryId.parse(cursor)
    page = context.platform.evidence_page(caller.tenant, EvidenceQuery(type, since, until, before, limit))
    return EvidenceListView(
        items=[EvidenceRow(**evidence_row(row)) for row in page.items],
        next_cursor=None if page.next_cursor is None else str(page.next_cursor),
    )


@router.get("/summary")
def summary(caller: CallerOf, context: Context) -> EvidenceSummaryView:
    """How much evidence there is of each type, by day."""
    found = context.platform.evidence_counts(caller.tenant)
    items = [DayCountRow(day=row.day, type=row.type, count=row.count) for row in found.days]
    return EvidenceSummaryView(covered=found.covered, items=items)


@router.get("/latest")
def latest(
    caller: CallerOf,
    context: Context,
    matter: Annotated[Literal["control", "subject", "policy"], Query()] = "control",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
    cursor: Cursor = None,
) -> LatestView:
    """The newest evidence on each control, subject or policy: what is old here is stale."""
    found = context.platform.latest_evidence(caller.tenant, matter, after=cursor or "", limit=limit)
    items = [
        LatestRow(name=row.name, evidence_id=str(row.evidence_id), type=row.type, at=row.at, result=row.result)
        for row in found
    ]
    return LatestView(matter=matter, items=items, next_cursor=found[-1].name if len(found) == limit else None)


@router.get("/schemas")
def schemas(_: CallerOf) -> RowsView:
    """The JSON Schema of every type's body."""
    return RowsView(items=[dict(json_schema(kind)) for kind in sorted(SCHEMAS)])


@router.get("/schemas/{evidence_type}", responses=problem_responses(404))
def schema(evidence_type: str, _: CallerOf) -> Document:
    """The JSON Schema of one type's body."""
    if evidence_type not in SCHEMAS:
        raise NotFound("no such type of evidence", type=evidence_type[:80], expected=sorted(SCHEMAS))
    return dict(json_schema(EventType(evidence_type)))


@router.get("/{evidence_id}", responses=problem_responses(404))
def entry(evidence_id: EvidenceId, caller: CallerOf, context: Context) -> EvidenceEntryView:
    """One entry as recorded, with its hashes in both trees."""
    return EvidenceEntryView(**entry_row(context.platform.evidence(caller.tenant, EntryId.parse(evidence_id))))


async def receipt(request: Request, read: Callable[[bytes, str | None], Submission]) -> Response:
    """Record what one request holds and answer with its receipt."""
    context, caller, key = context_of(request), caller_in(request), idempotency_key_in(request)
    submission = read(await request.body(), key)
    recorded, placements = await record(
        context.platform, context.protection, caller.tenant, [submission], context.clock.now()
    )
    return Response(next(receipt_lines([submission], recorded, placements)), status_code=201, media_type=JSON)


def _placed(error: ConflictError, submissions: Sequence[Submission], lines: bytes | None) -> ConflictError:
    """The conflict with the place of what caused it: the number of the line, or of the item."""
    request_id = error.facts.get("request_id")
    places = [place for place, submission in enumerate(submissions) if submission.request_id == request_id]
    if not places:
        return error
    if lines is None:
        where: Mapping[str, object] = {"item": places[0]}
    else:
        numbers = [number for number, line in enumerate(lines.split(b"\n"), start=1) if line.strip()]
        where = {"line": numbers[places[0]]}
    return ConflictError(error.summary, **{**error.facts, **where, "id": submissions[places[0]].id})
