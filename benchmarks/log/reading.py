"""A log at its full length: opening it, proving from it, publishing it, and deriving it again."""

from __future__ import annotations

import multiprocessing
import resource
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import Final

from benchmarks.log.entries import BENCH, make_entries
from benchmarks.log.limits import both_trees
from benchmarks.log.store import fill, opened, published
from benchmarks.log.timing import Spent, percentile, spent
from benchmarks.report import Row
from chain.fsck import check_state
from chain.proof import prove_consistency
from chain.shard import ShardLog
from chain.verify import verify_directory
from chain.writer import EvidenceWriter

PROOFS: Final = 5_000
PROOF_P99_MS_MAX: Final = 1.0
FSCK_LEAVES: Final = 10_000_000
FSCK_CPU_S_MAX: Final = 60.0
FOLDER_LEAVES: Final = 10_000
LIMIT_LEAVES: Final = 200_000


def reading_rows(folder: Path, leaves: int) -> list[Row]:
    """Fill the store where it is shorter, and measure."""
    return [
        *_in_a_process(_log_rows, folder, leaves),
        *_in_a_process(_fsck_rows, folder, leaves),
        *_folder_rows(folder),
    ]


def _in_a_process(part: object, folder: Path, leaves: int) -> list[Row]:
    """A process of its own, so that peak memory is this part's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        rows: list[Row] = pool.submit(part, folder, leaves).result()  # type: ignore[arg-type]
        return rows


def _log_rows(folder: Path, leaves: int) -> list[Row]:
    writer, opening = _opened(folder)
    if writer.shard(BENCH).size < leaves:
        fill(writer, leaves)
        writer.close()
        writer, opening = _opened(folder)
    with writer:
        log = writer.shard(BENCH)
        rows = [
            Row(f"open {log.size:,} entries (replay)", log.size / opening.wall_s, "leaves/s"),
            Row("open, CPU", opening.cpu_s, "CPU s", "both trees", _hashing_cpu_s(log.size) / opening.cpu_s),
            Row("memory of the open log, peak", _peak_mib(), "MiB"),
            *_proof_rows(log),
        ]
        before = _published_size(log)
        publishing = spent(lambda: writer.publish(BENCH))
        if log.size - before > 1:
            tiles = 3 * (log.size - before) / 256
            rows.append(Row("publish, every file synced", (log.size - before) / publishing.wall_s, "leaves/s"))
            rows.append(Row("publish, every file synced, about", tiles / publishing.wall_s, "files/s"))
            rows.append(Row("publish, CPU", 1e6 * publishing.cpu_s / (log.size - before), "us/leaf"))
    return rows


def _opened(folder: Path) -> tuple[EvidenceWriter, Spent]:
    stores: list[EvidenceWriter] = []
    opening = spent(lambda: stores.append(opened(folder)))
    return stores[0], opening


def _proof_rows(log: ShardLog) -> list[Row]:
    random = Random(2)
    inclusion = [spent(lambda: log.inclusion_proof(random.randrange(log.size))).cpu_s for _ in range(PROOFS)]
    walls = [spent(lambda: log.inclusion_proof(random.randrange(log.size))).wall_s for _ in range(PROOFS)]
    single = log.log.trees.sha256
    consistency = [spent(lambda: log.consistency_proof(random.randrange(1, log.size))).wall_s for _ in range(PROOFS)]
    alone = [spent(lambda: prove_consistency(single, random.randrange(1, log.size))).wall_s for _ in range(PROOFS)]
    p99 = 1e3 * percentile(walls, 99)
    return [
        Row(f"inclusion proof in both trees of {log.size:,}, p50", 1e3 * percentile(walls, 50), "ms"),
        Row("inclusion proof, p99", p99, "ms", aim=f"<= {PROOF_P99_MS_MAX} ms", met=p99 <= PROOF_P99_MS_MAX),
        Row("inclusion proof, CPU, p99", 1e3 * percentile(inclusion, 99), "ms"),
        Row("consistency proof in both trees, p50", 1e3 * percentile(consistency, 50), "ms"),
        Row("consistency proof, p99", 1e3 * percentile(consistency, 99), "ms"),
        Row("consistency proof, SHA-256 tree alone, p99", 1e3 * percentile(alone, 99), "ms"),
    ]


def _fsck_rows(folder: Path, leaves: int) -> list[Row]:
    reports = []
    checking = spent(lambda: reports.append(check_state(folder / "chain", [published(folder)])))
    report = reports[0]
    if not report.ok or report.published < leaves:
        raise RuntimeError(f"the measured log does not check: {report.findings[:3]}")
    at_full = checking.cpu_s * FSCK_LEAVES / report.published
    is_full = report.published >= FSCK_LEAVES
    limit = _hashing_cpu_s(report.published) / checking.cpu_s
    name = f"fsck of {report.published:,} entries in {report.files:,} files"
    aim = f"<= {FSCK_CPU_S_MAX:.0f} s at {FSCK_LEAVES:,}"
    return [
        Row(
            f"{name}, CPU",
            checking.cpu_s,
            "CPU s",
            "both trees",
            limit,
            aim,
            at_full <= FSCK_CPU_S_MAX if is_full else None,
        ),
        Row("fsck, wall", checking.wall_s, "s"),
        Row("fsck, CPU an entry", 1e6 * checking.cpu_s / report.published, "us/leaf"),
        Row("fsck, peak memory", _peak_mib(), "MiB"),
    ]


def _folder_rows(folder: Path) -> list[Row]:
    small = folder / "small"
    with opened(small) as writer:
        fill(writer, FOLDER_LEAVES)
        writer.publish(BENCH)
    runs = [spent(lambda: verify_directory(published(small))) for _ in range(3)]
    best = min(runs, key=lambda run: run.cpu_s)
    name = f"verify a folder of {FOLDER_LEAVES:,} entries"
    return [
        Row(f"{name}, wall", best.wall_s, "s", aim="<= 1 s", met=best.wall_s <= 1.0),
        Row(f"{name}, CPU", best.cpu_s, "CPU s", "both trees", _hashing_cpu_s(FOLDER_LEAVES) / best.cpu_s),
    ]


def _hashing_cpu_s(leaves: int) -> float:
    """CPU seconds that both trees of so many entries take at this moment, from a sample."""
    sample = min(leaves, LIMIT_LEAVES)
    blocks = [make_entries(first, 1000) for first in range(0, sample, 1000)]
    return both_trees(blocks).cpu_s * leaves / sample


def _published_size(log: ShardLog) -> int:
    return log.head().size if log.own_note() else 0


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
