"""Parts of fitted weights are made anew as a fit would make them, and nothing else is touched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="the extra `gnn` is not installed")
pytest.importorskip("torch_geometric", reason="the extra `gnn` is not installed")

from tests.unit.training.made_history import START, grown
from training.__main__ import main
from training.dataset import Weeks
from training.network.split import split
from training.predictor import load_predictor
from training.recorded import read_histories
from training.shift import counted
from training.weights import Manifest, manifest_path, read_weights, write_weights

pytestmark = pytest.mark.slow
REFERENCE = "reference/counts"
SCALES = ("network/scores", "network/values", "baseline/scores", "baseline/values")
Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights as they were fitted, what they were fitted on, and where weeks are kept."""

    data: Path
    weights: Path
    cache: Path

    def read(self) -> tuple[Arrays, Manifest]:
        return _read(self.weights)

    def renew(self, weights: Path, out: Path, *more: str, start: int = 0) -> int:
        dates = ["--train-from", f"{START + timedelta(weeks=start):%Y-%m-%d}", "--train-every", "6"]
        files = ["--weights", str(weights), "--out", str(out), "--cache", str(self.cache)]
        return main(["renew", str(self.data), *files, *dates, *more])


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    folder = tmp_path_factory.mktemp("renewal")
    data = grown(repos=2, weeks=34, stacks=3, seed=2).write(folder / "data")
    made = Fitted(data, folder / "fitted.npz", folder / "cache")
    dates = ["--train-from", f"{START:%Y-%m-%d}", "--train-every", "6"]
    kept = ["--out", str(made.weights), "--cache", str(made.cache), "--track", str(made.cache / "runs")]
    assert main(["train", str(data), *dates, *kept]) == 0
    return made


def _read(path: Path) -> tuple[Arrays, Manifest]:
    return read_weights(path, features=orjson.loads(manifest_path(path).read_bytes())["features"])


def _worse(arrays: Arrays) -> Arrays:
    """Without a reference, and calibrated wrongly."""
    halved = {name: np.asarray(one, np.float64) * 0.5 for name, one in arrays.items() if _is_scale(name)}
    return {name: halved.get(name, one) for name, one in arrays.items() if name != REFERENCE}


def _is_scale(name: str) -> bool:
    return name.partition("/")[2] in SCALES


def test_a_fit_counts_the_rows_of_every_week_that_it_learned_from(fitted: Fitted) -> None:
    recorded = read_histories(fitted.data)
    learned, _ = split(START, recorded.end, every_weeks=6)
    weeks = Weeks(recorded, fitted.cache)
    expected = counted(np.concatenate([weeks.graph(at).values for at in learned]))
    found = load_predictor(fitted.read()[1].features, fitted.weights).reference
    assert found is not None
    np.testing.assert_array_equal(found, expected)
    assert found[0].sum() > 0


def test_a_reference_is_added_and_every_other_array_stays_bit_for_bit(fitted: Fitted, tmp_path: Path) -> None:
    whole, manifest = fitted.read()
    bare = _worse(whole)
    write_weights(tmp_path / "bare.npz", bare, manifest)
    assert fitted.renew(tmp_path / "bare.npz", tmp_path / "m.npz", "--parts", "reference") == 0
    found, told = _read(tmp_path / "m.npz")
    assert set(found) == {*bare, REFERENCE}
    for name, values in bare.items():
        assert (found[name].dtype, found[name].shape) == (values.dtype, values.shape)
        assert found[name].tobytes() == values.tobytes(), name
    np.testing.assert_array_equal(found[REFERENCE], whole[REFERENCE])
    assert told.sha256 != manifest.sha256
    assert told.renewed_code
    assert replace(told, sha256="", renewed_code="") == replace(manifest, sha256="")


def test_a_calibration_is_made_as_the_fit_made_it(fitted: Fitted, tmp_path: Path) -> None:
    whole, manifest = fitted.read()
    worse = _worse(whole)
    write_weights(tmp_path / "worse.npz", worse, manifest)
    card = tmp_path / "card.md"
    given = ("--parts", "calibration", "--card", str(card))
    assert fitted.renew(tmp_path / "worse.npz", tmp_path / "m.npz", *given) == 0
    found, _ = _read(tmp_path / "m.npz")
    assert set(found) == set(worse)
    assert sum(map(_is_scale, found)) == 4 * len(SCALES), "T2 to T5"
    for name in worse:
        np.testing.assert_array_equal(found[name], whole[name], err_msg=name)
    assert "made anew since" in card.read_text()
    assert "They hold how each feature was distributed" not in card.read_text()


def test_both_parts_are_made_and_told_of(fitted: Fitted, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, _ = fitted.read()
    card = tmp_path / "card.md"
    assert fitted.renew(fitted.weights, tmp_path / "m.npz", "--card", str(card)) == 0
    rows = int(np.asarray(whole[REFERENCE])[0].sum())
    assert f"{rows:,} rows of the weeks that the network learned from" in card.read_text()
    assert orjson.loads(capsys.readouterr().out)["reference_rows"] == rows


def test_a_back_tests_figures_are_kept_beside_what_is_known(fitted: Fitted, tmp_path: Path) -> None:
    _, manifest = fitted.read()
    part = {"base_rate": 0.25, "weeks": 9, "rows": 8, "models": {"network": {"auroc": 0.5}}, "by_cloud": {}}
    report = {
        "schema": "training.backtest/1", "data_digest": manifest.data, "tasks": {"T1": part, "T5": part},
    }  # fmt: skip
    (tmp_path / "report.json").write_bytes(orjson.dumps(report))
    assert fitted.renew(fitted.weights, tmp_path / "m.npz", "--backtest", str(tmp_path / "report.json")) == 0
    _, told = _read(tmp_path / "m.npz")
    assert set(told.metrics) == set(manifest.metrics), "the weights do not answer T1"
    known = manifest.metrics["T5"]
    assert isinstance(known, dict)
    assert told.metrics["T5"] == {**known, "base_rate": 0.25, "weeks": 9, "network": {"auroc": 0.5}}


def test_weights_of_other_weeks_are_refused(fitted: Fitted, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fitted.renew(fitted.weights, tmp_path / "m.npz", start=1) == 2
    assert "learned from other weeks" in capsys.readouterr().err
    assert not (tmp_path / "m.npz").exists()


def test_weights_of_other_data_are_refused(fitted: Fitted, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, manifest = fitted.read()
    write_weights(tmp_path / "other.npz", whole, replace(manifest, data="d" * 64))
    assert fitted.renew(tmp_path / "other.npz", tmp_path / "m.npz") == 2
    assert "learned from other data" in capsys.readouterr().err
