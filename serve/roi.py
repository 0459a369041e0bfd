"""The governance P&L for a command, HTTP callers and listeners: the ledger of savings, and what bills make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

import orjson

from actors.folders import Folders
from actors.savings_book import SavingsBook
from assessment.finding_lives import FindingLife, Lives
from assessment.impact_risk import worst_of_each
from assessment.ledger import Saving, SavingStatus, SavingTrigger, Step, saving_row
from assessment.pnl import Books, PlatformCost, dashboard, metrics, observed_row, window
from assessment.prevention import preventions
from assessment.realised import observe
from assessment.risk_change import NO_SCAN_AT_ALL, risk_change, risk_exposure, unknown_loss
from assessment.whatif import Selection
from connectors.stream.feed import Feed
from cost.billing.cells import RESOURCE, bill_span, cell_costs, selected_rows
from domain.clock import Clock, format_instant
from domain.currency import CURRENCIES
from domain.errors import InputError, NotFound
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from domain.value import Json
from serve.costs import billing_store
from serve.impact import assumptions_of

if TYPE_CHECKING:
    from serve.platform import Platform

TOPIC: Final = "roi"
DAYS: Final = 90
DAYS_MAX: Final = 730
ROWS_SHOWN: Final = 200
_STATES: Final[Mapping[SavingStatus, str]] = {
    SavingStatus.PREDICTED: "planned",
    SavingStatus.APPROVED: "approved",
    SavingStatus.APPLIED: "applied",
    SavingStatus.REJECTED: "rejected",
    SavingStatus.ROLLED_BACK: "rolled_back",
}
"""Statuses as a change record has them."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Promise:
    """A saving that somebody predicts.

    Args:
        where: the billing rows that it concerns; without it, the resources that violate the policy.
        low, likely, high: in 30 days.
    """

    title: str
    currency: str
    low: Decimal
    likely: Decimal
    high: Decimal
    by: str
    where: Selection = field(default_factory=dict)
    policy_id: str = ""
    whatif_id: str = ""
    at: datetime | None = None


class RoiService:
    """The P&L over a platform."""

    def __init__(self, platform: Platform, folders: Folders, clock: Clock, feed: Feed) -> None:
        self._platform = platform
        self._folders = folders
        self._clock = clock
        self._feed = feed

    @property
    def feed(self) -> Feed:
        """Where changes of the ledger are told."""
        return self._feed

    def dashboard(self, tenant: TenantId, *, days: int = DAYS) -> Row:
        """The whole statement over the last days of the bill."""
        return dashboard(self._books(tenant, days))

    def metrics(self, tenant: TenantId, *, days: int = DAYS) -> Row:
        """The figures alone."""
        return metrics(self._books(tenant, days))

    def savings(self, tenant: TenantId) -> Row:
        """The ledger."""
        return {"items": [saving_row(each) for each in self._book(tenant).read().savings]}

    def saving(self, tenant: TenantId, saving_id: str) -> Row:
        """One saving with what bills show of it, and the largest billing rows behind it.

        Raises:
            NotFound: there is none of this id.
        """
        saving = self._book(tenant).saving(saving_id)
        books = self._books(tenant, DAYS)
        start = saving.applied_on or books.start
        rows = selected_rows(
            billing_store(self._folders, tenant),
            saving.where,
            start=min(start, books.through),
            end=books.through + timedelta(days=1),
            limit=ROWS_SHOWN,
        )
        printable = [{name: _cell(value) for name, value in row.items()} for row in rows]
        return {**observed_row(books, saving), "billing_rows": printable}

    def predict(self, tenant: TenantId, promise: Promise, *, key: str | None = None) -> Row:
        """Enter a saving that is predicted; the same key again enters nothing.

        Raises:
            InputError: it concerns no cost, or its amounts make no sense.
        """
        if promise.currency not in CURRENCIES:
            raise InputError("no such currency", got=promise.currency, expected="a code of ISO 4217")
        where = promise.where or self._violating(tenant, promise.policy_id)
        saving = Saving(
            saving_id=f"sav-{key or token_hex(8)}",
            title=promise.title,
            where=where,
            currency=promise.currency,
            low=promise.low,
            likely=promise.likely,
            high=promise.high,
            steps=(Step(SavingStatus.PREDICTED, self._past(promise.at), promise.by),),
            policy_id=promise.policy_id,
            whatif_id=promise.whatif_id,
        )
        self._require_rows(tenant, where)
        return self._told(tenant, self._book(tenant).add(saving, self._recorder(tenant)))

    def move(
        self, tenant: TenantId, saving_id: str, trigger: SavingTrigger, *, by: str, at: datetime | None = None
    ) -> Row:
        """Approve, apply, reject or roll back a saving.

        Raises:
            NotFound: there is none of this id.
            ConflictError: it cannot take this step now.
        """
        done = self._book(tenant).change(
            saving_id, lambda saving: saving.moved(trigger, at=self._past(at), by=by), self._recorder(tenant)
        )
        return self._told(tenant, done)

    def price(self, tenant: TenantId, *, fee_month: Decimal, currency: str, where: Selection) -> Row:
        """State what the platform itself costs."""
        if not fee_month.is_finite() or fee_month < 0:
            raise InputError("a fee is not below zero", got=f"{fee_month}", expected="0 or more a month")
        if currency not in CURRENCIES:
            raise InputError("no such currency", got=currency, expected="a code of ISO 4217")
        if where:
            self._require_rows(tenant, where)
        row: dict[str, Json] = {
            "fee_month": f"{fee_month:f}",
            "currency": currency,
            "where": {name: list[Json](values) for name, values in where.items()},
        }
        self._book(tenant).price(row)
        self._feed.append(tenant, TOPIC, [orjson.dumps({"kind": "platform_cost", **row})])
        return dict(row)

    def _books(self, tenant: TenantId, days: int) -> Books:
        if not 1 <= days <= DAYS_MAX:
            raise InputError("the window is out of bounds", got=days, expected=f"1 to {DAYS_MAX} days")
        store = billing_store(self._folders, tenant)
        span = bill_span(store)
        if span is None:
            raise NotFound("no bills are stored", todo="Import some: pcg costs import PATH")
        first, last = span
        start, through = window(max(first, last - timedelta(days=1)), days)
        book = self._book(tenant).read()
        platform = None if book.platform is None else _platform(book.platform)
        own = [platform.where] if platform is not None and platform.where else []
        try:
            document: Mapping[str, Any] | None = self._platform.document(tenant)
            lives, seen = self._platform.finding_lives(tenant), self._platform.foreseen(tenant)
        except NotFound:
            document, lives, seen = None, Lives(None, None, ()), ()
        return Books(
            start=max(start, first),
            through=through,
            spend=cell_costs(store, own, start=max(start, first), end=through + timedelta(days=1)),
            savings=book.savings,
            observed=observe(store, book.savings),
            platform=platform,
            lives=lives,
            preventions=preventions(seen),
            document=document,
            expected_loss=self._expected_loss(tenant, lives, max(start, first)),
        )

    def _expected_loss(self, tenant: TenantId, lives: Lives, start: date) -> Row:
        now = _worst(lives.open_on())
        if now is None:
            return unknown_loss(NO_SCAN_AT_ALL)
        then, assumed = _worst(lives.open_on(start)), assumptions_of(self._folders, tenant)
        asked = risk_exposure(then, now, assumed)
        priced = self._platform.impact(tenant, asked, as_of=self._clock.now())
        return risk_change(then, now, dict(priced), assumed)

    def _violating(self, tenant: TenantId, policy_id: str) -> Selection:
        if not policy_id:
            raise InputError("a saving concerns no cost", todo="Select columns of the bill, or name a policy")
        rows = self._platform.violations(tenant)
        found = sorted({str(row["resource_id"]) for row in rows if row["policy_id"] == policy_id})
        if not found:
            raise InputError("nothing violates the policy", policy_id=policy_id, todo="Select columns of the bill")
        return {RESOURCE: tuple(found)}

    def _require_rows(self, tenant: TenantId, where: Selection) -> None:
        store = billing_store(self._folders, tenant)
        span = bill_span(store)
        if span is None:
            raise InputError("no bills are stored", todo="Import some: pcg costs import PATH")
        first, last = span
        if not selected_rows(store, where, start=first, end=last + timedelta(days=1), limit=1):
            raise InputError(
                "no billing row is selected",
                got=str({name: list(values)[:5] for name, values in where.items()})[:300],
                todo="See what there is: pcg costs query --by service,region",
            )

    def _past(self, at: datetime | None) -> datetime:
        now = self._clock.now()
        if at is not None and at > now:
            raise InputError("the time is in the future", got=format_instant(at), expected="now or before")
        return at or now

    def _recorder(self, tenant: TenantId) -> Any:
        return lambda saving, place: str(self._platform.collect([_event(tenant, saving, place)])[0].id)

    def _told(self, tenant: TenantId, saving: Saving) -> Row:
        row = saving_row(saving)
        self._feed.append(tenant, TOPIC, [orjson.dumps({"kind": "saving", "saving": row})])
        return row

    def _book(self, tenant: TenantId) -> SavingsBook:
        return SavingsBook(self._folders.savings(tenant))


def _event(tenant: TenantId, saving: Saving, place: int) -> EvidenceEvent:
    """One step as a change record."""
    step = saving.steps[place]
    body: dict[str, Json] = {
        "id": saving.saving_id,
        "subject": f"saving {saving.saving_id}",
        "change": saving.title[:200],
        "state": _STATES[step.status],
        "approver_role": step.by,
        "details": {
            "currency": saving.currency,
            "predicted_30_days": f"{saving.likely:f}",
            "policy": saving.policy_id,
            "whatif": saving.whatif_id,
        },
    }
    name = f"{saving.saving_id}-{place}-{step.status.value}"
    return EvidenceEvent(tenant, name, EventType.CHANGE_RECORD, step.at, body)


def _worst(lives: Iterable[FindingLife] | None) -> dict[str, str] | None:
    return None if lives is None else worst_of_each((life.resource_id, life.severity.value) for life in lives)


def _platform(row: Mapping[str, Any]) -> PlatformCost:
    where = {name: tuple(values) for name, values in row["where"].items()}
    return PlatformCost(Decimal(row["fee_month"]), row["currency"], where)


def _cell(value: object) -> Json:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if isinstance(value, int | str) or value is None else str(value)
