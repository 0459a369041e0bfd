"""The tests of a bundle: does every policy that is assigned run, and does it judge its examples as they say.

Examples stand in a definition (``"examples": {"pass": […], "fail": […]}``, as in our own packs) or in a file of the
tests folder, which names the policy and may name an assignment, whose parameter values are then used::

    {"policy": "storage-https", "assignment": "prod", "pass": [{"type": …, "name": …}], "fail": […], "unknown": […]}

An example of a policy that looks for another resource names what is there under ``related``, an empty list where there
is nothing; without it nobody asked, and it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from domain.finding import Verdict
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import MISSING, UNREAD, Absent, Json
from policy.aliases import AliasTable
from policy.bundle import Bundle
from policy.compile import Program, compile_definition
from policy.definition import Definition
from policy.effective import Effective, last_segment
from policy.errors import DefinitionError
from policy.explain import LeafResult, explain
from policy.fields import Fields

RELATED: Final = "related"
_WANTED: Final = {"pass": Verdict.COMPLIANT, "fail": Verdict.VIOLATION, "unknown": Verdict.UNKNOWN}
_WORDS: Final = {Verdict.COMPLIANT: "pass", Verdict.VIOLATION: "fail", Verdict.UNKNOWN: "unknown"}
_SHOWN_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One example, or one policy that cannot run.

    Args:
        where: file and place of the example.
        expected, got: ``pass``, ``fail`` or ``unknown``; for what cannot run ``runs`` and ``error``.
        reason: why, where it is not as expected.
    """

    policy_id: str
    where: str
    example: str
    expected: str
    got: str
    reason: str = ""

    @property
    def is_passed(self) -> bool:
        """Whether it is as expected."""
        return self.expected == self.got


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All results, and the policies of the bundle that no example tests."""

    results: tuple[CaseResult, ...]
    untested: tuple[str, ...]

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """What is not as expected."""
        return tuple(result for result in self.results if not result.is_passed)


@dataclass(frozen=True, slots=True)
class Known:
    """Definitions outside the bundle, by folded id, and the aliases that all are compiled with."""

    definitions: Mapping[str, Definition] = field(default_factory=dict)
    aliases: AliasTable = field(default_factory=AliasTable.builtin)


def check_bundle(bundle: Bundle, known: Known, *, now: datetime) -> CheckReport:
    """Run every test of a bundle.

    Raises:
        InvalidDefinition: a test is not of the form above.
    """
    run = _Run(bundle, known, now)
    results = [*run.assigned(), *run.own_examples(), *run.tests()]
    tested = {result.policy_id.casefold() for result in results if result.expected in _WANTED}
    own = bundle.policies.definitions.values()
    untested = sorted(each.policy_id for each in own if each.policy_id.casefold() not in tested)
    return CheckReport(tuple(results), tuple(untested))


def example_item(document: Mapping[str, Json], provider: Provider, *, origin: str) -> ConfigurationItem:
    """An example as a resource; an ARM document holds its type, elsewhere the type stands beside the document."""
    name = str(document.get("name", "example"))
    tags = document.get("tags")
    keeps_type = provider is Provider.AZURE
    return ConfigurationItem(
        tenant=TenantId("examples"),
        uid=ResourceId(str(document.get("id") or f"/example/{name}")),
        provider=provider,
        type=str(document["type"]),
        name=name,
        scope="",
        region=str(document.get("location") or ""),
        tags={key: str(value) for key, value in tags.items()} if isinstance(tags, dict) else {},
        properties={key: value for key, value in document.items() if key != "type" or keeps_type},
        captured_at=None,
        digest="",
        origin=Origin(origin),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    bundle: Bundle
    known: Known
    now: datetime

    def assigned(self) -> Iterator[CaseResult]:
        """Every policy in force must have a definition and run."""
        for policy in self.bundle.policies.effective:
            definition = self.definition(policy.definition_id)
            reason = policy.problem
            if definition is None:
                reason = f"no such definition here, imported or built in: {policy.definition_id}"
            elif not reason:
                reason = self.refusal(definition, policy)
            where = policy.assignment.origin
            example = policy.reference_id or policy.assignment.name
            yield CaseResult(policy.definition_id, where, example, "runs", "error" if reason else "runs", reason)

    def refusal(self, definition: Definition, policy: Effective) -> str:
        """Why a policy in force cannot run; empty where it can."""
        if policy.part.effect is not None:
            definition = replace(definition, then={**definition.then, "effect": policy.part.effect})
        try:
            self.compiled(definition, policy.parameters)
        except DefinitionError as error:
            return str(error)
        return ""

    def own_examples(self) -> Iterator[CaseResult]:
        """The examples that stand in definitions."""
        for path, document in self.bundle.documents:
            body = document if isinstance(document, dict) else {}
            if "examples" in body and "policyDefinitionId" not in body:
                fields = Fields.of(body["examples"], path, "$.examples")
                definition = self.definition(_identity(self.bundle, path))
                assert definition is not None, "a definition that was read is known"
                yield from self.cases(definition, {}, fields)

    def tests(self) -> Iterator[CaseResult]:
        """The files of the tests folder."""
        for path, document in self.bundle.tests:
            fields = Fields.of(document, path)
            named = last_segment(fields.text("policy"))
            definition = self.definition(named)
            if definition is None:
                expected = "the id of a definition of the bundle, imported or built in"
                raise fields.wrong("test names no policy that is known", "policy", expected=expected, got=named)
            yield from self.cases(definition, self.parameters(fields, named), fields)

    def parameters(self, fields: Fields, policy_id: str) -> Mapping[str, Json]:
        """The values that a test gives, over those of the assignment that it names."""
        given = dict(fields.inner("parameters").body)
        name = fields.optional("assignment")
        if name is None:
            return given
        for policy in self.bundle.policies.effective:
            if policy.definition_id.casefold() == policy_id.casefold() and policy.assignment.name == name:
                return {**policy.parameters, **given}
        expected = "the name of an assignment that assigns the policy"
        raise fields.wrong("test names no assignment of the policy", "assignment", expected=expected, got=name)

    def cases(self, definition: Definition, parameters: Mapping[str, Json], fields: Fields) -> Iterator[CaseResult]:
        """One result for each example."""
        examples = [(word, each) for word in _WANTED for each in fields.objects(word)]
        if not examples:
            raise fields.wrong("test has no example", "fail", expected=f"resources under {list(_WANTED)}", got=None)
        try:
            program = self.compiled(definition, parameters)
        except DefinitionError as error:
            for word, each in examples:
                yield _case(definition, each, word, "error", str(error))
            return
        for word, each in examples:
            yield self.case(definition, program, each, word)

    def case(self, definition: Definition, program: Program, example: Fields, word: str) -> CaseResult:
        """One example judged."""
        example.text("type")
        provider = next(iter(sorted(program.clouds)))
        body = {key: value for key, value in example.body.items() if key != RELATED}
        beside = _related(example, provider)
        found = explain(program, example_item(body, provider, origin=example.origin), now=self.now, related=beside)
        reason = "" if found.verdict is _WANTED[word] else _told(found.leaves)
        return _case(definition, example, word, _WORDS[found.verdict], reason)

    def compiled(self, definition: Definition, parameters: Mapping[str, Json]) -> Program:
        return compile_definition(definition, self.known.aliases, parameters=parameters)

    def definition(self, policy_id: str) -> Definition | None:
        """A definition of the bundle, or one that is known elsewhere."""
        name = policy_id.casefold()
        return self.bundle.policies.definitions.get(name) or self.known.definitions.get(name)


def _related(example: Fields, provider: Provider) -> list[ConfigurationItem] | Absent:
    """The resources that an existence condition finds beside an example; nobody asked where it names none."""
    if RELATED not in example.body:
        return UNREAD
    found: list[ConfigurationItem] = []
    for each in example.objects(RELATED):
        each.text("type")
        found.append(example_item(each.body, provider, origin=each.origin))
    return found


def _identity(bundle: Bundle, path: str) -> str:
    """The id of the definition that was read from a path."""
    return next(each.policy_id for each in bundle.policies.definitions.values() if each.origin == path)


def _case(definition: Definition, example: Fields, word: str, got: str, reason: str) -> CaseResult:
    name = str(example.body.get("name") or "example")
    return CaseResult(definition.policy_id, f"{example.origin} {example.path}", name, word, got, reason)


def _told(leaves: Sequence[LeafResult]) -> str:
    """The conditions that decided, in a line."""
    parts = [f"{leaf.path} {leaf.operator} {leaf.expected!r}, found {_found(leaf)}" for leaf in leaves[:_SHOWN_MAX]]
    return "; ".join(parts) or "no condition decided it"


def _found(leaf: LeafResult) -> str:
    return "nothing" if leaf.found is MISSING else repr(leaf.found)
