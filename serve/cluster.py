"""The platform on Ray: checks before the start, the start itself, readiness, and the end.

Everything listens on the loopback interface as far as Ray lets one choose; its own ports are open to whoever has the
token (`ray_token`, mode 0600), so a machine with neighbours needs a firewall as well.
"""

from __future__ import annotations

import logging
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import ray
from ray import serve as ray_serve
from ray.serve.config import HTTPOptions

from actors.placement import NAMESPACE
from domain.errors import ConflictError, UnavailableError
from domain.tenancy import tenant_id
from serve.auth.tokens import FILE_NAME as TOKENS_NAME
from serve.auth.tokens import ensure_token
from serve.bootstrap import folders_of
from serve.crew import ray_crew
from serve.deployment import IngressConfig, api_application
from serve.platform import Platform
from serve.run_file import RunningPlatform, read_run_file, remove_run_file, write_run_file
from serve.settings import Settings

MEBIBYTE: Final = 1024 * 1024
READY_S: Final = 60.0
APPLICATION: Final = "policycortex"
NEEDED: Final = ("ray", "fastapi", "duckdb", "polars", "pyarrow", "cryptography")


@dataclass(frozen=True, slots=True)
class RunningCluster:
    """A started platform. `platform` speaks to its actors from this process."""

    running: RunningPlatform
    platform: Platform
    settings: Settings

    def stop(self) -> None:
        """End Serve, the actors and Ray, and take the run file away."""
        remove_run_file(self.settings.store_dir)
        ray_serve.shutdown()  # type: ignore[no-untyped-call]
        ray.shutdown()


def start_cluster(settings: Settings) -> RunningCluster:
    """Start Ray here, then the actors, then HTTP; return when every actor answers.

    Raises:
        ConflictError: a platform runs on this store already, or the port is taken.
        UnavailableError: too little memory, an incomplete installation, or a part that does not come up.
    """
    check_machine(settings)
    folders = folders_of(_absolute(settings))
    ensure_token(folders.store / TOKENS_NAME, tenant_id(settings.tenant))
    key = "pcg_operator_" + secrets.token_urlsafe(32)
    ray.init(
        address="local",
        namespace=NAMESPACE,
        include_dashboard=True,
        dashboard_host="127.0.0.1",
        object_store_memory=settings.ray_memory_mib * MEBIBYTE,
        log_to_driver=False,
        logging_level=logging.WARNING,
    )
    crew = ray_crew(folders, shards=settings.shards, simulations=settings.simulations)
    platform = Platform(crew)
    ray_serve.start(http_options=HTTPOptions(host=settings.host, port=settings.port), proxy_location="HeadOnly")
    config = IngressConfig(
        folders=folders,
        shards=settings.shards,
        simulations=settings.simulations,
        tokens=folders.store / TOKENS_NAME,
        allowed_roots=tuple(root.resolve() for root in settings.allowed_roots),
        operator_digest=sha256(key.encode()).digest(),
    )
    ray_serve.run(api_application(config), name=APPLICATION, route_prefix="/")
    _wait_ready(platform)
    running = RunningPlatform(f"http://{settings.host}:{settings.port}", key)
    write_run_file(settings.store_dir, running)
    return RunningCluster(running, platform, settings)


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


def _absolute(settings: Settings) -> Settings:
    """Actors have other working directories than the command that starts them."""
    evidence = None if settings.evidence_dir is None else settings.evidence_dir.resolve()
    return settings.model_copy(update={"store_dir": settings.store_dir.resolve(), "evidence_dir": evidence})


def _wait_ready(platform: Platform) -> None:
    end = monotonic() + READY_S
    parts: Mapping[str, str] = {}
    while monotonic() < end:
        parts = platform.parts(deadline_s=20.0)
        if all(state == "ok" for state in parts.values()):
            return
        sleep(0.2)
    silent = sorted(name for name, state in parts.items() if state != "ok")
    todo = "See the logs below /tmp/ray/session_latest"
    raise UnavailableError("the platform did not come up", silent=silent, todo=todo)
