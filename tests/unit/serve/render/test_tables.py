"""CSV tables and the JUnit report."""

from __future__ import annotations

import csv
from io import StringIO
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.render.csv import csv_files, safe
from serve.render.junit import junit_report
from tests.unit.serve.scan_documents import full_document, policy, violation


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(csv_files(full_document())[name])))


def test_every_violation_is_a_row_and_exempt_ones_say_so() -> None:
    found = rows("violations.csv")
    assert len(found) == 11
    assert found[0]["monthly_cost"] == "1240.50"
    assert found[-1]["exemption_id"] == "ex-112"


def test_a_resource_is_a_row_with_its_worst_severity() -> None:
    found = {row["resource_name"]: row for row in rows("resources.csv")}
    assert found["stshopprod001"]["worst_severity"] == "critical"
    assert found["stshopprod011"]["exempt"] == "1"


def test_predictions_keep_null_probabilities_empty() -> None:
    assert [row["probability"] for row in rows("predictions.csv") if row["source"] == "heuristic"] == [""]


def test_costs_show_what_no_resource_carries() -> None:
    kinds = {(row["kind"], row["label"]): row["amount"] for row in rows("costs.csv")}
    assert kinds["unmatched", ""] == "12387.00"
    assert kinds["unmatched by reason", "no resource id"] == "8000.00"
    assert kinds["waste by policy", "pcg-aws-ebs-unattached"] == "9400.00"


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_can_start_a_formula(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-12.50", "12", "-3", "plain"])
def test_numbers_and_words_are_left_alone(text: str) -> None:
    assert safe(text) == text


@given(st.text())
def test_any_name_survives_a_spreadsheet(name: str) -> None:
    document = full_document()
    document["violations"] = [violation(1, resource_name=name)]
    found = next(csv.reader(StringIO(csv_files(document)["violations.csv"].split("\r\n", 1)[1], newline="")))
    assert found[4] in {name, f"'{name}"}
    assert not found[4].startswith(("=", "+", "@"))


def test_each_policy_is_one_test_case() -> None:
    suite = ElementTree.fromstring(junit_report(full_document())).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "4",
        "1",
        "0",
        "2",
    )
    assert len(suite.findall("testcase")) == 4


def test_a_failure_lists_the_resources_and_the_remedy() -> None:
    failure = ElementTree.fromstring(junit_report(full_document())).find(".//failure")
    assert failure is not None
    assert "storageAccounts/stshopprod003 (exports/azure.ndjson:3)" in str(failure.text)
    assert "Remediation: Set allowBlobPublicAccess" in str(failure.text)


def test_a_policy_that_cannot_run_is_an_error_with_its_reason() -> None:
    document = full_document()
    document["policies"] = [policy("broken", state="error", reason="alias is missing")]
    error = ElementTree.fromstring(junit_report(document)).find(".//error")
    assert error is not None
    assert error.get("message") == "alias is missing"


def test_very_many_resources_are_counted_instead_of_listed() -> None:
    document = full_document()
    document["violations"] = [violation(number) for number in range(150)]
    assert "and 50 more" in junit_report(document)


@given(st.text())
def test_any_name_is_well_formed_xml(name: str) -> None:
    document = full_document()
    document["tenant"] = name
    document["policies"] = [policy("pcg-azure-storage-public-access", title=name)]
    document["violations"] = [violation(1, resource_id=name)]
    assert ElementTree.fromstring(junit_report(document)).tag == "testsuites"
