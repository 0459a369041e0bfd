"""Questions about failures and about the shape of a tenant's graph, answered from what is kept in memory.

Arcs and money are worked out once for a base of the graph, facts of a resource once for its document; a change of the
graph costs its own size at the next question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date, datetime
from threading import RLock
from typing import Any, Protocol, TypeAlias

import polars as pl

from assessment.blast import Blast, Score, blast, score
from assessment.cost_impact_machines import MachinesQuestion, machine_rows
from assessment.cost_impact_waste import WasteQuestion, waste
from assessment.deletion import Removal, removal
from assessment.dependencies import Dependencies, dependencies
from assessment.drawing import View, drawing
from assessment.facts import Documents, FactBook
from assessment.failure_estate import FailureEstate, costs_of
from assessment.impact_exposure import Exposure, exposure
from assessment.reaches import AnyQuestion, reaches
from cost.allocation import ResourceCosts
from cost.waste import FORGOTTEN_AFTER
from graph.collapse import Drawn, Sums
from graph.failing import Failures
from graph.gathering import Gathered, Reach
from graph.stores.contract import Changes
from graph.view import GraphView
from graph.whole import AnyGraph

Question: TypeAlias = AnyQuestion
Row: TypeAlias = "dict[str, Any]"
Bill: TypeAlias = "Sequence[pl.DataFrame]"
History: TypeAlias = "Callable[[datetime, datetime], tuple[Changes, datetime | None]]"
"""Changes between two instants, and since when any are recorded."""


class InParts(Protocol):
    """A graph in parts; an `actors.gathering.Gathering` is one."""

    def names(self) -> GraphView:
        """Every resource as it is now, without edges."""

    def gathered(self, reaches: Sequence[Reach], failures: Failures) -> Gathered:
        """The names with the edges that some answers depend on."""

    def summed(self, drawn: Drawn) -> Sums:
        """All edges between nodes of a drawing."""


Parts: TypeAlias = "Callable[[], AbstractContextManager[InParts | None]]"


class ImpactDesk:
    """One tenant's answers. Safe for several threads.

    Args:
        graph: the tenant's graph as it is now; the same object while nothing has changed.
        parts: the graph where it is held in parts, kept as it is meanwhile; None where it is whole.
        documents: where documents are found by id.
        billing: billing rows that were read last; the same object while they are the same.
        history: where changes are recorded; None where they are not.
    """

    def __init__(
        self,
        graph: Callable[[], AnyGraph],
        documents: Documents,
        billing: Callable[[], Bill],
        history: History | None = None,
        parts: Parts = nullcontext,
    ) -> None:
        self._graph = graph
        self._parts = parts
        self._documents = documents
        self._billing = billing
        self._history = history
        self._lock = RLock()
        self._failures: Failures | None = None
        self._costs: tuple[Bill, date, ResourceCosts] | None = None
        self._estate: FailureEstate | None = None
        self._facts = FactBook(documents)

    def answer(self, question: Question, *, as_of: datetime) -> Row:
        """Answer one question about the graph as it is; `as_of` chooses the month of the bill.

        Raises:
            NotFound: a resource, zone or region is not in the graph.
            InputError: a bound is passed.
            ConflictError: the graph is in parts, and the answer depends on more of it than is put together.
        """
        if isinstance(question, View):
            return self._drawn(question, as_of)
        estate = self._gathered(question, as_of) or self.estate(as_of)
        match question:
            case Blast():
                return blast(estate, question)
            case Dependencies():
                return dependencies(estate, question)
            case Removal():
                return removal(estate, question)
            case Score():
                return score(estate, question)
        return self._money(estate, question, as_of)

    def _drawn(self, view: View, as_of: datetime) -> Row:
        if view.around is None:
            with self._of_parts(as_of) as found:
                if found is not None:
                    return drawing(found[1], view, found[0].summed)
        return drawing(self._gathered(view, as_of) or self.estate(as_of), view)

    def _money(
        self, estate: FailureEstate, question: Exposure | MachinesQuestion | WasteQuestion, as_of: datetime
    ) -> Row:
        if isinstance(question, Exposure):
            return exposure(estate, question)
        if isinstance(question, MachinesQuestion):
            return machine_rows(estate, self._documents)
        changes, since = self._history(as_of - FORGOTTEN_AFTER, as_of) if self._history else (None, None)
        return waste(estate, self._documents, question, changes=changes, since=since)

    def _gathered(self, question: Question, as_of: datetime) -> FailureEstate | None:
        """What a question depends on, of a graph in parts; None where the graph is whole."""
        with self._of_parts(as_of) as found:
            if found is None:
                return None
            parts, estate = found
            return estate.with_edges(parts.gathered(reaches(estate, question), estate.failures))

    @contextmanager
    def _of_parts(self, as_of: datetime) -> Iterator[tuple[InParts, FailureEstate] | None]:
        """A graph in parts, kept as it is meanwhile, with an estate of it without edges; None where it is whole."""
        with self._lock:
            with self._parts() as parts:
                names = None if parts is None else parts.names()
            if names is not None:
                self._estate_of(names, as_of)  # reads documents, while changes go on
            with self._parts() as parts:
                yield None if parts is None else (parts, self._estate_of(parts.names(), as_of))

    def estate(self, as_of: datetime) -> FailureEstate:
        """The graph as it is now, with what belongs to it."""
        with self._lock:
            return self._estate_of(self._graph(), as_of)

    def _estate_of(self, graph: AnyGraph, as_of: datetime) -> FailureEstate:
        with self._lock:
            if self._failures is None or self._failures.base is not graph.base:
                self._failures, self._costs = Failures(graph.base), None
            costs = self._costs_of(graph, as_of)
            if self._estate is None or self._estate.graph is not graph or self._estate.costs is not costs:
                self._estate = FailureEstate(graph, self._failures, self._facts.facts(graph), costs, as_of)
            return self._estate

    @property
    def size_bytes(self) -> int:
        """About what is kept, without the graph."""
        failures = self._failures
        return 0 if failures is None else failures.nbytes

    def forget(self) -> None:
        """Let go of everything; the next question works it out anew."""
        with self._lock:
            self._failures = self._costs = self._estate = None
            self._facts = FactBook(self._documents)

    def _costs_of(self, graph: AnyGraph, as_of: datetime) -> ResourceCosts:
        bill = self._billing()
        if self._costs is None or self._costs[0] is not bill or self._costs[1] != as_of.date():
            self._costs = (bill, as_of.date(), costs_of(graph.base, bill, as_of=as_of))
        return self._costs[2]
