"""The rules of FOCUS: which rows break them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.billing.charges import charge_batches
from connectors.billing.sources import find_sources
from connectors.focus.rules import RULES, Level
from connectors.focus.validation import Validation, broken_rules, by_rule
from domain.errors import InputError
from tests.unit.connectors.bills import FOCUS_ROW, day, write_csv

PLAN = {"CommitmentDiscountId": "plan-1"}


def judged(path: Path) -> Validation:
    validation = Validation()
    for batch in charge_batches(find_sources([path]).sources):
        source = batch.source
        validation.add(
            batch.frame, batch.columns, broken_rules(batch.frame, batch.columns),
            file=source.name, version=source.version, unreadable=batch.unreadable,
        )  # fmt: skip
    return validation


def broken(folder: Path, *rows: dict[str, str]) -> set[str]:
    return set(by_rule(judged(write_csv(folder / "bill.csv", rows)).breaches))


def test_a_row_that_keeps_every_rule_breaks_none(tmp_path: Path) -> None:
    assert broken(tmp_path, FOCUS_ROW) == set()


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"ChargeCategory": "Rent"}, "ChargeCategory-Values"),
        ({"ChargeClass": "Wrong"}, "ChargeClass-Values"),
        ({"ChargeFrequency": "Usage-based"}, "ChargeFrequency-Values"),
        ({"PricingCategory": "On-Demand"}, "PricingCategory-Values"),
        ({"ServiceCategory": "Stuff"}, "ServiceCategory-Values"),
        ({"BillingCurrency": "XYZ"}, "BillingCurrency-ISO4217"),
        ({"BillingCurrency": ""}, "BillingCurrency-NotNull"),
        ({"BilledCost": ""}, "BilledCost-NotNull"),
        ({"ContractedCost": ""}, "ContractedCost-NotNull"),
        ({"ProviderName": ""}, "ProviderName-NotNull"),
        ({"ChargePeriodEnd": "2026-10-01T00:00:00Z"}, "ChargePeriod-Order"),
        ({"BillingPeriodEnd": "2026-09-01T00:00:00Z"}, "BillingPeriod-Order"),
        ({"ChargePeriodStart": "2026-08-01T00:00:00Z"}, "ChargePeriod-Late"),
        ({"PricingQuantity": ""}, "PricingQuantity-Priced"),
        ({"SkuId": ""}, "SkuId-Priced"),
        ({"ChargeCategory": "Tax"}, "PricingUnit-Tax"),
        ({"PricingQuantity": "-5"}, "PricingQuantity-Sign"),
        ({"ConsumedQuantity": "-5"}, "ConsumedQuantity-Sign"),
        ({"ConsumedQuantity": "-5", "BilledCost": "-1"}, "ConsumedQuantity-Range"),
        ({"ConsumedQuantity": "", "ConsumedUnit": ""}, "ConsumedQuantity-Usage"),
        ({"ConsumedUnit": ""}, "ConsumedUnit-With"),
        ({"ChargeCategory": "Purchase"}, "ChargeFrequency-Purchase"),
        ({"ChargeCategory": "Credit", "EffectiveCost": "3"}, "EffectiveCost-Credit"),
        ({"ChargeCategory": "Purchase", **PLAN}, "EffectiveCost-Purchase"),
        (PLAN, "CommitmentDiscountStatus-Usage"),
        ({"CommitmentDiscountStatus": "Used"}, "CommitmentDiscountStatus-Without"),
        ({"CommitmentDiscountStatus": "Maybe", **PLAN}, "CommitmentDiscountStatus-Values"),
        ({"CommitmentDiscountStatus": "Used", **PLAN}, "PricingCategory-Used"),
        ({"Tags": "team=web"}, "Tags-Format"),
        ({"ListUnitPrice": "-1"}, "ListUnitPrice-Range"),
        ({"ListUnitPrice": "9"}, "ListUnitPrice-Product"),
        ({"ResourceId": "", "ResourceName": "vm"}, "ResourceName-Without"),
        ({"ResourceType": ""}, "ResourceType-With"),
        ({"CommitmentDiscountQuantity": "1"}, "CommitmentDiscountQuantity-Without"),
        ({"ListCost": "much"}, "ListCost-Readable"),
    ],
)
def test_a_row_that_breaks_a_rule_is_counted_under_it(tmp_path: Path, cells: dict[str, str], rule: str) -> None:
    assert rule in broken(tmp_path, FOCUS_ROW | cells)


def test_a_correction_may_have_what_other_charges_must_not(tmp_path: Path) -> None:
    negative = {"ChargeClass": "Correction", "PricingQuantity": "-5", "ConsumedQuantity": "-5", "SkuId": ""}

    assert broken(tmp_path, FOCUS_ROW | negative) == set()


def test_a_breach_names_its_first_row_and_what_that_has(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bill.csv", [day(1), day(2, ChargeFrequency="Daily"), day(3, ChargeFrequency="Daily")])

    (breach,) = judged(path).breaches

    assert (breach.rule_id, breach.level, breach.rows) == ("ChargeFrequency-Values", Level.MUST, 2)
    assert (breach.file, breach.row, breach.shown) == ("bill.csv", 2, "ChargeFrequency Daily")


def test_a_column_that_the_dataset_must_have_breaks_its_own_rule(tmp_path: Path) -> None:
    row = {name: cell for name, cell in FOCUS_ROW.items() if name != "InvoiceIssuerName"}

    assert broken(tmp_path, row) == {"InvoiceIssuerName-Present"}


def test_a_publisher_is_not_asked_of_a_version_that_has_none(tmp_path: Path) -> None:
    row = {name: cell for name, cell in FOCUS_ROW.items() if name not in {"PublisherName", "ProviderName"}}

    assert broken(tmp_path, row | {"ServiceProviderName": "AWS"}) == set()


def test_what_makes_money_wrong_is_refused_with_its_row(tmp_path: Path) -> None:
    validation = judged(write_csv(tmp_path / "bill.csv", [day(1), day(2, BillingCurrency="DOGE")]))

    with pytest.raises(InputError) as caught:
        validation.refuse()

    assert caught.value.facts["where"] == "bill.csv:2"
    assert caught.value.facts["got"] == "BillingCurrency DOGE"


def test_what_only_breaks_the_specification_is_not_refused(tmp_path: Path) -> None:
    judged(write_csv(tmp_path / "bill.csv", [day(1, ChargeFrequency="Daily")])).refuse()


def test_every_rule_has_a_name_of_its_own() -> None:
    names = [rule.rule_id for rule in RULES]
    assert len(names) == len(set(names))
