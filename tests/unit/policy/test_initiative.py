"""Initiatives as documents, what they pass on, and what assignments of them come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from policy.aliases import read_rows
from policy.definition import Definition, parse_definition
from policy.effective import effective_policies, unknown_definitions
from policy.errors import InvalidDefinition
from policy.exemption_document import is_exemption, parse_exemption, waivers
from policy.initiative import Initiative, is_initiative, parse_initiative, passed
from policy.parameters import resolve_parameters
from policy.policy_set import Kind, identity_of, is_policy_file, kind_of, read_policy_set
from policy.scope import ScopeTree
from policy.selector import Traits
from tests.shared_data import shared_data
from tests.unit.policy.governance import (
    DEFINITION,
    GROUP,
    MANAGEMENT_GROUP,
    SUBSCRIPTION,
    assignment,
    assignment_document,
    exemption_document,
    initiative_document,
    item,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SET = "/providers/Microsoft.Authorization/policySetDefinitions/set"
RULE = {"if": {"field": "type", "equals": "x"}, "then": {"effect": "audit"}}


def member(reference: str = "r", definition: str = DEFINITION, **values: Any) -> dict[str, Any]:
    given = {name: {"value": value} for name, value in values.items()}
    return {"policyDefinitionId": definition, "policyDefinitionReferenceId": reference, "parameters": given}


def initiative(*members: dict[str, Any], **properties: Any) -> Initiative:
    return parse_initiative(initiative_document(*members, **properties), origin="set.json")


def test_parameters_are_passed_through_whole_in_lists_and_in_calls() -> None:
    found = initiative(
        member(
            "r",
            plain="[[text]",
            whole="[parameters('Locations')]",
            inside=[{"key": "[concat(parameters('prefix'), '-', parameters('Locations')[0])]"}, 7],
        ),
        parameters={
            "locations": {"type": "Array"},
            "prefix": {"type": "String", "defaultValue": "p", "allowedValues": []},
        },
    )

    (got,) = passed(found, {"LOCATIONS": ["weu"]})
    assert got.values == {"plain": "[text]", "whole": ["weu"], "inside": [{"key": "p-weu"}, 7]}
    assert passed(found, {"locations": ["weu"], "PREFIX": "q"})[0].values["inside"] == [{"key": "q-weu"}, 7]


def test_a_value_that_is_missing_is_named_and_the_others_are_passed() -> None:
    found = initiative(
        member("r", a="[parameters('x')]", b="[toLower(parameters('x'))]", c="[if(true, 1, 2)]"),
        member("s", a=1),
        parameters={"X": {"type": "string"}},
    )

    first, second = passed(found, {})
    assert (first.values, first.absent) == ({"c": 1}, ("X",))
    assert (second.values, second.absent) == ({"a": 1}, ())


def test_a_default_is_passed_on_as_it_is() -> None:
    found = initiative(member("r", a="[parameters('x')]"), parameters={"x": {"type": "string", "defaultValue": []}})

    assert passed(found, {})[0].values == {"a": []}


@pytest.mark.parametrize("value", ["[field('name')]", "[parameters('none')]", "[resourceGroup().name]"])
def test_a_value_that_depends_on_a_resource_is_refused(value: str) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        passed(initiative(member("r", a=value)), {})

    assert refusal.value.facts["where"] == "set.json"
    assert refusal.value.facts["path"] == "$.properties.policyDefinitions[0].parameters.a.value"


def test_groups_and_versions_are_kept() -> None:
    group: dict[str, Any] = {
        "name": "AC-1",
        "displayName": "Access",
        "category": "AC",
        "additionalMetadataId": "/metadata/AC-1",
    }
    found = parse_initiative(
        {
            "id": SET,
            "properties": {
                "metadata": {"version": "3.1.0"},
                "policyDefinitionGroups": [group],
                "policyDefinitions": [
                    {"policyDefinitionId": DEFINITION, "groupNames": ["ac-1"], "definitionVersion": "1.*"}
                ],
            },
        },
        origin="set.json",
    )

    assert (found.initiative_id, found.version, found.groups[0].metadata_id) == ("set", "3.1.0", "/metadata/AC-1")
    assert (found.members[0].reference_id, found.members[0].groups) == ("gate-0", ("ac-1",))
    assert found.members[0].definition_version == "1.*"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "$"),
        ({"properties": {"policyDefinitions": [member()]}}, "$.name"),
        (initiative_document(), "$.properties.policyDefinitions"),
        (initiative_document(member(), member("R")), "$.properties.policyDefinitions[1].policyDefinitionReferenceId"),
        (initiative_document({**member(), "groupNames": ["x"]}), "$.properties.policyDefinitions[0].groupNames"),
        (initiative_document({**member(), "parameters": {"a": {}}}), "$.properties.policyDefinitions[0].parameters.a"),
        (initiative_document({}), "$.properties.policyDefinitions[0].policyDefinitionId"),
        (initiative_document(member(), parameters={"x": []}), "$.properties.parameters.x"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(document: Any, path: str) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        parse_initiative(document, origin="set.json")

    assert (refusal.value.facts["where"], refusal.value.facts["path"]) == ("set.json", path)


def test_an_assigned_initiative_is_each_of_its_policies() -> None:
    found = initiative(
        member("r", a="[parameters('x')]"),
        member("s", "/providers/Microsoft.Authorization/policyDefinitions/wall"),
        parameters={"x": {"type": "string"}},
    )
    given = {"x": {"value": "v"}}
    assigned = assignment(policyDefinitionId=SET, parameters=given, nonComplianceMessages=[{"message": "why"}])

    first, second = effective_policies([assigned], {"set": found})

    assert (first.definition_id, first.reference_id, first.parameters, first.problem) == ("gate", "r", {"a": "v"}, "")
    assert (second.definition_id, second.parameters, second.message) == ("wall", {}, "why")
    assert first.key != second.key
    assert [each.definition_id for each in unknown_definitions([first, first, second], ["GATE"])] == ["wall"]


def test_values_that_do_not_fit_are_the_problem_of_that_assignment_alone() -> None:
    found = initiative(member("r", a="[parameters('x')]"), parameters={"x": {"type": "string"}})
    lacking = assignment("lacking", policyDefinitionId=SET)
    wrong = assignment("wrong", policyDefinitionId=SET, parameters={"x": {"value": 7}})
    good = assignment("good")

    problems = {
        each.assignment.name: each.problem for each in effective_policies([lacking, wrong, good], {"set": found})
    }

    assert problems["good"] == ""
    assert "parameter x" in problems["lacking"]
    assert "wrong type" in problems["wrong"]
    assert "a.json" in problems["wrong"]


def test_the_first_override_that_takes_a_resource_decides() -> None:
    east = {"kind": "resourceLocation", "in": ["eastus"]}
    both = {"kind": "resourceLocation", "in": ["eastus", "westus"]}
    assigned = assignment(
        overrides=[
            {"kind": "definitionVersion", "value": "2.*"},
            {"kind": "policyEffect", "value": "disabled", "selectors": [east]},
            {"kind": "policyEffect", "value": "deny", "selectors": [both]},
        ]
    )
    parts = effective_policies([assigned], {})

    def effects(location: str) -> list[str | None]:
        return [part.part.effect for part in parts if part.selects(Traits("x", location))]

    assert (effects("eastus"), effects("westus"), effects("northus")) == (["disabled"], ["deny"], [None])
    assert len({part.key for part in parts}) == 1
    (whole,) = effective_policies([assignment(overrides=[{"kind": "policyEffect", "value": "deny"}])], {})
    assert whole.part.effect == "deny"


def test_an_exemption_ends_and_covers_what_it_names() -> None:
    found = initiative(member("r"), member("s"))
    assigned = assignment(policyDefinitionId=SET)
    policies = {each.reference_id: each for each in effective_policies([assigned], {"set": found})}
    document = exemption_document(
        assigned,
        policyDefinitionReferenceIds=["S"],
        expiresOn="2026-12-01T00:00:00Z",
        description="moved in December",
        metadata={"owner": "web"},
        resourceSelectors=[{"selectors": [{"kind": "resourceLocation", "in": ["westeurope"]}]}],
    )
    (waiver,) = waivers([parse_exemption(document, origin="e.json")], policies, ScopeTree())  # type: ignore[arg-type]
    resource = item(f"{GROUP}/providers/Contoso.Net/gates/g", scope=GROUP)
    elsewhere = item(f"{GROUP}/providers/Contoso.Net/gates/g", scope=GROUP, region="eastus")
    other = item("/subscriptions/s-2/x", scope="/subscriptions/s-2")

    assert (waiver.reason, waiver.owner, waiver.category) == ("moved in December", "web", "Waiver")
    assert waiver.covers(resource, "s", NOW)
    assert not waiver.covers(resource, "r", NOW)
    assert not waiver.covers(elsewhere, "s", NOW)
    assert not waiver.covers(other, "s", NOW)
    assert not waiver.covers(resource, "s", NOW + timedelta(days=6))


def test_an_exemption_of_a_management_group_covers_the_subscriptions_that_are_known_below_it() -> None:
    assigned = assignment()
    policies = {"gate": effective_policies([assigned], {})[0]}
    chain = {"managementGroupAncestorsChain": [{"name": "corp"}]}
    kind = "Microsoft.Resources/subscriptions"
    tree = ScopeTree.of([item(SUBSCRIPTION, kind, SUBSCRIPTION, properties=chain)])
    document = exemption_document(assigned, MANAGEMENT_GROUP, exemptionCategory="mitigated")
    (waiver,) = waivers([parse_exemption(document, origin="e")], policies, tree)  # type: ignore[arg-type]
    everywhere = exemption_document(assigned, "")
    everywhere["properties"]["scope"] = "/"
    (whole,) = waivers([parse_exemption(everywhere, origin="e")], policies, tree)  # type: ignore[arg-type]
    below, beside = item(f"{GROUP}/x", scope=GROUP), item("/subscriptions/s-2/x", scope="/subscriptions/s-2")

    assert (waiver.category, waiver.reason, waiver.owner) == ("Mitigated", "e", "not stated")
    assert waiver.covers(below, "gate", NOW)
    assert not waiver.covers(beside, "gate", NOW)
    assert whole.covers(beside, "gate", NOW)


def test_an_exemption_of_an_assignment_that_is_not_here_waives_nothing() -> None:
    document = parse_exemption(exemption_document(assignment("other")), origin="e")

    assert waivers([document], {"gate": effective_policies([assignment()], {})[0]}, ScopeTree()) == ()  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"exemptionCategory": "Forgotten"}, "$.properties.exemptionCategory"),
        ({"exemptionCategory": None}, "$.properties.exemptionCategory"),
        ({"policyAssignmentId": ""}, "$.properties.policyAssignmentId"),
        ({"expiresOn": "soon"}, "$.properties.expiresOn"),
        ({"policyDefinitionReferenceIds": [1]}, "$.properties.policyDefinitionReferenceIds"),
    ],
)
def test_what_is_wrong_with_an_exemption_is_named(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        parse_exemption(exemption_document(assignment(), **change), origin="e.json")

    assert refusal.value.facts["path"] == path


def test_an_exemption_needs_a_place() -> None:
    with pytest.raises(InvalidDefinition):
        parse_exemption({"name": "e", "policyAssignmentId": "a", "exemptionCategory": "Waiver"}, origin="e")

    placed: Any = {"name": "e", "scope": GROUP, "policyAssignmentId": "a", "exemptionCategory": "Waiver"}
    assert parse_exemption(placed, origin="e").exemption_id.startswith(GROUP)


def test_documents_are_told_apart_and_read_as_one_set() -> None:
    definition: dict[str, Any] = {"name": "gate", "properties": {"policyRule": RULE}}
    documents: list[tuple[str, Any]] = [
        ("d.json", definition),
        ("s.json", initiative_document(member())),
        ("a.json", assignment_document()),
        ("e.json", exemption_document(assignment())),
    ]
    found = read_policy_set(documents)

    assert [kind_of(document) for _, document in documents] == list(Kind)
    assert [identity_of(document, origin=origin)[0] for origin, document in documents] == list(Kind)
    assert [policy.definition_id for policy in found.effective] == ["gate"]
    assert (found.unknown([]), len(found.exemptions)) == ((), 1)
    assert (is_initiative([]), is_exemption([])) == (False, False)


def test_an_id_that_is_used_twice_names_both_files() -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        read_policy_set([("a.json", assignment_document()), ("b.json", assignment_document())])

    assert refusal.value.facts["where"] == "b.json"
    assert "a.json" in str(refusal.value.facts["expected"])


def test_the_manifest_and_the_tests_of_a_bundle_are_no_policies() -> None:
    assert is_policy_file(("definitions", "a.json"))
    assert not is_policy_file(("bundle.json",))
    assert not is_policy_file(("tests", "a.json"))


@pytest.mark.data
def test_every_live_initiative_of_microsoft_parses_and_passes_its_parameters() -> None:
    rows = read_rows(shared_data("policy", "azure_policy_sets.ndjson.gz"))
    members = 0
    for row in rows:
        assert isinstance(row, dict)
        found = parse_initiative(row, origin=str(row["_path"]))
        given = passed(found, {})
        members += len(given)
        for policy, values in zip(found.members, given, strict=True):
            lacking = {name for name, value in policy.parameters.items() if b"parameters(" in orjson.dumps(value)}
            assert set(policy.parameters) - set(values.values) <= lacking
            assert bool(values.absent) == (set(policy.parameters) != set(values.values))

    assert len(rows) == 193
    assert members > 19_000


OTHER_VERSIONS = {
    "policyDefinitions/Kubernetes/HostNetworkPorts.json",
    "policyDefinitions/Guest Configuration/AdministratorsGroupMembers_AINE.json",
}
"""Microsoft's initiatives give these what a former version took, or what an empty list of allowed values forbids."""


@pytest.mark.data
def test_what_microsofts_initiatives_pass_fits_the_policies_that_get_it() -> None:
    known: dict[str, Definition] = {}
    for row in read_rows(shared_data("policy", "azure_policy_definitions.ndjson.gz")):
        assert isinstance(row, dict)
        if row["_cloud"] == "AzureCloud":
            known[str(row["name"]).casefold()] = parse_definition(row, origin=str(row["_path"]))
    checked, refused = 0, set()
    for row in read_rows(shared_data("policy", "azure_policy_sets.ndjson.gz")):
        assert isinstance(row, dict)
        if row["_cloud"] != "AzureCloud":
            continue
        found = parse_initiative(row, origin=str(row["_path"]))
        for policy, values in zip(found.members, passed(found, {}), strict=True):
            definition = known[policy.definition_id.rpartition("/")[2].casefold()]
            checked += 1
            try:
                resolved = resolve_parameters(definition, values.values)
            except InvalidDefinition:
                refused.add(definition.origin)
            else:
                assert not resolved.absent or values.absent, (found.origin, policy.reference_id)

    assert checked > 15_000
    assert refused <= OTHER_VERSIONS
