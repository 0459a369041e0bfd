from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.value import MISSING, Value
from policy.operators import OPERATORS, instant, number, order

TRUE: list[tuple[Value, str, Value]] = [
    ("Straße", "equals", "STRASSE"),
    (443, "equals", "443"),
    (1.0, "equals", 1),
    ("TRUE", "equals", True),
    (MISSING, "equals", None),
    (None, "equals", None),
    (MISSING, "notequals", "x"),
    (True, "notequals", 1),
    ([1, "A"], "equals", ["1", "a"]),
    ({"A": 1}, "equals", {"a": "1"}),
    ([1], "notequals", [1, 2]),
    ("x", "notequals", None),
    ("yes", "notequals", True),
    ({"a": 1}, "notequals", {"b": 1}),
    ("443", "in", [80, 443]),
    (MISSING, "notin", ["a"]),
    (MISSING, "in", [None]),
    ("a", "notin", "abc"),
    ("my-prod-vm", "like", "MY-*-VM"),
    ("vm1", "like", "vm?"),
    ("aXbXc", "like", "*x*c"),
    ("aab", "like", "*ab"),
    (MISSING, "notlike", "*"),
    ("abc", "notlike", "ab"),
    ("abc", "notlike", "abd*"),
    ("ab", "like", "ab**"),
    ("vm-12", "match", "vm-##"),
    ("VM-12", "notmatch", "vm-##"),
    ("VM-a2", "matchinsensitively", "vm-?."),
    (MISSING, "notmatch", "#"),
    (MISSING, "notmatchinsensitively", "#"),
    ("1", "notmatch", "?"),
    ("x", "notmatch", "#"),
    (["eastus", 2], "contains", "EASTUS"),
    (["eastus"], "notcontains", "west"),
    ("Die Straße", "contains", "STRASSE"),
    (True, "contains", "ru"),
    (12, "contains", "2"),
    (MISSING, "notcontains", "x"),
    ({"a": 1}, "containskey", "A"),
    ({"a": 1}, "notcontainskey", "b"),
    ("a", "notcontainskey", "a"),
    ("8080", "greater", 1024),
    (3, "less", 3.5),
    ("90", "greater", "365"),
    ("090", "less", "365"),
    (90, "less", "365"),
    ("b", "greaterorequals", "A"),
    ("2026-01-01T00:00:00.1234567Z", "less", "2026-01-01T01:00:00+00:30"),
    ("2026-01-02", "greater", "2026-01-01T23:59:59Z"),
    (0, "exists", "true"),
    (None, "exists", False),
    (MISSING, "exists", "false"),
]


@pytest.mark.parametrize(("left", "operator", "right"), TRUE)
def test_an_operator_holds(left: Value, operator: str, right: Value) -> None:
    assert OPERATORS[operator](left, right)


@pytest.mark.parametrize(
    "operator", ["less", "lessorequals", "greater", "greaterorequals", "like", "match", "contains"]
)
def test_what_is_not_set_meets_no_positive_operator(operator: str) -> None:
    assert not OPERATORS[operator](MISSING, "x")


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.just(MISSING)), st.text())
def test_each_operator_with_not_is_the_opposite(left: Value, right: str) -> None:
    for name in ("equals", "like", "match", "matchinsensitively", "contains", "in", "containskey"):
        assert OPERATORS[name](left, right) is not OPERATORS[f"not{name}"](left, right)


def test_what_has_no_order_is_neither_less_nor_greater() -> None:
    assert order(True, 1) is None
    assert order([1], [1]) is None
    assert order("x", 1) is None


def test_numbers_and_dates_are_read_strictly() -> None:
    assert number("1e9999999") is None
    assert number(float("nan")) is None
    assert number("12x") is None
    assert instant("2026-13-01") is None
    assert instant("2026") is None


PATTERNS = st.text(alphabet="ab?*", max_size=8)
TEXTS = st.text(alphabet="abc", max_size=10)


@given(TEXTS, PATTERNS)
def test_like_is_what_a_regular_expression_says(text: str, pattern: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    assert OPERATORS["like"](text, pattern) is (re.fullmatch(expression, text, re.DOTALL) is not None)
