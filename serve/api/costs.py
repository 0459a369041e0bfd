"""What things cost, by the bills that were imported: sums, trends, and cost given out by declared rules."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from assessment.cost_impact_commitments import CommitmentQuestion, advise
from assessment.cost_impact_machines import MachinesQuestion
from assessment.cost_impact_waste import LIMIT_MAX as WASTE_MAX
from assessment.cost_impact_waste import WasteQuestion
from assessment.money import amount_text
from assessment.spend import POLICY, Money, PolicySpend, Trend, by_policy, calculate, trends
from cost.billing.query import BillingQuery, Measure
from cost.billing.rates import read_rates
from cost.commitment_scenarios import Expected
from cost.commitments import TRANCHES_MAX
from cost.forecast import HORIZON_MAX, Projection
from cost.prices import PRICES_MAX, unit_prices
from cost.rightsizing import HEADROOM
from cost.sharing import Method, Shared, SharingRule
from cost.waste import WasteKind
from serve.api.context import ApiContext, Caller, CallerOf, Context
from serve.api.models import Document, Request
from serve.cost_impact import ImpactQuestion, policy_impact, price_row, rightsized
from serve.costs import billing_store, rates_file
from serve.metrics_store import processor_use
from serve.problem import problem_responses

router = APIRouter(prefix="/costs", tags=["costs"], responses=problem_responses(401, 404, 422, 500, 503))

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Group = Annotated[str, Field(min_length=1, max_length=260)]
Text = Annotated[str, Field(max_length=1_024)]
Start = Annotated[date | None, Query(description="First day")]
End = Annotated[date | None, Query(description="Day after the last")]
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


class ExpectedBody(Request):
    """A change of demand that the owner expects; the classes without one weigh 1 together."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    day: Annotated[int, Field(ge=0, le=1_095)]
    factor: Annotated[float, Field(ge=0, le=100)]
    weight: Annotated[float, Field(gt=0, le=100)]


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


class PolicyImpactView(BaseModel):
    """What a policy costs and saves.

    `at_risk` and `resources` are of the scan's month. `bill` is of the stored bills and the days asked: in each
    currency, the policy's own part, what declared rules give it of shared cost, what mending saves, and the whole bill
    by policy, which it is a part of. `rows` are billing rows behind its dearest resources, with file and row.
    """

    policy_id: str
    title: str
    as_of: str
    effective_month: str | None
    periods: list[Document]
    violations: int
    at_risk: list[Document]
    resources: list[Document]
    start: str | None
    end: str | None
    bill: list[Document]
    rows: list[Document]


class ImpactBody(Request):
    """Rules for shared cost: `shared` names groups such as `(tax)`, `(credit)`, `(unused commitments)`."""

    start: date | None = None
    end: date | None = None
    rules: Annotated[list[RuleBody], Field(max_length=100, default_factory=list)]


class WasteView(BaseModel):
    """Cases with evidence, dearest first, then what cannot be decided with the reason.

    `savings` count each resource once, and only what ends with it.
    """

    as_of: str
    cases: int
    undecided: int
    savings: list[Document]
    by_kind: list[Document]
    items: list[Document]
    next_cursor: int | None = None


class RightsizingView(BaseModel):
    """Smaller sizes that carry what was needed, and machines of which nothing can be said, with the reason."""

    headroom: float
    savings: list[Document]
    proposals: list[Document]
    refused: list[Document]
    reasons: dict[str, int]


class ItemsView(BaseModel):
    """Rows."""

    items: list[Document]


class CommitmentsBody(Request):
    """How much to commit to. Without `rate`, what is held now says what a commitment costs."""

    services: Annotated[list[Group], Field(min_length=1, max_length=100)]
    rate: Annotated[float | None, Field(gt=0, lt=1, description="Price as a share of the on-demand price")] = None
    term_days: Annotated[int, Field(ge=30, le=1_095)] = 365
    days: Annotated[int, Field(ge=30, le=1_095, description="Days that are projected")] = 365
    paths: Annotated[int, Field(ge=50, le=5_000, description="Paths for each class of scenario")] = 300
    tranches: Annotated[int, Field(ge=1, le=TRANCHES_MAX)] = 4
    every_days: Annotated[int, Field(ge=1, le=365)] = 30
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    start: date | None = None
    end: date | None = None
    expected: Annotated[list[ExpectedBody], Field(max_length=20, default_factory=list)]


@router.get("/impact/{policy_id}")
def cost_impact(  # noqa: PLR0917 (each is a query parameter)
    policy_id: str,
    caller: CallerOf,
    context: Context,
    start: Start = None,
    end: End = None,
    rows: Annotated[int, Query(ge=0, le=1_000, description="Most billing rows")] = 0,
) -> PolicyImpactView:
    """What one policy's violations cost, and what mending them saves."""
    asked = ImpactQuestion(policy_id, start, end, (), rows)
    return PolicyImpactView.model_validate(policy_impact(context.platform, context.folders, caller.tenant, asked))


@router.post("/impact/{policy_id}")
def cost_impact_by_rules(
    policy_id: str,
    body: ImpactBody,
    caller: CallerOf,
    context: Context,
    rows: Annotated[int, Query(ge=0, le=1_000, description="Most billing rows")] = 0,
) -> PolicyImpactView:
    """The same with cost that belongs to no resource given out by declared rules; the parts are the whole bill."""
    asked = ImpactQuestion(policy_id, body.start, body.end, tuple(_rule(rule) for rule in body.rules), rows)
    return PolicyImpactView.model_validate(policy_impact(context.platform, context.folders, caller.tenant, asked))


@router.get("/waste")
def waste(
    caller: CallerOf,
    context: Context,
    kind: Annotated[list[WasteKind] | None, Query(description="Only these; may be repeated")] = None,
    limit: Annotated[int, Query(ge=1, le=WASTE_MAX)] = 100,
    cursor: Annotated[int, Query(ge=0, description="`next_cursor` of the former page")] = 0,
) -> WasteView:
    """What is paid for and serves nobody, with evidence; what cannot be known is said, with the reason."""
    used = processor_use(context.folders, caller.tenant)
    asked = WasteQuestion(frozenset(kind or ()), limit, cursor, used)
    found = context.platform.impact(caller.tenant, asked, as_of=context.clock.now())
    return WasteView.model_validate(found)


@router.get("/machines")
def machines(caller: CallerOf, context: Context) -> ItemsView:
    """Machines with size, region and monthly cost, as rightsizing sees them."""
    found: Document = dict(context.platform.impact(caller.tenant, MachinesQuestion(), as_of=context.clock.now()))
    return ItemsView(items=found["items"])


@router.get("/rightsizing")
def rightsizing(
    caller: CallerOf,
    context: Context,
    headroom: Annotated[
        float, Query(ge=0, le=2, description="Share that is kept free of the 95th percentile")
    ] = HEADROOM,
) -> RightsizingView:
    """Sizes that carry what was needed with head-room; refused without memory use."""
    found = rightsized(context.platform, context.folders, caller.tenant, headroom, as_of=context.clock.now())
    return RightsizingView.model_validate(found)


@router.get("/prices")
def prices(
    caller: CallerOf,
    context: Context,
    start: Start = None,
    end: End = None,
    limit: Annotated[int, Query(ge=1, le=PRICES_MAX)] = 1_000,
) -> ItemsView:
    """Unit prices out of the tenant's own bills, those most was paid at first."""
    found = unit_prices(billing_store(context.folders, caller.tenant), start=start, end=end)
    return ItemsView(items=[price_row(each) for each in found[:limit]])


@router.post("/commitments")
def commitments(body: CommitmentsBody, caller: CallerOf, context: Context) -> ItemsView:
    """How much to commit to, by currency: beside simple rules, with regret, coverage, utilisation and a ladder."""
    asked = CommitmentQuestion(
        services=tuple(body.services),
        rate=body.rate,
        term_days=body.term_days,
        days=body.days,
        paths=body.paths,
        tranches=body.tranches,
        every_days=body.every_days,
        seed=body.seed,
        start=body.start,
        end=body.end,
        expected=tuple(Expected(each.name, each.day, each.factor, each.weight) for each in body.expected),
    )
    return ItemsView(items=advise(billing_store(context.folders, caller.tenant), asked))


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
