"""Making and verifying a report pack of 10,000 entries: CPU and wall, beside hashing its files alone in the same run.

python -m benchmarks.pack_verify [--entries N]
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from benchmarks.report import Row, publish
from chain.batch import EntryBatch
from chain.note import parse_verifier_key
from chain.pack_check import verify_pack
from chain.reports.packing import build_pack
from chain.reports.source import LogSource, PackRequest
from chain.tree_hash import Twin
from chain.writer import EvidenceWriter
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from tests.unit.chain.reports.samples import signer

BENCH = TenantId("bench")
AT = datetime(2026, 11, 24, tzinfo=UTC)
BATCH = 1_000
CPU_S_MAX = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        publish("pack_verify", measure(Path(folder), options.entries))
    return 0


def measure(folder: Path, count: int) -> list[Row]:
    """Rows: building, verifying in this process and as a command, and the limit."""
    request = _recorded(folder, count)
    signer()
    started = time.process_time()
    whole = build_pack(request, signer())
    built = time.process_time() - started
    path = folder / "pack.zip"
    path.write_bytes(whole)
    hashing = min(_hashing(whole) for _ in range(3))
    inside = min(_verifying(path) for _ in range(3))
    cpu, wall = min(_command(path) for _ in range(3))
    return [
        Row("build, with PDF and two verifications", built, "s CPU"),
        Row("pack", len(whole) / 2**20, "MiB"),
        Row("both digests of the pack, alone", hashing, "s CPU"),
        Row("verify in process", inside, "s CPU", "both digests alone", inside / hashing),
        Row("python -m chain verify, CPU", cpu, "s CPU", aim=f"at most {CPU_S_MAX} s", met=cpu <= CPU_S_MAX),
        Row("python -m chain verify, wall", wall, "s"),
    ]


def _recorded(folder: Path, count: int) -> PackRequest:
    writer = EvidenceWriter(folder / "chain", lambda tenant: folder / str(tenant), origin_prefix="example.org/evidence")
    random = Random(1)
    for first in range(0, count, BATCH):
        size = min(BATCH, count - first) - 1
        writer.append(EntryBatch.encode([_event(random, first + number) for number in range(size)]))
        writer.publish(BENCH, AT + timedelta(seconds=first))
    shard = writer.shard(BENCH)
    lines = (shard.place.folder / "verifier_keys").read_text().splitlines()
    keys = Twin(*(parse_verifier_key(line) for line in lines[:2]))
    source = LogSource(str(shard.year), shard, keys)
    opens = AT - timedelta(days=1)
    return PackRequest(str(BENCH), opens, AT + timedelta(days=1), AT + timedelta(days=2), (source,), lambda _: None)


def _event(random: Random, number: int) -> EvidenceEvent:
    """A verdict as a scan records it, of about 600 bytes."""
    body = {
        "as_of": "2026-11-24T00:00:00Z",
        "scan": f"{random.getrandbits(96):024x}",
        "input_sha256": f"{random.getrandbits(256):064x}",
        "definition_sha256": f"{random.getrandbits(256):064x}",
        "policy": f"policy-{number % 300}",
        "severity": "high",
        "state": "ran",
        "resources": 8,
        "compliant": 8 - number % 3,
        "violations": number % 3,
        "exempt": 0,
        "unknown": 0,
        "controls": [{"framework": "CIS", "id": f"{number % 40}.1"}, {"framework": "NIST", "id": f"AC-{number % 20}"}],
    }
    return EvidenceEvent(BENCH, f"scan-{random.getrandbits(256):064x}", EventType.POLICY_EVALUATED, AT, body)  # type: ignore[arg-type]


def _hashing(content: bytes) -> float:
    started = time.process_time()
    hashlib.sha256(content).digest()
    hashlib.sha3_256(content).digest()
    return time.process_time() - started


def _verifying(path: Path) -> float:
    started = time.process_time()
    assert verify_pack(path).ok, "the pack that was made verifies"
    return time.process_time() - started


def _command(path: Path) -> tuple[float, float]:
    import resource  # noqa: PLC0415 (of the child alone)

    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "chain", "verify", str(path)], check=True, capture_output=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


if __name__ == "__main__":
    sys.exit(main())
