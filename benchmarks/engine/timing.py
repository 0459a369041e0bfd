"""Processor seconds of a piece of work, here or in a child process."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What the work came to, and its CPU seconds in this process."""
    start = time.process_time()
    return work(), time.process_time() - start


def timed_child(command: Sequence[str | Path]) -> tuple[bytes, float]:
    """What a command printed, and its CPU seconds with its start."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.run([str(part) for part in command], capture_output=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return output, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
