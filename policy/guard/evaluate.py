"""PASS, FAIL or SKIP of every rule of a file on one document.

A clause is tested in one of two roles. As an assertion, what cannot be answered fails. As a condition (of *when*, of a
filter) it leaves the rule out, except where even that cannot be told: then the rule fails.

Source: cfn-guard 3; https://docs.aws.amazon.com/cfn-guard/latest/ug/writing-rules.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.value import Json
from policy.guard.comparison import LOST, Found, Result, compare
from policy.guard.query import Retrieval, resolve
from policy.guard.scope import Run, Scope
from policy.guard.syntax import (
    AllValues,
    Block,
    Body,
    Check,
    Clause,
    Filter,
    Key,
    KeyFilter,
    Lines,
    Literal,
    Part,
    Query,
    Reference,
    Rule,
    Rules,
    TypeBlock,
    Variable,
    When,
)
from policy.guard.values import KINDS, Unanswerable, is_empty


class Status(StrEnum):
    """What became of a rule or clause. SKIP: it had nothing to say of the document."""

    PASS = "PASS"  # noqa: S105 (a status)
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A rule's status and what its failed clauses say."""

    rule: str
    status: Status
    messages: tuple[str, ...] = ()


def evaluate_rules(rules: Rules, document: Json) -> tuple[RuleResult, ...]:
    """Every rule on one document, in order; rules that share a name are one.

    Raises:
        Unanswerable: a rule names a variable or rule that there is not, or asks for too much.
    """
    run = Run(rules)
    root = Scope(run, document, rules.variables, None)  # type: ignore[arg-type]  # JSON is written values
    results = []
    for name in dict.fromkeys(rule.name for rule in rules.rules):
        run.messages.clear()
        status = _rule_status(name, root, is_strict=True)
        messages = tuple(dict.fromkeys(run.messages)) if status is Status.FAIL else ()
        results.append(RuleResult(name, status, messages))
    return tuple(results)


def _rule_status(name: str, scope: Scope, *, is_strict: bool) -> Status:
    while scope.parent is not None:
        scope = scope.parent
    run, key = scope.run, (name, is_strict)
    if key in run.statuses:
        return Status(str(run.statuses[key]))
    rules = [rule for rule in run.rules.rules if rule.name == name]
    if not rules or key in run.active:
        raise Unanswerable(f"rule {name} {'needs itself' if rules else 'is not in the file'}")
    run.active.add(key)
    found = (_rule(rule, scope, is_strict=is_strict) for rule in rules)
    status = next((each for each in found if each is not Status.SKIP), Status.SKIP)
    run.active.discard(key)
    run.statuses[key] = status
    return status


def _rule(rule: Rule, scope: Scope, *, is_strict: bool) -> Status:
    return _guarded(rule.conditions, rule.body, scope, is_strict=is_strict)


def _guarded(conditions: Lines, body: Body, scope: Scope, *, is_strict: bool) -> Status:
    """A body behind conditions, which see the scope outside it."""
    try:
        if conditions and _lines(conditions, scope, is_strict=False) is not Status.PASS:
            return Status.SKIP
    except Unanswerable as failure:
        if not is_strict or not _is_verdict(failure):
            raise
        scope.run.messages.append(f"a condition cannot be answered: {failure}")
        return Status.FAIL
    return _lines(body.lines, scope.block(body.variables), is_strict=is_strict)


def _is_verdict(failure: Unanswerable) -> bool:
    """Whether it says something of one clause, and not of the whole file."""
    return type(failure) is NotEmptiable


class NotEmptiable(Unanswerable):
    """*empty* was asked of a number, a boolean or null."""


def _lines(lines: Lines, scope: Scope, *, is_strict: bool) -> Status:
    """All lines; one that skips says nothing."""
    return _all(_any(line, scope, is_strict=is_strict) for line in lines)


def _all(statuses: Iterable[Status]) -> Status:
    found = set(statuses)
    if Status.FAIL in found:
        return Status.FAIL
    return Status.PASS if Status.PASS in found else Status.SKIP


def _some(statuses: Iterable[Status]) -> Status:
    found = set(statuses)
    if Status.PASS in found:
        return Status.PASS
    return Status.FAIL if Status.FAIL in found else Status.SKIP


def _any(line: Sequence[Clause], scope: Scope, *, is_strict: bool) -> Status:
    """The clauses of a line until one passes; what the others say is then of no interest."""
    said = len(scope.run.messages)
    found = Status.SKIP
    for clause in line:
        status = _clause(clause, scope, is_strict=is_strict)
        if status is Status.PASS:
            del scope.run.messages[said:]
            return Status.PASS
        if status is Status.FAIL:
            found = Status.FAIL
    return found


def _clause(clause: Clause, scope: Scope, *, is_strict: bool) -> Status:
    match clause:
        case Check():
            return _check(clause, scope, is_strict=is_strict)
        case Reference():
            return _reference(clause, scope, is_strict=is_strict)
        case Block():
            return _block(clause, scope, is_strict=is_strict)
        case When():
            return _guarded(clause.conditions, clause.body, scope, is_strict=is_strict)
        case TypeBlock():
            return _type_block(clause, scope, is_strict=is_strict)


def _passes(lines: Lines, scope: Scope) -> bool:
    """Whether the clauses of a filter hold."""
    said = len(scope.run.messages)
    status = _lines(lines, scope, is_strict=False)
    del scope.run.messages[said:]
    return status is Status.PASS


def _check(check: Check, scope: Scope, *, is_strict: bool) -> Status:
    said = len(scope.run.messages)
    left = resolve(check.query, scope, _passes)
    if check.expected is None:
        status = _unary(check, left, is_strict=is_strict)
    else:
        status = _binary(check, left, resolve(check.expected, scope, _passes), is_strict=is_strict)
    del scope.run.messages[said:]
    if status is Status.FAIL and is_strict:
        scope.run.messages.append(check.message or f"line {check.line}: {check.text}")
    return status


def _binary(check: Check, left: Sequence[Result], right: Sequence[Result], *, is_strict: bool) -> Status:
    if not left:
        return Status.FAIL if is_strict and _is_variable(check.query) else Status.SKIP
    if not right:
        return Status.FAIL if is_strict else Status.SKIP
    passed = compare(check.operator, left, right, is_negated=check.is_negated is not check.is_inverted)
    return _status(check.query, passed)


def _is_variable(query: Query) -> bool:
    return len(query.parts) == 1 and isinstance(query.parts[0], Variable)


def _status(query: Query, passed: Sequence[bool]) -> Status:
    if query.is_some:
        return Status.PASS if any(passed) else Status.FAIL
    return Status.PASS if all(passed) else Status.FAIL


def _unary(check: Check, results: Sequence[Result], *, is_strict: bool) -> Status:
    is_selection = isinstance(check.query.parts[-1], Filter | KeyFilter)
    is_turned = check.is_negated is not check.is_inverted
    if not results and check.operator == "empty" and (is_selection or _is_variable(check.query)):
        return Status.FAIL if is_turned else Status.PASS
    if not results:
        return Status.SKIP
    if check.operator == "empty" and is_selection:
        return _status(check.query, [_is_void(result) is not is_turned for result in results])
    passed = []
    for result in results:
        try:
            passed.append(_holds(check.operator, result) is not is_turned)
        except NotEmptiable:
            if not is_strict:
                raise
            passed.append(False)
    return _status(check.query, passed)


def _is_void(result: Result) -> bool:
    return result is LOST or result.value is None


def _holds(operator: str, result: Result) -> bool:
    if operator == "exists":
        return result is not LOST
    if operator == "empty":
        if result is LOST:
            return True
        try:
            return is_empty(result.value)
        except Unanswerable as failure:
            raise NotEmptiable(str(failure)) from None
    return result is not LOST and KINDS[operator](result.value)


def _reference(reference: Reference, scope: Scope, *, is_strict: bool) -> Status:
    said = len(scope.run.messages)
    if reference.arguments is None:
        status = _rule_status(reference.rule, scope, is_strict=is_strict)
    else:
        status = _called(reference, scope, is_strict=is_strict)
    if status is Status.SKIP:
        status = _of_skipped(reference, is_strict=is_strict)
    elif reference.is_negated:
        status = Status.PASS if status is Status.FAIL else Status.FAIL
    if status is not Status.FAIL or reference.message:
        del scope.run.messages[said:]
    if status is Status.FAIL and is_strict:
        default = f"line {reference.line}: rule {reference.rule} does not hold as expected"
        scope.run.messages.append(reference.message or default)
    return status


def _of_skipped(reference: Reference, *, is_strict: bool) -> Status:
    if is_strict:
        return Status.FAIL
    return Status.PASS if reference.is_negated else Status.SKIP


def _called(reference: Reference, scope: Scope, *, is_strict: bool) -> Status:
    rule = scope.run.rules.parameterized.get(reference.rule)
    assert reference.arguments is not None
    if rule is None or len(rule.parameters) != len(reference.arguments):
        raise Unanswerable(f"no rule {reference.rule} takes {len(reference.arguments)} arguments")
    key = (reference.rule, is_strict)
    if key in scope.run.active:
        raise Unanswerable(f"rule {reference.rule} calls itself")
    inside = scope.below(scope.root)
    for name, argument in zip(rule.parameters, reference.arguments, strict=True):
        values = resolve(argument, scope, _passes)
        is_written = isinstance(argument, Literal)
        inside.resolved[name] = [Found(each.value) for each in values if each is not LOST] if is_written else values
    scope.run.active.add(key)
    status = _rule(rule, inside, is_strict=is_strict)
    scope.run.active.discard(key)
    return status


def _block(block: Block, scope: Scope, *, is_strict: bool) -> Status:
    values = resolve(block.query, scope, _passes)
    if not values:
        return Status.FAIL if block.must_match else Status.SKIP
    said = len(scope.run.messages)
    statuses = [_in_block(block, value, scope, is_strict=is_strict) for value in values]
    status = _some(statuses) if block.query.is_some else _all(statuses)
    if status is not Status.FAIL:
        del scope.run.messages[said:]
    return status


def _in_block(block: Block, value: Result, scope: Scope, *, is_strict: bool) -> Status:
    if value is LOST:
        if is_strict:
            scope.run.messages.append(f"line {block.line}: what the block is about is not there")
        return Status.FAIL
    inside = scope.below(value.value).block(block.body.variables)
    return _lines(block.body.lines, inside, is_strict=is_strict)


def _type_block(block: TypeBlock, scope: Scope, *, is_strict: bool) -> Status:
    is_type = Check(Query((Key("Type"),)), "==", False, False, Literal(block.type), "", 0, "")
    parts: tuple[Part, ...] = (Key("Resources"), AllValues(), Filter(((is_type,),)))
    values = Retrieval(parts, _passes).start(scope)
    return _all(
        _guarded(block.conditions, block.body, scope.below(value.value), is_strict=is_strict)
        if value is not LOST
        else Status.SKIP
        for value in values
    )


def statuses(results: Iterable[RuleResult]) -> Mapping[str, Status]:
    """Status by rule."""
    return {result.rule: result.status for result in results}
