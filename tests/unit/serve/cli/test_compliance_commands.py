"""`pcg compliance` over a store in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serve.cli.errors import run
from serve.render.compliance import control_lines, framework_lines, gap_lines
from tests.unit.serve.api_fixture import storage_account

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compliance")
    (folder / "storage.json").write_text(json.dumps([storage_account("shopdata")]))
    assert run(["scan", str(folder / "storage.json"), "--store", str(folder / "store"), "--tenant", "acme"]) == 0
    return folder / "store"


def pcg(store: Path, *arguments: str) -> int:
    return run(["compliance", *arguments, "--store", str(store), "--tenant", "acme"])


def asked(store: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert pcg(store, *arguments, "--json", "-") == 0
    return json.loads(capsys.readouterr().out)


def test_frameworks_are_listed_in_figures(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(store, "coverage") == 0
    out = capsys.readouterr().out
    assert "COMPLIANCE  tenant acme" in out
    assert any(line.startswith("SOC2 ") and "61" in line for line in out.splitlines())
    assert "Organisational controls are at most partly" in out


def test_a_framework_shows_each_control_with_its_evidence(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(store, "coverage", "--framework", "soc2") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("CC6.7"))
    assert "not satisfied" in line
    assert "violation" in line
    found = asked(store, capsys, "coverage", "--framework", "soc2", "--state", "not-satisfied")
    assert found["controls"]
    assert all(row["evidence"] for row in found["controls"])


def test_gaps_are_listed_with_what_to_do(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(store, "gaps", "--framework", "HIPAA", "--kind", "failing") == 0
    out = capsys.readouterr().out
    assert "GAPS  " in out
    assert "failing: Mend the violations" in out
    assert {row["gap"] for row in asked(store, capsys, "gaps", "--kind", "stale")["gaps"]} == set()


def test_an_import_says_what_leads_nowhere(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "soc2_aws.json"
    rows = [{"Id": "cc_77_1", "Checks": ["a_check", "gone"]}]
    path.write_text(json.dumps({"Framework": "SOC2", "Version": "", "Provider": "AWS", "Requirements": rows}))
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps({"properties": {"displayName": "Bare", "policyDefinitions": []}}))
    check = tmp_path / "check.json"
    check.write_text(json.dumps({"CheckID": "a_check", "CheckTitle": "A check", "Description": "of something"}))
    assert pcg(store, "import", str(path), str(bare), "--described-by", str(check)) == 0
    out = capsys.readouterr().out
    assert "IMPORTED  2 mappings of 2 policies to 1 control from 2 sources" in out
    assert "1 policy or check not found: gone" in out
    assert "1 control not in our list of the framework: SOC2 CC77.1" in out
    assert "1 initiative without controls" in out
    assert asked(store, capsys, "import", str(path))["unknown_policies"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gaps", "--kind", "sad"), "unknown kind of gap"),
        (("coverage", "--framework", "soc2", "--state", "sad"), "unknown state"),
        (("coverage", "--framework", "sox"), "unknown framework"),
    ],
)
def test_what_is_not_known_is_refused(
    store: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert pcg(store, *arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("width", [80, 100])
def test_a_terminal_gets_lines_that_fit(store: Path, capsys: pytest.CaptureFixture[str], width: int) -> None:
    whole = asked(store, capsys, "coverage")
    whole["filters"]["scope"] = "/subscriptions/s"
    whole["frameworks"][0]["with_policy"] = 0
    one, gaps = asked(store, capsys, "coverage", "--framework", "soc2"), asked(store, capsys, "gaps")
    tables = [*framework_lines(whole, width=width), *control_lines(one, width=width), *gap_lines(gaps, width=width)]
    rows = [line.plain for line in tables if line.plain.startswith(("SOC2  ", "CC", "failing "))]
    assert rows
    unserved = whole["frameworks"][0]["framework"]
    assert f"No policy of the scan serves: {unserved}" in [line.plain for line in tables]
    assert max(map(len, (row.rstrip() for row in rows))) <= width


def test_a_definition_in_a_file_is_mapped(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.json"
    rule = {"if": {"field": "type", "equals": "Microsoft.Storage/storageAccounts"}, "then": {"effect": "audit"}}
    said = "Storage accounts accept encrypted connections only: HTTPS, secure transfer, TLS in transit"
    path.write_text(json.dumps({"name": "own", "properties": {"displayName": said, "policyRule": rule}}))
    assert pcg(store, "map", str(path)) == 0
    out = capsys.readouterr().out
    assert "MAP  own" in out
    assert "Proposed, with a confidence of 50 % or more" in out
    assert "like pcg-" in out
    path.write_text("[]")
    assert pcg(store, "map", str(path)) == 2
    assert "not one definition" in capsys.readouterr().err


def test_known_policies_and_entries_are_mapped(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pcg(store, "map", "pcg-azure-storage-secure-transfer", "--min", "1") == 0
    out = capsys.readouterr().out
    assert "Mapped" in out
    assert "Nothing more is proposed" in out
    entry = asked(store, capsys, "coverage", "--framework", "soc2", "--state", "not-satisfied")["controls"][0][
        "evidence"
    ]
    assert asked(store, capsys, "map", entry[0])["of"] == entry[0]


def test_findings_and_oscal_are_written_to_files(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--store", str(store), "--tenant", "acme")
    out = tmp_path / "findings.csv"
    assert run(["findings", "export", "--format", "csv", "--framework", "soc2", "-o", str(out), *where]) == 0
    assert out.read_text().startswith("finding_id,")
    oscal = tmp_path / "oscal.json"
    document = ("--document", "component-definition")
    assert pcg(store, "export", "--framework", "soc2", *document, "-o", str(oscal)) == 0
    assert "component-definition" in json.loads(oscal.read_text())
    assert run(["findings", "export", "--format", "xml", *where]) == 2
    assert pcg(store, "export", "--framework", "soc2", "--document", "poem") == 2
    assert "unknown OSCAL document" in capsys.readouterr().err
