"""The parts of tenants' graphs that a shard holds, for whichever shards own the tenants.

A part belongs to the latest term of its tenant: whoever owned the tenant before can neither read nor change it. Parts
take their share of the shard's memory; one that nobody has asked for a while goes where another needs its room, and its
owner has it read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from time import monotonic
from typing import Final

import pyarrow as pa

from actors.shards.held_part import HeldPart, not_held
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
from domain.errors import ConflictError, UnavailableError
from domain.resource import ConfigurationItem, ResourceId
from domain.tenancy import TenantId
from graph.numbered import Asked, Found, PartSums

QUIET_S: Final = 60.0
"""After so long without a question a part goes where room is needed."""


class HeldParts:
    """Safe for several threads.

    Args:
        budget_bytes: what all parts may take together.
        told: hears what they take, each time that it has changed.
    """

    def __init__(
        self,
        budget_bytes: int,
        *,
        told: Callable[[int], None] = lambda _: None,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._told = told
        self._now_s = now_s
        self._lock = Lock()
        self._parts: dict[PartName, HeldPart] = {}
        self._used_s: dict[PartName, float] = {}

    @property
    def used_bytes(self) -> int:
        """What the parts take together."""
        return sum(part.size_bytes for part in tuple(self._parts.values()))

    @property
    def names(self) -> tuple[PartName, ...]:
        """What is held."""
        return tuple(self._parts)

    def begin(self, name: PartName, mark: Mark, opening: PartOpening) -> None:
        """Begin a part anew; what was held of it is let go of.

        Raises:
            ConflictError: a later owner has it.
            UnavailableError: there is no memory for it now.
        """
        with self._lock:
            self._require_latest(name, mark.term)
            self._remove([name])
            self._make_room(name, opening.size_bytes)
        part = HeldPart(name, mark, opening)
        with self._lock:
            self._require_latest(name, mark.term)
            self._parts[name] = part
            self._used_s[name] = self._now_s()
            self._told(self.used_bytes)

    def read(self, name: PartName, term: Term, number: int, batch: Sequence[tuple[int, ConfigurationItem]]) -> None:
        """Read a batch of documents."""
        self._part(name, term).read(number, batch)

    def finish(self, name: PartName, term: Term, batches: int) -> PartChanged:
        """End reading."""
        found = self._part(name, term).finish(batches)
        self._told(self.used_bytes)
        return found

    def change(self, name: PartName, mark: Mark, step: PartStep) -> PartChanged:
        """Take changes as one step.

        Raises:
            ConflictError: a later owner has it.
            UnavailableError: the part is not held in the state that is meant.
        """
        found = self._part(name, mark.term).change(mark, step)
        self._told(self.used_bytes)
        return found

    def edges_of(self, name: PartName, mark: Mark, uids: Sequence[ResourceId]) -> PartEdges:
        """The edges of some sources."""
        return self._part(name, mark.term).edges_of(mark, uids)

    def ties(self, name: PartName, mark: Mark, uid: str, limit: int) -> Ties:
        """What a resource is connected to."""
        return self._part(name, mark.term).ties(mark, uid, limit=limit)

    def counts(self, name: PartName, mark: Mark) -> PartCounts:
        """A part in numbers."""
        return self._part(name, mark.term).counts(mark)

    def names_in(self, name: PartName, mark: Mark) -> pa.Table:
        """Every resource of a part's tenant."""
        return self._part(name, mark.term).names(mark)

    def around(self, name: PartName, mark: Mark, asked: Asked) -> Found:
        """The edges at some resources."""
        return self._part(name, mark.term).around(mark, asked)

    def sums(self, name: PartName, mark: Mark, sketch: Sketch) -> PartSums:
        """The edges between nodes of a drawing."""
        return self._part(name, mark.term).sums(mark, sketch)

    def drop(self, tenant: TenantId, term: Term) -> None:
        """Let go of a tenant's parts of this term and of all before it."""
        with self._lock:
            found = [name for name, part in self._parts.items() if name.tenant == tenant and part.term <= term]
            self._remove(found)

    def close(self) -> None:
        """Let go of every part."""
        with self._lock:
            self._remove(list(self._parts))

    def _part(self, name: PartName, term: Term) -> HeldPart:
        with self._lock:
            self._require_latest(name, term)
            part = self._parts.get(name)
            if part is None or part.term != term:
                raise not_held(name, "it is not here")
            self._used_s[name] = self._now_s()
            return part

    def _require_latest(self, name: PartName, term: Term) -> None:
        held = self._parts.get(name)
        if held is None or held.term <= term:
            return
        if held.term.epoch > term.epoch:
            raise ConflictError(
                "another shard owns the tenant now",
                tenant=name.tenant,
                epoch=term.epoch,
                latest=held.term.epoch,
                todo="Repeat the request",
            )
        raise not_held(name, "it was read again since")

    def _make_room(self, name: PartName, coming_bytes: int) -> None:
        """Have the longest unused go, as far as they are quiet."""
        quiet = sorted(
            (each for each, used_s in self._used_s.items() if self._now_s() - used_s >= QUIET_S),
            key=self._used_s.__getitem__,
        )
        for each in quiet:
            if self.used_bytes + coming_bytes <= self._budget_bytes:
                return
            self._remove([each])
        if self.used_bytes + coming_bytes > self._budget_bytes:
            raise UnavailableError(
                "no memory for a part of a graph",
                tenant=name.tenant,
                part=name.number,
                wanted_bytes=coming_bytes,
                used_bytes=self.used_bytes,
                budget_bytes=self._budget_bytes,
                retry_after_s=5,
                todo="Add shards, or raise shard_memory_mib",
            )

    def _remove(self, names: Iterable[PartName]) -> None:
        for name in names:
            self._parts.pop(name, None)
            self._used_s.pop(name, None)
        self._told(self.used_bytes)
