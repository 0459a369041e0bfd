"""Importing many definitions at once, such as Microsoft's built-ins: which run, and of the rest exactly why not.

Paperwork is told apart from checks: definitions that a person attests, that Microsoft manages, or that are
evaluated inside a service are classified as such and never counted as monitored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from domain.errors import InputError
from domain.value import Json
from policy.aliases import AliasTable, read_rows
from policy.compile import Program
from policy.definition import Definition
from policy.errors import DefinitionError
from policy.foreign import compile_any, foreign_files, is_of_other_language, read_definition, read_foreign


class PolicyClass(StrEnum):
    """What a definition would need in order to be checked."""

    PER_RESOURCE = "per_resource"
    RELATED_RESOURCE = "related_resource"
    DATA_PLANE = "data_plane"
    MANUAL = "manual"
    MANAGED_CONTROL = "managed_control"


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One definition of an import.

    Args:
        state: ``runs``, ``needs_parameters``, ``unsupported``, ``missing_alias`` or ``invalid``.
        reason: why it does not run; empty where it does.
    """

    id: str
    name: str
    policy_class: PolicyClass
    state: str
    reason: str

    def as_json(self) -> dict[str, Json]:
        """The row as the import report writes it."""
        return {
            "id": self.id,
            "name": self.name,
            "class": str(self.policy_class),
            "state": self.state,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, eq=False)
class ImportReport:
    """What an import came to; rows and documents in order of id, programs of those that run."""

    rows: tuple[ImportRow, ...]
    programs: tuple[Program, ...]
    documents: Mapping[str, Json] = field(repr=False, default_factory=dict)

    def count(self, policy_class: PolicyClass | None = None, *states: str) -> int:
        """How many definitions are of a class and in one of the states (any, where none is named)."""
        return sum(
            (policy_class is None or row.policy_class is policy_class) and (not states or row.state in states)
            for row in self.rows
        )

    def as_json(self) -> dict[str, Json]:
        """The whole report."""
        return {"definitions": [row.as_json() for row in self.rows]}


def import_definitions(path: str | Path, aliases: AliasTable) -> ImportReport:
    """Import a folder or file of definitions, of any language. Of one id in several clouds AzureCloud's wins.

    Raises:
        InputError: nothing there, or a file is not JSON; names file and line.
    """
    others = foreign_files(Path(path))
    rows: list[tuple[Json, str]] = []
    documents: dict[str, Json] = {}
    origins: dict[str, str] = {}
    for file in _files(Path(path), others):
        for at, document in enumerate(read_rows(file), start=1):
            if is_of_other_language(document):
                rows.append((document, f"{file}:{at}"))
                continue
            identity = _identity(document) or f"{file}:{at}"
            if identity not in documents or _is_commercial(document):
                documents[identity] = document
                origins[identity] = f"{file}:{at}"
    foreign = read_foreign(others, rows)
    documents |= {each.name: each.document for each in foreign}
    origins |= {each.name: each.origin for each in foreign}
    return import_documents(documents, aliases, origins=origins)


def import_documents(
    documents: Mapping[str, Json], aliases: AliasTable, *, origins: Mapping[str, str] | None = None
) -> ImportReport:
    """Import documents by id."""
    rows: list[ImportRow] = []
    programs: list[Program] = []
    for identity in sorted(documents):
        origin = (origins or {}).get(identity, identity)
        row, program = _imported(identity, documents[identity], aliases, origin)
        rows.append(row)
        if program is not None:
            programs.append(program)
    return ImportReport(tuple(rows), tuple(programs), {identity: documents[identity] for identity in sorted(documents)})


def _files(path: Path, others: Sequence[Path]) -> list[Path]:
    """The files of Azure's definitions; none are needed where there are others."""
    if not path.exists():
        raise InputError("no such file or folder", where=str(path), todo="Give the path of policy definitions")
    files = sorted(_definition_files(path)) if path.is_dir() else [file for file in [path] if file not in others]
    if not files and not others:
        raise InputError(
            "no definitions in the folder",
            where=str(path),
            expected="*.json, *.ndjson, *.yaml or *.guard",
            todo="Give another folder",
        )
    return files


def _definition_files(folder: Path) -> Iterable[Path]:
    endings = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
    return (file for file in folder.rglob("*") if file.name.lower().endswith(endings) and file.is_file())


def _identity(document: Json) -> str:
    if not isinstance(document, dict):
        return ""
    for found in (document.get("name"), document.get("id")):
        if isinstance(found, str) and found:
            return found.rpartition("/")[2]
    return ""


def _is_commercial(document: Json) -> bool:
    return isinstance(document, dict) and document.get("_cloud") == "AzureCloud"


def _imported(identity: str, document: Json, aliases: AliasTable, origin: str) -> tuple[ImportRow, Program | None]:
    try:
        definition = read_definition(document, origin=origin)
    except DefinitionError as failure:
        return ImportRow(identity, "", PolicyClass.PER_RESOURCE, failure.state, str(failure)), None
    policy_class = classify(definition)
    name = definition.display_name
    if policy_class in _REASONS:
        return ImportRow(identity, name, policy_class, "unsupported", _REASONS[policy_class]), None
    if _is_opaque(definition):
        return ImportRow(identity, name, policy_class, "unsupported", _OPAQUE_REASON), None
    try:
        program = compile_any(definition, aliases, policy_id=identity)
    except DefinitionError as failure:
        return ImportRow(identity, name, policy_class, failure.state, str(failure)), None
    return ImportRow(identity, name, policy_class, "runs", ""), program


_REASONS: Mapping[PolicyClass, str] = {
    PolicyClass.DATA_PLANE: "its mode is evaluated inside the service, on data that configuration does not show",
    PolicyClass.MANUAL: "it is attested by a person; no resource is checked",
    PolicyClass.MANAGED_CONTROL: "it stands for a control that Microsoft manages; its condition never holds",
}


_OPAQUE: Final = frozenset({"microsoft.security/assessments"})
_OPAQUE_REASON: Final = "it asks for the result of an assessment inside Microsoft Defender, which no resource shows"


def _is_opaque(definition: Definition) -> bool:
    """Whether an existence condition looks for something that is a service's verdict and not a configuration."""
    details = definition.then.get("details")
    found = details.get("type") if isinstance(details, dict) else None
    return isinstance(found, str) and found.lower() in _OPAQUE


def classify(definition: Definition) -> PolicyClass:
    """What a definition would need, by its mode and its effect as it comes."""
    if definition.mode.lower() not in {"all", "indexed"}:
        return PolicyClass.DATA_PLANE
    effect = _default_effect(definition).lower()
    if effect == "manual":
        return PolicyClass.MANUAL
    if effect in {"auditifnotexists", "deployifnotexists"}:
        return PolicyClass.RELATED_RESOURCE
    if _never_holds(definition.condition):
        return PolicyClass.MANAGED_CONTROL
    return PolicyClass.PER_RESOURCE


def _default_effect(definition: Definition) -> str:
    effect = str(definition.then.get("effect") or "")
    name = effect.removeprefix("[parameters('").removesuffix("')]").casefold()
    if not effect.startswith("[parameters('") or name not in definition.parameters:
        return effect
    parameter = definition.parameters[name]
    if isinstance(parameter.default, str):
        return parameter.default
    return str(parameter.allowed[0]) if parameter.allowed else ""


def _never_holds(condition: Json) -> bool:
    """Whether a rule is Microsoft's placeholder: one value compared with another constant."""
    if not isinstance(condition, dict):
        return False
    children = condition.get("allOf")
    if isinstance(children, list):
        return any(map(_never_holds, children))
    value, wanted = condition.get("value"), condition.get("equals")
    return isinstance(value, str) and isinstance(wanted, str) and not value.startswith("[") and value != wanted
