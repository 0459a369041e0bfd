from __future__ import annotations

import pytest

from domain.value import UNREAD, Json, Value
from policy.aliases import AliasTable
from policy.compile import compile_definition
from policy.definition import parse_definition
from policy.errors import InvalidDefinition
from policy.interpret import details_of
from tests.unit.policy.resources import NOW, program, resource

ANY: Json = {"field": "name", "exists": True}
TAG: Json = {"operation": "addOrReplace", "field": "tags['env']", "value": "[toUpper(field('name'))]"}


def details(effect: str, document: Json, item: dict[str, Json] | None = None, *, unread: tuple[str, ...] = ()) -> Value:
    compiled = program(ANY, effect=effect, details=document)
    assert compiled.details is not None
    return details_of(compiled.details, resource(item or {"name": "gate"}, unread=unread), NOW)


def test_operations_of_modify_have_the_values_of_the_resource() -> None:
    operation: Json = {"operation": "Remove", "field": "tags['old']", "condition": "[equals(field('name'), 'x')]"}
    document: Json = {"roleDefinitionIds": ["r"], "conflictEffect": "audit", "operations": [TAG, operation]}
    assert details("modify", document) == {
        "roleDefinitionIds": ["r"],
        "conflictEffect": "audit",
        "operations": [{"operation": "addOrReplace", "field": "tags['env']", "value": "GATE"}, operation],
    }


def test_a_value_that_nobody_asked_for_leaves_the_details_open() -> None:
    assert details("modify", {"operations": [TAG]}, {"type": "a/b"}, unread=("*",)) is UNREAD


def test_append_adds_fields() -> None:
    document: Json = [{"field": "[concat('tags[', 'a', ']')]", "value": [1, "[add(1, 1)]"]}]
    assert details("append", document) == [{"field": "tags[a]", "value": [1, 2]}]


def test_a_field_of_an_operation_can_depend_on_the_resource() -> None:
    document: Json = [{"field": "[concat('tags.', field('name'))]", "value": 1}]
    assert details("append", document) == [{"field": "tags.gate", "value": 1}]


def test_details_of_other_effects_are_their_parts() -> None:
    related: Json = {"type": "a/b", "roleDefinitionIds": ["r"], "deployment": {"x": "[nobody()]"}}
    assert details("deployIfNotExists", related) == {"type": "a/b", "roleDefinitionIds": ["r"]}
    assert details("denyAction", {"actionNames": ["delete"]}) == {"actionNames": ["delete"]}
    assert details("manual", {"defaultState": "Unknown"}) == {"defaultState": "Unknown"}


def test_details_of_another_effect_are_left_alone() -> None:
    assert program(ANY, effect="audit", details={"operations": "of modify"}).details is None
    assert program(ANY, effect="modify").details is None


@pytest.mark.parametrize(
    ("effect", "document", "path"),
    [
        ("modify", [], ""),
        ("modify", {}, ".operations"),
        ("modify", {"operations": 5}, ".operations"),
        ("modify", {"operations": [5]}, ".operations[0]"),
        ("modify", {"operations": [{"operation": "explode"}]}, ".operations[0].operation"),
        ("modify", {"operations": [{"operation": "add", "field": "name"}]}, ".operations[0]"),
        ("modify", {"operations": [{"operation": "remove"}]}, ".operations[0]"),
        ("modify", {"operations": [{"operation": "remove", "field": 5}]}, ".operations[0].field"),
        ("modify", {"operations": [TAG], "conflictEffect": "explode"}, ".conflictEffect"),
        ("append", {}, ""),
        ("append", [{"field": "name"}], "[0]"),
        ("denyAction", {}, ".actionNames"),
    ],
)
def test_details_that_do_not_fit_are_refused_with_their_place(effect: str, document: Json, path: str) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        program(ANY, effect=effect, details=document)
    assert caught.value.facts["path"] == f"$.properties.policyRule.then.details{path}"


def test_an_alias_that_azure_does_not_let_modify_is_refused() -> None:
    listed: list[Json] = [
        {"name": f"N/a/{name}", "defaultPath": name, "defaultMetadata": {"attributes": attributes}}
        for name, attributes in (("fixed", "None"), ("free", "Modifiable"))
    ]
    row: Json = {"namespace": "N", "resourceTypes": [{"resourceType": "a", "aliases": listed}]}
    aliases = AliasTable.of_rows([row], origin="rows")

    def compiled(alias: str) -> object:
        operation: Json = {"operation": "add", "field": alias, "value": 1}
        then: Json = {"effect": "modify", "details": {"operations": [operation]}}
        return compile_definition(parse_definition({"if": ANY, "then": then}, origin="p.json"), aliases)

    assert compiled("N/a/free")
    with pytest.raises(InvalidDefinition, match="cannot be modified"):
        compiled("N/a/fixed")
