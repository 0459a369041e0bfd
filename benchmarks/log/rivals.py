"""The same entries in what a user would pick instead: pymerkle, and Tessera under its own load generator."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Final

import pytest

from benchmarks.log.entries import make_batches, make_entries
from benchmarks.log.peers import PymerkleLog
from benchmarks.log.store import opened
from benchmarks.log.tessera import run_hammer
from benchmarks.log.timing import percentile, spent
from benchmarks.report import Row

MANY_WRITERS: Final = 1024


def pymerkle_rows(folder: Path, leaves: int) -> list[Row]:
    """Appending in one call and singly, and proving, beside ours at the same size and batch."""
    folder.mkdir(parents=True)
    entries = make_entries(0, leaves)
    library = PymerkleLog(folder / "tree")
    joined = library.append(entries)
    proofs = library.prove([Random(3).randrange(leaves) for _ in range(20)])
    singly = library.append_singly(make_entries(leaves, 200))
    library.close()
    with opened(folder) as writer:
        batches = list(make_batches(leaves, leaves))
        ours = spent(lambda: [writer.append(batch) for batch in batches])
        log = writer.shard(batches[0].tenants[0])
        own_proofs = [spent(lambda: log.inclusion_proof(Random(3).randrange(leaves))).wall_s for _ in range(200)]
        one = list(make_batches(200, 1, start=leaves))
        single = spent(lambda: [writer.append(batch) for batch in one])
    theirs_ms = 1e3 * percentile([proof.wall_s for proof in proofs], 50)
    ours_ms = 1e3 * percentile(own_proofs, 50)
    return [
        Row(f"peer: pymerkle, {leaves:,} entries in one call", leaves / joined.wall_s, "leaves/s"),
        Row("ours, the same in one batch", leaves / ours.wall_s, "leaves/s", "pymerkle", joined.wall_s / ours.wall_s),
        Row("ours, the same, by CPU", leaves / ours.cpu_s, "leaves/CPU s", "pymerkle", joined.cpu_s / ours.cpu_s),
        Row("peer: pymerkle, single entries", 200 / singly.wall_s, "leaves/s"),
        Row("ours, single entries", 200 / single.wall_s, "leaves/s", "pymerkle", singly.wall_s / single.wall_s),
        Row("peer: pymerkle, inclusion proof, p50", theirs_ms, "ms"),
        Row("ours, inclusion proof in both trees, p50", ours_ms, "ms", "pymerkle", theirs_ms / ours_ms),
    ]


def tessera_rows(folder: Path, *, writers: int, single_per_s: float, batch_per_cpu_s: float, seconds: int) -> list[Row]:
    """Tessera at the same number of writers, and with many, when its batches are large.

    Args:
        single_per_s: entries a second of ours at that number of writers.
        batch_per_cpu_s: entries of ours in batches, by CPU second of the writer.
    """
    size = len(make_entries(0, 1)[0])
    rows = []
    for count in (writers, MANY_WRITERS):
        place = folder / str(count)
        place.mkdir(parents=True)
        try:
            run = run_hammer(place, writers=count, leaf_size_bytes=size, seconds=seconds)
        except pytest.skip.Exception:
            return [Row("peer: Tessera is not installed here", 0, "")]
        rate, by_cpu = run.leaves / run.wall_s, run.leaves / max(run.cpu_s, 0.01)
        rows.append(Row(f"peer: Tessera POSIX, {count} writers", rate, "leaves/s"))
        rows.append(Row(f"peer: Tessera POSIX, {count} writers, by CPU", by_cpu, "leaves/CPU s"))
        if count == writers:
            ratio = single_per_s / rate
            rows.append(
                Row(f"ours, {count} writers", single_per_s, "leaves/s", "Tessera", ratio, "ratio > 1", ratio > 1)
            )
    ratio = batch_per_cpu_s / by_cpu
    rows.append(Row("ours, batches, by CPU", batch_per_cpu_s, "leaves/CPU s", "Tessera", ratio, "ratio > 1", ratio > 1))
    return rows
