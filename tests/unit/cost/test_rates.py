"""Exchange rates: which one counts, and what is refused for want of one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from cost.billing.query import BillingQuery, CostGroup, Measure
from cost.billing.rates import Rates, ask_in, read_rates
from cost.billing.store import BillingStore
from domain.errors import InputError
from domain.tenancy import TenantId

FRIDAY = date(2026, 10, 2)
TABLE = "date,from,to,rate\n2026-10-02,USD,EUR,0.8\n2026-10-02,EUR,JPY,150\n2026-10-05,USD,EUR,0.5\n"


@pytest.fixture
def rates(tmp_path: Path) -> Rates:
    path = tmp_path / "rates.csv"
    path.write_text(TABLE)
    return read_rates(path)


@pytest.mark.parametrize(
    ("day", "source", "target", "expected"),
    [
        (FRIDAY, "USD", "EUR", "0.8"),
        (date(2026, 10, 4), "USD", "EUR", "0.8"),
        (date(2026, 10, 5), "USD", "EUR", "0.5"),
        (FRIDAY, "EUR", "USD", "1.25"),
        (FRIDAY, "USD", "JPY", "120"),
        (FRIDAY, "JPY", "JPY", "1"),
    ],
)
def test_a_rate_is_that_of_the_day_or_the_last_before_it_either_way_or_over_a_third(
    rates: Rates, day: date, source: str, target: str, expected: str
) -> None:
    assert rates.rate(day, source=source, target=target) == Decimal(expected)


@pytest.mark.parametrize(("day", "target"), [(date(2026, 10, 1), "EUR"), (date(2026, 10, 20), "EUR"), (FRIDAY, "CHF")])
def test_without_a_rate_nothing_is_converted(rates: Rates, day: date, target: str) -> None:
    with pytest.raises(InputError) as caught:
        rates.convert(Decimal(1), day, source="USD", target=target)
    assert caught.value.facts["where"] == day.isoformat()


@pytest.mark.parametrize(
    "text",
    [
        "day,rate\n",
        "date,from,to,rate\n2026-13-01,USD,EUR,1\n",
        "date,from,to,rate\n2026-10-01,USD,EUR,-1\n",
        "date,from,to,rate\n2026-10-01,USD,DOGE,1\n",
        "date,from,to,rate\n2026-10-01,USD,EUR,NaN\n",
        "date,from,to,rate\n2026-10-01,USD,EUR,1\n2026-10-01,USD,EUR,2\n",
    ],
)
def test_a_table_that_cannot_be_right_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(text)
    with pytest.raises(InputError):
        read_rates(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_rates(path)


def test_sums_in_one_currency_use_the_rate_of_each_day(
    tmp_path: Path, rates: Rates, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = (
        CostGroup(("Compute", "2026-10-02"), "USD", Decimal(10), 1),
        CostGroup(("Compute", "2026-10-05"), "USD", Decimal(10), 2),
        CostGroup(("Storage", "2026-10-05"), "EUR", Decimal(1), 1),
    )
    monkeypatch.setattr("cost.billing.rates.ask", lambda *_: groups)
    store = BillingStore(tmp_path, TenantId("acme"))

    found = ask_in(store, BillingQuery(("service",), Measure.BILLED), rates, "EUR")

    assert found == (CostGroup(("Compute",), "EUR", Decimal(13), 3), CostGroup(("Storage",), "EUR", Decimal(1), 1))


def test_a_currency_that_is_none_is_refused(tmp_path: Path, rates: Rates) -> None:
    with pytest.raises(InputError, match="no such currency"):
        ask_in(BillingStore(tmp_path, TenantId("acme")), BillingQuery(), rates, "DOGE")


def test_days_come_in_order_when_sums_are_converted(
    tmp_path: Path, rates: Rates, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = ("2026-10-05", "2026-10-02")
    groups = tuple(CostGroup((day,), "USD", Decimal(1), 1) for day in days)
    monkeypatch.setattr("cost.billing.rates.ask", lambda *_: groups)

    found = ask_in(BillingStore(tmp_path, TenantId("acme")), BillingQuery(("day",)), rates, "EUR")

    assert [group.keys for group in found] == [("2026-10-02",), ("2026-10-05",)]
