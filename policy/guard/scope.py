"""Where a clause looks names and paths up: the document, a block of a rule, a value that a block is tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from policy.guard.comparison import Found, Result
from policy.guard.syntax import Constant, Operand, Rules
from policy.guard.values import Unanswerable

STEPS_MAX: Final = 2_000_000
"""Values that one document may be asked for; a hostile rule stops there."""


class TooMuchWork(Unanswerable):
    """A rule asked for more values than one document may cost."""


@dataclass(slots=True)
class Run:
    """What all scopes of one evaluation share.

    Args:
        statuses: outcome of each rule by name and strictness.
        messages: what failed clauses of rules say, in order.
    """

    rules: Rules
    statuses: dict[tuple[str, bool], object] = field(default_factory=dict)
    active: set[tuple[str, bool]] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)
    steps: int = 0

    def spend(self) -> None:
        """Count one value."""
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise TooMuchWork("the rule asks for too many values")


class Scope:
    """A root value and variables; what it does not know its parent does."""

    def __init__(self, run: Run, root: Constant, variables: Mapping[str, Operand], parent: Scope | None) -> None:
        self.run = run
        self.root = root
        self.variables = variables
        self.parent = parent
        self.resolved: dict[str, list[Result]] = {}

    def below(self, root: Constant) -> Scope:
        """The scope of a value that a block or filter is tested on."""
        return Scope(self.run, root, {}, self)

    def block(self, variables: Mapping[str, Operand]) -> Scope:
        """The scope of a block with variables of its own."""
        return Scope(self.run, self.root, variables, self)

    def owner(self, name: str) -> Scope:
        """The nearest scope that knows a variable.

        Raises:
            Unanswerable: none does.
        """
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables or name in scope.resolved:
                return scope
            scope = scope.parent
        raise Unanswerable(f"no variable has the name {name}")

    def capture(self, name: str, key: str) -> None:
        """Remember a key that a filter named, for the whole document."""
        top = self
        while top.parent is not None:
            top = top.parent
        top.resolved.setdefault(name, []).append(Found(key))
