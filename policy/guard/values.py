"""When two values are equal or ordered in Guard's eyes. Kinds without a common order are not comparable.

A boolean is no number. Text fits a pattern where some part of it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from policy.guard.syntax import Constant, Range
from policy.patterns import Pattern


class NotComparable(Exception):
    """The two values are of kinds that cannot be compared."""


class Unanswerable(Exception):
    """A clause asks a value something that its kind has no answer to."""


def is_number(value: Constant) -> bool:
    """Whether it is a number and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_equal(left: Constant, right: Constant) -> bool:  # noqa: PLR0911 (one line per pair of kinds)
    """Equality.

    Raises:
        NotComparable: the kinds do not fit.
    """
    if isinstance(left, str) and isinstance(right, Pattern):
        return right.found_in(left)
    if isinstance(left, Pattern) and isinstance(right, str):
        return left.found_in(right)
    if isinstance(left, Pattern) and isinstance(right, Pattern):
        return left == right
    if isinstance(left, dict) and isinstance(right, dict):
        return len(left) == len(right) and all(k in right and is_equal(v, right[k]) for k, v in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_equal, left, right))
    if isinstance(left, bool) and isinstance(right, bool):
        return left == right
    if isinstance(right, Range) and is_number(left):
        return left in right  # type: ignore[operator]
    return order(left, right) == 0


def order(left: Constant, right: Constant) -> int:
    """-1, 0 or 1.

    Raises:
        NotComparable: the kinds have no order.
    """
    if left is None and right is None:
        return 0
    if is_number(left) and is_number(right):
        return (left > right) - (left < right)  # type: ignore[operator]
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    raise NotComparable


def is_same(left: Constant, right: Constant) -> bool:
    """Equality, false where the two are not comparable."""
    try:
        return is_equal(left, right)
    except NotComparable:
        return False


def is_among(value: Constant, values: list[Constant]) -> bool:
    """Whether a list has an equal value."""
    return any(is_same(each, value) for each in values)


ORDERINGS: Final[Mapping[str, Callable[[Constant, Constant], bool]]] = {
    "<": lambda left, right: order(left, right) < 0,
    "<=": lambda left, right: order(left, right) <= 0,
    ">": lambda left, right: order(left, right) > 0,
    ">=": lambda left, right: order(left, right) >= 0,
}


def is_empty(value: Constant) -> bool:
    """Whether a list, map or text has nothing in it.

    Raises:
        Unanswerable: another kind of value, which is never empty.
    """
    if isinstance(value, list | dict | str):
        return not value
    raise Unanswerable(f"empty does not apply to {type(value).__name__}")


KINDS: Final[Mapping[str, Callable[[Constant], bool]]] = {
    "is_string": lambda value: isinstance(value, str),
    "is_list": lambda value: isinstance(value, list),
    "is_struct": lambda value: isinstance(value, dict),
    "is_map": lambda value: isinstance(value, dict),
    "is_bool": lambda value: isinstance(value, bool),
    "is_boolean": lambda value: isinstance(value, bool),
    "is_int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "is_float": lambda value: isinstance(value, float),
    "is_null": lambda value: value is None,
}
