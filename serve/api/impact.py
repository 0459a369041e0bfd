"""What goes down with what, what it costs, what depends on what; and the graph as a console draws it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from assessment.blast import LIMIT_MAX, Blast, Score
from assessment.deletion import RESOURCES_MAX, Removal
from assessment.dependencies import DEPTH_MAX, Dependencies, Direction
from assessment.drawing import DEPTH_MAX as VIEW_DEPTH_MAX
from assessment.drawing import NODES_MAX, View
from assessment.impact_analysis import IDS_MAX, Analysis, assumption_rows
from cost.loss import YEARS_DEFAULT, YEARS_MAX
from domain.errors import InputError
from graph.failure import FailureMode
from serve.api.context import CallerOf, Context
from serve.api.models import Document, Id, Request
from serve.impact import analyze, assumptions_of, keep_assumptions
from serve.problem import problem_responses

router = APIRouter(tags=["impact"], responses=problem_responses(401, 404, 422, 500, 503, 504))

ResourceId = Annotated[Id, Query(description="Provider id, URL-encoded; or a name that no other resource has")]
Mode = Annotated[FailureMode, Query(description="What happens to it")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[int, Query(ge=0, description="`next_cursor` of the former page")]


class Answer(BaseModel):
    """Answers carry further fields where that says so."""

    model_config = ConfigDict(extra="forbid")

    as_of: str


class BlastView(Answer):
    """What fails and what degrades.

    `resources` are failed before degraded, the most valuable first; `probability` is that to fail, with an interval of
    90 %, and `path` leads from the centre to the resource, each step with the document and place that states the edge.
    `likely` is sampled from judged probabilities; `worth` is points, not money.
    """

    center: Document
    mode: FailureMode
    lost_at_once: int
    failed: int
    degraded: int
    monthly_cost: list[Document]
    worth: float
    worth_share: float
    likely: Document
    reasons: list[Document]
    notes: list[str]
    resources: list[Document]
    next_cursor: int | None = None


class ScoreView(Answer):
    """The share of the estate's worth that fails with one resource, in percent."""

    score: float
    center: Document
    mode: FailureMode
    failed: int
    degraded: int
    monthly_cost: list[Document]
    worth: float
    likely: Document
    reasons: list[Document]


class DependenciesView(Answer):
    """Dependencies first, then dependents, each nearest first."""

    center: Document
    mode: FailureMode
    direction: Direction
    depth: int
    counts: dict[str, int]
    items: list[Document]
    next_cursor: int | None = None


class DeletionView(Answer):
    """Waves of resources that can go together, circles that have no order, and who stays and uses what goes."""

    asked: int
    resources: int
    monthly_cost: list[Document]
    waves: int
    items: list[Document]
    cycles: list[Document]
    cycles_total: int
    kept_users: list[Document]
    kept_users_total: int
    unfollowed: int


class AnalyzeImpactBody(Request):
    """What to analyse: resources that go down together, policies, or both; without either, every violation.

    `assumptions` are for this question alone, in the form of `PUT /impact/assumptions`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "policy_ids": ["pcg-aws-rds-public"],
                    "assumptions": {"ranges": {"outage.hours": {"low": 1, "high": 4}}},
                }
            ]
        },
    )

    resource_ids: Annotated[list[Id], Field(max_length=IDS_MAX, default_factory=list)]
    policy_ids: Annotated[list[Id], Field(max_length=IDS_MAX, default_factory=list)]
    mode: FailureMode = FailureMode.DELETE
    years: Annotated[int, Field(ge=100, le=YEARS_MAX, description="Years that are simulated")] = YEARS_DEFAULT
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    assumptions: dict[str, Any] = Field(default_factory=dict)


class AnalysisView(Answer):
    """Downtime, penalties, work and risk, each with mean, interval of 90 %, currency, and what it rests on.

    Parts are not added: they answer different questions. What is not known is null, with `reason`.
    """

    seed: int
    years: int
    interval: float
    mode: FailureMode
    violations: int
    resources: int
    downtime: Document
    penalty: Document
    efficiency: Document
    risk: Document
    assumptions: list[Document]
    notes: list[str]


class AssumptionsView(BaseModel):
    """Ranges that hold nine of ten outcomes, with source and year; and what a tenant says of itself."""

    ranges: list[Document]
    frameworks: list[str] | None
    currency: str
    hour_values: dict[str, Document]
    no_penalty: dict[str, str]


class GraphView(Answer):
    """Nodes and edges to draw. `level` is the finest that fits; a node keeps `key` and `seed` in every view."""

    resources: int
    level: str
    nodes: list[Document]
    edges: list[Document]
    edges_inside: int
    edges_left_out: int


@router.get("/impact/blast-radius")
def blast_radius(  # noqa: PLR0917 (each is a query parameter)
    caller: CallerOf,
    context: Context,
    resource_id: Annotated[Id | None, Query(description="What fails; not with a zone or region")] = None,
    mode: Mode = FailureMode.DELETE,
    zone: Annotated[Id | None, Query(description="Zone that is lost, like eu-west-1a or westeurope-2")] = None,
    region: Annotated[Id | None, Query(description="Region that is lost")] = None,
    limit: Limit = 100,
    cursor: Cursor = 0,
) -> BlastView:
    """What goes down with one resource in a failure mode, or with a zone or a region."""
    center, failure = _center(resource_id, mode, zone, region)
    asked = Blast(center, failure, limit, cursor)
    return BlastView.model_validate(_answer(caller, context, asked))


@router.get("/impact/score/{resource_id:path}")
def score(
    resource_id: Annotated[str, Path(description="Provider id, URL-encoded: slashes as %2F, or as they are")],
    caller: CallerOf,
    context: Context,
    mode: Mode = FailureMode.DELETE,
) -> ScoreView:
    """How much of the estate's worth goes down with one resource."""
    return ScoreView.model_validate(_answer(caller, context, Score(resource_id, mode)))


@router.get("/impact/dependencies")
def dependencies(  # noqa: PLR0917 (each is a query parameter)
    caller: CallerOf,
    context: Context,
    resource_id: ResourceId,
    direction: Annotated[
        Direction, Query(description="What it depends on, what depends on it, or both")
    ] = Direction.BOTH,
    mode: Mode = FailureMode.DELETE,
    depth: Annotated[int, Query(ge=1, le=DEPTH_MAX, description="Steps that are followed")] = 3,
    limit: Limit = 100,
    cursor: Cursor = 0,
) -> DependenciesView:
    """What a resource depends on and what depends on it, with the way to each."""
    asked = Dependencies(resource_id, direction, mode, depth, limit, cursor)
    return DependenciesView.model_validate(_answer(caller, context, asked))


@router.get("/impact/deletion-order")
def deletion_order(
    caller: CallerOf,
    context: Context,
    resource_id: Annotated[list[Id], Query(max_length=RESOURCES_MAX, description="May be repeated")],
    with_dependents: Annotated[bool, Query(description="Also what fails without them")] = True,
    limit: Limit = 1_000,
) -> DeletionView:
    """In which order resources can be deleted, and what stands in the way."""
    asked = Removal(tuple(resource_id), with_dependents, limit)
    return DeletionView.model_validate(_answer(caller, context, asked))


@router.post("/impact/analyze")
def analyze_impact(body: AnalyzeImpactBody, caller: CallerOf, context: Context) -> AnalysisView:
    """What downtime, penalties, work and risk come to, by the last scan, the graph and what is assumed."""
    asked = Analysis(tuple(body.resource_ids), tuple(body.policy_ids), body.mode, body.years, body.seed)
    assumed = assumptions_of(context.folders, caller.tenant, body.assumptions)
    found = analyze(context.platform, caller.tenant, asked, assumed, as_of=context.clock.now())
    return AnalysisView.model_validate(found)


@router.get("/impact/assumptions")
def assumptions(caller: CallerOf, context: Context) -> AssumptionsView:
    """What analyses assume for this tenant."""
    return AssumptionsView.model_validate(assumption_rows(assumptions_of(context.folders, caller.tenant)))


@router.put("/impact/assumptions")
def put_assumptions(body: dict[str, Any], caller: CallerOf, context: Context) -> AssumptionsView:
    """Keep the tenant's own: `ranges`, `frameworks`, `currency`, `hour_values`; an empty object keeps the defaults."""
    keep_assumptions(context.folders, caller.tenant, body)
    return assumptions(caller, context)


@router.get("/graph/view")
def graph_view(  # noqa: PLR0917 (each is a query parameter)
    caller: CallerOf,
    context: Context,
    scope: Annotated[Id | None, Query(description="Only at or below this scope")] = None,
    type: Annotated[Id | None, Query(description="Only of this type")] = None,
    around: Annotated[Id | None, Query(description="Only within `depth` edges of this resource")] = None,
    depth: Annotated[int, Query(ge=1, le=VIEW_DEPTH_MAX)] = 2,
    open: Annotated[list[Id] | None, Query(max_length=1_000, description="Keys of nodes to open")] = None,
    nodes_max: Annotated[int, Query(ge=1, le=NODES_MAX)] = NODES_MAX,
) -> GraphView:
    """The graph to draw: resources by themselves, or gathered by scope and type where they are too many."""
    asked = View(scope, type, around, depth, tuple(open or ()), nodes_max)
    return GraphView.model_validate(_answer(caller, context, asked))


def _answer(caller: CallerOf, context: Context, asked: Any) -> Document:
    return dict(context.platform.impact(caller.tenant, asked, as_of=context.clock.now()))


def _center(
    resource_id: str | None, mode: FailureMode, zone: str | None, region: str | None
) -> tuple[str, FailureMode]:
    """What fails, and how: a zone or region brings its own mode."""
    given = [each for each in (resource_id, zone, region) if each is not None]
    if len(given) != 1 or (resource_id is not None and mode in {FailureMode.ZONE_LOSS, FailureMode.REGION_LOSS}):
        raise InputError(
            "name one resource, one zone or one region",
            got=len(given),
            mode=mode.value,
            todo="Give resource_id with a mode, or zone, or region",
        )
    if resource_id is not None:
        return resource_id, mode
    return given[0], FailureMode.REGION_LOSS if zone is None else FailureMode.ZONE_LOSS
