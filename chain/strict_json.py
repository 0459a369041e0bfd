"""Reading JSON that must have one meaning.

Readers differ on repeated keys, lone surrogates, big integers and deep nesting; an entry that two readers understand
differently is no evidence, so all of these are refused. Uses the standard library alone: the offline verifier reads
with it.

Source: RFC 7493 (I-JSON) sections 2.1 to 2.3; RFC 8785 section 3.1.
"""

from __future__ import annotations

import json
from typing import Final, NoReturn

from domain.errors import InputError
from domain.value import Json

DEPTH_MAX: Final = 64
INTEGER_MAX: Final = 2**53 - 1

_SHORT: Final = 15


def parse(data: bytes, *, size_bytes_max: int) -> Json:
    """Read a JSON document.

    Raises:
        InputError: too long, not JSON, or not of one meaning.
    """
    if len(data) > size_bytes_max:
        raise InputError("JSON is too long", size_bytes=len(data), size_bytes_max=size_bytes_max)
    if b"\\u" not in data and data.count(b"{") + data.count(b"[") <= DEPTH_MAX:
        try:
            plain: Json = _read_plain(data.decode("utf-8"))
        except ValueError:
            pass
        else:
            return plain
    try:
        value: Json = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise InputError("JSON is nested too deeply", depth_max=DEPTH_MAX) from None
    except ValueError as error:
        raise InputError("not JSON", reason=str(error)) from error
    _require_interoperable(value, depth=0)
    return value


def _short_integer(text: str) -> int:
    """An integer of so few digits that it is within bounds; the careful way looks at the others."""
    if len(text) > _SHORT:
        raise ValueError(text)
    return int(text)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise InputError("JSON object repeats a key", key=next(key for key in keys if keys.count(key) > 1))
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise InputError("not JSON", reason=f"{name} is no JSON number")


def _require_interoperable(value: Json, *, depth: int) -> None:
    if isinstance(value, str):
        if not value.isascii():
            _require_utf8(value)
    elif isinstance(value, dict | list):
        if depth >= DEPTH_MAX:
            raise InputError("JSON is nested too deeply", depth_max=DEPTH_MAX)
        if isinstance(value, dict):
            for key in value:
                _require_utf8(key)
        for item in value.values() if isinstance(value, dict) else value:
            _require_interoperable(item, depth=depth + 1)
    elif isinstance(value, int) and not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise InputError("integer is too large for JSON", got=value, expected="within 2^53")


def _require_utf8(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("JSON string holds half of a character", got=ascii(text)[:80]) from None


_read_plain: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_short_integer, parse_constant=_refuse_constant
).decode
"""Reads what cannot nest too deeply and has no escape that could be half a character; it checks the rest."""
