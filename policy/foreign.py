"""Policies of other languages among Azure's: recognised by what is in a file, kept as they came, compiled like others.

A policy of another language is a document ``{"language", "name", "policy"}``; what could not be read has ``"problem"``
in place of the policy. Its definition carries the policy where Azure's carries a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from domain.errors import InputError
from domain.value import Json
from policy.aliases import AliasTable
from policy.compile import Program, compile_definition
from policy.custodian import document as custodian
from policy.custodian import program as custodian_program
from policy.definition import Definition, parse_definition
from policy.errors import DefinitionError, InvalidDefinition, NeedsParameters, UnsupportedDefinition
from policy.guard import program as guard
from policy.rego import program as rego
from policy.rego.decide import policy_of as rego_policy
from policy.rego.template import Template, is_constraint, is_template, joined, parse_template

LANGUAGES: Final = frozenset({custodian_program.LANGUAGE, guard.LANGUAGE, rego.LANGUAGE})
_YAML: Final = (".yaml", ".yml")
_ENDINGS: Final = (*_YAML, ".guard", ".ruleset")
_SIZE_MAX: Final = 8_000_000
_PROBLEMS: Final[Mapping[str, type[DefinitionError]]] = {
    each.state: each for each in (InvalidDefinition, NeedsParameters, UnsupportedDefinition)
}


@dataclass(frozen=True, slots=True)
class Foreign:
    """One policy of another language."""

    document: dict[str, Json]
    origin: str

    @property
    def name(self) -> str:
        """Its id."""
        return str(self.document["name"])


def language_of(definition: Definition) -> str | None:
    """The language of a definition that is not Azure's."""
    found = definition.metadata.get("language")
    return found if isinstance(found, str) and found in LANGUAGES else None


def is_foreign(document: object) -> bool:
    """Whether a document is one of another language's policies."""
    return isinstance(document, dict) and document.get("language") in LANGUAGES and "name" in document


def read_definition(document: Json, *, origin: str) -> Definition:
    """A definition of any language.

    Raises:
        InvalidDefinition: it is none.
    """
    if not isinstance(document, dict) or not is_foreign(document):
        return parse_definition(document, origin=origin)
    name, language = str(document["name"]), str(document["language"])
    problem = _object(document.get("problem"))
    if not problem:
        try:
            return replace(_parsed(language, _object(document.get("policy")), origin), policy_id=name)
        except DefinitionError as failure:
            problem = {"state": failure.state, "reason": failure.summary, **_facts(failure)}
    return Definition(
        policy_id=name,
        display_name=name,
        description="",
        mode="All",
        parameters={},
        condition={"problem": problem},
        then={"effect": "audit"},
        origin=origin,
        metadata={"language": language},
    )


def compile_any(
    definition: Definition,
    aliases: AliasTable,
    *,
    parameters: Mapping[str, Json] | None = None,
    policy_id: str | None = None,
) -> Program:
    """Compile a definition of any language.

    Raises:
        DefinitionError: it cannot run; says why.
    """
    language = language_of(definition)
    if language is None:
        return compile_definition(definition, aliases, parameters=parameters, policy_id=policy_id)
    body = _object(definition.condition)
    if "problem" in body:
        raise _problem(_object(body["problem"]))
    program = _compiled(language, body, definition.origin)
    return replace(program, policy_id=type(program.policy_id)(policy_id or definition.policy_id), definition=definition)


def _parsed(language: str, body: Mapping[str, Any], origin: str) -> Definition:
    if language == custodian_program.LANGUAGE:
        return custodian_program.definition_of(custodian.parse_policy(body, origin=origin))
    if language == guard.LANGUAGE:
        return guard.definition_of(_guard_policy(body, origin))
    return rego.definition_of(rego_policy(body, origin=origin))


def _compiled(language: str, body: Mapping[str, Any], origin: str) -> Program:
    if language == custodian_program.LANGUAGE:
        return custodian_program.compile_policy(custodian.parse_policy(body, origin=origin))
    if language == guard.LANGUAGE:
        return guard.compile_policy(_guard_policy(body, origin))
    return rego.compile_policy(rego_policy(body, origin=origin))


def _guard_policy(body: Mapping[str, Any], origin: str) -> guard.GuardPolicy:
    return guard.GuardPolicy(str(body.get("rule")), str(body.get("text")), origin)


def _problem(found: Mapping[str, Any]) -> DefinitionError:
    facts = {key: value for key, value in found.items() if key not in {"state", "reason"}}
    return _PROBLEMS.get(str(found.get("state")), InvalidDefinition)(str(found.get("reason")), **facts)


def _facts(failure: InputError) -> dict[str, Json]:
    return {key: value if isinstance(value, int | list) else str(value) for key, value in failure.facts.items()}


def foreign_files(path: Path) -> list[Path]:
    """The file, or files below a folder, that may hold policies of other languages by their ending."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sorted(file for file in files if file.name.lower().endswith(_ENDINGS) and file.is_file())


def is_of_other_language(document: object) -> bool:
    """Whether a JSON document holds policies of another language, or a part of one."""
    return (
        is_foreign(document) or is_template(document) or is_constraint(document) or custodian.is_policy_file(document)
    )


def read_foreign(files: Iterable[Path], documents: Iterable[tuple[Json, str]] = ()) -> list[Foreign]:
    """Policies of other languages in files, in their order; what is none of them is passed over.

    A file that cannot be read gives one policy that says so, under the file's name; the others are read.

    Args:
        documents: documents that were read already, with where.
    """
    gathered = _Gathered()
    for document, origin in documents:
        gathered.add(origin, [(document, origin)], rego.LANGUAGE)
    for file in files:
        gathered.add(str(file), _documents(file), _language_of_name(file))
    return gathered.all()


class _Gathered:
    """Policies so far; templates and constraints wait for each other."""

    def __init__(self) -> None:
        self.found: list[Foreign] = []
        self.templates: list[Template] = []
        self.constraints: list[tuple[Mapping[str, Json], str]] = []

    def add(self, name: str, documents: Iterable[tuple[Json, str]], language: str) -> None:
        """Add the documents of one file, or why they cannot be read."""
        try:
            for document, origin in documents:
                if is_template(document):
                    self.templates.append(parse_template(_object(document), origin=origin))
                elif is_constraint(document):
                    self.constraints.append((_object(document), origin))
                else:
                    self.found.extend(_of_file(document, origin))
        except DefinitionError as failure:
            self.found.append(_unreadable(name, failure, language))

    def all(self) -> list[Foreign]:
        """Every policy; a template without constraint is one that says so."""
        policies, left = joined(self.templates, self.constraints)
        for policy in policies:
            body: dict[str, Json] = {
                "template": dict(policy.template.document),
                "constraint": dict(policy.constraint),
            }
            document: dict[str, Json] = {"language": rego.LANGUAGE, "name": policy.policy_id, "policy": body}
            self.found.append(Foreign(document, policy.origin))
        for failure in left:
            self.found.append(_unreadable(str(failure.facts["name"]), failure, rego.LANGUAGE))
        return self.found


def _language_of_name(file: Path) -> str:
    return custodian_program.LANGUAGE if file.name.lower().endswith(_YAML) else guard.LANGUAGE


def _unreadable(name: str, failure: DefinitionError, language: str) -> Foreign:
    problem: dict[str, Json] = {"state": failure.state, "reason": failure.summary, **_facts(failure)}
    return Foreign({"language": language, "name": name, "problem": problem}, name)


def _documents(file: Path) -> Iterator[tuple[Json, str]]:
    """Documents of a file; of a rules file its text."""
    try:
        data = file.read_bytes()
        text = data.decode()
    except (OSError, ValueError) as failure:
        raise InvalidDefinition("file is not readable", where=str(file), got=str(failure)) from None
    if len(data) > _SIZE_MAX:
        raise InvalidDefinition(
            "file is too long", where=str(file), expected=f"at most {_SIZE_MAX} bytes", got=len(data)
        )
    if not file.name.lower().endswith(_YAML):
        if guard.is_rules_file(text):
            yield text, str(file)
        return
    parts = text.split("\n---") if "\n---" in text else [text]
    for at, part in enumerate(parts, start=1):
        yield custodian.load_yaml(part.lstrip("-"), origin=f"{file}:{at}" if len(parts) > 1 else str(file)), str(file)


def _of_file(document: Json, origin: str) -> Iterator[Foreign]:
    if isinstance(document, str):
        for rule in guard.policies_of(document, origin=origin):
            body: dict[str, Json] = {"rule": rule.rule, "text": rule.text}
            yield Foreign({"language": guard.LANGUAGE, "name": rule.rule, "policy": body}, origin)
    elif custodian.is_policy_file(document):
        for policy in custodian.policies_of(document, origin=origin):
            yield Foreign(
                {"language": custodian_program.LANGUAGE, "name": str(policy["name"]), "policy": dict(policy)}, origin
            )
    elif is_foreign(document):
        yield Foreign(dict(_object(document)), origin)


def definitions_of(foreign: Iterable[Foreign]) -> list[Definition]:
    """Their definitions."""
    return [read_definition(each.document, origin=each.origin) for each in foreign]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
