"""Canonical JSON: one value, one sequence of bytes.

``encode`` takes the fast encoder only where its output is known to be byte-identical with RFC 8785 (ASCII keys, no
floats, integers within ±2^53) and the exact one elsewhere; what has no canonical form, or more than one reading, is
refused.

Source: RFC 8785 (JCS), RFC 7493 (I-JSON).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import orjson
import rfc8785

from chain.strict_json import DEPTH_MAX, INTEGER_MAX, parse
from domain.errors import InputError

_TODO: Final = "Write values as strings, integers within 2^53, booleans, null, lists and objects"


def encode(value: object) -> bytes:
    """Write a JSON value in its canonical form.

    Raises:
        InputError: the value has no canonical form.
    """
    return _fast(value) if _is_plain(value, depth=0) else _exact(value)


def encode_readable(value: object) -> bytes:
    """Write a JSON value so that the strict reader accepts it again.

    A float such as 2^60 has a canonical form, which reads as an integer that is too large; so what is not written by
    the fast encoder is read back at once.

    Raises:
        InputError: the value has no canonical form, or none that can be read.
    """
    if _is_plain(value, depth=0):
        return _fast(value)
    encoded = _exact(value)
    parse(encoded, size_bytes_max=len(encoded))
    return encoded


def _is_plain(value: object, *, depth: int) -> bool:
    """Whether the fast encoder is exact for this value."""
    if isinstance(value, dict):
        _require_shallow(depth)
        keys = [key for key in value if type(key) is not str or not key.isascii()]
        if keys:
            _require_text(keys)
        return _are_plain(value.values(), depth=depth + 1) and not keys
    if isinstance(value, list | tuple):
        _require_shallow(depth)
        return _are_plain(value, depth=depth + 1)
    return _are_plain((value,), depth=depth)


def _are_plain(values: Iterable[object], *, depth: int) -> bool:
    """Whether the fast encoder is exact for all of them; every one is looked at, the usual kinds first."""
    plain = True
    for value in values:
        kind = type(value)
        if kind is str or kind is bool or value is None:
            continue
        if kind is int:
            _require_exact_integer(value)
        elif kind is float:
            plain = False
        elif isinstance(value, dict | list | tuple):
            plain = _is_plain(value, depth=depth) and plain
        elif not isinstance(value, str):
            raise InputError("value is not JSON", type=kind.__name__, todo=_TODO)
    return plain


def _require_shallow(depth: int) -> None:
    if depth >= DEPTH_MAX:
        raise InputError("JSON is nested too deeply", depth_max=DEPTH_MAX, todo="Flatten the value")


def _require_text(keys: Iterable[object]) -> None:
    for key in keys:
        if not isinstance(key, str):
            raise InputError("object key is not a string", type=type(key).__name__, todo=_TODO)


def _require_exact_integer(value: object) -> None:
    assert isinstance(value, int)
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise InputError("integer is too large for JSON", got=value, expected="within 2^53", todo=_TODO)


def _fast(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InputError("value has no canonical JSON form", reason=str(error), todo=_TODO) from error


def _exact(value: object) -> bytes:
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]
    except ValueError as error:
        raise InputError("value has no canonical JSON form", reason=str(error), todo=_TODO) from error
