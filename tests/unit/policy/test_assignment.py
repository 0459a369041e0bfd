"""Assignments as documents: what is read, what selects, and every refusal."""

from __future__ import annotations

from typing import Any

import pytest

from policy.assignment import Enforcement, is_assignment, parse_assignment
from policy.errors import InvalidDefinition
from policy.selector import Traits, selected
from tests.unit.policy.governance import DEFINITION, GROUP, SUBSCRIPTION, assignment, assignment_document

EAST = {"kind": "resourceLocation", "in": ["East US", "westeurope"]}
GATES = {"kind": "resourceType", "notIn": ["Contoso.Net/gates"]}
WITHOUT = {"kind": "resourceWithoutLocation", "in": ["subscriptionLevelResources"]}


def test_an_exported_assignment_is_read_as_it_is() -> None:
    found = parse_assignment(
        {
            **assignment_document(
                "tags",
                GROUP,
                displayName="Tags",
                notScopes=[f"{GROUP}/providers/Contoso.Net/gates/old"],
                parameters={"tagName": {"value": "owner"}},
                enforcementMode="donotenforce",
                nonComplianceMessages=[{"message": "Tag it"}, {"message": "This", "policyDefinitionReferenceId": "R"}],
                definitionVersion="1.*.*",
                metadata={"assignedBy": "team"},
            ),
            "identity": {"type": "SystemAssigned"},
            "systemData": {"createdBy": "somebody"},
        },
        origin="tags.json",
    )

    assert (found.name, found.display_name, found.definition_id) == ("tags", "Tags", DEFINITION)
    assert (found.scope.text, found.parameters, found.enforcement) == (
        GROUP,
        {"tagName": "owner"},
        Enforcement.DO_NOT_ENFORCE,
    )
    assert [scope.is_container for scope in found.not_scopes] == [False]
    assert (found.message("r"), found.message("other")) == ("This", "Tag it")
    assert (found.identity, found.definition_version) == ({"type": "SystemAssigned"}, "1.*.*")


def test_a_scope_that_is_not_stated_is_the_one_in_the_id() -> None:
    document = assignment_document()
    del document["properties"]["scope"]
    top: Any = {"id": "/providers/Microsoft.Authorization/policyAssignments/x", "policyDefinitionId": DEFINITION}

    assert parse_assignment(document, origin="o").scope.text == SUBSCRIPTION
    assert parse_assignment(top, origin="o").scope.is_everything
    named = parse_assignment({"name": "n", "policyDefinitionId": DEFINITION, "scope": GROUP}, origin="o")
    assert named.assignment_id == f"{GROUP}/providers/Microsoft.Authorization/policyAssignments/n"
    assert named.enforcement is Enforcement.DEFAULT


@pytest.mark.parametrize(
    ("selectors", "chosen"),
    [
        ([], "gate wall rule nowhere"),
        ([{"selectors": []}], "gate wall rule nowhere"),
        ([{"name": "e", "selectors": [EAST]}], "gate wall"),
        ([{"selectors": [EAST, GATES]}], "wall"),
        ([{"selectors": [WITHOUT]}], "rule"),
        ([{"selectors": [{"kind": "resourceWithoutLocation", "notIn": ["true"]}]}], "gate wall nowhere"),
        ([{"selectors": [EAST]}, {"selectors": [WITHOUT]}], "gate wall rule"),
        ([{"selectors": [{"kind": "ResourceLocation", "notIn": ["eastus"]}]}], "wall"),
    ],
)
def test_any_resource_selector_selects_when_all_of_it_does(selectors: list[dict[str, Any]], chosen: str) -> None:
    traits = {
        "gate": Traits("contoso.net/GATES", "eastus"),
        "wall": Traits("Contoso.Net/walls", "West Europe"),
        "rule": Traits("Contoso.Net/rules", "", is_subscription_level=True),
        "nowhere": Traits("Contoso.Net/rules", ""),
    }
    found = assignment(resourceSelectors=selectors).selectors

    assert " ".join(name for name, each in traits.items() if selected(found, each)) == chosen


def test_overrides_name_policies_of_an_initiative_and_places() -> None:
    selectors = [{"kind": "policyDefinitionReferenceId", "in": ["R1"]}, EAST]
    first, second = assignment(
        overrides=[
            {"kind": "policyEffect", "value": "disabled", "selectors": selectors},
            {"kind": "definitionVersion", "value": "2.0.*"},
        ]
    ).overrides

    assert (first.names("r1"), first.names("r2"), second.names("r2")) == (True, False, True)
    assert [selector.kind for selector in first.of_resources] == ["resourceLocation"]
    assert all(selector.selects(Traits("t", "eastus")) for selector in first.selectors)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"policyDefinitionId": None}, "$.properties.policyDefinitionId"),
        ({"policyDefinitionId": 7}, "$.properties.policyDefinitionId"),
        ({"parameters": {"a": 1}}, "$.properties.parameters.a"),
        ({"parameters": {"a": {}}}, "$.properties.parameters.a"),
        ({"parameters": []}, "$.properties.parameters"),
        ({"notScopes": "all"}, "$.properties.notScopes"),
        ({"notScopes": ["/"] * 401}, "$.properties.notScopes"),
        ({"enforcementMode": "Sometimes"}, "$.properties.enforcementMode"),
        ({"nonComplianceMessages": {}}, "$.properties.nonComplianceMessages"),
        ({"nonComplianceMessages": [{}]}, "$.properties.nonComplianceMessages[0].message"),
        ({"resourceSelectors": [{"selectors": [{"kind": "tags", "in": []}]}]}, ".selectors[0].kind"),
        ({"resourceSelectors": [{"selectors": [{**EAST, "notIn": []}]}]}, ".selectors[0].in"),
        ({"resourceSelectors": [{"selectors": [{"kind": "resourceType"}]}]}, ".selectors[0].in"),
        ({"resourceSelectors": [{"selectors": [EAST, EAST]}]}, "[0].selectors"),
        ({"resourceSelectors": [{"selectors": [EAST, WITHOUT]}]}, "[0].selectors"),
        ({"resourceSelectors": [{"selectors": [{**WITHOUT, "in": ["all"]}]}]}, ".selectors[0].in"),
        ({"resourceSelectors": [{}] * 11}, "$.properties.resourceSelectors"),
        ({"overrides": [{"kind": "scope", "value": "x"}]}, "$.properties.overrides[0].kind"),
        ({"overrides": [{"kind": "policyEffect"}]}, "$.properties.overrides[0].value"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        assignment(**change)

    assert refusal.value.facts["where"] == "a.json"
    assert str(refusal.value.facts["path"]).endswith(path)


@pytest.mark.parametrize(
    "document", [7, {"policyDefinitionId": "d", "scope": "/"}, {"name": "n", "policyDefinitionId": "d"}]
)
def test_an_assignment_needs_a_name_and_a_scope(document: Any) -> None:
    with pytest.raises(InvalidDefinition):
        parse_assignment(document, origin="a.json")


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        assignment(notScopes="x" * 1_000)

    assert len(str(refusal.value.facts["got"])) < 300


def test_assignments_are_told_from_other_documents() -> None:
    assert is_assignment(assignment_document())
    assert is_assignment({"policyDefinitionId": "d"})
    assert not is_assignment({"properties": {"policyAssignmentId": "a", "policyDefinitionId": "d"}})
    assert not is_assignment([])
    assert not is_assignment({"properties": []})
