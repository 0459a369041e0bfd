"""A tenant's newest log as rotations and freezes see it, over the one writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chain.batch import EntryBatch
from chain.keys.history import KeyHistory
from chain.keys.log_keys import LogKeys
from chain.shard import LogHead, ShardLog
from chain.tree_hash import Twin
from chain.writer import EvidenceWriter
from domain.errors import NotFound
from domain.evidence import EvidenceEvent, Receipt
from domain.tenancy import PLATFORM, TenantId


class TenantLog:
    """A tenant's (or the platform's) newest log, as it was last written to.

    Around a turn of the year ask `EvidenceWriter.current` first, so that this is the log of the next entries too.
    """

    def __init__(self, writer: EvidenceWriter, tenant: TenantId) -> None:
        self.tenant = tenant
        self._writer = writer

    @property
    def origin(self) -> str:
        return self._shard.origin

    @property
    def state_directory(self) -> Path:
        """Keys and the marker of a freeze."""
        return self._shard.place.state

    @property
    def published_size(self) -> int:
        """Size of the newest checkpoint; zero where there is none."""
        try:
            return self.head().size
        except NotFound:
            return 0

    def keys(self) -> LogKeys:
        """The log's keys in files."""
        return LogKeys(self.state_directory, origin=self.origin)

    def head(self) -> LogHead:
        """What was last signed; also where the keys that signed it are lost."""
        return self._shard.signed_head()

    def key_history(self) -> Twin[KeyHistory]:
        return self._shard.key_history()

    def append(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        if self.tenant == PLATFORM:
            return self._writer.platform_append(events)
        batch = EntryBatch.encode(events)
        return self._writer.append(batch).receipts(batch)

    def publish(self) -> LogHead:
        return self._writer.publish(self.tenant)

    def reopen(self) -> None:
        self._shard.reopen()

    @property
    def _shard(self) -> ShardLog:
        return self._writer.shard(self.tenant)
