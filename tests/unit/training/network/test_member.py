"""The network takes part in the back-test beside the baselines, alone and stacked with them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

pytest.importorskip("torch", reason="the extra `gnn` is not installed")
pytest.importorskip("torch_geometric", reason="the extra `gnn` is not installed")

from tests.unit.training.made_history import START, grown
from training import backtest
from training.serving import STACKS

pytestmark = pytest.mark.slow


def test_the_network_is_judged_alone_and_stacked(tmp_path: Path) -> None:
    folder, out = grown(repos=2, weeks=40, stacks=5, seed=2).write(tmp_path / "data"), tmp_path / "report.json"
    first, last = START + timedelta(weeks=36), START + timedelta(weeks=37)
    dates = ["--from", f"{first:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}", "--train-from", f"{START:%Y-%m-%d}"]
    more = ["--tasks", "T3", "T5", "--train-every", "6", "--refit-every", "10", "--models", "baselines", "network"]
    given = [str(folder), *dates, *more, "--cache", str(tmp_path / "cache"), "--json", str(out)]
    assert backtest.main(given) == 0
    found: dict[str, Any] = orjson.loads(out.read_bytes())
    assert found["models"] == ["baselines", "network"]
    assert {"network", *STACKS} < set(found["tasks"]["T3"]["models"])
    assert "network" not in found["tasks"]["T5"]["models"], "pairs are not what it scores"
    told = found["tasks"]["T3"]["differences_of"]
    assert {one["against"] for one in told["network"]} == set(found["tasks"]["T3"]["models"]) - {"network"}
    kept = sorted((tmp_path / "cache").rglob("networks/*/*.npz"))
    assert len(kept) == 1, "one block of origins, one seed"
    before = [path.stat().st_mtime_ns for path in kept]
    assert backtest.main(given) == 0
    assert [path.stat().st_mtime_ns for path in kept] == before, "what was fitted is not fitted again"
