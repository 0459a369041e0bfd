"""Where a filter's key looks: paths to read of a resource, and what is left to do with the values.

A plain key such as ``A.B`` is a path. Any other JMESPath expression is run on a document made of just the paths that
it starts from, so that a column holds no more than is needed.

Source: https://jmespath.org/specification.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError

from domain.value import Json
from policy.custodian.document import CustodianPolicy
from policy.errors import InvalidDefinition, UnsupportedDefinition

_PLAIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_SIZE_MAX: Final = 2_000

RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "AWS::S3::Bucket": {
        "Acl": "BucketAcl",
        "Lifecycle": "BucketLifecycle",
        "Location": "BucketLocation",
        "Logging": "BucketLogging.LoggingEnabled",
        "Notification": "BucketNotification",
        "Replication.ReplicationConfiguration": "BucketReplication",
        "Versioning": "BucketVersioning",
        "Website": "BucketWebsite",
    }
}
"""What Cloud Custodian adds to a resource under another name than inventories do."""


@dataclass(frozen=True, slots=True)
class Key:
    """What to read, and the expression to run on it; empty where the value read is the answer.

    Args:
        paths: to read, from the resource or the element at hand.
        chains: where each stands in the document that the expression runs on.
    """

    paths: tuple[str, ...]
    expression: str = ""
    chains: tuple[tuple[str, ...], ...] = ()


def key_of(text: str, policy: CustodianPolicy, where: str) -> Key:
    """Read a key.

    Raises:
        InvalidDefinition: not an expression.
        UnsupportedDefinition: it needs the whole resource, or what a run of Cloud Custodian notes on it.
    """
    if text.startswith("c7n"):
        raise UnsupportedDefinition(
            "key names a note that a run of Cloud Custodian leaves on a resource",
            where=policy.origin,
            path=f"{policy.path}: {where}",
            got=text,
            todo="Filter on the resource itself",
        )
    if _PLAIN.fullmatch(text):
        return Key((_renamed(text, policy.type),))
    try:
        parsed = compiled(text).parsed
    except (JMESPathError, RecursionError, ValueError) as failure:
        raise InvalidDefinition(
            "key is not readable",
            where=policy.origin,
            path=f"{policy.path}: {where}",
            got=text[:200],
            reason=" ".join(str(failure).split())[:200],
            todo="Write a JMESPath expression, names with other characters in double quotes",
        ) from None
    chains = _shortest(list(_starts(parsed)))
    if not chains or () in chains:
        raise UnsupportedDefinition(
            "key needs the whole resource",
            where=policy.origin,
            path=f"{policy.path}: {where}",
            got=text,
            todo="Begin the expression with a property's name",
        )
    return Key(tuple(_path(chain, policy.type) for chain in chains), text, tuple(chains))


@lru_cache(maxsize=4_096)
def compiled(text: str) -> Any:
    """A JMESPath expression.

    Raises:
        JMESPathError: it is none.
        ValueError: it is too long.
    """
    if len(text) > _SIZE_MAX:
        raise ValueError(f"longer than {_SIZE_MAX} characters")
    return jmespath.compile(text)


def search(text: str, document: Json) -> Json:
    """What an expression finds; None where it finds nothing or does not apply."""
    try:
        found: Json = compiled(text).search(document, options=_OPTIONS)
    except (JMESPathError, TypeError, ValueError, AttributeError):
        return None
    return found


class _Functions(functions.Functions):  # type: ignore[misc]
    """What Cloud Custodian adds to JMESPath."""

    @functions.signature({"types": ["string"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_split(self, separator: str, text: str) -> list[str]:
        return text.split(separator)

    @functions.signature({"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_from_json(self, text: str) -> Json:
        try:
            found: Json = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return found


_OPTIONS = jmespath.Options(custom_functions=_Functions())


def _starts(node: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The chains of names that an expression follows from its root; an empty one is the root itself."""
    kind, children = node["type"], node["children"]
    if kind == "literal":
        return
    chain = _chain(node)
    if chain is not None:
        yield chain
    elif kind in _FROM_FIRST:
        yield from _starts(children[0])
    elif kind == "expref":
        return
    elif kind == "key_val_pair" or kind in _FROM_ALL:
        for child in children:
            yield from _starts(child)
    else:
        yield ()


_FROM_FIRST = frozenset({"subexpression", "index_expression", "projection", "filter_projection", "value_projection",
                         "flatten", "pipe", "slice", "index"})  # fmt: skip
_FROM_ALL = frozenset({"multi_select_list", "multi_select_dict", "or_expression", "and_expression", "not_expression",
                       "comparator", "function_expression"})  # fmt: skip


def _chain(node: Mapping[str, Any]) -> tuple[str, ...] | None:
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] != "subexpression":
        return None
    parts = [_chain(child) for child in node["children"]]
    if any(part is None for part in parts):
        return None
    return tuple(name for part in parts for name in part or ())


def _shortest(chains: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Chains without those that another one contains."""
    kept: list[tuple[str, ...]] = []
    for chain in sorted(set(chains), key=lambda each: (len(each), each)):
        if not any(chain[: len(other)] == other for other in kept):
            kept.append(chain)
    return kept


def _renamed(text: str, kind: str) -> str:
    for name, other in RENAMED.get(kind, {}).items():
        if text == name or text.startswith(f"{name}."):
            return other + text[len(name) :]
    return text


def _path(chain: tuple[str, ...], kind: str) -> str:
    if all(_PLAIN.fullmatch(name) for name in chain):
        return _renamed(".".join(chain), kind)
    return "".join("['" + name.replace("'", "''") + "']" for name in chain)
