"""What-if on assignments: new, removed, other values, other enforcement; equal to what two whole scans say."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from assessment.applying import assigned_waivers, with_masks
from assessment.inputs import AssessedPolicy
from assessment.policy_change import Estate, InForce, PolicyChange, State, key_of, policy_change
from assessment.scan import assess
from domain.finding import Verdict
from domain.resource import ConfigurationItem, resource_key
from policy.assignment import parse_assignment
from policy.exemption_document import parse_exemption
from tests.unit.assessment.estate import AS_OF, GROUP, azure, chosen, inputs, registry
from tests.unit.assessment.test_assigned import OTHER_GROUP, assigned, estate, moved, one
from tests.unit.policy.governance import MANAGEMENT_GROUP, exemption_document

Sets = Sequence[dict[str, Any]]
"""Assignments and exemptions as documents."""


def in_force(documents: Sets, items: Sequence[ConfigurationItem]) -> InForce:
    assignments = [document for document in documents if "exemptionCategory" not in document["properties"]]
    exempt = [parse_exemption(each, origin="e") for each in documents if each not in assignments]
    policies = with_masks(assigned(*assignments), items)
    return InForce(policies, assigned_waivers(exempt, policies, items))


def world(items: Sequence[ConfigurationItem], *sets: InForce) -> Estate:
    policies = [policy for each in sets for policy in each.policies]
    return Estate(inputs(items, policies).snapshot, items, AS_OF)


def change(before: Sets, after: Sets, items: Sequence[ConfigurationItem] | None = None) -> PolicyChange:
    found = estate() if items is None else items
    old, new = in_force(before, found), in_force(after, found)
    return policy_change(old, new, world(found, old, new))


def told(found: PolicyChange) -> list[tuple[str, str, str]]:
    return [(each.resource_id.rpartition("/")[2], each.before.word, each.after.word) for each in found.resources]


def test_a_new_assignment_lists_every_resource_that_it_judges() -> None:
    found = change([], [one()])

    assert told(found) == [
        ("a", "not_assessed", "violation"),
        ("b", "not_assessed", "compliant"),
        ("c", "not_assessed", "violation"),
        ("d", "not_assessed", "violation"),
    ]
    (policy,) = found.policies
    assert (policy.change, policy.before, policy.after) == ("added", {}, {State.COMPLIANT: 1, State.VIOLATION: 3})
    assert [(scope.scope, scope.resources, scope.opened, scope.other) for scope in found.scopes] == [
        (GROUP, 2, 1, 1),
        (OTHER_GROUP, 2, 2, 0),
    ]
    assert found.count(None, State.VIOLATION) == 3
    assert found.count(State.COMPLIANT, None) == 0


def test_a_removed_assignment_closes_its_violations() -> None:
    found = change([one()], [])

    assert found.count(State.VIOLATION, State.NOT_ASSESSED) == 3
    assert [policy.change for policy in found.policies] == ["removed"]
    assert [scope.closed for scope in found.scopes] == [1, 2]


def test_other_values_change_what_violates() -> None:
    found = change([one()], [one(parameters={"wanted": {"value": "false"}})])

    assert told(found)[:2] == [("a", "violation", "compliant"), ("b", "compliant", "violation")]
    assert [policy.changed for policy in found.policies] == [4]


def test_a_smaller_scope_only_touches_what_leaves_it() -> None:
    assert told(change([one()], [one(notScopes=[GROUP])])) == [
        ("a", "violation", "not_assessed"),
        ("b", "compliant", "not_assessed"),
    ]


def test_enforcing_changes_no_state_but_what_is_acted_upon() -> None:
    deny: dict[str, Any] = {"parameters": {"effect": {"value": "Deny"}}}
    quiet, loud = one(enforcementMode="DoNotEnforce", **deny), one(**deny)

    found = change([quiet], [loud])

    assert told(found) == [(name, "violation", "violation") for name in "acd"]
    assert {(each.acted_before, each.acted_after) for each in found.resources} == {(False, True)}
    (policy,) = found.policies
    assert (policy.enforcement_before, policy.enforcement_after) == ("DoNotEnforce", "Default")
    assert told(change([one(enforcementMode="DoNotEnforce")], [one()])) == []


def test_an_exemption_changes_the_state_of_what_it_covers() -> None:
    exempt = exemption_document(parse_assignment(one(), origin="a"), OTHER_GROUP)

    assert told(change([one()], [one(), exempt])) == [("c", "violation", "exempt"), ("d", "violation", "exempt")]
    assert change([one(), exempt], [one(), exempt]).unchanged == 1


def test_what_cannot_be_decided_becomes_unknown() -> None:
    found = change([one("a", "/")], [one("b", MANAGEMENT_GROUP)])

    assert found.count(State.NOT_ASSESSED, State.UNKNOWN) == 4
    assert [scope.unknown for scope in found.scopes] == [2, 2]


def test_what_is_the_same_is_not_judged_and_a_second_assignment_leaves_the_first_alone() -> None:
    found = change([one("a", GROUP)], [one("a", GROUP), one("b", OTHER_GROUP)])

    assert found.unchanged == 1
    assert [name for name, _, _ in told(found)] == ["c", "d"]


def test_a_policy_that_cannot_run_says_why() -> None:
    found = change([one()], [one(parameters={"wanted": {"value": 7}})])

    (policy,) = found.policies
    assert "wrong type" in str(policy.reason)
    assert found.count(State.VIOLATION, State.NOT_ASSESSED) == 3


def test_policies_that_are_not_assigned_are_compared_by_their_id() -> None:
    policies = chosen("pcg-azure-acr-admin-user")
    after = InForce(policies)

    found = policy_change(InForce(), after, world(estate(), after))

    assert (found.count(None, State.VIOLATION), found.policies[0].enforcement_after) == (3, "Default")


GROUPS = [GROUP, OTHER_GROUP, "/subscriptions/s-2/resourceGroups/web"]


def some_items(random_: random.Random) -> list[ConfigurationItem]:
    items = [
        moved(registry(f"r{number}", admin=random_.random() < 0.5), random_.choice(GROUPS)) for number in range(25)
    ]
    unread = azure("Microsoft.ContainerRegistry/registries", "hidden", {"properties": {}}, unread=("properties",))
    return sorted([*items, unread], key=lambda item: resource_key(item.uid))


def some_set(random_: random.Random) -> list[dict[str, Any]]:
    found = []
    for name in random_.sample("abcd", random_.randint(0, 3)):
        document = one(
            name,
            random_.choice(["/", "/subscriptions/s-1", "/subscriptions/s-2", MANAGEMENT_GROUP, *GROUPS]),
            notScopes=random_.choice([[], [random_.choice(GROUPS)]]),
            enforcementMode=random_.choice(["Default", "DoNotEnforce"]),
            parameters={
                "effect": {"value": random_.choice(["Audit", "Deny", "Disabled"])},
                "wanted": {"value": random_.choice(["true", "false"])},
            },
        )
        found.append(document)
        if random_.random() < 0.4:
            days = random_.choice(["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"])
            place = random_.choice(["/subscriptions/s-1", *GROUPS])
            exempt = exemption_document(parse_assignment(document, origin="a"), place, expiresOn=days)
            found.append({**exempt, "id": f"{exempt['id']}-{name}"})
    return found


def whole(force: InForce, items: list[ConfigurationItem]) -> dict[tuple[str, str], State]:
    """States by resource and assignment, from a whole scan."""
    assessment = assess(inputs(items, force.policies, exemptions=force.exemptions))
    words = {Verdict.COMPLIANT: State.COMPLIANT, Verdict.UNKNOWN: State.UNKNOWN, Verdict.VIOLATION: State.VIOLATION}
    found: dict[tuple[str, str], State] = {}
    policies: list[AssessedPolicy] = [result.policy for result in assessment.results]
    for policy, outcome in zip(policies, assessment.outcomes, strict=True):
        for row, verdict in zip(outcome.rows.tolist(), outcome.verdicts.tolist(), strict=True):
            found[items[row].uid, key_of(policy)[1]] = words[Verdict(verdict)]
    for number, row in zip(assessment.exempt.policies.tolist(), assessment.exempt.resources.tolist(), strict=True):
        found[items[row].uid, key_of(policies[number])[1]] = State.EXEMPT
    return found


@pytest.mark.parametrize("seed", range(40))
def test_a_what_if_is_the_difference_of_two_whole_scans(seed: int) -> None:
    random_ = random.Random(seed)
    items, before, after = some_items(random_), some_set(random_), some_set(random_)
    old, new = in_force(before, items), in_force(after, items)
    first, second = whole(old, items), whole(new, items)

    found = policy_change(old, new, world(items, old, new))

    expected = {
        pair: (first.get(pair, State.NOT_ASSESSED), second.get(pair, State.NOT_ASSESSED))
        for pair in {*first, *second}
        if first.get(pair, State.NOT_ASSESSED) is not second.get(pair, State.NOT_ASSESSED)
    }
    got = {
        (each.resource_id, each.assignment_id.casefold()): (each.before, each.after)
        for each in found.resources
        if each.before is not each.after
    }
    assert got == expected
    for policy in found.policies:
        key = policy.assignment_id.casefold()
        assert sum(policy.after.values()) == sum(1 for _, assignment in second if assignment == key)
    assert all(each.before is not each.after or each.acted_before is not each.acted_after for each in found.resources)
    assert np.sum([scope.opened for scope in found.scopes]) == found.count(None, State.VIOLATION) - found.count(
        State.VIOLATION, State.VIOLATION
    )
