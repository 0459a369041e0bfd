"""Filters of Cloud Custodian as conditions: groups become those of the tree, a value filter one comparison.

A filter that asks a cloud for more than the resource itself, or for the hour of the day, is refused by name.

Source: https://cloudcustodian.io/docs/filters.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from domain.value import Json
from graph.path import parse_path
from policy.custodian.document import NODES_MAX, CustodianPolicy
from policy.custodian.keys import Key, compiled, key_of
from policy.custodian.match import OPERATORS, TIMED, VALUE_TYPES, moment
from policy.errors import InvalidDefinition, UnsupportedDefinition
from policy.patterns import pattern
from policy.tree import COUNTED, AllOf, AnyOf, Call, Compare, Condition, Count, Expression, Literal, Not, Read

_DEPTH_MAX: Final = 25
_VALUE_KEYS: Final = frozenset({"type", "key", "value", "op", "value_type", "value_regex", "value_path"})
_ITEM_KEYS: Final = frozenset({"type", "key", "attrs", "count", "count_op"})
_GROUPS: Final = frozenset({"and", "or", "not"})
_PLACEHOLDERS: Final = ("{account_id}", "{account}", "{region}", "{now}", "{partition}")

_REFUSED: Final[Mapping[str, str]] = {
    "offhour": "switches resources by the hour of the day, and is no state that a resource can violate",
    "onhour": "switches resources by the hour of the day, and is no state that a resource can violate",
    "event": "judges an event, not a resource",
    "reduce": "chooses among the selected resources",
    "value_from": "reads its values from elsewhere",
}


@dataclass(slots=True)
class _Place:
    """Where compilation stands: below which array, at which filter, how deep."""

    policy: CustodianPolicy
    seen: int = 0

    def invalid(self, summary: str, where: str, **facts: object) -> InvalidDefinition:
        return InvalidDefinition(
            summary,
            where=self.policy.origin,
            path=f"{self.policy.path}: {where}",
            **facts,
            todo="Correct the filter",
        )

    def refused(self, summary: str, where: str, todo: str, **facts: object) -> UnsupportedDefinition:
        return UnsupportedDefinition(
            summary, where=self.policy.origin, path=f"{self.policy.path}: {where}", **facts, todo=todo
        )

    def count(self, where: str, depth: int) -> None:
        self.seen += 1
        if self.seen > NODES_MAX or depth > _DEPTH_MAX:
            raise self.invalid(
                "filters nest too much", where, expected=f"at most {_DEPTH_MAX} levels and {NODES_MAX} filters"
            )


def compile_filters(policy: CustodianPolicy) -> Condition:
    """All filters of a policy as one condition, true of the resources that it selects.

    Raises:
        InvalidDefinition: a filter breaks the language.
        UnsupportedDefinition: a filter needs what is not in the resource; says which, and what to do.
    """
    place = _Place(policy)
    kind = Compare(
        Read("@type"),
        "equals",
        Literal(policy.type),
        f"@type equals {policy.type.lower()}",
        ("@type",),
        False,
        "resource",
    )
    return _all([kind, *_parts(list(policy.filters), place, "filters", "", 0)])


def _parts(filters: Json, place: _Place, where: str, prefix: str, depth: int) -> list[Condition]:
    return [_filter(each, place, at, prefix, depth) for each, at in _entries(filters, place, where)]


def _entries(filters: Any, place: _Place, where: str) -> list[tuple[Json, str]]:
    if not isinstance(filters, list | tuple):
        raise place.invalid("filters are not a list", where, expected="a list of filters", got=type(filters).__name__)
    return [(each, f"{where}[{at}]") for at, each in enumerate(filters)]


def _filter(document: Json, place: _Place, where: str, prefix: str, depth: int) -> Condition:
    place.count(where, depth)
    body = _normal(document, place, where)
    kind = body["type"]
    if kind in _GROUPS:
        parts = _parts(body[kind], place, f"{where}.{kind}", prefix, depth + 1)
        return AnyOf(tuple(parts), _joined("any", parts)) if kind == "or" else _grouped(kind, parts)
    if kind == "value":
        return _value(body, place, where, prefix)
    if kind == "list-item":
        return _list_item(body, place, where, prefix, depth)
    if kind == "tag-count" and not prefix:
        return _tag_count(body, place, where)
    if kind == "marked-for-op" and not prefix:
        return _marked(body, place, where)
    reason = _REFUSED.get(str(kind), "asks the cloud for more than the resource itself")
    raise place.refused(
        f"filter {kind} {reason}",
        where,
        "Write what it should find as value filters, or run this policy in Cloud Custodian; the others of the file run",
    )


def _normal(document: Any, place: _Place, where: str) -> dict[str, Any]:
    """A filter in its long form."""
    if isinstance(document, str):
        return {"type": document}
    if not isinstance(document, dict) or not document:
        raise place.invalid("not a filter", where, expected='{"type": …}, {key: value} or a name', got=document)
    if "type" in document:
        return document
    if len(document) > 1:
        raise place.invalid("filter has no type", where, expected='"type"', got=sorted(document))
    [(key, value)] = document.items()
    return {"type": key, key: value} if key in _GROUPS else {"type": "value", "key": key, "value": value}


def _grouped(kind: str, parts: Sequence[Condition]) -> Condition:
    both = _all(parts)
    return both if kind == "and" else Not(both, f"not({both.key})")


def _all(parts: Sequence[Condition]) -> Condition:
    return AllOf(tuple(parts), _joined("all", parts))


def _joined(name: str, parts: Sequence[Condition]) -> str:
    return f"{name}({','.join(part.key for part in parts)})"


def _value(body: Mapping[str, Any], place: _Place, where: str, prefix: str) -> Condition:
    plan = _value_plan(body, place, where)
    reads = _Reads()
    plan["key"] = _located(str(body["key"]), place, where, prefix, reads)
    if body.get("value_type") == "expr":
        plan["other"] = _located(str(body["value"]), place, where, prefix, reads)
    elif "value_path" in body:
        plan["other"] = _located(str(body["value_path"]), place, where, prefix, reads)
    return _compared(plan, reads, where, is_timed=plan.get("value_type") in TIMED)


def _value_plan(body: Mapping[str, Any], place: _Place, where: str) -> dict[str, Any]:
    """What the filter says, checked."""
    _known_keys(body, _VALUE_KEYS, place, where)
    if body.get("value_type") == "resource_count":
        raise place.refused(
            "value type resource_count judges how many resources there are, not one",
            where,
            "Leave the filter out, or run this policy in Cloud Custodian; the others of the file run",
        )
    for name in ("key", "value"):
        if name not in body and not (name == "value" and "value_path" in body):
            raise place.invalid(f"value filter has no {name}", where, expected=f'"{name}"', got=sorted(body))
    plan: dict[str, Any] = {"test": "value", "value": body.get("value")}
    for name, known in (("op", OPERATORS), ("value_type", VALUE_TYPES)):
        if name in body:
            if body[name] not in known:
                raise place.invalid(f"{name} is unknown", where, expected=sorted(known), got=body[name])
            plan[name] = body[name]
    if "value_regex" in body:
        plan["value_regex"] = pattern(str(body["value_regex"]), where=f"{place.policy.origin}: {where}").text
    _check_expected(plan, place, where)
    return plan


def _known_keys(body: Mapping[str, Any], known: frozenset[str], place: _Place, where: str) -> None:
    unknown = sorted(body.keys() - known)
    if "value_from" in unknown:
        raise place.refused("filter reads its values from elsewhere", f"{where}.value_from", "Write the values out")
    if unknown:
        raise place.refused(
            "filter says more than is known here", where, "Leave it out, or write it otherwise", got=unknown
        )


def _check_expected(plan: Mapping[str, Any], place: _Place, where: str) -> None:
    value, kind, name = plan["value"], plan.get("value_type"), plan.get("op")
    if isinstance(value, str) and any(placeholder in value for placeholder in _PLACEHOLDERS):
        raise place.refused("value is filled in while Cloud Custodian runs", where, "Write the value out", got=value)
    if kind in {"age", "expiration"} and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise place.invalid(f"value type {kind} compares with days", where, expected="a number of days", got=value)
    if kind == "date" and moment(value, None) is None:
        raise place.invalid("value is no date", where, expected="such as 2026-01-31", got=value)
    if kind in {"cidr", "version"} and not isinstance(value, str | list):
        raise place.invalid(f"value type {kind} compares with text", where, expected="text", got=value)
    if name == "glob" and not isinstance(value, str):
        raise place.invalid("glob needs a pattern", where, expected="text", got=value)
    if name in {"regex", "regex-case"}:
        if not isinstance(value, str):
            raise place.invalid("regex needs a pattern", where, expected="text", got=value)
        pattern(value, where=f"{place.policy.origin}: {place.policy.path}: {where}", ignores_case=name == "regex")


class _Reads:
    """The paths that one comparison reads, each once."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def at(self, path: str) -> int:
        if path not in self.paths:
            self.paths.append(path)
        return self.paths.index(path)


def _located(text: str, place: _Place, where: str, prefix: str, reads: _Reads) -> dict[str, Any]:
    """A key as a plan: which reads it uses."""
    if text.startswith("tag:"):
        if prefix:
            raise place.refused("elements of a list have no tags", where, "Name the property itself", got=text)
        return {"tag": text.removeprefix("tag:"), "at": [reads.at("@tags")]}
    key: Key = key_of(text, place.policy, where)
    at = [reads.at(f"{prefix}.{path}" if prefix else path) for path in key.paths]
    return {"at": at, "expression": key.expression, "chains": [list(chain) for chain in key.chains]}


def _compared(plan: dict[str, Any], reads: _Reads, where: str, *, is_timed: bool) -> Compare:
    paths = tuple(str(parse_path(path)) for path in reads.paths)
    subject: Expression = Read(paths[0])
    if len(paths) > 1:
        plan["several"] = True
        subject = Call("createarray", tuple(Read(path) for path in paths))
    expected: Expression = Literal(plan)
    if is_timed:
        expected = Call("createarray", (expected, Call("utcnow", ())))
    shown = orjson.dumps(plan, option=orjson.OPT_SORT_KEYS).decode()
    return Compare(subject, "custodian", expected, f"custodian({','.join(paths)};{shown})", paths, is_timed, where)


def _list_item(body: Mapping[str, Any], place: _Place, where: str, prefix: str, depth: int) -> Condition:
    plan = _item_plan(body, place, where)
    key = key_of(str(body["key"]), place.policy, where)
    if key.expression:
        return _list_by_expression(body, plan, place, where, prefix)
    array = str(parse_path(f"{prefix}.{key.paths[0]}[*]" if prefix else f"{key.paths[0]}[*]"))
    attributes = body.get("attrs") or []
    parts = _parts(attributes, place, f"{where}.attrs", array, depth + 1)
    child = _all(parts) if parts else None
    wanted = {"test": "count", "op": plan.get("count_op", "gt"), "count": plan.get("count", 0)}
    compare = Compare(
        Read(COUNTED), "custodian", Literal(wanted), f"count {wanted['op']} {wanted['count']}", (COUNTED,), False, where
    )
    return Count((array,), child, compare, f"count({array},{child.key if child else ''},{compare.key})")


def _item_plan(body: Mapping[str, Any], place: _Place, where: str) -> dict[str, Any]:
    _known_keys(body, _ITEM_KEYS, place, where)
    if not isinstance(body.get("key"), str):
        raise place.invalid("list-item filter has no key", where, expected='"key"', got=sorted(body))
    plan: dict[str, Any] = {"test": "list-item"}
    if "count" in body:
        if isinstance(body["count"], bool) or not isinstance(body["count"], int):
            raise place.invalid("count is no whole number", where, expected="a number", got=body["count"])
        plan["count"], plan["count_op"] = body["count"], body.get("count_op", "eq")
        if plan["count_op"] not in OPERATORS:
            raise place.invalid("count_op is unknown", where, expected=sorted(OPERATORS), got=plan["count_op"])
    return plan


def _list_by_expression(
    body: Mapping[str, Any], plan: dict[str, Any], place: _Place, where: str, prefix: str
) -> Condition:
    """Elements that only an expression finds are looked at one resource at a time."""
    reads = _Reads()
    plan["key"] = _located(str(body["key"]), place, where, prefix, reads)
    entries = _entries(body.get("attrs") or [], place, f"{where}.attrs")
    plan["attrs"] = [_element_plan(each, place, at, at.count("[")) for each, at in entries]
    return _compared(plan, reads, where, is_timed=_is_timed(plan["attrs"]))


def _is_timed(plans: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        plan.get("value_type") in TIMED or _is_timed([*plan.get("parts", ()), *plan.get("attrs", ())]) for plan in plans
    )


def _element_plan(document: Json, place: _Place, where: str, depth: int) -> dict[str, Any]:
    """A filter on an element, as the plan that `match.holds` follows."""
    place.count(where, depth)
    body = _normal(document, place, where)
    kind = body["type"]
    if kind in _GROUPS:
        parts = _entries(body[kind], place, f"{where}.{kind}")
        return {"test": kind, "parts": [_element_plan(each, place, at, depth + 1) for each, at in parts]}
    if kind == "list-item":
        plan = _item_plan(body, place, where)
        parts = _entries(body.get("attrs") or [], place, f"{where}.attrs")
        plan["attrs"] = [_element_plan(each, place, at, depth + 1) for each, at in parts]
        return {**plan, "text": _expression(str(body["key"]), place, where)}
    if kind != "value":
        raise place.refused(
            f"filter {kind} cannot be asked of an element of a list", where, "Use value filters on its properties"
        )
    plan = _value_plan(body, place, where)
    plan["text"] = _expression(str(body["key"]), place, where)
    other = body.get("value_path", body["value"] if body.get("value_type") == "expr" else None)
    if other is not None:
        plan["other_text"] = _expression(str(other), place, where)
    return plan


def _expression(text: str, place: _Place, where: str) -> str:
    try:
        compiled(text)
    except (ValueError, RecursionError) as failure:
        raise place.invalid("key is not readable", where, expected="JMESPath", got=text, reason=str(failure)) from None
    return text


def _tag_count(body: Mapping[str, Any], place: _Place, where: str) -> Condition:
    _known_keys(body, frozenset({"type", "count", "op"}), place, where)
    plan = {"test": "tag-count", "count": body.get("count", 10), "op": body.get("op", "gte")}
    if plan["op"] not in OPERATORS or not isinstance(plan["count"], int):
        raise place.invalid("tag-count is not readable", where, expected='{"count": number, "op": operator}', got=plan)
    reads = _Reads()
    reads.at("@tags")
    return _compared(plan, reads, where, is_timed=False)


def _marked(body: Mapping[str, Any], place: _Place, where: str) -> Condition:
    _known_keys(body, frozenset({"type", "tag", "op", "skew", "skew_hours", "tz"}), place, where)
    plan = {
        "test": "marked-for-op",
        "tag": str(body.get("tag", "maid_status")),
        "op": str(body.get("op", "stop")),
        "skew": body.get("skew", 0),
        "skew_hours": body.get("skew_hours", 0),
    }
    if not all(isinstance(plan[name], int | float) for name in ("skew", "skew_hours")):
        raise place.invalid("skew is no number", where, expected="days or hours", got=plan)
    reads = _Reads()
    reads.at("@tags")
    return _compared(plan, reads, where, is_timed=True)
