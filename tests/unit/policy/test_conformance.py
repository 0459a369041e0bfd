"""Grades the engine on recorded conformance cases, and the runner on cases of its own. The floor only ever rises."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from domain.value import Json
from policy.conformance import main, run
from tests.shared_data import shared_data

PASSED_FLOOR = 744
NOW = datetime(2025, 2, 20, 12, tzinfo=UTC)
GATE: dict[str, Json] = {"type": "N/gates", "name": "g", "properties": {"on": True}}
ROWS: list[Json] = [
    {
        "namespace": "N",
        "resourceTypes": [
            {
                "resourceType": "gates",
                "aliases": [
                    {
                        "name": "N/gates/on",
                        "defaultPath": "properties.on",
                        "paths": [{"path": "properties.isOn", "apiVersions": ["2020-01-01"]}],
                    }
                ],
            }
        ],
    }
]


def rule(condition: Json, effect: str = "audit", **then: Json) -> str:
    return orjson.dumps({"if": condition, "then": {"effect": effect, **then}}).decode()


def case(condition: Json, *, effect: str = "audit", details: Json = None, **given: Json) -> dict[str, Json]:
    text = rule(condition, effect) if details is None else rule(condition, effect, details=details)
    return {"note": "n", "_file": "f.yaml", "policy_rule": text, "resource": GATE, **given}


ON: Json = {"field": "N/gates/on", "equals": True}
NAMED: Json = {"field": "name", "equals": "g"}
RELATED: Json = {"type": "N/bolts", "existenceCondition": {"field": "size", "equals": 1}}


def graded(tmp_path: Path, *cases: Json) -> list[bool]:
    (tmp_path / "aliases.json").write_bytes(orjson.dumps(ROWS))
    file = tmp_path / "cases.ndjson.gz"
    file.write_bytes(gzip.compress(b"\n".join(map(orjson.dumps, cases)) + b"\n"))
    return [one.is_passed for one in run(file, tmp_path, now=NOW)]


@pytest.mark.data
def test_recorded_cases_come_out_as_azure_policy_says() -> None:
    cases = shared_data("policy", "azure_policy_conformance.ndjson.gz")
    grades = list(run(cases, shared_data("policy", "conformance_aliases"), now=NOW))
    assert len(grades) == 744
    assert sum(one.is_passed for one in grades) >= PASSED_FLOOR


def test_effects_are_compared_without_case_and_none_with_none(tmp_path: Path) -> None:
    assert graded(
        tmp_path,
        case(NAMED, want_effect="Audit"),
        case(NAMED, want_effect="deny"),
        case(NAMED, want_effect=None),
        case({"not": NAMED}, want_undefined=True),
        case({"not": NAMED}, want_effect=None),
        case(NAMED, effect="disabled", want_undefined=True),
    ) == [True, False, False, True, True, True]


def test_aliases_are_those_of_the_file_and_version_that_a_case_names(tmp_path: Path) -> None:
    suite: Json = {"aliases": "aliases.json"}
    newer: dict[str, Json] = {"type": "N/gates", "properties": {"isOn": True}}
    literal: Json = {"N/gates/on": True, "type": "N/gates"}
    assert graded(
        tmp_path,
        case(ON, want_effect="audit", _suite=suite),
        case(ON, want_undefined=True, _suite=suite, api_version="2020-01-01"),
        case(ON, want_effect="audit", _suite=suite, resource=newer, request_context={"apiVersion": "2020-01-01"}),
        case(ON, want_effect="audit", resource=literal),
    ) == [True, True, True, True]


def test_surroundings_and_time_are_those_of_the_case(tmp_path: Path) -> None:
    group: Json = {"value": "[resourceGroup().name]", "equals": "mine"}
    today: Json = {"value": "[utcNow()]", "less": "2021-01-01"}
    assert (
        graded(
            tmp_path,
            case(group, want_effect="audit", context={"resourceGroup": {"name": "mine"}}),
            case(group, want_undefined=True),
            case(today, want_effect="audit", context={"utcNow": "2020-01-01T00:00:00Z"}),
            case(today, want_undefined=True),
            case(
                {"field": "tags.a", "equals": "b"}, want_effect="audit", resource={"properties": {"tags": {"a": "b"}}}
            ),
        )
        == [True] * 5
    )


def test_look_ups_get_the_answers_of_the_case(tmp_path: Path) -> None:
    key: Json = {"operation": "lookup_related_resources", "type": "n/BOLTS"}
    answers: list[Json] = [
        [{"response": {"size": 1}}],
        [{"response": [{"size": 2}, {"size": 1}]}],
        [{"key": {"type": "N/nuts"}, "response": None}, {"key": key, "response": {"size": 1}}],
        [{"key": key, "response": {"size": 2}}],
        [{"response": None}],
        [5],
        None,
    ]
    cases: list[Json] = [
        case(NAMED, effect="auditIfNotExists", details=RELATED, host_await=answer, want_undefined=True)
        for answer in answers
    ]
    assert graded(tmp_path, *cases) == [True, True, True, False, False, False, False]


def test_details_are_graded_where_they_are_wanted(tmp_path: Path) -> None:
    operations: Json = [{"operation": "add", "field": "tags.a", "value": "[field('name')]"}]
    details: Json = {"roleDefinitionIds": ["r"], "operations": operations}
    done: Json = [{"operation": "add", "field": "tags.a", "value": "g"}]
    fields: Json = [{"field": "tags.a", "value": 1}]
    assert graded(
        tmp_path,
        case(NAMED, effect="modify", details=details, want_effect="modify", want_details={"operations": done}),
        case(NAMED, effect="modify", details=details, want_effect="modify", want_details={"operations": operations}),
        case(NAMED, effect="append", details=fields, want_effect="append", want_details=fields),
        case(NAMED, effect="append", details=fields, want_effect="append", want_details=[]),
        case(NAMED, want_effect="audit", want_details={"operations": []}),
    ) == [True, False, True, False, False]


def test_a_refusal_passes_only_where_one_is_wanted(tmp_path: Path) -> None:
    broken: Json = {"field": "name", "explode": 1}
    unknown: Json = {"field": "N/gates/off", "equals": 1}
    foreign: Json = {"value": "[reference('x')]", "equals": 1}
    suite: Json = {"aliases": "aliases.json"}
    assert graded(
        tmp_path,
        case(broken, want_parse_error=True),
        case(NAMED, want_parse_error=True),
        case(foreign, want_parse_error=True),
        case(broken, want_undefined=True),
        case(unknown, want_compile_error=True, _suite=suite),
        case(foreign, want_compile_error=True),
    ) == [True, False, False, False, True, False]


def test_a_table_with_a_broken_path_fails_the_cases_that_use_it(tmp_path: Path) -> None:
    kinds: Json = [{"resourceType": "gates", "aliases": [{"name": "N/gates/on", "defaultPath": "a..b"}]}]
    (tmp_path / "broken.json").write_bytes(orjson.dumps([{"namespace": "N", "resourceTypes": kinds}]))
    suite: Json = {"aliases": "broken.json"}
    cases = [case(ON, want_effect="audit", _suite=suite), case(ON, want_parse_error=True, _suite=suite)]
    assert graded(tmp_path, *cases, case(NAMED, want_effect="audit")) == [False, False, True]


def test_what_needs_a_parameter_without_a_value_never_passes(tmp_path: Path) -> None:
    definition: Json = {
        "parameters": {"name": {"type": "String"}},
        "policyRule": orjson.loads(rule({"allOf": [NAMED, {"field": "name", "equals": "[parameters('name')]"}]})),
    }
    given: dict[str, Json] = {"note": "n", "policy_definition": orjson.dumps(definition).decode(), "resource": GATE}
    other: dict[str, Json] = {"name": "h"}
    assert graded(
        tmp_path,
        {**given, "want_undefined": True},
        {**given, "want_undefined": True, "resource": other},
        {**given, "want_effect": "audit", "parameters": {"name": "G"}},
        {**given, "want_effect": "audit", "resource": 5, "parameters": {"name": "G"}},
    ) == [False, True, True, False]


def test_an_effect_that_hangs_on_a_parameter_without_a_value_is_unknown(tmp_path: Path) -> None:
    definition: Json = {
        "parameters": {"effect": {"type": "String"}},
        "policyRule": orjson.loads(rule(NAMED, "[parameters('effect')]")),
    }
    given: dict[str, Json] = {"note": "n", "policy_definition": orjson.dumps(definition).decode()}
    other: dict[str, Json] = {"name": "h"}
    assert graded(
        tmp_path,
        {**given, "resource": GATE, "want_effect": "audit"},
        {**given, "resource": GATE, "want_undefined": True},
        {**given, "resource": other, "want_undefined": True},
    ) == [False, False, True]


def test_a_look_up_that_asks_for_ids_is_decided_by_the_interpreter(tmp_path: Path) -> None:
    details: Json = {"type": "N/bolts", "existenceCondition": {"field": "id", "contains": "mine"}}
    found: Json = [{"response": {"id": "/mine"}}]
    assert graded(
        tmp_path,
        case(NAMED, effect="auditIfNotExists", details=details, host_await=found, want_undefined=True),
    ) == [True]


def test_a_case_without_a_resource_asks_only_for_the_form(tmp_path: Path) -> None:
    undeclared = rule({"field": "N/x/y", "equals": "[parameters('x')]"}, "[parameters('e')]")
    bare: Json = orjson.dumps({"if": NAMED}).decode()
    assert (
        graded(
            tmp_path,
            {"note": "n", "policy_rule": undeclared, "parse_level": "policy_rule"},
            {"note": "n", "policy_rule": bare},
            {"note": "n", "policy_rule": bare, "parse_level": "policy_rule", "want_parse_error": True},
            {"note": "n", "policy_rule": "5", "want_parse_error": True},
            {"note": "n", "policy_rule": "{", "want_parse_error": True},
            {"note": "n", "policy_definition": "{}", "want_parse_error": True},
        )
        == [True] * 6
    )


def test_an_evaluator_that_disagrees_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy.conformance_case.evaluate", lambda *_, **__: [0])
    assert graded(tmp_path, case(NAMED, want_effect="audit")) == [False]


class TestCommand:
    def run(self, tmp_path: Path, *lines: bytes) -> int:
        (tmp_path / "cases.ndjson").write_bytes(b"\n".join(lines))
        out = str(tmp_path / "out.json")
        return main([str(tmp_path / "cases.ndjson"), "--aliases", str(tmp_path), "--json", out])

    def test_all_passed_is_0(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        one = orjson.dumps(case(NAMED, want_effect="audit"))
        assert self.run(tmp_path, one, one) == 0
        assert capsys.readouterr().out == "passed 2 of 2\n"
        assert orjson.loads((tmp_path / "out.json").read_bytes())["grades"][0] == {
            "note": "n",
            "file": "f.yaml",
            "passed": True,
            "expected": "audit",
            "got": "audit",
        }

    def test_a_miss_is_1_and_is_listed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run(tmp_path, orjson.dumps(case(NAMED, want_effect="deny"))) == 1
        assert capsys.readouterr().out.splitlines() == [
            "missed f.yaml n: expected deny, got audit",
            "passed 0 of 1",
        ]

    @pytest.mark.parametrize(
        ("document", "part"),
        [
            (5, "part='$'"),
            ({"_suite": 5}, "part='_suite'"),
            ({"policy_rule": 5}, "part='policy_rule'"),
            (case(NAMED, context={"utcNow": "soon"}), "part='context.utcNow'"),
            (case(NAMED, _suite={"aliases": "none.json"}), "none.json"),
        ],
    )
    def test_what_is_not_readable_is_2_and_is_named(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], document: Json, part: str
    ) -> None:
        assert self.run(tmp_path, orjson.dumps(document)) == 2
        assert part in capsys.readouterr().err

    def test_a_file_that_is_not_there_is_2(self, tmp_path: Path) -> None:
        assert main([str(tmp_path / "none"), "--aliases", str(tmp_path)]) == 2
