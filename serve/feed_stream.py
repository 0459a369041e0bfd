"""Events of a topic as they come, for listeners on any replica: drift, and the ledger of savings.

One look at the feed's end serves all listeners of a tenant in a process; each then goes on from where it is, so a slow
one keeps nobody waiting, and those that are at the same place share what is read there. What came meanwhile goes in one
message: a message costs Serve more than an event does. A listener that was away names the last id that it saw and
misses nothing that is still held.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from connectors.stream.feed import Feed, FeedItem
from domain.errors import ConflictError, UnavailableError
from domain.tenancy import TenantId

LOOK_S: Final = 0.1
QUIET_S: Final = 15.0
"""After so long without an event a listener is told that the line is there."""
LISTENERS_MAX: Final = 200
READ_MAX: Final = 200
MESSAGE_BYTES_MAX: Final = 256 * 1_024
"""Of one message to a listener, as far as single events allow: client libraries refuse very large ones."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Events as one message, and the id of the last one."""

    text: str
    last: str


@dataclass(eq=False, slots=True)
class _Tail:
    """The end of one tenant's feed, watched while anybody listens.

    Args:
        reading: what is being read, or was read last, and from where.
    """

    listeners: int = 0
    reading: tuple[str, asyncio.Task[tuple[_Part, ...]]] | None = None
    last: str = ""
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    watch: asyncio.Task[None] | None = None


class FeedStream:
    """Listeners of one process, by tenant. For one event loop.

    Args:
        state_route: where a listener that missed events reads the state again.
    """

    def __init__(self, feed: Feed, topic: str, state_route: str) -> None:
        self._feed = feed
        self._topic = topic
        self._state_route = state_route
        self._tails: dict[TenantId, _Tail] = {}

    async def listen(self, tenant: TenantId, after: str | None) -> AsyncGenerator[str]:
        """Events behind an id, without one those to come, as JSON messages; with pings, so that a dead line is noticed.

        Raises:
            UnavailableError: too many listen for this tenant already, or the feed does not answer.
        """
        tail = self._tails.setdefault(tenant, _Tail())
        if tail.listeners >= LISTENERS_MAX:
            raise UnavailableError("too many listeners", limit=LISTENERS_MAX, retry_after_s=30, todo="Close some")
        tail.listeners += 1
        if tail.watch is None:
            tail.watch = asyncio.create_task(self._watch(tenant, tail))
        try:
            position = await asyncio.to_thread(self._feed.last, tenant, self._topic) if after is None else after
            yield _text(type="ready", after=position)
            async for message in self._from(tenant, tail, position):
                yield message
        finally:
            tail.listeners -= 1
            if not tail.listeners:
                tail.watch.cancel()
                self._tails.pop(tenant, None)

    async def _from(self, tenant: TenantId, tail: _Tail, position: str) -> AsyncGenerator[str]:
        while True:
            grown = tail.grown
            try:
                parts = await self._parts_behind(tenant, tail, position)
            except ConflictError:
                position = await asyncio.to_thread(self._feed.last, tenant, self._topic)
                reason = f"events are no longer held: read GET {self._state_route}"
                yield _text(type="reset", after=position, reason=reason)
                continue
            for part in parts:
                position = part.last
                yield part.text
            if parts:
                continue
            try:
                await asyncio.wait_for(grown.wait(), QUIET_S)
            except TimeoutError:
                yield _text(type="ping", after=position)

    async def _parts_behind(self, tenant: TenantId, tail: _Tail, position: str) -> tuple[_Part, ...]:
        """What is behind an id; read once for all that ask at about the same time."""
        if tail.reading is None or tail.reading[0] != position:
            tail.reading = position, asyncio.create_task(asyncio.to_thread(self._read, tenant, position))
        reading = tail.reading
        found: tuple[_Part, ...] = ()
        try:
            found = await asyncio.shield(reading[1])
        finally:
            if tail.reading is reading and not found:
                tail.reading = None  # the next one may find more
        return found

    def _read(self, tenant: TenantId, position: str) -> tuple[_Part, ...]:
        items = self._feed.read(tenant, self._topic, position, limit=READ_MAX)
        return tuple(_Part(_events_text(part), part[-1].id) for part in _parts(items))

    async def _watch(self, tenant: TenantId, tail: _Tail) -> None:
        while True:
            try:
                last = await asyncio.to_thread(self._feed.last, tenant, self._topic)
            except UnavailableError:
                await asyncio.sleep(1.0)
                continue
            if last != tail.last:
                tail.last = last
                tail.grown, grown = asyncio.Event(), tail.grown
                grown.set()
            await asyncio.sleep(LOOK_S)


def _text(**message: str) -> str:
    return orjson.dumps(message).decode()


def _events_text(items: Sequence[FeedItem]) -> str:
    """A message of events. Each is an object already, which its id is put into."""
    events = b",".join(b'{"id":"%b",%b' % (item.id.encode("ascii"), item.payload[1:]) for item in items)
    return (b'{"type":"events","events":[' + events + b"]}").decode()


def _parts(items: Sequence[FeedItem]) -> Iterator[list[FeedItem]]:
    """Events in order, as many at once as a message holds."""
    part: list[FeedItem] = []
    size_bytes = 0
    for item in items:
        if part and size_bytes + len(item.payload) > MESSAGE_BYTES_MAX:
            yield part
            part, size_bytes = [], 0
        part.append(item)
        size_bytes += len(item.payload)
    if part:
        yield part
