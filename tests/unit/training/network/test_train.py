"""The shipped model is fitted, kept with its manifest, and described by a card whose figures are the back-test's."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest

pytest.importorskip("torch", reason="the extra `gnn` is not installed")
pytest.importorskip("torch_geometric", reason="the extra `gnn` is not installed")

from tests.unit.training.made_history import START, grown
from training.__main__ import main
from training.network.fit import TEACHING
from training.network.train import HELD_OUT_WEEKS, split
from training.predictor import load_predictor
from training.recorded import read_histories
from training.relations import relations_of
from training.task import NODE_TASKS, features_of, see
from training.tracking import FIGURES, GIVEN
from training.weights import features_digest, manifest_path

pytestmark = pytest.mark.slow


def _given(folder: Path, out: Path, cache: Path) -> list[str]:
    dates = ["--train-from", f"{START:%Y-%m-%d}", "--train-every", "6"]
    return ["train", str(folder), *dates, "--out", str(out), "--cache", str(cache), "--track", str(cache / "runs")]


def test_a_trained_model_answers_for_a_history(tmp_path: Path) -> None:
    folder, out = grown(repos=2, weeks=34, stacks=3, seed=2).write(tmp_path / "data"), tmp_path / "weights" / "m.npz"
    card = tmp_path / "card.md"
    assert main([*_given(folder, out, tmp_path / "cache"), "--card", str(card)]) == 0
    recorded = read_histories(folder)
    seen, prior = see(recorded.timelines, START + timedelta(weeks=33))
    found = features_of(seen[0], prior)
    predictor = load_predictor(features_digest(found.names), out)
    told = predictor.answer(found.values, relations_of(seen[0]))
    assert all(np.isfinite(told[task].p).all() and len(told[task].p) == len(found.values) for task in NODE_TASKS)
    manifest = orjson.loads(manifest_path(out).read_bytes())
    assert manifest["data"] == recorded.digest
    assert manifest["sha256"] in card.read_text()
    assert "No back-test was given." in card.read_text()
    (run,) = (tmp_path / "cache" / "runs").iterdir()
    noted = orjson.loads((run / GIVEN).read_bytes())
    assert (noted["sha256"], noted["data"]) == (manifest["sha256"], recorded.digest)
    losses = [orjson.loads(line)["loss"] for line in (run / FIGURES).read_bytes().splitlines()]
    assert len(losses) == TEACHING.epochs
    assert np.isfinite(losses).all()


def test_a_back_test_of_other_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, report = grown(weeks=20).write(tmp_path / "data"), tmp_path / "report.json"
    report.write_bytes(orjson.dumps({"schema": "training.backtest/1", "data_digest": "other", "tasks": {}}))
    given = _given(folder, tmp_path / "m.npz", tmp_path / "cache")
    assert main([*given, "--backtest", str(report)]) == 2
    assert "of other data" in capsys.readouterr().err
    report.write_text("{")
    assert main([*given, "--backtest", str(report)]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_weeks_that_weigh_and_calibrate_are_not_learned_from() -> None:
    learned, held_out = split(START, START + timedelta(weeks=60), every_weeks=4)
    assert len(held_out) == HELD_OUT_WEEKS
    assert max(learned) + timedelta(days=14) <= held_out[0]
    assert held_out[-1] + timedelta(days=7) <= START + timedelta(weeks=60)
