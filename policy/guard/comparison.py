"""Guard's comparison of what a query found with what it is compared with.

The outcome is how many values passed and failed. A negated comparison turns each over, but never what could not be
compared: that fails both ways.

Source: cfn-guard 3, comparison of query results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from policy.guard.syntax import Constant
from policy.guard.values import ORDERINGS, NotComparable, is_among, is_equal


@dataclass(frozen=True, slots=True)
class Found:
    """A value that a query reached; `is_written` where it stands in the rule."""

    value: Constant
    is_written: bool = False


class Lost(Enum):
    """A query that ended before its end."""

    LOST = "lost"


LOST = Lost.LOST
Result: TypeAlias = Found | Lost


class Shape(Enum):
    """What was compared, which decides how a negation turns it over."""

    VALUE = "value"
    LIST = "list"
    QUERY = "query"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One comparison: `differing` of `left` were not found in `right`."""

    shape: Shape
    holds: bool
    left: Sequence[Constant] = ()
    right: Sequence[Constant] = ()
    differing: Sequence[Constant] = ()

    def statuses(self) -> list[bool]:
        """Whether each value passed."""
        if self.shape is not Shape.QUERY:
            return [self.holds]
        return [True] * len(self.left) if self.holds else [False] * len(self.differing)


_FAILED = Outcome(Shape.NEITHER, holds=False)


def compare(operator: str, left: Sequence[Result], right: Sequence[Result], *, is_negated: bool) -> list[bool]:
    """Whether each compared value passed; neither side is empty."""
    if operator == "==":
        outcomes = _equal(left, right)
    elif operator == "in":
        outcomes = _in(left, right)
    else:
        outcomes = _ordered(operator, left, right)
    if is_negated:
        is_right_larger = operator == "==" and len(right) >= len(left)
        outcomes = [_negated(outcome, is_right_larger=is_right_larger) for outcome in outcomes]
    return [status for outcome in outcomes for status in outcome.statuses()]


def _negated(outcome: Outcome, *, is_right_larger: bool) -> Outcome:
    match outcome.shape:
        case Shape.NEITHER:
            return outcome
        case Shape.VALUE:
            return Outcome(Shape.VALUE, not outcome.holds)
        case Shape.LIST | Shape.QUERY:
            if outcome.holds:
                return Outcome(outcome.shape, False, outcome.left, outcome.right, outcome.left)
            other = outcome.right if is_right_larger and outcome.shape is Shape.QUERY else outcome.left
            met = [value for value in other if not is_among(value, list(outcome.differing))]
            return Outcome(outcome.shape, not met, outcome.left, outcome.right, met)


def _written(results: Sequence[Result]) -> Found | None:
    match results:
        case [Found(_, True) as found]:
            return found
        case _:
            return None


def _values(results: Sequence[Result]) -> list[Constant]:
    return [result.value for result in results if isinstance(result, Found)]


def _one(left: Constant, right: Constant) -> Outcome:
    try:
        return Outcome(Shape.VALUE, is_equal(left, right))
    except NotComparable:
        return _FAILED


def _equal(left: Sequence[Result], right: Sequence[Result]) -> list[Outcome]:
    written_left, written_right = _written(left), _written(right)
    if written_left is not None and written_right is not None:
        return [_one(written_left.value, written_right.value)]
    if written_left is not None:
        lost = [_FAILED for result in right if result is LOST]
        return lost + _equal_written(written_left.value, _values(right))
    if written_right is not None:
        lost = [_FAILED for result in left if result is LOST]
        return lost + _equal_to_written(_values(left), written_right.value)
    return _equal_queries(left, right)


def _equal_written(left: Constant, right: list[Constant]) -> list[Outcome]:
    if isinstance(left, list):
        return [_one(left, each) for each in right]
    return [_one(left, value) for each in right for value in (each if isinstance(each, list) else [each])]


def _equal_to_written(left: list[Constant], right: Constant) -> list[Outcome]:
    if isinstance(right, list):
        single = right[0] if len(right) == 1 else right
        return [_one(each, single if not isinstance(each, list | dict) else right) for each in left]
    return [_one(value, right) for each in left for value in (each if isinstance(each, list) else [each])]


def _lost_pairs(left: Sequence[Result], right: Sequence[Result]) -> list[Outcome]:
    """A lost value on the left fails once, one on the right once for every value on the left."""
    lost_left = sum(result is LOST for result in left)
    lost_right = sum(result is LOST for result in right)
    return [_FAILED] * (lost_left + lost_right * (len(left) - lost_left))


def _equal_queries(left: Sequence[Result], right: Sequence[Result]) -> list[Outcome]:
    lefts, rights = _values(left), _values(right)
    if len(lefts) > len(rights):
        differing = [value for value in lefts if not is_among(value, rights)]
    else:
        differing = [value for value in rights if not is_among(value, lefts)]
    return [*_lost_pairs(left, right), Outcome(Shape.QUERY, not differing, lefts, rights, differing)]


def _in(left: Sequence[Result], right: Sequence[Result]) -> list[Outcome]:
    written_left, written_right = _written(left), _written(right)
    if written_left is not None and written_right is not None:
        within = _text_in(written_left.value, written_right.value)
        return [within if within.holds else _contained(written_left.value, written_right.value)]
    if written_left is not None:
        return _written_in(written_left.value, right)
    if written_right is not None:
        lost = [_FAILED for result in left if result is LOST]
        return lost + [each for value in _values(left) for each in _in_written(value, written_right.value)]
    lefts, rights = _values(left), _values(right)
    differing = [value for value in lefts if not any(_contained(value, each).holds for each in rights)]
    return [*_lost_pairs(left, right), Outcome(Shape.QUERY, not differing, lefts, rights, differing)]


def _written_in(left: Constant, right: Sequence[Result]) -> list[Outcome]:
    lost = [_FAILED for result in right if result is LOST]
    rights = _values(right)
    if isinstance(left, list) and not any(isinstance(each, list) for each in rights):
        differing = [value for value in left if not is_among(value, rights)]
        return [*lost, Outcome(Shape.QUERY, not differing, [left], rights, differing)]
    return lost + [_contained(left, each) for each in rights]


def _in_written(left: Constant, right: Constant) -> list[Outcome]:
    if not isinstance(right, str):
        return [_contained(left, right)]
    return [_text_in(value, right) for value in (left if isinstance(left, list) else [left])]


def _text_in(left: Constant, right: Constant) -> Outcome:
    if isinstance(left, str) and isinstance(right, str):
        return Outcome(Shape.VALUE, left in right)
    return _FAILED


def _contained(left: Constant, right: Constant) -> Outcome:
    if isinstance(left, list):
        return _list_in(left, right) if isinstance(right, list) else _FAILED
    if isinstance(right, list):
        return Outcome(Shape.VALUE, is_among(left, right))
    return _one(left, right)


def _list_in(left: list[Constant], right: list[Constant]) -> Outcome:
    if right and isinstance(right[0], list):
        holds = is_among(left, right)
        return Outcome(Shape.LIST, holds, left, right, () if holds else [left])
    differing = [value for value in left if not is_among(value, right)]
    return Outcome(Shape.LIST, not differing, left, right, differing)


def _ordered(operator: str, left: Sequence[Result], right: Sequence[Result]) -> list[Outcome]:
    lefts = [value for each in _values(left) for value in (each if isinstance(each, list) else [each])]
    rights = [value for each in _values(right) for value in (each if isinstance(each, list) else [each])]
    lost = sum(result is LOST for result in left) + sum(result is LOST for result in right) * len(lefts)
    return [_FAILED] * lost + [_in_order(operator, each, other) for each in lefts for other in rights]


def _in_order(operator: str, left: Constant, right: Constant) -> Outcome:
    try:
        return Outcome(Shape.VALUE, ORDERINGS[operator](left, right))
    except NotComparable:
        return _FAILED
