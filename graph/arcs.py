"""The arcs of one failure mode: edges turned so that each leads from what fails to what it hits.

Made once from a base and kept beside it. An arc depends on its edge alone, and a set of alternatives on the number of
its arcs, so that a change of edges costs its own size (`graph.failing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.failure import PROPAGATION, REDUNDANT, FailureMode, Way
from graph.patched import EdgeColumns
from graph.redundancy import ONE, Redundancy
from graph.references import KINDS, STRENGTHS
from graph.snapshot import Rows, Snapshot

_NONE: Final = 255
_OWN: Final = 254
_WAYS: Final = len(Way)
CLASSES: Final = (_WAYS + 1) * len(KINDS)
"""A set of alternatives is named by whom it keeps alive and a class: a kind of edge, and whether the edges are its own,
come the other way, or are its members'. So no origin counts twice in one set."""


@dataclass(frozen=True, slots=True, eq=False)
class Arcs:
    """The arcs out of every node.

    Args:
        groups: for redundant arcs the number of their set of alternatives, else -1.
        group_keys: hit * `CLASSES` + class of each set, ascending. group_sizes: how many alternatives it has.
        group_losses: how many losses of alternatives the hit does not survive.

    Shapes:
        starts: int64 (n + 1,) over `hits`, `strengths`, `groups`, `numbers`, all (a,), ordered by origin.
    """

    starts: NDArray[np.int64]
    hits: Rows
    strengths: NDArray[np.uint8]
    groups: Rows
    numbers: Rows
    group_keys: NDArray[np.int64]
    group_sizes: Rows
    group_losses: Rows

    @property
    def group_hits(self) -> Rows:
        """Whom each set keeps alive."""
        return (self.group_keys // CLASSES).astype(np.int32)

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        columns = (self.starts, self.hits, self.strengths, self.groups, self.numbers, self.group_keys)
        return sum(column.nbytes for column in columns) + self.group_sizes.nbytes + self.group_losses.nbytes


@dataclass(frozen=True, slots=True, eq=False)
class LooseArcs:
    """Arcs in no particular order; `keys` is the set of alternatives of a redundant one, else -1."""

    origins: Rows
    hits: Rows
    strengths: NDArray[np.uint8]
    keys: NDArray[np.int64]
    numbers: Rows


class Types:
    """Lower-case type names of rows as numbers; rows that come later are added behind.

    Args:
        codes: int32 (n,), index into `names` by row.
    """

    def __init__(self, codes: Rows, names: Sequence[str]) -> None:
        self.codes = codes
        self.names = tuple(names)

    @classmethod
    def of(cls, snapshot: Snapshot) -> Types:
        """The types of a snapshot's rows."""
        column = snapshot.resources.column("type").combine_chunks()
        spelled = [str(name).lower() for name in column.dictionary.to_pylist()]
        names = sorted(set(spelled))
        place = {name: code for code, name in enumerate(names)}
        codes = np.array([place[name] for name in spelled], np.int32)
        indices = np.asarray(column.indices, dtype=np.int32)
        return cls(codes[indices] if len(codes) else np.zeros(0, np.int32), names)

    def patched(self, size: int, types: Mapping[int, str]) -> Types:
        """So many rows, some of them of other types or new."""
        place = {name: code for code, name in enumerate(self.names)}
        codes = np.full(size, place.setdefault("", len(place)), np.int32)
        codes[: len(self.codes)] = self.codes
        for row, name in types.items():
            codes[row] = place.setdefault(name.lower(), len(place))
        return Types(codes, tuple(place))

    def other_than(self, types: Mapping[int, str]) -> Rows:
        """Which of these rows are known here and of another type."""
        known = ((row, name) for row, name in types.items() if row < len(self.codes))
        rows = [row for row, name in known if self.names[int(self.codes[row])] != name.lower()]
        return np.array(sorted(rows), np.int32)


class ArcRules:
    """One failure mode's table and the rules of redundancy, ready for columns of edges."""

    def __init__(self, failure: FailureMode, types: Types, redundancy: Redundancy) -> None:
        self._types = types
        self._redundancy = redundancy
        self._carried = np.full((_WAYS, len(KINDS)), _NONE, np.uint8)
        for carrier in PROPAGATION[failure]:
            strength = _OWN if carrier.strength is None else STRENGTHS.index(carrier.strength)
            self._carried[list(Way).index(carrier.way), KINDS.index(carrier.kind)] = strength
        self._members = [
            (KINDS.index(rule.kind), types.names.index(rule.owner), types.names.index(rule.member))
            for rule in redundancy.members
            if rule.owner in types.names and rule.member in types.names
        ]

    def arcs(self, edges: EdgeColumns) -> LooseArcs:
        """The arcs of some edges."""
        sources, targets, kinds, numbers = edges.sources, edges.targets, edges.kinds, edges.numbers
        parts = []
        for way, (origins, hits) in enumerate(((targets, sources), (sources, targets))):
            carried = self._carried[way][kinds]
            carried = np.where(carried == _OWN, edges.strengths, carried)
            at = np.flatnonzero((carried != _NONE) & (origins != hits))
            keys = _keys(hits[at], kinds[at], carried[at], way)
            parts.append(LooseArcs(origins[at], hits[at], carried[at], keys, numbers[at]))
        at = self._of_members(sources, targets, kinds)
        lost = np.full(len(at), REDUNDANT, np.uint8)
        keys = _keys(targets[at], kinds[at], lost, _WAYS)
        parts.append(LooseArcs(sources[at], targets[at], lost, keys, numbers[at]))
        return LooseArcs(
            np.concatenate([part.origins for part in parts]),
            np.concatenate([part.hits for part in parts]),
            np.concatenate([part.strengths for part in parts]),
            np.concatenate([part.keys for part in parts]),
            np.concatenate([part.numbers for part in parts]),
        )

    def are_hit_by_sources(self, rows: Rows) -> NDArray[np.bool_]:
        """Which nodes a failure may come to from the sources of edges to them; it comes to all from their targets."""
        if (self._carried[list(Way).index(Way.TO_TARGET)] != _NONE).any():
            return np.ones(len(rows), np.bool_)
        owners = np.array([owner for _, owner, _ in self._members], np.int32)
        return np.isin(self._types.codes[rows], owners)

    def losses(self, keys: NDArray[np.int64], sizes: Rows) -> Rows:
        """How many losses each set of alternatives does not survive."""
        hits, classes = np.divmod(keys, CLASSES)
        losses = ONE.losses(sizes)
        if not len(keys):
            return losses
        owners = self._types.codes[hits].astype(np.int64) * CLASSES + classes
        needs = {(name, KINDS.index(kind)): need for (name, kind), need in self._redundancy.needs.items()}
        needs |= {
            (rule.owner, _WAYS * len(KINDS) + KINDS.index(rule.kind)): rule.need for rule in self._redundancy.members
        }
        for owner in np.unique(owners).tolist():
            code, number = divmod(owner, CLASSES)
            need = needs.get((self._types.names[code], number), ONE)
            if need != ONE:
                chosen = owners == owner
                losses[chosen] = need.losses(sizes[chosen])
        return losses

    def _of_members(self, sources: Rows, targets: Rows, kinds: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Places of the edges of members to their groups."""
        found = [np.zeros(0, np.int64)]
        for kind, owner, member in self._members:
            places = np.flatnonzero(kinds == kind)
            places = places[self._types.codes[targets[places]] == owner]
            found.append(places[self._types.codes[sources[places]] == member])
        members: NDArray[np.int64] = np.sort(np.concatenate(found))
        others: NDArray[np.int64] = members[sources[members] != targets[members]]
        return others


def _keys(hits: Rows, kinds: NDArray[np.uint8], strengths: NDArray[np.uint8], side: int) -> NDArray[np.int64]:
    keys = hits.astype(np.int64) * CLASSES + side * len(KINDS) + kinds
    keys[strengths != REDUNDANT] = -1
    return keys


def arcs_of(
    snapshot: Snapshot, failure: FailureMode, redundancy: Redundancy | None = None, *, types: Types | None = None
) -> Arcs:
    """The arcs of one failure mode over a whole snapshot.

    Args:
        types: of the snapshot's rows, where they are known already.
    """
    edges = snapshot.edges
    rules = ArcRules(failure, types or Types.of(snapshot), redundancy or Redundancy())
    targets = np.repeat(np.arange(len(snapshot), dtype=np.int32), np.diff(edges.starts_in))
    numbers = edges.numbers_in
    columns = EdgeColumns(numbers, edges.sources_in, targets, edges.kinds[numbers], edges.strengths[numbers])
    return _ordered(len(snapshot), rules.arcs(columns), rules)


def _ordered(size: int, loose: LooseArcs, rules: ArcRules) -> Arcs:
    order = np.argsort(loose.origins, kind="stable")
    starts = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(loose.origins, minlength=size), out=starts[1:])
    groups = np.full(len(order), -1, np.int32)
    keys = loose.keys[order]
    redundant = np.flatnonzero(keys >= 0)
    sets, inverse, counts = np.unique(keys[redundant], return_inverse=True, return_counts=True)
    groups[redundant] = inverse
    sizes: Rows = counts.astype(np.int32)
    return Arcs(
        starts=starts,
        hits=loose.hits[order],
        strengths=loose.strengths[order],
        groups=groups,
        numbers=loose.numbers[order],
        group_keys=sets,
        group_sizes=sizes,
        group_losses=rules.losses(sets, sizes),
    )
