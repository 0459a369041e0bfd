"""Converting an AWS Cost and Usage Report beside the FinOps Foundation's own converter, from CSV to FOCUS in Parquet.

The recorded export is repeated with line item ids of its own until it has the rows asked for. Needs
`python -m tests.servers.install focus_converter`.

    python -m benchmarks.focus_converter DIR [--rows N] [--folder DIR]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from benchmarks.report import Row, publish
from connectors.billing.charges import charge_batches
from connectors.billing.sources import find_sources
from tests.servers.focus_converter import converted_by_foundation

EXPORT = "aws_cur_anonymised.csv"
LINE = "identity/LineItemId"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help=f"the folder with {EXPORT}")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to write; default is the temporary folder")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        export = folder / EXPORT
        repeated(options.data / EXPORT, options.rows).write_csv(export)
        ours, ours_wall, ours_cpu = measured(lambda: converted_here(export, folder / "ours"))
        theirs, wall, cpu = measured(lambda: converted_by_foundation("aws-cur", export, folder / "theirs"))
        publish("focus_converter", rows(ours, theirs, options.rows, (ours_wall, wall), (ours_cpu, cpu)))
    return 0


def repeated(export: Path, count: int) -> pl.DataFrame:
    """The export again and again, as text."""
    once = pl.read_csv(export, infer_schema=False)
    frame = pl.concat([once] * (-(-count // once.height)))[:count]
    return frame.with_columns(pl.format("{}-{}", LINE, pl.int_range(pl.len())).alias(LINE))


def converted_here(export: Path, out: Path) -> list[Path]:
    """Our conversion, a file for each batch."""
    out.mkdir()
    written = []
    for number, batch in enumerate(charge_batches(find_sources([export]).sources)):
        path = out / f"{number:05}.parquet"
        batch.frame.write_parquet(path, compression="snappy")
        written.append(path)
    return written


def measured(work: Callable[[], list[Path]]) -> tuple[list[Path], float, float]:
    """What was written, seconds on the wall, and of processor time, children included."""
    begun, cpu = time.perf_counter(), cpu_s()
    found = work()
    return found, time.perf_counter() - begun, cpu_s() - cpu


def cpu_s() -> float:
    """Processor time so far, of this process and those that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def rows(
    ours: list[Path], theirs: list[Path], count: int, wall: tuple[float, float], cpu: tuple[float, float]
) -> list[Row]:
    """Rows and sums of both, and times as ratios."""
    here, there = (pl.scan_parquet(paths).select(pl.len(), amount()).collect().row(0) for paths in (ours, theirs))
    peer = "focus-converter 1.0.0"
    return [
        Row("rows that both wrote", here[0], "rows", peer, here[0] / there[0], "= 1", here[0] == there[0] == count),
        Row("sum of BilledCost", here[1], "USD", peer, here[1] / there[1], "= 1", abs(here[1] - there[1]) < 0.01),
        Row("convert, on the wall", wall[0], "s", peer, wall[1] / wall[0]),
        Row("convert, of CPU", cpu[0], "s", peer, cpu[1] / cpu[0], ">= 1", cpu[1] >= cpu[0]),
    ]


def amount() -> pl.Expr:
    """What was billed, in all."""
    return pl.col("BilledCost").cast(pl.Float64).sum()


if __name__ == "__main__":
    raise SystemExit(main())
