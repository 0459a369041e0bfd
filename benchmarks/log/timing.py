"""Wall and CPU seconds of one action, and percentiles."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one action."""

    wall_s: float
    cpu_s: float


def spent(action: Callable[[], object]) -> Spent:
    """Run an action and say what it took in this process."""
    cpu, wall = time.process_time(), time.perf_counter()
    action()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def percentile(values: Sequence[float], percent: int) -> float:
    """A percentile by rank; the values need not be sorted."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def process_cpu_s(pid: int) -> float:
    """CPU seconds that a process and its ended children have used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[at]) for at in (11, 12, 13, 14)) / _TICKS_PER_S
