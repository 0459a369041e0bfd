"""Azure Policy's comparison operators on two values.

Text is compared without case (full Unicode case folding), numbers with numeric text, booleans with ``"true"``
and ``"false"``. A value that is not set equals null, is in no list without null, and is neither less nor greater
than anything. Two texts compare as instants where both are dates, and otherwise as text even where both are numbers
(so that rules pad them).

Source: https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule#conditions
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from domain.value import MISSING, Json, Value

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}.*)?")


def is_equal(left: Value, right: Value) -> bool:
    """Equality with Azure's coercions."""
    if left is MISSING or left is None or right is MISSING or right is None:
        return (left is MISSING or left is None) and (right is MISSING or right is None)
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return _equal_objects(left, right)
    if isinstance(left, bool) or isinstance(right, bool):
        found = boolean(left)
        return found is not None and found == boolean(right)
    numbers = number(left), number(right)
    return numbers[0] is not None and numbers[0] == numbers[1]


def _equal_objects(left: dict[str, Json], right: dict[str, Json]) -> bool:
    folded = {key.casefold(): value for key, value in right.items()}
    return len(left) == len(right) and all(
        key.casefold() in folded and is_equal(value, folded[key.casefold()]) for key, value in left.items()
    )


def boolean(value: Value) -> bool | None:
    """A boolean, or text that is one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.casefold())
    return None


def number(value: Value) -> Decimal | None:
    """A number, or text that is one; exact."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value) is None:
        return None
    found = Decimal(str(value))
    return found if found.is_finite() else None


@lru_cache(maxsize=65_536)
def instant(text: str) -> datetime | None:
    """A date or date-time, or None; without an offset it is UTC."""
    if _DATE.fullmatch(text) is None:
        return None
    trimmed = re.sub(r"(\.\d{6})\d+", r"\1", text.upper())
    try:
        found = datetime.fromisoformat(trimmed)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def order(left: Value, right: Value) -> int | None:
    """-1, 0 or 1, or None where the two have no order."""
    if isinstance(left, str) and isinstance(right, str):
        dates = instant(left), instant(right)
        if dates[0] is not None and dates[1] is not None:
            return (dates[0] > dates[1]) - (dates[0] < dates[1])
        folded = left.casefold(), right.casefold()
        return (folded[0] > folded[1]) - (folded[0] < folded[1])
    numbers = number(left), number(right)
    if numbers[0] is not None and numbers[1] is not None:
        return (numbers[0] > numbers[1]) - (numbers[0] < numbers[1])
    return None


def text_of(value: Value) -> str | None:
    """How a scalar is written where an operator wants text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) else None


def contains(left: Value, right: Value) -> bool:
    """Whether text contains text, or an array contains an element."""
    if isinstance(left, list):
        return any(is_equal(element, right) for element in left)
    texts = text_of(left), text_of(right)
    if texts[0] is None or texts[1] is None:
        return False
    return texts[1].casefold() in texts[0].casefold()


def contains_key(left: Value, right: Value) -> bool:
    """Whether an object has a key."""
    name = text_of(right)
    return isinstance(left, dict) and name is not None and name.casefold() in map(str.casefold, left)


def is_in(left: Value, right: Value) -> bool:
    """Whether a list has an element equal to the value."""
    return isinstance(right, list) and any(is_equal(left, element) for element in right)


def like(left: Value, right: Value) -> bool:
    """Whether text fits a pattern in which ``*`` is any text and ``?`` one character."""
    texts = text_of(left), text_of(right)
    if texts[0] is None or texts[1] is None:
        return False
    return _fits(texts[0].casefold(), texts[1].casefold())


def _fits(text: str, pattern: str) -> bool:
    """Whether the parts between the stars follow one another. Each is looked for once, from where the last ended."""
    first, *others = pattern.split("*")
    if not others:
        return len(text) == len(first) and _stands(text, first, 0)
    *middle, last = others
    at, end = len(first), len(text) - len(last)
    if at > end or not _stands(text, first, 0) or not _stands(text, last, end):
        return False
    for part in middle:
        found = _find(text, part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def _stands(text: str, part: str, at: int) -> bool:
    """Whether a part without stars is at a place."""
    if "?" not in part:
        return text.startswith(part, at)
    return all(wanted in {"?", character} for wanted, character in zip(part, text[at : at + len(part)], strict=True))


def _find(text: str, part: str, start: int, end: int) -> int:
    """Where a part without stars begins, or -1. Places that still fit are bits, so that no place is visited twice."""
    if "?" not in part:
        return text.find(part, start, end)
    masks: dict[str, int] = {}
    any_character = sum(1 << at for at, wanted in enumerate(part) if wanted == "?")
    for at, wanted in enumerate(part):
        masks[wanted] = masks.get(wanted, any_character) | 1 << at
    fitting, done = 0, 1 << (len(part) - 1)
    for at in range(start, end):
        fitting = (fitting << 1 | 1) & masks.get(text[at], any_character)
        if fitting & done:
            return at - len(part) + 1
    return -1


def match(left: Value, right: Value) -> bool:
    """Whether text fits a pattern of ``#`` (digit), ``?`` (letter), ``.`` (any) and literal characters."""
    texts = text_of(left), text_of(right)
    if texts[0] is None or texts[1] is None:
        return False
    return len(texts[0]) == len(texts[1]) and all(map(_matches, texts[0], texts[1]))


def match_insensitively(left: Value, right: Value) -> bool:
    """As `match`, without case."""
    texts = text_of(left), text_of(right)
    if texts[0] is None or texts[1] is None:
        return False
    return match(texts[0].casefold(), texts[1].casefold())


def _matches(character: str, wanted: str) -> bool:
    if wanted == "#":
        return character.isdecimal()
    if wanted == "?":
        return character.isalpha()
    return wanted in {".", character}


def exists(left: Value, right: Value) -> bool:
    """Whether the value is set (null is not) as `right` says it should be."""
    return (left is not MISSING and left is not None) == boolean(right)


def _ordered(*wanted: int) -> Callable[[Value, Value], bool]:
    return lambda left, right: order(left, right) in wanted


def _unless(operator: Callable[[Value, Value], bool]) -> Callable[[Value, Value], bool]:
    return lambda left, right: not operator(left, right)


OPERATORS: Mapping[str, Callable[[Value, Value], bool]] = {
    "equals": is_equal,
    "notequals": _unless(is_equal),
    "like": like,
    "notlike": _unless(like),
    "match": match,
    "notmatch": _unless(match),
    "matchinsensitively": match_insensitively,
    "notmatchinsensitively": _unless(match_insensitively),
    "contains": contains,
    "notcontains": _unless(contains),
    "in": is_in,
    "notin": _unless(is_in),
    "containskey": contains_key,
    "notcontainskey": _unless(contains_key),
    "less": _ordered(-1),
    "lessorequals": _ordered(-1, 0),
    "greater": _ordered(1),
    "greaterorequals": _ordered(0, 1),
    "exists": exists,
}
"""By lower-case name."""
