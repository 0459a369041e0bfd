"""The scan document and its schema."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from assessment.document import document_bytes, scan_document
from assessment.inputs import AssessmentInputs, FormerScan
from assessment.money import amount_text
from assessment.scan import assess
from assessment.schema import EvidenceEntry, scan_schema
from domain.finding import PolicyId
from domain.inventory import FileReport, Gap, RecordClass
from domain.resource import Origin, resource_key
from graph.stores.contract import ChangeKind
from tests.unit.assessment.estate import AS_OF, azure, inputs, pack_policies, registry, waiver
from tests.unit.assessment.test_heuristics import _changes
from tests.unit.cost.rows import Cell, frame, in_november, row

SCHEMA = Path(__file__).parents[3] / "docs" / "scan.schema.json"
ADMIN = "pcg-azure-acr-admin-user"
EVIDENCE: EvidenceEntry = {
    "origin": "example/log",
    "size": 9,
    "roots": {"sha256": "00", "sha3_256": "11"},
    "checkpoint": "example/log\n9\n",
    "checkpoint_sha3": "example/log/sha3\n9\n",
    "path": ".pcg/evidence",
}


def full_inputs() -> AssessmentInputs:
    """Inputs that fill every part of the document."""
    plan = azure("Microsoft.Web/serverfarms", "plan", {})
    items = [
        registry("a", admin=True),
        registry("b", admin=True),
        plan,
        azure("Microsoft.Web/sites", "app", {"properties": {"serverFarmId": plan.uid}}),
        azure("Microsoft.Compute/disks", "d", {}, unread=("*",)),
        azure("Microsoft.Web/certificates", "web", {"properties": {"expirationDate": "2026-11-27T09:30:15Z"}}),
    ]
    usd: dict[str, Cell] = {"BillingCurrency": "USD", "ProviderName": "Microsoft"}
    bill = frame(
        row(ResourceId=items[0].uid, EffectiveCost=Decimal("30.125")),
        row(ResourceId=items[3].uid, EffectiveCost=Decimal("0.0000008")),
        in_november(ResourceId=items[1].uid, **usd),
    )
    gap = Gap(Origin("export.json", 7), "broken JSON", "Export it again")
    report = FileReport("export.json", "json", 7, ((RecordClass.RESOURCE, 6), (RecordClass.GAP, 1)), 6, (gap,))
    known = {(resource_key(items[0].uid), PolicyId(ADMIN)): AS_OF - timedelta(days=8)}
    return inputs(
        items,
        pack_policies(),
        billing=[bill, bill],
        files=[report],
        repeated=2,
        exemptions=[
            waiver("ex-1", ADMIN, items[1], expires_at=AS_OF + timedelta(days=2)),
            waiver("ex-2", "x", None),
        ],
        former=FormerScan(AS_OF - timedelta(days=1), known),
        changes=_changes([plan.uid], [ChangeKind.CHANGED]),
    )


def full_document() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(document_bytes(scan_document(assess(full_inputs()), EVIDENCE)))
    return found


def test_the_published_schema_is_the_one_in_the_code() -> None:
    assert orjson.loads(SCHEMA.read_bytes()) == scan_schema()


def test_every_object_of_the_schema_is_closed() -> None:
    schema = scan_schema()
    Draft202012Validator.check_schema(schema)
    objects = [schema, *(each for each in schema["$defs"].values() if each.get("type") == "object")]
    assert {each["additionalProperties"] for each in objects} == {False}


def test_a_document_with_everything_in_it_fits_the_schema() -> None:
    document = full_document()

    Draft202012Validator(scan_schema()).validate(document)
    assert all(document[part] for part in ("violations", "exempt", "predictions", "blast_radius", "controls", "gaps"))
    assert {each["source"] for each in document["predictions"]} == {"date", "heuristic"}


@pytest.mark.parametrize("billing", [[], None])
def test_a_document_with_almost_nothing_in_it_fits_the_schema(billing: list[object] | None) -> None:
    document = scan_document(assess(inputs([], (), **({} if billing is None else {"billing": billing}))), None)

    Draft202012Validator(scan_schema()).validate(orjson.loads(document_bytes(document)))
    assert (document["cost"]["currency"], document["cost"]["at_risk"], document["evidence"]) == (None, None, None)


def test_equal_inputs_give_equal_bytes() -> None:
    first, second = (document_bytes(scan_document(assess(full_inputs()), EVIDENCE)) for _ in range(2))

    assert first == second


def test_a_violation_carries_all_that_a_reader_needs() -> None:
    document = full_document()

    (found,) = (each for each in document["violations"] if each["policy_id"] == ADMIN)
    assert found["title"] == "the shared administrator account is on"
    assert found["monthly_cost"] == [{"amount": "30.125", "currency": "EUR"}]
    assert found["origin"] == {"file": "export.json", "line": 1}
    assert (found["is_new"], found["first_found"]) == (False, "2026-11-16T12:00:00Z")
    assert found["controls"]
    assert found["remediation"].startswith("az acr update")


def test_what_is_exempt_is_shown_with_its_reason_owner_and_end() -> None:
    (found,) = full_document()["exempt"]

    assert (found["exemption_id"], found["exemption_owner"]) == ("ex-1", "platform")
    assert found["exemption_expires_at"] == "2026-11-26T12:00:00Z"


def test_the_cost_section_reconciles_in_each_currency() -> None:
    cost = full_document()["cost"]

    assert (cost["currency"], cost["effective_month"], cost["copied_rows"]) == ("EUR", "2026-10", 3)
    for part in cost["currencies"]:
        assert Decimal(part["matched"]) + Decimal(part["unmatched"]) == Decimal(part["total"])
        assert sum(Decimal(line["amount"]) for line in part["by_scope"]) == Decimal(part["matched"])
    assert {period["rule"] for period in cost["periods"]} == {"latest complete billing month", "trailing 30 days"}


def test_notes_say_what_a_reader_must_know() -> None:
    notes = " | ".join(full_document()["notes"])

    for said in (
        "1 gap",
        "heuristics that only rank",
        "No complete month of Microsoft",
        "different months",
        "2 currencies",
        "3 billing",
    ):
        assert said in notes


def test_synthetic_resources_and_bills_from_the_future_are_said() -> None:

    made = replace(registry("a", admin=True), synthetic=True)
    found = scan_document(assess(inputs([made], (), billing=[frame(row(ChargePeriodStart=AS_OF))])), None)

    assert found["synthetic"]
    assert found["notes"][0].startswith("1 of 1 resources are synthetic")
    assert found["notes"][-1].startswith("No usage was billed")


def test_costs_of_long_ago_are_said_to_be_old() -> None:
    given = inputs([], (), billing=[frame(row())], as_of=AS_OF + timedelta(days=100))

    assert assess(given).notes[-1] == "The latest cost is of a time 123 days before this scan"


def test_the_document_lists_every_violation_and_says_which_are_new() -> None:
    violations = scan_document(assess(full_inputs()), None)["violations"]

    assert {each["is_new"] for each in violations} == {True, False}


@pytest.mark.parametrize(
    ("amount", "text"),
    [("12", "12.00"), ("0", "0.00"), ("1E+3", "1000.00"), ("0.000000800000", "0.0000008"), ("-3.5", "-3.50")],
)
def test_amounts_are_written_exactly(amount: str, text: str) -> None:
    assert amount_text(Decimal(amount)) == text
