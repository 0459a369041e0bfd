"""Evaluates compiled conditions on one resource. Column evaluation calls `decide` once per distinct value.

Kleene logic: what was never asked for makes a condition unknown, unless the rest decides it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from domain.clock import format_instant
from domain.resource import ConfigurationItem
from domain.value import MISSING, UNREAD, Absent, Value
from graph.path import EACH, Path, fold, follow, is_unread, item_field, parse_path, read
from policy import dates, functions
from policy.existence import Existence, anchors_of, is_named
from policy.languages import DECIDERS
from policy.operators import boolean
from policy.tree import (
    COUNTED,
    OUTER,
    AllOf,
    AnyOf,
    Call,
    Collect,
    Compare,
    Condition,
    Constant,
    Count,
    Every,
    Expression,
    Literal,
    Lookup,
    Member,
    Not,
    Read,
    Tallied,
    Tally,
    Truth,
)

CONTAINERS: Final[Mapping[str, frozenset[str]]] = {
    "resourcegroup": frozenset({"name", "id"}),
    "subscription": frozenset({"subscriptionid", "id"}),
}
"""What a resource's id says of what contains it."""

_TALLIED_MAX: Final = 10_000
"""A resource with more values than this in one place is not counted; whether it violates stays unknown."""

_ARM_ID = re.compile(r"/subscriptions/(?P<subscription>[^/]+)(?:/resourceGroups/(?P<group>[^/]+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Between:
    """A count known only within bounds, both included; `high` None has no bound."""

    low: int
    high: int | None


Found: TypeAlias = "Value | Between"


class Scope(Protocol):
    """Where paths are looked up: a resource, or an element of one of its arrays."""

    def value(self, path: str) -> Value:
        """What a path without unbound ``[*]`` holds."""

    def elements(self, array: str) -> Sequence[Scope] | Absent:
        """The elements of an array, or why there is none."""


def evaluate_condition(condition: Condition, scope: Scope, now: datetime) -> Truth:
    """Decide a condition on one resource or element."""
    match condition:
        case Constant():
            return condition.truth
        case Compare():
            return decide(condition, {path: scope.value(path) for path in condition.reads}, now)
        case AllOf() | AnyOf() | Not():
            return _combined(condition, scope, now)
        case Every():
            return _every(condition, scope, now)
        case Count() | Tally():
            values: dict[str, Found] = {path: scope.value(path) for path in condition.compare.reads if path != COUNTED}
            return decide(condition.compare, {**values, COUNTED: counted(condition, scope, now)}, now)


def _combined(condition: AllOf | AnyOf | Not, scope: Scope, now: datetime) -> Truth:
    match condition:
        case AllOf():
            return _least(condition.children, scope, now)
        case AnyOf():
            return max((evaluate_condition(child, scope, now) for child in condition.children), default=Truth.FALSE)
        case Not():
            return Truth(2 - evaluate_condition(condition.child, scope, now))


def _least(children: Sequence[Condition], scope: Scope, now: datetime) -> Truth:
    least = Truth.TRUE
    for child in children:
        least = min(least, evaluate_condition(child, scope, now))
        if least is Truth.FALSE:
            break
    return least


def _every(condition: Every, scope: Scope, now: datetime) -> Truth:
    elements = scope.elements(condition.array)
    if isinstance(elements, Absent):
        return Truth.TRUE if elements is MISSING else Truth.UNKNOWN
    return min((evaluate_condition(condition.child, element, now) for element in elements), default=Truth.TRUE)


def counted(condition: Count | Tally, scope: Scope, now: datetime) -> int | Between:
    """How many elements or values satisfy what is counted."""
    if isinstance(condition, Tally):
        return between([evaluate_condition(child, scope, now) for child in condition.children])
    elements = flattened(condition.arrays, scope)
    if isinstance(elements, Absent):
        return Between(0, None)
    if condition.child is None:
        return len(elements)
    return between([evaluate_condition(condition.child, element, now) for element in elements])


def flattened(arrays: Sequence[str], scope: Scope) -> Sequence[Scope] | Absent:
    """Elements of arrays inside arrays; UNREAD where some array on the way is."""
    scopes: list[Scope] = [scope]
    for array in arrays:
        inner = [outer.elements(array) for outer in scopes]
        if any(elements is UNREAD for elements in inner):
            return UNREAD
        scopes = [element for elements in inner if not isinstance(elements, Absent) for element in elements]
    return scopes


def between(truths: Sequence[Truth]) -> int | Between:
    """How many are true: a number, or bounds where some are unknown."""
    low = sum(truth is Truth.TRUE for truth in truths)
    high = low + sum(truth is Truth.UNKNOWN for truth in truths)
    return low if low == high else Between(low, high)


def decide(leaf: Compare, values: Mapping[str, Found], now: datetime) -> Truth:
    """One comparison on the values of its reads."""
    count = values.get(COUNTED)
    if isinstance(count, Between):
        if count.high is None:
            return Truth.UNKNOWN
        possible = {decide(leaf, {**values, COUNTED: n}, now) for n in range(count.low, count.high + 1)}
        return possible.pop() if len(possible) == 1 else Truth.UNKNOWN
    plain: Mapping[str, Value] = values  # type: ignore[assignment]
    left = evaluate_expression(leaf.subject, plain.__getitem__, now)
    right = evaluate_expression(leaf.expected, plain.__getitem__, now)
    if left is UNREAD or right is UNREAD:
        return Truth.UNKNOWN
    found = DECIDERS[leaf.operator](left, right)
    return found if isinstance(found, Truth) else Truth.of(found)


def evaluate_expression(expression: Expression, value: Callable[[str], Value], now: datetime) -> Value:
    """What an expression yields; UNREAD where it needs something that nobody asked for."""
    match expression:
        case Literal():
            return expression.value
        case Read():
            return value(expression.path)
        case Collect():
            return collected(value(expression.path), expression.rest)
        case Call():
            return _called(expression, value, now)
        case Member() | Lookup():
            return _chosen(expression, value, now)
        case Tallied():
            return _tallied(expression, value, now)


def _tallied(expression: Tallied, value: Callable[[str], Value], now: datetime) -> Value:
    """How many values satisfy a condition; UNREAD where that is open. One value alone is a list of it."""
    found = evaluate_expression(expression.values, value, now)
    if found is UNREAD or (isinstance(found, list) and len(found) > _TALLIED_MAX):
        return UNREAD
    listed: list[Value] = [*found] if isinstance(found, list) else [] if found in (MISSING, None) else [found]
    scopes = [_ValueScope(value, expression.slot, one) for one in listed]
    count = between([evaluate_condition(expression.child, scope, now) for scope in scopes])
    return count if isinstance(count, int) else UNREAD


class _ValueScope:
    """Looks a value that is being counted up under its slot, and everything else where the count is."""

    def __init__(self, outer: Callable[[str], Value], slot: str, element: Value) -> None:
        self.outer = outer
        self.slot = slot
        self.element = element

    def value(self, path: str) -> Value:
        return self.element if path == self.slot else self.outer(path)

    def elements(self, array: str) -> Sequence[Scope] | Absent:
        raise AssertionError(f"no arrays inside a count of values: {array}")


def _chosen(expression: Member | Lookup, value: Callable[[str], Value], now: datetime) -> Value:
    subject = evaluate_expression(expression.subject, value, now)
    if isinstance(expression, Lookup):
        return expression.table.get(fold(subject), UNREAD) if isinstance(subject, str) else UNREAD
    name = evaluate_expression(expression.name, value, now)
    return UNREAD if subject is UNREAD or name is UNREAD else functions.member(subject, name)


def _called(call: Call, value: Callable[[str], Value], now: datetime) -> Value:
    if call.name in {"if", "coalesce"}:
        return _lazy(call, value, now)
    arguments = [evaluate_expression(argument, value, now) for argument in call.arguments]
    if any(argument is UNREAD for argument in arguments):
        return UNREAD
    if call.name in CONTAINERS:
        return _container(call.name, arguments[0])
    if call.name == "utcnow":
        return dates.write(now, *arguments) if arguments else format_instant(now)
    return functions.apply(call.name, arguments)


def _lazy(call: Call, value: Callable[[str], Value], now: datetime) -> Value:
    """Functions that look at no more arguments than they need."""
    if call.name == "coalesce":
        return _coalesced(call, value, now)
    chosen = boolean_of(evaluate_expression(call.arguments[0], value, now))
    if isinstance(chosen, Absent):
        return chosen
    return evaluate_expression(call.arguments[1 if chosen else 2], value, now)


def _coalesced(call: Call, value: Callable[[str], Value], now: datetime) -> Value:
    for argument in call.arguments:
        found = evaluate_expression(argument, value, now)
        if found is not MISSING and found is not None:
            return found
    return None


def _container(name: str, resource_id: Value) -> Value:
    found = _ARM_ID.match(resource_id) if isinstance(resource_id, str) else None
    if found is None:
        return UNREAD
    if name == "subscription":
        return {"subscriptionId": found["subscription"], "id": f"/subscriptions/{found['subscription']}"}
    if found["group"] is None:
        return MISSING
    return {"name": found["group"], "id": found[0]}


def boolean_of(value: Value) -> bool | Absent:
    """A condition's value inside an expression."""
    if value is UNREAD:
        return UNREAD
    found = boolean(value)
    return MISSING if found is None else found


def collected(value: Value, rest: Sequence[str]) -> Value:
    """Values below every ``[*]`` of `rest`, in order; what is not set is left out."""
    if value is UNREAD:
        return UNREAD
    if EACH not in rest:
        found = follow(value, rest)
        return [] if found is MISSING else [found]  # type: ignore[list-item]
    at = list(rest).index(EACH)
    array = follow(value, rest[:at])
    gathered: list[Value] = []
    for element in array if isinstance(array, list) else ():
        below = collected(element, rest[at + 1 :])
        gathered.extend(below if isinstance(below, list) else ())
    return gathered  # type: ignore[return-value]


class ItemScope:
    """Looks paths up in one configuration item."""

    def __init__(self, item: ConfigurationItem) -> None:
        self.item = item

    def value(self, path: str) -> Value:
        return read(self.item, parse_path(path))

    def elements(self, array: str, within: Scope | None = None) -> Sequence[Scope] | Absent:
        path = parse_path(array)
        return _elements(within or self, self.item, path, read(self.item, path.prefix(len(path.segments) - 1)))


class ElementScope:
    """Looks paths up in one element of an array, and beyond it in the scope outside."""

    def __init__(self, outer: Scope, item: ConfigurationItem, array: Path, element: Value) -> None:
        self.outer = outer
        self.item = item
        self.array = array
        self.element = element

    def value(self, path: str) -> Value:
        wanted = parse_path(path)
        if not self._has(wanted):
            return self.outer.value(path)
        return self._below(wanted, len(wanted.segments))

    def elements(self, array: str) -> Sequence[Scope] | Absent:
        wanted = parse_path(array)
        if not self._has(wanted):
            return self.outer.elements(array)
        return _elements(self, self.item, wanted, self._below(wanted, len(wanted.segments) - 1))

    def _has(self, path: Path) -> bool:
        size = len(self.array.segments)
        return path.owners == self.array.owners and path.segments[:size] == self.array.segments

    def _below(self, path: Path, end: int) -> Value:
        found = follow(self.element, path.segments[len(self.array.segments) : end])
        return UNREAD if found is MISSING and is_unread(self.item.unread, path.segments[0]) else found


def _elements(outer: Scope, item: ConfigurationItem, array: Path, value: Value) -> Sequence[Scope] | Absent:
    if value is UNREAD:
        return UNREAD
    if not isinstance(value, list):
        return UNREAD if is_unread(item.unread, array.segments[0]) and array.is_of(fold(item.type)) else MISSING
    return [ElementScope(outer, item, array, element) for element in value]


class RelatedScope:
    """Looks paths up in a related resource, and those behind `OUTER` in the triggering one."""

    def __init__(self, outer: Scope, item: ConfigurationItem) -> None:
        self.outer = outer
        self.inner = ItemScope(item)

    def value(self, path: str) -> Value:
        if path.startswith(OUTER):
            return self.outer.value(path.removeprefix(OUTER))
        return self.inner.value(path)

    def elements(self, array: str) -> Sequence[Scope] | Absent:
        return self.inner.elements(array, self)


def evaluate_existence(
    existence: Existence, item: ConfigurationItem, related: Sequence[ConfigurationItem] | Absent, now: datetime
) -> Truth:
    """Whether some resource among all of the related type is where the look-up goes and satisfies it.

    Args:
        related: the tenant's resources of `existence.type`; UNREAD where that type was never collected.
    """
    found = looked_up(existence, item, related, now)
    return Truth.UNKNOWN if isinstance(found, Absent) else satisfied(existence, ItemScope(item), found, now)


def looked_up(
    existence: Existence, item: ConfigurationItem, related: Sequence[ConfigurationItem] | Absent, now: datetime
) -> Sequence[ConfigurationItem] | Absent:
    """The related resources where the look-up goes, with the name it asks for; UNREAD where that cannot be known."""
    if isinstance(related, Absent) or not related:
        return related
    scope = ItemScope(item)
    group = _asked(existence.resource_group, scope, now)
    name = _asked(existence.name, scope, now)
    if isinstance(group, Absent) or isinstance(name, Absent):
        return UNREAD
    anchors = frozenset(existence.anchors(item.uid, item.type, group))
    here = [one for one in related if not anchors.isdisjoint(anchors_of(one.uid))]
    return [one for one in here if name is None or is_named(name, str(item_field(one, "@fullname")))]


def satisfied(existence: Existence, scope: Scope, found: Sequence[ConfigurationItem], now: datetime) -> Truth:
    """Whether one of the resources that a look-up found satisfies the existence condition."""
    condition = existence.condition
    if condition is None:
        return Truth.of(bool(found))
    return max((evaluate_condition(condition, RelatedScope(scope, one), now) for one in found), default=Truth.FALSE)


def violates(
    condition: Condition,
    existence: Existence | None,
    item: ConfigurationItem,
    related: Sequence[ConfigurationItem] | Absent,
    now: datetime,
) -> Truth:
    """Whether a resource violates: its condition is true and what must be beside it is not there."""
    truth = evaluate_condition(condition, ItemScope(item), now)
    if existence is None or truth is Truth.FALSE:
        return truth
    return min(truth, Truth(2 - evaluate_existence(existence, item, related, now)))


def details_of(details: Expression, item: ConfigurationItem, now: datetime) -> Value:
    """What an effect is to do to one resource; UNREAD where a value in it cannot be known."""
    return evaluate_expression(details, ItemScope(item).value, now)


def _asked(expression: Expression | None, scope: Scope, now: datetime) -> str | Absent | None:
    """Text a look-up needs: None where it asks for none, UNREAD where it cannot be known."""
    if expression is None:
        return None
    found = evaluate_expression(expression, scope.value, now)
    return found if isinstance(found, str) and found else UNREAD
