"""Questions about failures and about the shape of a tenant's graph, answered from an estate that is kept in memory.

The estate is made at the first question and made anew when the graph, the bill or the day is another one. Its arcs are
the larger part of the cost, so they stay as long as it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from threading import RLock
from typing import Any, Protocol, TypeAlias

import polars as pl

from assessment.blast import Blast, Score, blast, score
from assessment.deletion import Removal, removal
from assessment.dependencies import Dependencies, dependencies
from assessment.drawing import View, drawing
from assessment.failure_estate import FailureEstate, failure_estate
from domain.resource import ConfigurationItem
from domain.tenancy import TenantId
from graph.build import build_snapshot
from graph.stores.contract import GraphStore

Question: TypeAlias = Blast | Dependencies | Removal | Score | View
Row: TypeAlias = "dict[str, Any]"


class GraphOwner(Protocol):
    """Who keeps the tenant's graph."""

    @property
    def tenant(self) -> TenantId: ...
    @property
    def store(self) -> GraphStore: ...
    @property
    def billing(self) -> Sequence[pl.DataFrame]:
        """Billing rows that were read last."""

    def items(self) -> tuple[ConfigurationItem, ...]:
        """The graph's resources, in order of `resource_key`."""


class ImpactDesk:
    """One tenant's answers. Safe for several threads."""

    def __init__(self, owner: GraphOwner) -> None:
        self._owner = owner
        self._lock = RLock()
        self._kept: tuple[tuple[int, int, date], FailureEstate] | None = None

    def answer(self, question: Question, *, as_of: datetime) -> Row:
        """Answer one question about the graph as it is; `as_of` chooses the month of the bill.

        Raises:
            NotFound: a resource, zone or region is not in the graph.
            InputError: a bound is passed.
        """
        estate = self.estate(as_of)
        match question:
            case Blast():
                return blast(estate, question)
            case Dependencies():
                return dependencies(estate, question)
            case Removal():
                return removal(estate, question)
            case Score():
                return score(estate, question)
            case View():
                return drawing(estate, question)

    def estate(self, as_of: datetime) -> FailureEstate:
        """The graph as it is now."""
        with self._lock:
            key = (self._owner.store.version(), id(self._owner.billing), as_of.date())
            if self._kept is None or self._kept[0] != key:
                self._kept = (key, self._made(as_of))
            return self._kept[1]

    @property
    def size_bytes(self) -> int:
        """What the estate's arcs take."""
        return 0 if self._kept is None else self._kept[1].failures.nbytes

    def forget(self) -> None:
        """Let go of the estate; the next question makes it anew."""
        with self._lock:
            self._kept = None

    def _made(self, as_of: datetime) -> FailureEstate:
        items = self._owner.items()
        snapshot = build_snapshot(self._owner.tenant, items, as_of=as_of, paths_by_type={})
        return failure_estate(snapshot, items, self._owner.billing, as_of=as_of)
