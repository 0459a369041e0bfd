"""Which resource types a condition can be true of, read off its type tests."""

from __future__ import annotations

from functools import reduce

from graph.path import fold
from policy.tree import AllOf, AnyOf, Compare, Condition, Constant, Literal, Read, Truth


def selected_types(condition: Condition) -> frozenset[str] | None:
    """Folded types outside which the condition is false; None where it can hold of any."""
    match condition:
        case Constant():
            return frozenset() if condition.truth is Truth.FALSE else None
        case Compare(Read("@type"), operator, Literal(value)):
            return _tested(operator, value)
        case AllOf():
            return _intersection([selected_types(child) for child in condition.children])
        case AnyOf():
            return _union([selected_types(child) for child in condition.children])
        case _:
            return None


def _tested(operator: str, value: object) -> frozenset[str] | None:
    if operator == "equals" and isinstance(value, str):
        return frozenset({fold(value)})
    if operator == "in" and isinstance(value, list):
        return frozenset(fold(kind) for kind in value if isinstance(kind, str))
    if operator == "like" and isinstance(value, str) and not {"*", "?"} & set(value):
        return frozenset({fold(value)})
    return None


def _intersection(found: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [types for types in found if types is not None]
    return reduce(frozenset.__and__, known) if known else None


def _union(found: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [types for types in found if types is not None]
    return frozenset().union(*known) if len(known) == len(found) else None
