"""What a shard does with the parts of tenants' graphs that it holds, when their owners tell it to.

Nothing here asks another shard, so that no two wait for each other; every call can be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from actors.shards.held_parts import HeldParts
from actors.shards.part_messages import (
    Mark,
    PartChanged,
    PartCounts,
    PartEdges,
    PartName,
    PartOpening,
    PartStep,
    Sketch,
    Term,
    Ties,
)
from domain.resource import ConfigurationItem, ResourceId
from domain.tenancy import TenantId
from graph.numbered import Asked, Found, PartSums


class PartFace:
    """Holds parts. The name says whose part it is; the term, who may ask."""

    _held_parts: HeldParts

    def begin_part(self, name: PartName, mark: Mark, opening: PartOpening) -> None:
        """Begin a part anew, at the step that the others are at."""
        self._held_parts.begin(name, mark, opening)

    def read_part(
        self, name: PartName, term: Term, number: int, batch: Sequence[tuple[int, ConfigurationItem]]
    ) -> None:
        """Read a batch of documents, each with its row."""
        self._held_parts.read(name, term, number, batch)

    def finish_part(self, name: PartName, term: Term, batches: int) -> PartChanged:
        """All batches are read."""
        return self._held_parts.finish(name, term, batches)

    def change_part(self, name: PartName, mark: Mark, step: PartStep) -> PartChanged:
        """Take changes as one step, or say which documents that needs."""
        return self._held_parts.change(name, mark, step)

    def part_edges(self, name: PartName, mark: Mark, uids: Sequence[ResourceId]) -> PartEdges:
        """The edges of some sources."""
        return self._held_parts.edges_of(name, mark, uids)

    def part_ties(self, name: PartName, mark: Mark, uid: str, limit: int) -> Ties:
        """What a resource is connected to."""
        return self._held_parts.ties(name, mark, uid, limit)

    def part_counts(self, name: PartName, mark: Mark) -> PartCounts:
        """A part in numbers."""
        return self._held_parts.counts(name, mark)

    def part_names(self, name: PartName, mark: Mark) -> pa.Table:
        """Every resource of the tenant, in order of `resource_key`."""
        return self._held_parts.names_in(name, mark)

    def part_around(self, name: PartName, mark: Mark, asked: Asked) -> Found:
        """The edges at some resources, by number."""
        return self._held_parts.around(name, mark, asked)

    def part_sums(self, name: PartName, mark: Mark, sketch: Sketch) -> PartSums:
        """The edges between nodes of a drawing."""
        return self._held_parts.sums(name, mark, sketch)

    def drop_parts(self, tenant: TenantId, term: Term) -> None:
        """Let go of a tenant's parts of this term and of all before it."""
        self._held_parts.drop(tenant, term)
