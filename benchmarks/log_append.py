"""Appending to the evidence log: durable leaves a second, beside what hashing and the disk allow in the same run.

Events arrive at the writer encoded as canonical JSON and hashed, as callers send them; they count once they are in both
trees and synced with their batch. The limits are measured on the same entries: both leaf hashes and both trees' nodes
alone, and one synced write per batch alone.

    python -m benchmarks.log_append [--events N] [--folder DIR]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from benchmarks.report import Row, publish
from chain.batch import EntryBatch
from chain.merkle import Tree
from chain.tree_hash import SHA3_256, SHA256
from chain.verify import verify_directory
from chain.writer import EvidenceWriter
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId

PREFIX, BENCH = "example.org/evidence", TenantId("bench")
AT = datetime(2026, 11, 24, tzinfo=UTC)
BATCHES = (1, 100, 1000, 10_000)
SINGLES_MAX = 2_000
BATCH_JUDGED, LEAVES_PER_S_MIN = 1000, 150_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where to write; default is the temporary folder")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        publish("log_append", measure(Path(folder), options.events))
    return 0


def measure(folder: Path, count: int) -> list[Row]:
    """All rows: appends by batch size, then reading, proving, publishing and verifying the largest log."""
    events = make_events(count)
    rows = []
    for batch in BATCHES:
        some = events[: min(count, SINGLES_MAX * batch)]
        rows += append_rows(folder / str(batch), some, batch)
    return rows + reading_rows(folder / "1000")


def make_events(count: int, *, seed: int = 1) -> list[EvidenceEvent]:
    """Verdicts as a scan records them: entries of about 300 bytes."""
    random = Random(seed)
    return [
        EvidenceEvent(
            tenant=BENCH,
            request_id=f"scan-1/{number}",
            type=EventType.POLICY_EVALUATED,
            occurred_at=AT,
            body={
                "policy": f"pcg-{random.randrange(200):03d}",
                "resource": f"/subscriptions/0/resourceGroups/g{random.randrange(500)}/vm-{number}",
                "verdict": random.choice(("pass", "fail", "unknown")),
                "severity": random.choice(("high", "low")),
            },
        )
        for number in range(count)
    ]


def append_rows(folder: Path, events: list[EvidenceEvent], batch: int) -> list[Row]:
    """Append in batches of one size, and what the same entries cost in encoding, hashing and syncing alone."""
    batches: list[EntryBatch] = []
    groups = [events[start : start + batch] for start in range(0, len(events), batch)]
    _, encoding_s = timed(lambda: batches.extend(EntryBatch.encode(group) for group in groups))
    with opened(folder) as writer:
        wall_s, cpu_s = timed(lambda: [writer.append(each) for each in batches])
        entries = [entry.content for each in batches for entry in each]
    blocks = [entries[start : start + batch] for start in range(0, len(entries), batch)]
    hashing_s, _ = timed(lambda: hash_all(blocks))
    syncing_s, _ = timed(lambda: sync_all(folder / "plain", blocks))
    rate = len(events) / wall_s
    aim, met = (f">= {LEAVES_PER_S_MIN:,} leaves/s", rate >= LEAVES_PER_S_MIN) if batch == BATCH_JUDGED else ("", None)
    name = f"durable append, batch {batch}"
    return [
        Row(name, rate, "leaves/s", "hashing both trees alone", rate * hashing_s / len(events), aim, met),
        Row(f"{name}, CPU of the writer", 1e6 * cpu_s / len(events), "us/leaf"),
        Row(f"{name}, CPU of the sender (encode and hash)", 1e6 * encoding_s / len(events), "us/leaf"),
        Row(f"{name}, share of the disk", rate, "leaves/s", "one synced write a batch", rate * syncing_s / len(events)),
        Row(f"hashing both trees alone, batch {batch}", len(events) / hashing_s, "leaves/s"),
        Row(f"one synced write a batch alone, batch {batch}", len(events) / syncing_s, "leaves/s"),
    ]


def reading_rows(folder: Path) -> list[Row]:
    """Opening, publishing, proving and verifying the log that was appended in batches of 1,000."""
    started = time.perf_counter()
    with opened(folder) as writer:
        opening_s = time.perf_counter() - started
        publishing_s, _ = timed(lambda: writer.publish(BENCH))
        log = writer.shard(BENCH)
        random = Random(2)
        proofs_s = sorted(
            timed(lambda: log.inclusion_proof(random.randrange(log.size)))[0] for _ in range(min(log.size, 2_000))
        )
        size = log.size
        sizes = [bucket.__sizeof__() for bucket in log.log.requests._buckets]
    _, verifying_s = timed(lambda: verify_directory(folder / BENCH))
    return [
        Row("open (replay of the journal)", size / opening_s, "leaves/s"),
        Row("publish everything", size / publishing_s, "leaves/s"),
        Row("inclusion proof in both trees, p99", 1e3 * proofs_s[len(proofs_s) * 99 // 100], "ms"),
        Row("verify every byte, CPU", 1e6 * verifying_s / size, "us/leaf"),
        Row("request ids in memory", sum(sizes) / size + 8 * len(sizes) / size, "bytes/leaf"),
    ]


def opened(folder: Path) -> EvidenceWriter:
    """The writer of a store, at a fixed time of a fixed year."""
    return EvidenceWriter(folder / "chain", lambda tenant: folder / tenant, origin_prefix=PREFIX, clock=Fixed())


class Fixed:
    """A clock that stands still."""

    def now(self) -> datetime:
        return AT


def hash_all(blocks: list[list[bytes]]) -> None:
    """Leaves and nodes of both trees, batch by batch."""
    for tree in (Tree(SHA256), Tree(SHA3_256)):
        for block in blocks:
            tree.extend(tree.hash.leaves(block))


def sync_all(path: Path, blocks: list[list[bytes]]) -> None:
    """The same bytes appended and synced, batch by batch, with nothing else done."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    for block in blocks:
        os.write(handle, b"".join(block))
        os.fdatasync(handle)
    os.close(handle)


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall and of CPU."""
    cpu, wall = time.process_time(), time.perf_counter()
    action()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    raise SystemExit(main())
