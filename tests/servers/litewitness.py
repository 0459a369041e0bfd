"""litewitness, a witness of the public network, with one log known to it and its key in an ssh-agent.

Source: filippo.io/torchwood.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.ports import free_port, running
from tests.servers.programs import FOLDER, go_install, require

_MODULE = "filippo.io/torchwood/cmd"
_VERSION = "v0.10.0"


@dataclass(frozen=True, slots=True)
class RunningWitness:
    """A witness that listens: its verifier key and its address."""

    key: str
    url: str


def install() -> None:
    """Build the witness and the program that tells it which logs to know."""
    for name in ("litewitness", "witnessctl"):
        go_install(f"{_MODULE}/{name}@{_VERSION}", name)


@contextmanager
def litewitness(folder: Path, *log_keys: str, name: str = "witness.example/lite") -> Iterator[RunningWitness]:
    """Run it for logs of these verifier keys, with its database and key in the folder."""
    program, control = (require(FOLDER / "go" / item, what=item) for item in ("litewitness", "witnessctl"))
    if shutil.which("ssh-agent") is None:
        pytest.skip("ssh-agent is not installed")
    database, port = folder / "litewitness.db", free_port()
    for key in log_keys:
        origin = key.split("+")[0]
        for action in (["add-log"], ["add-key", "-key", key]):
            command = [str(control), action[0], "-db", str(database), "-origin", origin, *action[1:]]
            subprocess.run(command, check=True, capture_output=True)
    with _agent(folder) as (socket, fingerprint):
        command = [str(program), "-db", str(database), "-name", name, "-key", fingerprint]
        command += ["-ssh-agent", str(socket), "-listen", f"127.0.0.1:{port}"]
        log = folder / "litewitness.log"
        with running(command, port, log):
            told = next(line for line in log.read_text().splitlines() if "vkey=" in line)
            yield RunningWitness(told.partition("vkey=")[2].split()[0].strip('"'), f"http://127.0.0.1:{port}")


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
