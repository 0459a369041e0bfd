"""A rule's ``if`` compiled: logical operators, leaves, array fields and counts."""

from __future__ import annotations

from typing import Final

import orjson

from domain.value import UNREAD, Absent, Json
from graph.path import EACH, Path
from policy.expression import is_expression
from policy.functions import OR_EMPTY
from policy.interpret import decide
from policy.names import Names, array_of, unbound_arrays
from policy.operators import OPERATORS, boolean
from policy.template import ANY_TIME, api_version, compile_value, folded, tag_of
from policy.tree import (
    COUNTED,
    AllOf,
    AnyOf,
    Call,
    Compare,
    Condition,
    Constant,
    Count,
    Every,
    Expression,
    Literal,
    Not,
    Read,
    Tallied,
    Tally,
    Truth,
    asks_time,
    has_arrays,
    reads_in,
)

_DEPTH_MAX: Final = 64
_TALLY_MAX: Final = 5_000
_CONDITIONS_MAX: Final = 8_192
_API_VERSION: Final = Path(None, ("apiversion",))
_SUBJECTS: Final = ("field", "value", "count")


def compile_condition(
    document: Json, names: Names, where: str = "$.properties.policyRule.if", *, depth: int = 0
) -> Condition:
    """Compile one condition of a rule.

    Raises:
        DefinitionError: names the place in the rule, what was expected and what was found.
    """
    if depth > _DEPTH_MAX:
        raise names.invalid("conditions are nested too deeply", where, expected=f"at most {_DEPTH_MAX} levels")
    names.budget.spent += 1
    if names.budget.spent > _CONDITIONS_MAX:
        expected = f"at most {_CONDITIONS_MAX}, a count of values repeating its where for each"
        raise names.invalid("rule has too many conditions", where, expected=expected, got="more")
    if not isinstance(document, dict):
        raise names.invalid("condition is not an object", where, expected="an object", got=type(document).__name__)
    keys = {key.lower(): value for key, value in document.items()}
    if len(keys) != len(document):
        raise names.invalid("key is given twice", where, expected="every key once", got=sorted(document))
    for name in ("allof", "anyof"):
        if name in keys:
            _require_alone(keys, names, where)
            return _group(name, keys[name], names, f"{where}.{name}", depth=depth)
    if "not" in keys:
        _require_alone(keys, names, where)
        return _negated(compile_condition(keys["not"], names, f"{where}.not", depth=depth + 1))
    return _leaf(keys, names, where, depth=depth)


def _require_alone(keys: dict[str, Json], names: Names, where: str) -> None:
    if len(keys) != 1:
        raise names.invalid(
            "a logical operator stands alone in its object", where, expected="one key", got=sorted(keys)
        )


def _group(name: str, document: Json, names: Names, where: str, *, depth: int) -> Condition:
    if not isinstance(document, list):
        raise names.invalid("not a list of conditions", where, expected="a list", got=type(document).__name__)
    children = [compile_condition(child, names, f"{where}[{at}]", depth=depth + 1) for at, child in enumerate(document)]
    return grouped(name, children)


def grouped(name: str, children: list[Condition]) -> Condition:
    """Join conditions; what is already decided is left out, or decides."""
    neutral, final = (Truth.TRUE, Truth.FALSE) if name == "allof" else (Truth.FALSE, Truth.TRUE)
    kept = [child for child in children if not (isinstance(child, Constant) and child.truth is neutral)]
    if any(isinstance(child, Constant) and child.truth is final for child in kept):
        return constant(final)
    if not kept:
        return constant(neutral)
    if len(kept) == 1:
        return kept[0]
    key = f"{name}({','.join(child.key for child in kept)})"
    return AllOf(tuple(kept), key) if name == "allof" else AnyOf(tuple(kept), key)


def constant(truth: Truth) -> Constant:
    """A decided condition."""
    return Constant(truth, truth.name)


def _negated(child: Condition) -> Condition:
    if isinstance(child, Constant):
        return constant(Truth(2 - child.truth))
    return Not(child, f"not({child.key})")


def _leaf(keys: dict[str, Json], names: Names, where: str, *, depth: int) -> Condition:
    subjects = [name for name in _SUBJECTS if name in keys]
    operators = sorted(set(keys) - set(_SUBJECTS))
    if len(subjects) != 1:
        raise names.invalid("condition has no subject", where, expected="one of field, value, count", got=sorted(keys))
    if len(operators) != 1 or operators[0] not in OPERATORS:
        raise names.invalid("operator is unknown", where, expected=sorted(OPERATORS), got=operators)
    operator = operators[0]
    expected = _expected(operator, keys[operator], names, f"{where}.{operator}")
    if subjects[0] == "field":
        return _field(keys["field"], operator, expected, names, where)
    if subjects[0] == "value":
        return _value(keys["value"], operator, expected, names, where)
    return _count(keys["count"], operator, expected, names, where=where, depth=depth)


def _value(document: Json, operator: str, expected: Expression, names: Names, where: str) -> Condition:
    """A comparison of a value; an expression without a result equals empty text, unlike a field that is not set."""
    subject = compile_value(document, names, f"{where}.value")
    if operator in {"equals", "notequals"} and isinstance(expected, Literal) and expected.value == "":
        subject = folded(Call(OR_EMPTY, (subject,)))
    return compared(subject, operator, expected, where)


def _expected(operator: str, document: Json, names: Names, where: str) -> Expression:
    expected = compile_value(document, names, where)
    if not isinstance(expected, Literal) or (isinstance(document, str) and is_expression(document)):
        return expected
    if operator == "exists" and boolean(expected.value) is None:
        raise names.invalid("exists needs a boolean", where, expected=[True, False], got=expected.value)
    if operator in {"in", "notin"} and not isinstance(expected.value, list):
        raise names.invalid(f"{operator} needs a list", where, expected="a list", got=expected.value)
    return expected


def compared(subject: Expression, operator: str, expected: Expression, where: str) -> Condition:
    """One comparison, decided at once where nothing in it depends on a resource or the time."""
    reads = tuple(sorted(reads_in(subject) | reads_in(expected)))
    is_time_dependent = asks_time(subject) or asks_time(expected)
    leaf = Compare(
        subject,
        operator,
        expected,
        _key(subject, operator, expected),
        reads,
        is_time_dependent,
        where.removeprefix("$."),
    )
    return leaf if reads or is_time_dependent else constant(decide(leaf, {}, ANY_TIME))


def _key(subject: Expression, operator: str, expected: Expression) -> str:
    return f"{_text(subject)} {operator} {_text(expected)}"


def _text(expression: Expression) -> str:
    if isinstance(expression, Literal) and not isinstance(expression.value, Absent):
        try:
            return orjson.dumps(expression.value, option=orjson.OPT_SORT_KEYS).decode()
        except TypeError:  # an integer beyond 64 bits
            return repr(expression.value)
    return repr(expression)


def _field(document: Json, operator: str, expected: Expression, names: Names, where: str) -> Condition:
    tag = tag_of(compile_value(document, names, f"{where}.field"))
    if tag is not None:
        return compared(tag, operator, expected, where)
    name = _name(document, names, f"{where}.field")
    if name is None:
        return constant(Truth.UNKNOWN)
    path = names.field_path(name, f"{where}.field")
    arrays = unbound_arrays(path, names.bound(path))
    subject = api_version(names, where) if path == _API_VERSION else Read(str(path))
    condition = compared(subject, operator, expected, where)
    for at in reversed(arrays):
        array = str(array_of(path, at))
        condition = Every(array, condition, f"every({array},{condition.key})")
    return condition


def _name(document: Json, names: Names, where: str) -> str | None:
    """The name of a field; None where it hangs on a parameter without a value."""
    found = compile_value(document, names, where)
    if not isinstance(found, Literal):
        raise names.unsupported("field name depends on the resource", where)
    if found.value is UNREAD:
        return None
    if not isinstance(found.value, str) or not found.value:
        raise names.invalid("field is not a name", where, expected="text", got=found.value)
    return found.value


def _count(document: Json, operator: str, expected: Expression, names: Names, where: str, *, depth: int) -> Condition:
    if not isinstance(document, dict) or ("field" in document) == ("value" in document):
        raise names.invalid(
            "count needs a field or a value", f"{where}.count", expected="one of field, value", got=document
        )
    unknown = sorted(set(document) - {"field", "value", "where", "name"})
    if unknown:
        raise names.invalid(
            "count has unknown keys", f"{where}.count", expected=["field", "name", "value", "where"], got=unknown
        )
    if "name" in document and ("field" in document or not isinstance(document["name"], str)):
        raise names.invalid(
            "only a value count has a name, and it is text", f"{where}.count.name", got=document["name"]
        )
    compare = compared(Read(COUNTED), operator, expected, where)
    assert isinstance(compare, Compare)
    if "field" in document:
        return _field_count(document, compare, names, f"{where}.count", depth=depth)
    return _value_count(document, compare, names, f"{where}.count", depth=depth)


def _field_count(document: dict[str, Json], compare: Compare, names: Names, where: str, *, depth: int) -> Condition:
    alias = _name(document["field"], names, f"{where}.field")
    if alias is None:
        return constant(Truth.UNKNOWN)
    path = names.field_path(alias, f"{where}.field")
    arrays = unbound_arrays(path, names.bound(path))
    if not arrays and path.segments[-1] == EACH:
        return _element_count(document, compare, names, where, depth=depth)
    if path.segments[-1] != EACH:
        raise names.invalid("count needs an array", f"{where}.field", expected="a field ending in [*]", got=alias)
    if names.is_within(path):
        raise names.unsupported("array is counted inside a count over its own elements", f"{where}.field")
    inside = names.counting(path, alias, Read(str(path)))
    child = (
        compile_condition(document["where"], inside, f"{where}.where", depth=depth + 1) if "where" in document else None
    )
    steps = tuple(str(array_of(path, at)) for at in arrays)
    return Count(steps, child, compare, f"count({path},{child.key if child else ''},{compare.key})")


def _element_count(document: dict[str, Json], compare: Compare, names: Names, where: str, *, depth: int) -> Condition:
    """An array counted inside a count of itself stands for its one element that is being looked at."""
    child = _counted_value(document, names, where, depth=depth)
    return Tally((child,), compare, f"tally({child.key};{compare.key})")


def _value_count(document: dict[str, Json], compare: Compare, names: Names, where: str, *, depth: int) -> Condition:
    values = compile_value(document["value"], names, f"{where}.value")
    if not isinstance(values, Literal) or values.value is UNREAD:
        return _open_count(document, values, compare, names, where=where, depth=depth)
    counted = None if isinstance(values.value, Absent) else values.value
    listed = counted if isinstance(counted, list) else [] if counted is None else [counted]
    if len(listed) > _TALLY_MAX:
        raise names.invalid(
            "count of too many values", f"{where}.value", expected=f"at most {_TALLY_MAX}", got=len(listed)
        )
    name = document.get("name", "")
    bound = [names.binding(str(name), Literal(value)) for value in listed]
    children = [_counted_value(document, inside, where, depth=depth) for inside in bound]
    key = f"tally({','.join(child.key for child in children)};{compare.key})"
    return Tally(tuple(children), compare, key)


def _open_count(
    document: dict[str, Json], values: Expression, compare: Compare, names: Names, *, where: str, depth: int
) -> Condition:
    """A count of values that only the resource tells: one leaf, whose subject counts."""
    slot = f"${depth}"
    child = _counted_value(document, names.binding(str(document.get("name", "")), Read(slot)), where, depth=depth)
    if has_arrays(child):
        raise names.unsupported("array of the resource inside a count of values that the resource has", where)
    subject = Tallied(values, slot, child, f"tallied({_text(values)},{slot},{child.key})")
    return compared(subject, compare.operator, compare.expected, where)


def _counted_value(document: dict[str, Json], names: Names, where: str, *, depth: int) -> Condition:
    if "where" not in document:
        return constant(Truth.TRUE)
    return compile_condition(document["where"], names, f"{where}.where", depth=depth + 1)
