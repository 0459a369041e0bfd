"""Scans by assignments: on which resources a policy is judged, under which id, and what is said where it cannot be."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assessment.applying import Places, assigned_waivers, is_judged, with_masks
from assessment.assigned import Workshop, assigned_policies, policy_ids
from assessment.document import scan_document
from assessment.inputs import AssessedPolicy, PolicyState
from assessment.scan import assess
from domain.finding import PolicyId
from domain.resource import ConfigurationItem, ResourceId, resource_key
from policy.aliases import AliasTable
from policy.assignment import parse_assignment
from policy.definition import parse_definition
from policy.effective import effective_policies
from policy.exemption_document import parse_exemption
from policy.initiative import parse_initiative
from policy.scope import ScopeTree, parse_scope, traits_of
from policy.tree import Truth
from tests.unit.assessment.estate import GROUP, azure, inputs, registry
from tests.unit.policy.governance import MANAGEMENT_GROUP, assignment_document, exemption_document

ADMIN: dict[str, Any] = {
    "name": "admin",
    "properties": {
        "displayName": "No administrator",
        "parameters": {
            "effect": {"type": "String", "defaultValue": "Audit"},
            "wanted": {"type": "String", "defaultValue": "true"},
        },
        "policyRule": {
            "if": {
                "allOf": [
                    {"field": "type", "equals": "Microsoft.ContainerRegistry/registries"},
                    {
                        "field": "Microsoft.ContainerRegistry/registries/adminUserEnabled",
                        "equals": "[parameters('wanted')]",
                    },
                ]
            },
            "then": {"effect": "[parameters('effect')]"},
        },
    },
}
DEFINITIONS = {"admin": parse_definition(ADMIN, origin="admin.json")}
OTHER_GROUP = "/subscriptions/s-2/resourceGroups/lab"


def moved(item: ConfigurationItem, group: str, **changes: Any) -> ConfigurationItem:
    return replace(item, uid=ResourceId(item.uid.replace(GROUP, group)), scope=group, **changes)


def estate() -> list[ConfigurationItem]:
    return sorted(
        [
            registry("a", admin=True),
            registry("b", admin=False),
            moved(registry("c", admin=True), OTHER_GROUP),
            moved(registry("d", admin=True), OTHER_GROUP, region="eastus"),
        ],
        key=lambda item: resource_key(item.uid),
    )


def assigned(*documents: dict[str, Any], initiatives: Mapping[str, Any] | None = None) -> tuple[AssessedPolicy, ...]:
    assignments = [parse_assignment(document, origin=f"{document['name']}.json") for document in documents]
    workshop = Workshop(lambda name: DEFINITIONS.get(name.casefold()), AliasTable.builtin(), "bundle")
    return assigned_policies(effective_policies(assignments, initiatives or {}), workshop)


def one(name: str = "a", scope: str = "/", **properties: Any) -> dict[str, Any]:
    return assignment_document(name, scope, policyDefinitionId="admin", **properties)


def scanned(policies: Sequence[AssessedPolicy], items: list[ConfigurationItem], **more: Any) -> dict[str, Any]:
    masked = with_masks(policies, items)
    return dict(scan_document(assess(inputs(items, masked, **more)), None))


def names(document: dict[str, Any]) -> list[str]:
    return sorted(row["resource_name"] for row in document["violations"])


@pytest.mark.parametrize(
    ("scope", "properties", "violating"),
    [
        ("/", {}, "acd"),
        ("/subscriptions/S-1", {}, "a"),
        (OTHER_GROUP, {}, "cd"),
        ("/", {"notScopes": [OTHER_GROUP]}, "a"),
        ("/", {"notScopes": [f"{OTHER_GROUP}/providers/Microsoft.ContainerRegistry/registries/c"]}, "ad"),
        (f"{OTHER_GROUP}/providers/Microsoft.ContainerRegistry/registries/C", {}, "c"),
        (f"{OTHER_GROUP}/providers/Microsoft.ContainerRegistry", {}, "cd"),
        ("/", {"resourceSelectors": [{"selectors": [{"kind": "resourceLocation", "in": ["East US"]}]}]}, "d"),
        ("/", {"parameters": {"wanted": {"value": "false"}}}, "b"),
        ("/", {"parameters": {"effect": {"value": "Disabled"}}}, ""),
        ("/", {"overrides": [{"kind": "policyEffect", "value": "disabled"}]}, ""),
        ("/", {"enforcementMode": "DoNotEnforce"}, "acd"),
        ("/subscriptions/none", {}, ""),
    ],
)
def test_an_assignment_decides_where_and_how_a_policy_is_judged(
    scope: str, properties: dict[str, Any], violating: str
) -> None:
    assert "".join(names(scanned(assigned(one("a", scope, **properties)), estate()))) == violating


def test_an_override_for_a_place_splits_a_policy_and_judges_each_resource_once() -> None:
    east = {"kind": "resourceLocation", "in": ["eastus"]}
    found = assigned(one(overrides=[{"kind": "policyEffect", "value": "disabled", "selectors": [east]}]))

    document = scanned(found, estate())

    assert names(document) == ["a", "c"]
    assert [row["id"] for row in document["policies"]] == ["admin@a:default", "admin@a:disabled"]


def test_what_is_above_an_unread_subscription_is_unknown_never_compliant() -> None:
    document = scanned(assigned(one("a", MANAGEMENT_GROUP)), estate())

    (policy,) = document["policies"]
    assert (policy["state"], policy["unknown"], policy["violations"]) == ("unknown", 4, 0)


def test_a_management_group_is_judged_where_its_subscriptions_were_read() -> None:
    chain: dict[str, Any] = {"properties": {"managementGroupAncestorsChain": [{"name": "corp"}]}}
    uid = ResourceId("/subscriptions/s-1")
    plain = azure("Microsoft.Resources/subscriptions", "s-1", {})
    subscription = replace(plain, uid=uid, scope=uid, properties=chain)
    items = sorted([*estate(), subscription], key=lambda item: resource_key(item.uid))

    document = scanned(assigned(one("a", MANAGEMENT_GROUP)), items)

    (policy,) = document["policies"]
    assert (names(document), policy["unknown"], policy["resources"]) == (["a"], 2, 4)


def test_a_definition_that_is_assigned_twice_is_judged_twice_under_longer_ids() -> None:
    found = assigned(one("first", GROUP), one("second", OTHER_GROUP))

    assert [policy.policy_id for policy in found] == ["admin@first", "admin@second"]
    assert names(scanned(found, estate())) == ["a", "c", "d"]


def test_ids_stay_apart_whatever_is_assigned() -> None:
    members: list[Any] = [{"policyDefinitionId": "admin", "policyDefinitionReferenceId": name} for name in ("r", "s")]
    initiative = parse_initiative({"name": "set", "properties": {"policyDefinitions": members}}, origin="set.json")
    twice = [assignment_document("x", scope, policyDefinitionId="set") for scope in (GROUP, OTHER_GROUP)]
    assignments = [parse_assignment(document, origin="x") for document in twice]

    ids = policy_ids(effective_policies(assignments, {"set": initiative}))

    assert len(set(ids)) == 4
    alone = policy_ids(effective_policies(assignments[:1], {"set": initiative}))
    assert alone == (PolicyId("admin@x/r"), PolicyId("admin@x/s"))


def test_a_definition_that_nobody_knows_is_named_with_the_assignment_and_the_rest_runs() -> None:
    lost = assignment_document("lost", "/", policyDefinitionId="/providers/x/policyDefinitions/gone")
    found = {policy.policy_id: policy for policy in assigned(one(), lost)}

    assert found[PolicyId("gone")].state is PolicyState.ERROR
    assert found[PolicyId("gone")].reason == "its definition is not known: gone, named in lost.json"
    assert names(scanned(tuple(found.values()), estate())) == ["a", "c", "d"]


def test_values_that_do_not_fit_are_the_reason_why_a_policy_does_not_run() -> None:
    wrong, unknown = one("wrong", parameters={"wanted": {"value": 7}}), one("un", parameters={"no": {"value": 7}})
    found = {str(policy.policy_id): policy for policy in assigned(wrong, unknown)}

    assert {policy.state for policy in found.values()} == {PolicyState.ERROR}
    assert "Assigned in wrong.json" in str(found["admin@wrong"].reason)
    member = {"policyDefinitionId": "admin", "parameters": {"wanted": {"value": "[parameters('w')]"}}}
    properties: dict[str, Any] = {"policyDefinitions": [member], "parameters": {"w": {"type": "String"}}}
    initiative = parse_initiative({"name": "set", "properties": properties}, origin="set.json")
    (lacking,) = assigned(assignment_document(policyDefinitionId="set"), initiatives={"set": initiative})
    assert (lacking.state, lacking.title) == (PolicyState.NEEDS_PARAMETERS, "No administrator")


def test_the_message_of_an_assignment_heads_its_violations() -> None:
    (policy,) = assigned(one(nonComplianceMessages=[{"message": "Switch it off"}]))

    assert policy.finding == "Switch it off"
    assert policy.assigned is not None


def test_an_exemption_of_an_assignment_is_shown_and_not_counted() -> None:
    found = assigned(one())
    assignment = parse_assignment(one(), origin="a")
    exempt = parse_exemption(exemption_document(assignment, OTHER_GROUP, description="moving"), origin="e")
    waivers = assigned_waivers([exempt], found, estate())

    document = scanned(found, estate(), exemptions=waivers)

    assert names(document) == ["a"]
    assert [row["exemption_reason"] for row in document["exempt"]] == ["moving", "moving"]
    assert assigned_waivers([], found, estate()) == ()


def test_unassigned_policies_are_judged_everywhere() -> None:
    (policy,) = assigned(one())
    plain = replace(policy, assigned=None)

    assert with_masks([plain], estate()) == (plain,)
    assert is_judged(plain, 0)
    assert with_masks([plain, policy], estate())[0].applies is None


@pytest.mark.parametrize("seed", range(20))
def test_a_mask_is_what_each_resource_by_itself_would_be_told(seed: int) -> None:
    """The law of masks: places read once for all, and each resource alone, say the same."""
    random_ = random.Random(seed)
    groups = [f"/subscriptions/s-{number}/resourceGroups/{name}" for number in (1, 2, 3) for name in ("web", "web2")]
    items = [
        moved(registry(f"r{number}", admin=True), random_.choice(groups), region=random_.choice(["", "eastus"]))
        for number in range(30)
    ]
    items.sort(key=lambda item: resource_key(item.uid))
    scopes = ["/", *groups, *(group.partition("/resourceGroups")[0] for group in groups), *(i.uid for i in items[:5])]
    east = {"kind": "resourceLocation", random_.choice(["in", "notIn"]): ["eastus"]}
    document = one(
        "a",
        random_.choice(scopes),
        notScopes=random_.sample(scopes[1:], 2),
        resourceSelectors=random_.choice([[], [{"selectors": [east]}]]),
    )
    (policy,) = effective_policies([parse_assignment(document, origin="a")], {})

    def alone(item: ConfigurationItem) -> bool:
        def below(text: str) -> bool:
            key = parse_scope(text).key
            return key == "/" or f"{resource_key(item.uid)}/".startswith(f"{key}/")

        inside = below(document["properties"]["scope"]) and not any(map(below, document["properties"]["notScopes"]))
        return inside and policy.selects(traits_of(item))

    mask = Places.of(items).mask(policy)

    assert np.array_equal(mask == Truth.TRUE, [alone(item) for item in items])
    assert not np.any(mask == Truth.UNKNOWN)
    assert ScopeTree.of(items) == ScopeTree()


def test_what_is_not_enforced_is_assessed_and_says_so() -> None:
    document = scanned(assigned(one("quiet", enforcementMode="DoNotEnforce")), estate())

    (policy,) = document["policies"]
    assert policy["enforcement"] == "DoNotEnforce"
    assert policy["assignment"] == "/providers/Microsoft.Authorization/policyAssignments/quiet"
    assert names(document) == ["a", "c", "d"]
