"""The conformance runner: ``python -m chain.conformance DIR [--json OUT]``.

Exit codes: 0 every vector passed, 1 some did not, 2 a file of a family could not be read, or nothing was recognised.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from chain.conformance.outcome import Report, Tally
from chain.conformance.runner import run
from domain.errors import PolicyCortexError

PASSED, MISSED, UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the vectors of a folder and say what they gave."""
    options = _parser().parse_args(arguments)
    try:
        report = run(options.folder)
        status = exit_status(report)
        if options.json is not None:
            options.json.write_text(json.dumps({"status": status, **_as_json(report)}, indent=2), "utf-8")
    except (PolicyCortexError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE
    sys.stdout.write("".join(f"{_printable(line)}\n" for line in format_report(report)))
    return status


def exit_status(report: Report) -> int:
    """Misses weigh more than what could not be read."""
    if report.missed:
        return MISSED
    return UNREADABLE if report.unreadable or report.is_empty else PASSED


def format_report(report: Report) -> Iterator[str]:
    """A report in lines for a person: a line per family, what was not compared, and every miss."""
    for family, tally in sorted(report.families.items()):
        yield f"{family}: passed {tally.passed} of {tally.total}"
        yield from _format_asides(tally)
    for family, tally in sorted(report.families.items()):
        for miss in tally.misses:
            yield f"MISS {family}: {miss.file} {miss.case}"
            yield f"  expected {miss.expected}"
            yield f"  got      {miss.got}"
        if tally.missed > len(tally.misses):
            yield f"MISS {family}: {tally.missed - len(tally.misses)} more, not shown"
    for name, reason in report.unreadable.items():
        yield f"UNREADABLE {name}: {reason}"
    for name, reason in report.out_of_scope.items():
        yield f"out of scope ({reason}): {name}"
    for name in report.not_recognised:
        yield f"not recognised: {name}"
    if report.is_empty:
        yield "no test vector was recognised"


def _format_asides(tally: Tally) -> Iterator[str]:
    for reason, count in sorted(tally.not_applicable.items()):
        yield f"  not applicable, {count}: {reason}"
    for remark, count in sorted(tally.remarks.items()):
        yield f"  note, {count}: {remark}"


def _as_json(report: Report) -> dict[str, object]:
    return {
        "families": {family: _tally_as_json(tally) for family, tally in report.families.items()},
        "unreadable": report.unreadable,
        "out_of_scope": report.out_of_scope,
        "not_recognised": report.not_recognised,
    }


def _tally_as_json(tally: Tally) -> dict[str, object]:
    return {
        "total": tally.total,
        "passed": tally.passed,
        "missed": tally.missed,
        "misses": [asdict(miss) for miss in tally.misses],
        "remarks": dict(tally.remarks),
        "not_applicable": dict(tally.not_applicable),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m chain.conformance", description="Run published test vectors against the evidence log's code."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of vectors, searched to any depth")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the report there as JSON too")
    return parser


def _printable(text: str) -> str:
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


if __name__ == "__main__":
    sys.exit(main())
