"""A witness process that is killed at any moment has on disk whatever it answered, and never goes back."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chain.witness.submission import format_submission
from connectors.witness import post
from domain.errors import UnavailableError
from tests.unit.chain.witnesses import NAME, SmallLog

pytestmark = pytest.mark.slow

LOG = SmallLog()
KILLS = 3


@contextmanager
def running(path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A witness process over the state in a path, and where it takes checkpoints."""
    command = [sys.executable, "-m", "chain.witness", "--state", str(path / "state"), "--key", str(path / "key")]
    command += ["--name", NAME, "--listen", "127.0.0.1:0", "--log", LOG.key.text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()[-1] + "/add-checkpoint"
        finally:
            process.kill()


def grow_until_killed(process: subprocess.Popen[str], url: str, size: int, delay_s: float) -> int:
    """Post ever larger checkpoints; some time after the fifth the process is killed. The last size it cosigned."""
    killer = threading.Timer(delay_s, process.kill)
    start = size
    while True:
        try:
            assert post(url, LOG.body(size, size + 1), 20)[0] == 200
        except UnavailableError:
            killer.join()
            return size
        size += 1
        if size == start + 5:
            killer.start()


def test_what_a_killed_witness_answered_is_kept_and_no_fork_is_cosigned(tmp_path: Path) -> None:
    generator = random.Random(1)
    acknowledged = 0
    for _ in range(KILLS):
        with running(tmp_path) as (process, url):
            status, content = post(url, LOG.body(299, 300), 20)
            kept = int(content)
            assert (status, kept - acknowledged in {0, 1}) == (409, True)
            if kept:
                fork = format_submission(kept, (), LOG.note(kept, root=b"f" * 32))
                assert post(url, fork, 20)[0] == 422
            acknowledged = grow_until_killed(process, url, kept, generator.uniform(0, 0.02))
    assert acknowledged >= 5 * KILLS
