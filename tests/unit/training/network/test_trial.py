"""Ways of learning are tried, stopped, and go on as if they had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `gnn` is not installed")
pytest.importorskip("torch_geometric", reason="the extra `gnn` is not installed")

from tests.unit.training.made_history import START, grown
from tests.unit.training.made_network import drawn_relations, drawn_values
from training.dataset import GraphWeek
from training.network.trial import FIGURES, METRIC, Split, run_trial, teaching_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]
ROWS = 300
SPLIT = Split([START + timedelta(weeks=at) for at in range(3)], [START + timedelta(weeks=9)])
CHOICE = {"width": 8, "layers": 1, "dropout": 0.1, "rate": 0.01, "decay": 0.001}


def week(at: datetime) -> GraphWeek:
    values = drawn_values(ROWS, seed=at.toordinal())
    return GraphWeek(
        values, drawn_relations(ROWS, edges=ROWS, seed=at.toordinal()), np.repeat(values[:, :1] > 0.5, 3, axis=1)
    )


class EndedError(Exception):
    """The trial's process was taken away."""


@dataclass
class Notes:
    """A notebook that may be torn away after some epochs."""

    last: bytes | None = None
    epochs_max: int = 100
    figures: list[Mapping[str, float]] = field(default_factory=list)

    def state(self) -> bytes | None:
        return self.last

    def keep(self, figures: Mapping[str, float], state: bytes) -> None:
        self.figures.append(figures)
        self.last = state
        if len(self.figures) == self.epochs_max:
            raise EndedError


def test_a_trial_is_judged_after_each_epoch_and_goes_on_where_it_was_cut_off() -> None:
    teaching = teaching_of(CHOICE, epochs=3)
    whole, first = Notes(), Notes(epochs_max=1)
    run_trial(week, SPLIT, teaching, whole, seed=1)
    with pytest.raises(EndedError):
        run_trial(week, SPLIT, teaching, first, seed=1)
    second = Notes(first.last)
    run_trial(week, SPLIT, teaching, second, seed=1)
    assert [*first.figures, *second.figures] == whole.figures
    assert {METRIC, "loss", *FIGURES} == whole.figures[0].keys()
    assert whole.figures[-1][METRIC] > 0.7, "what was planted is learned"


@pytest.mark.xdist_group("servers")
def test_a_search_that_was_killed_goes_on_when_it_is_started_again(tmp_path: Path) -> None:
    data = grown(repos=1, weeks=17, stacks=3, seed=2).write(tmp_path / "data")
    told = tmp_path / "told.json"
    command = [
        sys.executable, "-m", "training", "tune", str(data), "--trials", "2", "--epochs", "2", "--train-every", "2",
        "--train-from", f"{START:%Y-%m-%d}", "--folder", str(tmp_path / "tune"), "--cache", str(tmp_path / "cache"),
        "--json", str(told),
    ]  # fmt: skip
    first = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 600
    while not (kept := list((tmp_path / "tune").glob("search/*/checkpoint_*/state.pt"))):
        assert time.monotonic() < end, "no epoch was kept"
        assert first.poll() is None, "the search ended by itself"
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()

    again = subprocess.run(command, capture_output=True, text=True, check=False)

    assert again.returncode == 0, again.stderr[-3_000:]
    found = json.loads(told.read_text())
    assert len(found["trials"]) == 2
    assert found["failed"] == 0
    assert found["best"][METRIC] == max(trial[METRIC] for trial in found["trials"])
    assert max(trial["epochs"] for trial in found["trials"]) == 2
    assert kept
