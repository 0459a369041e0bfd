"""Initiatives (policy set definitions) as documents, read unmodified, and the values that they pass to their policies.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/initiative-definition-structure
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.value import Absent, Json
from policy import expression as syntax
from policy.aliases import AliasTable
from policy.definition import Definition, parse_definition
from policy.fields import Fields
from policy.names import Names
from policy.parameters import resolve_parameters
from policy.template import compile_value
from policy.tree import Literal

KIND: Final = "Microsoft.Authorization/policySetDefinitions"
MEMBERS_MAX: Final = 1_000
_NO_RULE: Final[Mapping[str, Json]] = {"if": {"field": "type", "exists": "true"}, "then": {"effect": "audit"}}


@dataclass(frozen=True, slots=True)
class Group:
    """A group of policies: a control of a framework, where `metadata_id` says so."""

    name: str
    display_name: str
    category: str
    metadata_id: str


@dataclass(frozen=True, slots=True)
class Member:
    """One policy of an initiative.

    Args:
        definition_id: as written.
        parameters: values, with the initiative's own parameters still as ``[parameters('x')]``.
        path: JSON path of the entry, for messages.
    """

    reference_id: str
    definition_id: str
    parameters: Mapping[str, Json]
    groups: tuple[str, ...]
    path: str
    definition_version: str | None = None


@dataclass(frozen=True, slots=True)
class Initiative:
    """One initiative.

    Args:
        declaration: its parameters without their defaults, in the form in which a definition declares its own.
        defaults: by folded name. They are passed on as they are: Microsoft's own do not always have the type that
            they are declared with, and the policy that gets one checks it again.
    """

    initiative_id: str
    display_name: str
    version: str
    members: tuple[Member, ...]
    groups: tuple[Group, ...]
    declaration: Definition
    defaults: Mapping[str, Json]
    origin: str


@dataclass(frozen=True, slots=True)
class Passed:
    """What an initiative passes to one of its policies.

    Args:
        absent: the initiative's parameters that it would need and that have no value.
    """

    values: Mapping[str, Json]
    absent: tuple[str, ...] = ()


def is_initiative(document: Json) -> bool:
    """Whether a document is an initiative, by its type or by what it must have."""
    if not isinstance(document, dict):
        return False
    inner = document.get("properties", document)
    return isinstance(inner, dict) and "policyDefinitions" in inner


def parse_initiative(document: Json, *, origin: str) -> Initiative:
    """Read an initiative.

    Raises:
        InvalidDefinition: names the file, the JSON path, what was expected and what was found.
    """
    outer = Fields.of(document, origin)
    inner = outer.inner("properties") if "properties" in outer.body else outer
    written = outer.optional("name") or outer.optional("id") or inner.optional("displayName")
    if written is None:
        raise outer.wrong("initiative has no name", "name", expected="name or id", got=sorted(outer.body))
    initiative_id = written.rpartition("/")[2] if written.startswith("/") else written
    groups = tuple(_group(each) for each in inner.objects("policyDefinitionGroups"))
    members = _members(inner, {group.name.casefold() for group in groups})
    return Initiative(
        initiative_id=initiative_id,
        display_name=inner.optional("displayName") or initiative_id,
        version=inner.optional("version") or inner.inner("metadata").optional("version") or "",
        members=members,
        groups=groups,
        declaration=_declaration(initiative_id, inner.inner("parameters")),
        defaults=_defaults(inner.inner("parameters")),
        origin=origin,
    )


def passed(initiative: Initiative, given: Mapping[str, Json]) -> tuple[Passed, ...]:
    """What each member gets when the initiative is assigned with some values, in the order of the members.

    Raises:
        InvalidDefinition: a value is not allowed, or an expression is not one of the initiative's parameters.
    """
    resolved = resolve_parameters(initiative.declaration, given)
    absent = {name.casefold(): name for name in resolved.absent if name.casefold() not in initiative.defaults}
    unstated = {name: value for name, value in initiative.defaults.items() if name not in _folded(given)}
    names = Names(AliasTable(), {**resolved.values, **unstated}, {}, initiative.origin)
    return tuple(_passed(member, names, absent) for member in initiative.members)


def _folded(given: Mapping[str, Json]) -> set[str]:
    return {name.casefold() for name in given}


def _passed(member: Member, names: Names, absent: Mapping[str, str]) -> Passed:
    values: dict[str, Json] = {}
    missing: list[str] = []
    for name, value in member.parameters.items():
        needs = [absent[used] for used in sorted(_used(value)) if used in absent]
        missing += needs
        if not needs:
            values[name] = _value(value, names, f"{member.path}.parameters.{name}.value")
    return Passed(values, tuple(dict.fromkeys(missing)))


def _value(value: Json, names: Names, where: str) -> Json:
    found = compile_value(value, names, where)
    if not isinstance(found, Literal) or isinstance(found.value, Absent):
        expected = "a value, or [parameters('name')] of the initiative"
        raise names.invalid("parameter depends on a resource", where, expected=expected, got=value)
    return found.value


def _used(value: Json) -> set[str]:
    """The folded names of the initiative's parameters that a value is made of."""
    if isinstance(value, list):
        return {name for element in value for name in _used(element)}
    if isinstance(value, dict):
        return {name for element in value.values() for name in _used(element)}
    if not isinstance(value, str) or not syntax.is_expression(value):
        return set()
    return _used_in(syntax.parse_expression(value, where=value))


def _used_in(node: syntax.Syntax) -> set[str]:
    match node:
        case syntax.Invoke(name, arguments):
            own = {
                each.value.casefold() for each in arguments if name == "parameters" and isinstance(each, syntax.Text)
            }
            return own.union(*map(_used_in, arguments))
        case syntax.Access():
            return _used_in(node.subject) | _used_in(node.name)
        case _:
            return set()


def _members(inner: Fields, groups: set[str]) -> tuple[Member, ...]:
    found: dict[str, Member] = {}
    for at, each in enumerate(inner.objects("policyDefinitions")):
        member = _member(each, str(at), groups)
        if member.reference_id.casefold() in found:
            name = "policyDefinitionReferenceId"
            raise each.wrong("reference id is used twice", name, expected="distinct ids", got=member.reference_id)
        found[member.reference_id.casefold()] = member
    if not found or len(found) > MEMBERS_MAX:
        expected = f"one to {MEMBERS_MAX} policies"
        raise inner.wrong("initiative has no usable list", "policyDefinitions", expected=expected, got=len(found))
    return tuple(found.values())


def _member(fields: Fields, at: str, groups: set[str]) -> Member:
    definition_id = fields.text("policyDefinitionId")
    named = fields.texts("groupNames") or ()
    unknown = sorted(name for name in named if name.casefold() not in groups)
    if unknown:
        expected = "names in policyDefinitionGroups"
        raise fields.wrong("group is not declared", "groupNames", expected=expected, got=unknown)
    given = fields.inner("parameters")
    values = {}
    for name in given.body:
        holder = given.inner(name)
        if "value" not in holder.body:
            raise given.wrong("parameter has no value", name, expected='{"value": …}', got=dict(holder.body))
        values[name] = holder.body["value"]
    return Member(
        reference_id=fields.optional("policyDefinitionReferenceId") or f"{definition_id.rpartition('/')[2]}-{at}",
        definition_id=definition_id,
        parameters=values,
        groups=named,
        path=fields.path,
        definition_version=fields.optional("definitionVersion"),
    )


def _group(fields: Fields) -> Group:
    return Group(
        name=fields.text("name"),
        display_name=fields.optional("displayName") or "",
        category=fields.optional("category") or "",
        metadata_id=fields.optional("additionalMetadataId") or "",
    )


def _declaration(initiative_id: str, parameters: Fields) -> Definition:
    """The parameters without defaults; an empty list of allowed values allows every value."""
    declared: dict[str, Json] = {}
    for name in parameters.body:
        holder = {key: value for key, value in parameters.inner(name).body.items() if key != "defaultValue"}
        if holder.get("allowedValues") == []:
            del holder["allowedValues"]
        declared[name] = holder
    body: dict[str, Json] = {"parameters": declared, "policyRule": dict(_NO_RULE)}
    return parse_definition({"name": initiative_id, "properties": body}, origin=parameters.origin)


def _defaults(parameters: Fields) -> dict[str, Json]:
    holders = {name: parameters.inner(name).body for name in parameters.body}
    return {name.casefold(): body["defaultValue"] for name, body in holders.items() if "defaultValue" in body}
