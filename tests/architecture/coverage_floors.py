"""Coverage floors per package, over all runs of tests that noted which lines ran.

`python -m slipcover --out .coverage/all.json -m pytest`, then give this module the files in `.coverage`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

FLOORS = {
    "domain": 100,
    "chain": 100,
    "policy": 100,
    "graph": 95,
    "cost": 95,
    "assessment": 95,
    "connectors": 90,
    "training": 90,
    "actors": 85,
    "serve": 85,
}

Lines = dict[str, set[int]]


def joined(runs: Iterable[Path]) -> tuple[Lines, Lines]:
    """Of each file, the lines that any of the runs executed, and the lines that there are."""
    executed: Lines = {}
    known: Lines = {}
    for run in runs:
        for name, lines in json.loads(run.read_bytes())["files"].items():
            executed.setdefault(name, set()).update(lines["executed_lines"])
            known.setdefault(name, set()).update(lines["executed_lines"], lines["missing_lines"])
    return executed, known


def covered_percent(executed: Lines, known: Lines, package: str) -> float:
    """Share of a package's lines that ran, in percent."""
    files = [name for name in known if name.startswith(f"{package}/")]
    lines = sum(len(known[name]) for name in files)
    return 100 * sum(len(executed[name]) for name in files) / lines if lines else 0.0


def main(runs: Sequence[str]) -> int:
    """Print each package's coverage beside its floor; 1 when one is below."""
    executed, known = joined(map(Path, runs))
    below = 0
    for package, floor in FLOORS.items():
        percent = covered_percent(executed, known, package)
        below += percent < floor
        sys.stdout.write(f"{package:12} {percent:6.1f} %   floor {floor} %{'   BELOW' if percent < floor else ''}\n")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
