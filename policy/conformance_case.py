"""One graded case: what it gives, what it wants, and what this engine makes of it.

Each case is decided twice, by the interpreter and over columns, and both must agree. A refusal passes only where
the case wants one, and an unknown never passes.

Source: https://github.com/microsoft/regorus/tree/main/tests/azure_policy (format of the cases)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from domain.errors import InputError
from domain.resource import ConfigurationItem, ResourceId
from domain.value import MISSING, Json, Value
from graph.path import fold
from graph.shred import shred
from policy.aliases import AliasTable
from policy.compile import Program, compile_definition
from policy.condition import compile_condition
from policy.conformance_resource import item_of
from policy.definition import parse_definition
from policy.document import read_document
from policy.errors import InvalidDefinition, MissingAlias
from policy.evaluate import Related, evaluate
from policy.interpret import ItemScope, details_of, evaluate_condition, satisfied
from policy.names import Names
from policy.operators import instant
from policy.tree import OUTER, Truth, reads_of

_TYPES: Final[Mapping[type, str]] = {str: "String", bool: "Boolean", int: "Integer", float: "Float", list: "Array"}
_CONTEXT: Final[Mapping[str, Json]] = {
    "resourceGroup": {"name": "myResourceGroup", "location": "eastus"},
    "subscription": {"subscriptionId": "00000000-0000-0000-0000-000000000000"},
}
"""Where the resource of a case is that does not say it."""

_NO_EFFECT: Final = "no effect"
_PLACE: Final = "/subscriptions/s/resourceGroups/g/providers/case/resource/r"
_TRUTHS: Final = (Truth.FALSE, Truth.TRUE, Truth.UNKNOWN)
"""By the code of the verdict."""

_LOOK_UP: Final = "lookup_related_resources"


@dataclass(frozen=True, slots=True)
class Case:
    """One case as it was read; `document` is the whole line."""

    note: str
    file: str
    text: str
    is_rule: bool
    alias_file: str
    now: datetime
    document: Mapping[str, Json]

    @property
    def parameters(self) -> Mapping[str, Json]:
        """Values of parameters."""
        found = self.document.get("parameters")
        return found if isinstance(found, dict) else {}

    @property
    def context(self) -> dict[str, Json]:
        """What the request and its surroundings answer."""
        given = self.document.get("context")
        context = {**_CONTEXT, **(given if isinstance(given, dict) else {})}
        if "request_context" in self.document:
            context["requestContext"] = self.document["request_context"]
        elif "api_version" in self.document:
            context.setdefault("requestContext", {"apiVersion": self.document["api_version"]})
        context.setdefault("requestContext", {})
        return context

    @property
    def api_version(self) -> Json:
        """The API version of the request, where the case says it."""
        request = self.context["requestContext"]
        return request.get("apiVersion") if isinstance(request, dict) else None


@dataclass(frozen=True, slots=True)
class Grade:
    """Whether a case passed, and if not what was expected and what came."""

    note: str
    file: str
    is_passed: bool
    expected: str
    got: str

    def as_json(self) -> dict[str, Json]:
        """The grade as the report writes it."""
        return {
            "note": self.note,
            "file": self.file,
            "passed": self.is_passed,
            "expected": self.expected,
            "got": self.got,
        }


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a case: an effect (None for none) with its details, or why there is no answer."""

    effect: str | None = None
    details: Value = MISSING
    refusal: InputError | None = None
    unknown: str = ""

    def __str__(self) -> str:
        if self.refusal is not None:
            return f"refused: {self.refusal}"
        return self.unknown or self.effect or _NO_EFFECT


def read_case(document: Json, where: str, *, now: datetime) -> Case:
    """Read one case.

    Raises:
        InputError: it has no rule or a part of it is not of the format; names the part.
    """
    if not isinstance(document, dict):
        raise _unreadable(where, "$", "an object", type(document).__name__)
    suite = document.get("_suite") or {}
    if not isinstance(suite, dict):
        raise _unreadable(where, "_suite", "an object", type(suite).__name__)
    is_rule = "policy_rule" in document
    text = document.get("policy_rule", document.get("policy_definition", suite.get("policy_definition")))
    if not isinstance(text, str):
        raise _unreadable(where, "policy_rule", "the JSON text of a rule or a policy_definition", type(text).__name__)
    context = document.get("context") or {}
    told = context.get("utcNow") if isinstance(context, dict) else None
    moment = instant(told) if isinstance(told, str) else now
    if moment is None:
        raise _unreadable(where, "context.utcNow", "a date and time", told)
    note, file = str(document.get("note") or where), str(document.get("_file") or where)
    return Case(note, file, text, is_rule, str(suite.get("aliases") or ""), moment, document)


def grade(case: Case, aliases: AliasTable) -> Grade:
    """Run a case and compare."""
    wanted = case.document
    try:
        outcome = _outcome(case, aliases)
    except InputError as refusal:
        outcome = _Outcome(refusal=refusal)
    if wanted.get("want_parse_error"):
        return _graded(case, isinstance(outcome.refusal, InvalidDefinition), "a refusal of the rule", outcome)
    if wanted.get("want_compile_error"):
        is_refused = isinstance(outcome.refusal, InvalidDefinition | MissingAlias)
        return _graded(case, is_refused, "a refusal of the definition", outcome)
    if "want_effect" not in wanted and "want_undefined" not in wanted:
        return _graded(case, outcome.refusal is None, "a rule that parses", outcome)
    effect = wanted.get("want_effect")
    expected = str(effect) if effect is not None else _NO_EFFECT
    is_decided = outcome.refusal is None and not outcome.unknown
    is_right = is_decided and fold(outcome.effect or _NO_EFFECT) == fold(expected)
    if "want_details" not in wanted or not is_right:
        return _graded(case, is_right, expected, outcome)
    details = wanted["want_details"]
    is_same = _is_part(details, outcome.details)
    return Grade(case.note, case.file, is_same, f"{expected} {details}", f"{outcome} {outcome.details}")


def _graded(case: Case, is_passed: bool, expected: str, outcome: _Outcome) -> Grade:
    return Grade(case.note, case.file, is_passed, expected, str(outcome))


def _is_part(wanted: Json, found: Value) -> bool:
    """Whether the details are those wanted. Of an object only the wanted keys are graded; below, all is exact."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and found[key] == value for key, value in wanted.items())
    return wanted == found


def _outcome(case: Case, aliases: AliasTable) -> _Outcome:
    document = read_document(case.text, origin=case.note)
    if "resource" not in case.document:
        return _parsed(case, document)
    if case.is_rule:
        declared: dict[str, Json] = {
            name: {"type": _TYPES.get(type(value), "Object")} for name, value in case.parameters.items()
        }
        document = {"policyRule": document, "parameters": declared}
    definition = parse_definition(document, origin=case.note)
    program = compile_definition(definition, aliases, parameters=case.parameters, context=case.context, is_partial=True)
    if program.effect == "disabled":
        return _Outcome()
    return _decided(case, program, aliases)


def _parsed(case: Case, document: Json) -> _Outcome:
    """A case without a resource: only its form is asked. Without `parse_level` the condition alone counts."""
    names = Names(AliasTable(is_literal=True), {}, case.context, case.note, is_open=True)
    if not case.is_rule or case.document.get("parse_level") is not None:
        compile_condition(parse_definition(document, origin=case.note).condition, names)
        return _Outcome()
    if not isinstance(document, dict) or "if" not in document:
        raise names.invalid("policy rule is incomplete", "$.properties.policyRule", expected="if", got=document)
    compile_condition(document["if"], names)
    return _Outcome()


def _decided(case: Case, program: Program, aliases: AliasTable) -> _Outcome:
    item = item_of(case.document["resource"], "", aliases, case.api_version)
    truth = evaluate_condition(program.condition, ItemScope(item), case.now)
    by_column = _by_column(replace(program, existence=None), item, None, case.now)
    if by_column is truth and truth is Truth.TRUE and program.existence is not None:
        truth, by_column = _missing(case, program, item, aliases)
    if by_column is not truth:
        return _Outcome(unknown=f"interpreter says {truth.name}, columns say {by_column.name}")
    if truth is Truth.FALSE:
        return _Outcome()
    if truth is Truth.UNKNOWN or not program.effect:
        return _Outcome(unknown="unknown")
    details = MISSING if program.details is None else details_of(program.details, item, case.now)
    return _Outcome(program.effect, details)


def _missing(case: Case, program: Program, item: ConfigurationItem, aliases: AliasTable) -> tuple[Truth, Truth]:
    """Whether what must be beside the resource is missing, by the case's answers for look-ups: decided twice."""
    existence = program.existence
    assert existence is not None
    answers = case.document.get("host_await")
    for answer in answers if isinstance(answers, list) else ():
        if not isinstance(answer, dict) or not _answers(answer.get("key"), existence.type):
            continue
        response = answer.get("response")
        found = response if isinstance(response, list) else [] if response is None else [response]
        related = [item_of(one, existence.type, aliases, case.api_version) for one in found]
        truth = Truth(2 - satisfied(existence, ItemScope(item), related, case.now))
        asked = {path.removeprefix(OUTER) for path in reads_of(existence.condition)} if existence.condition else set()
        if "@id" in asked | reads_of(program.condition):  # the places below would stand in for what it asks
            return truth, truth
        anywhere = replace(program, existence=replace(existence, name=None, resource_group=None))
        return truth, _by_column(anywhere, _placed(item, _PLACE), related, case.now)
    return Truth.UNKNOWN, Truth.UNKNOWN


def _by_column(
    program: Program, item: ConfigurationItem, related: Sequence[ConfigurationItem] | None, now: datetime
) -> Truth:
    """What column evaluation says of one resource, with what a look-up found filed below it."""
    table = shred([item], program.paths)
    if related is None or program.existence is None:
        return _TRUTHS[int(evaluate(program, table, now=now)[0])]
    filed = [_placed(one, f"{_PLACE}/providers/{program.existence.type}/{at}") for at, one in enumerate(related)]
    answer = Related((shred(filed, program.existence.paths),), is_read=True)
    return _TRUTHS[int(evaluate(program, table, now=now, related=answer)[0])]


def _placed(item: ConfigurationItem, uid: str) -> ConfigurationItem:
    return replace(item, uid=ResourceId(uid))


def _answers(key: Json, kind: str) -> bool:
    """Whether an answer is meant for a look-up of a type; one without a key is for any."""
    if not isinstance(key, dict):
        return True
    return key.get("operation", _LOOK_UP) == _LOOK_UP and fold(str(key.get("type", kind))) == kind


def _unreadable(where: str, part: str, expected: str, got: object) -> InputError:
    return InputError(
        "case is not readable", where=where, part=part, expected=expected, got=got, todo="Correct the case"
    )
