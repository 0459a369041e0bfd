"""Configuration items as properties of nodes, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import orjson

from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from graph.snapshot import account_of
from graph.stores.bodies import encode
from graph.stores.instants import instant_from_us, us_from_instant
from graph.stores.known import Known
from graph.stores.neo4j_ledger import Seen
from graph.stores.neo4j_schema import kind_label

Properties: TypeAlias = "dict[str, Any]"

ITEM_PROPERTIES: Final = (
    *("uid", "provider", "type", "name", "scope", "region", "document", "facts", "captured_at", "digest", "file"),
    *("line", "synthetic", "number", "valid_from", "retired", "sighted", "id"),
)
"""What is asked of a node to make an item and to place it in its line, in this order."""


@dataclass(frozen=True, slots=True)
class StateRow:
    """A stored state: its item, and its place in the entity's line."""

    key: str
    item: ConfigurationItem
    number: int
    at: datetime
    is_retired: bool


def node_id(tenant: TenantId, name: str) -> str:
    """The id of a tenant's node."""
    return f"{tenant}/{name}"


def item_properties(item: ConfigurationItem) -> Properties:
    """What a node says of an item, whatever its place in time."""
    tags = sorted(item.tags.items())
    document, is_plain = encode(item.properties)
    return {
        "tenant": item.tenant,
        "uid": item.uid,
        "provider": item.provider.value,
        "type": item.type,
        "label": kind_label(item.provider, item.type),
        "name": item.name,
        "scope": item.scope,
        "account": account_of(item.scope),
        "region": item.region,
        "tags": [_plain(f"{key}={value}") for key, value in tags],
        "document": document.decode(),
        "facts": encode([item.tags, item.unread, is_plain])[0].decode(),
        "digest": item.digest,
        "synthetic": item.synthetic,
        **seen_properties(item.captured_at, item.origin.file, item.origin.line),
    }


def seen_properties(captured_at: datetime | None, file: str, line: int) -> Properties:
    """Where and when a state was read."""
    return {
        "captured_at": None if captured_at is None else us_from_instant(captured_at),
        "file": file,
        "line": line,
    }


def known_seen(known: Known) -> Properties:
    """The last sight of a state, which the node may not know when only the ledger was written."""
    return {**seen_properties(*known.seen), "seen_at": us_from_instant(known.seen_at)}


def state_rows(found: Sequence[Sequence[Any]], seen: Seen, tenant: TenantId) -> list[StateRow]:
    """States from rows of `ITEM_PROPERTIES`.

    Args:
        seen: tells where and when a state was seen last, where its node does not.
    """
    start = len(tenant) + 1
    rows = []
    for row in found:
        *facts, number, valid_from, retired, sighted, id_ = row
        last = seen.of(number, sighted or 0)
        if last is not None:
            facts[8], facts[10], facts[11] = last[:3]
        rows.append(StateRow(id_[start:], _item(facts, tenant), number, instant_from_us(valid_from), retired))
    return rows


def _item(facts: Sequence[Any], tenant: TenantId) -> ConfigurationItem:
    uid, provider, type_, name, scope, region, document, more, captured_at, digest, file, line, synthetic = facts
    tags, unread, is_plain = _facts(more)
    return ConfigurationItem(
        tenant=tenant,
        uid=ResourceId(uid),
        provider=Provider(provider),
        type=type_,
        name=name,
        scope=scope,
        region=region,
        tags=tags,
        properties=json.loads(document) if is_plain else orjson.loads(document),
        captured_at=None if captured_at is None else instant_from_us(captured_at),
        digest=digest,
        origin=Origin(file, line),
        unread=tuple(unread),
        synthetic=synthetic,
    )


def _facts(text: str) -> tuple[dict[str, str], list[str], bool]:
    """Tags, unread paths, and whether the standard library wrote the document."""
    try:
        tags, unread, is_plain = orjson.loads(text)
    except ValueError:  # a lone surrogate
        tags, unread, is_plain = json.loads(text)
    return tags, unread, is_plain


def _plain(text: str) -> str:
    """Text without what UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
