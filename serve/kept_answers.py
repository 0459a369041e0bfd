"""What the model told of single resources, told again while nothing that it depends on has changed."""

from __future__ import annotations

from threading import Lock
from typing import Final

from domain.recent import Recent
from domain.value import Json

ANSWERS_MAX: Final = 4_096
"""Answers about all tenants together; one takes about 7 KB."""
Key = tuple[str, int]
"""The name of a graph, and a row of it."""


class KeptAnswers:
    """Safe for several threads."""

    def __init__(self) -> None:
        self._kept, self._lock = Recent[Key, list[Json]](ANSWERS_MAX), Lock()

    def of(self, key: Key) -> list[Json] | None:
        """The answer, not to be changed; None where it is not kept."""
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: Key, told: list[Json]) -> None:
        """Keep an answer in place of the one that was not asked for longest."""
        with self._lock:
            self._kept.put(key, told)
