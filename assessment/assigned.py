"""Policies in force, compiled: every entry of `policy.effective` as a policy that a scan can judge by.

A policy that is assigned once is judged under its definition's id. Where one definition is assigned several times, the
assignment's name is added (``definition@assignment``), then the reference id where an initiative has the definition
twice, and the effect where an override splits it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import orjson

from assessment.inputs import AssessedPolicy, PolicyState
from assessment.policies import SEVERITY_UNSTATED, assessed_policy, definition_digest
from domain.finding import PolicyId
from policy.aliases import AliasTable
from policy.definition import Definition
from policy.effective import Effective

FindDefinition = Callable[[str], Definition | None]
"""A known definition by its id, compared without case."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What policies are compiled with, and what was compiled already.

    Args:
        find: knows the definitions.
        source: where the assignments came from, for readers.
        done: compiled policies by what they are made of; kept for a set that is nearly the same.
    """

    find: FindDefinition
    aliases: AliasTable
    source: str
    done: dict[str, AssessedPolicy] = field(default_factory=dict, repr=False)


def assigned_policies(effective: Sequence[Effective], workshop: Workshop) -> tuple[AssessedPolicy, ...]:
    """Compile every policy in force; why one cannot run is part of the result, and names the assignment."""
    ids = policy_ids(effective)
    return tuple(_assessed(policy, name, workshop) for policy, name in zip(effective, ids, strict=True))


def policy_ids(effective: Sequence[Effective]) -> tuple[PolicyId, ...]:
    """The id of each policy in force: the shortest of its names that no other has."""
    names = [_names(policy) for policy in effective]
    counts = [Counter(name[depth].casefold() for name in names) for depth in range(len(_DEPTHS))]
    found: list[PolicyId] = []
    for at, name in enumerate(names):
        alone = (one for one, count in zip(name, counts, strict=True) if count[one.casefold()] == 1)
        found.append(PolicyId(next(alone, f"{name[-1]}#{at}")))
    return tuple(found)


_DEPTHS = ("definition", "assignment", "reference", "effect")


def _names(policy: Effective) -> tuple[str, ...]:
    assigned = f"{policy.definition_id}@{policy.assignment.name}"
    referenced = f"{assigned}/{policy.reference_id}" if policy.reference_id else assigned
    return (policy.definition_id, assigned, referenced, f"{referenced}:{policy.part.effect or 'default'}")


def _assessed(policy: Effective, policy_id: PolicyId, workshop: Workshop) -> AssessedPolicy:
    definition = workshop.find(policy.definition_id)
    if definition is None:
        reason = f"its definition is not known: {policy.definition_id}, named in {policy.assignment.origin}"
        return _unjudged(policy, policy_id, workshop, PolicyState.ERROR, reason)
    if policy.problem:
        state = PolicyState.NEEDS_PARAMETERS if "gives no value" in policy.problem else PolicyState.ERROR
        found = _unjudged(policy, policy_id, workshop, state, policy.problem)
        return replace(found, title=definition.display_name or definition.policy_id)
    key = _made_of(policy, policy_id, definition)
    if key not in workshop.done:
        workshop.done[key] = _compiled(policy, policy_id, definition, workshop)
    found = workshop.done[key]
    digest = _digest(found.digest, policy)
    return replace(found, assigned=policy, digest=digest, finding=policy.message or found.finding)


def _compiled(policy: Effective, policy_id: PolicyId, definition: Definition, workshop: Workshop) -> AssessedPolicy:
    if policy.part.effect is not None:
        definition = replace(definition, then={**definition.then, "effect": policy.part.effect})
    found = assessed_policy(
        definition, workshop.aliases, source=workshop.source, policy_id=policy_id, parameters=policy.parameters
    )
    if found.reason is None:
        return found
    return replace(found, reason=f"{found.reason} Assigned in {policy.assignment.origin}")


def _unjudged(
    policy: Effective, policy_id: PolicyId, workshop: Workshop, state: PolicyState, reason: str
) -> AssessedPolicy:
    return AssessedPolicy(
        policy_id=policy_id,
        title=policy.definition_id,
        finding=policy.message or policy.definition_id,
        source=workshop.source,
        severity=SEVERITY_UNSTATED,
        digest=_digest("", policy),
        state=state,
        reason=reason,
        assigned=policy,
    )


def _made_of(policy: Effective, policy_id: PolicyId, definition: Definition) -> str:
    told = [definition.display_name, definition.description, definition.metadata, definition.origin]
    parts = [policy_id, policy.parameters, policy.part.effect, definition_digest(definition), told]
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode()


def _digest(definition_digest: str, policy: Effective) -> str:
    """SHA-256, hexadecimal, of what decides: the definition, its values and effect, and where it is judged."""
    assignment = policy.assignment
    parts = [
        definition_digest,
        policy.key,
        policy.parameters,
        policy.part.effect,
        repr((policy.part, assignment.selectors)),
        assignment.scope.key,
        sorted(scope.key for scope in assignment.not_scopes),
        assignment.enforcement.value,
    ]
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
