"""Starting, finding and stopping the platform of a store: what `pcg up`, `pcg down` and `pcg demo` do.

The platform runs in a process of its own, so that a command can end without it, and Ray's variables are set before
that process starts. It says through its exit and a file what kept it from starting.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from domain.errors import UnavailableError
from serve.machine import check_machine
from serve.private_file import read_private
from serve.remote import error_of
from serve.run_file import RunningPlatform, is_alive, read_run_file, remove_run_file
from serve.settings import Settings, child_environment

START_S: Final = 600.0
START_ATTEMPTS: Final = 3
STOP_S: Final = 60.0
LOG_NAME: Final = "platform.log"
RAY_TOKEN_NAME: Final = "ray_token"  # noqa: S105 (a file's name)
REFUSAL_NAME: Final = "refusal.json"


def start(settings: Settings, waiting: Callable[[float], None] | None = None) -> RunningPlatform:
    """Start the platform of this store and wait until it answers.

    Ray gives its own parts 30 s, which a busy machine may need more of: what is merely not available is tried again.

    Args:
        waiting: told the seconds since the start, a few times each.

    Raises:
        ConflictError: it runs already, or the port is in use.
        UnavailableError: too little memory, an incomplete installation, or it did not come up.
    """
    check_machine(settings)
    settings.store_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    process, attempt, begun = _spawn(settings), 1, monotonic()
    while monotonic() - begun < START_S:
        running = read_run_file(settings.store_dir)
        if running is not None:
            return running
        if process.poll() is not None:
            refusal = _refusal(settings)
            if not isinstance(refusal, UnavailableError) or attempt == START_ATTEMPTS:
                raise refusal
            process, attempt = _spawn(settings), attempt + 1
        if waiting is not None:
            waiting(monotonic() - begun)
        sleep(0.1)
    _end(process.pid)
    raise UnavailableError("the platform did not come up", waited_s=START_S, todo=_see_log(settings))


def stop(settings: Settings) -> bool:
    """Stop the platform of this store; whether there was one.

    Raises:
        UnavailableError: it does not end.
    """
    running = read_run_file(settings.store_dir)
    if running is None or running.pid is None:
        remove_run_file(settings.store_dir)
        return False
    _end(running.pid)
    remove_run_file(settings.store_dir)
    return True


def status(settings: Settings) -> RunningPlatform | None:
    """The platform that runs on this store, if one does."""
    return read_run_file(settings.store_dir)


def _spawn(settings: Settings) -> subprocess.Popen[bytes]:
    (settings.store_dir / REFUSAL_NAME).unlink(missing_ok=True)
    token = settings.store_dir / RAY_TOKEN_NAME
    with os.fdopen(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    token.chmod(0o600)
    environment = child_environment(
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN_PATH=str(token.absolute()),
        PYTHONPATH=str(Path(__file__).parent.parent),
    )
    descriptor = os.open(settings.store_dir / LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as log:
        return subprocess.Popen(  # noqa: S603 (our own module)
            [sys.executable, "-m", "serve.platform_process", settings.model_dump_json()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    begun = monotonic()
    while is_alive(pid):
        if monotonic() - begun > STOP_S:
            raise UnavailableError("the platform does not end", pid=pid, todo=f"End it with: kill -9 {pid}")
        _reap(pid)
        sleep(0.1)


def _reap(pid: int) -> None:
    """A child that has ended still counts as alive until its parent asks."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _refusal(settings: Settings) -> Exception:
    problem = read_private(settings.store_dir / REFUSAL_NAME)
    if problem is None:
        return UnavailableError("the platform ended while it was starting", todo=_see_log(settings))
    return error_of(problem)


def _see_log(settings: Settings) -> str:
    return f"See {settings.store_dir / LOG_NAME}"
