"""Our own Go programs over Go's libraries: a checker of logs, and a Tessera log that asks witnesses.

Their source and pinned modules stand in tests/interop/go.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port, running
from tests.servers.programs import FOLDER, ROOT, go_build, require

_SOURCES = ROOT / "tests/interop/go"


def install() -> None:
    """Build both programs."""
    for name in ("log_checker", "tessera_log"):
        go_build(_SOURCES, name)


def log_checker() -> Path:
    """Checks checkpoints, proofs and tiles by ``golang.org/x/mod/sumdb`` and ``transparency-dev/merkle``."""
    return require(FOLDER / "go" / "log_checker", what="the log checker in Go")


@contextmanager
def tessera_log(folder: Path, *, key: Path, policy: Path) -> Iterator[str]:
    """A Tessera log with its files in the folder, which publishes what the policy's witnesses cosigned; its address."""
    program = require(FOLDER / "go" / "tessera_log", what="the Tessera log")
    port = free_port()
    command = [str(program), "-storage_dir", str(folder), "-private_key", str(key)]
    command += ["-witness_policy", str(policy), "-listen", f"127.0.0.1:{port}"]
    with running(command, port, folder.with_name(f"{folder.name}.log")):
        yield f"http://127.0.0.1:{port}"
