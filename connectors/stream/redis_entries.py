"""Entries of Redis Streams: their ids are positions, an instant of the server's clock and a consecutive number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from connectors.stream.position import Position
from connectors.stream.redis_client import RedisClients

NEXT_PLACE: Final = """
local function next_place(key)
  local ms, number = 0, 0
  if redis.call('EXISTS', key) == 1 then
    local info = redis.call('XINFO', 'STREAM', key)
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then
        local a, b = string.match(info[i + 1], '(%d+)-(%d+)')
        ms, number = tonumber(a), tonumber(b)
      end
    end
  end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return string.format('%.0f-%.0f', math.max(ms, now), number + 1)
end
"""
"""Lua: the id of a stream's next entry, whether or not the entries before it are still held."""


@dataclass(frozen=True, slots=True)
class RedisEntry:
    """One entry of a stream."""

    position: Position
    fields: dict[bytes, bytes]


def read_id(raw: bytes) -> Position:
    """The position that an id of Redis is."""
    at_ms, _, number = raw.partition(b"-")
    return Position(int(at_ms), int(number))


def write_id(position: Position) -> str:
    """The id of Redis that a position is."""
    return f"{position.at_ms}-{position.number}"


def entries_behind(clients: RedisClients, key: str, begin: Position, *, limit: int, block_s: float) -> list[RedisEntry]:
    """The entries of a stream behind a position, waited for where there is none yet."""
    with clients.translated():
        found: Any
        if block_s > 0:
            found = clients.waiting.xread({key: write_id(begin)}, count=limit, block=max(1, int(block_s * 1000)))
        else:
            found = clients.quick.xread({key: write_id(begin)}, count=limit)
    entries = found[0][1] if found else ()
    return [RedisEntry(read_id(raw), fields) for raw, fields in entries]
