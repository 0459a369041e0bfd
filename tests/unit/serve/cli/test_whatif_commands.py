"""`pcg whatif`: scenarios from a file, figures on the screen."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve.cli.errors import run
from tests.unit.connectors.bills import daily, write_csv

SCENARIOS = {
    "scenarios": [
        {
            "name": "half the compute",
            "changes": [{"kind": "scaling", "where": {"service": ["Compute"]}, "factor": [0.4, 0.5, 0.6]}],
        },
        {
            "name": "commit to a part",
            "changes": [{"kind": "commitment", "where": {"service": ["Compute"]}, "per_day": 50, "price": 0.7}],
        },
    ],
    "paths": 500,
}


@pytest.fixture(autouse=True)
def billed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(2).normal(0, 0.04, 220)
    write_csv(Path("bill.csv"), daily(date(2026, 3, 1), 100 * np.exp(noise)))
    Path("scenarios.json").write_text(json.dumps(SCENARIOS))
    assert run(["costs", "import", "bill.csv", "--partial", "--as-of", "2026-10-20T00:00:00Z"]) == 0


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert run(["whatif", *arguments]) == code
    out = capsys.readouterr()
    return out.out + out.err


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(said(capsys, *arguments, "--json", "-"))


def test_scenarios_of_a_file_are_projected_kept_and_compared(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "run", "scenarios.json", "--seed", "3")
    assert "half the compute   saves with a chance of 100%" in text
    assert "assumed: " in text

    (kept,) = asked(capsys, "list")["items"]
    shown = asked(capsys, "show", kept["whatif_id"])
    assert (shown["seed"], shown["paths"]) == (3, 500)
    assert kept["whatif_id"] in said(capsys, "list")

    table = said(capsys, "compare", kept["whatif_id"]).splitlines()
    assert table[0] == "in USD"
    assert [line.split("   ")[0] for line in table[2:4]] == ["half the compute", "commit to a part"]


def test_the_same_seed_gives_the_same_figures(capsys: pytest.CaptureFixture[str]) -> None:
    first, again = (asked(capsys, "run", "scenarios.json", "--paths", "300") for _ in range(2))
    assert first["scenarios"] == again["scenarios"]
    assert first["whatif_id"] != again["whatif_id"]


@pytest.mark.parametrize(
    ("content", "says"),
    [("{", "scenarios are not valid"), ('{"scenarios": []}', "at least 1"), ('{"scenario": 1}', "scenarios")],
)
def test_a_file_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], content: str, says: str) -> None:
    Path("wrong.json").write_text(content)
    assert says in said(capsys, "run", "wrong.json", code=2)


def test_a_file_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "cannot be read" in said(capsys, "run", "nowhere.json", code=2)


def test_a_projection_that_is_not_there_is_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such projection" in said(capsys, "show", "0" * 24, code=2)


def test_nothing_projected_yet_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert "pcg whatif run" in said(capsys, "list")
