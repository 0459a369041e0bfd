"""The platform's own log, as part of the evidence actor: what anchoring writes into it and reads from it."""

from __future__ import annotations

from collections.abc import Sequence

from actors.log_pages import Page, artifact_of, entries_after, entries_before
from actors.open_writer import OpenWriter
from domain.evidence import EntryId, EvidenceEvent, Receipt
from domain.tenancy import PLATFORM


class PlatformFace:
    """Writes and reads the platform log."""

    _opened: OpenWriter

    def platform_append(self, events: Sequence[EvidenceEvent]) -> list[Receipt]:
        """Record what concerns the platform as a whole."""
        with self._opened.held() as writer:
            return writer.platform_append(events)

    def platform_entries(self, after: EntryId | None, count: int) -> Page:
        """Entries of the platform log behind one, oldest first."""
        with self._opened.held() as writer:
            return entries_after(writer.shards(PLATFORM), after, count)

    def platform_entries_before(self, before: EntryId | None, count: int) -> Page:
        """Entries of the platform log ahead of one, or of its end, newest first."""
        with self._opened.held() as writer:
            return entries_before(writer.shards(PLATFORM), before, count)

    def platform_artifact(self, sha256: str) -> bytes:
        """An artifact of the platform log."""
        with self._opened.held() as writer:
            return artifact_of(writer.shards(PLATFORM), sha256)
