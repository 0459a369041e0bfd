"""Drift is right: unchanged resources do not drift in any shape, and planted drift is told, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.drifts.corpus import planted, recorded, unchanged
from domain.resource import ConfigurationItem
from tests.shared_data import shared_data

PRECISION_MIN = 0.95
RECALL_MIN = 0.99

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def items() -> tuple[ConfigurationItem, ...]:
    return recorded(shared_data("inventory"))


def test_unchanged_resources_read_in_another_shape_do_not_drift(
    items: tuple[ConfigurationItem, ...], tmp_path: Path
) -> None:
    found = unchanged(items, tmp_path / "again.ndjson")
    assert found.resources > 3_000
    assert found.wrong == []


def test_planted_drift_is_found_and_nothing_else(items: tuple[ConfigurationItem, ...], tmp_path: Path) -> None:
    found = [planted(items, tmp_path / "planted.ndjson", seed) for seed in range(3)]
    right, wrong = sum(each.right for each in found), sum(len(each.wrong) for each in found)
    truth = sum(each.planted for each in found)
    assert truth > 1_000
    assert right / (right + wrong) >= PRECISION_MIN
    assert right / truth >= RECALL_MIN
