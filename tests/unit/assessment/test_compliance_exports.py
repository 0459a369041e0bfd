"""Compliance as OSCAL, and findings as OCSF events that the published models accept."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

from assessment.compliance import compliance
from assessment.compliance_oscal import assessment_results, component_definition
from assessment.findings_ocsf import OCSF_VERSION, ocsf_event
from assessment.findings_rows import FindingRow
from tests.unit.assessment.compliance_samples import AS_OF, DOCUMENT, NOW, SOC2, results, rows


def closed(schema: Any) -> Any:
    """The schema with no room for attributes that it does not name; `unmapped` stays open, as OCSF wants it."""
    if isinstance(schema, dict):
        whole = {key: closed(value) for key, value in schema.items()}
        return {**whole, "additionalProperties": False} if "properties" in schema else whole
    return [closed(value) for value in schema] if isinstance(schema, list) else schema


SCHEMA = closed(ComplianceFinding.model_json_schema())


def event(row: FindingRow) -> dict[str, Any]:
    return ocsf_event(row, tenant="acme", product_version="0.1.0")


def test_every_event_is_valid_by_the_published_model_and_has_nothing_else() -> None:
    for row in rows():
        found = event(row)
        jsonschema.validate(found, SCHEMA)
        assert ComplianceFinding.model_validate(found).class_uid == 2003


@pytest.mark.parametrize("broken", [{"severity_id": 17}, {"type_uid": 200401}, {"finding": {}}, {"time": "noon"}])
def test_the_schema_refuses_what_is_wrong(broken: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**event(rows()[0]), **broken}, SCHEMA)


def test_an_open_finding_is_new_and_names_controls_evidence_and_resource() -> None:
    found = event(rows()[0])
    assert (found["type_uid"], found["activity_name"], found["status"]) == (200301, "Create", "New")
    assert (found["severity_id"], found["severity"]) == (4, "High")
    assert found["time"] == int(NOW.timestamp() - 3600) * 1000
    assert found["compliance"] == {
        "control": "public",
        "requirements": ["SOC2 CC6.1"],
        "standards": ["SOC2"],
        "status_id": 3,
    }
    assert found["resources"][0]["region"] == "westeurope"
    assert found["unmapped"]["evidence"] == "2026-5"
    assert found["remediation"] == {"desc": "close it"}
    assert found["metadata"]["version"] == OCSF_VERSION


def test_an_exempt_finding_is_suppressed_with_its_reason() -> None:
    found = event(rows()[1])
    assert (found["status_id"], found["status"], found["activity_id"]) == (3, "Suppressed", 2)
    assert found["status_detail"] == "Exemption ex-1: until the migration"
    assert "region" not in found["resources"][0]
    assert "remediation" not in found


def test_a_policy_without_controls_is_of_our_own_standard() -> None:
    assert event(replace(rows()[0], controls=()))["compliance"]["standards"] == ["Own policies"]


def test_a_finding_keeps_its_id_and_a_framework_leaves_only_its_own() -> None:
    assert [row.finding_id for row in rows()] == [row.finding_id for row in rows("SOC2")]
    assert len({row.finding_id for row in rows()}) == 2
    assert rows("HIPAA") == []
    assert [(row.status, row.first_found) for row in rows()] == [("open", AS_OF), ("exempt", AS_OF)]


def test_results_have_findings_only_of_decided_controls() -> None:
    document = json.loads(assessment_results(DOCUMENT, SOC2, results()))["assessment-results"]
    (result,) = document["results"]
    states = {each["title"]: each["target"]["status"] for each in result["findings"]}
    assert states == {
        "SOC2 CC6.1": {"state": "not-satisfied", "reason": "fail"},
        "SOC2 CC6.6": {"state": "satisfied", "reason": "pass"},
    }
    observed = {each["uuid"]: each for each in result["observations"]}
    for finding in result["findings"]:
        for related in finding["related-observations"]:
            entry = observed[related["observation-uuid"]]["relevant-evidence"][0]["description"]
            assert entry.startswith("Entry 2026-")
    assert "CC7.2 partly" in result["remarks"]
    assert "; and " not in result["remarks"]
    assert assessment_results(DOCUMENT, SOC2, results()) == assessment_results(DOCUMENT, SOC2, results())


def test_what_is_decided_wholly_or_not_at_all_is_said() -> None:
    (one,) = [result for result in results() if result.control.id == "CC6.6"]
    whole = json.loads(assessment_results({**DOCUMENT, "evidence": None}, SOC2, [one]))["assessment-results"]
    assert whole["results"][0]["remarks"] == "Every control is decided."
    assert "no log was kept" in json.dumps(whole["back-matter"])
    nothing = json.loads(component_definition(DOCUMENT, SOC2, compliance(SOC2, {}, [], now=NOW), product_version="0"))
    assert "control-implementations" not in nothing["component-definition"]["components"][0]


def test_a_component_implements_the_controls_that_policies_serve() -> None:
    document = json.loads(component_definition(DOCUMENT, SOC2, results(), product_version="0.1.0"))
    (component,) = document["component-definition"]["components"]
    requirements = component["control-implementations"][0]["implemented-requirements"]
    assert [each["control-id"] for each in requirements] == ["CC6.1", "CC6.6", "CC7.2"]
    assert {"name": "policy", "value": "public", "class": "partial"}.items() <= requirements[0]["props"][-1].items()
