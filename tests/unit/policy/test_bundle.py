"""Bundles: how a folder is read, what differs between two of them, and what their tests say."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import policy.bundle
from domain.errors import InputError
from domain.value import MISSING
from policy.bundle import Bundle, parse_bundle, read_bundle
from policy.bundle_check import CheckReport, Known, check_bundle
from policy.bundle_diff import bundle_diff, field_changes
from policy.definition import parse_definition
from policy.errors import InvalidDefinition
from policy.policy_set import Kind
from tests.unit.policy.governance import (
    GROUP,
    assignment,
    assignment_document,
    exemption_document,
    initiative_document,
)
from tests.unit.policy.resources import ALIASES

NOW = datetime(2026, 11, 26, tzinfo=UTC)
GATE: dict[str, Any] = {
    "name": "gate",
    "properties": {
        "parameters": {"open": {"type": "String", "defaultValue": "true"}},
        "policyRule": {
            "if": {
                "allOf": [
                    {"field": "type", "equals": "Contoso.Net/gates"},
                    {"field": "Contoso.Net/gates/isOpen", "equals": "[parameters('open')]"},
                ]
            },
            "then": {"effect": "audit"},
        },
    },
    "examples": {
        "pass": [{"type": "Contoso.Net/gates", "name": "shut", "properties": {"isOpen": False}}],
        "fail": [{"type": "Contoso.Net/gates", "name": "open", "properties": {"isOpen": True}, "tags": {"a": 1}}],
    },
}
FILES: dict[str, Any] = {
    "bundle.json": {"name": "gates", "version": "1.0.0", "description": "Gates"},
    "definitions/gate.json": GATE,
    "assignments/a.json": assignment_document("a", GROUP),
}
KNOWN = Known({"wall": parse_definition({**GATE, "name": "wall"}, origin="imported")}, ALIASES)


def bundle(**files: Any) -> Bundle:
    """The bundle above with other files; underscores stand for what a keyword cannot hold."""
    changed = {name.replace("__", "/") + ".json": content for name, content in files.items()}
    return parse_bundle({path: body for path, body in {**FILES, **changed}.items() if body is not None})


def write(folder: Path, files: dict[str, Any]) -> Path:
    for path, body in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(json.dumps(body, indent=2))
    return folder


def checked(found: Bundle) -> CheckReport:
    return check_bundle(found, KNOWN, now=NOW)


def test_a_folder_is_read_with_every_kind_of_document(tmp_path: Path) -> None:
    exempt = exemption_document(assignment("a", GROUP))
    two = [{**GATE, "name": "x"}, {**GATE, "name": "y"}]
    folder = write(
        tmp_path,
        {
            **FILES,
            "definitions/more/two.json": two,
            "initiatives/set.json": initiative_document({"policyDefinitionId": "gate"}),
            "exemptions/e.json": exempt,
            "tests/gate.json": {"policy": "gate", "pass": []},
            ".github/x.json": {},
        },
    )
    (folder / "README.md").write_text("words")

    found = read_bundle(folder)

    assert (found.name, found.version, found.description) == ("gates", "1.0.0", "Gates")
    assert sorted(found.policies.definitions) == ["gate", "x", "y"]
    assert (len(found.policies.assignments), len(found.policies.exemptions), len(found.tests)) == (1, 1, 1)
    assert ("definitions/more/two.json:2", two[1]) in list(found.documents)


def test_the_digest_is_of_the_documents_and_not_of_their_form(tmp_path: Path) -> None:
    first = read_bundle(write(tmp_path / "a", FILES))
    other = {path: FILES[path] for path in reversed(FILES)}
    second = parse_bundle(other)

    assert first.digest == second.digest == bundle().digest
    assert bundle(tests__t={"policy": "gate"}).digest != first.digest


@pytest.mark.parametrize(
    ("files", "where", "path"),
    [
        ({"bundle": None}, "bundle.json", "$"),
        ({"bundle": {"name": "Gates", "version": "1.0.0"}}, "bundle.json", "$.name"),
        ({"bundle": {"name": "gates", "version": "1"}}, "bundle.json", "$.version"),
        ({"bundle": {"name": "gates"}}, "bundle.json", "$.version"),
        ({"policies__x": GATE}, "policies/x.json", "$"),
        ({"assignments__g": GATE}, "assignments/g.json", "$"),
        ({"definitions__b": {**GATE, "name": "GATE"}}, "definitions/gate.json", "$.name"),
        ({"definitions__gate": {"name": "gate"}}, "definitions/gate.json", "$.properties.policyRule"),
    ],
)
def test_what_is_wrong_with_a_bundle_is_named_with_its_place(files: dict[str, Any], where: str, path: str) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        bundle(**files)

    assert (refusal.value.facts["where"], refusal.value.facts["path"]) == (where, path)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        read_bundle(tmp_path)

    assert refusal.value.facts["where"] == str(tmp_path)


def test_a_bundle_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy.bundle, "FILES_MAX", 2)

    with pytest.raises(InputError, match="too large"):
        read_bundle(write(tmp_path, FILES))


def test_a_document_that_is_nested_too_deeply_is_refused() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]

    with pytest.raises(InvalidDefinition, match="cannot be written"):
        bundle(tests__deep={"policy": deep})


def test_documents_nested_as_deep_as_may_be_are_compared() -> None:
    first: Any = 1
    second: Any = 2
    for _ in range(240):
        first, second = {"a": first}, {"a": second}

    assert len(list(field_changes(first, second))) == 1


def test_documents_are_added_removed_and_changed() -> None:
    moved = assignment_document("a", GROUP, parameters={"open": {"value": "false"}}, enforcementMode="DoNotEnforce")
    after = bundle(
        definitions__gate=None, definitions__wall={**GATE, "name": "wall"}, assignments__a=None, assignments__b=moved
    )

    gate, wall, changed = bundle_diff(bundle(), after)

    assert [(each.kind, each.identity, each.action) for each in (gate, wall)] == [
        (Kind.DEFINITION, "gate", "removed"),
        (Kind.DEFINITION, "wall", "added"),
    ]
    assert (changed.action, changed.file) == ("changed", "assignments/b.json")
    assert [(field.path, field.before, field.after) for field in changed.fields] == [
        ("$.properties.enforcementMode", MISSING, "DoNotEnforce"),
        ("$.properties.parameters", MISSING, {"open": {"value": "false"}}),
    ]
    assert bundle_diff(bundle(), bundle()) == ()
    assert len(bundle_diff(None, bundle())) == len(bundle_diff(bundle(), None)) == 2


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, ["$.a"]),
        ({"a": [{"x": 1, "y": 2}]}, {"a": [{"y": 2, "x": 1}]}, []),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["$.a"]),
        ({"a": []}, {"a": []}, []),
        ({"a": [{"name": "x", "v": 1}]}, {"a": [{"name": "y", "v": 1}, {"name": "x", "v": 2}]}, ["$.a[x].v", "$.a[y]"]),
        ({"a": [{"name": "x"}, {"name": "x"}]}, {"a": [{"name": "x"}]}, ["$.a"]),
        ({"a": [{"name": "x"}, {"name": "x"}]}, {"a": [{"name": "x"}, {"name": "x"}]}, []),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"d": 1}}}, ["$.a.b.c", "$.a.b.d"]),
        ({"a": {"b": 1}}, {"a": 1}, ["$.a"]),
    ],
)
def test_every_field_that_differs_is_named(before: Any, after: Any, paths: list[str]) -> None:
    assert [change.path for change in field_changes(before, after)] == paths


def some_json(random_: random.Random, depth: int = 3) -> Any:
    if depth == 0 or random_.random() < 0.3:
        return random_.choice([None, True, 1, "a", "b", []])
    if random_.random() < 0.5:
        return [some_json(random_, depth - 1) for _ in range(random_.randint(0, 3))]
    return {random_.choice(["name", "id", "x", "y"]): some_json(random_, depth - 1) for _ in range(3)}


@pytest.mark.parametrize("seed", range(60))
def test_two_documents_differ_in_no_field_only_where_they_are_equal(seed: int) -> None:
    random_ = random.Random(seed)
    first, second = some_json(random_), some_json(random_)

    is_equal = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (list(field_changes(first, second)) == []) is is_equal
    assert list(field_changes(first, first)) == []
    forth, back = list(field_changes(first, second)), list(field_changes(second, first))
    assert {(each.path, repr(each.before)) for each in forth} == {(each.path, repr(each.after)) for each in back}


def test_examples_in_definitions_and_in_tests_are_run() -> None:
    test = {
        "policy": "/providers/x/policyDefinitions/gate",
        "assignment": "a",
        "parameters": {"open": "false"},
        "fail": [{"type": "Contoso.Net/gates", "properties": {"isOpen": False}}],
        "unknown": [{"type": "Contoso.Net/gates", "name": "bare"}],
    }
    report = checked(bundle(tests__gate=test))

    assert [(each.example, each.expected, each.got) for each in report.results] == [
        ("a", "runs", "runs"),
        ("shut", "pass", "pass"),
        ("open", "fail", "fail"),
        ("example", "fail", "fail"),
        ("bare", "unknown", "pass"),
    ]
    (failed,) = report.failed
    assert failed.where == "tests/gate.json $.unknown[0]"
    assert failed.reason == "properties.isopen equals 'false', found nothing"
    assert report.untested == ()


def test_values_of_the_assignment_are_used_where_a_test_names_it() -> None:
    assigned = assignment_document("a", GROUP, parameters={"open": {"value": "false"}})
    example = {"type": "Contoso.Net/gates", "properties": {"isOpen": False}}
    test = {"policy": "gate", "assignment": "a", "fail": [example]}
    plain = {**test, "assignment": None}

    assert checked(bundle(assignments__a=assigned, tests__gate=test)).failed == ()
    assert len(checked(bundle(assignments__a=assigned, tests__gate=plain)).failed) == 1


def test_what_is_assigned_and_cannot_run_fails() -> None:
    override = [{"kind": "policyEffect", "value": "sometimes"}]
    report = checked(
        bundle(
            assignments__a=assignment_document("gone", GROUP, policyDefinitionId="gone"),
            assignments__b=assignment_document("wrong", GROUP, parameters={"open": {"value": 7}}),
            assignments__c=assignment_document("effect", GROUP, overrides=override),
            assignments__d=assignment_document("fine", GROUP, policyDefinitionId="WALL"),
            assignments__e=assignment_document("set", GROUP, policyDefinitionId="set"),
            initiatives__s=initiative_document(
                {"policyDefinitionId": "gate", "parameters": {"open": {"value": "[parameters('x')]"}}},
                parameters={"x": {"type": "String"}},
            ),
        )
    )

    told = {each.example: each.reason for each in report.failed}
    assert sorted(told) == ["effect", "gate-0", "gone", "wrong"]
    assert "gone" in told["gone"]
    assert "wrong type" in told["wrong"]
    assert "effect is unknown" in told["effect"]
    assert "parameter x" in told["gate-0"]


def test_a_definition_that_does_not_compile_fails_each_of_its_examples() -> None:
    rule = {"if": {"field": "No/such.alias", "exists": "true"}, "then": {"effect": "audit"}}
    broken = {**GATE, "properties": {"policyRule": rule}}
    report = checked(bundle(definitions__gate=broken, assignments__a=None))

    assert [(each.expected, each.got) for each in report.results] == [("pass", "error"), ("fail", "error")]
    assert "alias" in report.failed[0].reason


def test_a_wrong_example_without_a_deciding_condition_says_so() -> None:
    rule = {"if": {"value": "a", "equals": "a"}, "then": {"effect": "audit"}}
    always = {**GATE, "properties": {"policyRule": rule}}

    assert {each.reason for each in checked(bundle(definitions__gate=always)).failed} == {"no condition decided it"}


def test_definitions_without_an_example_are_named() -> None:
    bare = {name: body for name, body in GATE.items() if name != "examples"}

    assert checked(bundle(definitions__gate=bare)).untested == ("gate",)


@pytest.mark.parametrize(
    ("test", "path"),
    [
        ([], "$"),
        ({"policy": "gone", "pass": []}, "$.policy"),
        ({"policy": "gate"}, "$.fail"),
        ({"policy": "gate", "pass": [{}]}, "$.pass[0].type"),
        ({"policy": "gate", "pass": {}}, "$.pass"),
        ({"policy": "gate", "assignment": "z", "pass": [{"type": "x"}]}, "$.assignment"),
    ],
)
def test_what_is_wrong_with_a_test_is_named(test: Any, path: str) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        checked(bundle(tests__t=[test] if test == [] else test))

    assert refusal.value.facts["path"] == path


def test_an_example_names_what_is_beside_it_for_an_existence_condition() -> None:
    details = {"type": "Contoso.Net/gates/locks", "existenceCondition": {"field": "name", "equals": "strong"}}
    rule = {
        "if": {"field": "type", "equals": "Contoso.Net/gates"},
        "then": {"effect": "auditIfNotExists", "details": details},
    }
    gate = {"type": "Contoso.Net/gates", "name": "g", "id": "/subscriptions/s/resourceGroups/r/providers/x/gates/g"}
    lock = {"type": "Contoso.Net/gates/locks", "name": "strong", "id": f"{gate['id']}/locks/strong"}
    examples = {
        "pass": [{**gate, "related": [lock]}],
        "fail": [{**gate, "related": []}],
        "unknown": [gate],
    }
    found = bundle(definitions__gate={"name": "gate", "properties": {"policyRule": rule}, "examples": examples})

    report = checked(found)

    assert [result.got for result in report.results] == ["runs", "pass", "fail", "unknown"]
