"""Cloud Custodian's value filter on one value, exactly: its operators, value types and shorthand words.

What fails there with a type error is no match here. Text without an offset is taken as UTC.

Source: https://cloudcustodian.io/docs/filters.html
"""

from __future__ import annotations

import fnmatch
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import total_ordering
from typing import Any, Final

from dateutil.parser import parse

from domain.value import MISSING, Value
from policy.custodian.keys import search
from policy.patterns import Pattern

EPOCH_MIN: Final = 1_142_726_400.0
"""Numbers below are no moments: 19 March 2006, in seconds since 1970."""

WORDS: Final = frozenset({"absent", "present", "not-null", "empty"})
TIMED: Final = frozenset({"age", "expiration", "date"})
"""Value types whose answer depends on the time, or on a date that a text may leave out."""


def matches(left: Value, right: Value) -> bool:
    """Whether the value of a resource passes a filter.

    Args:
        left: what was read: a value, or a list of them where `right` says so.
        right: the filter, or a list of it and the time.
    """
    assert isinstance(right, dict | list)
    plan, now = (right, None) if isinstance(right, dict) else (right[0], _moment_of(right[1]))
    assert isinstance(plan, dict)
    value: Any = None if left is MISSING else left
    with suppress(TypeError, ValueError, AttributeError, OverflowError, ZeroDivisionError, RecursionError):
        return bool(_TESTS[str(plan["test"])](plan, value, now))
    return False


def _moment_of(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def _value(plan: Mapping[str, Any], read: Any, now: datetime | None) -> bool:
    values = read if plan.get("several") else [read]
    found = _resolved(plan["key"], values)
    expected = _resolved(plan["other"], values) if "other" in plan else plan["value"]
    return value_matches(plan, found, expected, now)


def _resolved(key: Mapping[str, Any], values: list[Any]) -> Any:
    """What a key finds: a value that was read, or an expression on a document made of several."""
    if "tag" in key:
        tags = values[key["at"][0]]
        return tags.get(key["tag"]) if isinstance(tags, dict) else None
    if not key["expression"]:
        return values[key["at"][0]]
    document: dict[str, Any] = {}
    for at, chain in zip(key["at"], key["chains"], strict=True):
        _put(document, chain, values[at])
    return search(key["expression"], document)


def _put(document: dict[str, Any], chain: list[str], value: Any) -> None:
    for name in chain[:-1]:
        document = document.setdefault(name, {})
    document[chain[-1]] = value


def value_matches(plan: Mapping[str, Any], found: Any, expected: Any, now: datetime | None) -> bool:
    """The value filter on a value."""
    if plan.get("value_regex") and found is not None:
        found = Pattern(plan["value_regex"]).captured(found) if isinstance(found, str) else None
    name, kind = plan.get("op"), plan.get("value_type")
    if name in {"in", "not-in"} and found is None:
        found = ()
    if kind is not None:
        expected, found = _CONVERSIONS[kind](expected, found, now)
    if isinstance(expected, str) and expected in WORDS and _is_word(expected, found):
        return True
    if name:
        return bool(OPERATORS[name](found, expected))
    return bool(found == expected)


def _is_word(word: str, found: Any) -> bool:
    if word in {"absent", "present"}:
        return (found is None) == (word == "absent")
    return bool(found) == (word == "not-null")


def _glob(value: Any, pattern: Any) -> bool:
    return isinstance(value, str) and fnmatch.fnmatchcase(value, pattern)


def _regex(*, ignores_case: bool) -> Callable[[Any, Any], bool]:
    return lambda value, text: isinstance(value, str) and Pattern(text, ignores_case).fits_start(value)


OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "eq": operator.eq,
    "equal": operator.eq,
    "ne": operator.ne,
    "not-equal": operator.ne,
    "gt": operator.gt,
    "greater-than": operator.gt,
    "ge": operator.ge,
    "gte": operator.ge,
    "le": operator.le,
    "lte": operator.le,
    "lt": operator.lt,
    "less-than": operator.lt,
    "glob": _glob,
    "regex": _regex(ignores_case=True),
    "regex-case": _regex(ignores_case=False),
    "in": lambda value, among: value in among,
    "ni": lambda value, among: value not in among,
    "not-in": lambda value, among: value not in among,
    "contains": operator.contains,
    "difference": lambda value, other: bool(set(value).difference(other)),
    "intersect": lambda value, other: bool(set(value).intersection(other)),
    "mod": lambda value, by: bool(value % by),
}


def moment(value: Any, now: datetime | None) -> datetime | None:
    """A moment from text, or from seconds or milliseconds since 1970."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and not value.isdigit():
        with suppress(TypeError, ValueError, AttributeError, OverflowError):
            return _utc(parse(value, default=_midnight(now)))
    if not isinstance(value, int | float | str):
        return None
    for scale in (1, 1000):
        with suppress(ValueError, OverflowError, OSError):
            if float(value) > EPOCH_MIN:
                return datetime.fromtimestamp(float(value) / scale, UTC)
    return None


def _midnight(now: datetime | None) -> datetime | None:
    return None if now is None else now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def _utc(found: datetime) -> datetime:
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _integer(expected: Any, found: Any, _now: datetime | None) -> tuple[Any, Any]:
    try:
        return expected, int(str(found).strip())
    except ValueError:
        return expected, 0


def _float(expected: Any, found: Any, _now: datetime | None) -> tuple[Any, Any]:
    try:
        return expected, float(str(found).strip())
    except ValueError:
        return expected, 0.0


def _size(expected: Any, found: Any, _now: datetime | None) -> tuple[Any, Any]:
    try:
        return expected, len(found)
    except TypeError:
        return expected, 0


def _unique_size(expected: Any, found: Any, _now: datetime | None) -> tuple[Any, Any]:
    try:
        return expected, len(set(found))
    except TypeError:
        return expected, 0


def _normalize(expected: Any, found: Any, _now: datetime | None) -> tuple[Any, Any]:
    return expected, found.strip().lower() if isinstance(found, str) else found


def _swap(expected: Any, found: Any, _now: datetime | None) -> tuple[Any, Any]:
    return found, expected


def _date(expected: Any, found: Any, now: datetime | None) -> tuple[Any, Any]:
    return moment(expected, now), moment(found, now)


def _age(expected: Any, found: Any, now: datetime | None) -> tuple[Any, Any]:
    assert now is not None
    return moment(found, now) or 0, now - timedelta(expected)


def _expiration(expected: Any, found: Any, now: datetime | None) -> tuple[Any, Any]:
    assert now is not None
    return now + timedelta(expected), moment(found, now) or 0


def _cidr(expected: Any, found: Any, _now: datetime | None) -> tuple[Any, Any]:
    wanted, given = _network(expected), _network(found)
    if isinstance(wanted, ipaddress.IPv4Address | ipaddress.IPv6Address) and isinstance(given, _Network):
        return given, wanted
    return wanted, given


def _cidr_size(expected: Any, found: Any, _now: datetime | None) -> tuple[Any, Any]:
    network = _network(found)
    return expected, network.prefixlen if isinstance(network, _Network) else 0


class _Network(ipaddress.IPv4Network):
    """A range of addresses that also contains ranges."""

    def __contains__(self, other: object) -> bool:
        if isinstance(other, _Network):
            return self.supernet_of(other)
        return other is not None and super().__contains__(other)


class _Networks:
    """Several ranges and addresses."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def __contains__(self, other: object) -> bool:
        return other is not None and any(
            other in part if isinstance(part, _Network) else other == part for part in self.parts if part is not None
        )


def _network(text: Any) -> Any:
    if isinstance(text, list):
        return _Networks([_network(each) for each in text])
    try:
        return _Network(text) if "/" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


@total_ordering
class _Version:
    """A version number in any spelling: runs of digits compare as numbers, of letters as text."""

    def __init__(self, text: Any) -> None:
        parts = (part for part in re.split(r"(\d+|[a-z]+|\.)", text) if part and part != ".")
        self.parts: list[int | str] = [int(part) if part.isdecimal() else part for part in parts]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Version) and self.parts == other.parts

    def __lt__(self, other: _Version) -> bool:
        return self.parts < other.parts

    __hash__ = None  # type: ignore[assignment]


def _version(expected: Any, found: Any, _now: datetime | None) -> tuple[Any, Any]:
    return _Version(expected), _Version(found)


def _as_is(expected: Any, found: Any, _now: datetime | None) -> tuple[Any, Any]:
    return expected, found


_CONVERSIONS: Final[Mapping[str, Callable[[Any, Any, datetime | None], tuple[Any, Any]]]] = {
    "age": _age,
    "cidr": _cidr,
    "cidr_size": _cidr_size,
    "date": _date,
    "expiration": _expiration,
    "expr": _as_is,
    "float": _float,
    "integer": _integer,
    "normalize": _normalize,
    "size": _size,
    "swap": _swap,
    "unique_size": _unique_size,
    "version": _version,
}
VALUE_TYPES: Final = frozenset(_CONVERSIONS)


def _tag_count(plan: Mapping[str, Any], tags: Any, _now: datetime | None) -> bool:
    own = sum(not key.startswith("aws:") for key in tags or {})
    return bool(OPERATORS[plan["op"]](own, plan["count"]))


def _marked(plan: Mapping[str, Any], tags: Any, now: datetime | None) -> bool:
    """Whether the day that a tag such as ``Resource marked: stop@2026/01/31`` names has come."""
    text = tags.get(plan["tag"]) if isinstance(tags, dict) else None
    if not isinstance(text, str) or ":" not in text or "@" not in text:
        return False
    action, _, day = text.rpartition(":")[2].strip().partition("@")
    due = moment(day, now) if action == plan["op"] else None
    return due is not None and now is not None and now >= due - timedelta(days=plan["skew"], hours=plan["skew_hours"])


def _list_item(plan: Mapping[str, Any], read: Any, now: datetime | None) -> bool:
    items = _resolved(plan["key"], read if plan.get("several") else [read])
    count = sum(all(holds(each, item, now) for each in plan["attrs"]) for item in items or ())
    if "count" in plan:
        return bool(OPERATORS[plan["count_op"]](count, plan["count"]))
    return count > 0


def holds(plan: Mapping[str, Any], element: Any, now: datetime | None) -> bool:
    """A filter on one element of a list, by the expressions of its keys."""
    test = plan["test"]
    if test == "or":
        return any(holds(each, element, now) for each in plan["parts"])
    if test == "and":
        return all(holds(each, element, now) for each in plan["parts"])
    if test == "not":
        return not all(holds(each, element, now) for each in plan["parts"])
    if test == "list-item":
        return _list_item({**plan, "key": {"at": [0], "expression": ""}}, search(plan["text"], element), now)
    with suppress(TypeError, ValueError, AttributeError, OverflowError, ZeroDivisionError):
        expected = search(plan["other_text"], element) if "other_text" in plan else plan["value"]
        return value_matches(plan, search(plan["text"], element), expected, now)
    return False


def _counted(plan: Mapping[str, Any], count: Any, _now: datetime | None) -> bool:
    return bool(OPERATORS[plan["op"]](count, plan["count"]))


_TESTS: Final[Mapping[str, Callable[[Mapping[str, Any], Any, datetime | None], bool]]] = {
    "count": _counted,
    "list-item": _list_item,
    "marked-for-op": _marked,
    "tag-count": _tag_count,
    "value": _value,
}

MATCHERS: Final[Mapping[str, Callable[[Value, Value], bool]]] = {"custodian": matches}
"""Operators that conditions compiled from Cloud Custodian use."""


def expected_of(plan: Value) -> Value:
    """What a filter expects, for readers: its value or its count, else its test."""
    said = plan[0] if isinstance(plan, list) else plan
    assert isinstance(said, dict)
    for name in ("value", "count", "op"):
        if said.get(name) is not None:
            return said[name]
    return str(said["test"])
