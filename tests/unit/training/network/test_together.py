"""Processes that share the rows of every step learn what one learns alone."""

from __future__ import annotations

import multiprocessing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra `gnn` is not installed")
pytest.importorskip("torch_geometric", reason="the extra `gnn` is not installed")

import torch

from tests.unit.training.made_history import START
from tests.unit.training.made_network import drawn_relations, drawn_values
from training.dataset import GraphWeek
from training.forward import Network
from training.network.fit import Share, Teaching, fit_network
from training.network.model import Form

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROWS = 300
WEEKS = [START + timedelta(weeks=at) for at in range(3)]
TEACHING = Teaching(form=Form(width=6, dropout=0.0), epochs=2, rate=0.01)


def planted(at: datetime) -> GraphWeek:
    """Rows come true by what those say that they refer to."""
    values, relations = drawn_values(ROWS, seed=at.toordinal()), drawn_relations(ROWS, edges=ROWS, seed=at.toordinal())
    links = relations.links[0]
    said = np.bincount(links.owners(), values[links.others, 0], ROWS)
    return GraphWeek(values, relations, np.repeat((said > 0.6)[:, None], 3, axis=1))


def alone(losses: list[float]) -> Network:
    """What one process learns."""
    return fit_network(planted, WEEKS, seed=1, teaching=TEACHING, told=lambda one: losses.append(one.loss))


def require_same(one: Network, other: Network) -> None:
    """Equal but for rounding."""
    assert one.arrays.keys() == other.arrays.keys()
    for name in one.arrays.keys() - {"type_names"}:
        mine, theirs = (np.asarray(network.arrays[name], np.float32) for network in (one, other))
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4, err_msg=name)


def _shared(place: Path, rank: int, losses: list[float]) -> Network:
    torch.distributed.init_process_group("gloo", init_method=f"file://{place}", rank=rank, world_size=2)
    try:
        share = Share(rank, 2)
        return fit_network(
            planted, WEEKS, seed=1, teaching=TEACHING, share=share, told=lambda one: losses.append(one.loss)
        )
    finally:
        torch.distributed.destroy_process_group()


def _second(place: Path) -> None:
    _shared(place, 1, [])


def test_two_processes_come_to_the_network_of_one(tmp_path: Path) -> None:
    second = multiprocessing.get_context("spawn").Process(target=_second, args=(tmp_path / "met",))
    second.start()
    losses: list[float] = []
    expected: list[float] = []
    together = _shared(tmp_path / "met", 0, losses)
    second.join()
    assert second.exitcode == 0
    require_same(together, alone(expected))
    assert losses == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("rows", [5, 6])
def test_shares_are_all_rows_and_each_once(rows: int) -> None:
    parts = [Share(rank, 3).of(rows) for rank in range(3)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
