"""How a tenant's graph is brought up to date with its changes: one after the other, or once from the store.

Changes always go into the store. What is decided is only what happens to the graph in memory: small deltas while there
are few, a new hydration where so many wait that reading the whole graph once is cheaper. The costs are measured as it
runs. And where the stream no longer holds what was missed, nothing can be caught up: only a new inventory helps, and
until then the tenant's graph says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

SMOOTHING: Final = 0.2


class Way(StrEnum):
    """What is done with the graph in memory."""

    APPLY = "apply"
    REHYDRATE = "rehydrate"


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds, measured: of a change in the graph, and of a resource in a hydration.

    The first values are guesses that the first measurements correct.
    """

    change_s: float = 200e-6
    resource_s: float = 10e-6
    hydration_s: float = 0.02

    def with_changes(self, count: int, elapsed_s: float) -> Costs:
        """After so many changes took so long."""
        return self if count == 0 else replace(self, change_s=_smoothed(self.change_s, elapsed_s / count))

    def with_hydration(self, resources: int, elapsed_s: float) -> Costs:
        """After a hydration of so many resources took so long."""
        per_resource = max(0.0, elapsed_s - self.hydration_s) / max(resources, 1)
        return replace(self, resource_s=_smoothed(self.resource_s, per_resource))

    def way(self, waiting: int, resources: int) -> Way:
        """What is cheaper when so many changes wait and the graph has so many resources."""
        applying_s = waiting * self.change_s
        hydrating_s = self.hydration_s + resources * self.resource_s
        return Way.APPLY if applying_s <= hydrating_s else Way.REHYDRATE


def _smoothed(old: float, new: float) -> float:
    return old + SMOOTHING * (new - old)
