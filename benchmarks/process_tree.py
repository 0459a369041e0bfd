"""Processor time of everything that a process started, by command: what a figure costs on a machine that is shared."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def cpu_s_by_command(root: int) -> Mapping[str, float]:
    """Seconds of user and system time so far of all living descendants of a process, itself left out."""
    parents: dict[int, int] = {}
    spent: dict[int, tuple[str, float]] = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            command = (process / "cmdline").read_bytes().split(b"\0")[0].decode("utf-8", "replace")
        except OSError:
            continue  # it has just ended
        parents[int(process.name)] = int(fields[1])
        spent[int(process.name)] = (_title(command), (int(fields[11]) + int(fields[12])) / _TICKS_PER_S)
    found: dict[str, float] = {}
    for number, (command, seconds) in spent.items():
        if number != root and _descends(number, root, parents):
            found[command] = found.get(command, 0.0) + seconds
    return found


def _title(command: str) -> str:
    """A command by a name that stays: an actor's process is called by what it does at the moment."""
    name = Path(command).name
    return (name.partition(".")[0] if name.startswith("ray::") else name)[:40]


def _descends(number: int, root: int, parents: Mapping[int, int]) -> bool:
    while number > 1 and number != root:
        number = parents.get(number, 0)
    return number == root
