"""A tenant's graph with everything that questions about failures need: arcs, places, worth and money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Final

import numpy as np
import polars as pl

from assessment.money import cost_of_all, money_entries
from assessment.schema import MoneyEntry
from assessment.worth import Floats, Worth, worth_of
from cost.allocation import ResourceCosts, cost_by_resource
from cost.matching import Billable
from domain.errors import InputError
from domain.resource import ConfigurationItem
from graph.failing import Failures, Network
from graph.failure import FailureMode
from graph.places import Places
from graph.snapshot import Rows, Snapshot
from graph.whole import AnyGraph, Named, WholeGraph, index_of

NAMED_MAX: Final = 5


@dataclass(slots=True)
class _Memory:
    """Networks by mode, laid over the base at first use."""

    lock: RLock = field(default_factory=RLock)
    networks: dict[FailureMode, Network] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class FailureEstate:
    """One graph at one instant. Safe for several threads.

    Args:
        failures: arcs of the graph's base, kept for as long as the base is.
        places, worth, costs: by row of the base.
    """

    graph: AnyGraph
    failures: Failures
    places: Places
    worth: Worth
    costs: ResourceCosts
    as_of: datetime
    _memory: _Memory = field(default_factory=_Memory, repr=False)

    def network(self, failure: FailureMode) -> Network:
        """What one mode spreads over."""
        with self._memory.lock:
            if failure not in self._memory.networks:
                added = range(len(self.graph.base), self.graph.size)
                types = [self.resource(row).type if row not in self.graph.gone else "" for row in added]
                self._memory.networks[failure] = self.failures.network(failure, self.graph.patch, types)
            return self._memory.networks[failure]

    def row(self, uid: str) -> int:
        """The row of a resource, by id or by a name that it alone has.

        Raises:
            NotFound: it is not here.
            InputError: several resources have the name.
        """
        if self.graph.find(uid) is None and "/" not in uid and ":" not in uid:
            names = self.graph.base.resources.column("name").to_numpy(zero_copy_only=False)
            rows = [row for row in np.flatnonzero(names == uid).tolist() if row not in self.graph.gone]
            if len(rows) > 1:
                got = ", ".join(self.resource(row).uid for row in rows[:NAMED_MAX])
                todo = "Give the id instead of the name"
                raise InputError("several resources have this name", where=uid, got=got, todo=todo)
            if rows:
                return int(rows[0])
        return index_of(self.graph, uid)

    def resource(self, row: int) -> Named:
        """What is shown of a resource."""
        return self.graph.resource(row)

    @property
    def points(self) -> Floats:
        """What every row is worth."""
        return self.worth.sized(self.graph.size)

    def money(self, rows: Sequence[int] | Rows) -> list[MoneyEntry]:
        """What some resources cost a month, by currency; rows that came after the bill cost nothing yet."""
        known = np.asarray(rows, np.int64)
        return money_entries(cost_of_all(self.costs, known[known < len(self.graph.base)].tolist()))


def failure_estate(
    snapshot: Snapshot, items: Sequence[ConfigurationItem], billing: Sequence[pl.DataFrame], *, as_of: datetime
) -> FailureEstate:
    """The estate of a whole snapshot.

    Args:
        items: the resources of the snapshot, in its order.
        billing: rows with FOCUS columns, one frame per file.
    """
    billable = Billable([item.uid for item in items], [item.name for item in items], [item.scope for item in items])
    costs = cost_by_resource(billing, billable, as_of=as_of)
    return FailureEstate(
        graph=WholeGraph(snapshot),
        failures=Failures(snapshot),
        places=Places.of(items),
        worth=worth_of(items, costs),
        costs=costs,
        as_of=as_of,
    )
