"""A witness process that is killed at any moment has on disk whatever it answered, and never goes back."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chain.witness.submission import format_submission
from connectors.witness import post
from domain.errors import UnavailableError
from tests.unit.chain.witnesses import NAME, SmallLog

pytestmark = pytest.mark.slow

LOG = SmallLog()
KILLS = 3


def start(path: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "chain.witness", "--state", str(path / "state"), "--key", str(path / "key")]
    command += ["--name", NAME, "--listen", "127.0.0.1:0", "--log", LOG.key.text]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1] + "/add-checkpoint"


def grow(url: str, size: int) -> int:
    """Post ever larger checkpoints until the witness is gone; the last size that it cosigned."""
    while size < LOG.tree.size:
        try:
            status, _ = post(url, LOG.body(size, size + 1), 5)
        except UnavailableError:
            return size
        assert status == 200
        size += 1
    return size


def test_what_a_killed_witness_answered_is_kept_and_no_fork_is_cosigned(tmp_path: Path) -> None:
    generator = random.Random(1)
    acknowledged = 0
    for _ in range(KILLS):
        process, url = start(tmp_path)
        status, content = post(url, LOG.body(1, 300), 5)
        kept = int(content)
        assert (status, kept - acknowledged in {0, 1}) == (409, True)
        if kept:
            fork = format_submission(kept, (), LOG.note(kept, root=b"f" * 32))
            assert post(url, fork, 5)[0] == 422
        timer = threading.Timer(generator.uniform(0.02, 0.2), process.kill)
        timer.start()
        acknowledged = grow(url, kept)
        process.kill()
        process.communicate()
        timer.join()
    assert acknowledged > KILLS
