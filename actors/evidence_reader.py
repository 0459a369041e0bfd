"""Questions about a tenant's logs that change nothing in them: heads, lists, counts, and the latest of each matter.

Reads take the writer's lock for a bounded time each, so that an append never waits for a whole fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Final

from actors.evidence_pages import BlockPage, EvidencePage, EvidenceQuery, block_count, block_page, evidence_page
from chain.durable import make_private_directory
from chain.layout import LogOrigin
from chain.legal_hold import Hold, HoldEvents, holds_in_force
from chain.privacy.erasure import count_commitments
from chain.projection import Projection, ReadModel, State
from chain.read_models import CountsByDay, DayCount, LatestByMatter, LatestEvidence, day_counts, latest_evidence
from chain.shard import LogHead, ShardLog
from domain.errors import NotFound
from domain.evidence import EntryId, LogName
from domain.tenancy import TenantId

CHUNK: Final = 1_000
COUNTS: Final = CountsByDay()
LATEST: Final = LatestByMatter()
HOLDS: Final = HoldEvents()


@dataclass(frozen=True, slots=True)
class LogStatus:
    """A year's log: what is recorded, and what of it is published."""

    origin: str
    name: LogName
    recorded: int
    blocks: int
    head: LogHead | None

    @property
    def year(self) -> int:
        """Of the log's name."""
        return self.name.year


@dataclass(frozen=True, slots=True)
class Counts:
    """Entries by type and day, of so many entries in all."""

    covered: int
    days: tuple[DayCount, ...]


class EvidenceReader:
    """Reads the logs of all tenants.

    Args:
        shards: a tenant's logs, newest year first; called under the lock.
        models: folder of a tenant's read models.
    """

    def __init__(
        self, shards: Callable[[TenantId], Sequence[ShardLog]], lock: RLock, models: Callable[[TenantId], Path]
    ) -> None:
        self._shards = shards
        self._lock = lock
        self._folder = models
        self._models: dict[tuple[str, str], ReadModel] = {}

    def heads(self, tenant: TenantId) -> list[LogStatus]:
        """The tenant's logs, oldest first."""
        with self._lock:
            return [_status(shard) for shard in reversed(self._shards(tenant))]

    def page(self, tenant: TenantId, query: EvidenceQuery) -> EvidencePage:
        """A page of evidence, newest first."""
        with self._lock:
            return evidence_page(self._shards(tenant), query)

    def blocks(self, tenant: TenantId, *, before: EntryId | None, limit: int) -> BlockPage:
        """A page of blocks, newest first."""
        with self._lock:
            return block_page(self._shards(tenant), before=before, limit=limit)

    def counts(self, tenant: TenantId) -> Counts:
        """Entries by type and day."""
        states = self._states(tenant, COUNTS)
        days = day_counts(state for _, state in states)
        return Counts(sum(row.count for row in days), tuple(days))

    def latest(self, tenant: TenantId, matter: str, *, after: str = "", limit: int) -> list[LatestEvidence]:
        """The newest evidence on each control, subject or policy, by name, beginning behind a name."""
        found = latest_evidence(self._states(tenant, LATEST), matter)
        return [row for row in found if row.name > after][:limit]

    def commitments(self, tenant: TenantId, pseudonym: str) -> int:
        """How many commitments the tenant's entries hold under a pseudonym."""
        with self._lock:
            shards = list(self._shards(tenant))
        return sum(count_commitments(self._entries(shard), pseudonym) for shard in shards)

    def holds(self, tenant: TenantId) -> Mapping[str, Hold]:
        """The tenant's legal holds in force, by id."""
        return holds_in_force([(name.year, state) for name, state in self._states(tenant, HOLDS)])

    def discard(self, tenant: TenantId, name: LogName) -> None:
        """Delete what is derived of a log that has ended."""
        with self._lock:
            gone = [key for key in self._models if key[0].endswith(str(LogOrigin("", tenant, name)))]
            for key in gone:
                del self._models[key]
            for path in self._folder(tenant).glob(f"{name}-*"):
                path.unlink()

    def _entries(self, shard: ShardLog) -> Iterator[bytes]:
        for start in range(0, shard.size, CHUNK):
            with self._lock:
                chunk = [shard.entry(index) for index in range(start, min(start + CHUNK, shard.size))]
            yield from chunk

    def _states(self, tenant: TenantId, projection: Projection) -> list[tuple[LogName, State]]:
        """The model of each year, oldest first; each step lets appends in between."""
        with self._lock:
            shards = list(reversed(self._shards(tenant)))
        found: list[tuple[LogName, State]] = []
        for shard in shards:
            with self._lock:
                model = self._model(tenant, shard, projection)
            while self._step(model):
                pass
            with self._lock:
                found.append((shard.name, dict(model.state())))
        return found

    def _step(self, model: ReadModel) -> bool:
        with self._lock:
            return model.step()

    def _model(self, tenant: TenantId, shard: ShardLog, projection: Projection) -> ReadModel:
        model = self._models.get((shard.origin, projection.name))
        if model is None or model.log is not shard:
            folder = self._folder(tenant)
            make_private_directory(folder)
            path = folder / f"{shard.name}-{projection.name.replace('/', '-')}"
            model = self._models[shard.origin, projection.name] = ReadModel(projection, shard, path)
        return model


def _status(shard: ShardLog) -> LogStatus:
    try:
        head = shard.head()
    except NotFound:
        head = None
    return LogStatus(shard.origin, shard.name, shard.size, block_count(shard), head)
