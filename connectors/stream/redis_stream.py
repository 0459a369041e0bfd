"""The change stream in Redis Streams: one a tenant, with the ids of its batches beside it.

What must be one step is one script, and all keys of a tenant carry the same hash tag, so that a cluster keeps them
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from connectors.stream.bell import listen, ring
from connectors.stream.codec import encode
from connectors.stream.contract import LENGTH_MAX, READ_MAX, Changed, Delivered, Extent
from connectors.stream.feed import BLOCK_S_MAX
from connectors.stream.parked import (
    PARKED_MAX,
    ParkedMessage,
    Parking,
    parked_batch,
    read_parked,
    refused,
    require_parked_id,
    write_parked,
)
from connectors.stream.position import Position, require_next, require_nothing_lost, text_of
from connectors.stream.redis_client import RedisClients
from connectors.stream.redis_entries import NEXT_PLACE, entries_behind, read_id, write_id
from connectors.stream.redis_feed import RedisFeed
from connectors.stream.refusals import no_such_batch, other_content, too_far_behind
from domain.change import ChangeBatch
from domain.clock import Clock, SystemClock
from domain.tenancy import TenantId

TRIM_BATCH: Final = 500
_FULL: Final = b"full"

_PUBLISH: Final = (
    NEXT_PLACE
    + """
local known = redis.call('HGET', KEYS[2], ARGV[1])
if known then return known end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'full' end
local id = next_place(KEYS[1])
redis.call('XADD', KEYS[1], id, 'b', ARGV[1], 'p', ARGV[3])
local kept = id .. ' ' .. ARGV[2]
redis.call('HSET', KEYS[2], ARGV[1], kept)
return kept
"""
)
"""Keys: stream, ids. Arguments: id of the batch, its digest, its bytes, how many may wait."""

_TRIM: Final = """#!lua flags=allow-oom
local old = redis.call('XRANGE', KEYS[1], '-', ARGV[1], 'COUNT', ARGV[2])
for _, entry in ipairs(old) do
  redis.call('HDEL', KEYS[2], entry[2][2])
  redis.call('XDEL', KEYS[1], entry[1])
end
return #old
"""
"""Keys: stream, ids. Arguments: the last id to go, how many at once. It makes room, so it runs where there is none."""

_PARK: Final = """
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 then
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
  while redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[4]) do
    redis.call('HDEL', KEYS[1], redis.call('ZPOPMIN', KEYS[2])[1])
    redis.call('INCR', KEYS[3])
  end
end
"""
"""Keys: messages, their order, how many were dropped. Arguments: id, message, milliseconds, how many are kept."""


class RedisChangeStream:
    """Batches in Redis."""

    def __init__(
        self,
        clients: RedisClients,
        *,
        clock: Clock | None = None,
        length_max: int = LENGTH_MAX,
        parked_max: int = PARKED_MAX,
    ) -> None:
        self._clients = clients
        self._clock = clock or SystemClock()
        self._length_max = length_max
        self._parked_max = parked_max
        self._feed = RedisFeed(clients)
        self._publish, self._trim, self._park = map(clients.quick.register_script, (_PUBLISH, _TRIM, _PARK))

    def publish(self, batch: ChangeBatch) -> str:
        encoded = encode(batch)
        keys = [_key(batch.tenant, "changes"), _key(batch.tenant, "batches")]
        with self._clients.translated():
            kept: Any = self._publish(
                keys=keys, args=[batch.batch_id, encoded.digest, encoded.payload, self._length_max]
            )
        if kept == _FULL:
            raise too_far_behind(batch.tenant, self._length_max)
        raw, _, digest = kept.partition(b" ")
        if digest.decode() != encoded.digest:
            raise other_content(batch)
        ring(self._feed, batch.tenant)
        return str(read_id(raw))

    def read(
        self, tenant: TenantId, after: str, *, limit: int = READ_MAX, block_s: float = 0.0
    ) -> tuple[Delivered, ...]:
        begin, key = Position.parse(after), _key(tenant, "changes")
        found = entries_behind(self._clients, key, begin, limit=min(limit, READ_MAX), block_s=min(block_s, BLOCK_S_MAX))
        if found:
            require_next(begin, found[0].position)
        else:
            require_nothing_lost(begin, self._held(tenant)[1])
        return tuple(Delivered(str(entry.position), entry.fields[b"p"]) for entry in found)

    def extent(self, tenant: TenantId) -> Extent:
        last, lost, length = self._held(tenant)
        return Extent(text_of(last), text_of(lost), length)

    def lag(self, tenant: TenantId, after: str) -> int:
        return max(0, self._held(tenant)[0].number - Position.parse(after).number)

    def trim(self, tenant: TenantId, upto: str) -> None:
        keys, last = [_key(tenant, "changes"), _key(tenant, "batches")], write_id(Position.parse(upto))
        with self._clients.translated():
            while self._trim(keys=keys, args=[last, TRIM_BATCH]) == TRIM_BATCH:
                pass

    def changed(self, mark: str, *, block_s: float = 0.0) -> Changed:
        return listen(self._feed, mark, block_s=block_s)

    def park(self, tenant: TenantId, position: str, reason: str) -> str:
        place = write_id(Position.parse(position))
        with self._clients.translated():
            found: Any = self._clients.quick.xrange(_key(tenant, "changes"), place, place)
        if not found:
            raise no_such_batch(position)
        return self._keep(tenant, parked_batch(position, found[0][1][b"p"], reason, now=self._clock.now()))

    def refuse(self, tenant: TenantId, payload: bytes, *, source: str, reason: str) -> str:
        return self._keep(tenant, refused(payload, source=source, reason=reason, now=self._clock.now()))

    def parked(self, tenant: TenantId) -> Parking:
        with self._clients.translated():
            kept: Any = self._clients.quick.hvals(_key(tenant, "parked"))
            dropped: Any = self._clients.quick.get(_key(tenant, "parked:dropped"))
        messages = sorted(map(read_parked, kept), key=lambda each: (each.parked_at, each.id))
        return Parking(tuple(messages), int(dropped or 0))

    def discard(self, tenant: TenantId, parked_ids: Sequence[str]) -> int:
        ids = [require_parked_id(each) for each in parked_ids]
        if not ids:
            return 0
        with self._clients.translated():
            pipe = self._clients.quick.pipeline()
            pipe.hdel(_key(tenant, "parked"), *ids)
            pipe.zrem(_key(tenant, "parked:order"), *ids)
            done: Any = pipe.execute()
        return int(done[0])

    def close(self) -> None:
        self._clients.close()

    def _held(self, tenant: TenantId) -> tuple[Position, Position, int]:
        """The newest position ever, the newest that is no longer held, and how many batches are."""
        with self._clients.translated():
            info: Any = self._clients.quick.xinfo_stream(_key(tenant, "changes")) if self._exists(tenant) else None
        if info is None:
            return Position(0, 0), Position(0, 0), 0
        last, first = read_id(info["last-generated-id"]), info["first-entry"]
        return last, read_id(first[0]).before() if first else last, int(info["length"])

    def _exists(self, tenant: TenantId) -> bool:
        return bool(self._clients.quick.exists(_key(tenant, "changes")))

    def _keep(self, tenant: TenantId, message: ParkedMessage) -> str:
        keys = [_key(tenant, each) for each in ("parked", "parked:order", "parked:dropped")]
        at_ms = int(message.parked_at.timestamp() * 1000)
        with self._clients.translated():
            self._park(keys=keys, args=[message.id, write_parked(message), at_ms, self._parked_max])
        return message.id


def _key(tenant: TenantId, name: str) -> str:
    return f"pcg:{{{tenant}}}:{name}"
