"""Azurite: Azure Blob storage on this machine, in memory. It needs Node 18 or later."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.servers.ports import free_port, running
from tests.servers.programs import FOLDER, npm_install, require

PACKAGE: Final = "azurite@3.35.0"
ACCOUNT: Final = "devstoreaccount1"
KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Account and key that every Azurite has; they are published and open nothing else."""

_PROGRAM = FOLDER / "npm" / "azurite" / "node_modules" / ".bin" / "azurite-blob"


def install() -> Path:
    """Get the pinned version; later ones want a newer Node."""
    return npm_install(PACKAGE, "azurite-blob")


@contextmanager
def azurite(log_folder: Path) -> Iterator[str]:
    """A Blob endpoint, with the account in its path, for the time of a test."""
    program, port = require(_PROGRAM, what="Azurite"), free_port()
    command = [
        str(program),
        *("--blobHost", "127.0.0.1", "--blobPort", str(port)),
        *("--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry", "--silent"),
    ]
    with running(command, port, log_folder / "azurite.log", env={**os.environ, "NODE_OPTIONS": ""}):
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"
