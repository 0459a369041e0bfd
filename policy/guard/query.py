"""Following a query through a document: values reached, and where it ended early.

Source: cfn-guard 3, query retrieval; https://docs.aws.amazon.com/cfn-guard/latest/ug/query-and-filtering.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from policy.guard.comparison import LOST, Found, Result
from policy.guard.functions import apply
from policy.guard.scope import Scope
from policy.guard.syntax import (
    AllIndices,
    AllValues,
    Constant,
    Filter,
    Function,
    Index,
    Key,
    KeyFilter,
    Lines,
    Literal,
    Operand,
    Part,
    Query,
    This,
    Variable,
)
from policy.guard.values import NotComparable, Unanswerable, is_equal

Test = Callable[[Lines, Scope], bool]
"""Whether the clauses of a filter hold of a scope's root."""


def resolve(operand: Operand, scope: Scope, test: Test) -> list[Result]:
    """What an operand stands for."""
    if isinstance(operand, Literal):
        return [Found(operand.value, is_written=True)]
    if isinstance(operand, Function):
        return apply(operand.name, [resolve(argument, scope, test) for argument in operand.arguments])
    return Retrieval(operand.parts, test).start(scope)


def variable(name: str, scope: Scope, test: Test) -> list[Result]:
    """What a variable holds, worked out once where it was written.

    Raises:
        Unanswerable: no such variable, or it needs itself.
    """
    owner = scope.owner(name)
    if name not in owner.resolved:
        operand = owner.variables[name]
        owner.resolved[name] = []
        found = resolve(operand, owner, test)
        if isinstance(operand, Query) and operand.is_some:
            found = [result for result in found if isinstance(result, Found) and not result.is_written]
        owner.resolved[name] = found
    return owner.resolved[name]


class Retrieval:
    """One query being followed."""

    def __init__(self, parts: Sequence[Part], test: Test) -> None:
        self.parts = parts
        self.test = test

    def start(self, scope: Scope) -> list[Result]:
        """Every value from a scope's root, or from the variable that the query begins with."""
        match self.parts[0]:
            case Variable(name):
                return self.from_variable(variable(name, scope, self.test), scope)
            case _:
                return self.at(0, scope.root, scope, "")

    def from_variable(self, results: Sequence[Result], scope: Scope) -> list[Result]:
        first = 2 if len(self.parts) > 1 and isinstance(self.parts[1], AllIndices) else 1
        found: list[Result] = []
        for result in results:
            if isinstance(result, Found) and first < len(self.parts):
                found.extend(self.at(first, result.value, scope.below(result.value), ""))
            else:
                found.append(result)
        return found

    def at(self, step: int, value: Constant, scope: Scope, spelling: str) -> list[Result]:  # noqa: PLR0911
        """Go on from a value; `spelling` is the letter case that an earlier key was found in."""
        scope.run.spend()
        if step >= len(self.parts):
            return [Found(value)]
        match self.parts[step]:
            case This():
                return self.at(step + 1, value, scope, spelling)
            case Key(name):
                return self.key(step, name, value, scope, spelling)
            case Index(at):
                return self.index(step, at, value, scope, spelling)
            case Variable(name):
                return self.interpolated(step, name, value, scope, spelling)
            case AllIndices():
                return self.all_indices(step, value, scope, spelling)
            case AllValues(capture):
                return self.all_values(step, value, scope, spelling, capture)
            case Filter() as filtered:
                return self.filtered(step, filtered, value, scope, spelling)
            case KeyFilter() as keys:
                return self.keys(step, keys, value, scope, spelling)

    def key(self, step: int, name: str, value: Constant, scope: Scope, spelling: str) -> list[Result]:
        if re.fullmatch(r"-?\d{1,9}", name):
            return self.index(step, int(name), value, scope, spelling)
        if not isinstance(value, dict):
            return [LOST]
        if name in value:
            return self.at(step + 1, value[name], scope, spelling)
        for other in (spelling,) if spelling else SPELLINGS:
            spelled = _spelled(name, other)
            if spelled in value:
                return self.at(step + 1, value[spelled], scope, other)
        return [LOST]

    def index(self, step: int, at: int, value: Constant, scope: Scope, spelling: str) -> list[Result]:
        if not isinstance(value, list) or not -len(value) <= at < len(value):
            return [LOST]
        return self.at(step + 1, value[at], scope, spelling)

    def interpolated(self, step: int, name: str, value: Constant, scope: Scope, spelling: str) -> list[Result]:
        if not isinstance(value, dict):
            return [LOST]
        keys = variable(name, scope, self.test)
        after = step + 1
        if after < len(self.parts) and isinstance(chosen := self.parts[after], Index):
            if not -len(keys) <= chosen.at < len(keys):
                return [LOST]
            keys, after = [keys[chosen.at]], after + 1
        found: list[Result] = []
        for key in _names(keys, name):
            found.extend(self.at(after, value[key], scope, spelling) if key in value else [LOST])
        return found

    def all_indices(self, step: int, value: Constant, scope: Scope, spelling: str) -> list[Result]:
        if isinstance(value, list):
            return self.each(step, value, scope, spelling)
        return self.at(step + 1, value, scope, spelling)

    def all_values(self, step: int, value: Constant, scope: Scope, spelling: str, capture: str) -> list[Result]:
        if isinstance(value, list):
            return self.each(step, value, scope, spelling)
        if not isinstance(value, dict):
            return self.at(step + 1, value, scope, spelling)
        if not value:
            return [LOST]
        found: list[Result] = []
        for key, inner in value.items():
            if capture:
                scope.capture(capture, key)
            found.extend(self.at(step + 1, inner, scope.below(inner), spelling))
        return found

    def each(self, step: int, values: Sequence[Constant], scope: Scope, spelling: str) -> list[Result]:
        if not values:
            return [LOST]
        return [result for value in values for result in self.at(step + 1, value, scope, spelling)]

    def filtered(self, step: int, filtered: Filter, value: Constant, scope: Scope, spelling: str) -> list[Result]:
        before = self.parts[step - 1]
        if isinstance(value, list):
            return [found for each in value for found in self.passed(step, filtered, each, scope, spelling)]
        if isinstance(before, AllIndices | Variable) or (isinstance(value, dict) and isinstance(before, AllValues)):
            return self.passed(step, filtered, value, scope, spelling)
        if not isinstance(value, dict):
            return [LOST]
        found: list[Result] = []
        for key, inner in value.items():
            below = self.passed(step, filtered, inner, scope, spelling)
            if below and filtered.capture:
                scope.capture(filtered.capture, key)
            found.extend(below)
        return found

    def passed(self, step: int, filtered: Filter, value: Constant, scope: Scope, spelling: str) -> list[Result]:
        inside = scope.below(value)
        return self.at(step + 1, value, inside, spelling) if self.test(filtered.lines, inside) else []

    def keys(self, step: int, keys: KeyFilter, value: Constant, scope: Scope, spelling: str) -> list[Result]:
        if not isinstance(value, dict):
            return [LOST]
        if isinstance(keys.expected, Query):
            expected = Retrieval(keys.expected.parts, self.test).start(scope.below(value))
        else:
            expected = resolve(keys.expected, scope, self.test)
        found: list[Result] = []
        for key, inner in value.items():
            if _is_wanted(key, keys, expected):
                found.extend(self.at(step + 1, inner, scope, spelling))
        return found


def _names(keys: Iterable[Result], name: str) -> list[str]:
    found: list[str] = []
    for key in keys:
        if key is LOST:
            found.append("\0")
            continue
        for each in key.value if isinstance(key.value, list) else [key.value]:
            if not isinstance(each, str):
                raise Unanswerable(f"%{name} is used as a key but holds no text")
            found.append(each)
    return found


def _is_wanted(key: str, keys: KeyFilter, expected: Sequence[Result]) -> bool:
    """Whether one key passes; several expected values stand for a list of them."""
    matches = [_is_key(key, result, operator=keys.operator, is_negated=keys.is_negated) for result in expected]
    if keys.operator == "in" or len(expected) > 1:
        return any(matches)
    return all(matches)


def _is_key(key: str, result: Result, *, operator: str, is_negated: bool) -> bool:
    if result is LOST:
        return False
    expected = result.value
    try:
        if operator == "in" and isinstance(expected, str):
            return (key in expected) is not is_negated
        values = expected if operator == "in" and isinstance(expected, list) else [expected]
        return any([is_equal(key, value) for value in values]) is not is_negated
    except NotComparable:
        return False


SPELLINGS: Final = ("camel", "pascal", "kebab", "snake", "title", "train")
"""Other letter cases in which a key is looked for, in this order."""


def _spelled(name: str, spelling: str) -> str:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name) or [name]
    capitals = [word.capitalize() for word in words]
    spelled: dict[str, str] = {
        "camel": capitals[0].lower() + "".join(capitals[1:]),
        "pascal": "".join(capitals),
        "kebab": "-".join(words).lower(),
        "snake": "_".join(words).lower(),
        "title": " ".join(capitals),
        "train": "-".join(capitals),
    }
    return spelled[spelling]
