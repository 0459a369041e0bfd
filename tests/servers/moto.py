"""moto: AWS services on this machine, in memory, as a server process. It is among the development packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.servers.ports import free_port, running

REGION: Final = "us-east-1"
KEY: Final = {"access_key_id": "testing", "secret_access_key": "testing"}
"""Any key opens it."""


@contextmanager
def moto(log_folder: Path) -> Iterator[str]:
    """An endpoint for all services, for the time of a test."""
    port = free_port()
    program = Path(sys.executable).with_name("moto_server")
    with running([str(program), "-H", "127.0.0.1", "-p", str(port)], port, log_folder / "moto.log"):
        yield f"http://127.0.0.1:{port}"
