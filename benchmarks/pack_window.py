"""What a pack's evidence costs by the size of its log: the same window of a small and of a large one.

    python -m benchmarks.pack_window [--entries 1000000] [--window 10000]

Prints JSON: seconds and files read to open the log, to find the window, to read and to prove it, and the process's
memory. The log is written by the product's own writer into a temporary folder, sealed every `window` entries.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from chain.batch import EntryBatch
from chain.layout import KEYS_FILE
from chain.note import parse_verifier_key
from chain.reports.evidence import collect_evidence
from chain.reports.source import LogSource, PackRequest
from chain.tree_hash import Twin
from chain.writer import EvidenceWriter
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from domain.value import Json
from serve.published_log import PublishedLog, files_of

TENANT = TenantId("acme")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Clock:
    """Stands still until it is set."""

    time: datetime = BEGIN

    def now(self) -> datetime:
        return self.time


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pack_window")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--window", type=int, default=10_000)
    asked = parser.parse_args(arguments)
    sizes = (2 * asked.window, asked.entries)
    found = [measure(size, asked.window) for size in sizes]
    print(json.dumps({"window": asked.window, "logs": found}, indent=2))
    return 0


def measure(entries: int, window: int) -> dict[str, object]:
    """One log: written, then the window in its middle packed."""
    with TemporaryDirectory() as folder:
        year = write(Path(folder), entries, window)
        read, files = files_of(year), set[str]()

        def counted(name: str) -> bytes | None:
            files.add(name)
            return read(name)

        begun = perf_counter()
        log = PublishedLog(counted)
        opened_s = perf_counter() - begun
        keys = [parse_verifier_key(line) for line in (year / KEYS_FILE).read_text().splitlines()]
        source = LogSource("2026", log, Twin(keys[0], keys[1]))
        batch = entries // window // 2
        opens = BEGIN + batch * MINUTE
        request = PackRequest(TENANT, opens, opens + MINUTE, opens + 2 * MINUTE, (source,), lambda _: None)
        evidence = collect_evidence(request)
        whole_s = perf_counter() - begun
        (part,) = evidence.manifest.logs
        return {
            "entries": part.size,
            "in_pack": part.end - part.start,
            "open_s": round(opened_s, 4),
            "open_find_read_prove_s": round(whole_s, 3),
            "files_read": len(files),
            "memory_max_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }


def write(folder: Path, entries: int, window: int) -> Path:
    """A published log, sealed every `window` entries, a minute apart; its folder."""
    clock = Clock()
    with EvidenceWriter(folder / "chain", lambda tenant: folder / tenant, origin_prefix="bench", clock=clock) as writer:
        for start in range(0, entries, window):
            clock.time = BEGIN + (start // window + 1) * MINUTE
            events = [event(number, clock.time) for number in range(start, min(start + window, entries))]
            writer.append(EntryBatch.encode(events))
            writer.publish(TENANT)
    return folder / TENANT / "2026"


def event(number: int, at: datetime) -> EvidenceEvent:
    """A verdict of a policy, as scans record it."""
    body: dict[str, Json] = {"id": str(number), "subject": f"pcg-{number % 300}", "result": "satisfied"}
    return EvidenceEvent(TENANT, f"bench/{number}", EventType.SCAN_RESULT, at, body)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
