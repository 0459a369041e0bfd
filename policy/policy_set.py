"""Policy documents of every kind, told apart and read: definitions, initiatives, assignments, exemptions.

Two documents of one kind with one id are an error that names both; one that is of no kind is an error too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

from domain.value import Json
from policy.assignment import Assignment, is_assignment, parse_assignment
from policy.definition import Definition, parse_definition
from policy.effective import Effective, effective_policies, unknown_definitions
from policy.errors import InvalidDefinition
from policy.exemption_document import ExemptionDocument, is_exemption, parse_exemption
from policy.initiative import Initiative, is_initiative, parse_initiative

_Document = TypeVar("_Document", Definition, Initiative, Assignment, ExemptionDocument)

MANIFEST: Final = "bundle.json"
TESTS: Final = "tests"


class Kind(StrEnum):
    """What a document is; the value is the folder of a bundle that holds such documents."""

    DEFINITION = "definitions"
    INITIATIVE = "initiatives"
    ASSIGNMENT = "assignments"
    EXEMPTION = "exemptions"


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Documents that were read, each kind in the order in which it came.

    Args:
        definitions, initiatives: by folded id.
    """

    definitions: Mapping[str, Definition] = field(default_factory=dict)
    initiatives: Mapping[str, Initiative] = field(default_factory=dict)
    assignments: tuple[Assignment, ...] = ()
    exemptions: tuple[ExemptionDocument, ...] = ()

    @property
    def effective(self) -> tuple[Effective, ...]:
        """Every policy in force by the assignments."""
        return effective_policies(self.assignments, self.initiatives)

    def unknown(self, known: Iterable[str]) -> tuple[Effective, ...]:
        """What is assigned and has no definition, here or among those that are known elsewhere."""
        return unknown_definitions(self.effective, [*self.definitions, *known])


def is_policy_file(parts: Sequence[str]) -> bool:
    """Whether a file of a folder, by its path, holds policy documents: not a bundle's manifest, nor its tests."""
    return parts[0] != TESTS and parts[-1] != MANIFEST


def kind_of(document: Json) -> Kind:
    """What a document is. What is nothing else counts as a definition, whose errors say what one must have."""
    if is_assignment(document):
        return Kind.ASSIGNMENT
    if is_exemption(document):
        return Kind.EXEMPTION
    return Kind.INITIATIVE if is_initiative(document) else Kind.DEFINITION


def read_policy_set(documents: Iterable[tuple[str, Json]]) -> PolicySet:
    """Read documents, each with where it came from.

    Raises:
        InvalidDefinition: one is not valid, or two have one id; names the file and the place in it.
    """
    definitions: dict[str, Definition] = {}
    initiatives: dict[str, Initiative] = {}
    assignments: dict[str, Assignment] = {}
    exemptions: dict[str, ExemptionDocument] = {}
    for origin, document in documents:
        match kind_of(document):
            case Kind.DEFINITION:
                definition = parse_definition(document, origin=origin)
                _put(definitions, definition.policy_id, definition, origin)
            case Kind.INITIATIVE:
                initiative = parse_initiative(document, origin=origin)
                _put(initiatives, initiative.initiative_id, initiative, origin)
            case Kind.ASSIGNMENT:
                assignment = parse_assignment(document, origin=origin)
                _put(assignments, assignment.assignment_id, assignment, origin)
            case _:
                exemption = parse_exemption(document, origin=origin)
                _put(exemptions, exemption.exemption_id, exemption, origin)
    return PolicySet(definitions, initiatives, tuple(assignments.values()), tuple(exemptions.values()))


def identity_of(document: Json, *, origin: str) -> tuple[Kind, str]:
    """What a document is, and the id that it has among its kind.

    Raises:
        InvalidDefinition: it is not valid.
    """
    found = read_policy_set([(origin, document)])
    for definition in found.definitions.values():
        return Kind.DEFINITION, definition.policy_id
    for initiative in found.initiatives.values():
        return Kind.INITIATIVE, initiative.initiative_id
    for assignment in found.assignments:
        return Kind.ASSIGNMENT, assignment.assignment_id
    return Kind.EXEMPTION, found.exemptions[0].exemption_id


def _put(kept: dict[str, _Document], identity: str, document: _Document, origin: str) -> None:
    before = kept.get(identity.casefold())
    if before is not None:
        raise InvalidDefinition(
            "id is used twice",
            where=origin,
            path="$.name",
            expected=f"an id that {before.origin} does not have",
            got=identity,
            todo="Give each document an id of its own",
        )
    kept[identity.casefold()] = document
