"""The OmniWitness, another witness of the public network, with logs added to those it is built with.

Source: github.com/transparency-dev/witness.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chain.signer import FileSigner
from chain.witness.cosigner import Cosigner, Ed25519Cosigner
from chain.witness.mldsa44 import Mldsa44Cosigner
from tests.servers.litewitness import RunningWitness
from tests.servers.ports import free_port, running
from tests.servers.programs import FOLDER, go_install, require

_PACKAGE = "github.com/transparency-dev/witness/cmd/omniwitness"
_VERSION = "v0.0.0-20260720115447-2e1c6971d19e"


def install() -> None:
    """Build it."""
    go_install(f"{_PACKAGE}@{_VERSION}", "omniwitness")


@contextmanager
def omniwitness(folder: Path, *log_keys: str, name: str = "witness.example/omni") -> Iterator[RunningWitness]:
    """Run it for logs of these verifier keys, with its database and two keys in the folder."""
    program = require(FOLDER / "go" / "omniwitness", what="omniwitness")
    own: list[Cosigner] = [
        Ed25519Cosigner(FileSigner(folder / "omniwitness.key", name=name)),
        Mldsa44Cosigner(folder / "omniwitness-mldsa44.key", name=name),
    ]
    lines = "".join(f"  - Origin: {key.split('+')[0]}\n    PublicKey: {key}\n" for key in log_keys)
    (folder / "logs.yaml").write_text(f"Logs:\n{lines}")
    port = free_port()
    command = [str(program), "--private_key_path", str(folder / "omniwitness.key")]
    command += ["--private_key_path", str(folder / "omniwitness-mldsa44.key")]
    command += ["--additional_logs", str(folder / "logs.yaml"), "--db_file", str(folder / "omniwitness.db")]
    command += ["--listen", f"127.0.0.1:{port}", "--metrics_listen", f"127.0.0.1:{free_port()}"]
    with running(command, port, folder / "omniwitness.log"):
        yield RunningWitness(tuple(item.key.text for item in own), f"http://127.0.0.1:{port}")
