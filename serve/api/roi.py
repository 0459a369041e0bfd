"""The governance P&L: what was saved by the bills, what governance costs, and the ledger behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from pydantic import AwareDatetime, ConfigDict, Field

from assessment.ledger import SavingTrigger
from serve.api.context import CallerOf, Context, IdempotencyKey
from serve.api.models import Document, Request
from serve.api.strict_route import StrictRoute
from serve.problem import problem_responses
from serve.roi import DAYS, DAYS_MAX, Promise
from serve.whatif_models import Value, Where, Word

router = APIRouter(
    prefix="/roi",
    tags=["roi"],
    responses=problem_responses(401, 404, 422, 500, 503, 504),
    route_class=StrictRoute,
)

SavingId = Annotated[str, InPath(max_length=140, pattern="^sav-[A-Za-z0-9._:-]{1,120}$")]
Days = Annotated[int, Query(ge=1, le=DAYS_MAX, description="Days of the window, back from the bill's last whole day")]
Amount = Annotated[Decimal, Field(ge=0, max_digits=24, decimal_places=12)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Role = Annotated[str, Field(min_length=1, max_length=200, description="A role, not a person: role:finops-lead")]


class PredictedBody(Request):
    """What is predicted to be saved in 30 days."""

    low: Amount
    likely: Amount
    high: Amount


class SavingBody(Request):
    """A saving to enter into the ledger. Without `where`, it concerns the resources that violate the policy now."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "title": "Halve the test databases",
                    "currency": "USD",
                    "where": {"service": ["Amazon RDS"], "tag:environment": ["test"]},
                    "predicted_30_days": {"low": "800", "likely": "1000", "high": "1200"},
                    "by": "role:finops-lead",
                }
            ]
        },
    )

    title: Annotated[str, Field(min_length=1, max_length=200)]
    currency: Currency
    predicted_30_days: PredictedBody
    by: Role
    where: Where | None = None
    policy_id: Annotated[str, Field(max_length=200)] = ""
    whatif_id: Annotated[str, Field(max_length=40)] = ""
    at: AwareDatetime | None = None


class StepBody(Request):
    """Who decided or did it, and when; now without a time."""

    by: Role
    at: AwareDatetime | None = None


class PlatformCostBody(Request):
    """What the platform itself costs: a fee a month, and the billing rows of what it runs on."""

    fee_month: Amount
    currency: Currency
    where: Annotated[dict[Word, list[Value]], Field(max_length=10, default_factory=dict)]


@router.get("/dashboard")
def dashboard(caller: CallerOf, context: Context, *, days: Days = DAYS) -> Document:
    """The whole statement: figures, savings timeline, policy impact, compliance coverage, and the summary in words."""
    return context.roi.dashboard(caller.tenant, days=days)


@router.get("/metrics")
def metrics(caller: CallerOf, context: Context, *, days: Days = DAYS) -> Document:
    """The figures alone: profit and loss by currency, times, score and risk."""
    return context.roi.metrics(caller.tenant, days=days)


@router.get("/savings")
def savings(caller: CallerOf, context: Context) -> Document:
    """The ledger: every saving with its steps and their evidence."""
    return context.roi.savings(caller.tenant)


@router.post("/savings", status_code=201)
def predict(body: SavingBody, caller: CallerOf, context: Context, key: IdempotencyKey = None) -> Document:
    """Enter a saving that is predicted."""
    predicted = body.predicted_30_days
    promise = Promise(
        title=body.title,
        currency=body.currency,
        low=predicted.low,
        likely=predicted.likely,
        high=predicted.high,
        by=body.by,
        where={name: tuple(values) for name, values in (body.where or {}).items()},
        policy_id=body.policy_id,
        whatif_id=body.whatif_id,
        at=body.at,
    )
    return context.roi.predict(caller.tenant, promise, key=key)


@router.get("/savings/{saving_id}")
def saving(saving_id: SavingId, caller: CallerOf, context: Context) -> Document:
    """One saving: what bills show of it, its evidence, and the largest billing rows behind it."""
    return context.roi.saving(caller.tenant, saving_id)


@router.post("/savings/{saving_id}/{trigger}", responses=problem_responses(409))
def move(saving_id: SavingId, trigger: SavingTrigger, body: StepBody, caller: CallerOf, context: Context) -> Document:
    """Approve, apply, reject or roll back a saving. Each step is recorded as evidence."""
    return context.roi.move(caller.tenant, saving_id, trigger, by=body.by, at=body.at)


@router.post("/platform-cost")
def platform_cost(body: PlatformCostBody, caller: CallerOf, context: Context) -> Document:
    """State what the platform itself costs; it is subtracted from what it saves."""
    where = {name: tuple(values) for name, values in body.where.items()}
    return context.roi.price(caller.tenant, fee_month=body.fee_month, currency=body.currency, where=where)
