"""Stores to measure: opened at a fixed time, filled in batches."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from benchmarks.log.entries import AT, BENCH, make_batches
from chain.writer import EvidenceWriter

PREFIX: Final = "example.org/evidence"


class Fixed:
    """A clock that stands still."""

    def now(self) -> datetime:
        return AT


def opened(folder: Path) -> EvidenceWriter:
    """The writer of a store."""
    return EvidenceWriter(
        folder / "chain", lambda tenant: folder / "evidence" / tenant, origin_prefix=PREFIX, clock=Fixed()
    )


def published(folder: Path) -> Path:
    """The published folder of the measured log."""
    return folder / "evidence" / BENCH / str(AT.year)


def fill(writer: EvidenceWriter, leaves: int, *, batch: int = 10_000) -> None:
    """Record consecutive entries until the log has at least so many."""
    first = writer.shard(BENCH).size
    for each in make_batches(max(0, leaves - first), batch, start=first):
        writer.append(each)
