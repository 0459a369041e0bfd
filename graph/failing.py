"""What a failure can spread over: the arcs of a base, and what a patch of its edges takes away from them and adds.

The arcs of a base are made once for each failure mode, at first use. A patch is laid over them at the cost of its own
size: arcs of edges that are gone are skipped, added ones follow, and of sets of alternatives only those that lost or
won some are counted anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.arcs import CLASSES, ArcRules, Arcs, LooseArcs, Types, arcs_of
from graph.failure import FailureMode
from graph.patch import EdgePatch
from graph.patched import PatchedEdges, Places, expanded, is_among
from graph.redundancy import Redundancy
from graph.snapshot import Rows, Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class ArcColumns:
    """Some arcs. Numbers from the base's number of edges on are those of the patch."""

    origins: Rows
    hits: Rows
    strengths: NDArray[np.uint8]
    groups: Rows
    numbers: Rows

    def __len__(self) -> int:
        return len(self.origins)

    def joined(self, other: ArcColumns) -> ArcColumns:
        """These, then others."""
        if not len(self) or not len(other):
            return self if len(self) else other
        return ArcColumns(
            np.concatenate([self.origins, other.origins]),
            np.concatenate([self.hits, other.hits]),
            np.concatenate([self.strengths, other.strengths]),
            np.concatenate([self.groups, other.groups]),
            np.concatenate([self.numbers, other.numbers]),
        )


class OutArcs:
    """The arcs out of some nodes, in their order. What else is known of one is read where it is asked for.

    Args:
        origins, hits, strengths: of each. places: of those of the base, which come first. added: those of the patch.
    """

    __slots__ = ("_added", "_arcs", "_places", "hits", "origins", "strengths")

    def __init__(self, arcs: Arcs, origins: Rows, places: Places, added: ArcColumns | None) -> None:
        self._arcs, self._places, self._added = arcs, places, added
        self.origins, self.hits, self.strengths = origins, arcs.hits[places], arcs.strengths[places]
        if added is not None:
            self.origins = np.concatenate([origins, added.origins])
            self.hits = np.concatenate([self.hits, added.hits])
            self.strengths = np.concatenate([self.strengths, added.strengths])

    def groups(self, at: Places) -> Rows:
        """Sets of alternatives of some; -1 where there is none."""
        return self._read(self._arcs.groups, None if self._added is None else self._added.groups, at)

    def numbers(self, at: Places) -> Rows:
        """Numbers of the edges of some."""
        return self._read(self._arcs.numbers, None if self._added is None else self._added.numbers, at)

    def _read(self, base: Rows, added: Rows | None, at: Places) -> Rows:
        if added is None:
            return base[self._places[at]]
        of_base = at < len(self._places)
        found = np.empty(len(at), np.int32)
        found[of_base] = base[self._places[at[of_base]]]
        found[~of_base] = added[at[~of_base] - len(self._places)]
        return found

    def columns(self) -> ArcColumns:
        """Everything of all of them."""
        every = np.arange(len(self.hits), dtype=np.int64)
        return ArcColumns(self.origins, self.hits, self.strengths, self.groups(every), self.numbers(every))


class Failures:
    """One base and its arcs. Safe for several threads.

    Args:
        redundancy: by default our own rules.
    """

    def __init__(self, base: Snapshot, redundancy: Redundancy | None = None) -> None:
        self.base = base
        self.types = Types.of(base)
        self.redundancy = redundancy or Redundancy()
        self._arcs: dict[FailureMode, Arcs] = {}
        self._making = RLock()

    def arcs(self, failure: FailureMode) -> Arcs:
        """The arcs of one mode, made at first use."""
        with self._making:
            if failure not in self._arcs:
                self._arcs[failure] = arcs_of(self.base, failure, self.redundancy, types=self.types)
            return self._arcs[failure]

    def network(
        self, failure: FailureMode, patch: EdgePatch | None = None, types: Mapping[int, str] | None = None
    ) -> Network:
        """What one mode spreads over.

        Args:
            patch: how the edges differ from those of the base.
            types: of rows behind those of the base, and of those that are of another type now.
        """
        rules = ArcRules(failure, self.types, self.redundancy)
        edges = PatchedEdges(self.base.edges, patch)
        if not types:
            return Network(edges, self.arcs(failure), rules, rules)
        retyped = self.types.other_than(types)
        if len(retyped):
            edges = PatchedEdges(self.base.edges, edges.restated(retyped))
        now = ArcRules(failure, self.types.patched(edges.size, types), self.redundancy)
        return Network(edges, self.arcs(failure), rules, now)

    @property
    def nbytes(self) -> int:
        """Bytes of all arcs made so far."""
        return sum(arcs.nbytes for arcs in self._arcs.values())


class Network:
    """Arcs of one mode over a base and a patch."""

    def __init__(self, edges: PatchedEdges, arcs: Arcs, before: ArcRules, now: ArcRules) -> None:
        self.edges = edges
        self.arcs = arcs
        self.size = edges.size
        self._rules = now
        self._over = None if edges.patch is None or not len(edges.patch) else _Overlay(edges, arcs, before, now)

    @property
    def groups(self) -> int:
        """How many numbers of sets of alternatives there are."""
        return len(self.arcs.group_keys) + (0 if self._over is None else self._over.new_groups)

    def out(self, rows: Rows) -> ArcColumns:
        """The arcs out of some nodes, in their order."""
        return self.leading(rows).columns()

    def leading(self, rows: Rows) -> OutArcs:
        """The same, read as far as they are looked at."""
        arcs = self.arcs
        known = len(arcs.starts) - 1
        inside = rows if self.size == known else rows[rows < known]
        origins, places = expanded(arcs.starts, inside)
        if self._over is not None:
            kept = self._over.kept(inside, origins, arcs.numbers, places)
            if kept is not None:
                origins, places = origins[kept], places[kept]
        return OutArcs(arcs, origins, places, None if self._over is None else self._over.out(rows))

    def losses(self, groups: Rows) -> Rows:
        """How many losses of alternatives the hits of some sets do not survive."""
        return self.arcs.group_losses[groups] if self._over is None else self._over.losses(groups)

    def group_hits(self, groups: Rows) -> Rows:
        """Whom some sets keep alive."""
        keys = self.arcs.group_keys[groups] if self._over is None else self._over.keys(groups)
        return (keys // CLASSES).astype(np.int32)

    def into(self, rows: Rows) -> ArcColumns:
        """The arcs into some nodes; sets of alternatives are not named."""
        outward = self.edges.out_of(rows)
        inward = self.edges.into(rows)
        inward = inward.where(~np.isin(inward.sources, rows))
        return _unnamed(self._rules.arcs(outward), rows).joined(_unnamed(self._rules.arcs(inward), rows))


class _Overlay:
    """A patch as arcs."""

    def __init__(self, edges: PatchedEdges, arcs: Arcs, before: ArcRules, now: ArcRules) -> None:
        self._arcs = arcs
        gone = edges.gone()
        self._gone = gone.numbers
        lost, won = before.arcs(gone), now.arcs(edges.added())
        self._weakened = np.unique(lost.origins)
        self._count(lost, won, now)
        order = np.argsort(won.origins, kind="stable")
        self._origins, first = np.unique(won.origins[order], return_index=True)
        self._starts = np.append(first, len(order)).astype(np.int64)
        self._added = ArcColumns(
            won.origins[order],
            won.hits[order],
            won.strengths[order],
            self._group_numbers(won.keys[order]),
            won.numbers[order],
        )

    def _count(self, lost: LooseArcs, won: LooseArcs, rules: ArcRules) -> None:
        """Sizes of the sets of alternatives that changed; new ones are numbered behind those of the base."""
        gone, new = lost.keys[lost.keys >= 0], won.keys[won.keys >= 0]
        changed = np.unique(np.concatenate([gone, new]))
        known = self._arcs.group_keys
        at = np.searchsorted(known, changed)
        is_known = np.zeros(len(changed), np.bool_)
        is_known[at < len(known)] = known[at[at < len(known)]] == changed[at < len(known)]
        sizes = np.zeros(len(changed), np.int64)
        sizes[is_known] = self._arcs.group_sizes[at[is_known]]
        sizes += _counted(changed, new) - _counted(changed, gone)
        ids = np.where(is_known, at, len(known) - 1 + np.cumsum(~is_known))
        order = np.argsort(ids, kind="stable")
        self.new_groups = int((~is_known).sum())
        self._ids = ids[order].astype(np.int32)
        self._keys = changed[order]
        self._losses = rules.losses(self._keys, sizes[order].astype(np.int32))
        self._by_key = changed, ids.astype(np.int32)

    def _group_numbers(self, keys: Places) -> Rows:
        groups = np.full(len(keys), -1, np.int32)
        redundant = np.flatnonzero(keys >= 0)
        changed, ids = self._by_key
        groups[redundant] = ids[np.searchsorted(changed, keys[redundant])]
        return groups

    def kept(self, rows: Rows, origins: Rows, numbers: Rows, places: Places) -> NDArray[np.bool_] | None:
        """Which arcs of the base are still there; None for all of them."""
        if not len(self._weakened) or not is_among(self._weakened, rows).any():
            return None
        suspects = np.flatnonzero(is_among(self._weakened, origins))
        kept = np.ones(len(places), np.bool_)
        kept[suspects] = ~is_among(self._gone, numbers[places[suspects]])
        return kept

    def out(self, rows: Rows) -> ArcColumns:
        """The added arcs out of some nodes."""
        found = rows[is_among(self._origins, rows)]
        _, places = expanded(self._starts, np.searchsorted(self._origins, found).astype(np.int32))
        added = self._added
        return ArcColumns(
            added.origins[places],
            added.hits[places],
            added.strengths[places],
            added.groups[places],
            added.numbers[places],
        )

    def losses(self, groups: Rows) -> Rows:
        found: Rows = self._chosen(groups, self._arcs.group_losses, self._losses)
        return found

    def keys(self, groups: Rows) -> Places:
        found: Places = self._chosen(groups, self._arcs.group_keys, self._keys)
        return found

    def _chosen(self, groups: Rows, known: NDArray[Any], changed: NDArray[Any]) -> NDArray[Any]:
        """Values by group: of the base, unless the set of alternatives has changed."""
        found = np.empty(len(groups), changed.dtype)
        inside = groups < len(known)
        found[inside] = known[groups[inside]]
        touched = is_among(self._ids, groups)
        found[touched] = changed[np.searchsorted(self._ids, groups[touched])]
        return found


def _counted(keys: Places, found: Places) -> Places:
    return np.bincount(np.searchsorted(keys, found), minlength=len(keys)).astype(np.int64)


def _unnamed(loose: LooseArcs, hits: Rows) -> ArcColumns:
    """The arcs that hit some nodes."""
    at = np.flatnonzero(np.isin(loose.hits, hits))
    groups = np.full(len(at), -1, np.int32)
    return ArcColumns(loose.origins[at], loose.hits[at], loose.strengths[at], groups, loose.numbers[at])
