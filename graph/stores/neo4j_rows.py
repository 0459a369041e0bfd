"""Configuration items as properties of nodes, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import orjson

from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from graph.snapshot import account_of
from graph.stores.bodies import encode
from graph.stores.instants import instant_from_us
from graph.stores.neo4j_kept import Facts, Sight, facts_of, item_text, sight_of
from graph.stores.neo4j_ledger import Seen

Properties: TypeAlias = "dict[str, Any]"

ITEM: Final = ("tenant", "uid", "provider", "type", "name", "scope", "account", "region", "tags", "document", "kept")
"""Properties of a node that come from its item."""
ITEM_PROPERTIES: Final = (
    *("uid", "provider", "type", "name", "scope", "region", "document", "kept", "number", "sighted", "id"),
)
"""What is asked of a node to make an item and to place it in its line, in this order."""


@dataclass(frozen=True, slots=True)
class StateRow:
    """A stored state: its item, and its place in the entity's line."""

    key: str
    item: ConfigurationItem
    number: int
    sight: Sight

    @property
    def at(self) -> datetime:
        """Since when it is so."""
        return instant_from_us(self.sight.valid_from)

    @property
    def is_retired(self) -> bool:
        """Whether it is gone."""
        return self.sight.retired


def node_id(tenant: TenantId, name: str) -> str:
    """The id of a tenant's node."""
    return f"{tenant}/{name}"


def item_values(item: ConfigurationItem) -> list[Any]:
    """What a node says of an item, whatever its place in time, in order of `ITEM`; `kept` has its first line only."""
    document, is_plain = encode(item.properties)
    return [
        item.tenant,
        item.uid,
        item.provider.value,
        item.type,
        item.name,
        item.scope,
        account_of(item.scope),
        item.region,
        [_plain(f"{key}={value}") for key, value in sorted(item.tags.items())],
        document.decode(),
        item_text(item, is_plain=is_plain),
    ]


def item_properties(item: ConfigurationItem) -> Properties:
    """`item_values` by name."""
    return dict(zip(ITEM, item_values(item), strict=True))


def state_rows(found: Iterable[Sequence[Any]], seen: Seen, tenant: TenantId) -> list[StateRow]:
    """States from rows of `ITEM_PROPERTIES`.

    Args:
        seen: tells where and when a state was seen last, where its node does not.
    """
    start = len(tenant) + 1
    rows = []
    for *plain, kept, number, sighted, id_ in found:
        sight = sight_of(kept)
        last = seen.of(number, sighted or 0)
        if last is not None:
            captured_at, file, line, seen_at = last
            sight = sight._replace(captured_at=captured_at, file=file, line=line, seen_at=seen_at)
        rows.append(StateRow(id_[start:], _item(plain, facts_of(kept), sight, tenant), number, sight))
    return rows


def _item(plain: Sequence[Any], facts: Facts, sight: Sight, tenant: TenantId) -> ConfigurationItem:
    uid, provider, type_, name, scope, region, document = plain
    return ConfigurationItem(
        tenant=tenant,
        uid=ResourceId(uid),
        provider=Provider(provider),
        type=type_,
        name=name,
        scope=scope,
        region=region,
        tags=facts.tags,
        properties=json.loads(document) if facts.is_plain else orjson.loads(document),
        captured_at=None if sight.captured_at is None else instant_from_us(sight.captured_at),
        digest=facts.digest,
        origin=Origin(sight.file, sight.line),
        unread=tuple(facts.unread),
        synthetic=facts.synthetic,
    )


def _plain(text: str) -> str:
    """Text without what UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
