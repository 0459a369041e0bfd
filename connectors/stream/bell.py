"""Telling consumers whose stream has grown: a topic of the platform's own feed. Ten thousand tenants are one wait."""

from __future__ import annotations

from typing import Final

from connectors.stream.contract import Changed
from connectors.stream.feed import Feed
from connectors.stream.position import Position
from domain.errors import ConflictError
from domain.tenancy import PLATFORM, TenantId

_TOPIC: Final = "changes"
_NOTHING_YET: Final = str(Position(0, 0))


def ring(feed: Feed, tenant: TenantId) -> None:
    """Say that a tenant's stream has grown."""
    feed.append(PLATFORM, _TOPIC, [tenant.encode()])


def listen(feed: Feed, mark: str, *, block_s: float) -> Changed:
    """Whose streams have grown since a mark."""
    if not mark:
        return _any(feed)
    try:
        items = feed.read(PLATFORM, _TOPIC, mark, block_s=block_s)
    except ConflictError:
        return _any(feed)
    return Changed(items[-1].id if items else mark, frozenset(TenantId(item.payload.decode()) for item in items))


def _any(feed: Feed) -> Changed:
    return Changed(feed.last(PLATFORM, _TOPIC) or _NOTHING_YET, None)
