"""The run file: what a running platform leaves beside its store so that commands find it.

It holds the operator's key, so only the account that started the platform can read it; whoever can has that account's
rights to files anyway.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.errors import AccessDenied, IntegrityError
from domain.value import Json
from serve.private_file import read_private, write_private

if TYPE_CHECKING:
    from serve.settings import Settings

FILE_NAME: Final = "platform.json"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class RunningPlatform:
    """A platform that can be reached.

    Args:
        url: scheme, host and port.
        key: operator's key, or a tenant's token for a platform elsewhere.
        pid: process that keeps it running; None for one elsewhere.
    """

    url: str
    key: str = field(repr=False)
    pid: int | None = None
    is_operator: bool = True


def find_running(settings: Settings) -> RunningPlatform | None:
    """The platform that a command should speak to, or None.

    Raises:
        AccessDenied: `settings.cluster` is set and there is no key for it.
    """
    running = read_run_file(settings.store_dir)
    if settings.cluster is None:
        return running
    url = settings.cluster if "://" in settings.cluster else f"http://{settings.cluster}"
    if running is not None and running.url.rstrip("/") == url.rstrip("/"):
        return running
    from serve.auth.tokens import FILE_NAME as TOKENS_NAME  # noqa: PLC0415
    from serve.auth.tokens import token_of  # noqa: PLC0415

    token = token_of(settings.store_dir / TOKENS_NAME, settings.tenant)
    if token is None:
        raise AccessDenied(
            "there is no token for that platform",
            url=url,
            tenant=settings.tenant,
            todo=f"Put the tenant's token into {settings.store_dir / TOKENS_NAME}",
        )
    return RunningPlatform(url.rstrip("/"), token, is_operator=False)


def run_file(store: Path) -> Path:
    """Where the run file of a store is."""
    return store / FILE_NAME


def write_run_file(store: Path, running: RunningPlatform) -> None:
    """Announce a platform."""
    pid = running.pid or os.getpid()
    document: dict[str, Json] = {"version": VERSION, "url": running.url, "key": running.key, "pid": pid}
    write_private(run_file(store), document | {"mark": process_mark(pid)})


def remove_run_file(store: Path) -> None:
    """The platform is gone."""
    run_file(store).unlink(missing_ok=True)


def read_run_file(store: Path) -> RunningPlatform | None:
    """The platform that runs on this store; what a process that has died left behind does not count.

    Raises:
        IntegrityError: the file is not one that we write.
    """
    document = read_private(run_file(store))
    if document is None:
        return None
    url, key, pid = document.get("url"), document.get("key"), document.get("pid")
    if document.get("version") != VERSION or not isinstance(url, str) or not isinstance(key, str):
        raise IntegrityError("the run file is damaged", where=str(run_file(store)), todo="Run: pcg down")
    if not isinstance(pid, int) or not is_alive(pid) or process_mark(pid) != document.get("mark"):
        return None
    return RunningPlatform(url, key, pid)


def process_mark(pid: int, processes: Path = Path("/proc")) -> str:
    """When a process started, as the kernel counts; a number that another process got later is not taken for it."""
    try:
        fields = (processes / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19]


def is_alive(pid: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True
