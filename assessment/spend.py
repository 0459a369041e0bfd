"""What a tenant spends: its trend with what stands out and what comes, and its cost given out by declared rules.

Cost by policy gives the cost of each resource to the policies that it violates, in equal parts, so that policies and
what violates none add up to the whole; beside it stands what each policy's resources cost altogether, which overlaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from cost.anomalies import Anomaly, anomalies
from cost.billing.query import BillingQuery, CostGroup, Measure, ask
from cost.billing.rates import Rates, ask_in
from cost.billing.store import BillingStore
from cost.forecast import MEAN_DAYS, Forecast, forecast
from cost.matching import Billable, Charged, Matcher, Mismatch
from cost.sharing import Shared, SharingRule, share, split
from domain.errors import InputError

DAYS_MAX: Final = 1_830
SERIES_MAX: Final = 50
POLICY: Final = "policy"
NO_POLICY: Final = ""
"""Cost of what violates no policy."""


@dataclass(frozen=True, slots=True)
class Money:
    """How a question is put: which cost, and in which currency where not each in its own."""

    measure: Measure = Measure.EFFECTIVE
    currency: str | None = None
    rates: Rates | None = None

    def ask(self, store: BillingStore, query: BillingQuery) -> tuple[CostGroup, ...]:
        """Sums, converted where that is asked."""
        if self.currency is None:
            return ask(store, query)
        if self.rates is None:
            raise InputError(
                "there are no exchange rates", expected=f"rates to {self.currency}", todo="pcg costs rates FILE"
            )
        return ask_in(store, query, self.rates, self.currency)


@dataclass(frozen=True, slots=True)
class Trend:
    """One series of daily cost in one currency.

    Args:
        start: of the first day; days without a charge cost nothing.
        forecast: None where the series is too short.
    """

    key: str
    currency: str
    start: date
    daily: tuple[Decimal, ...]
    anomalies: tuple[Anomaly, ...]
    forecast: Forecast | None

    @property
    def total(self) -> Decimal:
        return sum(self.daily, Decimal(0))


@dataclass(frozen=True, slots=True)
class PolicySpend:
    """What a policy's violating resources cost.

    Args:
        attributed: their cost in equal parts with the other policies that they violate.
        at_risk: their whole cost; overlaps with other policies.
    """

    policy_id: str
    attributed: Decimal
    at_risk: Decimal
    resources: int


def trends(
    store: BillingStore, query: BillingQuery, money: Money, *, horizon_days: int, amount_min: float = 1.0
) -> tuple[Trend, ...]:
    """Daily cost, in all or by one group, the dearest series first.

    The last day of a bill is seldom whole: the series end the day before the last one that is stored.

    Args:
        query: its group, if any, is the series' key.

    Raises:
        InputError: more than one group, or a question that makes no sense.
    """
    if len(query.by) > 1 or "day" in query.by:
        raise InputError("a trend has one group at most", got=", ".join(query.by), todo="Name one, not day")
    by = ("day", *query.by)
    groups = money.ask(store, BillingQuery(by, money.measure, query.start, query.end, query.where, 100_000))
    cells: defaultdict[tuple[str, str], dict[date, Decimal]] = defaultdict(dict)
    for group in groups:
        key = group.keys[1] if len(group.keys) > 1 else ""
        cells[key, group.currency][date.fromisoformat(group.keys[0])] = group.amount
    days = [day for series in cells.values() for day in series]
    if not days:
        return ()
    first, last = min(days), max(days) - timedelta(days=1)
    if (last - first).days >= DAYS_MAX:
        raise InputError("the trend has too many days", expected=f"at most {DAYS_MAX}", todo="Ask for fewer days")
    made = (
        _trend(key, currency, series, first, last, horizon_days=horizon_days, amount_min=amount_min)
        for (key, currency), series in cells.items()
    )
    return tuple(sorted(made, key=lambda trend: (-trend.total, trend.currency, trend.key))[:SERIES_MAX])


def calculate(
    store: BillingStore, query: BillingQuery, money: Money, rules: Sequence[SharingRule]
) -> dict[str, Shared]:
    """Cost by one group with shared cost given out, by currency.

    Raises:
        InputError: not one group, or a rule that makes no sense.
    """
    if len(query.by) != 1:
        raise InputError("cost is given out within one group", got=", ".join(query.by), todo="Name one group")
    by_currency: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
    for group in money.ask(store, query):
        by_currency[group.currency][group.keys[0]] = group.amount
    return {currency: share(amounts, rules) for currency, amounts in sorted(by_currency.items())}


def by_policy(
    store: BillingStore, query: BillingQuery, money: Money, violations: Iterable[Mapping[str, object]]
) -> dict[str, tuple[PolicySpend, ...]]:
    """Cost by policy and currency, the largest first; together with `NO_POLICY` it is the whole.

    Args:
        violations: entries of a scan's document.
    """
    policies: defaultdict[str, set[str]] = defaultdict(set)
    named: dict[str, tuple[str, str]] = {}
    for entry in violations:
        uid = str(entry["resource_id"])
        policies[uid].add(str(entry["policy_id"]))
        named[uid] = (str(entry.get("resource_name") or ""), str(entry.get("scope") or ""))
    uids = sorted(named)
    matcher = Matcher(Billable(uids, [named[uid][0] for uid in uids], [named[uid][1] for uid in uids]))
    asked = BillingQuery(("resource", "account"), query.measure, query.start, query.end, query.where, 100_000)
    spent: defaultdict[str, _Spending] = defaultdict(_Spending.empty)
    for group in money.ask(store, asked):
        resource, account = group.keys
        found = matcher.match(Charged(resource or None, None, account or None))
        violator = "" if isinstance(found, Mismatch) else uids[found[0]]
        spent[group.currency].add(violator, group.amount, policies.get(violator, set()))
    return {currency: spending.rows() for currency, spending in sorted(spent.items())}


@dataclass(slots=True)
class _Spending:
    attributed: defaultdict[str, Decimal]
    at_risk: defaultdict[str, Decimal]
    resources: defaultdict[str, set[str]]

    @classmethod
    def empty(cls) -> _Spending:
        return cls(defaultdict(Decimal), defaultdict(Decimal), defaultdict(set))

    def add(self, uid: str, amount: Decimal, policies: set[str]) -> None:
        if not policies:
            self.attributed[NO_POLICY] += amount
            return
        for policy, part in split(amount, dict.fromkeys(sorted(policies), Decimal(1))).items():
            self.attributed[policy] += part
            self.at_risk[policy] += amount
            self.resources[policy].add(uid)

    def rows(self) -> tuple[PolicySpend, ...]:
        made = (
            PolicySpend(policy, amount, self.at_risk[policy], len(self.resources[policy]))
            for policy, amount in self.attributed.items()
        )
        return tuple(sorted(made, key=lambda each: (-each.attributed, each.policy_id)))


def _trend(
    key: str,
    currency: str,
    series: Mapping[date, Decimal],
    first: date,
    last: date,
    *,
    horizon_days: int,
    amount_min: float,
) -> Trend:
    count = max(0, (last - first).days + 1)
    daily = tuple(series.get(first + timedelta(days=place), Decimal(0)) for place in range(count))
    values = np.array([float(amount) for amount in daily])
    made = forecast(values, horizon_days=horizon_days) if count >= MEAN_DAYS else None
    return Trend(key, currency, first, daily, anomalies(values, amount_min=amount_min), made)
