"""The edges of a base as a patch leaves them: by ends, at the cost of what is asked for.

Edges of the base keep their numbers; those of the patch are numbered behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.patch import EdgePatch
from graph.snapshot import Edges, Rows

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class EdgeColumns:
    """Some edges. Shapes: int32 (e,) but `kinds` and `strengths`, which are uint8 (e,)."""

    numbers: Rows
    sources: Rows
    targets: Rows
    kinds: NDArray[np.uint8]
    strengths: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.numbers)

    def where(self, chosen: NDArray[np.bool_] | Places) -> EdgeColumns:
        """Some of them, by mask or by place."""
        return EdgeColumns(
            self.numbers[chosen],
            self.sources[chosen],
            self.targets[chosen],
            self.kinds[chosen],
            self.strengths[chosen],
        )


@dataclass(frozen=True, slots=True)
class Link:
    """One edge by rows; `path` is where it was found."""

    source: int
    target: int
    kind: int
    strength: int
    path: str


class PatchedEdges:
    """Edges of a base, without those that a patch takes away, and with those that it adds."""

    def __init__(self, base: Edges, patch: EdgePatch | None = None) -> None:
        self.base = base
        self.patch = patch
        self.size = len(base.starts) - 1 if patch is None else patch.size

    def out_of(self, rows: Rows) -> EdgeColumns:
        """The edges whose sources are these: what they depend on or belong to."""
        _, places = expanded(self.base.starts, self._of_base(rows))
        found = self._still_there(places.astype(np.int32))
        if self.patch is None or not len(self.patch.sources):
            return found
        return _joined(found, self._added(np.isin(self.patch.sources, rows)))

    def into(self, rows: Rows) -> EdgeColumns:
        """The edges whose targets are these: who depends on them or belongs to them."""
        _, places = expanded(self.base.starts_in, self._of_base(rows))
        found = self._still_there(self.base.numbers_in[places])
        if self.patch is None or not len(self.patch.sources):
            return found
        return _joined(found, self._added(np.isin(self.patch.targets, rows)))

    def all(self) -> EdgeColumns:
        """Every edge."""
        found = self._still_there(np.arange(len(self.base), dtype=np.int32))
        if self.patch is None or not len(self.patch.sources):
            return found
        return _joined(found, self._added(np.ones(len(self.patch.sources), np.bool_)))

    def kinds(self, numbers: Rows) -> NDArray[np.uint8]:
        """What some edges mean, by number."""
        if self.patch is None or not len(numbers) or int(numbers.max()) < len(self.base):
            return self.base.kinds[numbers]
        inside = numbers < len(self.base)
        found = np.empty(len(numbers), np.uint8)
        found[inside] = self.base.kinds[numbers[inside]]
        found[~inside] = self.patch.kinds[numbers[~inside] - len(self.base)]
        return found

    def link(self, number: int) -> Link:
        """One edge."""
        edges = self.base
        if number < len(edges):
            source = int(np.searchsorted(edges.starts, number, side="right")) - 1
            kind, strength = int(edges.kinds[number]), int(edges.strengths[number])
            return Link(source, int(edges.targets[number]), kind, strength, str(edges.paths.value(number)))
        patch, at = self.patch, number - len(edges)
        assert patch is not None, "only a patch has further edges"
        kind, strength = int(patch.kinds[at]), int(patch.strengths[at])
        return Link(int(patch.sources[at]), int(patch.targets[at]), kind, strength, patch.paths[at])

    def gone(self) -> EdgeColumns:
        """The edges of the base that the patch takes away."""
        return _of_base(self.base, np.zeros(0, np.int32) if self.patch is None else self.patch.gone)

    def added(self) -> EdgeColumns:
        """The edges that the patch adds."""
        assert self.patch is not None, "only a patch adds edges"
        return self._added(np.ones(len(self.patch.sources), np.bool_))

    def restated(self, rows: Rows) -> EdgePatch:
        """A patch that says the same, but takes every edge at some rows away and adds it again."""
        touched = _joined(self.out_of(rows), self.into(rows))
        touched = touched.where(touched.numbers < len(self.base))
        touched = _of_base(self.base, np.unique(touched.numbers))
        added = _joined(touched, self.added()) if self.patch is not None else touched
        paths = [str(self.base.paths.value(number)) for number in touched.numbers.tolist()]
        paths += () if self.patch is None else self.patch.paths
        order = np.lexsort((added.kinds, added.targets, added.sources))
        return EdgePatch(
            size=self.size,
            gone=np.union1d(self.gone().numbers, touched.numbers).astype(np.int32),
            sources=added.sources[order],
            targets=added.targets[order],
            kinds=added.kinds[order],
            strengths=added.strengths[order],
            paths=tuple(paths[at] for at in order.tolist()),
        )

    def _of_base(self, rows: Rows) -> Rows:
        return rows if self.patch is None else rows[rows < len(self.base.starts) - 1]

    def _still_there(self, numbers: Rows) -> EdgeColumns:
        if self.patch is not None and len(self.patch.gone):
            numbers = numbers[~is_among(self.patch.gone, numbers)]
        return _of_base(self.base, numbers)

    def _added(self, chosen: NDArray[np.bool_]) -> EdgeColumns:
        patch, at = self.patch, np.flatnonzero(chosen)
        assert patch is not None, "only a patch adds edges"
        numbers = (at + len(self.base)).astype(np.int32)
        return EdgeColumns(numbers, patch.sources[at], patch.targets[at], patch.kinds[at], patch.strengths[at])


def expanded(starts: NDArray[Any], rows: Rows) -> tuple[Rows, Places]:
    """For each entry of some compressed rows: its row, and its place."""
    first = starts[rows].astype(np.int64)
    counts = starts[rows + 1] - first
    if len(rows) == 1:
        return np.repeat(rows, counts), np.arange(first[0], first[0] + counts[0], dtype=np.int64)
    ends = np.cumsum(counts)
    offsets = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64)
    return np.repeat(rows, counts), offsets + np.repeat(first - ends + counts, counts)


def is_among(ordered: Rows, values: Rows) -> NDArray[np.bool_]:
    """Which values are in an ascending array."""
    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    found: NDArray[np.bool_] = ordered[at] == values
    return found


def _of_base(edges: Edges, numbers: Rows) -> EdgeColumns:
    sources = (np.searchsorted(edges.starts, numbers, side="right") - 1).astype(np.int32)
    return EdgeColumns(numbers, sources, edges.targets[numbers], edges.kinds[numbers], edges.strengths[numbers])


def _joined(first: EdgeColumns, second: EdgeColumns) -> EdgeColumns:
    return EdgeColumns(
        np.concatenate([first.numbers, second.numbers]),
        np.concatenate([first.sources, second.sources]),
        np.concatenate([first.targets, second.targets]),
        np.concatenate([first.kinds, second.kinds]),
        np.concatenate([first.strengths, second.strengths]),
    )
