"""The shipped model is fitted, kept with its manifest, and described by a card whose figures are the back-test's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest

pytest.importorskip("torch", reason="the extra `gnn` is not installed")
pytest.importorskip("torch_geometric", reason="the extra `gnn` is not installed")

from tests.unit.training.made_history import START, grown
from training.__main__ import main
from training.cochange import Surroundings
from training.network.fit import TEACHING
from training.network.split import HELD_OUT_WEEKS, split
from training.predictor import load_predictor
from training.recorded import read_histories
from training.relations import relations_of
from training.task import NODE_TASKS, features_of, see
from training.tracking import FIGURES, GIVEN
from training.weights import features_digest, manifest_path, read_weights, write_weights

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
    assert "A head of its own answers T5" in card.read_text()
    assert predictor.pairing is not None
    rows = Surroundings.of(seen[0], found).candidates(seen[0].state.rows[:3])
    pairs = predictor.pairing.told(found.values, relations_of(seen[0]), rows.rows, rows.values)
    assert len(pairs.p) == len(rows.values) > 0
    assert ((pairs.p >= 0) & (pairs.p <= 1)).all()
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


def test_a_head_is_fitted_beside_a_network_that_stays_as_it_is(tmp_path: Path) -> None:
    folder, out = grown(repos=2, weeks=34, stacks=3, seed=2).write(tmp_path / "data"), tmp_path / "weights" / "m.npz"
    cache = tmp_path / "cache"
    assert main(_given(folder, out, cache)) == 0
    whole = np.load(out)
    bare = {name: whole[name] for name in whole.files if not name.startswith("T5/")}
    _, manifest = read_weights(out, features=orjson.loads(manifest_path(out).read_bytes())["features"])
    write_weights(tmp_path / "bare.npz", bare, replace(manifest, pairs_code="", metrics={"T4": {"base_rate": 0.5}}))
    pairs = [
        "pairs", str(folder), "--weights", str(tmp_path / "bare.npz"), "--out", str(tmp_path / "both.npz"),
        "--train-from", f"{START:%Y-%m-%d}", "--train-every", "6", "--cache", str(cache),
    ]  # fmt: skip
    assert main(pairs) == 0
    found = np.load(tmp_path / "both.npz")
    assert set(found.files) == set(whole.files)
    for name, values in bare.items():
        np.testing.assert_array_equal(found[name], values)
    np.testing.assert_array_equal(found["T5/head/told.weight"], whole["T5/head/told.weight"])
    told = orjson.loads(manifest_path(tmp_path / "both.npz").read_bytes())
    assert told["metrics"]["T4"] == {"base_rate": 0.5}, "what is known of the network stays"
    assert told["metrics"]["T5"]["held_out"]["weeks"] == HELD_OUT_WEEKS
    assert told["pairs_code"]


def test_weights_of_other_weeks_get_no_head(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = grown(repos=2, weeks=34, stacks=3, seed=2).write(tmp_path / "data"), tmp_path / "m.npz"
    assert main(_given(folder, out, tmp_path / "cache")) == 0
    later = ["--train-from", f"{START + timedelta(weeks=1):%Y-%m-%d}", "--train-every", "5"]
    given = ["pairs", str(folder), "--weights", str(out), "--out", str(out), *later, "--cache", str(tmp_path / "cache")]
    assert main(given) == 2
    assert "learned from other weeks" in capsys.readouterr().err
