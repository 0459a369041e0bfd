"""What an effect is to do, from ``then.details``: operations of modify, fields of append, and the rest.

Decided at load: that the details fit the effect and that aliases may be modified. Decided for a resource: the
values. The ``condition`` of an operation stays as it is written; whoever carries the operation out asks it then.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/effect-modify
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.value import UNREAD, Json
from graph.path import fold
from policy.names import Names
from policy.template import compile_value
from policy.tree import Call, Expression, Literal

_DETAILS: Final = "$.properties.policyRule.then.details"
_OPERATIONS: Final = ("add", "addorreplace", "remove")
_CONFLICTS: Final = ("audit", "deny", "disabled")
_LEFT_OUT: Final = frozenset({"existencecondition", "deployment"})
"""A look-up and a template of its own language: neither is for the resource to fill in."""

_GENERAL: Final = frozenset({"denyaction", "manual", "auditifnotexists", "deployifnotexists"})


def compile_details(effect: str, document: Json, names: Names) -> Expression | None:
    """Compile the details of an effect; None where it has none.

    Raises:
        DefinitionError: names the place in the details, what was expected and what was found.
    """
    if document is None:
        return None
    if effect == "modify":
        return _modify(document, names)
    if effect == "append":
        return _append(document, names)
    return _general(effect, document, names) if effect in _GENERAL else None


def _modify(document: Json, names: Names) -> Expression:
    details = _object(document, _DETAILS, names)
    parts: dict[str, Expression] = {}
    for key, value in details.items():
        where = f"{_DETAILS}.{key}"
        if fold(key) != "operations":
            parts[key] = compile_value(value, names, where)
            continue
        operations = _list(value, where, names)
        parts[key] = _array([_operation(one, names, f"{where}[{at}]") for at, one in enumerate(operations)])
    if "operations" not in map(fold, parts):
        raise names.invalid("modify needs operations", f"{_DETAILS}.operations", expected="a list", got=sorted(details))
    for key, part in parts.items():
        conflict = part.value if fold(key) == "conflicteffect" and isinstance(part, Literal) else None
        if conflict is not None and fold(str(conflict)) not in _CONFLICTS:
            raise names.invalid(
                "conflict effect is unknown", f"{_DETAILS}.{key}", expected=list(_CONFLICTS), got=conflict
            )
    return _built(parts)


def _operation(document: Json, names: Names, where: str) -> Expression:
    given = _object(document, where, names)
    folded = {fold(key): value for key, value in given.items()}
    operation = folded.get("operation")
    if not isinstance(operation, str) or fold(operation) not in _OPERATIONS:
        raise names.invalid(
            "operation is unknown", f"{where}.operation", expected=["add", "addOrReplace", "remove"], got=operation
        )
    needed = {"field"} if fold(operation) == "remove" else {"field", "value"}
    if missing := sorted(needed - set(folded)):
        raise names.invalid("operation is incomplete", where, expected=missing, got=sorted(given))
    return _built({key: _part(key, value, names, f"{where}.{key}", is_modified=True) for key, value in given.items()})


def _append(document: Json, names: Names) -> Expression:
    found: list[Expression] = []
    for at, one in enumerate(_list(document, _DETAILS, names)):
        where = f"{_DETAILS}[{at}]"
        given = _object(one, where, names)
        if missing := sorted({"field", "value"} - set(map(fold, given))):
            raise names.invalid("append is incomplete", where, expected=missing, got=sorted(given))
        found.append(_built({key: _part(key, value, names, f"{where}.{key}") for key, value in given.items()}))
    return _array(found)


def _part(key: str, value: Json, names: Names, where: str, *, is_modified: bool = False) -> Expression:
    compiled = compile_value(value, names, where)
    if fold(key) == "field":
        _require_field(compiled, names, where, is_modified=is_modified)
    return Literal(value) if fold(key) == "condition" else compiled


def _require_field(field: Expression, names: Names, where: str, *, is_modified: bool) -> None:
    """Refuse what names no field, or one that Azure says cannot be modified."""
    if not isinstance(field, Literal) or field.value is UNREAD:
        return
    if not isinstance(field.value, str) or not field.value:
        raise names.invalid("field is not a name", where, expected="text", got=field.value)
    names.field_path(field.value, where)
    found = names.aliases.find(field.value) if is_modified else ()
    if found and all(alias.is_modifiable is False for alias in found):
        raise names.invalid("alias cannot be modified", where, expected="a modifiable alias", got=field.value)


def _general(effect: str, document: Json, names: Names) -> Expression:
    details = _object(document, _DETAILS, names)
    if effect == "denyaction":
        actions = {fold(key): value for key, value in details.items()}.get("actionnames")
        if not isinstance(actions, list) or not actions:
            raise names.invalid(
                "denyAction needs action names", f"{_DETAILS}.actionNames", expected=["delete"], got=actions
            )
    return _built(
        {
            key: compile_value(value, names, f"{_DETAILS}.{key}")
            for key, value in details.items()
            if fold(key) not in _LEFT_OUT
        }
    )


def _built(parts: Mapping[str, Expression]) -> Expression:
    return Call("createobject", tuple(one for key, value in parts.items() for one in (Literal(key), value)))


def _array(parts: list[Expression]) -> Expression:
    return Call("createarray", tuple(parts))


def _object(document: Json, where: str, names: Names) -> dict[str, Json]:
    if not isinstance(document, dict):
        raise names.invalid("details are not an object", where, expected="an object", got=type(document).__name__)
    return document


def _list(document: Json, where: str, names: Names) -> list[Json]:
    if not isinstance(document, list):
        raise names.invalid("details are not a list", where, expected="a list", got=type(document).__name__)
    return document
