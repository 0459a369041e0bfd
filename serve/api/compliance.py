"""Compliance of a tenant: coverage of frameworks, gaps, and mappings of policies to controls."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from assessment.compliance_document import GapKind
from domain.errors import InputError
from domain.evidence import EntryId
from policy.controls.suggest import CONFIDENCE_MIN
from serve.api.context import CallerOf, Context
from serve.api.models import Document, Id, Path, Request
from serve.api.strict_route import StrictRoute
from serve.compliance import ComplianceService, OscalDocument, Question
from serve.findings_export import MEDIA_TYPES, FindingsFormat, format_of
from serve.problem import problem_responses

router = APIRouter(
    prefix="/compliance",
    tags=["compliance"],
    responses=problem_responses(401, 404, 422, 500, 503, 504),
    route_class=StrictRoute,
)
findings_router = APIRouter(
    prefix="/findings", tags=["compliance"], responses=problem_responses(401, 404, 422, 500, 503, 504)
)
PAGE_MAX = 10_000
Framework = Annotated[
    str | None, Query(max_length=200, description="Id or another name of a framework, like SOC2; all without it")
]
AgeDays = Annotated[int, Query(ge=1, le=3_650, description="Evidence older than this decides nothing")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[int, Query(ge=0, description="`next_cursor` of the former page")]


class ComplianceHead(BaseModel):
    """Which scan an answer follows from, and when it was asked."""

    tenant: str
    scan_as_of: str
    now: str
    evidence_age_days_max: int
    filters: Document


class CoverageView(ComplianceHead):
    """Frameworks in figures; of a framework that was named also its groups and a page of its controls.

    A control's `state` is satisfied, not-satisfied, partly or unknown, and `reason` says why; `evidence` names the
    entries of the log that it follows from.
    """

    frameworks: list[Document]
    groups: list[Document] = []
    controls: list[Document] = []
    next_cursor: str | None = None


class GapsView(ComplianceHead):
    """Controls with a gap, the most pressing kind first."""

    counts: dict[str, int]
    total: int
    gaps: list[Document]
    next_cursor: str | None = None


class MappingsBody(Request):
    """Initiatives and compliance files to import, on the platform's machine below its allowed roots."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"paths": ["initiatives/"], "described_by": ["definitions/"]}]}
    )

    paths: Annotated[list[Path], Field(min_length=1, max_length=100)]
    described_by: Annotated[list[Path], Field(max_length=100)] = Field(
        default_factory=list, description="Definitions or check metadata; mappings of anything else are reported"
    )


_OSCAL: dict[int | str, dict[str, object]] = {200: {"content": {"application/json": {}}, "description": "OSCAL 1.2.1"}}
_FINDINGS: dict[int | str, dict[str, object]] = {
    200: {"content": {media: {} for media in MEDIA_TYPES.values()}, "description": "The findings"}
}


class MapBody(Request):
    """What to map: a policy, by id or as a definition, or an entry of the evidence log."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"policy": "pcg-aws-s3-public-access-block"}, {"evidence": "2026-17"}]},
    )

    policy: Id | Document | None = None
    evidence: Annotated[str | None, Field(max_length=40, description="Id of an entry, like 2026-17")] = None
    confidence_min: float = Field(default=CONFIDENCE_MIN, ge=CONFIDENCE_MIN, le=1)


class MapView(BaseModel):
    """Controls that are proposed, the most confident first, beside those that are mapped already.

    `confidence` is how often like candidates were right among the mapped policies; `reasons` names the policies and
    words that speak for a control. A proposal is for a person to accept: it reads words, not what a rule does.
    """

    of: str
    confidence_min: float
    compared_in: list[str]
    mapped: list[Document]
    suggestions: list[Document]


@router.get("/coverage")
def coverage(  # noqa: PLR0917 (each is a query parameter)
    caller: CallerOf,
    context: Context,
    framework: Framework = None,
    age_days: AgeDays = 30,
    limit: Limit = 1_000,
    cursor: Cursor = 0,
) -> CoverageView:
    """Where frameworks and their controls stand, by the last scan and its evidence."""
    question = Question(caller.tenant, timedelta(days=age_days), framework)
    found: dict[str, Any] = _service(context).coverage(question)
    controls, following = _page(found.get("controls", []), cursor, limit)
    return CoverageView.model_validate({**found, "controls": controls, "next_cursor": following})


@router.get("/gaps")
def gaps(  # noqa: PLR0917 (each is a query parameter)
    caller: CallerOf,
    context: Context,
    framework: Framework = None,
    kind: Annotated[GapKind | None, Query(description="Only gaps of this kind")] = None,
    age_days: AgeDays = 30,
    limit: Limit = 1_000,
    cursor: Cursor = 0,
) -> GapsView:
    """Controls that fail, or that lack a policy, evidence, fresh evidence or a decision."""
    found: dict[str, Any] = _service(context).gaps(Question(caller.tenant, timedelta(days=age_days), framework), kind)
    rows, following = _page(found["gaps"], cursor, limit)
    return GapsView.model_validate({**found, "total": len(found["gaps"]), "gaps": rows, "next_cursor": following})


@router.post("/map")
def map_controls(body: MapBody, caller: CallerOf, context: Context) -> MapView:
    """Propose controls for a policy or a piece of evidence, with confidence and reasons. Nothing is kept."""
    service = _service(context)
    if (body.policy is None) == (body.evidence is None):
        raise InputError(
            "name a policy or an entry of evidence, one of the two", todo='Send {"policy": ID} or {"evidence": ID}'
        )
    if body.evidence is not None:
        entry = EntryId.parse(body.evidence)
        found = service.map_evidence(caller.tenant, entry, confidence_min=body.confidence_min)
    else:
        assert body.policy is not None
        found = service.map_policy(caller.tenant, body.policy, confidence_min=body.confidence_min)
    return MapView.model_validate(found)


@router.post("/mappings")
def import_mappings(body: MappingsBody, caller: CallerOf, context: Context) -> Document:
    """Import who maps which policy to which control: Azure initiatives and Prowler compliance files."""
    paths, described_by = (
        [FilePath(path) for path in caller.paths(context, names)] for names in (body.paths, body.described_by)
    )
    return _service(context).add_mappings(caller.tenant, paths, described_by)


@router.get("/oscal", response_class=Response, responses=_OSCAL)
def oscal(
    caller: CallerOf,
    context: Context,
    framework: Annotated[str, Query(max_length=200, description="Id or another name of a framework, like SOC2")],
    document: Annotated[OscalDocument, Query()] = OscalDocument.RESULTS,
    age_days: AgeDays = 30,
) -> Response:
    """A framework's component definition or assessment results, by the last scan, as OSCAL."""
    question = Question(caller.tenant, timedelta(days=age_days), framework)
    return Response(_service(context).oscal(question, document), media_type="application/json")


@findings_router.get("", response_class=Response, responses=_FINDINGS)
def findings(
    caller: CallerOf,
    context: Context,
    format: Annotated[
        FindingsFormat | None, Query(description="Without it the `Accept` header says; OCSF where neither does")
    ] = None,
    framework: Framework = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """The last scan's violations, open and exempt: OCSF Compliance Findings (NDJSON), CSV or Parquet."""
    chosen = format or format_of(accept)
    content = _service(context).findings(caller.tenant, chosen, framework=framework)
    suffix = "ndjson" if chosen is FindingsFormat.OCSF else chosen.value
    headers = {
        "Content-Disposition": f'attachment; filename="findings.{suffix}"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=MEDIA_TYPES[chosen], headers=headers)


def _service(context: Context) -> ComplianceService:
    return ComplianceService(context.platform, context.folders, context.clock)


def _page(rows: list[Document], cursor: int, limit: int) -> tuple[list[Document], str | None]:
    end = cursor + limit
    return rows[cursor:end], str(end) if end < len(rows) else None
