from __future__ import annotations

import pytest

from domain.finding import Verdict
from domain.value import Json
from policy.errors import DefinitionError, InvalidDefinition, UnsupportedDefinition
from policy.expression import is_expression, parse_expression, unescaped
from tests.unit.policy.resources import holds, program, resource, verdict

ANSWERS: list[tuple[str, Json]] = [
    ("add(1, '2')", 3),
    ("sub(5, 3)", 2),
    ("mul(2, -3)", -6),
    ("div(-7, 2)", -3),
    ("mod(-7, 2)", -1),
    ("div(1, 0)", None),
    ("min(3, 1, 2)", 1),
    ("min('x')", None),
    ("intersection(createObject('a', 1), 'x')", None),
    ("max(createArray(3, '5'))", 5),
    ("float('1.5')", 1.5),
    ("int('3.7')", 3),
    ("int('x')", None),
    ("bool('true')", True),
    ("bool(0)", False),
    ("string(createObject('a', 1))", '{"a":1}'),
    ("string(true)", "true"),
    ("array('x')", ["x"]),
    ("array(createArray())", []),
    ("length(createObject('a', 1))", 1),
    ("length(5)", None),
    ("length(createObject('a'))", None),
    ("first('hello')", "h"),
    ("last(createArray(1, 2))", 2),
    ("first(createArray())", None),
    ("first(5)", None),
    ("last('abc')", "c"),
    ("concat('a', 'b')", "ab"),
    ("concat(createArray(1), createArray(2))", [1, 2]),
    ("concat(createObject(), 'a')", None),
    ("split('a,b;c', createArray(',', ';'))", ["a", "b", "c"]),
    ("split(createObject('a', 1), ',')", None),
    ("split('a', '')", ["a"]),
    ("join(createArray('a', 'b'), '-')", "a-b"),
    ("replace('a-b', '-', '_')", "a_b"),
    ("substring('hello', 1, 2)", "el"),
    ("substring('hello', 3)", "lo"),
    ("substring('hello', 9)", None),
    ("take('abc', 2)", "ab"),
    ("take(createArray(1, 2), -1)", []),
    ("skip('abc', 2)", "c"),
    ("skip(createArray(1, 2), 1)", [2]),
    ("trim('  a ')", "a"),
    ("toUpper('a')", "A"),
    ("toLower('A')", "a"),
    ("padLeft('5', 3, '0')", "005"),
    ("padLeft('5', 1000000)", None),
    ("range(2, 3)", [2, 3, 4]),
    ("range(0, 1000000)", None),
    ("indexOf('Hello', 'L')", 2),
    ("indexOf(createArray('a', 'b'), 'B')", 1),
    ("indexOf(createArray('a'), 'c')", -1),
    ("lastIndexOf('hello', 'l')", 3),
    ("lastIndexOf(createArray('a', 'a'), 'a')", 1),
    ("startsWith('AbC', 'ab')", True),
    ("endsWith('AbC', 'BC')", True),
    ("contains(createArray('a'), 'A')", True),
    ("contains(createObject('a', 1), 'A')", True),
    ("contains('abc', 'B')", True),
    ("empty('')", True),
    ("empty(null())", True),
    ("equals('A', 'a')", True),
    ("not(false())", True),
    ("and(true(), 'true')", True),
    ("or(false, 1)", True),
    ("less(1, 2)", True),
    ("lessOrEquals('b', 'a')", False),
    ("greater('a', 1)", None),
    ("greaterOrEquals(2, 2)", True),
    ("if(equals(1, 1), 'a', 'b')", "a"),
    ("if('maybe', 'a', 'b')", None),
    ("coalesce(null, 'x')", "x"),
    ("coalesce(null)", None),
    ("union(createArray(1, 2), createArray(2, 3))", [1, 2, 3]),
    ("union(createObject('a', 1), createObject('b', 2))", {"a": 1, "b": 2}),
    ("union(createObject('a', 1), createObject('a', 2))", {"a": 2}),
    ("intersection(createArray('a', 'b'), createArray('B'))", ["b"]),
    ("intersection(createObject('a', 1, 'b', 2), createObject('a', 1))", {"a": 1}),
    ("json('{\"a\": [1]}').a[0]", 1),
    ("tryGet(createObject('a', createArray(5)), 'a', 0)", 5),
    ("tryGet(createObject(), 'a')", None),
    ("createArray(1)[3]", None),
    ("format('{0} and {1}', 'a', 1)", "a and 1"),
    ("base64('hello')", "aGVsbG8="),
    ("base64ToString('aGVsbG8=')", "hello"),
    ("base64ToString('?')", None),
    ("base64ToJson('eyJrIjoxfQ==').K", 1),
    ("dataUriToString(dataUri('hi'))", "hi"),
    ("dataUriToString('data:,a%20b')", "a b"),
    ("uri('https://a.example/b/', 'c')", "https://a.example/b/c"),
    ("uriComponentToString(uriComponent('a b'))", "a b"),
    ("addDays('2026-01-31T00:00:00Z', 1)", "2026-02-01T00:00:00Z"),
    ("addDays('2026-01-31', 1, 'yyyy/MM/dd HH:mm:ss.fffK')", "2026/02/01 00:00:00.000Z"),
    ("addDays('x', 1)", None),
    ("addDays('2026-01-31', 'x')", None),
    ("dateTimeAdd('2026-01-31', 'P1M')", "2026-02-28T00:00:00Z"),
    ("dateTimeAdd('2026-01-15T12:00:00Z', '-P1DT2H')", "2026-01-14T10:00:00Z"),
    ("dateTimeAdd('2026-01-15', 'soon')", None),
    ("dateTimeToEpoch('1970-01-02')", 86400),
    ("dateTimeFromEpoch(86400)", "1970-01-02T00:00:00Z"),
    ("ipRangeContains('10.0.0.0/8', '10.1.0.0/16')", True),
    ("ipRangeContains('10.0.0.1-10.0.0.9', '10.0.0.10')", False),
    ("ipRangeContains('::/0', '10.0.0.1')", False),
    ("ipRangeContains('10.0.0.0/8', 5)", None),
    ("parseCidr('10.144.0.0/20').firstUsable", "10.144.0.1"),
    ("parseCidr('10.144.0.0/20').lastUsable", "10.144.15.254"),
    ("parseCidr('10.144.0.0/20').cidr", 20),
    ("parseCidr('10.0.0.0/31').lastUsable", "10.0.0.1"),
    ("parseCidr('2001:db8::/64').lastUsable", "2001:db8::ffff:ffff:ffff:ffff"),
    ("parseCidr(5)", None),
    ("parseCidr('x')", None),
    ("cidrSubnet('10.144.0.0/20', 24, 1)", "10.144.1.0/24"),
    ("cidrSubnet('10.144.0.0/20', 24, 16)", None),
    ("cidrSubnet('10.144.0.0/20', 8, 0)", None),
    ("cidrSubnet('2001:db8::/32', 48, 1)", "2001:db8:1::/48"),
    ("cidrSubnet('10.144.0.0/20', '24', 1)", None),
    ("cidrHost('10.144.3.0/24', 4)", "10.144.3.5"),
    ("cidrHost('10.144.3.0/24', 254)", None),
    ("indexFromEnd(createArray(1, 2, 3), 2)", 2),
    ("indexFromEnd(createArray(1), 2)", None),
    ("tryIndexFromEnd(createArray(1, 2, 3), 1)", 3),
    ("tryIndexFromEnd(createArray(1), 5)", None),
    ("tryIndexFromEnd('x', 1)", None),
    ("items(createObject('b', 2, 'a', 1))[0].key", "a"),
    ("objectKeys(createObject('b', 2, 'a', 1))", ["a", "b"]),
    ('union(json(\'{"a": {"b": 1}}\'), json(\'{"a": {"c": 2}}\')).a', {"b": 1, "c": 2}),
    ('shallowMerge(createArray(json(\'{"a": {"b": 1}}\'), json(\'{"a": {"c": 2}}\'))).a', {"c": 2}),
    ("format('{0}{1}', 'a')", None),
    ("format('{{0}} {0:D3} {1:N1} {2:x} {0,4}|{0,-3}|', 5, 1234.56, 255)", "{0} 005 1,234.6 FF    5|5  |"),
    ("format('{0:D2} {0:F}', -5)", "-05 -5.00"),
    ("format('{0:D2}', 'x')", "x"),
    ("format('{0:Q}', 1)", None),
    ("format('{0:D100}', 1)", None),
    ("add(1.5, 2)", 3.5),
    ("mul(2, 3.5)", 7),
    ("union(createObject('a', 1), createObject('A', 2))", {"a": 2}),
    ("intersection(createObject('a', 1), createObject('A', 1))", {"a": 1}),
    ("addDays('2026-01-31', 1, 'd')", "2/1/2026"),
    ("addDays('2026-01-31', 1, 'R')", "Sun, 01 Feb 2026 00:00:00 GMT"),
    ("addDays('2026-01-31T15:04:05Z', 1, 'dddd d MMMM h:m:s tt')", "Sunday 1 February 3:4:5 PM"),
    ("format('{1}{0}{1}', '{1}', 'b')", "b{1}b"),
    ("replace('abc', '', 'x')", None),
]


@pytest.mark.parametrize(("expression", "answer"), ANSWERS)
def test_a_function_answers(expression: str, answer: Json) -> None:
    operator = "in" if isinstance(answer, list | dict) else "equals"
    expected: Json = [answer] if operator == "in" else answer
    assert holds({"value": f"[{expression}]", operator: expected})


def test_names_of_functions_are_read_without_case() -> None:
    assert holds({"value": "[ToLower('A')]", "equals": "a"})


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("[frobnicate(1)]", InvalidDefinition),
        ("[reference('x')]", UnsupportedDefinition),
        ("[listKeys('x')]", UnsupportedDefinition),
        ("[policy('x')]", InvalidDefinition),
        ("[length()]", InvalidDefinition),
        ("[utcNow(1, 2)]", InvalidDefinition),
        ("[length('a']", InvalidDefinition),
        ("[length('a') x]", InvalidDefinition),
        ("[a.]", InvalidDefinition),
        ("['a'.]", InvalidDefinition),
        ("[ ? ]", InvalidDefinition),
        ("[]", InvalidDefinition),
        ("[word]", InvalidDefinition),
        ("[field(1)]", InvalidDefinition),
        ("[field(field('name'))]", UnsupportedDefinition),
        ("[parameters('no')]", InvalidDefinition),
        ("[current()]", InvalidDefinition),
        ("[" + "not(" * 200 + "true" + ")" * 200 + "]", InvalidDefinition),
    ],
)
def test_an_expression_that_cannot_be_understood_is_refused(expression: str, error: type[DefinitionError]) -> None:
    with pytest.raises(error) as caught:
        program({"value": expression, "equals": 1})
    assert caught.value.facts["todo"]


def test_two_brackets_escape_a_literal() -> None:
    assert not is_expression("[[x]")
    assert unescaped("[[x]") == "[x]"
    assert holds({"value": "[[x]", "equals": "[[x]"})
    assert str(parse_expression("['it''s']", where="here")) == 'Text(value="it\'s")'


def test_a_function_without_an_answer_yields_nothing() -> None:
    assert holds({"value": "[length(5)]", "exists": False})


@pytest.mark.parametrize("text", ["[uniqueString('a')]", "[guid('a', 'b')]", "[policy().definitionId]"])
def test_what_only_azure_knows_is_unknown(text: str) -> None:
    assert verdict({"value": text, "equals": "x"}, resource()) is Verdict.UNKNOWN


def test_an_expression_without_a_result_equals_empty_text_and_a_field_does_not() -> None:
    assert holds({"value": "[field('tags.a')]", "equals": ""})
    assert not holds({"value": "[field('tags.a')]", "notEquals": ""})
    assert not holds({"value": "[field('tags.a')]", "exists": True})
    assert not holds({"field": "tags.a", "equals": ""})
    assert holds({"value": "[if(equals(field('tags.a'), ''), 0, 1)]", "equals": 0})
