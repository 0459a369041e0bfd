"""The anchors' part of the platform log: states read from its entries, receipts and gaps written as entries.

Nothing of this is kept anywhere else. A restart reads the log from its end backwards as far as something may be open;
afterwards new entries are followed, whoever wrote them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Final, Protocol

from actors.anchor_schedule import AnchorTiming, Gap, TargetState, replay
from chain.anchors.receipt import Anchored, to_artifacts, to_body
from chain.envelope import ENTRY_SIZE_BYTES_MAX
from chain.strict_json import parse
from domain.clock import format_instant, parse_instant
from domain.errors import ConflictError
from domain.evidence import EntryId, EventType, EvidenceEvent
from domain.tenancy import PLATFORM
from domain.value import Json

ENTRIES_WALKED_MAX: Final = 1_000_000

_MARK = b'"type":"anchor_'
_UNKNOWN = datetime.min.replace(tzinfo=UTC)


class PlatformLog(Protocol):
    """The platform's own log, as anchoring needs it. `artifact` is called from several threads."""

    def note(self) -> bytes:
        """Publish the log and give its signed SHA-256 checkpoint."""

    def record(self, events: Sequence[EvidenceEvent]) -> None:
        """Append events; a repeat of an event changes nothing.

        Raises:
            ConflictError: an event of that request id and other content is there.
            UnavailableError: the log cannot be written now.
        """

    def entries(self, after: EntryId | None) -> Iterable[tuple[EntryId, bytes]]:
        """Entries behind one, or all, oldest first."""

    def backwards(self) -> Iterable[tuple[EntryId, bytes]]:
        """All entries, newest first."""

    def artifact(self, sha256: str) -> bytes:
        """An artifact's bytes by digest."""


@dataclass(frozen=True, slots=True)
class _Line:
    """An entry about anchors."""

    entry: bytes = field(repr=False)
    fields: Mapping[str, Json]

    @property
    def target(self) -> str:
        body = self.fields.get("body")
        return str(body.get("target")) if isinstance(body, dict) else ""

    @property
    def at(self) -> datetime:
        return parse_instant(str(self.fields["at"]))


class AnchorBook:
    """Targets' states, in step with the log."""

    def __init__(self, log: PlatformLog, names: Sequence[str], *, timing: AnchorTiming, now: datetime) -> None:
        self._log = log
        self._timing = timing
        self._seen: EntryId | None = None
        lines = self._walk(frozenset(names), now)
        known = {line.target for line in lines}
        begin = timing.begin(now)
        self.states = {name: TargetState(name, _UNKNOWN if name in known else begin) for name in names}
        for line in reversed(lines):
            self._replay(line)

    def follow(self) -> None:
        """Take in what the log holds beyond what was seen."""
        for entry_id, entry in self._log.entries(self._seen):
            self._seen = entry_id
            for line in _lines([entry]):
                self._replay(line)

    def record_receipt(self, anchored: Anchored, now: datetime) -> bool:
        """Append a receipt; False where another one for this note and target stands already."""
        receipt = anchored.receipt
        request_id = f"anchor/{receipt.target}/{receipt.note_sha256}/{'final' if receipt.is_final else 'pending'}"
        body, artifacts = to_body(anchored), to_artifacts(anchored)
        event = EvidenceEvent(PLATFORM, request_id, EventType.ANCHOR_RECEIPT, now, body, artifacts)
        try:
            self._log.record([event])
        except ConflictError:
            return False
        return True

    def record_gaps(self, gaps: Sequence[Gap], now: datetime) -> None:
        """Append gaps; one that was told already stands."""
        for gap in gaps:
            with suppress(ConflictError):
                self._log.record([self._gap_event(gap, now)])

    def _gap_event(self, gap: Gap, now: datetime) -> EvidenceEvent:
        begins_at = format_instant(gap.begins_at)
        body: dict[str, Json] = {
            "v": 1,
            "target": gap.target,
            "from": begins_at,
            "to": format_instant(gap.ends_at),
            "reason": gap.reason,
            "note_sha256": gap.note_sha256,
        }
        request_id = f"anchor-gap/{gap.target}/{begins_at}/{gap.note_sha256 or 'missed'}"
        return EvidenceEvent(PLATFORM, request_id, EventType.ANCHOR_GAP, now, body)

    def _walk(self, names: frozenset[str], now: datetime) -> list[_Line]:
        """Entries about anchors, newest first, until every target was met and nothing older can be open."""
        horizon = now - 2 * self._timing.pending_age_max
        met: set[str] = set()
        lines: list[_Line] = []
        for entry_id, entry in islice(self._log.backwards(), ENTRIES_WALKED_MAX):
            self._seen = self._seen or entry_id
            for line in _lines([entry]):
                lines.append(line)
                met.add(line.target)
                if line.at < horizon and names <= met:
                    return lines
        return lines

    def _replay(self, line: _Line) -> None:
        for name, state in self.states.items():
            self.states[name] = replay(state, line.entry, line.fields, self._timing)


def _lines(entries: Iterable[bytes]) -> Iterator[_Line]:
    """Those of the entries that are about anchors; the text decides first, because most are not."""
    for entry in entries:
        fields = parse(entry, size_bytes_max=ENTRY_SIZE_BYTES_MAX) if _MARK in entry else None
        if isinstance(fields, dict):
            yield _Line(entry, fields)
