"""Prices and demand out of stored bills: sums over sums, nothing mixed, and nothing made of what is not usage."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from assessment.billing import import_billing
from assessment.cost_impact_commitments import CommitmentQuestion, advise
from cost.billing.store import BillingStore, Terms
from cost.commitment_bill import demand_of
from cost.prices import price_frame, unit_prices
from domain.errors import InputError
from domain.tenancy import TenantId
from tests.unit.connectors.bills import day, october, write_csv

AT = datetime(2026, 11, 20, tzinfo=UTC)


def stored(folder: Path, rows: list[dict[str, str]]) -> BillingStore:
    bills = BillingStore(folder / "store", TenantId("acme"))
    import_billing(bills, [write_csv(folder / "bill.csv", rows)], at=AT, terms=Terms(may_be_partial=True))
    return bills


def covered(**cells: str) -> list[dict[str, str]]:
    """October under a plan that costs 7 for what is 10 on demand, with 1 of it unused each day."""
    used = {"CommitmentDiscountId": "plan", "CommitmentDiscountStatus": "Used", "BilledCost": "0",
            "EffectiveCost": "7", "PricingCategory": "Committed", **cells}  # fmt: skip
    unused = used | {"CommitmentDiscountStatus": "Unused", "EffectiveCost": "1", "ContractedCost": "1",
                     "ResourceId": "", "PricingQuantity": "", "ConsumedQuantity": ""}  # fmt: skip
    return [*october(**used), *october(**unused)]


def test_a_price_is_cost_over_quantity_by_sku_region_unit_currency_and_terms(tmp_path: Path) -> None:
    rows = [*october(), *october(BillingCurrency="EUR", ContractedCost="20"), *covered()]
    found = unit_prices(stored(tmp_path, rows))
    assert [(each.currency, each.category, each.contracted, each.effective, each.rows) for each in found] == [
        ("EUR", "Standard", Decimal(4), Decimal(2), 31),
        ("USD", "Committed", Decimal(2), Decimal("1.4"), 31),
        ("USD", "Standard", Decimal(2), Decimal(2), 31),
    ]
    assert {(each.sku, each.unit, each.last_day) for each in found} == {("sku-1", "Hours", date(2026, 10, 31))}
    assert price_frame(found).height == 3


def test_no_price_is_made_of_corrections_credits_or_rows_without_a_sku(tmp_path: Path) -> None:
    rows = [
        *october(SkuId="", SkuPriceId=""),
        day(1, ChargeClass="Correction", ContractedCost="100"),
        day(2, ChargeCategory="Credit", BilledCost="-3", EffectiveCost="-3", PricingQuantity="", ConsumedQuantity=""),
    ]
    assert unit_prices(stored(tmp_path, rows)) == ()
    assert unit_prices(BillingStore(tmp_path / "nothing", TenantId("acme"))) == ()


def test_demand_is_at_on_demand_prices_and_tells_what_is_held(tmp_path: Path) -> None:
    (found,) = demand_of(stored(tmp_path, [*october(), *covered()]), ["Compute"])
    assert (found.currency, found.first, len(found.daily)) == ("USD", date(2026, 10, 1), 30)
    assert np.allclose(found.daily, 20.0)
    assert found.rate == pytest.approx(0.7)
    assert found.held == pytest.approx(8 / 0.7)
    assert found.coverage == pytest.approx(0.5)
    assert found.utilisation == pytest.approx(7 / 8)
    assert found.unused == 28


def test_currencies_and_services_are_not_mixed(tmp_path: Path) -> None:
    store = stored(tmp_path, [*october(), *october(BillingCurrency="EUR"), *october(ServiceName="Storage")])
    assert [(each.currency, each.daily.sum()) for each in demand_of(store, ["Compute"])] == [
        ("EUR", 300.0),
        ("USD", 300.0),
    ]
    assert demand_of(store, ["Nothing"]) == ()
    with pytest.raises(InputError, match="no service"):
        demand_of(store, [])


def test_a_bill_of_months_in_one_row_has_no_daily_demand(tmp_path: Path) -> None:
    month = day(1) | {"ChargePeriodEnd": "2026-11-01T00:00:00Z"}
    with pytest.raises(InputError, match="many days into one row"):
        demand_of(stored(tmp_path, [month]), ["Compute"])


def test_advice_has_the_price_of_what_is_held_and_stands_beside_the_rules(tmp_path: Path) -> None:
    store = stored(tmp_path, [*october(), *covered()])
    asked = CommitmentQuestion(("Compute",), days=60, paths=50, tranches=2)
    (found,) = advise(store, asked)
    assert found["rate"] == pytest.approx(0.7)
    advice = found["advice"]
    assert set(advice["rules"]) == {"none", "minimum", "mean", "current"}
    assert all(advice["cost"] <= each["cost"] + 0.01 for each in advice["rules"].values())
    assert [each["day"] for each in advice["ladder"]["tranches"]] == [0, 30]
    assert advise(store, asked) == [found]


def test_without_a_commitment_and_a_rate_there_is_no_advice(tmp_path: Path) -> None:
    store = stored(tmp_path, october())
    (found,) = advise(store, CommitmentQuestion(("Compute",)))
    assert found["advice"] is None
    assert "rate" in found["reason"]
    (given,) = advise(store, CommitmentQuestion(("Compute",), rate=0.7, days=60, paths=50, tranches=1))
    assert given["advice"]["cost"] > 0
