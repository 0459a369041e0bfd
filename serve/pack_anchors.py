"""Anchors of a report: which receipts of the platform log show when the reported entries existed at the latest.

For each target there are at most two: the first receipt over the log as it stood when the window opened, and the first
over the log with the whole window in it, or, while there is none, the newest that covers part of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chain.anchors.receipt import Anchored, read_entry
from chain.checkpoint import parse_checkpoint
from chain.checkpoint_commitment import CheckpointOpening
from chain.layout import artifact_path
from chain.note import parse_note
from chain.pack import LogRange
from chain.reports.anchors import AnchorSource, PlatformOpening
from chain.signed_checkpoints import SignedPair
from domain.errors import NotFound
from domain.evidence import LogName
from serve.published_log import PublishedLog, files_of

Open = Callable[[str], CheckpointOpening]
"""The opening of one of the tenant's own signed SHA-256 checkpoints."""

_MARK: Final = b'"type":"anchor_receipt"'


@dataclass(frozen=True, slots=True, order=True)
class _Receipt:
    """A final receipt: of that platform log, of that size."""

    log: LogName
    size: int
    anchored: Anchored = field(compare=False)


class AnchorIndex:
    """The receipts in the published platform log, by target; what is new is read when asked.

    Args:
        folder: of the platform log, with a folder a year below it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, int] = {}
        self._receipts: dict[str, list[_Receipt]] = {}

    def anchors(self, part: LogRange, pairs: Sequence[SignedPair], opened: Open) -> Iterator[AnchorSource]:
        """Those of a part of a tenant's log.

        Args:
            pairs: what the log has signed, oldest first.
        """
        logs = self._follow()
        known = [pair for pair in pairs if pair.size <= part.size]
        for receipts in self._receipts.values():
            first = _first_over(receipts, [pair for pair in known if pair.size <= part.start + 1][-1:], opened)
            whole = _first_over(receipts, [pair for pair in known if pair.size >= part.end], opened)
            last = whole or _newest_under(receipts[-1], known, opened)
            if first and last and first[0] == last[0]:
                first = None
            for receipt, opening in filter(None, (first, last)):
                yield AnchorSource(receipt.anchored, PlatformOpening(opening, logs[receipt.log]))

    def _follow(self) -> Mapping[LogName, PublishedLog]:
        folders = {name: path for path in self.folder.glob("*") if (name := LogName.find(path.name))}
        logs = {name: PublishedLog(files_of(folders[name])) for name in sorted(folders)}
        origins = {log.head().origin: name for name, log in logs.items()}
        for name, log in logs.items():
            path, size = folders[name], log.head().size
            for index in range(self._read.get(path.name, 0), size):
                entry = log.entry(index)
                if _MARK in entry:
                    self._take(read_entry(entry, _artifacts(list(folders.values()))), origins)
            self._read[path.name] = size
        return logs

    def _take(self, anchored: Anchored, origins: Mapping[str, LogName]) -> None:
        head = parse_checkpoint(parse_note(anchored.note.decode("utf-8")).text)
        if anchored.receipt.is_final and head.origin in origins:
            receipt = _Receipt(origins[head.origin], head.size, anchored)
            receipts = self._receipts.setdefault(anchored.receipt.target, [])
            receipts.insert(bisect_left(receipts, receipt), receipt)


def _first_over(
    receipts: Sequence[_Receipt], pairs: Sequence[SignedPair], opened: Open
) -> tuple[_Receipt, CheckpointOpening] | None:
    """The first receipt that covers the first of the checkpoints."""
    opening = next(filter(None, (_opening(pair, opened) for pair in pairs)), None)
    if opening is None:
        return None
    log, index = opening.platform_id.log, opening.platform_id.index
    at = bisect_left([(each.log, each.size) for each in receipts], (log, index + 1))
    return (receipts[at], opening) if at < len(receipts) and receipts[at].log == log else None


def _newest_under(
    receipt: _Receipt, pairs: Sequence[SignedPair], opened: Open
) -> tuple[_Receipt, CheckpointOpening] | None:
    """The newest checkpoint that a receipt covers."""
    found: CheckpointOpening | None = None
    low, high = 0, len(pairs)
    while low < high:
        middle = (low + high) // 2
        opening = _opening(pairs[middle], opened)
        if opening and (opening.platform_id.log, opening.platform_id.index) < (receipt.log, receipt.size):
            found, low = opening, middle + 1
        else:
            high = middle
    return (receipt, found) if found and found.platform_id.log == receipt.log else None


def _opening(pair: SignedPair, opened: Open) -> CheckpointOpening | None:
    try:
        return opened(pair.notes.sha256)
    except NotFound:  # a crash came between signing and committing; the next checkpoint covers it
        return None


def _artifacts(years: Sequence[Path]) -> Callable[[str], bytes]:
    def artifact(sha256: str) -> bytes:
        for year in years:
            content = files_of(year)(artifact_path(sha256))
            if content is not None:
                return content
        raise NotFound("no such artifact of the platform log", sha256=sha256, todo="Run: pcg log fsck")

    return artifact
