"""Why one policy came to its verdict on one resource: the leaves that decided, with what each found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from domain.finding import PolicyId, Verdict
from domain.resource import ConfigurationItem, Origin, ResourceId
from domain.value import MISSING, UNREAD, Absent, Value
from policy.compile import Program
from policy.existence import Existence
from policy.interpret import (
    ItemScope,
    RelatedScope,
    Scope,
    counted,
    decide,
    evaluate_condition,
    evaluate_expression,
    flattened,
    looked_up,
    satisfied,
    violates,
)
from policy.languages import shown
from policy.tree import (
    COUNTED,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Constant,
    Count,
    Every,
    Literal,
    Not,
    Read,
    Tally,
    Truth,
)

_DETAILS: Final = "properties.policyRule.then.details"
_VERDICTS = {Truth.FALSE: Verdict.COMPLIANT, Truth.TRUE: Verdict.VIOLATION, Truth.UNKNOWN: Verdict.UNKNOWN}


@dataclass(frozen=True, slots=True)
class LeafResult:
    """One condition as it was decided.

    Args:
        path: where in the resource it looked, or the expression's reads joined by commas.
        found: the raw value there; MISSING or UNREAD where there is none.
        result: true, false or None (unknown).
        where: JSON path of the condition in the rule.
        element: 0-based index of the array element, for conditions inside arrays.
    """

    path: str
    operator: str
    expected: Value
    found: Value
    result: bool | None
    where: str
    element: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict and the conditions that decided it; `origin` is where the resource was read."""

    resource_id: ResourceId
    policy_id: PolicyId
    verdict: Verdict
    leaves: tuple[LeafResult, ...]
    origin: Origin


def explain(
    program: Program,
    item: ConfigurationItem,
    *,
    now: datetime,
    related: Sequence[ConfigurationItem] | Absent = UNREAD,
) -> Explanation:
    """Evaluate one policy on one resource and say why.

    Args:
        related: the tenant's resources of the type that an existence condition asks for, if it was collected.
    """
    scope = ItemScope(item)
    truth = violates(program.condition, program.existence, item, related, now)
    leaves = tuple(_deciding(program.condition, scope, now, None))
    if program.existence is not None and evaluate_condition(program.condition, scope, now) is not Truth.FALSE:
        leaves += tuple(_existing(program.existence, item, related, now))
    return Explanation(item.uid, program.policy_id, _VERDICTS[truth], leaves, item.origin)


def _existing(
    existence: Existence, item: ConfigurationItem, related: Sequence[ConfigurationItem] | Absent, now: datetime
) -> Iterator[LeafResult]:
    """What was looked for beside the resource: the type that is missing, what is there, or why that is not enough."""
    found = looked_up(existence, item, related, now)
    if isinstance(found, Absent):
        yield LeafResult(existence.type, "exists", True, found, None, _DETAILS)
        return
    scope = ItemScope(item)
    truths = [satisfied(existence, scope, [one], now) for one in found]
    best = max(truths, default=Truth.FALSE)
    shown: Value = [str(one.uid) for one, truth in zip(found, truths, strict=True) if truth is best]
    yield LeafResult(existence.type, "exists", True, shown or MISSING, _as_bool(best), _DETAILS)
    if existence.condition is None or best is Truth.TRUE:
        return
    for one, truth in zip(found, truths, strict=True):
        if truth is best:
            for leaf in _deciding(existence.condition, RelatedScope(scope, one), now, None):
                yield replace(leaf, path=f"{one.name or one.uid}: {leaf.path}")


def _deciding(condition: Condition, scope: Scope, now: datetime, element: int | None) -> Iterator[LeafResult]:
    """The leaves that make the condition what it is: of *and* the failing ones, of *or* the holding ones."""
    match condition:
        case Constant():
            return
        case Compare():
            values = {path: scope.value(path) for path in condition.reads}
            found = evaluate_expression(condition.subject, values.__getitem__, now)
            yield _leaf(condition, found, decide(condition, values, now), values.__getitem__, now=now, element=element)
        case AllOf() | AnyOf():
            truth = evaluate_condition(condition, scope, now)
            for child in condition.children:
                if evaluate_condition(child, scope, now) is truth:
                    yield from _deciding(child, scope, now, element)
        case Not():
            yield from _deciding(condition.child, scope, now, element)
        case Every():
            yield from _every(condition, scope, now)
        case Count() | Tally():
            yield from _counted(condition, scope, now, element)


def _every(condition: Every, scope: Scope, now: datetime) -> Iterator[LeafResult]:
    elements = scope.elements(condition.array)
    truth = evaluate_condition(condition, scope, now)
    if isinstance(elements, Absent) or not elements:
        found: Value = elements if isinstance(elements, Absent) else []
        yield LeafResult(_shown(condition.array), "every", MISSING, found, _as_bool(truth), "")
        return
    for at, element in enumerate(elements):
        if evaluate_condition(condition.child, element, now) is truth:
            yield from _deciding(condition.child, element, now, at)


def _counted(condition: Count | Tally, scope: Scope, now: datetime, element: int | None) -> Iterator[LeafResult]:
    leaf = condition.compare
    values = {path: scope.value(path) for path in leaf.reads if path != COUNTED}
    count = counted(condition, scope, now)
    truth = decide(leaf, {**values, COUNTED: count}, now)
    found: Value = count if isinstance(count, int) else UNREAD
    path = f"count({_shown(condition.arrays[-1])})" if isinstance(condition, Count) else "count"
    expected = evaluate_expression(leaf.expected, values.__getitem__, now)
    found, expected = shown(leaf.operator, found, expected)
    yield LeafResult(path, leaf.operator, expected, found, _as_bool(truth), leaf.where, element)
    if isinstance(condition, Count) and condition.child is not None:
        elements = flattened(condition.arrays, scope)
        for at, inner in enumerate(() if isinstance(elements, Absent) else elements):
            if evaluate_condition(condition.child, inner, now) is Truth.TRUE:
                yield from _deciding(condition.child, inner, now, at)


def _leaf(
    leaf: Compare, found: Value, truth: Truth, value: Callable[[str], Value], *, now: datetime, element: int | None
) -> LeafResult:
    path = _shown(leaf.subject.path) if isinstance(leaf.subject, Read) else ", ".join(map(_shown, leaf.reads))
    expected = (
        leaf.expected.value if isinstance(leaf.expected, Literal) else evaluate_expression(leaf.expected, value, now)
    )
    found, expected = shown(leaf.operator, found, expected)
    return LeafResult(path, leaf.operator, expected, found, _as_bool(truth), leaf.where, element)


def _as_bool(truth: Truth) -> bool | None:
    return None if truth is Truth.UNKNOWN else truth is Truth.TRUE


def _shown(path: str) -> str:
    """A path as a person reads it: without the type that owns it, or our mark of common fields."""
    return path.rpartition("|")[2].removeprefix("@")
