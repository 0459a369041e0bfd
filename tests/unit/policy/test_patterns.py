from __future__ import annotations

import time

import pytest

from policy.errors import InvalidDefinition, UnsupportedDefinition
from policy.patterns import SIZE_MAX, Pattern, is_linear, pattern


@pytest.mark.parametrize(
    ("text", "is_cheap"),
    [
        ("^a+$", True),
        ("^(?!x).*$", True),
        ("(?:ab){2}c", True),
        ("(a+)+$", False),
        ("(ab|cd)*c", False),
        (".*x.*", False),
        ("(a{0,9}){0,9}", False),
        (r"(a)\1", True),
    ],
)
def test_only_patterns_with_cheap_backtracking_are_matched_by_backtracking(text: str, is_cheap: bool) -> None:
    assert is_linear(text) is is_cheap


@pytest.mark.parametrize("text", ["(a+)+$", "(a|aa)+$", "(a|a)*b", "(.*)*(.*)*x"])
def test_a_hostile_pattern_takes_no_time(text: str) -> None:
    start = time.process_time()
    Pattern(text).found_in("a" * 5000 + "!")

    assert time.process_time() - start < 1


def test_both_matchers_ignore_case_and_know_the_start() -> None:
    assert Pattern("^ab+$", ignores_case=True).found_in("ABB")
    assert Pattern("(ab|cd|b)+$", ignores_case=True).found_in("xAB")
    assert not Pattern("(ab|cd|b)+$").fits_start("xab")
    assert not Pattern("b").fits_start("ab")


def test_matches_are_rewritten() -> None:
    assert Pattern("(a)(b+)").rewritten("abb-ab", r"\2\1") == ["bba", "ba"]


def test_what_cannot_be_matched_safely_is_refused() -> None:
    with pytest.raises(UnsupportedDefinition):
        pattern("(?=a)(bc|d)*", where="here")
    with pytest.raises(UnsupportedDefinition):
        Pattern("(?=a)b").rewritten("ab", "")
    with pytest.raises(InvalidDefinition):
        pattern("[", where="here")
    with pytest.raises(InvalidDefinition):
        pattern("a" * (SIZE_MAX + 1), where="here")
