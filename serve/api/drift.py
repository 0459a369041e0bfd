"""Drift: baselines, what differs from them now, who did it, and webhooks that are told."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from actors.drift_pages import LIMIT_MAX, DriftQuery
from domain.drift import DriftKind, DriftTrigger
from domain.finding import Severity
from serve.api.context import CallerOf, Context
from serve.api.models import Document, Id, Path, Request
from serve.api.strict_route import StrictRoute
from serve.drift_subscriptions import Wanted
from serve.problem import problem_responses

router = APIRouter(
    prefix="/drift",
    tags=["drift"],
    responses=problem_responses(401, 404, 422, 500, 503, 504),
    route_class=StrictRoute,
)

Word = Annotated[str | None, Query(max_length=4_096)]
SubscriptionId = Annotated[str, InPath(max_length=40, pattern="^sub-[0-9a-f]{16}$")]


class DriftView(BaseModel):
    """One resource that is not as declared.

    `attributes` holds each path with what is declared and what is there; one that is not set is left out.
    `uncompared` counts declared attributes that nobody could compare. `policies` read a drifted attribute.
    """

    drift_id: str
    kind: Literal["changed", "unmanaged", "missing", "moved"]
    resource_id: str
    resource_type: str
    name: str
    scope: str
    region: str
    severity: Literal["critical", "high", "medium", "low"]
    policies: list[str]
    baseline: str | None
    address: str | None
    attributes: list[Document]
    moved_to: str | None
    uncompared: int
    detected_at: str | None
    changed_at: str | None
    changed_by: Document | None
    synthetic: bool


class ActiveView(BaseModel):
    """A page of open drifts, worst first, then the oldest; `total` counts all that fit."""

    items: list[DriftView]
    total: int
    by_severity: dict[str, int]
    next_cursor: str | None


class BaselinesBody(Request):
    """Files to import as baselines, on the platform's machine below its allowed roots."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"paths": ["states/shop.tfstate"], "name": "shop"}]}
    )

    paths: Annotated[list[Path], Field(min_length=1, max_length=1_000)]
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Of one baseline; else each has its file's name"
    )
    approve: bool = Field(default=False, description="The files are an export whose resources are approved as they are")


class AuditBody(Request):
    """Audit logs to import: CloudTrail, Azure Activity Log, Google Cloud audit logs."""

    paths: Annotated[list[Path], Field(min_length=1, max_length=1_000)]


class SubscribeBody(Request):
    """A webhook to tell. Its messages are signed with the secret that the answer holds (docs/drift.md)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"url": "https://hooks.example.com/drift", "severity": "high"}]},
    )

    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    severity: Severity | None = Field(default=None, description="This severity and worse")
    kinds: Annotated[list[DriftKind], Field(max_length=4)] = Field(default_factory=list)
    events: Annotated[list[DriftTrigger], Field(max_length=3)] = Field(default_factory=list)


class SubscriptionView(BaseModel):
    """A webhook, and how telling it goes: `failing` is tried again, `ended` is not."""

    subscription_id: str
    url: str
    created_at: str
    severity: str | None
    kinds: list[str]
    events: list[str]
    state: Literal["active", "failing", "ended"]
    delivered: int
    dead: int
    attempt: int
    reason: str | None


class SubscribedView(SubscriptionView):
    """The same, with the secret: it is told this once."""

    secret: str


class Rows(BaseModel):
    """Rows."""

    items: list[Document]


@router.get("/active")
def active(  # noqa: PLR0917 (each is a query parameter)
    caller: CallerOf,
    context: Context,
    severity: Annotated[Severity | None, Query(description="This severity and worse")] = None,
    kind: DriftKind | None = None,
    type: Word = None,
    scope: Annotated[str | None, Query(max_length=4_096, description="At or below it")] = None,
    baseline: Word = None,
    resource_id: Word = None,
    since: Annotated[AwareDatetime | None, Query(description="Detected at or after it")] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 100,
    cursor: Annotated[str | None, Query(max_length=400, description="`next_cursor` of the former page")] = None,
) -> ActiveView:
    """What has drifted and is not yet as declared."""
    query = DriftQuery(severity, kind, type, scope, baseline, resource_id, since, limit, cursor)
    return ActiveView.model_validate(context.drift.active(caller.tenant, query))


@router.post("/subscribe", status_code=201)
def subscribe(body: SubscribeBody, caller: CallerOf, context: Context) -> SubscribedView:
    """Tell a webhook of drift from now on. A message that cannot be told is tried again, then put aside."""
    wanted = Wanted(body.url, body.severity, tuple(body.kinds), tuple(body.events))
    return SubscribedView.model_validate(context.drift.subscribe(caller.tenant, wanted))


@router.get("/subscriptions")
def subscriptions(caller: CallerOf, context: Context) -> list[SubscriptionView]:
    """Who is told, and how that goes."""
    rows = context.drift.subscriptions(caller.tenant)["items"]
    return [SubscriptionView.model_validate(row) for row in rows]


@router.get("/subscriptions/{subscription_id}/dead-letters")
def dead_letters(subscription_id: SubscriptionId, caller: CallerOf, context: Context) -> Rows:
    """Messages that could not be told, with the reason."""
    return Rows.model_validate(context.drift.dead_letters(caller.tenant, subscription_id))


@router.post("/subscriptions/{subscription_id}/redeliver")
def redeliver(subscription_id: SubscriptionId, caller: CallerOf, context: Context) -> Document:
    """Try once more what could not be told."""
    return dict(context.drift.redeliver(caller.tenant, subscription_id))


@router.delete("/subscriptions/{subscription_id}")
def unsubscribe(subscription_id: SubscriptionId, caller: CallerOf, context: Context) -> Document:
    """Tell a webhook no longer."""
    return dict(context.drift.unsubscribe(caller.tenant, subscription_id))


@router.post("/baselines", status_code=201)
def declare(body: BaselinesBody, caller: CallerOf, context: Context) -> Document:
    """Import baselines in the place of those of their names, and compare everything with them."""
    paths = caller.paths(context, body.paths)
    return dict(context.drift.declare(caller.tenant, paths, name=body.name, is_approval=body.approve))


@router.get("/baselines")
def baselines(caller: CallerOf, context: Context) -> Rows:
    """What is declared."""
    return Rows.model_validate(context.drift.baselines(caller.tenant))


@router.post("/audit", status_code=201)
def audit(body: AuditBody, caller: CallerOf, context: Context) -> Document:
    """Import audit logs: open drifts learn who brought them about, and when."""
    return dict(context.drift.blame(caller.tenant, caller.paths(context, body.paths)))


@router.post("/check")
def check(caller: CallerOf, context: Context) -> Document:
    """Compare everything anew with every baseline."""
    return dict(context.drift.check(caller.tenant))


@router.get("/{drift_id}")
def drift(drift_id: Annotated[Id, InPath(max_length=64)], caller: CallerOf, context: Context) -> DriftView:
    """One open drift."""
    return DriftView.model_validate(context.drift.drift(caller.tenant, drift_id))


@router.delete("/baselines/{name:path}")
def withdraw(name: Annotated[str, InPath(max_length=200)], caller: CallerOf, context: Context) -> Document:
    """Forget a baseline; its drifts are resolved."""
    return dict(context.drift.withdraw(caller.tenant, name))
