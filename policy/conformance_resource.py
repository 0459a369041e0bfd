"""Resources of graded cases as configuration items.

Cases come from an engine that flattens what a provider returns: what stands in ``properties`` may be meant as
standing at the top, the wrapper of a sub-resource may be left out, and a value may stand under its alias's own
short name. Here such a document is put into the provider's shape, by the alias table alone: a value that is not
where the table says, and is under the alias's short name, goes to where the table says.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Final

from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import MISSING, Json, Value
from graph.path import EACH, fold, follow, parse_path
from policy.aliases import AliasTable

_ENVELOPE: Final = frozenset({"id", "kind", "location", "name", "tags", "type"})
"""What stands at the top of every resource and means itself."""


def item_of(document: Json, kind: str, aliases: AliasTable, version: Json) -> ConfigurationItem:
    """A resource of a case.

    Args:
        kind: its type where the document does not say it.
        version: the API version whose paths the table is asked for.
    """
    body: dict[str, Json] = deepcopy(document) if isinstance(document, dict) else {}
    inner = body.get("properties")
    if "tags" not in body and isinstance(inner, dict) and "tags" in inner:
        body["tags"] = inner["tags"]
    found = _text(body.get("type")) or kind
    for path, short in _paths(aliases, fold(found), version):
        _move(body, path, short)
    tags = body.get("tags")
    return ConfigurationItem(
        tenant=TenantId("conformance"),
        uid=ResourceId(_text(body.get("id"))),
        provider=Provider.AZURE,
        type=found,
        name=_text(body.get("name")),
        scope="",
        region=_text(body.get("location")),
        tags=tags if isinstance(tags, dict) else {},  # type: ignore[arg-type]
        properties=body,
        captured_at=None,
        digest="",
        origin=Origin("case"),
    )


def _paths(aliases: AliasTable, kind: str, version: Json) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Where the aliases of a type lead, and their short names as paths; outer ones first."""
    found = [
        (parse_path(one.path).segments, parse_path(short).segments)
        for name, meanings in aliases.aliases.items()
        for one in meanings
        if kind in one.owners and one.path_at(version) == one.path and (short := name.rpartition("/")[2])
    ]
    return sorted(found, key=lambda pair: (len(pair[0]), pair))


def _move(node: Json, path: Sequence[str], short: Sequence[str]) -> None:
    """Put what stands under `short` to where `path` leads, at the top and in each element of arrays."""
    if not isinstance(node, dict):
        return
    head, tail = _split(path)
    short_head, short_tail = _split(short)
    if not head:
        return
    value = follow(node, head)
    if value is MISSING:
        value = follow(node, ("properties", *short_head)) if short_head else MISSING
        if value is MISSING and short_head and short_head[0] not in _ENVELOPE:
            value = follow(node, short_head)
        _put(node, head, value)
    if tail and short_tail and isinstance(value, list):
        for element in value:
            _move(element, tail[1:], short_tail[1:])


def _split(segments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What comes before the first ``[*]``, and the rest from there."""
    at = list(segments).index(EACH) if EACH in segments else len(segments)
    return segments[:at], segments[at:]


def _put(node: dict[str, Json], path: Sequence[str], value: Value) -> None:
    if value is MISSING:
        return
    for name in path[:-1]:
        key = next((key for key in node if fold(key) == name), name)
        below = node.setdefault(key, {})
        if not isinstance(below, dict):
            return
        node = below
    node[path[-1]] = value  # type: ignore[assignment]


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
