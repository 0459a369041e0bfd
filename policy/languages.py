"""Every operator that a compiled condition may have, by name: Azure Policy's own, and one for each other language.

An operator of another language takes the value that was read and what its policy says, as one value, and how an
explanation shows the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from domain.value import Value
from policy.custodian.match import MATCHERS, expected_of
from policy.guard import decide as guard
from policy.operators import OPERATORS
from policy.rego import decide as rego
from policy.tree import Truth

Decider: TypeAlias = Callable[[Value, Value], "bool | Truth"]

DECIDERS: Final[Mapping[str, Decider]] = {
    **OPERATORS,
    **MATCHERS,
    guard.OPERATOR: guard.matches,
    rego.OPERATOR: rego.matches,
}

_SAYS: Final[Mapping[str, Callable[[Value, Value], list[str]]]] = {
    guard.OPERATOR: guard.says,
    rego.OPERATOR: rego.says,
}


def shown(operator: str, found: Value, expected: Value) -> tuple[Value, Value]:
    """What an explanation shows of a comparison: what was found or said, and what was expected."""
    if operator in _SAYS and isinstance(expected, dict) and isinstance(found, dict):
        return [*_SAYS[operator](found, expected)], expected["shown"]
    return found, expected_of(expected) if operator in MATCHERS else expected
