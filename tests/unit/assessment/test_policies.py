"""From definitions to policies that a scan can judge by."""

from __future__ import annotations

import pytest

from assessment.inputs import PolicyState
from assessment.policies import SEVERITY_UNSTATED
from assessment.scan import assess
from cost.policy_cost import is_waste
from domain.value import Json
from tests.unit.assessment.estate import chosen, inputs, pack_policies, pack_policy, registry

CHEAPER_NOT_WASTE = {"expiring-commitment", "missing-lifecycle", "old-generation", "unallocated"}


def imported(properties: dict[str, Json], effect: str = "audit") -> dict[str, Json]:
    rule: dict[str, Json] = {"if": {"field": "name", "equals": "a"}, "then": {"effect": effect}}
    return {"name": "one", "properties": {"displayName": "Title", "policyRule": rule, **properties}}


def test_an_imported_definition_counts_as_medium_and_is_named_by_its_title() -> None:
    found = pack_policy(imported({"description": "A long paragraph."}), "x")

    assert (found.severity, found.finding, found.title) == (SEVERITY_UNSTATED, "Title", "Title")


def test_a_definition_that_lacks_a_parameter_says_so() -> None:
    document = imported({"parameters": {"p": {"type": "String"}}})
    rule = {"if": {"field": "name", "equals": "[parameters('p')]"}, "then": {"effect": "audit"}}
    found = pack_policy(imported({**document["properties"], "policyRule": rule}), "x")  # type: ignore[dict-item]

    (result,) = assess(inputs([registry("a", admin=True)], [found])).results

    assert (found.program, result.state) == (None, PolicyState.NEEDS_PARAMETERS)
    assert result.reason is not None


def test_a_disabled_policy_is_not_judged() -> None:
    (result,) = assess(inputs([registry("a", admin=True)], [pack_policy(imported({}, "disabled"), "x")])).results

    assert (result.state, result.reason) == (PolicyState.NOT_APPLICABLE, "its effect is disabled")


def test_the_digest_changes_with_what_decides_and_with_nothing_else() -> None:
    base, renamed = pack_policy(imported({}), "x"), pack_policy(imported({"displayName": "Other"}), "y")
    changed = pack_policy(imported({}, "deny"), "x")

    assert base.digest == renamed.digest != changed.digest


@pytest.mark.parametrize("tag", sorted({policy.cost_tag for policy in pack_policies() if policy.cost_tag}))
def test_every_cost_tag_of_the_pack_is_decided_to_be_waste_or_not(tag: str) -> None:
    assert is_waste(tag) is (tag not in CHEAPER_NOT_WASTE)


def test_the_pack_compiles_for_the_scan() -> None:
    assert chosen("pcg-azure-acr-admin-user")[0].program is not None
