"""The one shape of a benchmark's answer: a JSON object on stdout, a table for people on stderr."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside the peer or limit that was measured in the same run.

    Args:
        against: the peer or limit, by name and version; empty where a figure stands alone.
        ratio: how many times better than `against`, or the share of a limit.
        aim: what the figure (or the ratio, where there is one) should reach, in words.
        met: whether it does; None where there is no aim.
    """

    name: str
    value: float
    unit: str
    against: str = ""
    ratio: float | None = None
    aim: str = ""
    met: bool | None = None


def machine() -> str:
    """Processor, cores, memory and Python: what a reader needs to judge a figure."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def publish(benchmark: str, rows: Iterable[Row]) -> None:
    """Print the rows."""
    found = tuple(rows)
    answer = {"benchmark": benchmark, "machine": machine(), "rows": [asdict(row) for row in found]}
    sys.stderr.write("\n".join([benchmark, *map(_line, found), ""]))
    sys.stdout.write(json.dumps(answer) + "\n")


def _line(row: Row) -> str:
    ratio = f"{row.ratio:,.1f} x {row.against}" if row.ratio is not None else row.against
    met = {True: "met", False: "NOT MET", None: ""}[row.met]
    return f"  {row.name:44} {row.value:>14,.3f} {row.unit:14} {ratio:34} {row.aim:24} {met}"


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.is_file() else []
