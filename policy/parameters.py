"""Values for a definition's parameters: given, else the default, checked against type and allowed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.value import MISSING, Json
from policy.definition import Definition, Parameter
from policy.errors import InvalidDefinition
from policy.operators import instant, is_equal

_SAMPLES: Mapping[str, Json] = {
    "string": "sample",
    "array": ["sample"],
    "object": {},
    "boolean": False,
    "integer": 1,
    "float": 1.0,
    "datetime": "2000-01-01T00:00:00Z",
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """Values by folded name. Those in `absent` hold a sample of their type, only to check the rest of the rule."""

    values: Mapping[str, Json]
    absent: tuple[str, ...]


def resolve_parameters(definition: Definition, given: Mapping[str, Json]) -> Resolved:
    """Fill in every parameter.

    Raises:
        InvalidDefinition: a value has the wrong type or is not allowed, or names no parameter.
    """
    folded = {name.casefold(): value for name, value in given.items()}
    unknown = sorted(set(folded) - set(definition.parameters))
    if unknown:
        raise InvalidDefinition(
            "no such parameter",
            where=definition.origin,
            got=unknown,
            expected=sorted(parameter.name for parameter in definition.parameters.values()),
            todo="Give values only to parameters that the definition has",
        )
    values: dict[str, Json] = {}
    absent: list[str] = []
    for name, parameter in definition.parameters.items():
        if name in folded:
            values[name] = _checked(parameter, folded[name], definition.origin)
        elif parameter.default is not MISSING:
            values[name] = _checked(parameter, parameter.default, definition.origin)  # type: ignore[arg-type]
        else:
            values[name] = _sample(parameter)
            absent.append(parameter.name)
    return Resolved(values, tuple(absent))


def _sample(parameter: Parameter) -> Json:
    """Some value of the right form, to check the rest of a rule with."""
    if not parameter.allowed:
        return _SAMPLES[parameter.type]
    return list(parameter.allowed[:1]) if parameter.type == "array" else parameter.allowed[0]


def _checked(parameter: Parameter, value: Json, origin: str) -> Json:
    if not _fits(parameter.type, value):
        raise InvalidDefinition(
            "parameter value has the wrong type",
            where=origin,
            parameter=parameter.name,
            expected=parameter.type,
            got=value,
            todo="Give a value of that type",
        )
    if parameter.allowed is not None and not _is_allowed(parameter.allowed, value):
        raise InvalidDefinition(
            "parameter value is not allowed",
            where=origin,
            parameter=parameter.name,
            expected=list(parameter.allowed),
            got=value,
            todo="Choose one of the allowed values",
        )
    return value


def _is_allowed(allowed: tuple[Json, ...], value: Json) -> bool:
    """A list is allowed element by element."""
    values = value if isinstance(value, list) else [value]
    return any(is_equal(value, one) for one in allowed) or all(
        any(is_equal(element, one) for one in allowed) for element in values
    )


def _fits(kind: str, value: Json) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "datetime":
        return isinstance(value, str) and instant(value) is not None
    if kind == "boolean":
        return isinstance(value, bool) or (isinstance(value, str) and value.casefold() in {"true", "false"})
    if kind in {"integer", "float"}:
        return isinstance(value, int | float | str) and not isinstance(value, bool)
    return isinstance(value, list if kind == "array" else dict)
