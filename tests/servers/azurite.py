"""Azure's own emulator of Blob Storage: it takes the header of an immutability policy and keeps no policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.ports import free_port, running
from tests.servers.programs import FOLDER, npm_install, require

_PACKAGE = "azurite@3.35.0"
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True, slots=True)
class BlobAccount:
    """An account of the emulator; its key is the one that Azure documents for it."""

    url: str
    key: str


def install() -> None:
    """Fetch the program."""
    npm_install(_PACKAGE, "azurite-blob")


@contextmanager
def serving(folder: Path) -> Iterator[BlobAccount]:
    """An empty account."""
    program = require(FOLDER / "npm" / "azurite" / "node_modules" / ".bin" / "azurite-blob", what="azurite")
    port = free_port()
    command = [
        str(program),
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "--inMemoryPersistence",
        "--skipApiVersionCheck",
        "--disableTelemetry",
        "--silent",
    ]
    with running(command, port, folder / "azurite.log"):
        yield BlobAccount(f"http://127.0.0.1:{port}/{_ACCOUNT}", _KEY)
