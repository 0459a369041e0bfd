"""The policies that a scan judges by: built in, imported earlier, or read from files, each compiled once.

What a request names later wins where two sources have one id, so a customer's own version of a policy replaces ours.
Imported definitions that check nothing (attestations, managed controls, data-plane modes) are kept and listed, but no
scan counts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from actors.messages import APPLIED, BUILTIN, IMPORTED
from assessment.assigned import FindDefinition, Workshop, assigned_policies
from assessment.inputs import AssessedPolicy
from assessment.policies import assessed_policy
from domain.errors import InputError, NotFound
from domain.finding import PolicyId
from domain.value import Json
from graph.stores.contract import StoredDefinition
from policy.aliases import AliasTable, read_rows
from policy.corpus import ImportRow, import_documents
from policy.definition import Definition, parse_definition
from policy.exemption_document import ExemptionDocument
from policy.pack import load_pack
from policy.policy_set import PolicySet, is_policy_file, read_policy_set

INLINE: Final = "scenario"
UNSUPPORTED: Final = "unsupported"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Policies in order of id, and the exemptions that came with their assignments."""

    policies: tuple[AssessedPolicy, ...] = ()
    exemptions: tuple[ExemptionDocument, ...] = ()


def chosen_policies(
    sources: Sequence[str],
    definitions: Iterable[StoredDefinition],
    aliases: AliasTable,
    applied: PolicySet | None = None,
) -> Chosen:
    """The policies of all sources. What is assigned is judged as assigned, and not everywhere as well.

    Args:
        applied: what the source ``applied`` stands for.

    Raises:
        InputError: a path holds no definitions.
    """
    chosen: dict[PolicyId, AssessedPolicy] = {}
    exemptions: list[ExemptionDocument] = []
    for source in sources:
        found = _policies_of(source, definitions, aliases, applied or PolicySet())
        assigned = {policy.assigned.definition_id.casefold() for policy in found.policies if policy.assigned}
        chosen = {name: policy for name, policy in chosen.items() if name.casefold() not in assigned}
        chosen |= {policy.policy_id: policy for policy in found.policies}
        exemptions += found.exemptions
    return Chosen(tuple(chosen[policy_id] for policy_id in sorted(chosen)), tuple(exemptions))


def assigned_in(
    found: PolicySet,
    definitions: Iterable[StoredDefinition],
    aliases: AliasTable,
    *,
    source: str,
    done: dict[str, AssessedPolicy] | None = None,
) -> Chosen:
    """The policies in force by some assignments; definitions are those beside them, then imported, then built in."""
    find = definition_finder(found, definitions)
    workshop = Workshop(find, aliases, source, done if done is not None else {})
    return Chosen(assigned_policies(found.effective, workshop), found.exemptions)


def definition_finder(found: PolicySet, definitions: Iterable[StoredDefinition]) -> FindDefinition:
    """Looks definitions up by id: those of a set, then imported, then built in. Each is read once."""
    known: dict[str, Definition] = dict(found.definitions)
    stored = {each.policy_id.casefold(): each for each in definitions}

    def find(policy_id: str) -> Definition | None:
        name = policy_id.casefold()
        if name not in known and name in stored:
            known[name] = _stored(stored[name])
        return known.get(name) or _pack_definitions().get(name)

    return find


def known_definitions(definitions: Iterable[StoredDefinition]) -> Mapping[str, Definition]:
    """The built-in and the imported definitions by folded id."""
    return {**_pack_definitions(), **{each.policy_id.casefold(): _stored(each) for each in definitions}}


@lru_cache(maxsize=1)
def _pack_definitions() -> Mapping[str, Definition]:
    return {known.policy_id.casefold(): known.definition for known in load_pack()}


def find_policy(
    policy_id: str, definitions: Iterable[StoredDefinition], aliases: AliasTable, parameters: Mapping[str, Json]
) -> AssessedPolicy:
    """One known policy, compiled with parameters; ids are compared without case.

    Raises:
        NotFound: neither built in nor imported.
    """
    definition, source = find_definition(policy_id, definitions)
    return assessed_policy(definition, aliases, source=source, parameters=parameters)


def find_definition(policy_id: str, definitions: Iterable[StoredDefinition]) -> tuple[Definition, str]:
    """One known definition and where it came from.

    Raises:
        NotFound: neither built in nor imported.
    """
    for stored in definitions:
        if stored.policy_id.lower() == policy_id.lower():
            return _stored(stored), IMPORTED
    for known in load_pack():
        if known.policy_id.lower() == policy_id.lower():
            return known.definition, BUILTIN
    raise NotFound("no such policy", policy_id=policy_id, todo="See all policies with: pcg policies list")


def inline_policy(document: Json, aliases: AliasTable, parameters: Mapping[str, Json]) -> AssessedPolicy:
    """A definition that came with a request.

    Raises:
        InputError: it is not a definition.
    """
    return assessed_policy(parse_definition(document, origin=INLINE), aliases, source=INLINE, parameters=parameters)


@lru_cache(maxsize=1)
def builtin_policies() -> tuple[AssessedPolicy, ...]:
    """Our own pack, compiled with our own alias table."""
    aliases = AliasTable.builtin()
    return tuple(assessed_policy(known.definition, aliases, source=BUILTIN) for known in load_pack())


def unchecked_definitions(definitions: Iterable[StoredDefinition], aliases: AliasTable) -> tuple[ImportRow, ...]:
    """Imported definitions that no scan can check, each with the reason."""
    documents = {stored.policy_id: stored.document for stored in definitions if stored.state == UNSUPPORTED}
    return import_documents({name: dict(document) for name, document in documents.items()}, aliases).rows


def _policies_of(
    source: str, definitions: Iterable[StoredDefinition], aliases: AliasTable, applied: PolicySet
) -> Chosen:
    if source == BUILTIN:
        return Chosen(builtin_policies())
    if source == IMPORTED:
        checks = [stored for stored in definitions if stored.state != UNSUPPORTED]
        return Chosen(tuple(assessed_policy(_stored(stored), aliases, source=IMPORTED) for stored in checks))
    if source == APPLIED:
        return assigned_in(applied, definitions, aliases, source=APPLIED)
    found = _read(Path(source))
    if found.assignments:
        return assigned_in(found, definitions, aliases, source=source)
    return Chosen(tuple(assessed_policy(each, aliases, source=source) for each in found.definitions.values()))


def _stored(stored: StoredDefinition) -> Definition:
    return replace(parse_definition(dict(stored.document), origin=stored.origin), policy_id=stored.policy_id)


def _read(path: Path) -> PolicySet:
    """The documents of a file, or of every JSON file below a folder but a bundle's manifest and tests.

    Raises:
        InputError: there is none, or one is not valid.
    """
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    found = read_policy_set(
        (f"{file}:{number}", document)
        for file in files
        if path.is_file() or is_policy_file(file.relative_to(path).parts)
        for number, document in enumerate(read_rows(file), start=1)
    )
    if not found.definitions and not found.assignments:
        raise InputError(
            "no policy definition here", where=str(path), todo="Give a file or folder of Azure definitions"
        )
    return found
