"""Projections on a pool: the same result whatever the number of workers, and an end when it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from actors.handles import LocalHandle
from actors.projecting import ProjectionPool
from actors.shards.shelf import LocalShelf
from actors.simulation import Simulation
from domain.errors import ConflictError, UnavailableError
from tests.unit.assessment.test_projection import half, world

WORLD = world(half())


def pool(workers: int) -> ProjectionPool:
    return ProjectionPool([LocalHandle(Simulation()) for _ in range(workers)], LocalShelf())


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_the_number_of_workers_changes_nothing(workers: int) -> None:
    one, several = (pool(count).run(WORLD, paths=3_200, deadline_s=60) for count in (1, workers))
    assert one.shape[0] == 3_200
    assert np.array_equal(one, several)


def test_progress_counts_paths_to_the_end() -> None:
    told: list[int] = []
    pool(2).run(WORLD, paths=2_600, deadline_s=60, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 2_600


def test_a_cancelled_projection_ends_between_two_blocks() -> None:
    told: list[int] = []

    def cancelled(paths: int) -> None:
        told.append(paths)
        raise ConflictError("the work was cancelled")

    with pytest.raises(ConflictError, match="cancelled"):
        pool(1).run(WORLD, paths=50_000, deadline_s=60, progress=cancelled)
    assert len(told) == 1


def test_a_projection_that_takes_too_long_is_refused() -> None:
    with pytest.raises(UnavailableError, match="too long"):
        pool(1).run(WORLD, paths=1_000, deadline_s=0.0)
