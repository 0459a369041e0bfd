"""Edges as plain columns: merged where several documents claim one, freed of circles of containment, compressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from domain.resource import RelationshipKind, Strength
from graph.columns import Column
from graph.components import components
from graph.reading import CONTAINS, KIND_CODES, STRENGTHS
from graph.snapshot import Edges, Rows

_BITS_PER_ROW = 29
_BITS_PER_KIND = 4


@dataclass(frozen=True, slots=True, eq=False)
class EdgeColumns:
    """Edges, each with its ends, meaning and place.

    Shapes:
        sources, targets: int32 (e,). kinds, strengths: uint8 (e,).
    """

    sources: Rows
    targets: Rows
    kinds: NDArray[np.uint8]
    strengths: NDArray[np.uint8]
    paths: Column

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, numbers: NDArray[np.int64]) -> EdgeColumns:
        """Some of the edges, in the order given."""
        return EdgeColumns(
            self.sources[numbers],
            self.targets[numbers],
            self.kinds[numbers],
            self.strengths[numbers],
            Column(self.paths.codes[numbers], self.paths.values),
        )


def keys_of(sources: Rows, targets: Rows, kinds: NDArray[np.uint8]) -> NDArray[np.int64]:
    """One number for each edge, in order of source, target and kind."""
    key = sources.astype(np.int64) << _BITS_PER_ROW | targets
    return key << _BITS_PER_KIND | kinds


def strongest(edges: EdgeColumns) -> EdgeColumns:
    """One edge for each source, target and kind, in that order: the hardest, then the first place by name."""
    values = [str(value) for value in edges.paths.values]
    rank = np.empty(len(values), np.int32)
    rank[sorted(range(len(values)), key=values.__getitem__)] = np.arange(len(values), dtype=np.int32)
    places = rank[edges.paths.codes] if values else edges.paths.codes
    keys = keys_of(edges.sources, edges.targets, edges.kinds)
    order = np.lexsort((places, edges.strengths, keys))
    is_first = np.ones(len(order), bool)
    is_first[1:] = keys[order][1:] != keys[order][:-1]
    return edges.take(order[is_first])


def joined(pieces: Sequence[EdgeColumns]) -> EdgeColumns:
    """Some edges, then others."""
    codes: dict[str, int] = {}
    places = []
    for piece in pieces:
        own = np.array([codes.setdefault(str(value), len(codes)) for value in piece.paths.values], np.int32)
        places.append(own[piece.paths.codes] if len(own) else piece.paths.codes)
    return EdgeColumns(
        sources=np.concatenate([piece.sources for piece in pieces]),
        targets=np.concatenate([piece.targets for piece in pieces]),
        kinds=np.concatenate([piece.kinds for piece in pieces]),
        strengths=np.concatenate([piece.strengths for piece in pieces]),
        paths=Column(np.concatenate(places), tuple(codes)),
    )


def circles_of(sources: Rows, targets: Rows, kinds: NDArray[np.uint8], size: int) -> tuple[tuple[int, ...], ...]:
    """Groups of rows that contain each other, each in ascending order."""
    contains = kinds == CONTAINS
    labels = components(sources[contains], targets[contains], size)
    sizes = np.bincount(labels, minlength=1)
    members = np.flatnonzero(sizes[labels] > 1) if len(labels) else np.empty(0, np.int64)
    groups: dict[int, list[int]] = {}
    for row in members.tolist():
        groups.setdefault(int(labels[row]), []).append(row)
    return tuple(sorted(tuple(group) for group in groups.values()))


def without_circles(edges: EdgeColumns, circles: Sequence[Sequence[int]], size: int) -> tuple[EdgeColumns, Rows]:
    """The same edges, with those inside a circle of containment as soft references, and the numbers of these."""
    if not circles:
        return edges, np.empty(0, np.int32)
    group = np.full(size, -1, np.int32)
    for number, circle in enumerate(circles):
        group[list(circle)] = number
    source, target = group[edges.sources], group[edges.targets]
    inside = (edges.kinds == CONTAINS) & (source == target) & (source >= 0)
    kinds, strengths = edges.kinds.copy(), edges.strengths.copy()
    kinds[inside] = KIND_CODES[RelationshipKind.REFERENCES]
    strengths[inside] = STRENGTHS.index(Strength.SOFT)
    return replace(edges, kinds=kinds, strengths=strengths), np.flatnonzero(inside).astype(np.int32)


def compressed(edges: EdgeColumns, size: int) -> Edges:
    """Compressed rows both ways; edges are in order of source, target and kind."""
    by_target = np.argsort(edges.targets, kind="stable").astype(np.int32)
    return Edges(
        starts=starts_of(edges.sources, size),
        targets=edges.targets,
        kinds=edges.kinds,
        strengths=edges.strengths,
        starts_in=starts_of(edges.targets, size),
        sources_in=edges.sources[by_target],
        numbers_in=by_target,
        paths=edges.paths,
    )


def starts_of(ends: Rows, size: int) -> Rows:
    """Where the entries of each row start, for entries in order of their rows."""
    starts = np.zeros(size + 1, np.int32)
    np.cumsum(np.bincount(ends, minlength=size)[:size], out=starts[1:])
    return starts


def coded(texts: Sequence[str]) -> Column:
    """Texts as a column."""
    codes: dict[str, int] = {}
    numbers = np.array([codes.setdefault(text, len(codes)) for text in texts], np.int32)
    return Column(numbers, tuple(codes))
