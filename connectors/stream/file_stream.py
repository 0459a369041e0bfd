"""The change stream in files: for a platform on one machine, whose processes share a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from connectors.stream.bell import listen, ring
from connectors.stream.codec import Encoded, encode
from connectors.stream.contract import LENGTH_MAX, READ_MAX, Changed, Delivered, Extent
from connectors.stream.feed import BLOCK_S_MAX
from connectors.stream.file_feed import FileFeed
from connectors.stream.file_log import SEGMENT_BYTES_MAX, FileLog
from connectors.stream.log_shelf import LogShelf
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
from connectors.stream.refusals import no_such_batch, other_content, too_far_behind
from connectors.stream.together import Together
from domain.change import ChangeBatch
from domain.clock import Clock, SystemClock
from domain.durable import locked
from domain.errors import PolicyCortexError
from domain.tenancy import TenantId

_LOG: Final = "changes"
_DIGEST_BYTES: Final = 64
_PARKED: Final = "parked"
_DROPPED: Final = "dropped"


_Coming = tuple[ChangeBatch, Encoded]


@dataclass(slots=True)
class _Fresh:
    """Entries that are to be added together.

    Args:
        numbers: of each key, its place among them.
    """

    entries: list[tuple[bytes, bytes]] = field(default_factory=list)
    numbers: dict[bytes, int] = field(default_factory=dict)

    def add(self, key: bytes, encoded: Encoded) -> int:
        """Add one; its number."""
        self.numbers[key] = len(self.entries)
        self.entries.append((key, encoded.digest.encode() + encoded.payload))
        return self.numbers[key]

    def digest(self, number: int) -> str:
        """What one of them says."""
        return self.entries[number][1][:_DIGEST_BYTES].decode()


class FileChangeStream:
    """Batches below a folder: a folder a tenant."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock | None = None,
        length_max: int = LENGTH_MAX,
        parked_max: int = PARKED_MAX,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
    ) -> None:
        self._clock = clock or SystemClock()
        self._shelf = LogShelf(folder, is_synced=True, clock=clock, segment_bytes_max=segment_bytes_max)
        self._feed = FileFeed(folder, clock=clock)
        self._length_max = length_max
        self._parked_max = parked_max
        self._together = Together(self._publish)

    def publish(self, batch: ChangeBatch) -> str:
        place = self._together.do(batch.tenant, (batch, encode(batch)))
        if isinstance(place, PolicyCortexError):
            raise place
        return str(place)

    def read(
        self, tenant: TenantId, after: str, *, limit: int = READ_MAX, block_s: float = 0.0
    ) -> tuple[Delivered, ...]:
        log, begin = self._log(tenant), Position.parse(after)
        found = log.read(begin, min(limit, READ_MAX), block_s=min(block_s, BLOCK_S_MAX))
        if found:
            require_next(begin, found[0].position)
        else:
            require_nothing_lost(begin, log.trimmed())
        return tuple(Delivered(str(entry.position), entry.payload[_DIGEST_BYTES:]) for entry in found)

    def extent(self, tenant: TenantId) -> Extent:
        log = self._log(tenant)
        last, trimmed = log.last(), log.trimmed()
        return Extent(text_of(last), text_of(trimmed), last.number - trimmed.number)

    def lag(self, tenant: TenantId, after: str) -> int:
        return max(0, self._log(tenant).last().number - Position.parse(after).number)

    def trim(self, tenant: TenantId, upto: str) -> None:
        self._log(tenant).trim(Position.parse(upto))

    def changed(self, mark: str, *, block_s: float = 0.0) -> Changed:
        return listen(self._feed, mark, block_s=block_s)

    def park(self, tenant: TenantId, position: str, reason: str) -> str:
        place = Position.parse(position)
        found = self._log(tenant).read(place.before(), 1)
        if not found or found[0].position != place:
            raise no_such_batch(position)
        return self._keep(
            tenant, parked_batch(position, found[0].payload[_DIGEST_BYTES:], reason, now=self._clock.now())
        )

    def refuse(self, tenant: TenantId, payload: bytes, *, source: str, reason: str) -> str:
        return self._keep(tenant, refused(payload, source=source, reason=reason, now=self._clock.now()))

    def parked(self, tenant: TenantId) -> Parking:
        folder = self._shelf.folder(tenant) / _PARKED
        messages = (read_parked(path.read_bytes()) for path in _messages(folder))
        return Parking(tuple(sorted(messages, key=lambda each: (each.parked_at, each.id))), _dropped(folder))

    def discard(self, tenant: TenantId, parked_ids: Sequence[str]) -> int:
        folder, gone = self._shelf.folder(tenant) / _PARKED, 0
        for parked_id in parked_ids:
            path = folder / require_parked_id(parked_id)
            if path.exists():
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def close(self) -> None:
        """Nothing is held open."""

    def _log(self, tenant: TenantId) -> FileLog:
        return self._shelf.log(tenant, _LOG)

    def _publish(self, tenant: TenantId, some: Sequence[_Coming]) -> list[Position | PolicyCortexError]:
        """Add batches with one sync; the place of each, or why it has none."""
        log, found, fresh = self._log(tenant), [], _Fresh()
        with log.held():
            length = self._length(log)
            for batch, encoded in some:
                found.append(self._placed(log, batch, encoded, fresh, length))
            placed = log.append(fresh.entries) if fresh.entries else []
        ring(self._feed, tenant)
        return [placed[each] if isinstance(each, int) else each for each in found]

    def _placed(
        self, log: FileLog, batch: ChangeBatch, encoded: Encoded, fresh: _Fresh, length: int
    ) -> Position | PolicyCortexError | int:
        """Where a batch is, why it cannot be anywhere, or its number among those that are to be added."""
        key = batch.batch_id.encode()
        coming = fresh.numbers.get(key)
        if coming is not None:
            return coming if fresh.digest(coming) == encoded.digest else other_content(batch)
        known = log.find(key)
        if known is not None:
            return known if self._digest(log, known) == encoded.digest else other_content(batch)
        if length + len(fresh.entries) >= self._length_max:
            return too_far_behind(batch.tenant, self._length_max)
        return fresh.add(key, encoded)

    def _digest(self, log: FileLog, place: Position) -> str:
        return log.read(place.before(), 1)[0].payload[:_DIGEST_BYTES].decode()

    def _length(self, log: FileLog) -> int:
        return log.last().number - log.trimmed().number

    def _keep(self, tenant: TenantId, message: ParkedMessage) -> str:
        folder = self._shelf.folder(tenant) / _PARKED
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            path = folder / message.id
            if not path.exists():
                aside = folder / f".{message.id}"
                aside.write_bytes(write_parked(message))
                aside.replace(path)
                self._make_room(folder)
        return message.id

    def _make_room(self, folder: Path) -> None:
        kept = _messages(folder)
        surplus = sorted(kept, key=lambda path: path.stat().st_mtime_ns)[: max(0, len(kept) - self._parked_max)]
        for path in surplus:
            path.unlink()
        if surplus:
            (folder / f".{_DROPPED}").write_text(str(_dropped(folder) + len(surplus)))


def _messages(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*") if not path.name.startswith(".")] if folder.exists() else []


def _dropped(folder: Path) -> int:
    try:
        return int((folder / f".{_DROPPED}").read_text())
    except FileNotFoundError:
        return 0
