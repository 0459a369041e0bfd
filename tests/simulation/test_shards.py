"""Shards that crash, hang and move: a few histories here, more with `python -m tests.simulation.shards`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.shards import run


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_no_acknowledged_change_is_lost_doubled_or_seen_by_another_tenant(tmp_path: Path, seed: int) -> None:
    happened = run(tmp_path, seed, steps=200)
    assert happened["publish"] > 50, f"seed {seed}"
