"""T5: given that a resource changes within the window, which others within three hops change within it too?

The empirical blast radius of a change. A row is a pair: the resource that changes, and a candidate near it. Anchors
are drawn (at most so many per tenant and week, with a seed of the cut-off), candidates are the nearest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.features import Features
from training.history import DAY_US, Action, Codes, Outcome, Past
from training.sampler import Adjacency, adjacency, within
from training.task import Seen

HOPS_MAX = 3
ANCHORS_MAX = 40
CANDIDATES_MAX = 150
LARGE_BATCH = 50
MEMORY_DAYS = 730
PAIR_NAMES = (
    "hops", "together", "together_small", "together_recent", "given_anchor", "given_candidate", "jaccard",
    "same_stack", "same_file", "same_type", "same_source", "shared_neighbours", "anchor_degree", "candidates",
)  # fmt: skip
CARRIED = (
    "own.idle", "own.age", "own.updates_7", "own.updates_30", "own.updates_120", "own.small_updates_30", "own.touches",
    "own.is_module", "type.updates_30", "type.updates_120", "around.file_updates_30", "around.peer_updates_7",
    "around.peer_updates_30", "around.source_updates_7", "around.source_updates_30", "around.peer_behind",
    "around.source_behind", "stack.updates_30", "near.updates_30", "degree.targets", "degree.sources",
)  # fmt: skip
NAMES = (*PAIR_NAMES, *(f"candidate.{name}" for name in CARRIED), *(f"anchor.{name}" for name in CARRIED))


@dataclass(frozen=True, slots=True, eq=False)
class PairRows:
    """Pairs with features and whether the candidate changed.

    Shapes:
        values: float32 (n, len(NAMES)). labels: bool (n,). anchors, candidates: int32 (n,), nodes.
        rows: int32 (n, 2), of each pair the state's row of the anchor and of the candidate.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.bool_]
    anchors: Codes
    candidates: Codes
    rows: Codes


def changed_in(outcome: Outcome, rows: Codes) -> Codes:
    """The scored live nodes that were updated within the window."""
    updated = np.unique(outcome.events.node[outcome.events.action == Action.UPDATE])
    return np.intersect1d(updated, rows).astype(np.int32)


def pair_rows(seen: Seen, found: Features, outcome: Outcome, *, seed: int) -> PairRows:
    """Pairs of a tenant's week: anchors from what changed, candidates and features from the past alone."""
    changed = changed_in(outcome, seen.state.rows)
    draw = np.random.default_rng((seed, seen.past.cutoff_us // DAY_US))
    anchors = np.sort(draw.choice(changed, min(ANCHORS_MAX, len(changed)), replace=False))
    rows = Surroundings.of(seen, found).candidates(anchors)
    return replace(rows, labels=np.isin(rows.candidates, changed))


_NONE = np.zeros(0, np.int32)
Touched = dict[int, tuple[float, bool]]
"""The batches that changed a node: how recent each is, and whether it is small."""


class Batches:
    """Which batches changed each node, read when they are asked for."""

    def __init__(self, past: Past) -> None:
        events = past.events
        age = (past.cutoff_us - events.at) / DAY_US
        kept = np.flatnonzero((age <= MEMORY_DAYS) & (events.action != Action.DELETE))
        kept = kept[np.argsort(events.node[kept], kind="stable")]
        self._starts = np.searchsorted(events.node[kept], np.arange(len(past.nodes) + 1))
        self._columns = (events.batch[kept], np.exp2(-age[kept] / 90), events.batch_size[kept] <= LARGE_BATCH)

    def of(self, node: int) -> Touched:
        """Those of one node; of several events in one batch the last counts."""
        mine = slice(*self._starts[node : node + 2].tolist())
        return {
            batch: (recent, small)
            for batch, recent, small in zip(*(one[mine].tolist() for one in self._columns), strict=True)
        }


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What candidates are found in and described by, at a cut-off. For live tenants too.

    Shapes:
        row_of: int64 (nodes,), rows of the state; -1 where a node is not scored.
        carried: float32 (rows, len(CARRIED)).
    """

    seen: Seen
    graph: Adjacency
    batches: Batches
    row_of: NDArray[np.int64]
    carried: NDArray[np.float32]

    @classmethod
    def of(cls, seen: Seen, found: Features) -> Surroundings:
        """Those of a past with its features."""
        row_of = np.full(len(seen.past.nodes), -1, np.int64)
        row_of[seen.state.rows] = np.arange(len(seen.state.rows))
        carried = found.values[:, [found.names.index(name) for name in CARRIED]]
        return cls(seen, adjacency(seen.state.joined, len(seen.past.nodes)), Batches(seen.past), row_of, carried)

    def candidates(self, anchors: Codes) -> PairRows:
        """The candidates near given anchors with their features; labels are all False."""
        parts = [self._of_one(int(anchor)) for anchor in anchors]
        ends = np.concatenate([np.full(len(p[0]), a, np.int32) for a, p in zip(anchors, parts, strict=True)] or [_NONE])
        others = np.concatenate([p[0] for p in parts] or [_NONE])
        pairs = np.concatenate([p[1] for p in parts] or [np.zeros((0, len(PAIR_NAMES)), np.float32)])
        rows = np.stack((self.row_of[ends], self.row_of[others]), axis=1).astype(np.int32)
        values = np.concatenate((pairs, self.carried[rows[:, 1]], self.carried[rows[:, 0]]), axis=1)
        return PairRows(values, np.zeros(len(values), np.bool_), ends, others, rows)

    def _of_one(self, anchor: int) -> tuple[Codes, NDArray[np.float32]]:
        graph, nodes = self.graph, self.seen.past.nodes
        reached, hops = within(graph, anchor, hops_max=HOPS_MAX, nodes_max=CANDIDATES_MAX)
        scored = self.row_of[reached] >= 0
        reached, hops = reached[scored], hops[scored]
        mine, near = self.batches.of(anchor), set(graph.of(anchor).tolist())
        table = np.zeros((len(reached), len(PAIR_NAMES)), np.float32)
        table[:, 0] = hops
        for at, other in enumerate(reached.tolist()):
            table[at, 1:7] = _together(mine, self.batches.of(other))
            table[at, 11] = len(near.intersection(graph.of(other).tolist())) if hops[at] <= 2 else 0
        for column, group in enumerate((nodes.stack, nodes.file, nodes.type, nodes.source), start=7):
            table[:, column] = group.codes[reached] == group.codes[anchor]
        table[:, 12], table[:, 13] = np.log1p(len(near)), np.log1p(len(reached))
        return reached, table


def _together(mine: Touched, theirs: Touched) -> tuple[float, ...]:
    both = mine.keys() & theirs.keys()
    small = sum(mine[one][1] for one in both)
    recent = sum(mine[one][0] for one in both)
    either = len(mine) + len(theirs) - len(both)
    shares = (len(both) / (len(mine) + 1), len(both) / (len(theirs) + 1), len(both) / max(either, 1))
    return (np.log1p(len(both)), np.log1p(small), recent, *shares)
