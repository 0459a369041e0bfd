"""Recording in one process: entries arrive encoded and hashed, and count once they are in both trees and synced."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.log.entries import make_batches, make_entries
from benchmarks.log.limits import both_trees, synced_writes
from benchmarks.log.peers import sqlite_appends
from benchmarks.log.store import opened
from benchmarks.log.timing import spent
from benchmarks.report import Row

BATCHES: Final = (1, 100, 1000, 10_000)
SINGLES_MAX: Final = 1_000
BATCH_JUDGED: Final = 1000
LEAVES_PER_S_MIN: Final = 150_000


def appending_rows(folder: Path, leaves: int) -> list[Row]:
    """Every batch size, each beside the limits of its own run."""
    return [row for size in BATCHES for row in _rows(folder / str(size), min(leaves, SINGLES_MAX * size), size)]


def _rows(folder: Path, leaves: int, size: int) -> list[Row]:
    folder.mkdir(parents=True)
    batches = list(make_batches(leaves, size))
    blocks = [make_entries(first, min(size, leaves - first)) for first in range(0, leaves, size)]
    hashing, syncing = both_trees(blocks), synced_writes(folder / "plain", blocks)
    with opened(folder) as writer:
        ours = spent(lambda: [writer.append(batch) for batch in batches])
    again, table = both_trees(blocks), sqlite_appends(folder / "table", blocks)
    hashing_cpu_s = (hashing.cpu_s + again.cpu_s) / 2
    rate, cpu_rate = leaves / ours.wall_s, leaves / ours.cpu_s
    is_judged = size == BATCH_JUDGED
    aim = f">= {LEAVES_PER_S_MIN:,} leaves/s" if is_judged else ""
    name = f"batch {size}"
    return [
        Row(
            f"durable append, {name}",
            rate,
            "leaves/s",
            "one synced write a batch",
            syncing.wall_s / ours.wall_s,
            aim,
            rate >= LEAVES_PER_S_MIN if is_judged else None,
        ),
        Row(f"durable append, {name}, by CPU", cpu_rate, "leaves/CPU s", "both trees", hashing_cpu_s / ours.cpu_s),
        Row(f"limit: both trees, {name}, by CPU", leaves / hashing_cpu_s, "leaves/CPU s"),
        Row(f"limit: synced writes, {name}", len(blocks) / syncing.wall_s, "syncs/s"),
        Row(
            f"peer: SQLite synchronous=FULL, {name}",
            leaves / table.wall_s,
            "rows/s",
            "ours",
            table.wall_s / ours.wall_s,
        ),
        Row(f"peer: SQLite, {name}, by CPU", leaves / table.cpu_s, "rows/CPU s", "ours", table.cpu_s / ours.cpu_s),
    ]
