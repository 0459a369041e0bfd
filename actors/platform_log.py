"""The platform's own log as anchoring sees it, through a handle of the one writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from actors.evidence_chain import EvidenceChain
from actors.handles import Handle
from domain.evidence import EntryId, EvidenceEvent

PAGE: Final = 500


class WriterPlatformLog:
    """The platform's log through a handle of the one writer."""

    def __init__(self, chain: Handle[EvidenceChain]) -> None:
        self._chain = chain

    def note(self) -> bytes:
        """Publish the log and give its signed SHA-256 checkpoint."""
        return self._chain.call(EvidenceChain.publish_platform).head.checkpoint.encode()

    def record(self, events: Sequence[EvidenceEvent]) -> None:
        """Append events."""
        self._chain.call(EvidenceChain.platform_append, events)

    def entries(self, after: EntryId | None) -> Iterator[tuple[EntryId, bytes]]:
        """Entries behind one, or all, oldest first."""
        while page := self._chain.call(EvidenceChain.platform_entries, after, PAGE):
            yield from page
            after = page[-1][0]

    def backwards(self) -> Iterator[tuple[EntryId, bytes]]:
        """All entries, newest first."""
        before: EntryId | None = None
        while page := self._chain.call(EvidenceChain.platform_entries_before, before, PAGE):
            yield from page
            before = page[-1][0]

    def artifact(self, sha256: str) -> bytes:
        """An artifact's bytes by digest."""
        return self._chain.call(EvidenceChain.platform_artifact, sha256)
