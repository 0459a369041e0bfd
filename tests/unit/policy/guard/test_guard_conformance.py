from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from policy.guard_conformance import main
from tests.shared_data import shared_data

RULE = "rule r when A exists { A == 1 }"


def expecting(document: object, **rules: str) -> dict[str, object]:
    return {"name": "t", "input": document, "expectations": {"rules": rules}}


def written(tmp_path: Path, *rows: object) -> str:
    path = tmp_path / "cases.ndjson.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    return str(path)


def test_all_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [expecting({"A": 1}, r="PASS"), expecting({"A": 2}, r="FAIL"), expecting({}, r="SKIP")]

    assert main([written(tmp_path, {"path": "r.guard", "rule": RULE, "tests": cases})]) == 0
    assert "passed 3 of 3" in capsys.readouterr().out


def test_misses_are_listed_and_the_rest_counted_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"path": "r.guard", "rule": RULE, "tests": [expecting({"A": 1}, r="FAIL", other="PASS"), 3]},
        {"path": "bad.guard", "rule": "rule {", "tests": [expecting({}, r="PASS")]},
        {"path": "none.guard", "rule": RULE, "tests": None},
        {"path": "lost.guard", "rule": "rule r { %x == 1 }", "tests": [expecting({}, r="PASS")]},
    ]

    assert main([written(tmp_path, *rows)]) == 1

    shown = capsys.readouterr().out
    assert "MISS r.guard: r: t: expected FAIL, got PASS" in shown
    assert "MISS lost.guard: r: t: expected PASS, got error: no variable has the name x" in shown
    assert "does not map: bad.guard: " in shown
    assert "not gradable, the rule is not in the text: r.guard: other: t" in shown
    assert "not gradable, no tests: none.guard" in shown
    assert "passed 0 of 2" in shown
    assert "1 files do not map (1 cases), 1 cases not gradable, 1 files without tests" in shown


@pytest.mark.parametrize("content", [b"{", b'{"path": "x"}', b"\x1f\x8b-"])
def test_a_file_that_cannot_be_read_is_said(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cases"
    path.write_bytes(content)

    assert main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err
    assert main([]) == 2
    assert main([str(tmp_path / "absent")]) == 2


@pytest.mark.data
def test_every_case_of_the_registry_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(shared_data("policy", "aws_guard_rules.ndjson.gz"))]) == 0, capsys.readouterr().out
    assert "passed 1410 of 1410" in capsys.readouterr().out
