"""Monthly effective cost per resource, and what belongs to none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cost.allocation import COMMITMENT_PURCHASE, COMMITMENT_UNUSED, cost_by_resource
from cost.matching import Billable
from cost.period import PeriodRule
from domain.errors import InputError
from domain.money import Money
from tests.shared_data import shared_data
from tests.unit.cost.rows import AS_OF, NOVEMBER, OCTOBER, Cell, frame, in_november, row

VM = "/subscriptions/S-1/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/vm1"
INSTANCE = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc"
BUCKET = "arn:aws:s3:::logs"
DISK = "//compute.googleapis.com/projects/shop/zones/eu-1/disks/data"
RESOURCES = Billable(
    uids=[VM, INSTANCE, BUCKET, DISK],
    names=["vm1", "i-0abc", "logs", "data"],
    scopes=["/subscriptions/S-1/resourceGroups/web", "/accounts/123456789012", "", "/organizations/1/projects/shop"],
)


def test_a_charge_reaches_its_resource_by_id_arn_tail_or_name() -> None:
    rows = [
        row(ResourceId=VM.upper(), EffectiveCost=Decimal("10.5"), ProviderName="Microsoft"),
        row(ResourceId="i-0abc", EffectiveCost=Decimal("20")),
        row(ResourceId="logs", EffectiveCost=Decimal("0.25")),
        row(ResourceId="77", ResourceName="DATA", SubAccountId="shop", EffectiveCost=Decimal("4")),
    ]

    (costs,) = cost_by_resource([frame(*rows)], RESOURCES, as_of=AS_OF).currencies

    assert costs.amounts.to_list() == [Decimal("10.5"), Decimal(20), Decimal("0.25"), Decimal(4)]
    assert [(line.label, line.amount, line.rows) for line in costs.by_rule] == [
        ("tail", Decimal("20.25"), 2),
        ("id", Decimal("10.5"), 1),
        ("name", Decimal(4), 1),
    ]
    assert costs.unmatched == 0


def test_an_arn_on_the_bill_reaches_a_resource_known_by_its_plain_id() -> None:
    known = Billable(uids=["i-0abc"], names=["web"], scopes=["/accounts/123456789012"])

    (costs,) = cost_by_resource([frame(row(ResourceId=INSTANCE))], known, as_of=AS_OF).currencies

    assert costs.amounts.to_list() == [Decimal(1)]


def test_an_arn_of_another_account_is_not_the_same_resource() -> None:
    known = Billable(uids=["i-0abc"], names=["web"], scopes=["/accounts/999999999999"])

    (costs,) = cost_by_resource([frame(row(ResourceId=INSTANCE))], known, as_of=AS_OF).currencies

    assert costs.unmatched == 1


def test_a_charge_that_fits_two_resources_is_given_to_neither() -> None:
    twins = Billable(uids=["arn:aws:a:::x", "arn:aws:b:::x"], names=["x", "x"], scopes=["", ""])

    (costs,) = cost_by_resource([frame(row(ResourceId="x"))], twins, as_of=AS_OF).currencies

    assert costs.amounts.to_list() == [None, None]
    assert [line.label for line in costs.unmatched_by_reason] == ["id fits several resources"]


def test_cost_of_no_resource_is_shown_with_its_reason() -> None:
    none: dict[str, Cell] = {"ResourceId": None}
    rows = [
        row(ResourceId="i-gone", EffectiveCost=Decimal(7)),
        row(**none, EffectiveCost=Decimal(6)),
        row(**none, ChargeCategory="Tax", EffectiveCost=Decimal(5)),
        row(**none, ChargeCategory="Credit", EffectiveCost=Decimal(-3)),
        row(**none, ChargeCategory="Purchase", EffectiveCost=Decimal(4)),
        row(**none, ChargeCategory="Adjustment", EffectiveCost=Decimal("0.5")),
        row(ResourceId="x:y", EffectiveCost=Decimal("0.25")),
    ]

    (costs,) = cost_by_resource([frame(*rows)], RESOURCES, as_of=AS_OF).currencies

    assert {line.label: line.amount for line in costs.unmatched_by_reason} == {
        "id not in inventory": Decimal("7.25"),
        "no resource id": 6,
        "tax": 5,
        "purchase": 4,
        "adjustment": Decimal("0.5"),
        "credit": -3,
    }
    assert costs.credits == -3


def test_a_commitment_counts_where_it_is_used_and_never_twice() -> None:
    plan: dict[str, Cell] = {"CommitmentDiscountId": "plan-1"}
    rows = [
        row(ChargeCategory="Purchase", BilledCost=Decimal(100), EffectiveCost=Decimal(100), **plan),
        row(
            ResourceId="i-0abc",
            BilledCost=Decimal(0),
            EffectiveCost=Decimal(80),
            CommitmentDiscountStatus="Used",
            **plan,
        ),
        row(BilledCost=Decimal(0), EffectiveCost=Decimal(20), CommitmentDiscountStatus="Unused", **plan),
    ]

    (costs,) = cost_by_resource([frame(*rows)], RESOURCES, as_of=AS_OF).currencies

    assert (costs.total, costs.billed) == (Decimal(100), Decimal(100))
    assert (costs.commitment_used, costs.commitment_unused, costs.commitment_set_aside) == tuple(
        map(Decimal, (80, 20, 100))
    )
    assert {line.label: line.amount for line in costs.unmatched_by_reason} == {
        COMMITMENT_UNUSED: 20,
        COMMITMENT_PURCHASE: 0,
    }


def test_a_correction_counts_in_the_period_that_bills_it() -> None:
    september = datetime(2026, 9, 1, tzinfo=UTC)
    rows = [
        row(ResourceId="i-0abc", EffectiveCost=Decimal(10)),
        row(
            ResourceId="i-0abc",
            EffectiveCost=Decimal(-4),
            ChargeClass="Correction",
            ChargePeriodStart=september,
            ChargePeriodEnd=OCTOBER,
        ),
    ]

    (costs,) = cost_by_resource([frame(*rows)], RESOURCES, as_of=AS_OF).currencies

    assert costs.amounts[1] == 6
    assert costs.corrections == -4


def test_the_latest_complete_month_is_used_and_the_rest_left_out() -> None:
    rows = [row(ResourceId="i-0abc", EffectiveCost=Decimal(30)), in_november(ResourceId="i-0abc")]

    costs = cost_by_resource([frame(*rows)], RESOURCES, as_of=AS_OF)

    assert [(p.provider, p.label, p.rule, p.days) for p in costs.periods] == [("AWS", "2026-10", PeriodRule.MONTH, 31)]
    assert costs.of(1) == (Money(Decimal(30), "EUR"),)
    assert (costs.rows, costs.other_rows) == (1, 1)


def test_without_a_complete_month_the_last_thirty_days_count() -> None:
    costs = cost_by_resource([frame(in_november(ResourceId="i-0abc"))], RESOURCES, as_of=AS_OF)

    (period,) = costs.periods
    assert (period.rule, period.days, period.label) == (PeriodRule.TRAILING, 1, "2026-10-12/2026-11-11")
    assert costs.of(1) == (Money(Decimal(1), "EUR"),)


def test_a_charge_longer_than_thirty_days_covers_no_day_of_the_trailing_period() -> None:
    start = OCTOBER - timedelta(days=20)
    long = row(BillingPeriodStart=start, ChargePeriodStart=start, BillingPeriodEnd=AS_OF, ChargePeriodEnd=AS_OF)

    (period,) = cost_by_resource([frame(long)], RESOURCES, as_of=NOVEMBER).periods

    assert period.days == 0


def test_each_provider_has_its_own_latest_month() -> None:
    september = datetime(2026, 9, 1, tzinfo=UTC)
    earlier: dict[str, Cell] = {
        "BillingPeriodStart": september,
        "BillingPeriodEnd": OCTOBER,
        "ChargePeriodStart": september,
        "ChargePeriodEnd": OCTOBER,
    }

    costs = cost_by_resource([frame(row(), row(**earlier, ProviderName="Microsoft"))], RESOURCES, as_of=AS_OF)

    assert [(p.provider, p.label) for p in costs.periods] == [("AWS", "2026-10"), ("Microsoft", "2026-09")]
    assert costs.rows == 2


def test_currencies_are_never_added() -> None:
    rows = [row(ResourceId="i-0abc"), row(ResourceId="i-0abc", BillingCurrency="USD", EffectiveCost=Decimal(2))]

    costs = cost_by_resource([frame(*rows)], RESOURCES, as_of=AS_OF)

    assert [(part.currency, part.total) for part in costs.currencies] == [("USD", Decimal(2)), ("EUR", Decimal(1))]
    assert costs.of(1) == (Money(Decimal(2), "USD"), Money(Decimal(1), "EUR"))


def test_the_same_file_in_two_formats_counts_once() -> None:
    one = frame(row(ResourceId="i-0abc"), row(ResourceId="i-0abc"))

    costs = cost_by_resource([one, one.reverse(), frame(row(ResourceId="i-0abc"))], RESOURCES, as_of=AS_OF)

    assert costs.currencies[0].total == 3
    assert costs.copied_rows == 2


def test_text_that_is_blank_is_no_value() -> None:
    (costs,) = cost_by_resource([frame(row(ResourceId=" ", ResourceName=""))], RESOURCES, as_of=AS_OF).currencies

    assert [line.label for line in costs.unmatched_by_reason] == ["no resource id"]


def test_no_billing_gives_no_cost() -> None:
    costs = cost_by_resource([], RESOURCES, as_of=AS_OF)

    assert (costs.periods, costs.currencies, costs.rows, costs.of(0)) == ((), (), 0, ())


def test_charges_of_the_future_are_not_counted() -> None:
    costs = cost_by_resource([frame(row())], RESOURCES, as_of=datetime(2020, 1, 1, tzinfo=UTC))

    assert (costs.periods, costs.currencies, costs.other_rows) == ((), (), 1)


def test_a_file_without_a_mandatory_column_is_refused_by_name() -> None:
    with pytest.raises(InputError) as refusal:
        cost_by_resource([frame(row()).drop("EffectiveCost")], RESOURCES, as_of=AS_OF)

    assert refusal.value.facts["expected"] == "EffectiveCost"


def test_times_without_zone_and_absent_optional_columns_are_read() -> None:
    bare = frame(row(ResourceId="i-0abc")).drop("SkuId").with_columns(pl.col(pl.Datetime).dt.replace_time_zone(None))

    assert cost_by_resource([bare], RESOURCES, as_of=AS_OF).currencies[0].matched == 1


_amounts = st.decimals(min_value=-(10**6), max_value=10**6, places=12, allow_nan=False)
_rows = st.builds(
    row,
    ResourceId=st.sampled_from([None, VM, VM.lower(), "i-0abc", "logs", "nothing", DISK]),
    EffectiveCost=_amounts,
    BillingCurrency=st.sampled_from(["EUR", "USD"]),
    ChargeCategory=st.sampled_from(["Usage", "Purchase", "Tax", "Credit", "Adjustment"]),
    CommitmentDiscountId=st.sampled_from([None, "plan-1"]),
    CommitmentDiscountStatus=st.sampled_from([None, "Used", "Unused"]),
)


@given(st.lists(_rows, max_size=12))
def test_matched_and_unmatched_cost_are_the_total_exactly(rows: list[dict[str, Cell]]) -> None:
    costs = cost_by_resource([frame(*rows)], RESOURCES, as_of=AS_OF)

    for part in costs.currencies:
        charged = [r for r in rows if r["BillingCurrency"] == part.currency]
        effective = sum((Decimal(str(r["EffectiveCost"])) for r in charged), Decimal(0))
        assert part.matched + part.unmatched == part.total == effective - part.commitment_set_aside
        assert sum((a for a in part.amounts if a is not None), Decimal(0)) == part.matched
        assert sum(line.amount for line in part.unmatched_by_reason) == part.unmatched
        assert sum(line.amount for line in part.by_account) == part.total


@pytest.mark.data
def test_the_published_sample_reconciles_and_its_two_formats_count_once() -> None:
    sample = pl.read_parquet(shared_data("focus", "focus_sample.parquet"))

    costs = cost_by_resource([sample, sample], RESOURCES, as_of=AS_OF)

    (part,) = costs.currencies
    assert part.matched + part.unmatched == part.total > 0
    assert costs.copied_rows == sample.height
