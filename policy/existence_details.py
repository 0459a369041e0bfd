"""``then.details`` of auditIfNotExists and deployIfNotExists compiled to an `Existence`.

Names and template functions in ``name`` and ``resourceGroupName`` read the triggering resource. In
``existenceCondition`` a ``field`` key reads the related one and the function ``field()`` the triggering one.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/effect-audit-if-not-exists
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.value import UNREAD, Json
from graph.path import fold
from policy.condition import compile_condition, grouped
from policy.existence import Existence
from policy.names import Names, Related
from policy.template import compile_value
from policy.tree import Condition, Expression, Literal

DETAILS: Final = "$.properties.policyRule.then.details"
_SCOPES: Final = ("resourcegroup", "subscription")


def compile_existence(document: Json, names: Names, types: frozenset[str] | None) -> Existence:
    """Compile the look-up of an effect.

    Args:
        types: folded types the rule's ``if`` can be true of, None for any.

    Raises:
        DefinitionError: names the place in the details, what was expected and what was found.
    """
    if not isinstance(document, dict):
        raise names.invalid("details are not an object", DETAILS, expected="an object", got=type(document).__name__)
    details = {fold(key): (key, value) for key, value in document.items()}
    kind = fold(_text(details, "type", names))
    scope = fold(_text(details, "existencescope", names, default="resourceGroup"))
    if scope not in _SCOPES:
        raise names.invalid(
            "existence scope is unknown",
            f"{DETAILS}.existenceScope",
            expected=["ResourceGroup", "Subscription"],
            got=scope,
        )
    name = _expression(details, "name", names)
    group = _expression(details, "resourcegroupname", names)
    condition = _condition(details, replace(names, related=Related(kind, types)))
    key = f"exists({kind},{scope},{name!r},{group!r},{condition.key if condition else ''})"
    return Existence(kind, scope, name, group, condition, key)


_Details = dict[str, tuple[str, Json]]


def _text(details: _Details, name: str, names: Names, default: str = "") -> str:
    """A detail that is text and does not depend on the resource."""
    key, given = details.get(name, (name, default))
    found = compile_value(given, names, f"{DETAILS}.{key}")
    if not isinstance(found, Literal) or not isinstance(found.value, str) or not found.value:
        got = found.value if isinstance(found, Literal) else given
        raise names.invalid(f"details need a {key}", f"{DETAILS}.{key}", expected="text known at load", got=got)
    return found.value


def _expression(details: _Details, name: str, names: Names) -> Expression | None:
    if name not in details:
        return None
    key, given = details[name]
    found = compile_value(given, names, f"{DETAILS}.{key}")
    if isinstance(found, Literal) and found.value is not UNREAD and not isinstance(found.value, str):
        raise names.invalid(f"{key} is not text", f"{DETAILS}.{key}", expected="text", got=found.value)
    return found


def _condition(details: _Details, names: Names) -> Condition | None:
    """The existence condition, and with it the kind where the details name one."""
    parts: list[Condition] = []
    if "kind" in details:
        key, given = details["kind"]
        parts.append(compile_condition({"field": "kind", "equals": given}, names, f"{DETAILS}.{key}"))
    if "existencecondition" in details:
        key, given = details["existencecondition"]
        parts.append(compile_condition(given, names, f"{DETAILS}.{key}"))
    return grouped("allof", parts) if parts else None
