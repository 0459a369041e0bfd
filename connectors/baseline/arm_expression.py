"""ARM template expressions, worked out by what is known of a deployment.

What only Azure knows (`reference`, `listKeys`, `uniqueString`, `newGuid`, `utcNow`) is unknown, and so is whatever is
made of it. A text that is no expression stays.
Source: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions and template-functions.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from connectors.baseline.shape import parsed
from connectors.baseline.unknown import UNKNOWN, is_unknown
from domain.value import Json

_TOKEN: Final = re.compile(r"\s*(?:(-?\d+)|'((?:[^']|'')*)'|([A-Za-z_]\w*)|([()\[\],.]))")
DEPTH_MAX: Final = 60


class _NotReadable(Exception):
    """The text is no expression that can be read."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean in one template.

    Args:
        parameters, variables: by folded name; variables not worked out yet.
        copies: the index of each copy loop around the place, by folded name; the innermost also under the empty name.
    """

    parameters: Mapping[str, Json] = field(default_factory=dict)
    variables: Mapping[str, Json] = field(default_factory=dict)
    subscription: str = ""
    group: str = ""
    location: str = ""
    copies: Mapping[str, int] = field(default_factory=dict)
    depth: int = 0

    def resolve(self, value: Json) -> Json:
        """A value of the template with its expressions worked out."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.resolve(each) for each in value]
        if isinstance(value, dict):
            return {self._key(key): self.resolve(each) for key, each in value.items()}
        return value

    def text(self, value: str) -> Json:
        """A text, worked out where it is an expression."""
        if value.startswith("[["):
            return value[1:]
        if not (value.startswith("[") and value.endswith("]")):
            return value
        if self.depth > DEPTH_MAX:
            return UNKNOWN
        try:
            return _Reader(value[1:-1], self).whole()
        except (_NotReadable, ValueError, IndexError, TypeError, KeyError):
            return UNKNOWN

    def _key(self, key: str) -> str:
        found = self.text(key)
        return found if isinstance(found, str) else key

    def deeper(self) -> Scope:
        """The same, one step further in."""
        return Scope(self.parameters, self.variables, self.subscription, self.group, self.location, self.copies,
                     self.depth + 1)  # fmt: skip


class _Reader:
    """Reads one expression from left to right and works it out on the way."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text, self._at, self._scope = text, 0, scope

    def whole(self) -> Json:
        found = self._value()
        if self._text[self._at :].strip():
            raise _NotReadable
        return found

    def _value(self) -> Json:
        number, text, name, _ = self._next()
        found: Json
        if number is not None:
            found = int(number)
        elif text is not None:
            found = text.replace("''", "'")
        elif name is not None:
            found = self._call(name) if self._peek() == "(" else _WORDS.get(name.lower(), UNKNOWN)
        else:
            raise _NotReadable
        while self._peek() in {".", "["}:
            found = self._member(found)
        return found

    def _call(self, name: str) -> Json:
        self._next()
        arguments: list[Json] = []
        while self._peek() != ")":
            arguments.append(self._value())
            if self._peek() == ",":
                self._next()
        self._next()
        function = _FUNCTIONS.get(name.lower())
        if function is None:
            return UNKNOWN
        if name.lower() not in _TAKES_UNKNOWN and any(is_unknown(each) for each in arguments):
            return UNKNOWN
        return function(self._scope, arguments)

    def _member(self, of: Json) -> Json:
        _, _, _, sign = self._next()
        if sign == ".":
            _, _, key, _ = self._next()
            return _inside(of, key)
        key_value = self._value()
        self._next()
        return _inside(of, key_value)

    def _peek(self) -> str:
        rest = self._text[self._at :].lstrip()
        return rest[:1]

    def _next(self) -> tuple[str | None, str | None, str | None, str | None]:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise _NotReadable
        self._at = found.end()
        return found[1], found[2], found[3], found[4]


def _inside(of: Json, key: Json) -> Json:
    if isinstance(of, dict):
        return next((each for name, each in of.items() if name.lower() == str(key).lower()), UNKNOWN)
    if isinstance(of, list) and isinstance(key, int) and 0 <= key < len(of):
        return of[key]
    return UNKNOWN


Function = Callable[[Scope, Sequence[Json]], Json]
_WORDS: Final[Mapping[str, Json]] = {"true": True, "false": False, "null": None}


def _constant(value: Json, scope: Scope, arguments: Sequence[Json]) -> Json:
    del scope, arguments
    return value


def _parameters(scope: Scope, arguments: Sequence[Json]) -> Json:
    return scope.parameters.get(str(arguments[0]).lower(), UNKNOWN)


def _variables(scope: Scope, arguments: Sequence[Json]) -> Json:
    found = scope.variables.get(str(arguments[0]).lower(), UNKNOWN)
    return scope.deeper().resolve(found)


def _concat(_: Scope, arguments: Sequence[Json]) -> Json:
    if arguments and all(isinstance(each, list) for each in arguments):
        return [member for each in arguments if isinstance(each, list) for member in each]
    return "".join(_shown(each) for each in arguments)


def _format(_: Scope, arguments: Sequence[Json]) -> Json:
    pattern, *values = arguments
    return re.sub(r"\{(\d+)(?::[^}]*)?\}", lambda found: _shown(values[int(found[1])]), str(pattern))


def _shown(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _resource_id(scope: Scope, arguments: Sequence[Json]) -> Json:
    parts = [str(each) for each in arguments]
    at = next((number for number, part in enumerate(parts) if "/" in part and "." in part.split("/")[0]), None)
    if at is None:
        return UNKNOWN
    before, kind, names = parts[:at], parts[at], parts[at + 1 :]
    subscription = before[-2] if len(before) > 1 else scope.subscription
    group = before[-1] if before else scope.group
    if not subscription or not group:
        return UNKNOWN
    namespace, *types = kind.split("/")
    steps = "/".join(f"{type_}/{name}" for type_, name in zip(types, names, strict=True))
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{steps}"


def _subscription_resource_id(scope: Scope, arguments: Sequence[Json]) -> Json:
    parts = [str(each) for each in arguments]
    if "/" not in parts[0]:
        subscription, parts = parts[0], parts[1:]
    else:
        subscription = scope.subscription
    if not subscription:
        return UNKNOWN
    namespace, *types = parts[0].split("/")
    steps = "/".join(f"{type_}/{name}" for type_, name in zip(types, parts[1:], strict=True))
    return f"/subscriptions/{subscription}/providers/{namespace}/{steps}"


def _tenant_resource_id(_: Scope, arguments: Sequence[Json]) -> Json:
    namespace, *types = str(arguments[0]).split("/")
    steps = "/".join(f"{type_}/{name}" for type_, name in zip(types, arguments[1:], strict=True))
    return f"/providers/{namespace}/{steps}"


def _extension_resource_id(_: Scope, arguments: Sequence[Json]) -> Json:
    namespace, *types = str(arguments[1]).split("/")
    steps = "/".join(f"{type_}/{name}" for type_, name in zip(types, arguments[2:], strict=True))
    return f"{arguments[0]}/providers/{namespace}/{steps}"


def _group(scope: Scope, _: Sequence[Json]) -> Json:
    known = scope.subscription and scope.group
    uid = f"/subscriptions/{scope.subscription}/resourceGroups/{scope.group}" if known else UNKNOWN
    return {"name": scope.group or UNKNOWN, "location": scope.location or UNKNOWN, "id": uid}


def _subscription(scope: Scope, _: Sequence[Json]) -> Json:
    uid = f"/subscriptions/{scope.subscription}" if scope.subscription else UNKNOWN
    return {"subscriptionId": scope.subscription or UNKNOWN, "id": uid}


def _copy_index(scope: Scope, arguments: Sequence[Json]) -> Json:
    name = next((str(each).lower() for each in arguments if isinstance(each, str)), "")
    offset = next((each for each in arguments if isinstance(each, int)), 0)
    return scope.copies[name] + offset if name in scope.copies else UNKNOWN


def _if(_: Scope, arguments: Sequence[Json]) -> Json:
    return UNKNOWN if is_unknown(arguments[0]) else arguments[1] if arguments[0] else arguments[2]


def _coalesce(_: Scope, arguments: Sequence[Json]) -> Json:
    return next((each for each in arguments if each is not None), None)


def _equals(_: Scope, arguments: Sequence[Json]) -> Json:
    left, right = arguments[:2]
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    return left == right


def _create_object(_: Scope, arguments: Sequence[Json]) -> Json:
    return {str(key): value for key, value in zip(arguments[::2], arguments[1::2], strict=True)}


def _union(_: Scope, arguments: Sequence[Json]) -> Json:
    if all(isinstance(each, dict) for each in arguments):
        merged: dict[str, Json] = {}
        for each in arguments:
            merged |= each if isinstance(each, dict) else {}
        return merged
    found: list[Json] = []
    for each in arguments:
        found += [member for member in (each if isinstance(each, list) else []) if member not in found]
    return found


def _number(value: Json) -> int:
    return int(str(value))


def _length(value: Json) -> int:
    return len(value) if isinstance(value, str | list | dict) else 0


def _contains(_: Scope, arguments: Sequence[Json]) -> Json:
    of, what = arguments[:2]
    if isinstance(of, dict):
        return any(key.lower() == str(what).lower() for key in of)
    return what in of if isinstance(of, list) else str(what).lower() in str(of).lower()


def _range(_: Scope, arguments: Sequence[Json]) -> Json:
    start, count = _number(arguments[0]), _number(arguments[1])
    return list[Json](range(start, start + min(count, 10_000)))


def _end(value: Json, at: int) -> Json:
    return value[at] if isinstance(value, list | str) and value else None


_FUNCTIONS: Final[Mapping[str, Function]] = {
    "parameters": _parameters,
    "variables": _variables,
    "concat": _concat,
    "format": _format,
    "resourceid": _resource_id,
    "subscriptionresourceid": _subscription_resource_id,
    "tenantresourceid": _tenant_resource_id,
    "extensionresourceid": _extension_resource_id,
    "resourcegroup": _group,
    "subscription": _subscription,
    "copyindex": _copy_index,
    "if": _if,
    "coalesce": _coalesce,
    "equals": _equals,
    "createobject": _create_object,
    "union": _union,
    "contains": _contains,
    "range": _range,
    "tolower": lambda _, a: str(a[0]).lower(),
    "toupper": lambda _, a: str(a[0]).upper(),
    "string": lambda _, a: _shown(a[0]),
    "int": lambda _, a: _number(a[0]),
    "bool": lambda _, a: str(a[0]).lower() in {"true", "1"},
    "array": lambda _, a: a[0] if isinstance(a[0], list) else [a[0]],
    "createarray": lambda _, a: list(a),
    "not": lambda _, a: not a[0],
    "and": lambda _, a: all(a),
    "or": lambda _, a: any(a),
    **{word: partial(_constant, value) for word, value in _WORDS.items()},
    "empty": lambda _, a: a[0] in (None, "", [], {}),
    "length": lambda _, a: _length(a[0]),
    "first": lambda _, a: _end(a[0], 0),
    "last": lambda _, a: _end(a[0], -1),
    "replace": lambda _, a: str(a[0]).replace(str(a[1]), str(a[2])),
    "split": lambda _, a: list[Json](str(a[0]).split(str(a[1]))),
    "join": lambda _, a: str(a[1]).join(map(_shown, a[0])) if isinstance(a[0], list) else UNKNOWN,
    "substring": lambda _, a: str(a[0])[_number(a[1]) :][: _number(a[2]) if len(a) > 2 else None],
    "take": lambda _, a: a[0][: _number(a[1])] if isinstance(a[0], str | list) else UNKNOWN,
    "skip": lambda _, a: a[0][_number(a[1]) :] if isinstance(a[0], str | list) else UNKNOWN,
    "trim": lambda _, a: str(a[0]).strip(),
    "startswith": lambda _, a: str(a[0]).lower().startswith(str(a[1]).lower()),
    "endswith": lambda _, a: str(a[0]).lower().endswith(str(a[1]).lower()),
    "add": lambda _, a: _number(a[0]) + _number(a[1]),
    "sub": lambda _, a: _number(a[0]) - _number(a[1]),
    "mul": lambda _, a: _number(a[0]) * _number(a[1]),
    "div": lambda _, a: _number(a[0]) // _number(a[1]),
    "mod": lambda _, a: _number(a[0]) % _number(a[1]),
    "less": lambda _, a: _number(a[0]) < _number(a[1]),
    "greater": lambda _, a: _number(a[0]) > _number(a[1]),
    "greaterorequals": lambda _, a: _number(a[0]) >= _number(a[1]),
    "lessorequals": lambda _, a: _number(a[0]) <= _number(a[1]),
    "min": lambda _, a: min(map(_number, a)),
    "max": lambda _, a: max(map(_number, a)),
    "json": lambda _, a: parsed(a[0]),
    "base64": lambda _, a: base64.b64encode(str(a[0]).encode()).decode(),
}

_TAKES_UNKNOWN: Final = frozenset({"if", "createobject", "createarray", "array", "union"})
"""Functions whose result is known in part although an argument is not."""
