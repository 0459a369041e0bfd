"""The only writer of the evidence logs of all tenants, opened at first use.

Entries arrive encoded and hashed. What is asked of the logs, the platform's own log, and the end of logs are parts of
this actor in modules of their own; all share one writer and one lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from actors.folders import Folders
from actors.log_custody import LogCustody
from actors.log_reading import LogReading
from actors.log_retention import LogRetention
from actors.open_writer import OpenWriter
from actors.platform_face import PlatformFace
from actors.published_logs import PublishedLogs
from chain.batch import EntryBatch, Placements
from chain.keys.log_key_places import LogKeyPlaces
from chain.shard import LogHead
from domain.clock import Clock
from domain.tenancy import PLATFORM, TenantId


@dataclass(frozen=True, slots=True)
class PublishedHead:
    """A published log, and where the tenant's logs of all years are: a folder's path, or an address."""

    head: LogHead
    location: str

    @property
    def directory(self) -> Path:
        """The folder, where it is one."""
        return Path(self.location)


class EvidenceChain(LogReading, PlatformFace, PublishedLogs, LogRetention, LogCustody):
    """Records entries, publishes logs and proves what is in them. Every method can be repeated safely."""

    def __init__(self, folders: Folders, clock: Clock | None = None, *, log_keys: LogKeyPlaces | None = None) -> None:
        opened = OpenWriter(folders, clock, log_keys=log_keys)
        LogReading.__init__(self, opened)

    def append(self, batch: EntryBatch) -> Placements:
        """Record entries, possibly of several tenants, with one sync.

        Raises:
            ConflictError: a request id came back with another content.
            UnavailableError: the disk is full or failed.
        """
        with self._opened.held() as writer:
            return writer.append(batch)

    def publish(self, tenant: TenantId, at: datetime | None = None) -> PublishedHead:
        """Seal what is new, at a time or now, and write the tenant's folder."""
        with self._opened.held() as writer:
            return PublishedHead(writer.publish(tenant, at), self._opened.place.location(tenant))

    def publish_platform(self) -> PublishedHead:
        """Publish the platform log, over the newest checkpoint of every tenant."""
        with self._opened.held() as writer:
            return PublishedHead(writer.publish_platform(), self._opened.place.location(PLATFORM))

    def close(self) -> None:
        """Let other writers in."""
        self._opened.close()
