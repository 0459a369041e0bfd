"""Redis on this machine, from the system's package (`redis-server`), with every acknowledged write on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers.ports import free_port

PROGRAM: Final = "redis-server"
URL_VARIABLE: Final = "REDIS_URL"


def is_installed() -> bool:
    """Whether the program is here."""
    return shutil.which(PROGRAM) is not None


def require_program() -> str:
    """The program, or a skipped test that names it; a failed one where REQUIRE_SERVERS is set."""
    program = shutil.which(PROGRAM)
    if program is None:
        tell = pytest.fail if os.environ.get("REQUIRE_SERVERS") else pytest.skip
        tell(f"{PROGRAM} is not installed (apt-get install redis-server)")
    assert program is not None
    return program


@dataclass
class RedisServer:
    """A server that can be killed and started again on its files and its port.

    Args:
        options: further ones of the command line, such as ``("--requirepass", "secret")``.
    """

    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, without credentials."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *, deadline_s: float = 30.0) -> None:
        """Start it, and wait until it answers."""
        command = [
            require_program(),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
            *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
            *self.options,
        ]
        with (self.folder / "redis.log").open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        self._wait(time.monotonic() + deadline_s)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(is_killed=True)

    def stop(self) -> None:
        """End it in good order; also where it has ended already."""
        self._end(is_killed=False)

    def _end(self, *, is_killed: bool) -> None:
        if self._process is None:
            return
        if is_killed:
            self._process.kill()
        else:
            self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _wait(self, deadline: float) -> None:
        assert self._process is not None
        with redis.Redis(port=self.port, socket_timeout=1.0, retry=Retry(NoBackoff(), 0)) as client:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    log = (self.folder / "redis.log").read_text(errors="replace")
                    raise RuntimeError(f"redis-server ended with {self._process.returncode}: {log[-2000:]}")
                try:
                    client.ping()
                except (redis.AuthenticationError, redis.exceptions.NoPermissionError):
                    return
                except redis.RedisError:
                    time.sleep(0.02)
                else:
                    return
        raise TimeoutError(f"redis-server does not answer on {self.port}")


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A server for the time of a test."""
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer(folder, options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def redis_url(folder: Path) -> Iterator[str]:
    """The server that REDIS_URL names, else one for the time of a test."""
    named = os.environ.get(URL_VARIABLE)
    if named:
        yield named
        return
    with redis_server(folder) as server:
        yield server.url
