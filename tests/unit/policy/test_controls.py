"""Frameworks and mappings. Counts are stated, so that a lost or doubled row shows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from domain.errors import InputError
from domain.finding import Control
from domain.value import Json
from policy.controls.catalogue import framework, frameworks, other_editions
from policy.controls.framework import ControlKind
from policy.controls.imports import Reference, import_mappings, read_mappings
from policy.controls.mapping import (
    ControlMapping,
    Provenance,
    Strength,
    by_control,
    pack_mappings,
    strength_of,
    unknown_controls,
    with_editions,
)
from policy.pack import load_pack

ROWS = "$.properties.policyDefinitions"
COUNTS = {
    "SOC2": 61,
    "ISO-27001-2022": 93,
    "NIST-800-53-R5": 353,
    "PCI-DSS-4.0": 250,
    "HIPAA": 66,
    "CIS-AWS-1.4": 58,
    "CIS-AWS-1.5": 63,
    "CIS-AWS-2.0": 64,
    "CIS-AWS-3.0": 62,
    "CIS-AWS-4.0.1": 64,
    "CIS-AWS-5.0": 63,
    "CIS-AWS-6.0": 63,
    "CIS-AWS-7.0": 70,
    "CIS-Azure-2.0": 151,
    "CIS-Azure-2.1": 149,
    "CIS-Azure-3.0": 159,
    "CIS-Azure-4.0": 139,
    "CIS-Azure-5.0": 155,
    "CIS-Azure-6.0": 127,
    "CIS-GCP-2.0": 84,
    "CIS-GCP-3.0": 84,
    "CIS-GCP-4.0": 84,
    "CIS-GCP-5.0": 93,
}


def initiative(group: str, name: str = "11111111-aaaa", title: str = "Ours") -> Json:
    definition = f"/providers/Microsoft.Authorization/policyDefinitions/{name}"
    return {
        "properties": {
            "displayName": title,
            "policyDefinitions": [{"policyDefinitionId": definition, "groupNames": [group]}],
        }
    }


def prowler(framework: str, requirement: str, *, version: str = "", cloud: str = "aws") -> Json:
    return {
        "Framework": framework,
        "Name": framework,
        "Version": version,
        "Provider": cloud,
        "Requirements": [{"Id": requirement, "Checks": ["a_check"]}],
    }


def only_control(document: Json) -> str:
    (mapping,) = import_mappings([(document, "file:1")]).mappings
    return str(mapping.control)


def test_every_framework_has_its_number_of_controls() -> None:
    assert {name: len(each.requirements) for name, each in frameworks().items()} == COUNTS


def test_annex_a_soc_2_and_nist_are_divided_as_published() -> None:
    annex = Counter(control.parent for control in framework("ISO 27001").requirements)
    assert annex == {"A.5": 37, "A.6": 8, "A.7": 14, "A.8": 34}
    series = Counter(str(control.parent).rstrip("0123456789") for control in framework("soc 2").requirements)
    assert series == {"CC": 33, "A": 3, "C": 2, "PI": 5, "P": 18}
    base = [control for control in framework("NIST 800-53").requirements if "(" not in control.id]
    assert len(base) == 298
    assert len(framework("NIST 800-53").children("PM")) == 32


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_controls_are_distinct_have_words_and_a_parent_that_exists(name: str) -> None:
    known = frameworks()[name]
    ids = [control.id for control in known.controls]
    assert len(set(ids)) == len(ids)
    for control in known.controls:
        assert 3 <= len(control.text) <= 120, control
        assert control.parent is None or known.find(control.parent) is not None, control
        assert control.kind is ControlKind.GROUP or control.parent is not None


def test_each_framework_has_technical_and_organisational_controls() -> None:
    for known in frameworks().values():
        assert {control.kind for control in known.requirements} == {ControlKind.TECHNICAL, ControlKind.ORGANISATIONAL}


def test_an_unknown_framework_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError) as refused:
        framework("SOX")
    assert refused.value.facts["got"] == "SOX"
    assert "SOC2" in str(refused.value.facts["expected"])


def test_an_enhancement_without_a_row_stands_below_its_control() -> None:
    nist = framework("NIST-800-53-R5")
    found = nist.find("AC-2(11)")
    assert found is not None
    assert (found.parent, found.kind) == ("AC-2", ControlKind.TECHNICAL)
    assert nist.find("AC-99(1)") is None
    assert nist.find("AC(1)") is None
    assert framework("CIS-AWS-5.0").find("1.3(1)") is None
    assert str(nist.named("AC-2")) == "NIST-800-53-R5 AC-2"


def test_the_pack_names_only_controls_that_exist() -> None:
    mappings = pack_mappings(((each.policy_id, each.controls) for each in load_pack()), source="pack")
    assert unknown_controls(mappings) == ()
    assert len({mapping.policy for mapping in mappings}) >= 300
    assert {mapping.provenance for mapping in mappings} == {Provenance.PACK}


@pytest.mark.parametrize(
    ("control", "strength"),
    [
        (Control("CIS-AWS-5.0", "5.2"), Strength.DIRECT),
        (Control("SOC2", "CC6.1"), Strength.PARTIAL),
        (Control("SOC2", "CC1.2"), Strength.SUPPORTING),
        (Control("SOC2", "CC6"), Strength.SUPPORTING),
        (Control("SOC2", "CC99.9"), Strength.PARTIAL),
        (Control("AWS-FSBP", "S3.1"), Strength.PARTIAL),
    ],
)
def test_strength_follows_from_framework_and_kind(control: Control, strength: Strength) -> None:
    assert strength_of(control) is strength


def test_a_policy_counts_once_for_a_control_with_its_strongest_mapping() -> None:
    control = Control("SOC2", "CC6.1")
    weak = ControlMapping("P", control, Provenance.PROWLER, Strength.SUPPORTING, "a")
    strong = ControlMapping("p", control, Provenance.PACK, Strength.DIRECT, "b")
    same = ControlMapping("p", control, Provenance.AZURE, Strength.DIRECT, "c")
    assert by_control([weak, strong, same]) == {control: (strong,)}


def test_a_control_that_its_framework_lacks_is_named() -> None:
    wrong, other = Control("SOC2", "CC99.1"), Control("Ours", "1")
    mappings = pack_mappings([("p", [wrong, other])], source="pack")
    assert unknown_controls(mappings) == (wrong,)


def test_a_recommendation_is_found_in_other_editions() -> None:
    root_key = Control("CIS-AWS-5.0", "1.3")
    assert Control("CIS-AWS-7.0", "2.4") in other_editions(root_key)
    assert root_key not in other_editions(root_key)
    assert other_editions(Control("SOC2", "CC6.1")) == ()
    stated, *others = with_editions(pack_mappings([("p", [root_key])], source="pack"))
    assert (stated.control, stated.strength) == (root_key, Strength.DIRECT)
    assert len(others) == 7
    assert {(each.provenance, each.strength) for each in others} == {(Provenance.EDITION, Strength.PARTIAL)}
    assert {each.source for each in others} == {"pack, by CIS-AWS-5.0 1.3"}


@pytest.mark.parametrize(
    ("group", "control"),
    [
        ("SOC_2_CC6.1", "SOC2 CC6.1"),
        ("SOC_2023_CC.5.3", "SOC2 CC5.3"),
        ("SOC_2023_CM_8b", "SOC2 CM_8b"),
        ("PCI_DSS_v4.0_1.2.1", "PCI-DSS-4.0 1.2.1"),
        ("PCI_DSS_v4.0.1_1.2.1", "PCI-DSS-4.0 1.2.1"),
        ("NIST_SP_800-53_R5_AC-2(1)", "NIST-800-53-R5 AC-2(1)"),
        ("NIST_SP_800-53_R5.1.1_AC.3.3", "NIST-800-53-R5 AC-3(3)"),
        ("NIST_SP_800-53_R5.1.1_SC.13", "NIST-800-53-R5 SC-13"),
        ("ISO_IEC_27002_2022_8.8", "ISO-27001-2022 A.8.8"),
        ("CIS_Azure_2.0.0_1.5", "CIS-Azure-2.0 1.5"),
        ("CIS_Azure_Foundations_v2.1.0_7.9", "CIS-Azure-2.1 7.9"),
        ("Own group 7", "Ours Own group 7"),
    ],
)
def test_azure_groups_become_controls(group: str, control: str) -> None:
    assert only_control(initiative(group)) == control


@pytest.mark.parametrize(
    ("framework", "version", "cloud", "requirement", "control"),
    [
        ("SOC2", "", "aws", "cc_6_1", "SOC2 CC6.1"),
        ("SOC2", "", "aws", "cc_a_1_1", "SOC2 A1.1"),
        ("SOC2", "", "gcp", "pi_1_2", "SOC2 PI1.2"),
        ("SOC2", "", "gcp", "other", "SOC2 other"),
        ("HIPAA", "", "aws", "164_308_a_1_ii_a", "HIPAA 164.308(a)(1)(ii)(A)"),
        ("HIPAA", "", "aws", "164_312_a_2_iv", "HIPAA 164.312(a)(2)(iv)"),
        ("HIPAA", "", "aws", "164_308_a_3", "HIPAA 164.308(a)(3)(i)"),
        ("HIPAA", "", "aws", "164_312_b", "HIPAA 164.312(b)"),
        ("NIST-800-53-Revision-5", "", "aws", "ac_2_3_a", "NIST-800-53-R5 AC-2(3)"),
        ("NIST-800-53-Revision-5", "", "aws", "ac_2_g", "NIST-800-53-R5 AC-2"),
        ("NIST-800-53-Revision-5", "", "aws", "AC", "NIST-800-53-R5 AC"),
        ("PCI", "4.0", "aws", "1.2.5.1", "PCI-DSS-4.0 1.2.5"),
        ("PCI", "4.0", "aws", "10.2.1.1.9", "PCI-DSS-4.0 10.2.1.1"),
        ("PCI", "4.0", "aws", "A3.4.1.8", "PCI-DSS-4.0 A3.4.1.8"),
        ("PCI", "3.2.1", "aws", "1.1", "PCI-3.2.1 1.1"),
        ("ISO27001", "2022", "azure", "A.5.1", "ISO-27001-2022 A.5.1"),
        ("CIS", "5.0", "AWS", "1.3", "CIS-AWS-5.0 1.3"),
        ("CIS", "2.0", "alibabacloud", "1.3", "CIS-2.0 1.3"),
        ("GDPR", "", "aws", "article_25", "GDPR article_25"),
    ],
)
def test_prowler_requirements_become_controls(
    framework: str, version: str, cloud: str, requirement: str, control: str
) -> None:
    assert only_control(prowler(framework, requirement, version=version, cloud=cloud)) == control


def test_checks_may_stand_by_provider() -> None:
    document: Json = {
        "framework": "CIS-Controls",
        "version": "8.1",
        "requirements": [{"id": "1.1", "checks": {"aws": ["one"], "azure": ["two"], "other": None}}],
    }
    found = import_mappings([(document, "file:1")])
    assert [mapping.policy for mapping in found.mappings] == ["one", "two"]
    assert found.sources == ("CIS-Controls",)
    assert {mapping.source for mapping in found.mappings} == {"CIS-Controls"}


def test_names_that_lead_nowhere_are_reported() -> None:
    documents: list[tuple[Json, str]] = [
        (initiative("SOC_2_CC6.1", "gone"), "a:1"),
        (initiative("SOC_2_CC77.1", "HERE"), "a:2"),
        (prowler("SOC2", "cc_6_1"), "b:1"),
        ({"name": "empty", "properties": {"policyDefinitions": []}}, "c:1"),
    ]
    found = import_mappings(documents, known=["here"])
    assert found.unknown_policies == (Reference("gone", "Ours"), Reference("a_check", "SOC2 (aws)"))
    assert found.unknown_controls == (Control("SOC2", "CC77.1"),)
    assert found.ungrouped == ("empty",)
    assert import_mappings(documents).unknown_policies == ()


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"properties": {"policyDefinitions": [{"groupNames": ["g"]}]}}, f"{ROWS}[0].policyDefinitionId"),
        ({"properties": {"policyDefinitions": ["x"]}}, f"{ROWS}[0].policyDefinitionId"),
        (
            {"properties": {"policyDefinitions": [{"policyDefinitionId": "p", "groupNames": [7]}]}},
            f"{ROWS}[0].groupNames",
        ),
        ({"Framework": "SOC2", "Requirements": [{"Checks": ["c"]}]}, "$.Requirements[0].Id"),
        ({"Framework": "SOC2", "Requirements": ["r"]}, "$.Requirements[0].Id"),
    ],
)  # fmt: skip
def test_a_malformed_document_is_refused_with_its_path(document: Json, path: str) -> None:
    with pytest.raises(InputError) as refused:
        import_mappings([(document, "file:3")])
    assert (refused.value.facts["where"], refused.value.facts["path"]) == ("file:3", path)


@pytest.mark.parametrize("document", [{"some": "thing"}, ["a", "list"], {"properties": {"policyDefinitions": 1}}])
def test_a_document_of_neither_kind_is_refused(document: Json) -> None:
    with pytest.raises(InputError, match="neither an Azure initiative nor a Prowler compliance file"):
        import_mappings([(document, "file:1")])


def test_files_and_folders_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "one.json").write_bytes(orjson.dumps(initiative("SOC_2_CC6.1", "one")))
    lines = tmp_path / "two.ndjson"
    lines.write_bytes(b"\n".join(orjson.dumps(prowler("SOC2", name)) for name in ("cc_6_2", "cc_6_3")))
    found = read_mappings([folder, lines])
    assert [str(mapping.control) for mapping in found.mappings] == ["SOC2 CC6.1", "SOC2 CC6.2", "SOC2 CC6.3"]
