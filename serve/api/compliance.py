"""Compliance of a tenant: coverage of frameworks, gaps, and mappings of policies to controls."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from assessment.compliance_document import GapKind
from serve.api.context import CallerOf, Context
from serve.api.models import Document, Path, Request
from serve.api.strict_route import StrictRoute
from serve.compliance import ComplianceService, Question
from serve.problem import problem_responses

router = APIRouter(
    prefix="/compliance",
    tags=["compliance"],
    responses=problem_responses(401, 404, 422, 500, 503, 504),
    route_class=StrictRoute,
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


@router.post("/mappings")
def import_mappings(body: MappingsBody, caller: CallerOf, context: Context) -> Document:
    """Import who maps which policy to which control: Azure initiatives and Prowler compliance files."""
    paths, described_by = (
        [FilePath(path) for path in caller.paths(context, names)] for names in (body.paths, body.described_by)
    )
    return _service(context).add_mappings(caller.tenant, paths, described_by)


def _service(context: Context) -> ComplianceService:
    return ComplianceService(context.platform, context.folders, context.clock)


def _page(rows: list[Document], cursor: int, limit: int) -> tuple[list[Document], str | None]:
    end = cursor + limit
    return rows[cursor:end], str(end) if end < len(rows) else None
