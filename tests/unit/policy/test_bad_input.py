"""Rules that are broken on purpose: refused at load with their place, or harmless; none takes long or crashes."""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson
import pytest

from domain.finding import Verdict
from domain.value import Json
from policy.compile import compile_definition
from policy.definition import parse_definition
from policy.document import read_document
from policy.errors import DefinitionError, InvalidDefinition
from policy.operators import OPERATORS
from tests.unit.policy.resources import ALIASES, program, resource, verdict

CPU_S_MAX = 2.0
NAMED: Json = {"field": "name", "equals": "x"}


def bounded(action: Callable[[], object]) -> object:
    """What an action gives; it must not take long. CPU time, so that other work on the machine does not count."""
    start = time.process_time()
    found = action()
    assert time.process_time() - start < CPU_S_MAX
    return found


def refused(action: Callable[[], object]) -> dict[str, object]:
    def attempt() -> DefinitionError:
        with pytest.raises(InvalidDefinition) as caught:
            action()
        return caught.value

    found = bounded(attempt)
    assert isinstance(found, DefinitionError)
    assert {"where", "path", "expected", "todo"} <= set(found.facts)
    assert len(str(found)) < 2_000
    return found.facts


def nested(depth: int, wrap: Callable[[Json], Json], inner: Json) -> Json:
    for _ in range(depth):
        inner = wrap(inner)
    return inner


def counted(inner: Json) -> Json:
    return {"count": {"value": list(range(100)), "where": inner}, "greater": 0}


@pytest.mark.parametrize("text", ["", "{", '{"if": }', '{"if": 1,}', "nul", '{"a": "\\ud800"', "\x00"])
def test_text_that_is_not_json_is_refused(text: str) -> None:
    assert refused(lambda: read_document(text, origin="p.json"))["where"] == "p.json"


def test_a_policy_of_ten_megabytes_is_refused() -> None:
    rule: Json = {"if": {"field": "name", "in": ["x" * 100] * 100_000}, "then": {"effect": "audit"}}
    text = orjson.dumps(rule).decode()
    assert len(text) > 10_000_000
    assert refused(lambda: read_document(text, origin="p.json"))["got"] == len(text)


@pytest.mark.parametrize(
    "condition",
    [
        {"allOf": [NAMED] * 10_000},
        nested(3, counted, NAMED),
        {"anyOf": [counted(NAMED)] * 100},
        nested(1_000, lambda inner: {"not": inner}, NAMED),
        nested(150, lambda inner: {"allOf": [inner]}, NAMED),
        nested(100, lambda inner: {"count": {"field": "r[*]", "where": inner}, "greater": 0}, NAMED),
        {"value": nested(300, lambda inner: [inner], 1), "equals": 1},
        {"value": "[" + "not(" * 500 + "true()" + ")" * 500 + "]", "equals": True},
        {"value": "[field('tags')" + ".a" * 5_000 + "]", "equals": True},
        {"value": "[field('tags')" + "[0]" * 5_000 + "]", "equals": True},
        {"value": "[frobnicate()]", "equals": 1},
        {"value": "[length()]", "equals": 1},
        {"value": "[length(1, 2)]", "equals": 1},
        {"value": "[concat('a'", "equals": 1, "x": 1},
        {"value": "[concat('a']", "equals": 1},
        {"value": "[concat('a)]", "equals": 1},
        {"value": "[parameters('none')]", "equals": 1},
        {"value": "[parameters(parameters('a'))]", "equals": 1},
        {"value": "[current()]", "equals": 1},
        {"field": "['", "equals": 1},
        {"field": "a..b", "equals": 1},
        {"field": "name", "in": "x" * 1_000_000},
    ],
)
def test_a_hostile_rule_is_refused_with_its_place(condition: Json) -> None:
    assert str(refused(lambda: program(condition))["path"]).startswith("$")


@pytest.mark.parametrize(
    ("kind", "value"),
    [("String", 5), ("Array", "x"), ("Boolean", "maybe"), ("DateTime", "soon"), ("Object", [])],
)
def test_a_parameter_of_another_type_is_refused(kind: str, value: Json) -> None:
    declared: Json = {"a": {"type": kind}}
    with pytest.raises(InvalidDefinition) as caught:
        program(NAMED, declared=declared, parameters={"a": value})
    assert (caught.value.facts["parameter"], caught.value.facts["expected"]) == ("a", kind.lower())


def test_a_parameter_that_names_itself_is_only_text() -> None:
    declared: Json = {"a": {"type": "String", "defaultValue": "[parameters('a')]"}}
    condition: Json = {"value": "[parameters('a')]", "equals": "x"}
    assert verdict(condition, resource({}), declared=declared) is Verdict.COMPLIANT


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "name", "like": "*a" * 5_000 + "b"},
        {"field": "name", "like": "*" * 100_000 + "b"},
        {"field": "name", "like": "*" + "?b" * 5_000 + "*"},
        {"field": "name", "match": "#" * 100_000},
        {
            "value": "[replace(replace(replace('aaaaaaaa', 'a', field('name')), 'a', field('name')), 'a', 'x')]",
            "equals": 1,
        },
        {"value": "[length(join(range(0, 100000), field('name')))]", "equals": 1},
        {"value": "[format('{0}{0}{0}{0}', format('{0}{0}{0}{0}', field('name')))]", "equals": 1},
        {"value": "[padLeft('', 1000000000, field('name'))]", "equals": 1},
        {"value": "[range(0, 1000000000)]", "equals": 1},
        {"value": "[int(field('name'))]", "equals": 1},
        {"field": "name", "equals": 1},
    ],
)
def test_a_hostile_pattern_or_value_is_harmless(condition: Json) -> None:
    item = resource({"name": "a" * 100_000})
    assert bounded(lambda: verdict(condition, item)) is Verdict.COMPLIANT


def test_more_values_than_can_be_counted_are_not_counted() -> None:
    count: Json = {"value": "[split(field('name'), 'a')]", "where": {"value": "[current()]", "equals": ""}}
    item = resource({"name": "a" * 100_000})
    assert bounded(lambda: verdict({"count": count, "less": 1}, item)) is Verdict.UNKNOWN


def test_like_takes_time_that_grows_no_faster_than_text_and_pattern() -> None:
    def cpu_s(size: int) -> float:
        start = time.process_time()
        for _ in range(3):
            assert not OPERATORS["like"]("a" * size, "*a" * (size // 4) + "*?b*c")
        return time.process_time() - start

    cpu_s(10_000)
    assert cpu_s(160_000) < 16 * 8 * max(cpu_s(10_000), 0.001)


def test_a_thousand_levels_of_an_unrelated_part_are_refused() -> None:
    document: Json = {"if": NAMED, "then": {"effect": "audit"}, "x": nested(1_000, lambda inner: [inner], 1)}
    facts = refused(lambda: compile_definition(parse_definition(document, origin="p.json"), ALIASES))
    assert facts["path"] == "$"
