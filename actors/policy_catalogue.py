"""The policies that a scan judges by: built in, imported earlier, or read from files, each compiled once.

What a request names later wins where two sources have one id, so a customer's own version of a policy replaces ours.
Imported definitions that check nothing (attestations, managed controls, data-plane modes) are kept and listed, but no
scan counts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from actors.messages import BUILTIN, IMPORTED
from assessment.inputs import AssessedPolicy
from assessment.policies import assessed_policy
from domain.errors import InputError, NotFound
from domain.finding import PolicyId
from domain.value import Json
from graph.stores.contract import StoredDefinition
from policy.aliases import AliasTable, read_rows
from policy.corpus import ImportRow, import_documents
from policy.definition import Definition, parse_definition
from policy.pack import load_pack

INLINE: Final = "scenario"
UNSUPPORTED: Final = "unsupported"


def chosen_policies(
    sources: Sequence[str], definitions: Iterable[StoredDefinition], aliases: AliasTable
) -> tuple[AssessedPolicy, ...]:
    """The policies of all sources, in order of id.

    Raises:
        InputError: a path holds no definitions.
    """
    chosen: dict[PolicyId, AssessedPolicy] = {}
    for source in sources:
        for policy in _policies_of(source, definitions, aliases):
            chosen[policy.policy_id] = policy
    return tuple(chosen[policy_id] for policy_id in sorted(chosen))


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


def _policies_of(source: str, definitions: Iterable[StoredDefinition], aliases: AliasTable) -> Iterable[AssessedPolicy]:
    if source == BUILTIN:
        return builtin_policies()
    if source == IMPORTED:
        checks = [stored for stored in definitions if stored.state != UNSUPPORTED]
        return [assessed_policy(_stored(stored), aliases, source=IMPORTED) for stored in checks]
    return [assessed_policy(definition, aliases, source=source) for definition in _read(Path(source))]


def _stored(stored: StoredDefinition) -> Definition:
    return replace(parse_definition(dict(stored.document), origin=stored.origin), policy_id=stored.policy_id)


def _read(path: Path) -> list[Definition]:
    """Definitions of a file, or of every JSON file below a folder.

    Raises:
        InputError: there is none, or one is not a definition.
    """
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    found = [
        parse_definition(document, origin=f"{file}:{number}")
        for file in files
        for number, document in enumerate(read_rows(file), start=1)
    ]
    if not found:
        raise InputError(
            "no policy definition here", where=str(path), todo="Give a file or folder of Azure definitions"
        )
    return found
