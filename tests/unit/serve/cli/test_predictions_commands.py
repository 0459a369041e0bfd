"""`pcg predictions`: how good predictions were, and who decides which model serves."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from actors.model_book import ModelBook, Move
from connectors.estate import write_estate
from serve.cli.errors import run
from serve.render.predictions import cochange_lines, quality_lines
from training.predictor import as_arrays, shipped_predictor, shipped_sha256
from training.promotion import Standing, Trigger
from training.versions import Version
from training.weights import write_weights

AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in which a model waits for approval."""
    monkeypatch.chdir(tmp_path)
    book, shipped = ModelBook(Path(".pcg/models"), shipped_sha256()), shipped_predictor()
    told = write_weights(book.folder / "b.npz", as_arrays(shipped), replace(shipped.manifest, name="adapted"))
    book.enter(Version("adapted@1", "b.npz", told.sha256, Standing.CANDIDATE))
    book.move(Move("adapted@1", Trigger.ASK, AT, "role:gate", "+0.02 [+0.01, +0.03]"), lambda _: "2026-1")


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert run(["predictions", *arguments]) == code
    out = capsys.readouterr()
    return out.out + out.err


def test_a_model_that_waits_is_approved_serves_and_is_sent_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert "waiting for approval" in said(capsys, "models")
    found: Any = json.loads(said(capsys, "approve", "adapted@1", "--by", "role:lead", "--json", "-"))
    assert found["serving"] == "adapted@1"
    assert found["versions"][1]["steps"][-1]["evidence_id"].startswith("20")
    assert "withdrawn" in said(capsys, "fall-back", "adapted@1", "--by", "role:lead", "--reason", "worse")
    refused = said(capsys, "reject", "adapted@1", "--by", "role:lead", "--reason", "no", code=2)
    assert "cannot take that step" in refused
    assert "no such model" in said(capsys, "approve", "none", "--by", "role:lead", code=2)


def test_without_a_schedule_retraining_is_off_and_says_which_setting_begins_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = said(capsys, "retraining")
    assert "RETRAINING  off" in text
    assert "retraining_tenants" in text
    found: Any = json.loads(said(capsys, "retraining", "--json", "-"))
    assert (found["stand"], found["runs"]) == ("off", [])


def test_without_ended_weeks_quality_says_insufficient(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "quality")
    assert "0 of 8 ended weeks" in text
    assert "fewer than 30 came true" in text
    assert text.count("no day was scored") == 1


def test_figures_stand_with_their_intervals() -> None:
    one = {"value": 0.8123, "low": 0.75, "high": 0.86}
    figures = dict.fromkeys(("auroc", "ap", "recall_at_fpr5", "ece"), one)
    counts = {"rows": 12_000, "positives": 40, "prevented": 3, "unknown": 9}
    rate = {"learned": 0.01, "now": one, "has_changed": True}
    shift = {"feature": "own.age", "psi": 0.3, "by_chance": 0.01, "level": "large"}
    document = {
        "as_of": "2026-03-02T00:00:00Z", "model": "m", "weeks": 8, "weeks_wanted": 8, "positives_min": 30,
        "tasks": {"T4": {"figures": figures, "base_rate": rate, **counts}},
        "features": {"shifted": [shift], "at": "2026-03-02", "reference": "before", "reference_at": "2026-01-01"},
        "features_against_learned": {"shifted": [], "reason": "the weights do not say"},
    }  # fmt: skip
    text = "\n".join(quality_lines(document))
    for part in ("12,000", "0.8123 [0.7500, 0.8600]", "has changed", "1.000 %", "own.age", "large", "do not say"):
        assert part in text
    assert "Insufficient" not in text


def test_who_changes_with_a_resource_is_shown_most_likely_first(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_estate(tmp_path / "estate", resources=60, tenants=1, days=5, seed=7, as_of=AT)
    scan = ["scan", str(tmp_path / "estate" / "demo"), "--as-of", "2026-03-02T00:00:00Z", "--json", "scan.json"]
    assert run(scan) in (0, 1)
    uids = sorted({one["resource_id"] for one in json.loads(Path("scan.json").read_text())["violations"]})
    found: Any = {"candidates": []}
    for uid in uids:
        found = json.loads(said(capsys, "cochange", uid, "--limit", "3", "--json", "-"))
        if found["candidates"]:
            break
    assert found["candidates"], "something in it is related"
    told = [one["probability"] for one in found["candidates"]]
    assert told == sorted(told, reverse=True)
    text = said(capsys, "cochange", found["resource_id"], "--limit", "3")
    assert f"CO-CHANGE  {found['resource_id']}" in text
    assert all(one["resource_id"] in text for one in found["candidates"])
    assert "no such resource" in said(capsys, "cochange", "/nobody", code=2)


def test_nothing_near_and_no_probability_are_shown_as_such() -> None:
    document: dict[str, Any] = {
        "resource_id": "/a", "model": "global@1", "source": "baseline", "calibration": "global model", "note": "alone",
        "candidates_total": 0, "candidates": [],
    }  # fmt: skip
    assert cochange_lines(document)[-1] == "  alone"
    one = {"resource_id": "/b", "probability": None, "share": 0.25, "hops": 2, "reasons": ["2 hops away"]}
    lines = cochange_lines({**document, "note": "", "candidates_total": 1, "candidates": [one]})
    assert any("/b" in line and " - " in f" {line} " and "25 %" in line for line in lines)
