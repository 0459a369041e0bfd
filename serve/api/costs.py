"""What things cost, by the bills that were imported: sums, trends, and cost given out by declared rules."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from assessment.money import amount_text
from assessment.spend import POLICY, Money, PolicySpend, Trend, by_policy, calculate, trends
from cost.billing.query import BillingQuery, Measure
from cost.billing.rates import read_rates
from cost.forecast import HORIZON_MAX, Projection
from cost.sharing import Method, Shared, SharingRule
from serve.api.context import ApiContext, Caller, CallerOf, Context
from serve.api.models import Document, Request
from serve.costs import billing_store, rates_file
from serve.problem import problem_responses

router = APIRouter(prefix="/costs", tags=["costs"], responses=problem_responses(401, 404, 422, 500, 503))

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Group = Annotated[str, Field(min_length=1, max_length=260)]
Text = Annotated[str, Field(max_length=1_024)]
DAYS: Final = 180


class RuleBody(Request):
    """How a shared cost is given out: evenly, in proportion to own cost, or by weights, which are decimals as text."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    shared: Annotated[list[Text], Field(min_length=1, max_length=1_000)]
    method: Method
    weights: Annotated[dict[Text, Decimal], Field(max_length=1_000, default_factory=dict)]
    receivers: Annotated[list[Text], Field(max_length=1_000, default_factory=list)]


class CalculateBody(Request):
    """Cost by one group: a column of the bill, `tag:KEY`, or `policy`. The day `end` is not part of it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"by": "tag:team", "rules": [{"name": "untagged", "shared": [""], "method": "proportional"}]},
            ]
        },
    )

    by: Group = "service"
    start: date | None = None
    end: date | None = None
    where: Annotated[dict[Group, Text], Field(max_length=20, default_factory=dict)]
    cost: Measure = Measure.EFFECTIVE
    currency: Currency | None = None
    rules: Annotated[list[RuleBody], Field(max_length=100, default_factory=list)]
    limit: int = Field(default=10_000, ge=1, le=100_000, description="Most groups")


class CostsView(BaseModel):
    """Cost by group in each currency. The totals of the items and what is undistributed are the `whole`."""

    by: str
    cost: Measure
    currencies: list[Document]


class TrendsView(BaseModel):
    """Series of daily cost, the dearest first, each with what stands out and a forecast of the next days."""

    cost: Measure
    horizon_days: int
    series: list[Document]


@router.post("/calculate")
def calculate_(body: CalculateBody, caller: CallerOf, context: Context) -> CostsView:
    """What things cost, with shared cost given out by declared rules; the parts add up to the whole."""
    store = billing_store(context.folders, caller.tenant)
    query = BillingQuery((body.by,), body.cost, body.start, body.end, body.where, body.limit)
    money = _money(context, caller, body.cost, body.currency)
    if body.by == POLICY:
        found = by_policy(store, query, money, context.platform.violations(caller.tenant))
        rows = [_policies(currency, spent) for currency, spent in found.items()]
    else:
        shared = calculate(store, query, money, [_rule(rule) for rule in body.rules])
        rows = [_shares(currency, each) for currency, each in shared.items()]
    return CostsView(by=body.by, cost=body.cost, currencies=rows)


@router.get("/trending")
def trending(
    caller: CallerOf,
    context: Context,
    *,
    by: Annotated[str | None, Query(min_length=1, max_length=260, description="One group; all in one without")] = None,
    start: Annotated[date | None, Query(description="First day; 180 days before the end without")] = None,
    end: Annotated[date | None, Query(description="Day after the last; tomorrow without")] = None,
    cost: Measure = Measure.EFFECTIVE,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$", description="All in one, by the rates table")] = None,
    horizon_days: Annotated[int, Query(ge=1, le=HORIZON_MAX)] = 30,
) -> TrendsView:
    """How daily cost goes: series, days that stand out, and the sum of the next days beside the mean of the last 28."""
    until = end or context.clock.now().date() + timedelta(days=1)
    query = BillingQuery((by,) if by else (), cost, start or until - timedelta(days=DAYS), until)
    store = billing_store(context.folders, caller.tenant)
    found = trends(store, query, _money(context, caller, cost, currency), horizon_days=horizon_days)
    return TrendsView(cost=cost, horizon_days=horizon_days, series=[_series(trend) for trend in found])


def _money(context: ApiContext, caller: Caller, measure: Measure, currency: str | None) -> Money:
    if currency is None:
        return Money(measure)
    place = rates_file(context.folders, caller.tenant)
    return Money(measure, currency, read_rates(place) if place.exists() else None)


def _rule(body: RuleBody) -> SharingRule:
    return SharingRule(body.name, frozenset(body.shared), body.method, body.weights, frozenset(body.receivers))


def _shares(currency: str, shared: Shared) -> Document:
    return {
        "currency": currency,
        "whole": amount_text(shared.whole),
        "items": [
            {
                "key": each.key,
                "own": amount_text(each.own),
                "given": {name: amount_text(part) for name, part in each.given.items()},
                "total": amount_text(each.total),
            }
            for each in shared.shares
        ],
        "undistributed": {key: amount_text(amount) for key, amount in shared.undistributed.items()},
    }


def _policies(currency: str, spent: tuple[PolicySpend, ...]) -> Document:
    return {
        "currency": currency,
        "whole": amount_text(sum((each.attributed for each in spent), Decimal(0))),
        "items": [
            {
                "key": each.policy_id,
                "total": amount_text(each.attributed),
                "at_risk": amount_text(each.at_risk),
                "resources": each.resources,
            }
            for each in spent
        ],
        "undistributed": {},
    }


def _series(trend: Trend) -> Document:
    made = trend.forecast
    return {
        "key": trend.key,
        "currency": trend.currency,
        "start": trend.start.isoformat(),
        "total": amount_text(trend.total),
        "daily": [amount_text(amount) for amount in trend.daily],
        "anomalies": [
            {
                "day": (trend.start + timedelta(days=each.day)).isoformat(),
                "actual": round(each.actual, 2),
                "expected": round(each.expected, 2),
                "score": round(each.score, 1),
            }
            for each in trend.anomalies
        ],
        "forecast": None
        if made is None
        else {
            "horizon_days": made.horizon_days,
            "origins": made.origins,
            "best": _projection(made.best),
            "mean_of_28_days": _projection(made.mean),
        },
    }


def _projection(made: Projection) -> dict[str, Any]:
    return {
        "method": made.method.value,
        "total": round(made.total, 2),
        "low": None if made.low is None else round(made.low, 2),
        "high": None if made.high is None else round(made.high, 2),
        "median_error": None if made.error is None else round(made.error, 4),
    }
