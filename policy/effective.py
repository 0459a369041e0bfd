"""What assignments come to: which definition, with which values and effect, on which of the resources in scope.

An initiative becomes one entry for each of its policies, and an override that only some resources meet splits an entry:
each resource in scope belongs to exactly one of the parts. Overrides are asked in their order and the first that
takes a resource decides. Nothing is compiled here.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/assignment-structure
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.value import Json
from policy.assignment import Assignment
from policy.errors import DefinitionError, InvalidDefinition
from policy.initiative import Initiative, Passed, passed
from policy.selector import EFFECT_OVERRIDE, Override, Selector, Traits, selected


@dataclass(frozen=True, slots=True)
class Part:
    """The resources of an assignment that one effect is for.

    Args:
        effect: instead of the definition's own; None leaves that.
        where: conditions that its resources meet, all of them.
        unless: conditions of earlier overrides; its resources fail each set of them.
    """

    effect: str | None = None
    where: tuple[Selector, ...] = ()
    unless: tuple[tuple[Selector, ...], ...] = ()

    def has(self, traits: Traits) -> bool:
        """Whether a resource belongs to this part."""
        if not all(selector.selects(traits) for selector in self.where):
            return False
        return not any(all(selector.selects(traits) for selector in earlier) for earlier in self.unless)


@dataclass(frozen=True, slots=True)
class Effective:
    """One policy in force.

    Args:
        definition_id: last segment of the id that was named.
        reference_id: of the policy in its initiative; empty where a definition is assigned.
        parameters: values for the definition's parameters.
        groups: names of the initiative's groups.
        problem: why it cannot be judged whatever its definition says; empty where it can.
    """

    assignment: Assignment
    definition_id: str
    reference_id: str
    parameters: Mapping[str, Json]
    part: Part
    groups: tuple[str, ...] = ()
    problem: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays the same when values, effects or scopes of it change; its parts share it."""
        return (self.definition_id.casefold(), self.assignment.key, self.reference_id.casefold())

    @property
    def message(self) -> str:
        """What a reader of a violation is told; empty where the assignment says nothing."""
        return self.assignment.message(self.reference_id)

    def selects(self, traits: Traits) -> bool:
        """Whether a resource in scope is meant."""
        return selected(self.assignment.selectors, traits) and self.part.has(traits)


def effective_policies(
    assignments: Iterable[Assignment], initiatives: Mapping[str, Initiative]
) -> tuple[Effective, ...]:
    """Every policy in force, in order of assignment and of the initiative's list.

    What is wrong with the values of one assignment is the `problem` of its entries: the others still run.

    Args:
        initiatives: by folded id.
    """
    ordered = sorted(assignments, key=lambda assignment: assignment.key)
    return tuple(found for assignment in ordered for found in _of(assignment, initiatives))


def last_segment(identity: str) -> str:
    """The name at the end of an id."""
    return identity.rstrip("/").rpartition("/")[2]


def _of(assignment: Assignment, initiatives: Mapping[str, Initiative]) -> Iterator[Effective]:
    name = last_segment(assignment.definition_id)
    initiative = initiatives.get(name.casefold())
    if initiative is None:
        for part in _parts(assignment.overrides, ""):
            yield Effective(assignment, name, "", assignment.parameters, part)
        return
    problem, given = _passed(initiative, assignment)
    for member, values in zip(initiative.members, given, strict=True):
        for part in _parts(assignment.overrides, member.reference_id):
            yield Effective(
                assignment=assignment,
                definition_id=last_segment(member.definition_id),
                reference_id=member.reference_id,
                parameters=values.values,
                part=part,
                groups=member.groups,
                problem=problem or _lacking(values),
            )


def _passed(initiative: Initiative, assignment: Assignment) -> tuple[str, Sequence[Passed]]:
    try:
        return "", passed(initiative, assignment.parameters)
    except DefinitionError as error:
        told = InvalidDefinition(error.summary, **{**error.facts, "assignment": assignment.origin})
        return str(told), [Passed({}) for _ in initiative.members]


def _lacking(values: Passed) -> str:
    named = ", ".join(values.absent)
    return f"the assignment gives no value to the initiative's parameter {named}" if named else ""


def _parts(overrides: Sequence[Override], reference_id: str) -> Iterator[Part]:
    """The parts that effect overrides make of one policy's resources."""
    earlier: list[tuple[Selector, ...]] = []
    for override in overrides:
        if override.kind != EFFECT_OVERRIDE or not override.names(reference_id):
            continue
        yield Part(override.value, override.of_resources, tuple(earlier))
        if not override.of_resources:
            return
        earlier.append(override.of_resources)
    yield Part(unless=tuple(earlier))


def unknown_definitions(policies: Iterable[Effective], known: Iterable[str]) -> tuple[Effective, ...]:
    """The policies whose definition is not among those that are known, one for each id and assignment."""
    folded = {name.casefold() for name in known}
    found: dict[tuple[str, str], Effective] = {}
    for policy in policies:
        if policy.definition_id.casefold() not in folded:
            found.setdefault((policy.definition_id.casefold(), policy.assignment.key), policy)
    return tuple(found.values())
