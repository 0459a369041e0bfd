"""What a Guard rules file says, as values. Nothing is evaluated here.

Source: https://docs.aws.amazon.com/cfn-guard/latest/ug/writing-rules.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from policy.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two bounds, each included or not."""

    low: float
    high: float
    includes_low: bool
    includes_high: bool

    def __contains__(self, number: float) -> bool:
        is_above = self.low <= number if self.includes_low else self.low < number
        return is_above and (number <= self.high if self.includes_high else number < self.high)


Constant: TypeAlias = "bool | int | float | str | Pattern | Range | list[Constant] | dict[str, Constant] | None"
"""A value written in a rule: JSON that may hold patterns and ranges."""


@dataclass(frozen=True, slots=True)
class Key:
    """``.name``; a number is an element of a list."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """``[0]``; a negative one counts from the end."""

    at: int


@dataclass(frozen=True, slots=True)
class AllValues:
    """``.*``, every value of a map or list; `capture` names the keys."""

    capture: str = ""


@dataclass(frozen=True, slots=True)
class AllIndices:
    """``[*]``, every element of a list."""


@dataclass(frozen=True, slots=True)
class Variable:
    """``%name``."""

    name: str


@dataclass(frozen=True, slots=True)
class Filter:
    """``[ clauses ]``; `capture` names the keys of what passes."""

    lines: Lines
    capture: str = ""


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """``[ keys == value ]``."""

    operator: str
    is_negated: bool
    expected: Operand


@dataclass(frozen=True, slots=True)
class This:
    """``this``, the value at hand."""


Part: TypeAlias = Key | Index | AllValues | AllIndices | Variable | Filter | KeyFilter | This


@dataclass(frozen=True, slots=True)
class Query:
    """A path through the document; with `is_some` one matching value is enough."""

    parts: tuple[Part, ...]
    is_some: bool = False


@dataclass(frozen=True, slots=True)
class Literal:
    """A written value."""

    value: Constant


@dataclass(frozen=True, slots=True)
class Function:
    """A call such as ``count(%x)``."""

    name: str
    arguments: tuple[Operand, ...]
    line: int


Operand: TypeAlias = Literal | Query | Function


@dataclass(frozen=True, slots=True)
class Check:
    """``query operator operand``; `is_inverted` for a leading not."""

    query: Query
    operator: str
    is_negated: bool
    is_inverted: bool
    expected: Operand | None
    message: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Another rule, by name; `arguments` where it takes some."""

    rule: str
    is_negated: bool
    arguments: tuple[Operand, ...] | None
    message: str
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """``query { … }``, tested on every value of the query; with `must_match` on at least one."""

    query: Query
    body: Body
    must_match: bool
    line: int


@dataclass(frozen=True, slots=True)
class When:
    """``when conditions { … }``."""

    conditions: Lines
    body: Body


@dataclass(frozen=True, slots=True)
class TypeBlock:
    """``AWS::S3::Bucket when conditions { … }``, tested on every resource of the type."""

    type: str
    conditions: Lines
    body: Body


Clause: TypeAlias = Check | Reference | Block | When | TypeBlock
Lines: TypeAlias = "tuple[tuple[Clause, ...], ...]"
"""Lines that must all hold; each is one clause or several joined by *or*."""


@dataclass(frozen=True, slots=True)
class Body:
    """Variables and lines of a block."""

    variables: Mapping[str, Operand]
    lines: Lines


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rule; one with `parameters` runs only where another calls it."""

    name: str
    conditions: Lines
    body: Body
    parameters: tuple[str, ...] = ()
    line: int = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """A rules file."""

    origin: str
    variables: Mapping[str, Operand]
    rules: tuple[Rule, ...]
    parameterized: Mapping[str, Rule] = field(default_factory=dict)
