"""The recorded bills: every sample imports, sums to its source, and is converted as the published rules say.

The rules are of the FinOps Foundation's converter and name columns from before FOCUS 1.0. Where ours differ on purpose
is listed here, with why.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from assessment.billing import import_billing
from connectors.billing.charges import charge_batches
from connectors.billing.sources import find_sources
from connectors.focus.cells import NULLS
from cost.billing.query import BillingQuery, Measure, ask
from cost.billing.store import BillingStore, Outcome, Terms
from domain.tenancy import TenantId
from tests.shared_data import shared_data

pytestmark = pytest.mark.data
AT = datetime(2026, 11, 20, tzinfo=UTC)
CENT = Decimal("0.005")

SAMPLES = [
    ("focus_sample.csv", "BilledCost", "BillingCurrency", Measure.BILLED),
    ("focus_sample.csv", "EffectiveCost", "BillingCurrency", Measure.EFFECTIVE),
    ("aws_cur_anonymised.csv", "lineItem/UnblendedCost", "lineItem/CurrencyCode", Measure.BILLED),
    ("azure_ea_actual_small.csv", "Cost", "BillingCurrency", Measure.BILLED),
    ("azure_ea_amortized_small.csv", "Cost", "BillingCurrency", Measure.EFFECTIVE),
    ("azure_ea_export_anonymised.csv", "CostInBillingCurrency", "BillingCurrencyCode", Measure.BILLED),
    ("oci_cost_report.csv", "cost/myCost", "cost/currencyCode", Measure.BILLED),
]
TODAY = {"Provider": "ProviderName", "Publisher": "PublisherName", "InvoiceIssuer": "InvoiceIssuerName"}

DIFFERENT: Mapping[str, Mapping[str, str]] = {
    "aws_cur_anonymised.csv": {
        "ServiceName": "today it is the service's name, as AWS's own FOCUS export has it, not its code",
        "PricingQuantity": "null for tax, as FOCUS has it since 1.0",
        "ConsumedQuantity": "null for tax, as FOCUS has it since 1.0",
    },
    "azure_ea_export_anonymised.csv": {
        "ServiceName": "today it is the service's name, not the resource provider's",
        "RegionId": "regions are written without case and spaces, as Azure's own FOCUS export has them",
        "ConsumedQuantity": "counted in units, where the rules count blocks such as 10K",
        "PublisherName": "Microsoft where the export leaves its own name out",
    },
    "oci_cost_report.csv": {
        "BilledCost": "the rules bill the overage alone, which is nothing here",
    },
}
RULES = {
    "aws_cur_anonymised.csv": "rules_aws-cur.csv",
    "azure_ea_export_anonymised.csv": "rules_azure.csv",
    "oci_cost_report.csv": "rules_oci.csv",
}


@pytest.mark.parametrize(("name", "cost", "currency", "measure"), SAMPLES)
def test_a_sample_sums_to_its_source_in_every_currency(
    tmp_path: Path, name: str, cost: str, currency: str, measure: Measure
) -> None:
    path = shared_data("focus", name)
    bills = BillingStore(tmp_path, TenantId("acme"))

    report = import_billing(bills, [path], at=AT, terms=Terms(may_be_partial=True))

    expected: defaultdict[str, Decimal] = defaultdict(Decimal)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            expected[row[currency]] += Decimal(row[cost])
    found = {group.currency: group.amount for group in ask(bills, BillingQuery((), measure))}
    assert set(found) == set(expected)
    assert all(abs(found[key] - expected[key]) < CENT for key in expected)
    assert {change.outcome for change in report.changes} == {Outcome.NEW}


def test_the_sample_in_parquet_is_the_sample_in_csv(tmp_path: Path) -> None:
    bills, partial = BillingStore(tmp_path, TenantId("acme")), Terms(may_be_partial=True)
    import_billing(bills, [shared_data("focus", "focus_sample.csv")], at=AT, terms=partial)

    again = import_billing(bills, [shared_data("focus", "focus_sample.parquet")], at=AT, terms=partial)

    assert {change.outcome for change in again.changes} == {Outcome.UNCHANGED}


@pytest.mark.parametrize("name", sorted(RULES))
def test_columns_that_the_rules_copy_are_copied(name: str) -> None:
    converted, source = _converted(name), _source(name)
    checked, wrong = 0, list[tuple[object, ...]]()
    for rule in _single_steps(RULES[name]):
        column = TODAY.get(rule["FOCUS Dimension"], rule["FOCUS Dimension"])
        if rule["Transform Type"] != "RENAME_COLUMN" or column in DIFFERENT[name] or column.endswith(("Start", "End")):
            continue
        if rule["Source Column"] not in source.columns:
            continue
        checked += 1
        pairs = zip(source[rule["Source Column"]], converted[column], strict=True)
        wrong += [(column, *pair) for pair in pairs if not _equal(*pair)]
    assert wrong == []
    assert checked >= 8


@pytest.mark.parametrize("name", ["aws_cur_anonymised.csv", "azure_ea_export_anonymised.csv"])
def test_charge_categories_are_those_of_the_rules(name: str) -> None:
    (rule,) = (each for each in _single_steps(RULES[name]) if each["FOCUS Dimension"] == "ChargeCategory")
    words: dict[str, str] = {}
    for line in rule["Filters/Process/Etc."].splitlines():
        if line.startswith("- WHEN"):
            outcome = line.rsplit("THEN", 1)[1].strip(" '")
            words |= {part.split("'")[1]: outcome for part in line.rsplit("THEN", 1)[0].split(" OR ")}
    kinds = _source(name)[rule["Source Column"] if rule["Source Column"] != "NA" else "ChargeType"]

    expected = [words[kind] for kind in kinds]

    assert _converted(name)["ChargeCategory"].to_list() == expected


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_every_difference_that_is_documented_is_one(name: str) -> None:
    converted, source = _converted(name), _source(name)
    for column in DIFFERENT[name]:
        (rule,) = (
            each
            for each in _single_steps(RULES[name])
            if TODAY.get(each["FOCUS Dimension"], each["FOCUS Dimension"]) == column
        )
        given = source[_column_of(rule)] if _column_of(rule) in source.columns else None
        assert given is None or any(not _equal(*pair) for pair in zip(given, converted[column], strict=True)), column


def _column_of(rule: Mapping[str, str]) -> str:
    return "lineItem/UsageAmount" if rule["Source Column"] == "NA" else rule["Source Column"]


def _single_steps(name: str) -> list[dict[str, str]]:
    """Rules that one step decides."""
    with shared_data("focus", name).open(newline="") as stream:
        rules = [row for row in csv.DictReader(stream) if row["Transform Step"] != "0"]
    counts: defaultdict[str, int] = defaultdict(int)
    for row in rules:
        counts[row["FOCUS Dimension"]] += 1
    return [row for row in rules if counts[row["FOCUS Dimension"]] == 1]


def _converted(name: str) -> pl.DataFrame:
    sources = find_sources([shared_data("focus", name)]).sources
    return pl.concat([batch.frame for batch in charge_batches(sources)])


def _source(name: str) -> pl.DataFrame:
    return pl.read_csv(shared_data("focus", name), infer_schema=False)


def _equal(given: str | None, found: object) -> bool:
    if given is None or given in NULLS:
        return found is None or found == 0
    if isinstance(found, Decimal):
        return abs(Decimal(given) - found) <= Decimal("1e-12")
    return given == found
