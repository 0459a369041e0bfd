"""One part of a tenant's graph as a shard holds it: learnt from what its owner sends, then changed step by step.

A part asks nobody: what it needs comes with a call, so that two shards never wait for each other. It answers for the
one state that it is in, and for no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import blake2b
from heapq import nsmallest
from threading import RLock
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

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
    Tie,
    Ties,
    tie_of,
)
from domain.errors import InputError, UnavailableError
from domain.resource import ConfigurationItem, ResourceId, resource_key
from graph.learn import Learning
from graph.live import WHOLE_AT_LEAST, LiveGraph
from graph.numbered import Asked, Found, Numbered, PartSums
from graph.reading import KINDS
from graph.view import Edge, GraphView, columns_of

STEP_MAX: Final = WHOLE_AT_LEAST
"""Changes of one step: of more, a graph would read every document again."""


class HeldPart:
    """Safe for several threads.

    Args:
        step: that of its owner's other parts when it was begun.
    """

    def __init__(self, name: PartName, mark: Mark, opening: PartOpening) -> None:
        self._name = name
        self.term: Term = mark.term
        self._step = mark.step
        self._plan = opening.plan
        self._owns = opening.plan.owns(name.number)
        self._lock = RLock()
        self._learning: Learning | None = Learning(
            name.tenant, opening.resources, as_of=opening.as_of, breaks_circles=False
        )
        self._expected_bytes = opening.size_bytes
        self._batches = 0
        self._live: LiveGraph | None = None
        self._at_hand: dict[str, ConfigurationItem | None] = {}
        self._last = PartChanged()
        self._counts: PartCounts | None = None
        self._numbered: Numbered | None = None

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, or will when it is read."""
        live = self._live
        return self._expected_bytes if live is None else live.size_bytes

    def read(self, number: int, batch: Sequence[tuple[int, ConfigurationItem]]) -> None:
        """Read one batch of documents after the other; a batch that was read is passed over."""
        with self._lock:
            if self._learning is None or number < self._batches:
                return
            if number > self._batches:
                raise self._lost("a batch of documents is missing")
            self._learning.read(batch)
            self._batches += 1

    def finish(self, batches: int) -> PartChanged:
        """End reading: from now on it answers, and takes changes."""
        with self._lock:
            if self._learning is not None:
                if batches != self._batches:
                    raise self._lost("a batch of documents is missing")
                self._live = LiveGraph(self._learning.base(), self._documents, owns=self._owns)
                self._learning = None
                self._last = self._state()
            if self._live is None:
                raise self._lost("a change of it failed half-way")
            return self._last

    def change(self, mark: Mark, step: PartStep) -> PartChanged:
        """Take a step, or say which documents it needs.

        Args:
            mark: the state before it.
        """
        if len(step.changes) > STEP_MAX:
            raise InputError("a step has too many changes", got=len(step.changes), changes_max=STEP_MAX)
        with self._lock:
            if self._live is not None and mark.step == self._step - 1:
                return self._last  # asked once more: the answer was lost
            live = self._at(mark)
            missing = [uid for uid in live.wanted(step.changes) if uid not in step.asked]
            if missing:
                return PartChanged(wanted=tuple(missing))
            self._at_hand = {resource_key(uid): None for uid in step.asked}
            self._at_hand |= {resource_key(item.uid): item for item in step.documents}
            with ExitStack() as undo:
                undo.callback(self._give_up)
                delta = live.apply(step.changes)
                undo.pop_all()
            self._at_hand, self._counts, self._numbered = {}, None, None
            self._step += 1
            self._last = self._state(delta.sources)
            return self._last

    def edges_of(self, mark: Mark, uids: Iterable[ResourceId]) -> PartEdges:
        """The edges of some sources as this part knows them; what is gone has none."""
        with self._lock:
            edges, lost = self._at(mark).edges_of(uids)
        return PartEdges(tuple(edges), tuple(lost))

    def ties(self, mark: Mark, uid: str, *, limit: int) -> Ties:
        """What a resource is connected to as this part knows it: the first by id where it is more than the limit.

        Raises:
            NotFound: there is no such resource.
        """
        with self._lock:
            view = self._at(mark).view()
        row = view.index_of(uid)
        ways_out = ((edge, edge.target) for edge in view.edges_from(row))
        ways_in = ((edge, edge.source) for edge in view.edges_to(row))
        return Ties(view.uid(row), _first(view, ways_out, limit), _first(view, ways_in, limit))

    def counts(self, mark: Mark) -> PartCounts:
        """It in numbers; worked out once for a state."""
        with self._lock:
            live = self._at(mark)
            if self._counts is None:
                view = live.view()
                self._counts = _counted(view, self._owned(view))
            return self._counts

    def names(self, mark: Mark) -> pa.Table:
        """Every resource of the tenant, in order of `resource_key`."""
        return self._by_number(mark)[1].names()

    def around(self, mark: Mark, asked: Asked) -> Found:
        """The edges at some resources as this part knows them."""
        return self._by_number(mark)[1].around(asked)

    def sums(self, mark: Mark, sketch: Sketch) -> PartSums:
        """The edges between nodes of a drawing as this part knows them."""
        view, numbered = self._by_number(mark)
        return numbered.sums(self._owned(view), sketch.nodes, sketch.circles, edges_max=sketch.edges_max)

    def _by_number(self, mark: Mark) -> tuple[GraphView, Numbered]:
        """It, asked by number; made once for a state."""
        with self._lock:
            view = self._at(mark).view()
            if self._numbered is None:
                self._numbered = Numbered(view)
            return view, self._numbered

    def _owned(self, view: GraphView) -> NDArray[np.bool_]:
        """By row, whether its document is read here."""
        owned = np.zeros(view.size, bool)
        owned[: len(view.base)] = self._plan.homes_of(view.base.resources) == self._name.number
        for row in view.changed:
            owned[row] = self._owns(view.scope(row))
        return owned

    def _give_up(self) -> None:
        """What a step left half done is not shown."""
        self._live = None

    def _at(self, mark: Mark) -> LiveGraph:
        if self._live is None or mark != Mark(self.term, self._step):
            raise self._lost("it is in another state")
        return self._live

    def _state(self, sources: frozenset[ResourceId] = frozenset()) -> PartChanged:
        assert self._live is not None
        return PartChanged((), sources, self._live.resources, self._live.size_bytes)

    def _documents(self, uids: Sequence[str]) -> list[ConfigurationItem]:
        found = [self._at_hand[resource_key(uid)] for uid in uids]
        return [item for item in found if item is not None]

    def _lost(self, reason: str) -> UnavailableError:
        return not_held(self._name, reason)


def not_held(name: PartName, reason: str) -> UnavailableError:
    """A part has to be read again."""
    return UnavailableError(
        "a part of the graph is not held as it was asked for",
        tenant=name.tenant,
        part=name.number,
        reason=reason,
        is_part_lost=True,
        retry_after_s=1,
        todo="Repeat the request: the owner has the part read again",
    )


def _first(view: GraphView, edges: Iterator[tuple[Edge, int]], limit: int) -> tuple[Tie, ...]:
    return tuple(nsmallest(limit, (tie_of(view, edge, other) for edge, other in edges), key=place_of))


def place_of(tie: Tie) -> tuple[str, str]:
    """Where an edge stands among those of one resource."""
    return resource_key(tie.resource_id), tie.kind


def _counted(view: GraphView, owned: NDArray[np.bool_]) -> PartCounts:
    edges = columns_of(view)
    is_inside = owned[edges.sources] & owned[edges.targets]
    across = np.flatnonzero(~is_inside)
    columns = (edges.sources[across], edges.targets[across], edges.kinds[across])
    numbers = [
        _number(resource_key(view.uid(source)), resource_key(view.uid(target)), KINDS[kind].value)
        for source, target, kind in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return PartCounts(int(is_inside.sum()), np.array(numbers, np.uint64), len(view.dangling))


def _number(source: str, target: str, kind: str) -> int:
    text = "\0".join((source, target, kind)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
