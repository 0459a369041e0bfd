"""The evidence log: recording, proving, opening, publishing and checking it, beside limits and peers of the same run.

    python -m benchmarks.chain [--leaves 1000000] [--store DIR] [--seconds 5] [--only PART…]

The full size is `--leaves 10000000`; it needs 12 GiB of disk. A store given by `--store` is filled up and kept, so that
a second run need not record it again. What is said of HTTP is measured by `benchmarks.chain_http`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.log.acting import WRITERS, actor_rows
from benchmarks.log.appending import BATCH_JUDGED, appending_rows
from benchmarks.log.reading import reading_rows
from benchmarks.log.rivals import pymerkle_rows, tessera_rows
from benchmarks.report import Row, publish

PARTS: Final = ("acting", "appending", "reading", "pymerkle", "tessera")
APPENDED_MAX: Final = 300_000
PYMERKLE_LEAVES: Final = 20_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaves", type=int, default=1_000_000)
    parser.add_argument("--store", type=Path, help="where the long log is kept; default is a temporary folder")
    parser.add_argument("--seconds", type=int, default=5, help="of every closed loop")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        publish("chain", measure(Path(folder), options))
    return 0


def measure(folder: Path, options: argparse.Namespace) -> list[Row]:
    """All parts that were asked for; Tessera is compared with what the parts before it found."""
    rows: list[Row] = []
    appended = min(options.leaves, APPENDED_MAX)
    if "acting" in options.only:
        rows += actor_rows(folder / "acting", appended, seconds=options.seconds)
    if "appending" in options.only:
        rows += appending_rows(folder / "appending", appended)
    if "reading" in options.only:
        rows += reading_rows(options.store or folder / "reading", options.leaves)
    if "pymerkle" in options.only:
        rows += pymerkle_rows(folder / "pymerkle", PYMERKLE_LEAVES)
    if "tessera" in options.only:
        found = {row.name: row.value for row in rows}
        rows += tessera_rows(
            folder / "tessera",
            writers=WRITERS,
            single_per_s=found.get(f"actor with group commit, {WRITERS} writers of one entry", 0),
            batch_per_cpu_s=found.get(f"durable append, batch {BATCH_JUDGED}, by CPU", 0),
            seconds=options.seconds,
        )
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
