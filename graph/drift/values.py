"""Values in the one form in which equal ones are equal: numbers in text, times, addresses, quantities, policies.

Everything here is a function of one value; what a path is to be treated as is decided by the tables.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import orjson

from domain.resource import resource_key
from domain.value import Json

_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_ADDRESS = re.compile(r"[0-9a-fA-F:.]+(/\d{1,3})?")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_ISO_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_ACCOUNT_ROOT = re.compile(r"arn:[\w-]+:iam::(\d{12}):root")
_SPLIT = re.compile(r"[:/]+")

SIZES: Final[Mapping[str, int]] = {
    "": 1,
    "b": 1,
    **{unit: 1000**power for power, unit in enumerate(("k", "m", "g", "t", "p"), 1)},
    **{f"{unit}b": 1000**power for power, unit in enumerate(("k", "m", "g", "t", "p"), 1)},
    **{f"{unit}i": 1024**power for power, unit in enumerate(("k", "m", "g", "t", "p"), 1)},
    **{f"{unit}ib": 1024**power for power, unit in enumerate(("k", "m", "g", "t", "p"), 1)},
}
"""Bytes by unit, folded: decimal and binary prefixes."""

SECONDS: Final[Mapping[str, float]] = {
    "ms": 0.001, "": 1, "s": 1, "sec": 1, "seconds": 1, "m": 60, "min": 60, "minutes": 60, "h": 3600, "hours": 3600,
    "d": 86400, "days": 86400, "w": 604800,
}  # fmt: skip

REMOVED: Final = "[removed:"
"""How a value that was a secret begins; nothing can be said of it."""


def scalar(value: Json, *, is_caseless: bool) -> Json:
    """A plain value: `"true"` is true, `"300"` and 300.0 are 300, times are in UTC, addresses in their short form."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if not isinstance(value, str):
        return value
    text = value.strip()
    lowered = text.lower()
    if lowered in {"true", "false"}:
        return lowered == "true"
    if text[:1].isdigit() or text[:1] in "-:":
        return _from_digits(text, is_caseless=is_caseless)
    return lowered if is_caseless else text


def _from_digits(text: str, *, is_caseless: bool) -> Json:
    if _WHOLE.fullmatch(text):
        return int(text)
    if _TIME.fullmatch(text):
        return instant(text)
    if _ADDRESS.fullmatch(text) and (":" in text or text.count(".") == 3):
        return address(text)
    return text.lower() if is_caseless else text


def instant(text: str) -> str:
    """A time in UTC, to the second: some shapes cut the fraction."""
    try:
        found = datetime.fromisoformat(text.replace(" ", "T", 1))
    except ValueError:
        return text
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def address(text: str) -> str:
    """An address or block in its short form; a block as it is written where its host bits are set."""
    try:
        if "/" in text:
            return str(ipaddress.ip_interface(text).with_prefixlen)
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


def size(value: Json) -> Json:
    """A quantity in bytes: `512Mi` is 536870912; a plain number stays."""
    return _quantity(value, SIZES)


def duration(value: Json) -> Json:
    """A time span in seconds: `P7D`, `604800s` and 604800 are equal."""
    if isinstance(value, str) and value[:1] == "P":
        found = _ISO_DURATION.fullmatch(value)
        if found and any(found.groups()):
            parts = [float(part or 0) for part in found.groups()]
            spans = (604_800, 86_400, 3_600, 60, 1)
            return _whole(sum((part * unit for part, unit in zip(parts, spans, strict=True)), 0.0))
    return _quantity(value, SECONDS)


def _quantity(value: Json, units: Mapping[str, float]) -> Json:
    found = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    unit = units.get(found[2].lower()) if found else None
    if found is None or unit is None:
        return scalar(value, is_caseless=False)
    return _whole(float(found[1]) * unit)


def _whole(number: float) -> Json:
    return int(number) if number.is_integer() else number


def same_reference(left: Json, right: Json) -> bool:
    """Whether two ids name one thing: an ARN and its last part, a self-link and a name, two ARM ids in another case."""
    if not isinstance(left, str) or not isinstance(right, str):
        return left == right
    return reference_parts(left)[-1:] == reference_parts(right)[-1:] and _is_end(
        reference_parts(left), reference_parts(right)
    )


def _is_end(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    short, long = sorted((left, right), key=len)
    return long[len(long) - len(short) :] == short


def reference_parts(uid: str) -> tuple[str, ...]:
    """The segments of an id, the last one last; ARM ids without case."""
    return tuple(part for part in _SPLIT.split(resource_key(uid).removeprefix("//")) if part)


def is_removed(value: Json) -> bool:
    """Whether a secret stood here."""
    return isinstance(value, str) and value.startswith(REMOVED)


def policy(value: Json) -> Json:
    """A policy document: text parsed, one or many as lists in order, an account's root as the account's number."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    if not isinstance(value, dict):
        return value
    found: dict[str, Json] = {key.lower(): each for key, each in value.items() if each not in (None, "", [])}
    statements = found.get("statement")
    if isinstance(statements, dict):
        statements = [statements]
    if isinstance(statements, list):
        found["statement"] = sorted((_statement(each) for each in statements), key=_sort_key)
    return found


def _statement(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    parts: dict[str, Json] = {}
    for key, each in value.items():
        lowered = key.lower()
        if each in (None, "", []):
            continue
        normal = _STATEMENT_PARTS.get(lowered)
        parts[lowered] = normal(each) if normal else each
    return parts


def _principal(value: Json) -> Json:
    if value == "*":
        return {"AWS": ["*"]}
    if not isinstance(value, dict):
        return value
    return {key: list[Json](sorted({_account(each) for each in _texts(of)})) for key, of in sorted(value.items())}


def _account(text: str) -> str:
    root = _ACCOUNT_ROOT.fullmatch(text)
    return root[1] if root else text


def _actions(value: Json) -> Json:
    return list[Json](sorted({each.lower() for each in _texts(value)}))


def _listed(value: Json) -> Json:
    return list[Json](sorted(set(_texts(value))))


def _condition(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    return {
        operator: {key.lower(): _listed(each) for key, each in found.items()} if isinstance(found, dict) else found
        for operator, found in value.items()
    }


def _texts(value: Json) -> list[str]:
    members = value if isinstance(value, list) else [value]
    return [each if isinstance(each, str) else _shown(each) for each in members]


def _shown(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


_STATEMENT_PARTS: Final[Mapping[str, Callable[[Json], Json]]] = {
    "action": _actions,
    "notaction": _actions,
    "resource": _listed,
    "notresource": _listed,
    "principal": _principal,
    "notprincipal": _principal,
    "condition": _condition,
}


def _sort_key(value: Json) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
