"""Runs are noted in plain files, or in MLflow where it is named; how a run ended is noted too."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import orjson
import pytest

from domain.errors import InputError
from training.tracking import ENDED, EXPERIMENT, FIGURES, GIVEN, tracked

BEGUN = datetime(2026, 3, 2, 12, tzinfo=UTC)
HAS_MLFLOW = importlib.util.find_spec("mlflow") is not None


def test_a_run_is_three_files(tmp_path: Path) -> None:
    with tracked(tmp_path, "made", BEGUN) as tracking:
        tracking.given({"seed": 1})
        tracking.reached(1, {"loss": 0.5})
        tracking.reached(2, {"loss": 0.25})
    (run,) = tmp_path.iterdir()
    given = orjson.loads((run / GIVEN).read_bytes())
    assert (given["name"], given["seed"]) == ("made", 1)
    lines = [orjson.loads(line) for line in (run / FIGURES).read_bytes().splitlines()]
    assert lines == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}]
    assert orjson.loads((run / ENDED).read_bytes()) == {"is_done": True}


def test_a_run_that_fails_is_noted_as_failed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), tracked(tmp_path, "made", BEGUN):
        raise KeyboardInterrupt
    (run,) = tmp_path.iterdir()
    assert orjson.loads((run / ENDED).read_bytes()) == {"is_done": False}


def test_without_mlflow_its_address_is_refused_before_anything_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    with pytest.raises(InputError, match="not installed"), tracked(tmp_path, "made", BEGUN, uri="file:///nowhere"):
        raise AssertionError


@pytest.mark.slow
@pytest.mark.skipif(not HAS_MLFLOW, reason="mlflow is not installed")
@pytest.mark.filterwarnings("ignore")
def test_mlflow_gets_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "store").as_uri()
    with tracked(tmp_path / "files", "made", BEGUN, uri=uri) as tracking:
        tracking.given({"seed": 1})
        tracking.reached(1, {"loss": 0.5})
        tracking.reached(2, {"loss": 0.25})
    client = import_module("mlflow.tracking").MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.data.params["seed"], run.info.status) == ("1", "FINISHED")
    assert [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "loss")] == [
        (1, 0.5),
        (2, 0.25),
    ]
    assert not (tmp_path / "files").exists()
