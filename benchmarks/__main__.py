"""Run every benchmark, one process after the other: `python -m benchmarks [NAME…]`; JSON goes to out/bench."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE.parent / "out" / "bench"
NOT_BENCHMARKS = {
    "__init__",
    "__main__",
    "blast_truth",
    "conditions",
    "environments",
    "focus_converter",
    "noop_ingress",
    "process_tree",
    "queues",
    "report",
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; the number of those that failed is the exit status."""
    OUT.mkdir(parents=True, exist_ok=True)
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_BENCHMARKS)
    failed = 0
    for name in names or known:
        answer = OUT / f"{name}.json"
        with answer.open("wb") as stream:
            done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], stdout=stream, check=False)
        failed += done.returncode != 0
        sys.stderr.write(f"{answer}\n\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
