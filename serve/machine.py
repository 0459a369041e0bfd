"""What a machine must have before the platform starts there: everything installed, memory, a free port and store.

Asked before anything is started, so that a refusal comes at once and names what to do.
"""

from __future__ import annotations

import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from domain.errors import ConflictError, UnavailableError
from serve.run_file import read_run_file
from serve.settings import Settings

NEEDED: Final = ("ray", "fastapi", "duckdb", "polars", "pyarrow", "cryptography")


def check_machine(settings: Settings) -> None:
    """What would make a start fail later, said before it begins.

    Raises:
        ConflictError: a platform runs on this store already, or the port is taken.
        UnavailableError: too little memory, or an incomplete installation.
    """
    require_installed()
    running = read_run_file(settings.store_dir)
    if running is not None:
        raise ConflictError(
            "a platform runs on this store already", url=running.url, pid=running.pid, todo="Stop it with: pcg down"
        )
    require_memory(available_mib(), settings.memory_free_mib_min)
    require_port_free(settings.host, settings.port)


def require_installed(needed: tuple[str, ...] = NEEDED) -> None:
    """Every distribution that the platform needs is there.

    Raises:
        UnavailableError: one is not.
    """
    missing = [name for name in needed if not _is_installed(name)]
    if missing:
        raise UnavailableError(
            "the installation is incomplete", missing=missing, todo="Remove .venv and run make again, or install them"
        )


def require_memory(free_mib: int | None, needed_mib: int) -> None:
    """Enough memory is free; where the system does not tell, it is assumed.

    Raises:
        UnavailableError: there is less.
    """
    if free_mib is not None and free_mib < needed_mib:
        raise UnavailableError(
            "there is too little free memory for the platform",
            expected_mib=needed_mib,
            got_mib=free_mib,
            todo="Close something, lower --shards, or scan without a platform: pcg scan needs none",
        )


def require_port_free(host: str, port: int) -> None:
    """Nobody listens there.

    Raises:
        ConflictError: somebody does, or the address is not of this machine.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConflictError(
                "the port is in use",
                host=host,
                port=port,
                reason=error.strerror,
                todo="Choose another with --port, or stop what listens there",
            ) from None


def available_mib(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Memory that can be used without swapping, where the system tells."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):
        return None
    kibibytes = lines.get("MemAvailable", "").split()
    return int(kibibytes[0]) // 1024 if kibibytes else None


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
