"""Coverage floors per package, read from the last run's data: `python -m tests.architecture.coverage_floors`."""

from __future__ import annotations

import sys

from coverage import Coverage

from tests.architecture.sources import ROOT

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


def covered_percent(coverage: Coverage, package: str) -> float:
    """Share of a package's statements that ran, in percent."""
    statements = missing = 0
    for path in sorted((ROOT / package).rglob("*.py")):
        _, lines, _, missed, _ = coverage.analysis2(str(path))
        statements += len(lines)
        missing += len(missed)
    return 100 * (statements - missing) / statements if statements else 100.0


def main() -> int:
    """Print each package's coverage beside its floor; 1 when one is below."""
    coverage = Coverage(data_file=str(ROOT / ".coverage"))
    coverage.load()
    below = 0
    for package, floor in FLOORS.items():
        percent = covered_percent(coverage, package)
        below += percent < floor
        sys.stdout.write(f"{package:12} {percent:6.1f} %   floor {floor} %{'   BELOW' if percent < floor else ''}\n")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
