"""Azure Policy assignments as documents, read unmodified: what is assigned where, with which values and exceptions.

Accepted is what Azure exports (``{"id", "name", "properties": {"policyDefinitionId", …}}``); a scope that is not stated
is the part of the id before the assignment's own provider. The definitions that are named are resolved elsewhere
(`policy.effective`).

Source: https://learn.microsoft.com/azure/governance/policy/concepts/assignment-structure
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.value import Json
from policy.fields import Fields
from policy.scope import Scope, parse_scope
from policy.selector import Override, ResourceSelector, parse_overrides, parse_resource_selectors

MARK: Final = "/providers/microsoft.authorization/policyassignments/"
KIND: Final = "Microsoft.Authorization/policyAssignments"
_NOT_SCOPES_MAX: Final = 400
_PARAMETER: Final = "value"


class Enforcement(StrEnum):
    """Whether effects act on resources. Resources are assessed either way."""

    DEFAULT = "Default"
    DO_NOT_ENFORCE = "DoNotEnforce"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment.

    Args:
        assignment_id: whole id, in its own spelling; compare folded.
        definition_id: of a definition or an initiative, as written.
        messages: what a reader of a violation is told, by folded reference id; under ``""`` for every policy.
        identity: kept for what acts on resources; nothing here uses it.
        origin: where it was read, for messages.
    """

    assignment_id: str
    name: str
    display_name: str
    definition_id: str
    scope: Scope
    not_scopes: tuple[Scope, ...]
    parameters: Mapping[str, Json]
    enforcement: Enforcement
    selectors: tuple[ResourceSelector, ...]
    overrides: tuple[Override, ...]
    messages: Mapping[str, str]
    origin: str
    definition_version: str | None = None
    identity: Mapping[str, Json] = field(default_factory=dict)
    metadata: Mapping[str, Json] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The form in which two spellings of its id are equal."""
        return self.assignment_id.casefold()

    def message(self, reference_id: str) -> str:
        """What to say of a violation of one of its policies; empty where it says nothing."""
        return self.messages.get(reference_id.casefold(), self.messages.get("", ""))


def is_assignment(document: Json) -> bool:
    """Whether a document is an assignment, by its type or by what it must have."""
    if not isinstance(document, dict):
        return False
    kind, inner = document.get("type"), document.get("properties", document)
    if isinstance(kind, str) and kind.casefold() == KIND.casefold():
        return True
    return isinstance(inner, dict) and "policyDefinitionId" in inner and "policyAssignmentId" not in inner


def parse_assignment(document: Json, *, origin: str) -> Assignment:
    """Read an assignment.

    Raises:
        InvalidDefinition: names the file, the JSON path, what was expected and what was found.
    """
    outer = Fields.of(document, origin)
    inner = outer.inner("properties") if "properties" in outer.body else outer
    written = outer.optional("id") or ""
    name = outer.optional("name") or written.rpartition("/")[2]
    if not name:
        raise outer.wrong("assignment has no name", "name", expected="name or id", got=sorted(outer.body))
    scope = inner.optional("scope") or _scope_in(written)
    if scope is None:
        raise inner.wrong("assignment has no scope", "scope", expected="a scope, or an id that holds one", got=written)
    return Assignment(
        assignment_id=written or f"{scope.rstrip('/')}/providers/{KIND}/{name}",
        name=name,
        display_name=inner.optional("displayName") or name,
        definition_id=inner.text("policyDefinitionId"),
        scope=parse_scope(scope),
        not_scopes=_not_scopes(inner),
        parameters=_parameters(inner),
        enforcement=_enforcement(inner),
        selectors=parse_resource_selectors(inner),
        overrides=parse_overrides(inner),
        messages=_messages(inner),
        origin=origin,
        definition_version=inner.optional("definitionVersion"),
        identity=outer.inner("identity").body,
        metadata=inner.inner("metadata").body,
    )


def _scope_in(assignment_id: str) -> str | None:
    at = assignment_id.casefold().find(MARK)
    return None if at < 0 else assignment_id[:at] or "/"


def _not_scopes(inner: Fields) -> tuple[Scope, ...]:
    found = inner.texts("notScopes") or ()
    if len(found) > _NOT_SCOPES_MAX:
        raise inner.wrong("too many notScopes", "notScopes", expected=f"at most {_NOT_SCOPES_MAX}", got=len(found))
    return tuple(map(parse_scope, found))


def _parameters(inner: Fields) -> dict[str, Json]:
    given = inner.inner("parameters")
    found: dict[str, Json] = {}
    for name in given.body:
        holder = given.inner(name)
        if _PARAMETER not in holder.body:
            raise given.wrong("parameter has no value", name, expected='{"value": …}', got=dict(holder.body))
        found[name] = holder.body[_PARAMETER]
    return found


def _enforcement(inner: Fields) -> Enforcement:
    text = inner.optional("enforcementMode") or Enforcement.DEFAULT.value
    known = {mode.value.casefold(): mode for mode in Enforcement}
    if text.casefold() not in known:
        expected = [mode.value for mode in Enforcement]
        raise inner.wrong("enforcement mode is unknown", "enforcementMode", expected=expected, got=text)
    return known[text.casefold()]


def _messages(inner: Fields) -> dict[str, str]:
    return {
        (each.optional("policyDefinitionReferenceId") or "").casefold(): each.text("message")
        for each in inner.objects("nonComplianceMessages")
    }
