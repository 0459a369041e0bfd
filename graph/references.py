"""Relationships between resources, read out of their documents.

What a document says is `graph.reading`; here the documents of all items are put together: one edge for each source,
target and kind, the hardest first. A string that names something which is not among the items is returned as dangling,
never dropped. The order of the answer depends on the items alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.resource import ConfigurationItem, Relationship, ResourceId
from graph.identifiers import IdentifierIndex
from graph.reading import KINDS, STRENGTHS, Bearing, EdgeKey, Reader

__all__ = ["KINDS", "STRENGTHS", "Dangling", "References", "find_references", "relationships"]


@dataclass(frozen=True, slots=True)
class Dangling:
    """A string in the shape of an id that names no item (or no single one)."""

    source: ResourceId
    path: str
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """Edges as columns, in order of source, target and kind.

    Shapes:
        sources, targets: int32 (e,), rows of the items given.
        kinds, strengths: uint8 (e,), indexes into `KINDS` and `STRENGTHS`.
    """

    uids: tuple[ResourceId, ...]
    sources: NDArray[np.int32]
    targets: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    strengths: NDArray[np.uint8]
    paths: tuple[str, ...]
    dangling: tuple[Dangling, ...]

    def relationships(self) -> tuple[Relationship, ...]:
        """The edges as objects."""
        columns = (self.sources.tolist(), self.targets.tolist(), self.kinds.tolist(), self.strengths.tolist())
        return tuple(
            Relationship(self.uids[source], self.uids[target], KINDS[kind], STRENGTHS[strength], path)
            for source, target, kind, strength, path in zip(*columns, self.paths, strict=True)
        )


def relationships(items: Sequence[ConfigurationItem]) -> tuple[Relationship, ...]:
    """What the items say about each other."""
    return find_references(items).relationships()


def find_references(items: Sequence[ConfigurationItem]) -> References:
    """What the items say about each other, and what they name that is not among them.

    Args:
        items: one per id.
    """
    reader = Reader(IdentifierIndex(items))
    edges: dict[EdgeKey, Bearing] = {}
    dangling: list[Dangling] = []
    for row, item in enumerate(items):
        reading = reader.read(row, item)
        dangling.extend(Dangling(item.uid, path, value) for path, value in reading.dangling)
        for key, bearing in reading.claims.items():
            before = edges.get(key)
            if before is None or bearing < before:
                edges[key] = bearing
    return _ordered(items, edges, tuple(dangling))


def _ordered(
    items: Sequence[ConfigurationItem], edges: dict[EdgeKey, Bearing], dangling: tuple[Dangling, ...]
) -> References:
    ordered = sorted(edges.items())
    keys = np.array([key for key, _ in ordered], np.int32).reshape(-1, 3)
    return References(
        uids=tuple(item.uid for item in items),
        sources=np.ascontiguousarray(keys[:, 0]),
        targets=np.ascontiguousarray(keys[:, 1]),
        kinds=keys[:, 2].astype(np.uint8),
        strengths=np.array([strength for _, (strength, _) in ordered], np.uint8),
        paths=tuple(path for _, (_, path) in ordered),
        dangling=dangling,
    )
