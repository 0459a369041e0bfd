"""Report packs: asked for, followed, listed, fetched."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from actors.messages import OperationStatus
from domain.errors import NotFound
from domain.evidence import EventType
from serve.api.context import Caller, CallerOf, Context, IdempotencyKey
from serve.api.models import Document, OperationView, Request, RowsView
from serve.api.operations import operation_view
from serve.api.strict_route import StrictRoute
from serve.frameworks import framework_id
from serve.problem import problem_responses
from serve.reporting import OPERATION_KIND, Page, ReportKind, ReportRequest

router = APIRouter(
    prefix="/reports",
    tags=["reports"],
    responses=problem_responses(401, 422, 500, 503, 504),
    route_class=StrictRoute,
)

ZIP = "application/zip"
_PACK: dict[int | str, dict[str, object]] = {
    200: {"content": {ZIP: {}}, "description": "The pack; check it with pcg verify"}
}
ReportId = Annotated[str, Path(max_length=80, description="`operation_id` of the answer that began the report")]


class ReportBody(Request):
    """A window of evidence, by the time of recording."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"since": "2026-01-01T00:00:00Z", "until": "2026-04-01T00:00:00Z", "expected": ["access_review"]},
            ]
        },
    )

    since: AwareDatetime
    until: AwareDatetime
    expected: Annotated[list[EventType], Field(max_length=20)] = Field(
        default_factory=list, description="Types of evidence of which there should be some; the report names the absent"
    )
    page: Page = Field(default=Page.A4, description="What the PDF is printed on")
    framework: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Show only this framework's controls, like SOC2; the evidence stays complete"
    )


class ReportView(BaseModel):
    """Where a report stands. `report` once it is finished, `problem` (RFC 9457) once it has failed."""

    report_id: str
    status: OperationStatus
    report: Document | None = None
    problem: Document | None = None
    links: dict[str, str]


@router.post("/generate", status_code=202, responses=problem_responses(409))
def generate(body: ReportBody, caller: CallerOf, context: Context, key: IdempotencyKey = None) -> OperationView:
    """Make an evidence pack: PDF, signed JSON, XBRL, OSCAL, every entry of the window and the proofs."""
    return _start(body, ReportKind.EVIDENCE, caller, context, key)


@router.post("/board-pack", status_code=202, responses=problem_responses(409))
def board_pack(body: ReportBody, caller: CallerOf, context: Context, key: IdempotencyKey = None) -> OperationView:
    """Make a board pack: the evidence pack with pages on risk, compliance, savings and trend."""
    return _start(body, ReportKind.BOARD, caller, context, key)


@router.get("")
def reports(caller: CallerOf, context: Context) -> RowsView:
    """Finished reports, newest first."""
    return RowsView(items=[dict(about) for about in context.reports.all(caller.tenant)])


@router.get("/{report_id}", response_model=ReportView, responses={**problem_responses(404), **_PACK})
def report(
    report_id: ReportId, caller: CallerOf, context: Context, accept: Annotated[str | None, Header()] = None
) -> ReportView | Response:
    """Where a report stands; with `Accept: application/zip` the pack itself."""
    if accept is not None and ZIP in accept:
        return download(report_id, caller, context)
    links = {"self": f"/api/v2/reports/{report_id}"}
    try:
        about = context.reports.about(caller.tenant, report_id)
    except NotFound:
        found = context.platform.operation(caller.tenant, report_id)
        if found.kind != OPERATION_KIND:
            raise
        problem = None if found.problem is None else dict(found.problem)
        return ReportView(report_id=report_id, status=found.status, problem=problem, links=links)
    links["download"] = f"/api/v2/reports/{report_id}/download"
    return ReportView(report_id=report_id, status=OperationStatus.SUCCEEDED, report=dict(about), links=links)


@router.get("/{report_id}/download", response_class=Response, responses={**problem_responses(404), **_PACK})
def download(report_id: ReportId, caller: CallerOf, context: Context) -> Response:
    """A finished report's pack."""
    content = context.reports.content(caller.tenant, report_id)
    headers = {
        "Content-Disposition": f'attachment; filename="report-{report_id}.zip"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=ZIP, headers=headers)


def _start(body: ReportBody, kind: ReportKind, caller: Caller, context: Context, key: str | None) -> OperationView:
    request = ReportRequest(
        caller.tenant,
        kind,
        body.since,
        body.until,
        tuple(body.expected),
        body.page,
        body.framework and framework_id(body.framework),
    )
    return operation_view(context.reports.start(request, key))
