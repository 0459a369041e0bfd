"""Trends, shared cost and cost by policy, from stored bills."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from assessment.billing import import_billing
from assessment.spend import NO_POLICY, Money, by_policy, calculate, trends
from cost.billing.query import BillingQuery, Measure
from cost.billing.store import BillingStore, Terms
from cost.sharing import Method, SharingRule
from domain.errors import InputError
from domain.tenancy import TenantId
from tests.unit.connectors.bills import day, october, write_csv

AT = datetime(2026, 11, 20, tzinfo=UTC)
BILLED = Money(Measure.BILLED)


def stored(folder: Path, rows: list[dict[str, str]]) -> BillingStore:
    bills = BillingStore(folder / "store", TenantId("acme"))
    import_billing(bills, [write_csv(folder / "bill.csv", rows)], at=AT, terms=Terms(may_be_partial=True))
    return bills


def long(days: int) -> list[dict[str, str]]:
    """Ten a day from the first of June on, five times that on the eightieth day."""
    rows = []
    for place in range(days):
        start = date(2026, 6, 1) + timedelta(days=place)
        month = start.replace(day=1)
        after = (month + timedelta(days=32)).replace(day=1)
        rows.append(
            day(1, BilledCost="50" if place == 80 else "10")
            | {
                "BillingPeriodStart": f"{month}T00:00:00Z",
                "BillingPeriodEnd": f"{after}T00:00:00Z",
                "ChargePeriodStart": f"{start}T00:00:00Z",
                "ChargePeriodEnd": f"{start + timedelta(days=1)}T00:00:00Z",
            }
        )
    return rows


def test_a_trend_has_every_day_but_the_last_with_what_stands_out_and_what_comes(tmp_path: Path) -> None:
    bills = stored(tmp_path, long(121))

    (trend,) = trends(bills, BillingQuery((), Measure.BILLED), BILLED, horizon_days=30)

    assert (trend.start, len(trend.daily), trend.total) == (date(2026, 6, 1), 120, Decimal(1_240))
    assert [(each.day, each.actual) for each in trend.anomalies] == [(80, 50.0)]
    assert trend.forecast is not None
    assert trend.forecast.mean.total == pytest.approx(300)


def test_trends_by_group_come_dearest_first_and_fill_days_without_charges(tmp_path: Path) -> None:
    bills = stored(tmp_path, [*october(), day(3, ServiceName="Storage", BilledCost="1")])

    found = trends(bills, BillingQuery(("service",), Measure.BILLED), BILLED, horizon_days=30)

    assert [(trend.key, trend.total) for trend in found] == [("Compute", Decimal(300)), ("Storage", Decimal(1))]
    assert [int(amount) for amount in found[1].daily[:4]] == [0, 0, 1, 0]


def test_a_trend_of_nothing_is_none(tmp_path: Path) -> None:
    bills = BillingStore(tmp_path, TenantId("acme"))
    assert trends(bills, BillingQuery(()), BILLED, horizon_days=30) == ()


def test_a_short_series_has_no_forecast(tmp_path: Path) -> None:
    (trend,) = trends(stored(tmp_path, october()[:9]), BillingQuery(()), BILLED, horizon_days=30)
    assert trend.forecast is None


def test_untagged_cost_is_given_to_teams_and_the_parts_are_the_whole(tmp_path: Path) -> None:
    rows = [*october(), *october(Tags='{"team": "data"}', BilledCost="20"), day(1, Tags="", BilledCost="9")]
    rule = SharingRule("untagged", frozenset({""}), Method.PROPORTIONAL)

    found = calculate(stored(tmp_path, rows), BillingQuery(("tag:team",), Measure.BILLED), BILLED, [rule])["USD"]

    assert {each.key: each.total for each in found.shares} == {"data": 626, "web": 313}
    assert found.whole == 939


def test_a_resource_that_violates_two_policies_counts_half_for_each(tmp_path: Path) -> None:
    rows = [*october(), *october(ResourceId="i-2", BilledCost="1"), day(1, ResourceId="", BilledCost="4")]
    violations = [
        {"resource_id": "i-1", "policy_id": "a", "resource_name": "one", "scope": ""},
        {"resource_id": "i-1", "policy_id": "b", "resource_name": "one", "scope": ""},
        {"resource_id": "i-9", "policy_id": "b", "resource_name": "nine", "scope": ""},
    ]

    found = by_policy(stored(tmp_path, rows), BillingQuery(measure=Measure.BILLED), BILLED, violations)["USD"]

    assert [(each.policy_id, int(each.attributed), int(each.at_risk), each.resources) for each in found] == [
        ("a", 155, 310, 1),
        ("b", 155, 310, 1),
        (NO_POLICY, 35, 0, 0),
    ]


@pytest.mark.parametrize("by", [("service", "account"), ("day",)])
def test_a_trend_of_two_groups_or_of_days_is_refused(tmp_path: Path, by: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        trends(BillingStore(tmp_path, TenantId("acme")), BillingQuery(by), BILLED, horizon_days=30)


def test_cost_is_given_out_within_one_group(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        calculate(BillingStore(tmp_path, TenantId("acme")), BillingQuery(("service", "account")), BILLED, [])


def test_a_currency_without_rates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no exchange rates"):
        Money(currency="EUR").ask(BillingStore(tmp_path, TenantId("acme")), BillingQuery())
