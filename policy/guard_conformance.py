"""Runs graded Guard cases: ``python -m policy.guard_conformance CASES.ndjson.gz``.

A line of the file is ``{path, rule, tests: [{name, input, expectations: {rules: {RULE: PASS|FAIL|SKIP}}}]}``. One
expectation of one rule on one input is a case. Not gradable, and counted apart, are expectations of a rule that the
text does not define and rules files without tests; files that this engine refuses do not map, and are named.

Exit status: 0 all passed, 1 misses, 2 the file is not readable.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import InputError
from domain.value import Json
from policy.errors import DefinitionError
from policy.guard.evaluate import evaluate_rules, statuses
from policy.guard.parse import parse_rules
from policy.guard.syntax import Rules
from policy.guard.values import Unanswerable


@dataclass(frozen=True, slots=True)
class Miss:
    """A case that did not come out as expected."""

    path: str
    rule: str
    test: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.path}: {self.rule}: {self.test}: expected {self.expected}, got {self.got}"


@dataclass(slots=True)
class Report:
    """What became of a file of cases."""

    passed: int = 0
    misses: list[Miss] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    unmapped_cases: int = 0
    ungraded: list[str] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Cases of rules that map."""
        return self.passed + len(self.misses)


def grade(rows: Sequence[Mapping[str, Json]]) -> Report:
    """Run every case."""
    report = Report()
    for row in rows:
        _grade_file(row, report)
    return report


def _grade_file(row: Mapping[str, Json], report: Report) -> None:
    path = str(row.get("path"))
    tests = row.get("tests")
    cases = tests if isinstance(tests, list) else []
    try:
        rules = parse_rules(str(row.get("rule")), origin=path)
    except DefinitionError as error:
        report.unmapped.append(f"{path}: {error}")
        report.unmapped_cases += sum(1 for test in cases for _ in _expected(test))
        return
    if not cases:
        report.untested.append(path)
    for test in cases:
        _grade_test(rules, test, path, report)


def _grade_test(rules: Rules, test: Json, path: str, report: Report) -> None:
    name = str(test.get("name")) if isinstance(test, dict) else ""
    got = _run(rules, test.get("input") if isinstance(test, dict) else None)
    known = {rule.name for rule in rules.rules}
    for rule, expected in _expected(test):
        if rule not in known:
            report.ungraded.append(f"{path}: {rule}: {name}")
        elif got.get(rule, got.get("")) == expected:
            report.passed += 1
        else:
            report.misses.append(Miss(path, rule, name, expected, str(got.get(rule, got.get("")))))


def _run(rules: Rules, document: Json) -> Mapping[str, str]:
    """Status by rule; under no name, what stopped the whole file."""
    try:
        return dict(statuses(evaluate_rules(rules, document)))
    except Unanswerable as error:
        return {"": f"error: {error}"}


def _expected(test: Json) -> Iterator[tuple[str, str]]:
    expectations = test.get("expectations") if isinstance(test, dict) else None
    rules = expectations.get("rules") if isinstance(expectations, dict) else None
    for rule, expected in (rules if isinstance(rules, dict) else {}).items():
        yield rule, str(expected)


def read_cases(path: Path) -> list[Mapping[str, Json]]:
    """The rows of a case file, plain or gzip.

    Raises:
        InputError: it cannot be read, or a line is not an object with a rule.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    except (OSError, EOFError, ValueError) as failure:
        raise InputError("case file is not readable", where=str(path), reason=str(failure)) from None
    return [_row(line, f"{path}:{number}") for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _row(line: str, where: str) -> Mapping[str, Json]:
    try:
        row = json.loads(line)
    except ValueError as failure:
        raise InputError("case is not JSON", where=where, got=str(failure)) from None
    if not isinstance(row, dict) or not isinstance(row.get("rule"), str):
        raise InputError("case has no rule", where=where, expected='{"path", "rule", "tests"}')
    return row


def lines_of(report: Report) -> Iterator[str]:
    """The report for a reader."""
    for miss in report.misses:
        yield f"MISS {miss}"
    for found in report.unmapped:
        yield f"does not map: {found}"
    for found in report.ungraded:
        yield f"not gradable, the rule is not in the text: {found}"
    for found in report.untested:
        yield f"not gradable, no tests: {found}"
    yield f"passed {report.passed} of {report.total}"
    yield (
        f"apart: {len(report.unmapped)} files do not map ({report.unmapped_cases} cases), "
        f"{len(report.ungraded)} cases not gradable, {len(report.untested)} files without tests"
    )


def main(arguments: Sequence[str]) -> int:
    """Run the cases of one file and print what came out."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m policy.guard_conformance CASES.ndjson.gz\n")
        return 2
    try:
        report = grade(read_cases(Path(arguments[0])))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.writelines(f"{line}\n" for line in lines_of(report))
    return 1 if report.misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
