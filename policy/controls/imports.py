"""Mappings that others publish: Azure initiatives and Prowler compliance files, read where and when they are wanted.

A control id is brought into the form of our frameworks where we know which framework it is of; the rest keeps its own
names, so that a customer's own initiative works as well. Nothing is dropped without a word: what names a policy or
check that does not exist, or a control that its framework does not have, is in the report by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import InputError
from domain.finding import Control
from domain.value import Json
from policy.aliases import read_rows
from policy.controls.azure_names import azure_control
from policy.controls.mapping import ControlMapping, Provenance, strength_of, unknown_controls
from policy.controls.prowler_names import prowler_control


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that leads nowhere, and where it stands."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class ImportedMappings:
    """What files came to.

    Args:
        sources: titles of the initiatives and compliance files, in order.
        unknown_policies: policies or checks that are mapped and do not exist; empty where nobody said which exist.
        unknown_controls: controls that their framework does not have.
        ungrouped: initiatives without any control.
    """

    mappings: tuple[ControlMapping, ...]
    sources: tuple[str, ...]
    unknown_policies: tuple[Reference, ...] = ()
    unknown_controls: tuple[Control, ...] = ()
    ungrouped: tuple[str, ...] = ()


def read_mappings(paths: Iterable[Path], *, known: Collection[str] | None = None) -> ImportedMappings:
    """Read files, or folders of JSON files, of either kind.

    Args:
        known: ids of all policies and checks that exist; without it no reference is called unknown.

    Raises:
        InputError: a file is not readable, or a document is of neither kind; names the file.
    """
    documents = [
        (document, f"{file}:{number}")
        for path in paths
        for file in _files(path)
        for number, document in enumerate(read_rows(file), start=1)
    ]
    return import_mappings(documents, known=known)


def import_mappings(documents: Sequence[tuple[Json, str]], *, known: Collection[str] | None = None) -> ImportedMappings:
    """The same of documents, each with its place.

    Raises:
        InputError: a document is of neither kind.
    """
    mappings: dict[ControlMapping, None] = {}
    sources: list[str] = []
    ungrouped: list[str] = []
    for document, origin in documents:
        title, found = _read(document, origin)
        sources.append(title)
        mappings |= dict.fromkeys(found)
        if not found:
            ungrouped.append(title)
    existing = None if known is None else {name.lower() for name in known}
    missing = {
        Reference(mapping.policy, mapping.source): None
        for mapping in mappings
        if existing is not None and mapping.policy.lower() not in existing
    }
    return ImportedMappings(
        tuple(mappings), tuple(sources), tuple(missing), unknown_controls(mappings), tuple(ungrouped)
    )


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.json")) if path.is_dir() else [path]


def _read(document: Json, origin: str) -> tuple[str, list[ControlMapping]]:
    body = document if isinstance(document, dict) else {}
    properties = body.get("properties", body)
    if isinstance(properties, dict) and isinstance(properties.get("policyDefinitions"), list):
        title = str(properties.get("displayName") or body.get("name") or origin)
        return title, list(_initiative(properties, title, origin))
    folded = {key.lower(): value for key, value in body.items()}
    if isinstance(folded.get("requirements"), list) and isinstance(folded.get("framework"), str):
        title = str(folded.get("name") or folded["framework"])
        return title, list(_prowler(folded, title, origin))
    raise InputError(
        "neither an Azure initiative nor a Prowler compliance file",
        where=origin,
        expected="an object with properties.policyDefinitions, or with Framework and Requirements",
        got=sorted(body)[:8] if body else type(document).__name__,
        todo="Give initiatives as Azure exports them, or compliance files as Prowler has them",
    )


def _initiative(properties: dict[str, Any], title: str, origin: str) -> Iterator[ControlMapping]:
    for at, row in enumerate(properties["policyDefinitions"]):
        identity = row.get("policyDefinitionId") if isinstance(row, dict) else None
        if not isinstance(identity, str):
            raise _wrong(origin, f"$.properties.policyDefinitions[{at}].policyDefinitionId", "a definition's id", row)
        for group in row.get("groupNames") or ():
            if not isinstance(group, str):
                raise _wrong(origin, f"$.properties.policyDefinitions[{at}].groupNames", "names of groups", group)
            control = azure_control(group, title)
            name = identity.rpartition("/")[2]
            yield ControlMapping(name, control, Provenance.AZURE, strength_of(control), title)


def _prowler(folded: dict[str, Any], title: str, origin: str) -> Iterator[ControlMapping]:
    framework, version = str(folded["framework"]), str(folded.get("version") or "")
    cloud = str(folded.get("provider") or "")
    source = f"{title} ({cloud})" if cloud else title
    for at, row in enumerate(folded["requirements"]):
        own = {key.lower(): value for key, value in row.items()} if isinstance(row, dict) else {}
        if not isinstance(own.get("id"), str):
            raise _wrong(origin, f"$.Requirements[{at}].Id", "text", row)
        control = prowler_control(framework, version, cloud, own["id"])
        for check in _checks(own.get("checks")):
            yield ControlMapping(check, control, Provenance.PROWLER, strength_of(control), source)


def _checks(found: Any) -> list[str]:
    """Checks stand in a list, or in a list for each provider."""
    lists = found.values() if isinstance(found, dict) else [found]
    return [check for each in lists if isinstance(each, list) for check in each if isinstance(check, str)]


def _wrong(origin: str, path: str, expected: str, got: object) -> InputError:
    return InputError(
        "not as such a document must be",
        where=origin,
        path=path,
        expected=expected,
        got=str(got)[:80],
        todo="Correct the document",
    )
