"""The back-test on small made histories: strictly before, complete, repeatable, and refusing what it cannot know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from domain.errors import InputError
from tests.unit.training.made_history import START, grown
from training import backtest, evaluate
from training.__main__ import main
from training.boosting import Shape, fit_boosting
from training.dataset import Weeks
from training.metrics import draws, estimate, judge
from training.models import LEARNERS, Keep, drawn
from training.recorded import read_histories
from training.rolling import Plan, require_plan, run_task
from training.task import Task

pytestmark = pytest.mark.slow
FIRST = START + timedelta(weeks=34)
LAST = START + timedelta(weeks=37)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grown(repos=3, weeks=40, stacks=5, seed=2).write(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def _given(folder: Path, cache: Path, out: Path, *more: str) -> list[str]:
    dates = ["--from", f"{FIRST:%Y-%m-%d}", "--to", f"{LAST:%Y-%m-%d}", "--train-from", f"{START:%Y-%m-%d}"]
    return [str(folder), *dates, "--cache", str(cache), "--json", str(out), *more]


@pytest.fixture(scope="module")
def found(folder: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("out") / "report.json"
    assert backtest.main(_given(folder, cache, out, "--train-every", "4", "--models", "baselines")) == 0
    told: dict[str, Any] = orjson.loads(out.read_bytes())
    return told


def test_every_task_is_reported_beside_its_baselines_with_intervals(found: dict[str, Any]) -> None:
    assert set(found["tasks"]) == {task.value for task in Task}
    for task, part in found["tasks"].items():
        assert part["weeks"] == 4
        assert 0 < part["base_rate"] < 1
        assert {one.name for one in LEARNERS[Task(task)]} < set(part["models"])
        served = part["models"][part["serving"]]
        assert set(served) >= {"auroc", "auroc_weekly", "ap", "recall_at_fpr5", "brier_skill", "ece"}
        assert set(served["recall_at_top"]) == {"1", "5", "10"}
        assert served["auroc"]["low"] <= served["auroc"]["value"] <= served["auroc"]["high"]
        assert {one["against"] for one in part["differences"]} == set(part["models"]) - {part["serving"]}
        assert set(part["by_cloud"]) == {"aws"}
        assert sum(one["rows"] for one in part["by_repo"].values()) == part["rows"]


def test_the_report_names_data_code_and_seeds(found: dict[str, Any], folder: Path) -> None:
    assert found["data_digest"] == read_histories(folder).digest
    assert found["seeds"] == [1]
    assert len(found["code"]) == len(found["feature_code"]) == 64
    assert (found["from"], found["to"]) == (f"{FIRST:%Y-%m-%d}", f"{LAST:%Y-%m-%d}")


def test_a_slice_with_few_positives_says_so(found: dict[str, Any]) -> None:
    slices = [one for part in found["tasks"].values() for one in part["by_repo"].values()]
    few = [one for one in slices if one["positives"] < 30]
    assert few
    assert all(one["models"] == "insufficient" for one in few)
    assert all(one["models"] != "insufficient" for one in slices if one["positives"] >= 30)


def test_types_that_are_born_violating_are_found(found: dict[str, Any]) -> None:
    assert found["tasks"]["T1"]["models"]["type rate"]["auroc"]["value"] > 0.6


def test_learned_weeks_end_a_purge_gap_before_the_first_origin() -> None:
    plan = Plan(FIRST, LAST, START)
    for block in plan.blocks():
        last = max(plan.train_weeks(Task.BORN, block[0]))
        assert last + timedelta(days=7 + plan.purge_days) <= block[0]
    assert [len(block) for block in plan.blocks()] == [4, 4, 4]
    assert plan.scored()[plan.burn_in_weeks] == FIRST


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    weeks = Weeks(read_histories(folder), tmp_path)
    plan = Plan(FIRST, LAST, START, train_every=4)
    weeks.prepare(plan.weeks(Task.CHANGE))
    first = run_task(weeks, Task.CHANGE, plan)
    files = sorted((weeks.folder / "scores").rglob("*.npz"))
    assert len(files) == 3
    kept = [path.stat().st_mtime_ns for path in files[:2]]
    files[2].unlink()
    again = run_task(weeks, Task.CHANGE, plan)
    assert [path.stat().st_mtime_ns for path in files[:2]] == kept
    for one, other in zip(first, again, strict=True):
        assert one.origin == other.origin
        for name, scores in one.scores.items():
            np.testing.assert_array_equal(scores, other.scores[name])


def test_an_origin_whose_window_passes_the_end_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end = read_histories(folder).end
    late = Plan(FIRST, end - timedelta(days=3), START)
    with pytest.raises(InputError, match="passes the end"):
        require_plan(late, end)
    arguments = _given(folder, tmp_path, tmp_path / "out.json")
    arguments[4] = f"{end:%Y-%m-%d}"
    assert main(["backtest", *arguments]) == 2
    assert "Choose a last origin no later than" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_a_plan_without_origins_or_without_weeks_to_learn_from_is_refused() -> None:
    end = datetime(2030, 1, 1, tzinfo=UTC)
    with pytest.raises(InputError, match="no origin"):
        require_plan(Plan(LAST, FIRST, START), end)
    with pytest.raises(InputError, match="no weeks to learn from"):
        require_plan(Plan(FIRST, LAST, FIRST), end)


def test_shuffled_labels_leave_nothing_to_find(folder: Path, cache: Path) -> None:
    weeks = Weeks(read_histories(folder), cache)
    found = weeks.rows(Task.STACK, FIRST)
    values = np.concatenate([found.values] * 20)
    draw = np.random.default_rng(1)
    values = values + draw.normal(size=values.shape).astype(np.float32) * 0.01
    labels = evaluate.shuffled(np.tile(found.labels, 20), seed=3)
    half = len(labels) // 2
    model = fit_boosting(values[:half], labels[:half], np.ones(half), seeds=(1,), shape=Shape(rounds=30))
    week = np.arange(len(labels) - half) % 10
    told = estimate(
        judge(model.predict(values[half:]), None, labels[half:], week, draws(10, count=200, seed=1))["auroc"]
    )
    assert told.low <= 0.5 <= told.high


def test_rows_left_out_are_stood_for_by_weights(folder: Path, cache: Path) -> None:
    rows = Weeks(read_histories(folder), cache).rows(Task.STACK, FIRST)
    sampled = drawn(rows, Keep(positives=1.0, negatives=0.5), seed=(1,))
    assert sampled.labels.sum() == rows.labels.sum()
    assert sampled.weights[sampled.labels].tolist() == [1.0] * int(rows.labels.sum())
    assert abs(sampled.weights.sum() - len(rows.labels)) < len(rows.labels) * 0.3


def test_controls_leave_repositories_out(folder: Path, cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "controls.json"
    arguments = _given(folder, cache, out, "--tasks", "T3", "--unseen", "org/repo-0", "org/repo-1", "org/repo-2")
    assert main(["evaluate", *arguments]) == 0
    told = orjson.loads(out.read_bytes())["tasks"]["T3"]
    assert set(told["unseen"]) == {"org/repo-0", "org/repo-1", "org/repo-2"}
    assert told["in place"]["auroc"]["value"] > 0


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guess"]) == 2
    assert "anomalies|backtest|evaluate|pairs|patterns|renew|train|tune" in capsys.readouterr().err


def test_weeks_of_some_repositories_are_never_taken_for_those_of_others(folder: Path, cache: Path) -> None:
    one, other = (
        Weeks(read_histories(folder, only=frozenset({name})), cache).folder for name in ("org/repo-0", "org/repo-1")
    )
    assert one != other
