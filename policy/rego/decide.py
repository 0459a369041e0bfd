"""What a Rego policy says of one resource.

No answer is unknown: a resource with parts that nobody read, an error, a missed deadline. A violation counts even where
it has no message.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from domain.value import Value
from policy.errors import InvalidDefinition
from policy.rego.engine import Answer, engine
from policy.rego.review import input_of, is_meant
from policy.rego.template import RegoPolicy, is_template, parse_template
from policy.tree import Truth

OPERATOR: Final = "rego"


def policy_of(document: Mapping[str, Any], *, origin: str) -> RegoPolicy:
    """A policy from a document of both its parts.

    Raises:
        InvalidDefinition: one part is missing or not readable.
    """
    template, constraint = document.get("template"), document.get("constraint")
    if not isinstance(template, dict) or not isinstance(constraint, dict) or not is_template(template):
        raise InvalidDefinition(
            "policy has no template and constraint", where=origin, expected='{"template", "constraint"}'
        )
    return RegoPolicy(parse_template(template, origin=origin), constraint, origin)


@lru_cache(maxsize=512)
def _parsed(document: str) -> RegoPolicy:
    return policy_of(orjson.loads(document), origin="policy")


def answer_of(left: Value, right: Value) -> Answer | None:
    """What a policy says of a resource; None where it is not meant for it."""
    assert isinstance(right, dict)
    assert isinstance(left, dict)
    policy = _parsed(str(right["document"]))
    if not is_meant(policy, left):
        return None
    return engine().ask(policy.template.source, input_of(policy, left))


def matches(left: Value, right: Value) -> Truth:
    """Whether a policy finds a violation in a resource."""
    assert isinstance(left, dict)
    found = answer_of(left, right)
    if found is None:
        return Truth.FALSE
    if found.error:
        return Truth.UNKNOWN
    if found.count or found.messages:
        return Truth.TRUE
    return Truth.UNKNOWN if left["unread"] else Truth.FALSE


def says(left: Value, right: Value) -> list[str]:
    """The messages of a resource's violations, or why there is no answer."""
    found = answer_of(left, right)
    if found is None:
        return []
    if found.error:
        return [found.error]
    return list(found.messages) or ["violation without a message"] * min(found.count, 1)
