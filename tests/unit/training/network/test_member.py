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
from training.card import card_of
from training.models import MEAN_OF_SEEDS, OF_SEED
from training.serving import STACKS
from training.weights import Manifest

pytestmark = pytest.mark.slow
MANIFEST = Manifest("", "made", "", "", "", "", (1, 2), "", "", {})


def test_the_network_is_judged_alone_and_stacked_for_each_seed(tmp_path: Path) -> None:
    folder, out = grown(repos=2, weeks=40, stacks=5, seed=2).write(tmp_path / "data"), tmp_path / "report.json"
    first, last = START + timedelta(weeks=36), START + timedelta(weeks=37)
    dates = ["--from", f"{first:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}", "--train-from", f"{START:%Y-%m-%d}"]
    more = [
        "--tasks",
        "T3",
        "T5",
        "--train-every",
        "6",
        "--refit-every",
        "10",
        "--models",
        "baselines",
        "network",
        "--seeds",
        "1",
        "2",
    ]
    given = [str(folder), *dates, *more, "--cache", str(tmp_path / "cache"), "--json", str(out)]
    assert backtest.main(given) == 0
    found: dict[str, Any] = orjson.loads(out.read_bytes())
    assert found["models"] == ["baselines", "network"]
    assert {"network", *STACKS} < set(found["tasks"]["T3"]["models"])
    assert {"network", *STACKS} < set(found["tasks"]["T5"]["models"]), "its head scores pairs"
    assert (found["tasks"]["T3"]["serving"], found["tasks"]["T5"]["serving"]) == ("network", "network")
    for part in found["tasks"].values():
        told = part["differences_of"]
        assert {one["against"] for one in told["network"]} == set(part["models"]) - {"network"}
        assert MEAN_OF_SEEDS in part["models"]
        assert not any(name.startswith(OF_SEED) for name in part["models"])
        assert part["spread"]["network"]["seeds"] == [1, 2]
    spread = found["tasks"]["T3"]["spread"]["network"]["auroc"]
    assert spread["min"] < spread["mean"] < spread["max"], "seeds differ"
    assert spread["by_seed"][0] == found["tasks"]["T3"]["models"]["network"]["auroc"]["value"], "the first is judged"
    kept = sorted((tmp_path / "cache").rglob("networks/**/*.npz"))
    assert len(kept) == 4, "one block of origins, two seeds, each with a head"
    card = card_of(MANIFEST, found, size_bytes=1, reference=None)
    assert "network over seeds 1, 2, mean (least to most): auroc" in card
    before = [path.stat().st_mtime_ns for path in kept]
    assert backtest.main(given) == 0
    assert [path.stat().st_mtime_ns for path in kept] == before, "what was fitted is not fitted again"
