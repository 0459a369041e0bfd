"""The one representation that every policy language compiles to, and that both evaluators read.

Conditions are three-valued. Expressions yield JSON values, `MISSING` (not set) or `UNREAD` (nobody asked).
Nodes compare by `key`, text that is equal where two nodes mean the same: look-up tables are shared by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeAlias

from domain.value import Value
from graph.path import INSIDE

COUNTED: Final = "#"
"""The name under which a count reaches its comparison."""

OUTER: Final = "^"
"""Before a path in an existence condition: read from the triggering resource, not from the related one."""


class Truth(IntEnum):
    """Kleene's three values, ordered so that *and* is the least and *or* the greatest."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2

    @staticmethod
    def of(is_true: bool) -> Truth:
        """A decided value."""
        return Truth.TRUE if is_true else Truth.FALSE


@dataclass(frozen=True, slots=True)
class Literal:
    """A value known when the policy was compiled."""

    value: Value


@dataclass(frozen=True, slots=True)
class Read:
    """What a path holds in the nearest scope that has it."""

    path: str


@dataclass(frozen=True, slots=True)
class Collect:
    """Every value below ``[*]`` of an array read whole at `path`, in order; `rest` goes on from an element."""

    path: str
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A template function applied to arguments."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A property or element of a value: ``subject.name`` or ``subject[0]``."""

    subject: Expression
    name: Expression


@dataclass(frozen=True, slots=True)
class Lookup:
    """A value chosen by the folded text of another; UNREAD where the table has no entry."""

    subject: Expression
    table: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Tallied:
    """How many of the values that an expression yields satisfy `child`, which reads each under `slot`.

    `child` has no arrays of the resource in it, so that the whole is decided from plain values.
    """

    values: Expression
    slot: str
    child: Condition = field(repr=False, compare=False)
    key: str


Expression: TypeAlias = Literal | Read | Collect | Call | Member | Lookup | Tallied


@dataclass(frozen=True, slots=True)
class Constant:
    """A condition decided when the policy was compiled."""

    truth: Truth
    key: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Compare:
    """A leaf: subject, operator, expected.

    Args:
        reads: columns it needs.
        is_time_dependent: whether it asks what time it is.
        where: JSON path of the condition in the rule, for explanations.
    """

    subject: Expression
    operator: str
    expected: Expression
    key: str
    reads: tuple[str, ...]
    is_time_dependent: bool
    where: str


@dataclass(frozen=True, slots=True, eq=False)
class AllOf:
    """True where every child is."""

    children: tuple[Condition, ...]
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class AnyOf:
    """True where some child is."""

    children: tuple[Condition, ...]
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Not:
    """True where the child is false."""

    child: Condition
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Every:
    """True where the child is true of every element of the array; so for none."""

    array: str
    child: Condition
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """Compares how many elements satisfy `child` (all, where it is None); the count is read as ``#``.

    `arrays` goes from the outermost to the one whose elements are counted.
    """

    arrays: tuple[str, ...]
    child: Condition | None
    compare: Compare
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Compares how many of the children are true: a value count, unrolled."""

    children: tuple[Condition, ...]
    compare: Compare
    key: str


Condition: TypeAlias = Constant | Compare | AllOf | AnyOf | Not | Every | Count | Tally


def leaves(condition: Condition) -> Iterator[Compare]:
    """Every comparison below a condition, in order."""
    match condition:
        case Compare():
            yield condition
        case AllOf() | AnyOf():
            for child in condition.children:
                yield from leaves(child)
        case Not() | Every():
            yield from leaves(condition.child)
        case Count():
            if condition.child is not None:
                yield from leaves(condition.child)
            yield condition.compare
        case Tally():
            for child in condition.children:
                yield from leaves(child)
            yield condition.compare
        case Constant():
            return


def reads_of(condition: Condition) -> frozenset[str]:
    """Every path that evaluating the condition over columns asks for."""
    return frozenset(path for leaf in leaves(condition) for path in leaf.reads if path != COUNTED) | _arrays(condition)


def _arrays(condition: Condition) -> frozenset[str]:
    match condition:
        case AllOf() | AnyOf() | Tally():
            return frozenset(path for child in condition.children for path in _arrays(child))
        case Not():
            return _arrays(condition.child)
        case Every():
            return _arrays(condition.child) | {f"{condition.array}.{INSIDE}"}
        case Count():
            below = _arrays(condition.child) if condition.child is not None else frozenset()
            return below | {f"{condition.arrays[-1]}.{INSIDE}"}
        case _:
            return frozenset()


def has_arrays(condition: Condition) -> bool:
    """Whether elements of the resource's arrays are looked at one by one."""
    match condition:
        case AllOf() | AnyOf() | Tally():
            return any(map(has_arrays, condition.children))
        case Not():
            return has_arrays(condition.child)
        case _:
            return isinstance(condition, Every | Count)


def uses_time(condition: Condition) -> bool:
    """Whether the answer can differ from one day to the next."""
    return any(leaf.is_time_dependent for leaf in leaves(condition))


def reads_in(expression: Expression) -> frozenset[str]:
    """The paths an expression reads."""
    match expression:
        case Read() | Collect():
            return frozenset({expression.path})
        case Call():
            return frozenset(path for argument in expression.arguments for path in reads_in(argument))
        case Member():
            return reads_in(expression.subject) | reads_in(expression.name)
        case Lookup():
            return reads_in(expression.subject)
        case Tallied():
            return reads_in(expression.values) | (reads_of(expression.child) - {expression.slot})
        case Literal():
            return frozenset()


def asks_time(expression: Expression) -> bool:
    """Whether an expression asks what time it is."""
    match expression:
        case Call():
            return expression.name == "utcnow" or any(map(asks_time, expression.arguments))
        case Member():
            return asks_time(expression.subject) or asks_time(expression.name)
        case Tallied():
            return asks_time(expression.values) or uses_time(expression.child)
        case _:
            return False
