"""States that an inventory saw again, as columns: nearly everything of nearly every collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from domain.resource import ConfigurationItem
from graph.stores.instants import instant_from_us, instants_us, us_from_instant


@dataclass(frozen=True, slots=True)
class Touch:
    """A state that was seen again: where it was read, and when.

    Args:
        version: number of the stored version.
    """

    key: str
    version: int
    item: ConfigurationItem
    seen_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """States that were seen again, each once.

    Shapes:
        numbers, captured_us, seen_us: int64 (n,); `NEVER_US` where the record does not say when it was captured.
    """

    keys: Sequence[str]
    numbers: NDArray[np.int64]
    items: Sequence[ConfigurationItem]
    captured_us: NDArray[np.int64]
    seen_us: NDArray[np.int64]

    @classmethod
    def of(cls, touches: Iterable[Touch]) -> Sightings:
        """Single sights as columns."""
        given = tuple(touches)
        items = [touch.item for touch in given]
        numbers = np.array([touch.version for touch in given], np.int64)
        seen_us = np.array([us_from_instant(touch.seen_at) for touch in given], np.int64)
        return cls([touch.key for touch in given], numbers, items, captured_us(items), seen_us)

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Touch]:
        for key, number, item, seen_us in zip(self.keys, self.numbers, self.items, self.seen_us, strict=True):
            yield Touch(key, int(number), item, instant_from_us(int(seen_us)))

    @property
    def files(self) -> list[str]:
        """Where each was read."""
        return [item.origin.file for item in self.items]

    @property
    def lines(self) -> NDArray[np.int64]:
        """On which line of it."""
        return np.array([item.origin.line for item in self.items], np.int64)


def captured_us(items: Sequence[ConfigurationItem]) -> NDArray[np.int64]:
    """When the provider was asked, in microseconds since 1970; `NEVER_US` where the record does not say."""
    return instants_us([item.captured_at for item in items])
