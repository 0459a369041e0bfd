"""What questions about failures read out of documents: how much a resource matters, and where it runs.

Few resources differ in both, so that each distinct pair is kept once, with a code for each row. Documents are read
once: what is known of a resource moves with it into a new base, unless its document has become another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assessment.worth import UNSTATED, Floats, Standing, standing_of
from domain.resource import ConfigurationItem, resource_key
from graph.places import Place, Places, place_of
from graph.snapshot import Rows, Snapshot
from graph.whole import AnyGraph

Documents: TypeAlias = "Callable[[Sequence[str]], Sequence[ConfigurationItem]]"
"""Where documents are found by id; what is not there is left out. A store's `documents` is one."""

BATCH: Final = 2_000
_NONE: Final = -1


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of one resource."""

    standing: Standing
    place: Place


UNKNOWN: Final = Fact(UNSTATED, Place(frozenset(), frozenset(), is_spread=False))


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Facts of rows.

    Args:
        codes: int32 (n,), index into `known`; -1 for a row without a resource.
    """

    codes: Rows
    known: tuple[Fact, ...]

    def of(self, row: int) -> Fact:
        """One resource's."""
        code = int(self.codes[row])
        return UNKNOWN if code == _NONE else self.known[code]

    def places(self) -> Places:
        """Where every row runs."""
        return Places(self.codes, [fact.place for fact in self.known])

    def factors(self) -> Floats:
        """What multiplies the cost of every row; nothing where there is no resource."""
        found: Floats = np.array([*(fact.standing.factor for fact in self.known), 0.0])[self.codes]
        return found


NO_FACTS: Final = Facts(np.zeros(0, np.int32), ())


class FactBook:
    """Facts of a graph that changes, by version. Not for several threads."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._number: dict[Fact, int] = {}
        self._base: Snapshot | None = None
        self._codes = NO_FACTS.codes
        self._changed: dict[int, tuple[str, int]] = {}

    def facts(self, graph: AnyGraph) -> Facts:
        """The facts of a graph as it is now; only documents that were not read yet are read."""
        if self._base is not graph.base:
            self._move(graph.base)
        self._read_changed(graph)
        codes = np.concatenate([self._codes, np.full(graph.size - len(self._codes), _NONE, np.int32)])
        for row, (_, code) in self._changed.items():
            codes[row] = code
        codes[list(graph.gone)] = _NONE
        return Facts(codes, tuple(self._number))

    def _move(self, base: Snapshot) -> None:
        """Take what is known of resources along into another base, and read the rest."""
        uids, digests = (base.resources.column(name).combine_chunks() for name in ("uid", "digest"))
        codes = np.full(len(base), _NONE, np.int32)
        if self._base is not None:
            former = [self._base.resources.column(name).combine_chunks() for name in ("uid", "digest")]
            at = pc.index_in(uids, value_set=former[0]).fill_null(_NONE).to_numpy(zero_copy_only=False)
            found = np.flatnonzero(at >= 0)
            same = pc.equal(digests.take(pa.array(found)), former[1].take(pa.array(at[found])))
            kept = found[same.to_numpy(zero_copy_only=False)]
            codes[kept] = self._codes[at[kept]]
        self._base, self._changed = base, {}
        rows = np.flatnonzero(codes == _NONE).tolist()
        for row, code in self._read([(row, uids[row].as_py()) for row in rows]):
            codes[row] = code
        self._codes = codes

    def _read_changed(self, graph: AnyGraph) -> None:
        now = {row: graph.resource(row) for row in graph.changed if row not in graph.gone}
        self._changed = {row: each for row, each in self._changed.items() if row in now}
        stale = [
            (row, each.uid)
            for row, each in now.items()
            if row not in self._changed or self._changed[row][0] != each.digest
        ]
        for row, code in self._read(stale):
            self._changed[row] = (now[row].digest, code)

    def _read(self, rows: Sequence[tuple[int, str]]) -> Iterator[tuple[int, int]]:
        """The codes of some rows, by id."""
        for start in range(0, len(rows), BATCH):
            row_of = {resource_key(uid): row for row, uid in rows[start : start + BATCH]}
            for item in self._documents([uid for _, uid in rows[start : start + BATCH]]):
                fact = Fact(standing_of(item.tags), place_of(item))
                yield row_of[resource_key(item.uid)], self._number.setdefault(fact, len(self._number))
