"""litewitness, a witness of the public network, with its key in an ssh-agent.

The program that tells it which logs to know does not build from the module proxy, so its database is told directly.

Source: filippo.io/torchwood.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.ports import free_port, running
from tests.servers.programs import FOLDER, go_install, require

_PACKAGE = "filippo.io/torchwood/cmd/litewitness"
_VERSION = "v0.10.0"


@dataclass(frozen=True, slots=True)
class RunningWitness:
    """A witness that listens: its verifier keys and its address."""

    keys: tuple[str, ...]
    url: str


def install() -> None:
    """Build it."""
    go_install(f"{_PACKAGE}@{_VERSION}", "litewitness")


@contextmanager
def litewitness(folder: Path, *log_keys: str, name: str = "witness.example/lite") -> Iterator[RunningWitness]:
    """Run it for logs of these verifier keys, with its database and key in the folder."""
    program = require(FOLDER / "go" / "litewitness", what="litewitness")
    if shutil.which("ssh-agent") is None:
        pytest.skip("ssh-agent is not installed")
    database, port = folder / "litewitness.db", free_port()
    with _agent(folder) as (socket, fingerprint):
        command = [str(program), "-db", str(database), "-name", name, "-key", fingerprint]
        command += ["-ssh-agent", str(socket), "-listen", f"127.0.0.1:{port}"]
        log = folder / "litewitness.log"
        with running(command, port, log):
            _know(database, log_keys)
            told = next(line for line in log.read_text().splitlines() if "vkey=" in line)
            key = told.partition("vkey=")[2].split()[0].strip('"')
            yield RunningWitness((key,), f"http://127.0.0.1:{port}")


def _know(database: Path, log_keys: Sequence[str]) -> None:
    empty = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for key in log_keys:
            origin = key.split("+")[0]
            connection.execute("INSERT OR IGNORE INTO log VALUES (?, 0, ?)", (origin, empty))
            connection.execute("INSERT INTO key VALUES (?, ?)", (origin, key))


@contextmanager
def _agent(folder: Path) -> Iterator[tuple[Path, str]]:
    """An ssh-agent that holds one new Ed25519 key, and the key's fingerprint."""
    socket, key = folder / "agent", folder / "witness_key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert agent.poll() is None, "ssh-agent ended"
        environment = {"SSH_AUTH_SOCK": str(socket)}
        subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environment)
        listed = subprocess.run(["ssh-keygen", "-lf", str(key)], check=True, capture_output=True, text=True)
        yield socket, listed.stdout.split()[1]
    finally:
        agent.terminate()
        agent.wait(timeout=10)
