"""Compliance over HTTP: coverage, gaps, and imported mappings."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assessment.compliance_document import GapKind
from domain.errors import InputError, IntegrityError, UnavailableError
from domain.evidence import EntryId
from domain.finding import Control
from domain.tenancy import TenantId
from domain.value import Json
from policy.controls.mapping import ControlMapping, Provenance, Strength
from serve import compliance_desk
from serve.compliance import Question
from serve.compliance_store import ComplianceStore
from serve.remote import RemotePlatform
from serve.run_file import RunningPlatform
from tests.unit.serve.api_fixture import OPERATOR_KEY, Api
from tests.unit.serve.over_http import sent_to

POLICY = "pcg-azure-storage-secure-transfer"
WIDE = Question(TenantId("acme"), timedelta(days=30))


def initiative(folder: Path, name: str, group: str, policy: str = POLICY) -> Path:
    path = folder / f"{name}.json"
    rows = [{"policyDefinitionId": f"/x/policyDefinitions/{policy}", "groupNames": [group]}]
    path.write_text(json.dumps({"properties": {"displayName": name, "policyDefinitions": rows}}))
    return path


@pytest.fixture
def over_http(api: Api, monkeypatch: pytest.MonkeyPatch) -> RemotePlatform:
    sent_to(api, monkeypatch)
    return RemotePlatform(RunningPlatform("http://platform", OPERATOR_KEY))


def kept(policy: str, source: str) -> ControlMapping:
    return ControlMapping(policy, Control("SOC2", "CC6.1"), Provenance.AZURE, Strength.PARTIAL, source)


def covered(api: Api, framework: str, **query: object) -> dict[str, Any]:
    asked = "&".join(f"{name}={value}" for name, value in {"framework": framework, **query}.items())
    answer = api.get(f"/api/v2/compliance/coverage?{asked}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_coverage_has_every_framework_in_figures(api: Api) -> None:
    found = api.get("/api/v2/compliance/coverage").json()
    summaries = {row["framework"]: row for row in found["frameworks"]}
    assert {"SOC2", "ISO-27001-2022", "NIST-800-53-R5", "PCI-DSS-4.0", "HIPAA"} <= summaries.keys()
    assert all(sum(row["states"].values()) == row["controls"] for row in summaries.values())
    assert summaries["SOC2"]["states"]["not-satisfied"] > 0
    assert found["controls"] == []


def test_a_failing_control_names_entries_that_the_log_has(api: Api) -> None:
    rows = {row["id"]: row for row in covered(api, "soc 2")["controls"]}
    assert len(rows) == 61
    failing = rows["CC6.7"]
    assert (failing["state"], failing["reason"]) == ("not-satisfied", "violations")
    by_policy = {each["policy"]: each for each in failing["served_by"]}
    entry = api.get(f"/api/v2/evidence/{by_policy[POLICY]['evidence']}").json()["entry"]
    assert entry["body"]["policy"] == POLICY
    assert entry["body"]["violations"] == by_policy[POLICY]["violations"] == 2
    assert rows["CC1.1"]["reason"] == "organisational"


def test_controls_come_in_pages(api: Api) -> None:
    first = covered(api, "HIPAA", limit=60)
    assert (len(first["controls"]), first["next_cursor"]) == (60, "60")
    last = covered(api, "HIPAA", limit=60, cursor=60)
    assert (len(last["controls"]), last["next_cursor"]) == (6, None)


def test_gaps_are_counted_and_chosen_by_kind(api: Api) -> None:
    found = api.get("/api/v2/compliance/gaps?framework=SOC2").json()
    assert found["total"] == sum(found["counts"].values()) == len(found["gaps"])
    assert found["gaps"][0]["gap"] == "failing"
    only = api.get("/api/v2/compliance/gaps?framework=SOC2&kind=no-policy").json()
    assert {row["gap"] for row in only["gaps"]} == {"no-policy"}
    assert only["counts"] == found["counts"]


def test_an_unknown_framework_is_refused_with_what_there_is(api: Api) -> None:
    answer = api.get("/api/v2/compliance/coverage?framework=SOX")
    assert answer.status_code == 422
    assert "SOC2" in answer.json()["facts"]["expected"]


def test_an_imported_initiative_counts_from_then_on(api: Api) -> None:
    exports = api.folder / "exports"
    path = initiative(exports, "Board rules", "SOC_2_CC9.2")
    own = initiative(exports, "House rules", "Rule 7")
    gone = initiative(exports, "Old rules", "SOC_2_CC77.1", "gone")
    definitions = exports / "definitions.json"
    rule = {"if": {"field": "type", "equals": "x"}, "then": {"effect": "audit"}}
    definitions.write_text(json.dumps({"name": POLICY, "properties": {"displayName": "d", "policyRule": rule}}))
    body = {"paths": [str(path), str(own), str(gone)], "described_by": [str(definitions)]}
    done = api.client.post("/api/v2/compliance/mappings", json=body, headers=api.acme).json()
    assert (done["mappings"], done["described"]) == (3, 1)
    assert done["unknown_policies"] == [{"policy": "gone", "source": "Old rules"}]
    assert done["unknown_controls"] == ["SOC2 CC77.1"]
    supported = next(row for row in covered(api, "SOC2")["controls"] if row["id"] == "CC9.2")
    assert (supported["state"], supported["served_by"][0]["provenance"]) == ("partly", "azure-initiative")
    house = covered(api, "house rules")
    assert [row["state"] for row in house["controls"]] == ["not-satisfied"]
    assert house["frameworks"][0]["is_catalogued"] is False


def test_files_outside_the_allowed_roots_are_refused(api: Api) -> None:
    answer = api.client.post("/api/v2/compliance/mappings", json={"paths": ["/etc/passwd"]}, headers=api.acme)
    assert answer.status_code in {403, 422}


def test_a_remote_desk_gives_all_pages(api: Api, over_http: RemotePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compliance_desk, "PAGE", 25)
    desk = over_http.compliance
    found = desk.coverage(Question(WIDE.tenant, WIDE.age_max, "HIPAA"))
    assert [row["id"] for row in found["controls"]] == [row["id"] for row in covered(api, "HIPAA")["controls"]]
    gaps = desk.gaps(Question(WIDE.tenant, WIDE.age_max, "HIPAA"), GapKind.NO_POLICY)
    assert gaps["total"] >= len(gaps["gaps"]) > 25
    path = initiative(api.folder / "exports", "Remote rules", "Rule 8")
    assert desk.add_mappings(WIDE.tenant, [path], [])["mappings"] == 1
    assert desk.coverage(WIDE)["controls"] == []


def test_an_import_replaces_its_own_source_alone(tmp_path: Path) -> None:
    store = ComplianceStore(tmp_path / "compliance")
    assert store.load().mappings == ()
    store.add([kept("a", "one")], {"a": "words"})
    store.add([kept("b", "two")], {})
    store.add([kept("c", "one")], {"c": "more"})
    found = store.load()
    assert [mapping.policy for mapping in found.mappings] == ["b", "c"]
    assert found.texts == {"a": "words", "c": "more"}


def test_a_damaged_or_unwritable_file_is_an_error_not_an_empty_list(
    tmp_path: Path,
) -> None:
    store = ComplianceStore(tmp_path)
    (tmp_path / "mappings.ndjson").write_text('{"policy": "a"}\n')
    with pytest.raises(IntegrityError):
        store.load()
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError):
        ComplianceStore(tmp_path / "file").add([kept("a", "one")], {})


def test_a_question_about_no_framework_of_that_name_names_the_imported_ones(over_http: RemotePlatform) -> None:
    with pytest.raises(InputError, match="unknown framework"):
        over_http.compliance.coverage(Question(WIDE.tenant, WIDE.age_max, "none such"))


RULE: dict[str, Json] = {
    "if": {"field": "Microsoft.Storage/storageAccounts/supportsHttpsTrafficOnly", "equals": "false"}
}
OWN_DEFINITION: dict[str, Json] = {
    "name": "own-https",
    "properties": {
        "displayName": "Storage accounts accept encrypted connections only",
        "description": "Secure transfer over HTTPS protects data in transit from interception",
        "policyRule": {**RULE, "then": {"effect": "audit"}},
    },
}


def mapped(api: Api, body: dict[str, Any]) -> Any:
    return api.client.post("/api/v2/compliance/map", json=body, headers=api.acme)


def test_a_definition_is_mapped_with_confidence_and_reason(api: Api) -> None:
    found = mapped(api, {"policy": OWN_DEFINITION}).json()
    assert (found["of"], found["mapped"], found["confidence_min"]) == ("own-https", [], 0.5)
    proposed = {(row["framework"], row["id"]): row for row in found["suggestions"]}
    transit = proposed["NIST-800-53-R5", "SC-8"]
    assert 0.5 <= transit["confidence"] <= 1
    assert transit["reasons"][0]["like"].startswith("pcg-")
    assert transit["reasons"][0]["words"]
    assert not any(row["framework"].startswith(("CIS-AWS", "CIS-GCP", "AWS-")) for row in found["suggestions"])
    confidences = [row["confidence"] for row in found["suggestions"]]
    assert confidences == sorted(confidences, reverse=True)


def test_a_known_policy_shows_what_it_is_mapped_to(api: Api) -> None:
    found = mapped(api, {"policy": POLICY}).json()
    assert {"framework": "SOC2", "id": "CC6.7"}.items() <= next(
        row for row in found["mapped"] if row["framework"] == "SOC2"
    ).items()
    assert all(row["is_mapped"] for row in found["suggestions"] if row["id"] == "CC6.7")


def test_an_entry_of_evidence_is_mapped(api: Api) -> None:
    body = {
        "id": "backup-drill",
        "subject": "database backups",
        "body": {
            "what": "automated backups of databases with point in time recovery, retention and deletion protection"
        },
    }
    entry = api.client.post("/api/v2/evidence/collect", json=body, headers=api.acme).json()["evidence_id"]
    found = mapped(api, {"evidence": entry}).json()
    assert found["of"] == entry
    assert ("SOC2", "A1.2") in {(row["framework"], row["id"]) for row in found["suggestions"]}
    assert api.client.post("/api/v2/compliance/map", json={"evidence": entry}, headers=api.globex).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"policy": POLICY, "evidence": "2026-1"}, 422),
        ({"policy": "no such policy"}, 404),
        ({"policy": {"name": "no rule"}}, 422),
        ({"evidence": "nonsense"}, 422),
        ({"policy": POLICY, "confidence_min": 0.2}, 422),
    ],
)
def test_what_cannot_be_mapped_is_refused(api: Api, body: dict[str, Any], status: int) -> None:
    answer = mapped(api, body)
    assert answer.status_code == status, answer.text


def test_a_remote_desk_maps_as_well(over_http: RemotePlatform) -> None:
    desk = over_http.compliance
    assert desk.map_policy(WIDE.tenant, OWN_DEFINITION, confidence_min=0.5)["of"] == "own-https"
    assert desk.map_policy(WIDE.tenant, POLICY, confidence_min=0.9)["confidence_min"] == 0.9
    entry = EntryId.parse("2026-1")
    assert desk.map_evidence(WIDE.tenant, entry, confidence_min=0.5)["of"] == "2026-1"
