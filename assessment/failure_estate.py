"""A tenant's graph with everything that questions about failures need: arcs, places, worth and money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Final

import numpy as np
import polars as pl

from assessment.facts import Facts
from assessment.money import cost_of_all, money_entries
from assessment.schema import MoneyEntry
from assessment.worth import Floats, Standing, monthly
from cost.allocation import ResourceCosts, cost_by_resource
from cost.matching import Billable
from domain.errors import InputError
from graph.failing import Failures, Network
from graph.failure import FailureMode
from graph.places import Places
from graph.snapshot import Rows, Snapshot
from graph.whole import AnyGraph, Named, index_of

NAMED_MAX: Final = 5


@dataclass(slots=True)
class _Memory:
    """What is worked out at first use."""

    lock: RLock = field(default_factory=RLock)
    networks: dict[FailureMode, Network] = field(default_factory=dict)
    places: Places | None = None
    points: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FailureEstate:
    """One graph at one instant. Safe for several threads.

    Args:
        failures: arcs of the graph's base, kept for as long as the base is.
        facts: by row of the graph. costs: by row of the base.
    """

    graph: AnyGraph
    failures: Failures
    facts: Facts
    costs: ResourceCosts
    as_of: datetime
    _memory: _Memory = field(default_factory=_Memory, repr=False)

    def with_edges(self, graph: AnyGraph) -> FailureEstate:
        """The same resources with other edges: what is known of resources alone is kept."""
        with self._memory.lock:
            memory = _Memory(places=self._memory.places, points=self._memory.points)
        return FailureEstate(graph, self.failures, self.facts, self.costs, self.as_of, memory)

    def network(self, failure: FailureMode) -> Network:
        """What one mode spreads over."""
        with self._memory.lock:
            if failure not in self._memory.networks:
                types = {row: self.resource(row).type for row in self.graph.changed if row not in self.graph.gone}
                self._memory.networks[failure] = self.failures.network(failure, self.graph.patch, types)
            return self._memory.networks[failure]

    @property
    def places(self) -> Places:
        """Where every row runs."""
        with self._memory.lock:
            if self._memory.places is None:
                self._memory.places = self.facts.places()
            return self._memory.places

    @property
    def points(self) -> Floats:
        """What every row is worth; nothing where there is no resource."""
        with self._memory.lock:
            if self._memory.points is None:
                self._memory.points = (1.0 + monthly(self.costs, self.graph.size)) * self.facts.factors()
            return self._memory.points

    def row(self, uid: str) -> int:
        """The row of a resource, by id or by a name that it alone has.

        Raises:
            NotFound: it is not here.
            InputError: several resources have the name.
        """
        if self.graph.find(uid) is None and "/" not in uid and ":" not in uid:
            rows = self._of_name(uid)
            if len(rows) > 1:
                got = ", ".join(self.resource(row).uid for row in rows[:NAMED_MAX])
                todo = "Give the id instead of the name"
                raise InputError("several resources have this name", where=uid, got=got, todo=todo)
            if rows:
                return rows[0]
        return index_of(self.graph, uid)

    def resource(self, row: int) -> Named:
        """What is shown of a resource."""
        return self.graph.resource(row)

    def standing(self, row: int) -> Standing:
        """How much a resource matters, by its tags."""
        return self.facts.of(row).standing

    def money(self, rows: Sequence[int] | Rows) -> list[MoneyEntry]:
        """What some resources cost a month, by currency; rows that came after the bill cost nothing yet."""
        known = np.asarray(rows, np.int64)
        return money_entries(cost_of_all(self.costs, known[known < len(self.graph.base)].tolist()))

    def _of_name(self, name: str) -> list[int]:
        names = self.graph.base.resources.column("name").to_numpy(zero_copy_only=False)
        apart = {*self.graph.gone, *self.graph.changed}
        rows = [row for row in np.flatnonzero(names == name).tolist() if row not in apart]
        changed = [row for row in self.graph.changed if row not in self.graph.gone]
        return sorted([*rows, *(row for row in changed if self.resource(row).name == name)])


def costs_of(base: Snapshot, billing: Sequence[pl.DataFrame], *, as_of: datetime) -> ResourceCosts:
    """What the resources of a base cost.

    Args:
        billing: rows with FOCUS columns, one frame per file.
    """
    uids, names, scopes = (base.resources.column(each).to_pylist() for each in ("uid", "name", "scope"))
    return cost_by_resource(billing, Billable(uids, names, scopes), as_of=as_of)
