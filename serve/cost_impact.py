"""What a policy costs and which machines could be smaller, for a tenant: scan, bills and samples put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from actors.folders import Folders
from actors.impact_desk import Question
from assessment.cost_impact import (
    BillByPolicy,
    PolicyMoney,
    policy_entry,
    policy_money,
    require_known,
)
from assessment.cost_impact_machines import MachinesQuestion, covered_shares, machines_of, rightsizing_document
from assessment.money import amount_text
from cost.billing.query import BillingQuery, rows_behind
from cost.billing.store import BillingStore
from cost.machine_prices import MachinePrices
from cost.prices import UnitPrice, unit_prices
from cost.rightsizing import rightsize
from cost.sharing import SharingRule
from domain.tenancy import TenantId
from domain.value import Json
from serve.costs import billing_store
from serve.metrics_store import metrics_of

RESOURCES_WITH_ROWS: int = 20


class Asked(Protocol):
    """What is asked of a platform."""

    def document(self, tenant: TenantId, scan_id: str | None = None) -> Mapping[str, Json]:
        """The last scan's document."""

    def cost_impact(self, tenant: TenantId, policy_id: str) -> Mapping[str, Json]:
        """What one policy's violations cost a month, by the last scan."""


class Graph(Protocol):
    """What answers questions about the graph."""

    def impact(self, tenant: TenantId, question: Question, *, as_of: datetime) -> Mapping[str, Json]:
        """One answer."""


@dataclass(frozen=True, slots=True)
class ImpactQuestion:
    """A question about one policy; `rows` is the most billing rows to show."""

    policy_id: str
    start: date | None = None
    end: date | None = None
    rules: tuple[SharingRule, ...] = ()
    rows: int = 0


def policy_impact(platform: Asked, folders: Folders, tenant: TenantId, asked: ImpactQuestion) -> dict[str, Any]:
    """What one policy costs and saves.

    Raises:
        NotFound: the last scan did not know the policy.
        InputError: a rule makes no sense.
    """
    document: Mapping[str, Any] = platform.document(tenant)
    policy = policy_entry(document, asked.policy_id)
    tags = {row["id"]: row["cost_tag"] for row in document["policies"]}
    require_known(asked.rules, tags)
    query = BillingQuery((), start=asked.start, end=asked.end)
    store = billing_store(folders, tenant)
    found, bills = policy_money(store, policy, document["violations"], query, asked.rules, tags=tags)
    return {
        **platform.cost_impact(tenant, asked.policy_id),
        "start": asked.start and asked.start.isoformat(),
        "end": asked.end and asked.end.isoformat(),
        "bill": [_money_row(money, bill) for money, bill in zip(found, bills, strict=True)],
        "rows": _rows(store, found, asked),
    }


def rightsized(
    platform: Graph, folders: Folders, tenant: TenantId, headroom: float, *, as_of: datetime
) -> dict[str, Any]:
    """Which machines could be smaller.

    Raises:
        InputError: the head-room is out of bounds.
    """
    found: Mapping[str, Any] = platform.impact(tenant, MachinesQuestion(), as_of=as_of)
    store = billing_store(folders, tenant)
    machines = machines_of(found["items"], covered_shares(store))
    prices = MachinePrices(unit_prices(store))
    proposals, refused = rightsize(machines, metrics_of(folders, tenant), prices, headroom=headroom)
    return rightsizing_document(proposals, refused, headroom=headroom)


def price_row(price: UnitPrice) -> dict[str, Any]:
    """A unit price as a document."""
    values = {name: getattr(price, name) for name in UnitPrice.__slots__}
    return {
        name: f"{value.normalize():f}" if isinstance(value, Decimal) else str(value) if name == "last_day" else value
        for name, value in values.items()
    }


def _money_row(money: PolicyMoney, bill: BillByPolicy) -> dict[str, Any]:
    return {
        "currency": money.currency,
        "own": amount_text(money.own),
        "given": {name: amount_text(part) for name, part in money.given.items()},
        "total": amount_text(money.total),
        "at_risk": amount_text(money.at_risk),
        "saving": None if money.saving is None else amount_text(money.saving),
        "saving_reason": money.reason,
        "rows": money.rows,
        "resources": [
            {"resource_id": uid, "cost": amount_text(cost), "part": amount_text(part)}
            for uid, cost, part in money.resources
        ],
        "whole": {
            "billed": amount_text(bill.billed),
            "policies": {each.key: amount_text(each.total) for each in bill.shared.shares},
            "undistributed": {key: amount_text(amount) for key, amount in bill.shared.undistributed.items()},
        },
    }


def _rows(store: BillingStore, found: tuple[PolicyMoney, ...], asked: ImpactQuestion) -> list[dict[str, Any]]:
    """Billing rows behind the dearest resources, as many as are asked for."""
    rows: list[dict[str, Any]] = []
    uids = [uid for money in found for uid, _, _ in money.resources[:RESOURCES_WITH_ROWS]]
    for uid in dict.fromkeys(uids):
        left = asked.rows - len(rows)
        if left <= 0:
            break
        query = BillingQuery((), start=asked.start, end=asked.end, where={"resource": uid}, limit=left)
        rows += [{name: _shown(value) for name, value in row.items()} for row in rows_behind(store, query)]
    return rows


def _shown(value: object) -> object:
    return value if value is None or isinstance(value, int) else str(value)
