"""Draws the paths of a projection on a pool of workers that read one world from the shelf.

Blocks are handed out as workers come for them, so a slow one keeps nobody waiting; they are put together in their own
order, so that the number of workers changes nothing in the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock
from time import monotonic
from typing import Final

import numpy as np

from actors.handles import Handle
from actors.shards.shelf import Shared, Shelf
from actors.simulation import Simulation
from assessment.projection import World, blocks_of
from cost.forecast_methods import Series
from domain.errors import UnavailableError

CHUNK_BLOCKS_MIN: Final = 2
CALLS: Final = 8
"""Calls that each worker has of a large projection. A call costs some milliseconds of everybody's time, so that many
small ones keep two workers from being twice as fast; and calls are what progress counts and what evens workers out.
"""

Blocks = tuple[tuple[int, int], ...]


class ProjectionPool:
    """Workers and the shelf that they read from."""

    def __init__(self, workers: Sequence[Handle[Simulation]], shelf: Shelf) -> None:
        assert workers, "a projection needs a worker"
        self._workers = workers
        self._shelf = shelf

    def run(
        self, world: World, *, paths: int, deadline_s: float, progress: Callable[[int], None] = lambda _: None
    ) -> Series:
        """Draw so many paths: float64 (paths, horizons, columns).

        Args:
            progress: told how many paths are drawn; whatever it raises ends the work.

        Raises:
            UnavailableError: the deadline passed, or a worker did not come back.
        """
        blocks = blocks_of(paths)
        size = max(CHUNK_BLOCKS_MIN, -(-len(blocks) // (CALLS * len(self._workers))))
        chunks = [blocks[place : place + size] for place in range(0, len(blocks), size)]
        work = _Work(self._shelf.put(world), chunks, monotonic() + deadline_s, progress)
        with ThreadPoolExecutor(len(self._workers), thread_name_prefix="projection") as threads:
            for done in [threads.submit(work.by, worker) for worker in self._workers]:
                done.result()
        return np.concatenate([work.drawn[place] for place in range(len(chunks))])


class _Work:
    """Chunks of one projection: waiting, and drawn."""

    def __init__(
        self, world: Shared[World], chunks: Sequence[Blocks], end_s: float, progress: Callable[[int], None]
    ) -> None:
        self.drawn: dict[int, Series] = {}
        self._world = world
        self._waiting = list(enumerate(chunks))[::-1]
        self._end_s = end_s
        self._progress = progress
        self._lock = Lock()
        self._paths = 0

    def by(self, worker: Handle[Simulation]) -> None:
        """Let one worker draw until nothing waits."""
        while (chunk := self._next()) is not None:
            place, blocks = chunk
            left_s = self._end_s - monotonic()
            if left_s <= 0:
                self._stop()
                raise UnavailableError("the projection took too long", paths=self._paths, todo="Ask for fewer paths")
            with ExitStack() as failing:
                failing.callback(self._stop)
                drawn = worker.within(left_s).call(Simulation.project, self._world, blocks)
                self._take(place, drawn)
                failing.pop_all()

    def _next(self) -> tuple[int, Blocks] | None:
        with self._lock:
            return self._waiting.pop() if self._waiting else None

    def _take(self, place: int, drawn: Series) -> None:
        with self._lock:
            self.drawn[place] = drawn
            self._paths += len(drawn)
            self._progress(self._paths)

    def _stop(self) -> None:
        """Hand nothing out any more."""
        with self._lock:
            self._waiting.clear()
