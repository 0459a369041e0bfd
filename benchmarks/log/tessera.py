"""Tessera's POSIX log under its own load generator, over HTTP on the loopback address.

Only writers run, so that the log's CPU is all for appending. A write counts when Tessera answers with its index.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.log.timing import process_cpu_s
from chain.encoding import encode_base64
from chain.note import ED25519, VerifierKey, parse_note
from tests.servers.ports import free_port
from tests.servers.tessera import hammer, posix_log

ORIGIN = "example.org/bench"


@dataclass(frozen=True, slots=True)
class TesseraRun:
    """What one bounded run added, and what the log's process used for it."""

    leaves: int
    wall_s: float
    cpu_s: float


def run_hammer(folder: Path, *, writers: int, leaf_size_bytes: int, seconds: int) -> TesseraRun:
    """Let that many writers append for some seconds.

    Raises:
        FileNotFoundError: Tessera is not installed here.
    """
    private, public = _keys(folder)
    port = free_port()
    address = f"127.0.0.1:{port}"
    storage = folder / "log"
    log_command = [posix_log(), "--storage_dir", storage, "--private_key", private, "--listen", address]
    with (folder / "log.txt").open("wb") as output:
        log = subprocess.Popen([str(part) for part in log_command], stdout=output, stderr=output)
    try:
        _await_checkpoint(storage, 0)
        before, started = _size(storage), time.perf_counter()
        cpu_before = process_cpu_s(log.pid)
        _hammer(address, public, folder / "hammer.txt", writers, leaf_size_bytes, seconds)
        wall_s = time.perf_counter() - started
        cpu_s = process_cpu_s(log.pid) - cpu_before
        time.sleep(2)  # the last batch's checkpoint is published a moment after its writers are answered
        return TesseraRun(_size(storage) - before, wall_s, cpu_s)
    finally:
        log.terminate()
        log.wait(timeout=10)


def _hammer(address: str, public: str, log: Path, writers: int, leaf_size_bytes: int, seconds: int) -> None:
    command = [
        str(hammer()),
        f"--log_url=http://{address}",
        f"--log_public_key={public}",
        f"--num_writers={writers}",
        f"--max_write_ops={max(1_000, writers * 100)}",
        f"--leaf_min_size={leaf_size_bytes}",
        "--num_readers_full=0",
        "--num_readers_random=0",
        "--max_read_ops=0",
        "--dup_chance=0",
        "--show_ui=false",
        f"--max_runtime={seconds}s",
    ]
    with log.open("wb") as output:
        subprocess.run(command, stdout=output, stderr=output, check=False, timeout=seconds + 60)


def _keys(folder: Path) -> tuple[Path, str]:
    """A signing key as Go's note package writes it, and the verifier key."""
    secret = Ed25519PrivateKey.generate()
    key = VerifierKey(ORIGIN, secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    seed = encode_base64(bytes([ED25519]) + secret.private_bytes_raw())
    path = folder / "key"
    path.write_text(f"PRIVATE+KEY+{ORIGIN}+{key.key_id.hex()}+{seed}")
    return path, key.text


def _size(storage: Path) -> int:
    return int(parse_note((storage / "checkpoint").read_text()).text.split("\n")[1])


def _await_checkpoint(storage: Path, size: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (storage / "checkpoint").is_file() and _size(storage) >= size:
            return
        time.sleep(0.05)
    raise TimeoutError("Tessera's log published no checkpoint within 30 s")
