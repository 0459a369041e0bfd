"""The event feed in Redis Streams, one a topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from connectors.stream.feed import BLOCK_S_MAX, KEPT, READ_MAX, FeedItem
from connectors.stream.file_feed import require_payloads, require_topic
from connectors.stream.position import Position, require_next, text_of
from connectors.stream.redis_client import RedisClients
from connectors.stream.redis_entries import NEXT_PLACE, entries_behind, read_id
from domain.tenancy import TenantId

_APPEND: Final = (
    NEXT_PLACE
    + """
local placed = {}
for i = 2, #ARGV do
  local id = next_place(KEYS[1])
  redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[1], id, 'p', ARGV[i])
  placed[#placed + 1] = id
end
return placed
"""
)


class RedisFeed:
    """Messages in Redis. Whoever does not hear the answer of an append may append the same messages again."""

    def __init__(self, clients: RedisClients, *, kept: int = KEPT) -> None:
        self._clients = clients
        self._kept = kept
        self._append = clients.quick.register_script(_APPEND)

    def append(self, tenant: TenantId, topic: str, payloads: Sequence[bytes]) -> tuple[str, ...]:
        require_payloads(payloads)
        if not payloads:
            return ()
        with self._clients.translated():
            placed: Any = self._append(keys=[_key(tenant, topic)], args=[self._kept, *payloads])
        return tuple(str(read_id(each)) for each in placed)

    def read(
        self, tenant: TenantId, topic: str, after: str, *, limit: int = READ_MAX, block_s: float = 0.0
    ) -> tuple[FeedItem, ...]:
        begin, key = Position.parse(after), _key(tenant, topic)
        found = entries_behind(self._clients, key, begin, limit=min(limit, READ_MAX), block_s=min(block_s, BLOCK_S_MAX))
        if found and begin.number:
            require_next(begin, found[0].position)
        return tuple(FeedItem(str(entry.position), entry.fields[b"p"]) for entry in found)

    def last(self, tenant: TenantId, topic: str) -> str:
        with self._clients.translated():
            newest: Any = self._clients.quick.xrevrange(_key(tenant, topic), count=1)
        return text_of(read_id(newest[0][0])) if newest else ""

    def close(self) -> None:
        self._clients.close()


def _key(tenant: TenantId, topic: str) -> str:
    return f"pcg:{{{tenant}}}:feed:{require_topic(topic)}"
