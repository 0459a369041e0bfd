"""One part of a graph, asked by the numbers that all its parts know: resources in order of `resource_key`.

Row numbers hold within one process; these hold in every part that has taken the same changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.collapse import Sums, sums_of
from graph.columns import Column
from graph.edge_columns import EdgeColumns
from graph.fold import numbers_of, order_of, resources_of
from graph.patched import EdgeColumns as NumberedEdges
from graph.patched import PatchedEdges
from graph.reading import CONTAINS
from graph.snapshot import Rows
from graph.view import GraphView, columns_of

NONE_ASKED = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Whose edges are wanted, by number.

    Args:
        outs: whose edges to others. ins: whose edges from others. up: whose edges to what contains them.
        edges_max: of more, only how many they are is told.

    Shapes:
        outs, ins, up: int32 (k,).
    """

    outs: Rows
    ins: Rows
    up: Rows
    edges_max: int


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Edges by number; none where `count` is more than was asked for."""

    count: int
    edges: EdgeColumns


@dataclass(frozen=True, slots=True, eq=False)
class PartSums:
    """A part's edges between nodes of a drawing.

    Args:
        inside: counts of edges that this part alone knows.
        across: how many edges others may know too; sources, targets and kinds of each, none where they are too many.
    """

    inside: Sums
    across: int
    sources: Rows
    targets: Rows
    kinds: NDArray[np.uint8]


class Numbered:
    """A part at one version. Safe for several threads."""

    def __init__(self, view: GraphView) -> None:
        self._view = view
        self._order = order_of(view.whole, view.overlay)
        self._numbers = numbers_of(self._order, view.size)

    def names(self) -> pa.Table:
        """Every resource, in order of its number."""
        return resources_of(self._view.whole, self._view.overlay, self._order)

    def around(self, asked: Asked) -> Found:
        """The edges at some resources, as far as this part knows them; an edge that is asked for twice stands twice."""
        edges = PatchedEdges(self._view.base.edges, self._view.patch)
        up = edges.out_of(self._rows(asked.up))
        pieces = [
            edges.out_of(self._rows(asked.outs)),
            edges.into(self._rows(asked.ins)),
            up.where(up.kinds == CONTAINS),
        ]
        count = sum(map(len, pieces))
        if count > asked.edges_max:
            pieces = [piece.where(np.empty(0, np.int64)) for piece in pieces]
        return Found(count, self._columns(pieces))

    def sums(self, owned: NDArray[np.bool_], nodes: Rows, circles: Rows | None, *, edges_max: int) -> PartSums:
        """Edges between nodes of a drawing.

        Args:
            owned: by row, whether its document is read in this part.
            nodes: by number, the node that a resource is drawn in; below zero where it is not drawn.
            circles: by number, the circle of containment that it lies on, else below zero; None where there is none.
            edges_max: of more edges that others may know too, only how many they are is told.
        """
        edges = columns_of(self._view)
        sources, targets = self._numbers[edges.sources], self._numbers[edges.targets]
        is_drawn = (nodes[sources] >= 0) & (nodes[targets] >= 0)
        is_own = owned[edges.sources] & owned[edges.targets]
        if circles is not None:
            is_own &= ~((circles[sources] >= 0) & (circles[sources] == circles[targets]))
        inside, across = np.flatnonzero(is_drawn & is_own), np.flatnonzero(is_drawn & ~is_own)
        count = len(across)
        if count > edges_max:
            across = across[:0]
        summed = sums_of(nodes[sources[inside]], nodes[targets[inside]], edges.kinds[inside])
        return PartSums(summed, count, sources[across], targets[across], edges.kinds[across])

    def _rows(self, numbers: Rows) -> Rows:
        return self._order[numbers].astype(np.int32)

    def _columns(self, pieces: list[NumberedEdges]) -> EdgeColumns:
        base, patch = self._view.base.edges, self._view.patch
        numbers = np.concatenate([piece.numbers for piece in pieces])
        inside = numbers < len(base)
        used = np.unique(base.paths.codes[numbers[inside]])
        places: dict[str, int] = {str(base.paths.values[code]): at for at, code in enumerate(used.tolist())}
        codes = np.empty(len(numbers), np.int32)
        codes[inside] = np.searchsorted(used, base.paths.codes[numbers[inside]])
        codes[~inside] = [
            places.setdefault(patch.paths[at], len(places)) for at in (numbers[~inside] - len(base)).tolist()
        ]
        return EdgeColumns(
            sources=self._numbers[np.concatenate([piece.sources for piece in pieces])],
            targets=self._numbers[np.concatenate([piece.targets for piece in pieces])],
            kinds=np.concatenate([piece.kinds for piece in pieces]),
            strengths=np.concatenate([piece.strengths for piece in pieces]),
            paths=Column(codes, tuple(places)),
        )
