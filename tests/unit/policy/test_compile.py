from __future__ import annotations

from typing import ClassVar

import pytest

from domain.finding import Verdict
from domain.resource import Provider
from domain.value import MISSING, Json
from policy.compile import compile_definition
from policy.definition import parse_definition
from policy.errors import DefinitionError, InvalidDefinition, MissingAlias, NeedsParameters, UnsupportedDefinition
from policy.explain import explain
from policy.interpret import _ValueScope
from tests.unit.policy.resources import ALIASES, NOW, holds, program, resource, verdict

GATE: Json = {"field": "type", "equals": "Contoso.Net/gates"}
ANY: Json = {"field": "name", "exists": True}


def refusal(error: type[DefinitionError], condition: Json, **options: object) -> dict[str, object]:
    with pytest.raises(error) as caught:
        program(condition, **options)  # type: ignore[arg-type]
    assert type(caught.value) is error
    assert caught.value.facts["todo"]
    return caught.value.facts


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        ([], ""),
        ({"allOf": {}}, ".allof"),
        ({"allOf": [], "field": "x"}, ""),
        ({"not": {}}, ".not"),
        ({"equals": 1}, ""),
        ({"field": "a", "value": 1, "equals": 1}, ""),
        ({"field": "a", "equal": 1}, ""),
        ({"field": "a", "equals": 1, "in": []}, ""),
        ({"field": 5, "equals": 1}, ".field"),
        ({"field": "a[b", "equals": 1}, ".field"),
        ({"field": "a", "exists": "maybe"}, ".exists"),
        ({"field": "a", "in": 5}, ".in"),
        ({"count": 5, "equals": 1}, ".count"),
        ({"count": {"field": "a[*]", "value": []}, "equals": 1}, ".count"),
        ({"count": {"field": "a[*]", "when": {}}, "equals": 1}, ".count"),
        ({"count": {"field": "a[*]", "name": "x"}, "equals": 1}, ".count.name"),
        ({"count": {"value": [], "name": 5}, "equals": 1}, ".count.name"),
        ({"count": {"field": "a"}, "equals": 1}, ".count.field"),
        ({"count": {"value": list(range(6000))}, "equals": 1}, ".count.value"),
        ({"value": "[current('x')]", "equals": 1}, ".value"),
    ],
)
def test_a_broken_rule_is_refused_with_its_place(condition: Json, path: str) -> None:
    facts = refusal(InvalidDefinition, condition)
    assert facts["path"] == f"$.properties.policyRule.if{path}"
    assert facts["where"] == "p.json"


def test_an_unknown_operator_names_those_that_exist() -> None:
    facts = refusal(InvalidDefinition, {"field": "name", "sameAs": "x"})
    assert facts["got"] == ["sameas"]
    assert "equals" in facts["expected"]  # type: ignore[operator]


def test_an_unknown_alias_is_named_and_never_guessed() -> None:
    facts = refusal(MissingAlias, {"field": "Contoso.Net/gates/colour", "equals": "red"})
    assert facts["alias"] == "Contoso.Net/gates/colour"


def test_parameters_that_differ_only_in_case_are_refused() -> None:
    rule: Json = {"if": {}, "then": {"effect": "audit"}}
    twice: Json = {"policyRule": rule, "parameters": {"a": {"type": "String"}, "A": {"type": "String"}}}
    with pytest.raises(InvalidDefinition) as caught:
        parse_definition(twice, origin="p.json")
    assert caught.value.facts["got"] == ["a", "A"]


def test_a_document_nested_without_end_is_refused() -> None:
    document: Json = []
    for _ in range(300):
        document = [document]
    with pytest.raises(InvalidDefinition, match="nested"):
        parse_definition({"if": document, "then": {}}, origin="p.json")


def test_a_condition_with_two_spellings_of_a_key_is_refused() -> None:
    assert refusal(InvalidDefinition, {"field": "name", "equals": 1, "Equals": 2})["got"] == [
        "Equals",
        "equals",
        "field",
    ]


def test_what_was_found_is_shown_short() -> None:
    facts = refusal(InvalidDefinition, {"field": "name", "in": "x" * 10_000})
    assert len(str(facts["got"])) < 400


def test_conditions_nested_without_end_are_refused() -> None:
    condition: Json = ANY
    for _ in range(100):
        condition = {"not": condition}
    assert "64" in str(refusal(InvalidDefinition, condition)["expected"])


def test_an_effect_nobody_knows_is_invalid() -> None:
    assert refusal(InvalidDefinition, ANY, effect="explode")["got"] == "explode"


def test_a_data_plane_mode_is_unsupported() -> None:
    assert refusal(UnsupportedDefinition, ANY, mode="Microsoft.KeyVault.Data")["got"] == "Microsoft.KeyVault.Data"


def test_what_would_need_the_whole_resource_is_unsupported() -> None:
    where: Json = {"field": "r[*].x", "equals": "[current()]"}
    facts = refusal(UnsupportedDefinition, {"count": {"value": "[field('tags')]", "where": where}, "equals": 1})
    assert facts["path"] == "$.properties.policyRule.if.count"
    facts = refusal(UnsupportedDefinition, {"field": "[field('name')]", "equals": 1})
    assert facts["path"] == "$.properties.policyRule.if.field"


PARTS: Json = "[split(field('name'), ',')]"
OTHERS: Json = {
    "count": {
        "value": "[field('r[*].x')]",
        "where": {"value": "[current('part')]", "notEquals": "[current()]"},
    },
    "equals": 2,
}
ENDS: Json = {
    "count": {"value": ["a", "c"], "where": {"value": "[current()]", "equals": "[current('part')]"}},
    "equals": 1,
}
NOT_C: Json = {"not": {"value": "[current('part')]", "equals": "c"}}
IS_HERE: Json = {"field": "location", "equals": "[current('part')]"}


class TestOpenCounts:
    document: ClassVar[dict[str, Json]] = {"name": "a,b,c", "location": "b", "r": [{"x": "1"}, {"x": "2"}]}

    @pytest.mark.parametrize(
        ("count", "expected"),
        [
            ({"value": PARTS}, 3),
            ({"value": "[field('location')]"}, 1),
            ({"value": "[field('tags.none')]"}, 0),
            ({"value": "[field('r[*].x')]", "where": {"value": "[current()]", "equals": 2}}, 1),
            ({"value": PARTS, "name": "part", "where": IS_HERE}, 1),
            ({"value": PARTS, "name": "part", "where": {"allOf": [OTHERS, ENDS, NOT_C]}}, 1),
        ],
    )
    def test_values_that_only_the_resource_tells_are_counted(self, count: Json, expected: int) -> None:
        assert holds({"count": count, "equals": expected}, self.document)

    def test_what_nobody_asked_for_leaves_the_count_open(self) -> None:
        count: Json = {"value": PARTS, "where": {"field": "tags.x", "equals": "[current()]"}}
        condition: Json = {"count": count, "greater": 0}
        assert verdict(condition, resource(self.document, unread=("tags",))) is Verdict.UNKNOWN
        assert verdict(condition, resource({}, unread=("*",))) is Verdict.UNKNOWN

    def test_time_in_what_is_counted_is_noticed(self) -> None:
        where: Json = {"value": "[current()]", "less": "[utcNow()]"}
        assert program({"count": {"value": "[field('tags')]", "where": where}, "equals": 1}).is_time_dependent
        assert not program({"count": {"value": "[field('tags')]"}, "equals": 1}).is_time_dependent

    def test_a_scope_of_values_has_no_arrays(self) -> None:
        with pytest.raises(AssertionError):
            _ValueScope(lambda _: MISSING, "$0", 1).elements("r[*]")


class TestTagsByName:
    document: ClassVar[dict[str, Json]] = {"name": "env", "tags": {"Env": "x", "a-env": "y"}}

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("concat('tags[', field('name'), ']')", "x"),
            ("concat('tags[''', field('name'), ''']')", "x"),
            ("concat('tags.', field('name'))", "x"),
            ("concat('Tags[a-', field('name'), ']')", "y"),
            ("concat('tags[', field('location'), ']')", None),
        ],
    )
    def test_a_tag_can_be_named_by_the_resource(self, name: str, expected: str | None) -> None:
        assert holds({"field": f"[{name}]", "equals": expected}, self.document)
        assert holds({"value": f"[field({name})]", "equals": expected}, self.document)

    @pytest.mark.parametrize("name", ["concat('tags[', field('name'))", "concat(field('name'), 'x')"])
    def test_any_other_name_that_hangs_on_the_resource_is_unsupported(self, name: str) -> None:
        assert refusal(UnsupportedDefinition, {"field": f"[{name}]", "equals": 1})


def test_a_name_that_hangs_on_a_parameter_without_a_value_is_unknown() -> None:
    name = "[concat('tags[', parameters('tag'), ']')]"
    field: Json = {"field": name, "exists": True}
    count: Json = {"count": {"field": "[parameters('tag')]"}, "equals": 0}
    value: Json = {"value": "[field(parameters('tag'))]", "exists": True}
    listed: Json = {"count": {"value": "[parameters('tag')]"}, "equals": 0}
    for condition in (field, count, value, listed):
        then: Json = {"effect": "append", "details": [{"field": name, "value": 1}]}
        document: Json = {
            "policyRule": {"if": condition, "then": then},
            "parameters": {"tag": {"type": "String"}},
        }
        compiled = compile_definition(parse_definition(document, origin="p.json"), ALIASES, is_partial=True)
        assert explain(compiled, resource({}), now=NOW).verdict is Verdict.UNKNOWN


def test_no_allowed_values_allow_every_value() -> None:
    declared: Json = {"x": {"type": "String", "allowedValues": [], "defaultValue": "any"}}
    assert program(ANY, declared=declared).is_enabled


def test_an_alias_of_an_array_that_differs_between_types_is_unsupported() -> None:
    rows: list[Json] = [
        {"provider": "N", "resourceType": kind, "aliases": {"N/all[*]": f"{kind}[*]"}} for kind in ("a", "b")
    ]
    aliases = ALIASES.of_rows(rows, origin="rows")
    rule: Json = {"if": {"field": "N/all[*]", "equals": 1}, "then": {"effect": "audit"}}
    with pytest.raises(UnsupportedDefinition):
        compile_definition(parse_definition(rule, origin="p.json"), aliases)


def test_disabled_and_request_effects_are_not_assessed() -> None:
    assert [program(ANY, effect=effect).is_enabled for effect in ("Disabled", "denyAction", "manual", "audit")] == [
        False,
        False,
        False,
        True,
    ]


class TestParameters:
    declared: ClassVar[Json] = {
        "where": {"type": "Array", "allowedValues": ["here", "there"]},
        "name": {"type": "String", "defaultValue": "gate"},
    }
    rule: ClassVar[Json] = {
        "allOf": [
            {"field": "location", "in": "[parameters('where')]"},
            {"field": "name", "equals": "[parameters('Name')]"},
        ]
    }

    def test_given_values_and_defaults_are_filled_in(self) -> None:
        document: dict[str, Json] = {"name": "gate", "location": "here"}
        assert holds(self.rule, document, declared=self.declared, parameters={"where": ["here"]})
        assert not holds(self.rule, document, declared=self.declared, parameters={"WHERE": ["here"], "name": "x"})

    def test_a_parameter_without_a_value_is_named(self) -> None:
        assert refusal(NeedsParameters, self.rule, declared=self.declared)["parameters"] == ["where"]

    def test_a_partial_program_is_unknown_only_where_it_needs_the_value(self) -> None:
        rule: Json = {"if": self.rule, "then": {"effect": "audit"}}
        definition = parse_definition({"policyRule": rule, "parameters": self.declared}, origin="p.json")
        compiled = compile_definition(definition, ALIASES, is_partial=True)
        found = [explain(compiled, resource({"name": name}), now=NOW).verdict for name in ("gate", "x")]
        assert found == [Verdict.UNKNOWN, Verdict.COMPLIANT]

    def test_the_rest_of_the_rule_is_checked_before_a_value_is_asked_for(self) -> None:
        rule: Json = {"allOf": [self.rule, {"field": "Contoso.Net/gates/colour", "equals": 1}]}
        assert refusal(MissingAlias, rule, declared=self.declared)["alias"] == "Contoso.Net/gates/colour"

    def test_a_value_outside_the_allowed_ones_is_refused(self) -> None:
        facts = refusal(InvalidDefinition, self.rule, declared=self.declared, parameters={"where": ["mars"]})
        assert (facts["parameter"], facts["expected"], facts["got"]) == ("where", ["here", "there"], ["mars"])

    def test_a_value_for_no_parameter_is_refused(self) -> None:
        given = {"where": ["here"], "size": 1}
        assert refusal(InvalidDefinition, self.rule, declared=self.declared, parameters=given)["got"] == ["size"]

    @pytest.mark.parametrize(
        ("kind", "right", "wrong"),
        [
            ("String", "a", 1),
            ("Array", [], "a"),
            ("Object", {}, []),
            ("Boolean", "true", "yes"),
            ("Integer", 1, True),
            ("Float", 1.5, []),
            ("DateTime", "2026-01-01", "soon"),
        ],
    )
    def test_a_value_of_the_wrong_type_is_refused(self, kind: str, right: Json, wrong: Json) -> None:
        declared: Json = {"x": {"type": kind}}
        program(ANY, declared=declared, parameters={"x": right})
        assert refusal(InvalidDefinition, ANY, declared=declared, parameters={"x": wrong})["expected"] == kind.lower()


@pytest.mark.parametrize(
    ("condition", "types"),
    [
        (GATE, {"contoso.net/gates"}),
        ({"field": "type", "in": ["A/b", "c/D"]}, {"a/b", "c/d"}),
        ({"field": "type", "like": "A/b"}, {"a/b"}),
        ({"field": "type", "like": "A/*"}, None),
        ({"allOf": [GATE, ANY]}, {"contoso.net/gates"}),
        ({"anyOf": [GATE, {"field": "type", "equals": "A/b"}]}, {"contoso.net/gates", "a/b"}),
        ({"anyOf": [GATE, ANY]}, None),
        ({"not": GATE}, None),
        ({"value": "a", "equals": "b"}, set()),
        ({"value": "a", "equals": "a"}, None),
        ({"allOf": []}, None),
        ({"anyOf": []}, set()),
    ],
)
def test_types_are_read_off_the_condition(condition: Json, types: set[str] | None) -> None:
    assert program(condition).types == types


def test_a_program_is_meant_for_the_clouds_it_names() -> None:
    azure = program(GATE)
    assert azure.applies_to("CONTOSO.NET/GATES", Provider.AZURE)
    assert not azure.applies_to("Contoso.Net/gates", Provider.AWS)
    assert not azure.applies_to("Contoso.Net/walls", Provider.AZURE)
    rule: dict[str, Json] = {"if": ANY, "then": {"effect": "audit"}}
    document: Json = {"properties": {"policyRule": rule, "metadata": {"clouds": ["aws"]}}}
    aws = compile_definition(parse_definition(document, origin="p.json"), ALIASES, policy_id="mine")
    assert aws.clouds == {Provider.AWS}
    assert str(aws.policy_id) == "mine"
    wrong: Json = {"properties": {"policyRule": rule, "metadata": {"clouds": ["moon"]}}}
    with pytest.raises(InvalidDefinition, match="clouds"):
        compile_definition(parse_definition(wrong, origin="p.json"), ALIASES)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (5, "$"),
        ({"properties": []}, "$.properties"),
        ({}, "$.properties.policyRule"),
        ({"policyRule": {"if": {}}}, "$.properties.policyRule"),
        ({"if": {}}, "$.properties.policyRule"),
        ({"if": {}, "then": 1}, "$.properties.policyRule.then"),
        ({"if": {}, "IF": {}, "then": {"effect": "audit"}}, "$"),
        ({"policyRule": {"if": {}, "IF": {}, "then": {"effect": "audit"}}}, "$.properties.policyRule"),
        ({"mode": "All", "properties": {"Mode": "All", "policyRule": {}}}, "$"),
        ({"policyRule": {}, "parameters": {"a": {"type": "String"}, "A": {}}}, "$.properties.policyRule"),
        ({"if": [0] * 200_001, "then": {"effect": "audit"}}, "$"),
        ({"if": {}, "then": {}}, "$.properties.policyRule.then.effect"),
        ({"parameters": {"a": {"type": "Vector"}}, "if": {}, "then": {"effect": "audit"}}, None),
        (
            {"parameters": {"a": {"type": "Vector"}}, "policyRule": {"if": {}, "then": {"effect": "audit"}}},
            "$.properties.parameters.a.type",
        ),
        (
            {
                "parameters": {"a": {"type": "String", "allowedValues": 1}},
                "policyRule": {"if": {}, "then": {"effect": "audit"}},
            },
            "$.properties.parameters.a.allowedValues",
        ),
    ],
)
def test_a_document_that_is_no_definition_is_refused(document: Json, path: str | None) -> None:
    if path is None:
        assert parse_definition(document, origin="p.json").parameters == {}
        return
    with pytest.raises(InvalidDefinition) as caught:
        parse_definition(document, origin="p.json")
    assert (caught.value.facts["where"], caught.value.facts["path"]) == ("p.json", path)


def test_a_definition_is_known_by_its_name_its_id_or_its_file() -> None:
    rule: Json = {"if": {}, "then": {"effect": "audit"}}
    inner: Json = {"policyRule": rule, "displayName": "Shown"}
    assert parse_definition({"name": "n", "properties": inner}, origin="f").policy_id == "n"
    assert parse_definition({"id": "/x/y/z", "properties": inner}, origin="f").policy_id == "z"
    assert parse_definition({"properties": inner}, origin="f").policy_id == "Shown"
    assert parse_definition(rule, origin="f").policy_id == "f"
