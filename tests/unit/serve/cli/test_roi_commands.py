"""`pcg roi`: the ledger from the command line, and what bills make of it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve.cli.errors import run
from tests.unit.connectors.bills import daily, write_csv

PREDICT = ("predict", "Smaller machines", "--saves", "800,900,1000", "--currency", "USD", "--by", "role:finops")
WHERE = ("--where", "service=Compute")


@pytest.fixture(autouse=True)
def billed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noise = np.exp(np.random.default_rng(2).normal(0, 0.02, 280))
    write_csv(Path("bill.csv"), daily(date(2025, 3, 1), np.where(np.arange(280) < 240, 100, 60) * noise))
    assert run(["costs", "import", "bill.csv", "--partial", "--as-of", "2026-01-20T00:00:00Z"]) == 0


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert run(["roi", *arguments]) == code
    out = capsys.readouterr()
    return out.out + out.err


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(said(capsys, *arguments, "--json", "-"))


def test_a_saving_goes_from_promise_to_the_bills(capsys: pytest.CaptureFixture[str]) -> None:
    saving_id = asked(capsys, *PREDICT, *WHERE, "--at", "2025-09-01T00:00:00Z")["saving_id"]
    for step, when in (("approve", "2025-10-01T00:00:00Z"), ("apply", "2025-10-27T00:00:00Z")):
        said(capsys, "step", saving_id, step, "--by", "role:cfo", "--at", when)
    assert "The platform costs 50 USD a month" in said(capsys, "platform-cost", "50", "USD")

    text = said(capsys, "dashboard", "--days", "60")
    assert "Bills show " in text
    assert "pays for itself" in text
    assert saving_id in said(capsys, "list")
    shown = said(capsys, "show", saving_id)
    assert "bill.csv:" in shown
    assert "evidence 20" in shown
    (row,) = asked(capsys, "dashboard")["savings"]
    assert float(row["observed"]["amount"]) == pytest.approx(40 * 39, rel=0.05)


def test_nothing_entered_yet_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert "pcg roi predict" in said(capsys, "list")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*PREDICT, "--where", "service"), "not a selection"),
        ((*PREDICT, "--where", "service=Nothing"), "no billing row"),
        (("predict", "t", "--saves", "1,2", "--currency", "USD", "--by", "role:x", *WHERE), "not the amounts"),
        (("predict", "t", "--saves", "much", "--currency", "USD", "--by", "role:x", *WHERE), "not an amount"),
        (("step", "sav-1", "bless", "--by", "role:x"), "unknown step"),
        (("step", "sav-1", "approve", "--by", "role:x"), "no such saving"),
        (("platform-cost", "-5", "USD"), ""),
    ],
)
def test_what_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert says in said(capsys, *arguments, code=2)
