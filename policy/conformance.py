"""Runs graded cases of the Azure Policy language: ``python -m policy.conformance CASES.ndjson.gz --aliases DIR``.

Prints ``passed X of Y`` and every miss with what was expected and what came. Leaves with 0 where every case passed,
1 where some did not, 2 where the input is not readable.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from domain.errors import InputError
from domain.value import Json
from policy.aliases import AliasTable, read_rows
from policy.conformance_case import Case, Grade, grade, read_case


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m policy.conformance", description=__doc__)
    parser.add_argument("cases", type=Path, help="graded cases: NDJSON, a JSON array, or one JSON object; gzip or not")
    parser.add_argument("--aliases", type=Path, required=True, help="folder of the alias files that the cases name")
    parser.add_argument("--json", type=Path, help="write the grades to this file")
    given = parser.parse_args(arguments)
    try:
        grades = list(run(given.cases, given.aliases, now=datetime.now(UTC)))
    except InputError as failure:
        sys.stderr.write(f"{failure}\n")
        return 2
    for miss in (one for one in grades if not one.is_passed):
        sys.stdout.write(f"missed {miss.file} {miss.note}: expected {miss.expected}, got {miss.got}\n")
    passed = sum(one.is_passed for one in grades)
    sys.stdout.write(f"passed {passed} of {len(grades)}\n")
    if given.json is not None:
        given.json.write_bytes(orjson.dumps(_report(grades), option=orjson.OPT_INDENT_2))
    return 0 if passed == len(grades) else 1


def run(cases: Path, aliases: Path, *, now: datetime) -> Iterator[Grade]:
    """Grade every case of a file, in order.

    Args:
        now: the time in cases that do not say it.

    Raises:
        InputError: the file, a case in it, or an alias file is not readable; names it.
    """
    tables: dict[str, AliasTable] = {"": AliasTable(is_literal=True)}
    for at, document in enumerate(read_rows(cases), start=1):
        case = read_case(document, f"{cases}:{at}", now=now)
        yield grade(case, _table(case, aliases, tables))


def _table(case: Case, folder: Path, tables: dict[str, AliasTable]) -> AliasTable:
    """The alias table that a case names. Without one there are no aliases, and names are paths."""
    name = case.alias_file
    if name not in tables:
        tables[name] = AliasTable().with_files([folder / name])
    return tables[name]


def _report(grades: Sequence[Grade]) -> dict[str, Json]:
    return {
        "cases": len(grades),
        "passed": sum(one.is_passed for one in grades),
        "grades": [one.as_json() for one in grades],
    }


if __name__ == "__main__":
    sys.exit(main())
