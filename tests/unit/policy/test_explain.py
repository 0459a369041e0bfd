from __future__ import annotations

from domain.finding import Verdict
from domain.resource import Origin
from domain.value import MISSING, UNREAD, Json
from policy.explain import Explanation, explain
from tests.unit.policy.resources import NOW, program, resource

RULES = "Contoso.Net/gates/rules[*]"


def told(condition: Json, document: dict[str, Json], unread: tuple[str, ...] = ()) -> Explanation:
    return explain(program(condition), resource(document, unread=unread), now=NOW)


def test_a_violation_shows_what_was_found_and_expected_and_where() -> None:
    found = told(
        {"allOf": [{"field": "name", "equals": "main"}, {"field": "Contoso.Net/gates/isOpen", "equals": "true"}]},
        {"id": "g1", "name": "Main", "properties": {"isOpen": True}},
    )
    assert (found.resource_id, found.policy_id, found.verdict) == ("g1", "p", Verdict.VIOLATION)
    assert found.origin == Origin("gates.json", 7)
    leaf = found.leaves[1]
    assert (leaf.path, leaf.operator, leaf.expected, leaf.found) == ("properties.isopen", "equals", "true", True)
    assert (leaf.result, leaf.where) == (True, "properties.policyRule.if.allof[1]")


def test_only_the_conditions_that_decided_are_shown() -> None:
    rule: Json = {"allOf": [{"field": "name", "equals": "x"}, {"field": "type", "exists": True}]}
    assert [leaf.path for leaf in told(rule, {"name": "y"}).leaves] == ["name"]
    either: Json = {"anyOf": [{"field": "name", "equals": "x"}, {"not": {"field": "location", "exists": True}}]}
    assert [leaf.path for leaf in told(either, {"name": "y"}).leaves] == ["location"]


def test_what_nobody_read_is_shown_as_unread() -> None:
    found = told({"field": "properties.x", "equals": 1}, {}, ("properties",))
    assert found.verdict is Verdict.UNKNOWN
    assert (found.leaves[0].found, found.leaves[0].result) == (UNREAD, None)


def test_elements_that_decided_are_named_by_their_place() -> None:
    rules: Json = [{"properties": {"port": 22}}, {"properties": {"port": 80}}]
    every = told({"field": f"{RULES}.port", "equals": 22}, {"properties": {"rules": rules}})
    assert [(leaf.element, leaf.found) for leaf in every.leaves] == [(1, 80)]
    counting: Json = {"count": {"field": RULES, "where": {"field": f"{RULES}.port", "equals": 22}}, "greater": 0}
    counted = told(counting, {"properties": {"rules": rules}})
    assert [(leaf.path, leaf.element, leaf.found) for leaf in counted.leaves] == [
        ("count(properties.rules[*])", None, 1),
        ("properties.rules[*].properties.port", 0, 22),
    ]


def test_an_array_without_elements_is_shown_itself() -> None:
    condition: Json = {"field": f"{RULES}.port", "equals": 22}
    assert told(condition, {"properties": {"rules": []}}).leaves[0].found == []
    assert told(condition, {}).leaves[0].found is MISSING
    assert told(condition, {}, ("*",)).leaves[0].result is None
    counting: Json = {"count": {"field": RULES, "where": {"field": f"{RULES}.port", "equals": 1}}, "greater": 0}
    assert told(counting, {}, ("*",)).leaves[0].found is UNREAD


def test_expressions_name_the_paths_they_read_and_what_they_came_to() -> None:
    rule: Json = {"value": "[concat(field('name'), field('location'))]", "equals": "[toLower(field('id'))]"}
    leaf = told(rule, {"name": "a", "location": "b", "id": "AB"}).leaves[0]
    assert (leaf.path, leaf.found, leaf.expected) == ("id, location, name", "ab", "ab")
    tally: Json = {"count": {"value": ["a"], "where": {"field": "name", "equals": "[current()]"}}, "equals": 1}
    assert [leaf.path for leaf in told(tally, {"name": "a"}).leaves] == ["count"]


def test_a_condition_that_never_depends_on_a_resource_has_no_leaves() -> None:
    assert told({"value": 1, "equals": 1}, {}).leaves == ()
