"""Change stream and feed within one process, for tests and simulations."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import Final

from connectors.stream.bell import listen, ring
from connectors.stream.codec import Encoded, encode
from connectors.stream.contract import LENGTH_MAX, READ_MAX, Changed, Delivered, Extent
from connectors.stream.feed import BLOCK_S_MAX, KEPT, FeedItem
from connectors.stream.feed import READ_MAX as FEED_READ_MAX
from connectors.stream.file_feed import require_payloads, require_topic
from connectors.stream.parked import PARKED_MAX, ParkedMessage, Parking, parked_batch, refused, require_parked_id
from connectors.stream.position import Position, require_next, require_nothing_lost, text_of
from connectors.stream.refusals import no_such_batch, other_content, too_far_behind
from domain.change import ChangeBatch
from domain.clock import Clock, SystemClock
from domain.tenancy import TenantId

_START: Final = Position(0, 0)


class MemoryFeed:
    """Messages of this process."""

    def __init__(self, *, clock: Clock | None = None, kept: int = KEPT) -> None:
        self._clock = clock or SystemClock()
        self._kept = kept
        self._items: dict[tuple[TenantId, str], deque[tuple[Position, bytes]]] = {}
        self._grown = Condition()

    def append(self, tenant: TenantId, topic: str, payloads: Sequence[bytes]) -> tuple[str, ...]:
        require_payloads(payloads)
        with self._grown:
            items = self._items.setdefault((tenant, require_topic(topic)), deque(maxlen=self._kept))
            placed = []
            for payload in payloads:
                last = items[-1][0] if items else _START
                place = last.following(_milliseconds(self._clock))
                items.append((place, payload))
                placed.append(str(place))
            self._grown.notify_all()
        return tuple(placed)

    def read(
        self, tenant: TenantId, topic: str, after: str, *, limit: int = FEED_READ_MAX, block_s: float = 0.0
    ) -> tuple[FeedItem, ...]:
        begin, key = Position.parse(after), (tenant, require_topic(topic))
        with self._grown:
            self._grown.wait_for(lambda: bool(self._behind(key, begin)), timeout=min(block_s, BLOCK_S_MAX))
            found = self._behind(key, begin)[: min(limit, FEED_READ_MAX)]
        if found and begin.number:
            require_next(begin, found[0][0])
        return tuple(FeedItem(str(place), payload) for place, payload in found)

    def last(self, tenant: TenantId, topic: str) -> str:
        with self._grown:
            items = self._items.get((tenant, require_topic(topic)))
            return str(items[-1][0]) if items else ""

    def close(self) -> None:
        """Nothing is held open."""

    def _behind(self, key: tuple[TenantId, str], begin: Position) -> list[tuple[Position, bytes]]:
        return [each for each in self._items.get(key, ()) if each[0] > begin]


@dataclass(slots=True)
class _Log:
    """One tenant's batches."""

    held: dict[Position, Encoded] = field(default_factory=dict)
    ids: dict[str, Position] = field(default_factory=dict)
    last: Position = _START
    trimmed: Position = _START
    parked: dict[str, ParkedMessage] = field(default_factory=dict)
    dropped: int = 0


class MemoryChangeStream:
    """Batches of this process."""

    def __init__(
        self, *, clock: Clock | None = None, length_max: int = LENGTH_MAX, parked_max: int = PARKED_MAX
    ) -> None:
        self._clock = clock or SystemClock()
        self._length_max = length_max
        self._parked_max = parked_max
        self._logs: dict[TenantId, _Log] = {}
        self._grown = Condition()
        self._feed = MemoryFeed(clock=clock)

    def publish(self, batch: ChangeBatch) -> str:
        encoded = encode(batch)
        with self._grown:
            log = self._logs.setdefault(batch.tenant, _Log())
            known = log.ids.get(batch.batch_id)
            if known is not None and log.held[known].digest != encoded.digest:
                raise other_content(batch)
            if known is None and len(log.held) >= self._length_max:
                raise too_far_behind(batch.tenant, self._length_max)
            place = known or log.last.following(_milliseconds(self._clock))
            if known is None:
                log.held[place], log.ids[batch.batch_id], log.last = encoded, place, place
            self._grown.notify_all()
        ring(self._feed, batch.tenant)
        return str(place)

    def read(
        self, tenant: TenantId, after: str, *, limit: int = READ_MAX, block_s: float = 0.0
    ) -> tuple[Delivered, ...]:
        begin = Position.parse(after)
        with self._grown:
            self._grown.wait_for(lambda: self._log(tenant).last > begin, timeout=min(block_s, BLOCK_S_MAX))
            log = self._log(tenant)
            found = [(place, each.payload) for place, each in log.held.items() if place > begin][: min(limit, READ_MAX)]
        if found:
            require_next(begin, found[0][0])
        else:
            require_nothing_lost(begin, log.trimmed)
        return tuple(Delivered(str(place), payload) for place, payload in found)

    def extent(self, tenant: TenantId) -> Extent:
        with self._grown:
            log = self._log(tenant)
            return Extent(text_of(log.last), text_of(log.trimmed), len(log.held))

    def lag(self, tenant: TenantId, after: str) -> int:
        with self._grown:
            return max(0, self._log(tenant).last.number - Position.parse(after).number)

    def trim(self, tenant: TenantId, upto: str) -> None:
        with self._grown:
            log = self._log(tenant)
            log.trimmed = max(log.trimmed, min(Position.parse(upto), log.last))
            log.held = {place: each for place, each in log.held.items() if place > log.trimmed}
            log.ids = {batch_id: place for batch_id, place in log.ids.items() if place > log.trimmed}

    def changed(self, mark: str, *, block_s: float = 0.0) -> Changed:
        return listen(self._feed, mark, block_s=block_s)

    def park(self, tenant: TenantId, position: str, reason: str) -> str:
        with self._grown:
            held = self._log(tenant).held.get(Position.parse(position))
            if held is None:
                raise no_such_batch(position)
            return self._keep(tenant, parked_batch(position, held.payload, reason, now=self._clock.now()))

    def refuse(self, tenant: TenantId, payload: bytes, *, source: str, reason: str) -> str:
        with self._grown:
            return self._keep(tenant, refused(payload, source=source, reason=reason, now=self._clock.now()))

    def parked(self, tenant: TenantId) -> Parking:
        with self._grown:
            log = self._log(tenant)
            return Parking(tuple(log.parked.values()), log.dropped)

    def discard(self, tenant: TenantId, parked_ids: Sequence[str]) -> int:
        with self._grown:
            log = self._log(tenant)
            return sum(log.parked.pop(require_parked_id(each), None) is not None for each in parked_ids)

    def close(self) -> None:
        """Nothing is held open."""

    def _log(self, tenant: TenantId) -> _Log:
        return self._logs.get(tenant) or _Log()

    def _keep(self, tenant: TenantId, message: ParkedMessage) -> str:
        log = self._logs.setdefault(tenant, _Log())
        log.parked.setdefault(message.id, message)
        while len(log.parked) > self._parked_max:
            log.parked.pop(next(iter(log.parked)))
            log.dropped += 1
        return message.id


def _milliseconds(clock: Clock) -> int:
    return int(clock.now().timestamp() * 1000)
