"""Workers of Ray Train learn together what one process learns alone."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `gnn` is not installed")
pytest.importorskip("torch_geometric", reason="the extra `gnn` is not installed")

from tests.unit.training.network.test_together import TEACHING, WEEKS, alone, planted, require_same
from training.network.fit import Weeks
from training.workers import fit_together

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("servers"),
    pytest.mark.timeout(1_200),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
]


def _make() -> Weeks:
    return planted


def test_two_workers_come_to_the_network_of_one(tmp_path: Path) -> None:
    told: dict[int, float] = {}
    together = fit_together(_make, WEEKS, seed=1, teaching=TEACHING, workers=2, folder=tmp_path, told=told.__setitem__)
    losses: list[float] = []
    require_same(together, alone(losses))
    assert list(told.values()) == pytest.approx(losses, rel=1e-4)
