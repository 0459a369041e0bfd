"""Template functions: names, arity, and what each does to plain values.

A function that cannot work on its arguments (the length of a number, an index beyond the end) yields nothing,
`MISSING`, as a template expression without a value does. Functions that need the resource, the time or the
request are not here (`policy.compile`).

Source: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urljoin

from domain.value import MISSING, Json, Value
from policy import dates, networks, operators

Arguments = Sequence[Value]
OR_EMPTY: Final = "?empty"
"""A function that no rule can name: a value, or empty text where there is none."""

_MANY: Final = 1_000
_TEXT_MAX: Final = 4_000_000
_SIZE_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Function:
    """One function and how many arguments it takes."""

    apply: Callable[..., Value]
    least: int
    most: int


def apply(name: str, arguments: Arguments) -> Value:
    """Apply a function; MISSING where it has no answer for these arguments."""
    try:
        return FUNCTIONS[name].apply(*arguments)
    except (TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError):
        return MISSING


def _text(value: Value) -> str:
    found = operators.text_of(value)
    if found is None:
        raise TypeError(value)
    return found


def _list(value: Value) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value


def _object(value: Value) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return value


def _int(value: Value) -> int:
    found = operators.number(value)
    if found is None:
        raise TypeError(value)
    return int(found)


def _number(value: Value) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        found = operators.number(value)
        if found is None:
            raise TypeError(value)
        return int(found) if found == int(found) else float(found)
    return value


def _bool(value: Value) -> bool:
    found = operators.boolean(value)
    if found is None:
        return _int(value) != 0
    return found


def _or_empty(value: Value, other: Value) -> Value:
    """What is not set equals empty text inside an expression."""
    return "" if value is MISSING and other == "" else value


def _some(value: Value) -> Json:
    return None if value is MISSING else value  # type: ignore[return-value]


def _concat(*arguments: Value) -> Json:
    if any(isinstance(argument, list) for argument in arguments):
        return [element for argument in arguments for element in _list(argument)]
    return _joined("", [*map(_text, arguments)])


def _split(value: Value, marks: Value) -> Json:
    separators = [_text(mark) for mark in marks] if isinstance(marks, list) else [_text(marks)]
    text = _text(value)
    for separator in separators[1:]:
        text = text.replace(separator, separators[0])
    return list(text.split(separators[0])) if separators[0] else [text]


def _length(value: Value) -> Json:
    if isinstance(value, str | list | dict):
        return len(value)
    raise TypeError(value)


def _empty(value: Value) -> Json:
    if value is MISSING or value is None:
        return True
    return _length(value) == 0


def _first(value: Value) -> Value:
    if isinstance(value, str):
        return value[:1]
    return _list(value)[0]


def _last(value: Value) -> Value:
    if isinstance(value, str):
        return value[-1:]
    return _list(value)[-1]


def _contains(container: Value, item: Value) -> Json:
    if isinstance(container, dict):
        return operators.contains_key(container, item)
    return operators.contains(container, item)


def _intersection(first: Value, *others: Value) -> Json:
    if isinstance(first, dict):
        return {
            key: value
            for key, value in first.items()
            if all(operators.contains_key(_object(other), key) for other in others)
            and all(operators.is_equal(member(other, key), value) for other in others)
        }
    return [value for value in _list(first) if all(operators.is_in(value, _list(other)) for other in others)]


def _union(first: Value, *others: Value) -> Json:
    if isinstance(first, dict):
        merged: Json = first
        for other in others:
            merged = _merged(merged, _object(other))
        return merged
    found: list[Json] = []
    for argument in (first, *others):
        found.extend(value for value in _list(argument) if not operators.is_in(value, found))
    return found


def _merged(left: Json, right: Json) -> Json:
    """Two objects with all their keys, objects inside them likewise; of two other values the right one."""
    if not isinstance(left, dict) or not isinstance(right, dict):
        return right
    merged = dict(left)
    names = {key.casefold(): key for key in left}
    for key, value in right.items():
        name = names.get(key.casefold(), key)
        merged[name] = _merged(merged[name], value) if name in merged else value
    return merged


def _substring(value: Value, start: Value, length: Value = MISSING) -> Json:
    text, at = _text(value), _int(start)
    end = len(text) if length is MISSING else at + _int(length)
    if not 0 <= at <= end <= len(text):
        raise IndexError(at)
    return text[at:end]


def _take(value: Value, count: Value) -> Json:
    most = max(_int(count), 0)
    return value[:most] if isinstance(value, str) else _list(value)[:most]


def _skip(value: Value, count: Value) -> Json:
    most = max(_int(count), 0)
    return value[most:] if isinstance(value, str) else _list(value)[most:]


def _index_of(value: Value, wanted: Value) -> Json:
    if isinstance(value, list):
        return next((at for at, element in enumerate(value) if operators.is_equal(element, wanted)), -1)
    return _text(value).casefold().find(_text(wanted).casefold())


def _last_index_of(value: Value, wanted: Value) -> Json:
    if isinstance(value, list):
        return max((at for at, element in enumerate(value) if operators.is_equal(element, wanted)), default=-1)
    return _text(value).casefold().rfind(_text(wanted).casefold())


def _compared(*wanted: int) -> Callable[[Value, Value], Json]:
    def compare(left: Value, right: Value) -> Json:
        found = operators.order(left, right)
        if found is None:
            raise TypeError((left, right))
        return found in wanted

    return compare


def _divided(left: Value, right: Value) -> Json:
    quotient = abs(_int(left)) // abs(_int(right))
    return quotient if (_int(left) < 0) == (_int(right) < 0) else -quotient


def _numbers(arguments: Arguments) -> list[int | float]:
    given = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else arguments
    return [_number(value) for value in given]


_PLACE = re.compile(r"\{\{|\}\}|\{(\d{1,3})(?:,(-?\d{1,4}))?(?::([^{}]*))?\}")


def _format(template: Value, *arguments: Value) -> Json:
    parts: list[str] = []
    text, end = _text(template), 0
    for found in _PLACE.finditer(text):
        parts.append(text[end : found.start()])
        parts.append(found[0][0] if found[1] is None else _placed(arguments[int(found[1])], found[2], found[3]))
        end = found.end()
    return _joined("", [*parts, text[end:]])


def _placed(value: Value, width: str | None, form: str | None) -> str:
    """An argument of `format`, in .NET's numeric forms D, F, N and X, and padded."""
    shown = _string(value)
    if form and isinstance(value, int | float) and not isinstance(value, bool):
        shown = _numeric(value, form[0].upper(), form[1:])
    size = int(width or 0)
    return shown.rjust(size) if size >= 0 else shown.ljust(-size)


def _numeric(value: float, form: str, digits: str) -> str:
    size = int(digits) if digits else 2 if form in {"F", "N"} else 0
    if size > 99:
        raise ValueError(digits)
    match form:
        case "D" | "X":
            shown = f"{abs(int(value)):{'d' if form == 'D' else 'X'}}".rjust(size, "0")
            return f"-{shown}" if value < 0 else shown
        case "F" | "N":
            return f"{value:{',' if form == 'N' else ''}.{size}f}"
        case _:
            raise ValueError(form)


def _joined(mark: str, parts: Sequence[str]) -> str:
    """Parts with a mark between them, unless that would be longer than any honest text."""
    if sum(map(len, parts)) + len(mark) * len(parts) > _TEXT_MAX:
        raise ValueError(len(parts))
    return mark.join(parts)


def _replace(value: Value, old: Value, new: Value) -> Json:
    return _joined(_text(new), _text(value).split(_text(old)))


def _string(value: Value) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _text(value)


def _pad_left(value: Value, width: Value, fill: Value = " ") -> Json:
    if _int(width) > _SIZE_MAX:
        raise ValueError(width)
    return _text(value).rjust(_int(width), _text(fill))


def _range(start: Value, count: Value) -> Json:
    if not 0 <= _int(count) <= _SIZE_MAX:
        raise ValueError(count)
    return list(range(_int(start), _int(start) + _int(count)))


def _create_object(*pairs: Value) -> Json:
    if len(pairs) % 2:
        raise ValueError(pairs)
    return {_text(name): _some(value) for name, value in zip(pairs[::2], pairs[1::2], strict=True)}


def member(subject: Value, name: Value) -> Value:
    """A property by name without case, or an element by index; MISSING where there is none."""
    if isinstance(subject, list) and isinstance(name, int) and not isinstance(name, bool):
        return subject[name] if 0 <= name < len(subject) else MISSING
    if isinstance(subject, dict) and isinstance(name, str):
        if name in subject:
            return subject[name]
        return next((value for key, value in subject.items() if key.casefold() == name.casefold()), MISSING)
    return MISSING


def _try_get(subject: Value, *names: Value) -> Value:
    for name in names:
        subject = member(subject, name)
    return None if subject is MISSING else subject


def _from_end(subject: Value, at: Value) -> Value:
    """An element counted from the end, 1 being the last."""
    place = _int(at)
    return _list(subject)[-place] if 0 < place <= len(_list(subject)) else MISSING


def _try_from_end(subject: Value, at: Value) -> Value:
    found = _from_end(subject, at) if isinstance(subject, list) else MISSING
    return None if found is MISSING else found


def _items(subject: Value) -> Json:
    return [{"key": key, "value": value} for key, value in sorted(_object(subject).items())]


def _shallow_merge(objects: Value) -> Json:
    merged: dict[str, Json] = {}
    for one in _list(objects):
        merged.update(_object(one))
    return merged


def _decoded(text: Value) -> str:
    try:
        return base64.b64decode(_text(text), validate=True).decode()
    except binascii.Error:
        raise ValueError(text) from None


def _data_uri_text(uri: Value) -> Json:
    head, _, body = _text(uri).partition(",")
    return _decoded(body) if head.endswith(";base64") else unquote(body)


def _json(text: Value) -> Json:
    found: Json = json.loads(_text(text))
    return found


FUNCTIONS: Mapping[str, Function] = {
    "add": Function(lambda a, b: _number(a) + _number(b), 2, 2),
    "adddays": Function(dates.add_days, 2, 3),
    "and": Function(lambda *values: all(map(_bool, values)), 2, _MANY),
    "array": Function(lambda a: a if isinstance(a, list) else [_some(a)], 1, 1),
    "base64": Function(lambda a: base64.b64encode(_text(a).encode()).decode(), 1, 1),
    "base64tojson": Function(lambda a: _json(_decoded(a)), 1, 1),
    "base64tostring": Function(_decoded, 1, 1),
    "bool": Function(_bool, 1, 1),
    "cidrhost": Function(networks.host, 2, 2),
    "cidrsubnet": Function(networks.subnet, 3, 3),
    "coalesce": Function(
        lambda *values: next((v for v in values if v is not MISSING and v is not None), None), 1, _MANY
    ),
    "concat": Function(_concat, 0, _MANY),
    "contains": Function(_contains, 2, 2),
    "createarray": Function(lambda *values: [_some(value) for value in values], 0, _MANY),
    "createobject": Function(_create_object, 0, _MANY),
    "datauri": Function(
        lambda a: "data:text/plain;charset=utf8;base64," + base64.b64encode(_text(a).encode()).decode(), 1, 1
    ),
    "datauritostring": Function(_data_uri_text, 1, 1),
    "datetimeadd": Function(dates.add_duration, 2, 3),
    "datetimefromepoch": Function(dates.from_epoch, 1, 1),
    "datetimetoepoch": Function(dates.to_epoch, 1, 1),
    "div": Function(_divided, 2, 2),
    "empty": Function(_empty, 1, 1),
    "endswith": Function(lambda a, b: _text(a).casefold().endswith(_text(b).casefold()), 2, 2),
    "equals": Function(lambda a, b: operators.is_equal(_or_empty(a, b), _or_empty(b, a)), 2, 2),
    "false": Function(lambda: False, 0, 0),
    "first": Function(_first, 1, 1),
    "float": Function(lambda a: float(_number(a)), 1, 1),
    "format": Function(_format, 1, _MANY),
    "greater": Function(_compared(1), 2, 2),
    "greaterorequals": Function(_compared(0, 1), 2, 2),
    "if": Function(lambda a, b, c: b if _bool(a) else c, 3, 3),
    "indexfromend": Function(_from_end, 2, 2),
    "indexof": Function(_index_of, 2, 2),
    "int": Function(_int, 1, 1),
    "intersection": Function(_intersection, 2, _MANY),
    "iprangecontains": Function(networks.range_contains, 2, 2),
    "items": Function(_items, 1, 1),
    "join": Function(lambda a, b: _joined(_text(b), [*map(_text, _list(a))]), 2, 2),
    "json": Function(_json, 1, 1),
    "last": Function(_last, 1, 1),
    "lastindexof": Function(_last_index_of, 2, 2),
    "length": Function(_length, 1, 1),
    "less": Function(_compared(-1), 2, 2),
    "lessorequals": Function(_compared(-1, 0), 2, 2),
    "max": Function(lambda *values: max(_numbers(values)), 1, _MANY),
    "min": Function(lambda *values: min(_numbers(values)), 1, _MANY),
    "mod": Function(lambda a, b: _int(a) - _int(b) * _int(_divided(a, b)), 2, 2),
    "mul": Function(lambda a, b: _number(a) * _number(b), 2, 2),
    "not": Function(lambda a: not _bool(a), 1, 1),
    "null": Function(lambda: None, 0, 0),
    OR_EMPTY: Function(lambda a: "" if a is MISSING else a, 1, 1),
    "objectkeys": Function(lambda a: [*sorted(_object(a))], 1, 1),
    "or": Function(lambda *values: any(map(_bool, values)), 2, _MANY),
    "padleft": Function(_pad_left, 2, 3),
    "parsecidr": Function(networks.parsed, 1, 1),
    "range": Function(_range, 2, 2),
    "replace": Function(_replace, 3, 3),
    "shallowmerge": Function(_shallow_merge, 1, 1),
    "skip": Function(_skip, 2, 2),
    "split": Function(_split, 2, 2),
    "startswith": Function(lambda a, b: _text(a).casefold().startswith(_text(b).casefold()), 2, 2),
    "string": Function(_string, 1, 1),
    "sub": Function(lambda a, b: _number(a) - _number(b), 2, 2),
    "substring": Function(_substring, 2, 3),
    "take": Function(_take, 2, 2),
    "tolower": Function(lambda a: _text(a).lower(), 1, 1),
    "toupper": Function(lambda a: _text(a).upper(), 1, 1),
    "trim": Function(lambda a: _text(a).strip(), 1, 1),
    "true": Function(lambda: True, 0, 0),
    "tryindexfromend": Function(_try_from_end, 2, 2),
    "tryget": Function(_try_get, 2, _MANY),
    "union": Function(_union, 2, _MANY),
    "uri": Function(lambda a, b: urljoin(_text(a), _text(b)), 2, 2),
    "uricomponent": Function(lambda a: quote(_text(a), safe=""), 1, 1),
    "uricomponenttostring": Function(lambda a: unquote(_text(a)), 1, 1),
}
"""By lower-case name."""
