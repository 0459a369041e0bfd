"""The policy engine: against other engines, end to end, at size, and after one change.

Each engine judges the same resources by the same conditions with equal hits, in the same run; figures are CPU seconds,
or ratios of them. The default takes under three minutes; a million resources by 500 definitions is asked for:

    python -m benchmarks.policy [--resources N] [--peer-resources N] [--size N] [--workers N]
    python -m benchmarks.policy --size 1000000

Microsoft's definitions and recorded Azure resources take part where they lie beside the project.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.conditions import write_resources
from benchmarks.engine.engines import measure_engines
from benchmarks.engine.programs import runnable, some
from benchmarks.engine.size import measure_size
from benchmarks.engine.timing import timed
from benchmarks.engine.whole import measure_whole
from benchmarks.report import Row, publish
from benchmarks.scan import measure_peers

DEFINITIONS = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resources", type=int, default=100_000, help="end to end, by every definition")
    parser.add_argument("--peer-resources", type=int, default=50_000, help="for the comparison with other engines")
    parser.add_argument("--rego-resources", type=int, default=500, help="for regopy, one resource after the other")
    parser.add_argument("--size", type=int, default=100_000, help="resources by 500 definitions, in parts")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes for --size")
    parser.add_argument("--without", nargs="*", default=[], choices=["engines", "peers", "whole", "size"])
    given = parser.parse_args(arguments)
    programs, compile_s = timed(runnable)
    rows = [Row("compile every definition", compile_s, "CPU s")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "size" not in given.without:
            rows += measure_size(some(programs, DEFINITIONS), resources=given.size, workers=given.workers)
        if "whole" not in given.without:
            rows += measure_whole(folder, programs, resources=given.resources)
        asked = folder / "asked.ndjson"
        write_resources(asked, given.peer_resources)
        if "engines" not in given.without:
            rows += measure_engines(asked, rego_resources=given.rego_resources)
        if "peers" not in given.without:
            rows += measure_peers(asked)
    publish("policy", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
