"""A repository that is left out is not there at all, and what that costs it is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest

pytest.importorskip("torch", reason="the extra `gnn` is not installed")
pytest.importorskip("torch_geometric", reason="the extra `gnn` is not installed")

from tests.unit.training.made_history import START, grown
from tests.unit.training.made_network import drawn_network, drawn_relations, drawn_values
from training.__main__ import main
from training.dataset import GraphWeek
from training.network.unseen import of_tenants
from training.relations import behind

pytestmark = pytest.mark.slow


def test_tenants_alone_are_told_as_they_are_beside_others() -> None:
    sizes = (30, 50, 20)
    parts = [drawn_relations(size, edges=2 * size, seed=size) for size in sizes]
    values = drawn_values(sum(sizes))
    week = GraphWeek(values, behind(parts), np.zeros((sum(sizes), 3), np.bool_))
    tenant = np.repeat(np.arange(3), sizes)
    network = drawn_network()
    expected = network.logits(week.values, week.relations)
    for chosen in (tenant == 1, tenant != 1):
        alone = of_tenants(week, chosen)
        assert len(alone.relations) == chosen.sum()
        np.testing.assert_allclose(
            network.logits(alone.values, alone.relations), expected[chosen], rtol=1e-4, atol=1e-5
        )


def test_each_repository_is_judged_with_and_without_having_been_learned_from(tmp_path: Path) -> None:
    folder, out = grown(repos=3, weeks=40, stacks=5, seed=2).write(tmp_path / "data"), tmp_path / "found.json"
    first, last = START + timedelta(weeks=30), START + timedelta(weeks=37)
    dates = ["--from", f"{first:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}", "--train-from", f"{START:%Y-%m-%d}"]
    given = ["evaluate", str(folder), *dates, "--train-every", "6", "--models", "network", "--unseen", "org/repo-0"]
    assert main([*given, "--cache", str(tmp_path / "cache"), "--json", str(out)]) == 0
    told = orjson.loads(out.read_bytes())
    assert not told["tasks"], "trees were not asked for"
    of_stacks = told["network"]["T3"]["unseen"]["org/repo-0"]
    loss = of_stacks["loss"]["auroc"]
    assert loss["value"] == pytest.approx(
        of_stacks["seen"]["auroc"]["value"] - of_stacks["unseen"]["auroc"]["value"], abs=2e-5
    )
    assert loss["low"] <= loss["value"] <= loss["high"]
    assert len(list((tmp_path / "cache").rglob("*-without-*.npz"))) == 1
