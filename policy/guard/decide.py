"""What a Guard rule says of one resource of an inventory.

FAIL is a violation, PASS none, and SKIP means that the rule has nothing to say of the resource. A rule that asks for a
property of which an inventory knows nothing is unknown, whatever it made of the absence.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from domain.value import Json, Value
from policy.guard.evaluate import RuleResult, Status, evaluate_rules
from policy.guard.inventory import is_unknown, properties_of
from policy.guard.parse import parse_rules
from policy.guard.syntax import Rules
from policy.guard.values import Unanswerable
from policy.tree import Truth

OPERATOR: Final = "guard"


@lru_cache(maxsize=512)
def _parsed(text: str) -> Rules:
    return parse_rules(text, origin="rule")


def result_of(left: Value, right: Value) -> RuleResult | str:
    """A rule's result on a resource, or why there is none."""
    assert isinstance(left, dict)
    assert isinstance(right, dict)
    kind, given, unread = str(right["types"][str(left["type"]).casefold()]), left["properties"], left["unread"]  # type: ignore[index,call-overload]
    assert isinstance(given, dict)
    assert isinstance(unread, list)
    properties = properties_of(kind, given)
    document: Json = {"Resources": {str(left["name"]) or "resource": {"Type": kind, "Properties": properties}}}
    try:
        results = {each.rule: each for each in evaluate_rules(_parsed(str(right["text"])), document)}
    except Unanswerable as failure:
        return str(failure)
    if is_unknown(kind, properties, frozenset(map(str, unread))):
        return f"not known of this resource: {', '.join(sorted(properties.missed))}"
    return results[str(right["rule"])]


def matches(left: Value, right: Value) -> Truth:
    """Whether a rule fails on a resource."""
    found = result_of(left, right)
    return Truth.UNKNOWN if isinstance(found, str) else Truth.of(found.status is Status.FAIL)


def says(left: Value, right: Value) -> list[str]:
    """What its failed clauses say, or why there is no result."""
    found = result_of(left, right)
    return [found] if isinstance(found, str) else list(found.messages)
