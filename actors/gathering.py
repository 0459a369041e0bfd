"""What a question about the whole of a graph in parts is answered from, put together by the graph's owner.

The names of all resources stay with the owner from the first such question on and follow its changes; edges are asked
of the parts for each question. To be used while the graph is kept as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import numpy as np

from actors.part_face import PartFace
from actors.shards.part_messages import Mark, PartName, Sketch
from domain.errors import ConflictError
from domain.resource import RelationshipKind
from domain.tenancy import TenantId
from graph.collapse import Drawn, Sums, added, sums_of
from graph.edge_columns import circles_of, joined, keys_of, strongest
from graph.failing import Failures
from graph.gathering import Gathered, Reach, gathered
from graph.live import Changed
from graph.names import Names
from graph.numbered import NONE_ASKED, Asked, Found, PartSums
from graph.reading import CONTAINS, KIND_CODES
from graph.snapshot import Rows
from graph.view import GraphView

R = TypeVar("R")
P = ParamSpec("P")


class Parts(Protocol):
    """The parts of one graph; a `PartedGraph` has them."""

    def ask(
        self, method: Callable[Concatenate[PartFace, PartName, Mark, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> list[R]:
        """Ask every part."""

    def ask_some(
        self,
        asked: list[int],
        method: Callable[Concatenate[PartFace, PartName, Mark, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> list[R]:
        """Ask some parts by number."""


class Gathering:
    """One tenant's. Not for several threads at once.

    Args:
        edges_max: how many edges may be put together for one question.
        unproven: accounts in which something could not be read.
    """

    def __init__(
        self, parts: Parts, tenant: TenantId, as_of: datetime, *, edges_max: int, unproven: frozenset[str]
    ) -> None:
        self._parts, self._tenant, self._as_of = parts, tenant, as_of
        self._edges_max = edges_max
        self._unproven = unproven
        self._names: Names | None = None
        self._whole: tuple[GraphView, GraphView] | None = None

    @property
    def size_bytes(self) -> int:
        """What is here of what was put together."""
        names_bytes = 0 if self._names is None else self._names.size_bytes
        return names_bytes + (0 if self._whole is None else self._whole[1].whole.size_bytes)

    def names(self) -> GraphView:
        """Every resource as it is now, without edges; the same object while nothing has changed."""
        return self._known().view()

    def gathered(self, reaches: Sequence[Reach], failures: Failures) -> Gathered:
        """The names with the edges that some answers depend on.

        Args:
            failures: of the base of `names`.

        Raises:
            ConflictError: more is reached than may be put together.
        """
        names = self._known()
        return gathered(self._around, names.view(), names.order(), reaches, failures, edges_max=self._edges_max)

    def summed(self, drawn: Drawn) -> Sums:
        """All edges between nodes of a drawing, by rows of `names`.

        Raises:
            ConflictError: more edges lead from part to part than may be put together.
        """
        nodes = drawn.of(self._known().order())
        circles = self._circles()
        answers = self._parts.ask(PartFace.part_sums, Sketch(nodes, circles, self._edges_max))
        self._require_few(sum(each.across for each in answers))
        return added([*(each.inside for each in answers), _across(answers, nodes, circles)])

    def whole(self, *, resources_max: int) -> GraphView:
        """All resources with all edges; the same object while nothing has changed.

        Args:
            resources_max: of more, what is asked of them is too much for one process.

        Raises:
            ConflictError: there are more resources, or more edges than may be put together.
        """
        names = self._known()
        if len(names) > resources_max:
            raise ConflictError(
                "the graph is held in parts, and its documents are more than are judged in one process",
                tenant=self._tenant,
                resources=len(names),
                resources_max=resources_max,
                todo="Have it judged by scans, or raise judged_mib: 1 MiB for 128 resources, in the shards' processes",
            )
        if self._whole is None or self._whole[0] is not names.view():
            every = np.arange(len(names), dtype=np.int32)
            found = self._around(Asked(every, NONE_ASKED, NONE_ASKED, self._edges_max))
            self._require_few(found.count)
            self._whole = names.view(), names.with_edges(strongest(found.edges))
        return self._whole[1]

    def follow(self, changes: Sequence[Changed]) -> None:
        """The parts have taken changes."""
        if self._names is not None:
            self._names.apply(changes)
            self._whole = None

    def mark_unproven(self, accounts: frozenset[str]) -> None:
        """Accounts in which something could not be read, in place of those known so far."""
        self._unproven = accounts
        if self._names is not None:
            self._names.mark_unproven(accounts)

    def forget(self) -> None:
        """Let go of what was put together; the next question has it again from the parts."""
        self._names = self._whole = None

    def _known(self) -> Names:
        if self._names is None:
            table = self._parts.ask_some([0], PartFace.part_names)[0]
            self._names = Names(self._tenant, table, as_of=self._as_of, unproven=self._unproven)
        return self._names

    def _around(self, asked: Asked) -> Found:
        answers = self._parts.ask(PartFace.part_around, asked)
        return Found(sum(each.count for each in answers), joined([each.edges for each in answers]))

    def _circles(self) -> Rows | None:
        """By number, the circle of containment that a resource lies on; None where there is none."""
        size = len(self._known())
        found = self._around(Asked(NONE_ASKED, NONE_ASKED, np.arange(size, dtype=np.int32), self._edges_max))
        self._require_few(found.count)
        edges = found.edges
        circles = circles_of(edges.sources, edges.targets, edges.kinds, size)
        if not circles:
            return None
        numbers = np.full(size, -1, np.int32)
        for number, circle in enumerate(circles):
            numbers[list(circle)] = number
        return numbers

    def _require_few(self, edges: int) -> None:
        if edges > self._edges_max:
            raise ConflictError(
                "the graph is held in parts, and has more edges than are put together for this question",
                tenant=self._tenant,
                resources=len(self._known()),
                edges=edges,
                edges_max=self._edges_max,
                todo=(
                    "Ask of one resource, or for a scope; "
                    "or raise graph_whole_mib and shard_memory_mib, which this bound follows"
                ),
            )


def _across(answers: Sequence[PartSums], nodes: Rows, circles: Rows | None) -> Sums:
    """Edges that several parts may know: each once, as a reference where it lies on a circle of containment."""
    sources, targets, kinds = (
        np.concatenate([getattr(each, name) for each in answers]) for name in ("sources", "targets", "kinds")
    )
    _, first = np.unique(keys_of(sources, targets, kinds), return_index=True)
    sources, targets, kinds = sources[first], targets[first], kinds[first]
    if circles is not None:
        is_on_one = (circles[sources] >= 0) & (circles[sources] == circles[targets]) & (kinds == CONTAINS)
        kinds = np.where(is_on_one, np.uint8(KIND_CODES[RelationshipKind.REFERENCES]), kinds)
    return sums_of(nodes[sources], nodes[targets], kinds)
