"""The writer of all evidence logs, opened at first use and again after a failed write, and the lock in front of it.

The lock puts reads between writes, since a writer is not for several threads. A restart is a normal start, because
everything acknowledged is in the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock

from actors.evidence_place import EvidencePlace
from actors.folders import Folders
from chain.keys.log_key_places import LogKeyPlaces
from chain.keys.reference import KeySources, no_secrets
from chain.object_journal import ObjectJournal
from chain.shard import ShardLog
from chain.writer import LOGS, EvidenceWriter
from domain.clock import Clock, SystemClock
from domain.errors import UnavailableError
from domain.tenancy import TenantId


class OpenWriter:
    """What the parts of the evidence actor share."""

    def __init__(self, folders: Folders, clock: Clock | None = None, *, log_keys: LogKeyPlaces | None = None) -> None:
        self.log_keys = log_keys or LogKeyPlaces(folders.chain / LOGS, KeySources(no_secrets))
        self.folders = folders
        self.clock = clock or SystemClock()
        self.place = EvidencePlace(folders)
        self.lock = RLock()
        self._writer: EvidenceWriter | None = None
        self._journal: ObjectJournal | None = None

    @contextmanager
    def held(self) -> Iterator[EvidenceWriter]:
        """The writer, for one caller at a time.

        A write whose end is not known stops the writer; the next caller finds it opened again, from what is stored.
        """
        with self.lock:
            writer = self._opened()
            try:
                yield writer
            except UnavailableError:
                if writer.is_stopped:
                    self.close()
                raise

    def shards(self, tenant: TenantId) -> Sequence[ShardLog]:
        """A tenant's logs, newest first."""
        with self.held() as writer:
            return writer.shards(tenant)

    def gather(self, frames_min: int) -> int:
        """Put the frames of a journal in an object store together; returns the number of volumes made."""
        with self.held():
            return 0 if self._journal is None else self._journal.gather(frames_min=frames_min)

    def close(self) -> None:
        """Let other writers in."""
        with self.lock:
            if self._writer is not None:
                self._writer.close()
            self._writer = None

    def _opened(self) -> EvidenceWriter:
        if self._writer is None:
            folders = self.folders
            folders.require_present_layout()
            self._journal = self.place.journal()
            self._writer = EvidenceWriter(
                folders.chain,
                self.place.of,
                origin_prefix=folders.origin_prefix,
                signers=self.log_keys.held,
                clock=self.clock,
                journal=self._journal,
            )
        return self._writer
