"""The edges of a live graph: those of its base, less and more what documents that were read again say.

An edge stands as long as one of the documents at its ends claims it, with the hardest claim. So two documents are asked
about an edge, never all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from domain.resource import RelationshipKind, Strength
from graph.base import Base, Knowledge
from graph.circles import Circles
from graph.reading import CONTAINS, KIND_CODES, STRENGTHS, Bearing, EdgeKey, Reading
from graph.view import Standing

_REFERENCES = KIND_CODES[RelationshipKind.REFERENCES]
_SOFT = STRENGTHS.index(Strength.SOFT)


class LiveEdges:
    """Edges that differ from the base.

    Args:
        breaks_circles: whether edges on a circle of containment become references.

    Attributes:
        added: how an edge stands that the base does not have so, by its ends and the kind that was claimed.
        gone: numbers of edges of the base that do not stand so any longer.
    """

    def __init__(self, base: Base, knowledge: Knowledge, *, breaks_circles: bool = True) -> None:
        self._breaks_circles = breaks_circles
        self._base = base
        self._knowledge = knowledge
        self.readings: dict[int, Reading] = {}
        self.added: dict[EdgeKey, Standing] = {}
        self.gone: set[int] = set()
        self._by_source: dict[int, set[EdgeKey]] = {}
        self._circles = Circles(base.groups, self._containers)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Circles of containment."""
        return self._circles.groups

    def replace(self, readings: dict[int, Reading]) -> set[int]:
        """Put what documents say now in place of what they said.

        Returns:
            Sources of edges that have come, gone or changed.
        """
        differing: set[EdgeKey] = set()
        for row, reading in readings.items():
            before = self._claims(row)
            differing |= {key for key, _ in before.items() ^ reading.claims.items()}
            self.readings[row] = reading
        changed = {key[0] for key in differing if self._stand(key)}
        contained = {row for key in differing if key[2] == CONTAINS for row in key[:2]}
        for row in self._circles.update(contained) if self._breaks_circles else ():
            keys = [(row, container, CONTAINS) for container in self._containers(row)]
            changed |= {row for key in keys if self._stand(key)}
        return changed

    def of(self, source: int) -> list[tuple[int, Standing]]:
        """The edges of one source: target and how it stands."""
        found = [(self._target(number), self._standing(number)) for number in self._numbers(source)]
        found += [(key[1], self.added[key]) for key in self._by_source.get(source, ())]
        return sorted(found)

    def _stand(self, key: EdgeKey) -> bool:
        """Let an edge stand as its documents now say; whether that is a change."""
        wanted = self._wanted(key)
        before = self.added.get(key)
        number = self._number(key)
        in_base = None if number is None else self._standing(number)
        if before is None and number is not None and number not in self.gone:
            before = in_base
        if number is not None:
            (self.gone.discard if wanted == in_base else self.gone.add)(number)
        if wanted is None or wanted == in_base:
            if self.added.pop(key, None) is not None:
                self._by_source[key[0]].discard(key)
        else:
            self.added[key] = wanted
            self._by_source.setdefault(key[0], set()).add(key)
        return wanted != before

    def _wanted(self, key: EdgeKey) -> Standing | None:
        bearings = [found for end in key[:2] if (found := self._bearing(end, key)) is not None]
        if not bearings:
            return None
        strength, path = min(bearings)
        if key[2] == CONTAINS and self._circles.joins(*key[:2]):
            return _REFERENCES, _SOFT, path
        return key[2], strength, path

    def _claims(self, row: int) -> dict[EdgeKey, Bearing]:
        reading = self.readings.get(row)
        if reading is not None:
            return reading.claims
        return self._knowledge.claims.of(row) if row < len(self._base) else {}

    def _bearing(self, row: int, key: EdgeKey) -> Bearing | None:
        reading = self.readings.get(row)
        if reading is not None:
            return reading.claims.get(key)
        return self._knowledge.claims.bearing(row, key) if row < len(self._base) else None

    def _containers(self, row: int) -> Iterator[int]:
        """What contains a row, circles or not."""
        for number in self._numbers(row):
            if self._claimed_kind(number) == CONTAINS:
                yield self._target(number)
        for key in self._by_source.get(row, ()):
            if key[2] == CONTAINS:
                yield key[1]

    def _numbers(self, source: int) -> Iterator[int]:
        """Edges of a source that the base has and that still stand."""
        if source < len(self._base):
            starts = self._base.snapshot.edges.starts
            for number in range(int(starts[source]), int(starts[source + 1])):
                if number not in self.gone:
                    yield number

    def _number(self, key: EdgeKey) -> int | None:
        """The base's edge of a claim, however it stands."""
        source, target, kind = key
        if source >= len(self._base):
            return None
        edges = self._base.snapshot.edges
        start, end = int(edges.starts[source]), int(edges.starts[source + 1])
        for number in (np.flatnonzero(edges.targets[start:end] == target) + start).tolist():
            if self._claimed_kind(number) == kind:
                return int(number)
        return None

    def _claimed_kind(self, number: int) -> int:
        broken = self._base.broken
        if len(broken):
            at = int(np.searchsorted(broken, number))
            if at < len(broken) and int(broken[at]) == number:
                return CONTAINS
        return int(self._base.snapshot.edges.kinds[number])

    def _target(self, number: int) -> int:
        return int(self._base.snapshot.edges.targets[number])

    def _standing(self, number: int) -> Standing:
        edges = self._base.snapshot.edges
        return int(edges.kinds[number]), int(edges.strengths[number]), str(edges.paths.value(number))
