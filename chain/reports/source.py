"""What a report is made of: logs that can be read and proven from, and the audit window.

The part of a log that a window needs begins at the last block sealed before the window opens and ends with the first
block sealed after it closes, or with the newest checkpoint. Block times never decrease, so both are found by bisection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chain.cosignature import CosignerKey
from chain.envelope import BLOCK_TYPE, read_envelope
from chain.note import VerifierKey
from chain.pack import LOGS, LogRange
from chain.proof import ConsistencyProof, InclusionProof
from chain.reports.anchors import AnchorSource
from chain.tree_hash import Twin
from chain.window import WindowProof
from domain.clock import parse_instant
from domain.errors import InputError

_BLOCK = f'"type":"{BLOCK_TYPE}"'.encode("ascii")


class LogHead(Protocol):
    """A published state of a log."""

    @property
    def origin(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def checkpoint(self) -> str: ...
    @property
    def checkpoint_sha3(self) -> str: ...


class LogReader(Protocol):
    """Reads one log and proves from it; what `chain.writer` offers beside writing."""

    def head(self) -> LogHead: ...
    def entry(self, index: int) -> bytes: ...
    def inclusion_proof(self, index: int, size: int | None = None) -> Twin[InclusionProof]: ...
    def consistency_proof(self, old_size: int, new_size: int | None = None) -> Twin[ConsistencyProof]: ...
    def window_proof(self, start: int, end: int, size: int | None = None) -> Twin[WindowProof]: ...


class ArtifactReader(Protocol):
    """Gives an artifact's bytes by SHA-256; None where it is gone, as after an erasure."""

    def __call__(self, sha256: str) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class LogSource:
    """One log of the tenant.

    Args:
        name: how its entries are called: the year, so that one is ``2026-17``.
        keys: the log's, of both trees.
        witnesses: those whose cosignatures its checkpoint may carry.
        start_checkpoints: notes that the log signed before the window, where they were kept.
        key_entries: places of the log's entries about its keys.
    """

    name: str
    reader: LogReader
    keys: Twin[VerifierKey]
    witnesses: tuple[CosignerKey, ...] = ()
    start_checkpoints: Twin[str] | None = None
    key_entries: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PackRequest:
    """What a pack shall be of.

    Args:
        opens, closes: the audit window, the end excluded; it may not close after ``made_at``.
        expected: types of entries of which there should be at least one.
        highlighted: entries, by name, that get a proof of their own; None chooses them.
        artifacts: reads artifacts; those that fit into ``artifacts_size_bytes_max`` go into the pack.
        anchors: receipts over the logs' checkpoints, or over the platform log's.
        framework: the reports show only this framework's controls; evidence and statement stay complete.
    """

    tenant: str
    opens: datetime
    closes: datetime
    made_at: datetime
    logs: tuple[LogSource, ...]
    artifacts: ArtifactReader
    expected: tuple[str, ...] = ()
    highlighted: tuple[str, ...] | None = None
    artifacts_size_bytes_max: int = 64 * 1024 * 1024
    anchors: tuple[AnchorSource, ...] = ()
    framework: str | None = None

    def __post_init__(self) -> None:
        if not self.opens < self.closes <= self.made_at:
            raise InputError(
                "not an audit window",
                opens=self.opens.isoformat(),
                closes=self.closes.isoformat(),
                made_at=self.made_at.isoformat(),
                expected="an end after the beginning and not in the future",
                todo="Give --from and --to in that order, at most up to now",
            )
        if not self.logs:
            raise InputError("no log to report on", tenant=self.tenant, todo="Record evidence first")


def part_of(source: LogSource, head: LogHead, opens: datetime, closes: datetime) -> LogRange:
    """The part of a log, as its head has it, that proves what a window holds.

    Raises:
        InputError: the log has no entries yet.
    """
    if head.size == 0:
        raise InputError("the log has no entries yet", origin=head.origin, todo="Record evidence first")
    blocks = _Blocks(source.reader, head.size)
    start, end = blocks.last_until(opens), blocks.first_from(closes)
    return LogRange(f"{LOGS}{source.name}", head.origin, start, end, head.size)


class _Blocks:
    """The block headers of a log in order of time."""

    def __init__(self, reader: LogReader, size: int) -> None:
        self._reader = reader
        self._size = size

    def last_until(self, moment: datetime) -> int:
        """Index of the last header of that time or before; 0 where there is none."""
        found, low, high = 0, 0, self._size
        while low < high:
            middle = (low + high) // 2
            block = self._at_or_after(middle, high)
            if block is None or block[1] > moment:
                high = middle
            else:
                found, low = block[0], block[0] + 1
        return found

    def first_from(self, moment: datetime) -> int:
        """Index behind the first header of that time or after; the log's size where there is none."""
        found, low, high = self._size, 0, self._size
        while low < high:
            middle = (low + high) // 2
            block = self._at_or_after(middle, high)
            if block is None:
                high = middle
            elif block[1] >= moment:
                found, high = block[0] + 1, middle
            else:
                low = block[0] + 1
        return found

    def _at_or_after(self, index: int, stop: int) -> tuple[int, datetime] | None:
        for at in range(index, stop):
            entry = self._reader.entry(at)
            if _BLOCK in entry:
                block = read_envelope(entry).block
                if block is not None:
                    return at, parse_instant(block.ts)
        return None
