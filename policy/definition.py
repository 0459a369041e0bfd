"""Azure Policy definitions as documents: rule, parameters, mode, metadata. Nothing is compiled here.

Accepted are a definition as Azure exports it (``{"name", "properties": {"policyRule", …}}``), its properties
alone, and a bare rule (``{"if", "then"}``).

Source: https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-basics
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.value import MISSING, Json, Value
from policy.errors import InvalidDefinition

_PARTS_MAX: Final = 200_000
_DEPTH_MAX: Final = 200
_TYPES = frozenset({"string", "array", "object", "boolean", "integer", "float", "datetime"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter; `default` is MISSING where a value must be given."""

    name: str
    type: str
    default: Value = MISSING
    allowed: tuple[Json, ...] | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """One policy definition.

    Args:
        mode: ``All``, ``Indexed``, or a data-plane mode such as ``Microsoft.KeyVault.Data``.
        condition: the rule's ``if``.
        then: the rule's ``then``, by lower-case keys.
        origin: where it was read, for messages.
    """

    policy_id: str
    display_name: str
    description: str
    mode: str
    parameters: Mapping[str, Parameter]
    condition: Json
    then: Mapping[str, Json]
    origin: str
    metadata: Mapping[str, Json] = field(default_factory=dict)


def parse_definition(document: Json, *, origin: str) -> Definition:
    """Read a definition.

    Raises:
        InvalidDefinition: the document is not one; says where and what was expected.
    """
    _require_bounded(document, origin)
    outer = _folded(document, origin, "$")
    inner = _folded(outer["properties"], origin, "$.properties") if "properties" in outer else outer
    if inner is not outer and (both := sorted(set(inner) & set(outer))):
        raise _invalid("key is given inside and outside of properties", origin, "$", expected="once", got=both)
    if "policyrule" not in inner and "if" in inner:
        inner = {"policyrule": dict(inner)}
    rule = _folded(inner.get("policyrule"), origin, "$.properties.policyRule")
    if "if" not in rule or "then" not in rule:
        missing = "if" if "if" not in rule else "then"
        raise _invalid(
            "policy rule is incomplete", origin, "$.properties.policyRule", expected=missing, got=sorted(rule)
        )
    then = _folded(rule["then"], origin, "$.properties.policyRule.then")
    effect = then.get("effect")
    if not isinstance(effect, str):
        raise _invalid("effect is not text", origin, "$.properties.policyRule.then.effect", expected="text", got=effect)
    return Definition(
        policy_id=_identity(outer, inner, origin),
        display_name=str(inner.get("displayname") or ""),
        description=str(inner.get("description") or ""),
        mode=str(inner.get("mode") or "All"),
        parameters=_parameters(inner.get("parameters"), origin),
        condition=rule["if"],
        then=then,
        origin=origin,
        metadata=_object(inner.get("metadata") or {}, origin, "$.properties.metadata"),
    )


def _require_bounded(document: Json, origin: str) -> None:
    """Refuse what no engine could evaluate, before anything walks down into it."""
    waiting, seen = [(document, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if seen > _PARTS_MAX:
            raise _invalid("definition is too long", origin, "$", expected=f"at most {_PARTS_MAX} values", got="more")
        if depth > _DEPTH_MAX:
            raise _invalid("definition is nested too deeply", origin, "$", expected=f"at most {_DEPTH_MAX} levels")
        if isinstance(value, dict):
            waiting.extend((below, depth + 1) for below in value.values())
        elif isinstance(value, list):
            waiting.extend((below, depth + 1) for below in value)


def _identity(outer: Mapping[str, Json], inner: Mapping[str, Json], origin: str) -> str:
    for found in (outer.get("name"), outer.get("id"), inner.get("displayname")):
        if isinstance(found, str) and found:
            return found.rpartition("/")[2] if found.startswith("/") else found
    return origin


def _parameters(document: Json, origin: str) -> dict[str, Parameter]:
    found = _object(document or {}, origin, "$.properties.parameters")
    _folded(found, origin, "$.properties.parameters")
    return {name.casefold(): _parameter(name, body, origin) for name, body in found.items()}


def _parameter(name: str, document: Json, origin: str) -> Parameter:
    where = f"$.properties.parameters.{name}"
    body = _object(document, origin, where)
    kind = str(body.get("type", "")).lower()
    if kind not in _TYPES:
        raise _invalid(
            "parameter type is unknown", origin, f"{where}.type", expected=sorted(_TYPES), got=body.get("type")
        )
    allowed = body.get("allowedValues")
    if allowed is not None and not isinstance(allowed, list):
        raise _invalid("allowedValues is not a list", origin, f"{where}.allowedValues", expected="a list", got=allowed)
    default: Value = body.get("defaultValue", MISSING)
    return Parameter(name, kind, default, tuple(allowed) if allowed else None)


def _folded(document: Json, origin: str, where: str) -> dict[str, Json]:
    """An object by lower-case keys; two spellings of one key are refused."""
    found = _object(document, origin, where)
    folded = {key.casefold(): value for key, value in found.items()}
    if len(folded) != len(found):
        spellings = sorted(found, key=str.casefold)
        twice = [one for one in spellings if [other.casefold() for other in spellings].count(one.casefold()) > 1]
        raise _invalid("key is given twice", origin, where, expected="every key once", got=twice)
    return folded


def _object(document: Json, origin: str, where: str) -> dict[str, Json]:
    if not isinstance(document, dict):
        raise _invalid("not an object", origin, where, expected="an object", got=type(document).__name__)
    return document


def _invalid(summary: str, origin: str, path: str, **facts: object) -> InvalidDefinition:
    return InvalidDefinition(summary, where=origin, path=path, todo="Correct the definition", **facts)
