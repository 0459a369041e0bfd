"""From a definition to a program: names resolved, parameters filled in, constants folded, columns named.

Decided here: what every name and function in a rule means. What a program needs but cannot have is an error
that says so: an alias that no table knows, a parameter without a value, a function or effect that needs more
than the resource itself.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.finding import PolicyId
from domain.resource import Provider
from domain.value import UNREAD, Json
from graph.path import fold
from policy.aliases import AliasTable
from policy.condition import compile_condition
from policy.definition import Definition
from policy.details import compile_details
from policy.errors import InvalidDefinition, NeedsParameters, UnsupportedDefinition
from policy.existence import Existence
from policy.existence_details import compile_existence
from policy.names import Names
from policy.parameters import resolve_parameters
from policy.selection import selected_types
from policy.template import compile_value
from policy.tree import Condition, Constant, Expression, Literal, reads_of, uses_time

EFFECTS: Final = frozenset(
    {
        "addtonetworkgroup",
        "append",
        "audit",
        "auditaction",
        "auditifnotexists",
        "deny",
        "denyaction",
        "deployifnotexists",
        "disabled",
        "enforcesetting",
        "manual",
        "modify",
        "mutate",
    }
)
_NOT_ASSESSED: Final = frozenset({"disabled", "denyaction", "auditaction", "manual"})
_RELATED: Final = frozenset({"auditifnotexists", "deployifnotexists"})
_MODES: Final = frozenset({"all", "indexed"})


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A policy ready to run.

    Args:
        types: folded types its condition can be true of, None for every type.
        clouds: providers whose resources it is meant for.
        paths: columns to shred of the resources it judges.
        effect: lower-case; empty in a partial program where it hangs on a parameter without a value.
        existence: what must be missing beside a resource for which `condition` is true; None for effects that look
            at the resource alone.
        details: what the effect is to do, as `interpret.details_of` works it out for a resource; None where it has
            none.
    """

    policy_id: PolicyId
    condition: Condition
    types: frozenset[str] | None
    clouds: frozenset[Provider]
    mode: str
    effect: str
    paths: frozenset[str]
    is_time_dependent: bool
    definition: Definition = field(repr=False)
    existence: Existence | None = None
    details: Expression | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether it is to be assessed: not where it is disabled, judges requests, or is attested by a person."""
        return self.effect not in _NOT_ASSESSED

    def applies_to(self, kind: str, provider: Provider) -> bool:
        """Whether resources of a type can be in its scope."""
        return provider in self.clouds and (self.types is None or fold(kind) in self.types)


def compile_definition(
    definition: Definition,
    aliases: AliasTable,
    *,
    parameters: Mapping[str, Json] | None = None,
    policy_id: str | None = None,
    context: Mapping[str, Json] | None = None,
    is_partial: bool = False,
) -> Program:
    """Compile a definition with parameter values.

    Args:
        context: what ``requestContext()``, ``resourceGroup()`` and ``subscription()`` answer, by those names. Without
            it: the newest API version of the resource's type, and what the resource's id says.
        is_partial: compile although parameters have no value; what needs one is unknown.

    Raises:
        InvalidDefinition: the rule breaks the language, or a parameter value is not allowed.
        MissingAlias: an alias is in no table.
        UnsupportedDefinition: needs what this engine does not have.
        NeedsParameters: would run, but a parameter has no value.
    """
    resolved = resolve_parameters(definition, parameters or {})
    absent = frozenset(map(str.casefold, resolved.absent)) if is_partial else frozenset()
    names = Names(aliases, resolved.values, context or {}, definition.origin, absent)
    _require_mode(definition)
    effect = _effect(definition, names)
    condition = compile_condition(definition.condition, names)
    types = frozenset() if isinstance(condition, Constant) and not condition.truth else selected_types(condition)
    existence = compile_existence(definition.then.get("details"), names, types) if effect in _RELATED else None
    details = compile_details(effect, definition.then.get("details"), names)
    if resolved.absent and not is_partial:
        raise NeedsParameters(
            "parameters have no value",
            where=definition.origin,
            parameters=list(resolved.absent),
            todo="Give each a value in an assignment",
        )
    return Program(
        policy_id=PolicyId(policy_id or definition.policy_id),
        condition=condition,
        types=types,
        clouds=_clouds(definition),
        mode=definition.mode,
        effect=effect,
        paths=reads_of(condition) | (existence.outer_paths if existence else frozenset()),
        is_time_dependent=uses_time(condition) or (existence is not None and existence.is_time_dependent),
        definition=definition,
        existence=existence,
        details=details,
    )


def _require_mode(definition: Definition) -> None:
    if definition.mode.lower() not in _MODES:
        raise UnsupportedDefinition(
            "data-plane mode",
            where=definition.origin,
            path="$.properties.mode",
            expected=["All", "Indexed"],
            got=definition.mode,
            todo="Such policies are evaluated inside the service, not on its configuration",
        )


def _effect(definition: Definition, names: Names) -> str:
    path = "$.properties.policyRule.then.effect"
    found = compile_value(definition.then["effect"], names, path)
    effect = found.value if isinstance(found, Literal) else None
    if effect is UNREAD:
        return ""
    if not isinstance(effect, str) or effect.lower() not in EFFECTS:
        raise InvalidDefinition(
            "effect is unknown",
            where=definition.origin,
            path=path,
            expected=sorted(EFFECTS),
            got=effect,
            todo="Use one of those",
        )
    return effect.lower()


def _clouds(definition: Definition) -> frozenset[Provider]:
    named = definition.metadata.get("clouds")
    if named is None:
        return frozenset({Provider.AZURE})
    if not isinstance(named, list) or not all(name in list(Provider) for name in named):
        raise InvalidDefinition(
            "clouds are not known",
            where=definition.origin,
            path="$.properties.metadata.clouds",
            expected=[str(provider) for provider in Provider],
            got=named,
            todo="Name the providers whose resources the policy is meant for",
        )
    return frozenset(Provider(str(name)) for name in named)
