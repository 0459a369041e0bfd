"""Commands, their exit statuses and their errors, over a platform that answers from a document."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import serve.bootstrap
from domain.errors import (
    AccessDenied,
    ConflictError,
    IncompleteError,
    InputError,
    IntegrityError,
    NotFound,
    PolicyCortexError,
    UnavailableError,
)
from domain.finding import Severity
from serve.cli.errors import error_lines, run
from serve.cli.exit_code import OF_ERROR, ExitCode, exit_code_of, exit_code_of_scan
from tests.unit.serve.cli.fake_platform import FakePlatform, facts
from tests.unit.serve.scan_documents import full_document, violation

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakePlatform:
    fake = FakePlatform()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serve.bootstrap, "open_platform", lambda settings: fake)
    return fake


@pytest.fixture
def pcg(platform: FakePlatform, capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_a_scan_with_violations_is_done(pcg: Run, platform: FakePlatform) -> None:
    code, out, err = pcg("scan", "exports", "--tenant", "demo", "--as-of", "2026-11-23")
    assert (code, err) == (0, "")
    assert out.startswith("PolicyCortex")
    assert platform.requests[0].paths == ("exports",)
    assert platform.requests[0].as_of.isoformat() == "2026-11-23T00:00:00+00:00"
    assert platform.is_closed


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--fail-on", "high"), 1),
        (("--fail-on", "critical"), 0),
        (("--fail-on", "low"), 1),
        (("--fail-on", "high", "--new-only"), 0),
        (("--fail-on", "low", "--new-only"), 1),
        (("--strict",), 0),
    ],
)
def test_the_exit_status_says_whether_the_threshold_was_reached(pcg: Run, flags: tuple[str, ...], code: int) -> None:
    assert pcg("scan", "exports", *flags)[0] == code


def test_gaps_are_allowed_unless_the_scan_is_strict(pcg: Run, platform: FakePlatform) -> None:
    platform.facts = facts(gaps=2)
    assert pcg("scan", "exports")[0] == 0
    assert pcg("scan", "exports", "--strict")[0] == 3


def test_a_reached_threshold_weighs_more_than_gaps() -> None:
    found = {Severity.HIGH: 1}
    assert exit_code_of_scan(found, 5, fail_on=Severity.HIGH, is_strict=True) is ExitCode.FOUND


def test_nothing_readable_is_an_error_of_usage(pcg: Run, platform: FakePlatform) -> None:
    platform.facts = facts(readable=0)
    code, _, err = pcg("scan", "empty")
    assert code == 2
    assert err.splitlines()[:2] == ["nothing could be read", "  empty"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), 2),
        (NotFound("x"), 2),
        (AccessDenied("x"), 2),
        (ConflictError("x"), 2),
        (IncompleteError("x"), 3),
        (UnavailableError("x"), 4),
        (IntegrityError("x"), 4),
        (ValueError("x"), 4),
        (PermissionError(13, "Permission denied", "/f"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_class_of_error_has_its_status(pcg: Run, platform: FakePlatform, error: BaseException, code: int) -> None:
    platform.error = error
    assert pcg("scan", "exports")[0] == code


def test_the_table_of_statuses_covers_every_class_of_error() -> None:
    assert {PolicyCortexError, *PolicyCortexError.__subclasses__()} == set(OF_ERROR)
    assert exit_code_of(InputError("x")) is ExitCode.USAGE


def test_an_error_is_three_lines_what_where_and_what_to_do(pcg: Run, platform: FakePlatform) -> None:
    platform.error = InputError("the file\nis broken", where="a.json:3", got="x", todo="Export it again")
    assert pcg("scan", "exports")[2] == "the file is broken\n  a.json:3, got x\n  Export it again\n"


def test_an_error_without_a_hint_still_has_three_lines() -> None:
    assert error_lines(InputError("x")) == ("x", "invalid input", "Run the command again with --debug for more")


def test_a_defect_says_so_and_keeps_its_traceback_for_debug(pcg: Run, platform: FakePlatform) -> None:
    platform.error = ValueError("odd")
    short = pcg("scan", "exports")[2]
    assert "defect of PolicyCortex" in short
    assert "Traceback" not in short
    assert "Traceback" in pcg("scan", "exports", "--debug")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan",),
        ("scan", "x", "--nonsense"),
        ("nonsense",),
        ("scan", "x", "--fail-on", "terrible"),
        ("scan", "x", "--as-of", "tomorrow"),
        ("scan", "x", "--tenant", "Not A Name"),
        ("violations", "--severity", "terrible"),
    ],
)
def test_wrong_usage_is_three_lines_and_status_two(pcg: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = pcg(*arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 3


def test_json_to_standard_output_is_only_json(pcg: Run) -> None:
    code, out, err = pcg("scan", "exports", "--json", "-")
    assert (code, err) == (0, "")
    assert json.loads(out) == full_document()


def test_piped_output_has_no_colour(pcg: Run) -> None:
    assert "\x1b" not in pcg("scan", "exports")[1]


def test_every_output_is_written_where_it_was_asked_for(pcg: Run, tmp_path: Path) -> None:
    code, *_ = pcg(
        "scan", "x", "--json", "o/out.json", "--html", "o/out.html", "--csv", "o/csv", "--junit", "o/j.xml", "--quiet"
    )
    assert code == 0
    assert json.loads((tmp_path / "o/out.json").read_text())["tenant"] == "demo"
    assert (tmp_path / "o/out.html").read_text().startswith("<!doctype html>")
    assert sorted(path.name for path in (tmp_path / "o/csv").iterdir()) == [
        "costs.csv",
        "predictions.csv",
        "resources.csv",
        "violations.csv",
    ]
    assert "<testsuites>" in (tmp_path / "o/j.xml").read_text()


def test_an_output_that_cannot_be_written_is_named(pcg: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    code, _, err = pcg("scan", "x", "--json", "taken/out.json")
    assert code == 2
    assert "taken/out.json" in err


def test_violations_are_filtered_by_severity_newness_and_type(pcg: Run) -> None:
    assert len(pcg("violations", "--severity", "high")[1].splitlines()) == 8
    assert len(pcg("violations", "--new")[1].splitlines()) == 2
    assert "No such violation" in pcg("violations", "--type", "none")[1]
    assert len(json.loads(pcg("violations", "--json", "-")[1])["violations"]) == 10


def test_a_resource_may_be_named_where_its_name_is_the_only_one(pcg: Run) -> None:
    code, out, _ = pcg("explain", "stshopprod001", "pcg-x")
    assert code == 0
    assert violation(1)["resource_id"] in out
    assert json.loads(pcg("explain", violation(1)["resource_id"], "pcg-x", "--json", "-")[1])["verdict"] == "compliant"


def test_a_name_of_several_resources_is_refused_with_their_ids(pcg: Run, platform: FakePlatform) -> None:
    platform.document["violations"] = [violation(1), {**violation(1), "resource_id": "/other"}]
    code, _, err = pcg("explain", "stshopprod001", "pcg-x")
    assert code == 2
    assert "/other" in err


def test_a_resource_that_does_not_exist_is_not_found(pcg: Run) -> None:
    assert pcg("explain", "nobody", "pcg-x")[0] == 2


def test_policies_are_listed_imported_and_shown(pcg: Run, tmp_path: Path) -> None:
    assert pcg("policies", "list", "--state", "error")[1].splitlines()[-1] == "1 policy"
    assert len(json.loads(pcg("policies", "list", "--json", "-")[1])["policies"]) == 2
    assert pcg("policies", "import", "definitions", "--json", "rows.json")[0] == 0
    assert json.loads((tmp_path / "rows.json").read_text())["definitions"][0]["state"] == "runs"
    assert json.loads(pcg("policies", "import", "definitions", "--json", "-")[1])["definitions"]
    assert json.loads(pcg("policies", "show", "a")[1])["id"] == "a"


def test_settings_are_printed_with_their_source(pcg: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCG_PORT", "9999")
    assert "9999" in pcg("settings")[1]
    rows = {row["name"]: row for row in json.loads(pcg("settings", "--json", "-")[1])["settings"]}
    assert (rows["port"]["layer"], rows["port"]["where"]) == ("environment", "PCG_PORT")


def test_an_estate_names_the_commands_that_scan_it(pcg: Run, tmp_path: Path) -> None:
    code, out, _ = pcg("estate", "--out", "estate", "--resources", "20", "--days", "3", "--as-of", "2026-11-23")
    assert code == 0
    assert "Synthetic estate" in out
    assert "pcg scan estate/demo --tenant demo" in out


def test_verifying_what_is_no_evidence_is_refused(pcg: Run, tmp_path: Path) -> None:
    assert pcg("verify", str(tmp_path / "none"))[0] == 2


@pytest.mark.parametrize("arguments", [["--help"], ["version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from serve.cli.errors import run; code = run(sys.argv[1:]); "
        "print(code, *sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    code, *loaded = done.stderr.split()
    assert code == "0"
    heavy = {"ray", "polars", "duckdb", "pyarrow", "fastapi", "numpy", "rich", "pydantic", "jinja2", "cryptography"}
    assert heavy & set(loaded) == set()
