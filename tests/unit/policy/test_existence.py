from __future__ import annotations

from collections.abc import Sequence

import pytest

from domain.finding import Verdict
from domain.resource import ConfigurationItem
from domain.value import MISSING, UNREAD, Absent, Json
from graph.shred import shred
from policy.compile import Program
from policy.errors import InvalidDefinition
from policy.evaluate import evaluate
from policy.existence import anchors_of, is_named
from policy.explain import explain
from policy.tree import OUTER
from tests.unit.policy.resources import NOW, program, resource

SUBSCRIPTION = "/subscriptions/S"
GROUP = f"{SUBSCRIPTION}/resourceGroups/G"
GATE = f"{GROUP}/providers/Contoso.Net/gates/g"
IS_GATE: Json = {"field": "type", "equals": "Contoso.Net/gates"}
LOGS = "providers/Contoso.Log/settings"


def item(uid: str, kind: str = "Contoso.Log/settings", /, **document: Json) -> ConfigurationItem:
    return resource({"id": uid, "type": kind, "name": uid.rpartition("/")[2], **document})


def gate(**document: Json) -> ConfigurationItem:
    return item(GATE, "Contoso.Net/gates", location="here", **document)


def looking(kind: str = "Contoso.Log/settings", condition: Json = IS_GATE, /, **details: Json) -> Program:
    return program(condition, effect="auditIfNotExists", details={"type": kind, **details})


def found(
    compiled: Program, related: Sequence[ConfigurationItem] | Absent, trigger: ConfigurationItem | None = None
) -> Verdict:
    return explain(compiled, trigger or gate(), now=NOW, related=related).verdict


@pytest.mark.parametrize(
    ("related", "expected"),
    [
        ([], Verdict.VIOLATION),
        ([item(f"{GATE}/{LOGS}/a")], Verdict.COMPLIANT),
        ([item(f"{GATE.upper()}/{LOGS}/a")], Verdict.COMPLIANT),
        ([item(f"{GATE}2/{LOGS}/a")], Verdict.VIOLATION),
        ([item(f"{GROUP}/{LOGS}/a")], Verdict.COMPLIANT),
        ([item(f"{SUBSCRIPTION}/resourceGroups/H/{LOGS}/a")], Verdict.VIOLATION),
        ([item(f"{SUBSCRIPTION}/{LOGS}/a")], Verdict.VIOLATION),
        (UNREAD, Verdict.UNKNOWN),
    ],
)
def test_a_related_resource_is_an_extension_or_in_the_resource_group(
    related: Sequence[ConfigurationItem] | Absent, expected: Verdict
) -> None:
    assert found(looking(), related) is expected


def test_the_subscription_can_be_searched_and_another_group() -> None:
    elsewhere = [item(f"{SUBSCRIPTION}/resourceGroups/H/{LOGS}/a")]
    assert found(looking(existenceScope="Subscription"), elsewhere) is Verdict.COMPLIANT
    assert found(looking(ResourceGroupName="h"), elsewhere) is Verdict.COMPLIANT
    assert found(looking(resourceGroupName="[field('tags.home')]"), elsewhere) is Verdict.UNKNOWN


def test_a_child_is_looked_for_only_below_the_resource() -> None:
    children = looking("Contoso.Net/gates/bolts", existenceScope="subscription")
    assert found(children, [item(f"{GATE}/bolts/b")]) is Verdict.COMPLIANT
    assert found(children, [item(f"{GROUP}/providers/Contoso.Net/gates/h/bolts/b")]) is Verdict.VIOLATION
    assert found(looking("Contoso.Net/gates/bolts/nuts"), [item(f"{GATE}/bolts/b/nuts/n")]) is Verdict.COMPLIANT


def test_a_subscription_is_searched_whole_but_for_extensions_of_its_resources() -> None:
    compiled = looking("Contoso.Log/settings", {"field": "type", "equals": "Microsoft.Resources/subscriptions"})
    trigger = item(SUBSCRIPTION, "Microsoft.Resources/subscriptions")
    assert found(compiled, [item(f"{SUBSCRIPTION}/{LOGS}/a")], trigger) is Verdict.COMPLIANT
    assert found(compiled, [item(f"{GROUP}/{LOGS}/a")], trigger) is Verdict.COMPLIANT
    assert found(compiled, [item(f"{GATE}/{LOGS}/a")], trigger) is Verdict.VIOLATION


def test_places_are_named_by_ids() -> None:
    assert anchors_of(GROUP) == ("/subscriptions/s",)
    assert anchors_of(SUBSCRIPTION) == ()
    assert anchors_of("/providers/Contoso.Log/settings/a/parts/p") == ("/providers/contoso.log/settings/a", "")
    assert anchors_of(f"{GATE}/bolts/b") == (GATE.casefold(), GROUP.casefold(), SUBSCRIPTION.casefold())
    assert looking().existence.anchors("", "x", None) == ()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "full_name", "expected"),
    [
        ("a", "A", True),
        ("a", "b/a", True),
        ("b/a", "a", False),
        ("b/?", "b/a", True),
        ("b/*", "c/a", False),
    ],
)
def test_names_are_compared_from_the_end(name: str, full_name: str, expected: bool) -> None:
    assert is_named(name, full_name) is expected


def test_a_name_can_depend_on_the_triggering_resource() -> None:
    related = [item(f"{GATE}/{LOGS}/current", location="here")]
    assert found(looking(name="current"), related) is Verdict.COMPLIANT
    assert found(looking(name="[concat('cur', field('tags.end'))]"), related, gate(tags={"end": "rent"})) is (
        Verdict.COMPLIANT
    )
    assert found(looking(name="[field('name')]"), related) is Verdict.VIOLATION
    assert found(looking(name="[field('tags.end')]"), related) is Verdict.UNKNOWN


class TestCondition:
    def test_a_field_key_is_the_related_resource_and_the_function_the_triggering_one(self) -> None:
        compiled = looking(existenceCondition={"field": "location", "equals": "[field('location')]"})
        assert compiled.existence is not None
        assert compiled.existence.paths == {"@location", "@id", "@name", "@fullname"}
        assert "@location" in compiled.paths
        assert found(compiled, [item(f"{GATE}/{LOGS}/a", location="HERE")]) is Verdict.COMPLIANT
        assert found(compiled, [item(f"{GATE}/{LOGS}/a", location="there")]) is Verdict.VIOLATION

    def test_one_related_resource_is_enough_and_an_open_one_leaves_it_open(self) -> None:
        compiled = looking(existenceCondition={"field": "on", "equals": True})
        on, off = item(f"{GATE}/{LOGS}/a", on=True), item(f"{GATE}/{LOGS}/b", on=False)
        unread = resource({"id": f"{GATE}/{LOGS}/c", "type": "Contoso.Log/settings"}, unread=("on",))
        assert found(compiled, [off, on, unread]) is Verdict.COMPLIANT
        assert found(compiled, [off, unread]) is Verdict.UNKNOWN
        assert found(compiled, [off]) is Verdict.VIOLATION

    def test_where_the_rule_does_not_select_nothing_is_looked_for(self) -> None:
        assert found(looking(), UNREAD, item(GATE, "Contoso.Net/walls")) is Verdict.COMPLIANT

    def test_elements_are_of_the_related_resource(self) -> None:
        where: Json = {"field": "logs[*].of", "equals": "[concat(field('name'), '-', resourceGroup().name)]"}
        compiled = looking(existenceCondition={"count": {"field": "logs[*]", "where": where}, "equals": 1})
        assert found(compiled, [item(f"{GATE}/{LOGS}/a", logs=[{"of": "g-G"}])]) is Verdict.COMPLIANT
        assert found(compiled, [item(f"{GATE}/{LOGS}/a", logs=[{"of": "a-G"}])]) is Verdict.VIOLATION

    def test_the_function_reads_an_element_that_is_counted_where_it_is(self) -> None:
        where: Json = {"value": "[first(field('logs[*].of'))]", "equals": "x"}
        compiled = looking(existenceCondition={"count": {"field": "logs[*]", "where": where}, "equals": 1})
        assert found(compiled, [item(f"{GATE}/{LOGS}/a", logs=[{"of": "x"}])]) is Verdict.COMPLIANT

    def test_the_function_reads_an_alias_from_the_one_that_has_it(self) -> None:
        compiled = looking(
            "Contoso.Net/gates",
            {"field": "type", "equals": "Contoso.Net/walls"},
            existenceCondition={"value": "[field('Contoso.Net/gates/isOpen')]", "equals": True},
        )
        wall = item(f"{GROUP}/providers/Contoso.Net/walls/w", "Contoso.Net/walls")
        assert found(compiled, [gate(properties={"isOpen": True})], wall) is Verdict.COMPLIANT

    def test_lists_of_the_triggering_resource_can_be_asked_for(self) -> None:
        compiled = looking(existenceCondition={"field": "name", "in": "[field('logs[*].to')]"})
        assert compiled.existence is not None
        assert all(path == "@name" or path.startswith(OUTER) for path in compiled.existence.condition.reads)  # type: ignore[union-attr]
        assert found(compiled, [item(f"{GATE}/{LOGS}/a")], gate(logs=[{"to": "a"}])) is Verdict.COMPLIANT

    def test_a_kind_is_part_of_it(self) -> None:
        compiled = looking(kind="v2", existenceCondition={"field": "on", "equals": True})
        assert found(compiled, [item(f"{GATE}/{LOGS}/a", kind="V2", on=True)]) is Verdict.COMPLIANT
        assert found(compiled, [item(f"{GATE}/{LOGS}/a", kind="v1", on=True)]) is Verdict.VIOLATION


def test_an_explanation_says_what_the_look_up_came_to() -> None:
    compiled = looking()
    for related, result in (([], False), ([item(f"{GATE}/{LOGS}/a")], True), (UNREAD, None)):
        leaf = explain(compiled, gate(), now=NOW, related=related).leaves[-1]
        assert (leaf.path, leaf.operator, leaf.result) == ("contoso.log/settings", "exists", result)
    assert len(explain(compiled, item(GATE, "Contoso.Net/walls"), now=NOW).leaves) == 1


def test_time_in_a_look_up_is_noticed() -> None:
    assert not looking(name="a").is_time_dependent
    assert looking(name="[concat('a', utcNow('yyyy'))]").is_time_dependent
    assert looking(existenceCondition={"field": "until", "greater": "[utcNow()]"}).is_time_dependent


def test_columns_of_the_resource_alone_leave_open_what_the_rule_selects() -> None:
    compiled = looking()
    verdicts = evaluate(compiled, shred([gate(), gate()], compiled.paths), now=NOW)
    assert list(verdicts) == [Verdict.UNKNOWN, Verdict.UNKNOWN]


@pytest.mark.parametrize(
    ("details", "path"),
    [
        (5, ""),
        ({}, ".type"),
        ({"type": 5}, ".type"),
        ({"type": "[field('name')]"}, ".type"),
        ({"type": "a/b", "name": 5}, ".name"),
        ({"type": "a/b", "existenceScope": "moon"}, ".existenceScope"),
        ({"type": "a/b", "existenceCondition": {"field": "x"}}, ".existenceCondition"),
    ],
)
def test_details_that_say_nothing_are_refused_with_their_place(details: Json, path: str) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        program(IS_GATE, effect="deployIfNotExists", details=details)
    assert caught.value.facts["path"] == f"$.properties.policyRule.then.details{path}"


class TestExplanation:
    def test_a_missing_neighbour_is_named_by_its_type(self) -> None:
        leaves = explain(looking(), gate(), now=NOW, related=[]).leaves
        assert [(leaf.path, leaf.operator, leaf.expected, leaf.found, leaf.result) for leaf in leaves[1:]] == [
            ("contoso.log/settings", "exists", True, MISSING, False)
        ]
        assert leaves[-1].where == "properties.policyRule.then.details"

    def test_a_neighbour_that_is_not_good_enough_says_which_condition_failed(self) -> None:
        compiled = looking(
            existenceCondition={"allOf": [{"field": "name", "like": "*"}, {"field": "location", "equals": "x"}]}
        )
        related = [item(f"{GATE}/{LOGS}/a", location="y"), item(f"{GATE}/{LOGS}/b")]
        leaves = explain(compiled, gate(), now=NOW, related=related).leaves
        assert [(leaf.path, leaf.expected, leaf.found, leaf.result) for leaf in leaves[2:]] == [
            ("a: location", "x", "y", False),
            ("b: location", "x", MISSING, False),
        ]
        assert leaves[1].found == [f"{GATE}/{LOGS}/a", f"{GATE}/{LOGS}/b"]
        assert leaves[2].where.startswith("properties.policyRule.then.details.existenceCondition")

    def test_what_satisfies_is_named_and_what_was_never_read_is_open(self) -> None:
        there = explain(looking(), gate(), now=NOW, related=[item(f"{GATE}/{LOGS}/a")]).leaves[-1]
        assert (there.found, there.result) == ([f"{GATE}/{LOGS}/a"], True)
        assert explain(looking(), gate(), now=NOW).leaves[-1].found is UNREAD
        other = item(GATE, "Contoso.Net/other")
        assert len(explain(looking(), other, now=NOW, related=[]).leaves) == 1
