"""T5: given that a resource changes within the window, which others within three hops change within it too?

The empirical blast radius of a change. A row is a pair: the resource that changes, and a candidate near it. Anchors
are drawn (at most so many per tenant and week, with a seed of the cut-off), candidates are the nearest.
"""

from __future__ import annotations

from collections import defaultdict
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
    rows = candidates_of(seen, found, anchors)
    return replace(rows, labels=np.isin(rows.candidates, changed))


def candidates_of(seen: Seen, found: Features, anchors: Codes) -> PairRows:
    """The candidates near given anchors with their features; labels are all False. For live tenants too."""
    graph = adjacency(seen.state.joined, len(seen.past.nodes))
    batches = _batches(seen.past)
    row_of = np.full(len(seen.past.nodes), -1, np.int64)
    row_of[seen.state.rows] = np.arange(len(seen.state.rows))
    carried = found.values[:, [found.names.index(name) for name in CARRIED]]
    parts = [_of_one(seen, graph, batches, row_of, int(anchor)) for anchor in anchors]
    ends = np.concatenate([np.full(len(p[0]), a, np.int32) for a, p in zip(anchors, parts, strict=True)] or [_NONE])
    others = np.concatenate([p[0] for p in parts] or [_NONE])
    pairs = np.concatenate([p[1] for p in parts] or [np.zeros((0, len(PAIR_NAMES)), np.float32)])
    values = np.concatenate((pairs, carried[row_of[others]], carried[row_of[ends]]), axis=1)
    rows = np.stack((row_of[ends], row_of[others]), axis=1).astype(np.int32)
    return PairRows(values, np.zeros(len(values), np.bool_), ends, others, rows)


_NONE = np.zeros(0, np.int32)
Batches = dict[int, dict[int, tuple[float, bool]]]
"""For each node, the batches that changed it: how recent each is, and whether it is small."""


def _batches(past: Past) -> Batches:
    events, found = past.events, defaultdict[int, dict[int, tuple[float, bool]]](dict)
    age = (past.cutoff_us - events.at) / DAY_US
    kept = (age <= MEMORY_DAYS) & (events.action != Action.DELETE)
    weight = np.exp2(-age / 90)
    columns = (events.node, events.batch, weight, events.batch_size <= LARGE_BATCH)
    for node, batch, recent, small in zip(*(one[kept].tolist() for one in columns), strict=True):
        found[node][batch] = (recent, small)
    return found


def _of_one(
    seen: Seen, graph: Adjacency, batches: Batches, row_of: NDArray[np.int64], anchor: int
) -> tuple[Codes, NDArray[np.float32]]:
    reached, hops = within(graph, anchor, hops_max=HOPS_MAX, nodes_max=CANDIDATES_MAX)
    scored = row_of[reached] >= 0
    reached, hops = reached[scored], hops[scored]
    nodes, mine, near = seen.past.nodes, batches.get(anchor, {}), set(graph.of(anchor).tolist())
    table = np.zeros((len(reached), len(PAIR_NAMES)), np.float32)
    table[:, 0] = hops
    for at, other in enumerate(reached.tolist()):
        table[at, 1:7] = _together(mine, batches.get(other, {}))
        table[at, 11] = len(near.intersection(graph.of(other).tolist())) if hops[at] <= 2 else 0
    for column, group in enumerate((nodes.stack, nodes.file, nodes.type, nodes.source), start=7):
        table[:, column] = group.codes[reached] == group.codes[anchor]
    table[:, 12], table[:, 13] = np.log1p(len(near)), np.log1p(len(reached))
    return reached, table


def _together(mine: dict[int, tuple[float, bool]], theirs: dict[int, tuple[float, bool]]) -> tuple[float, ...]:
    both = mine.keys() & theirs.keys()
    small = sum(mine[one][1] for one in both)
    recent = sum(mine[one][0] for one in both)
    either = len(mine) + len(theirs) - len(both)
    shares = (len(both) / (len(mine) + 1), len(both) / (len(theirs) + 1), len(both) / max(either, 1))
    return (np.log1p(len(both)), np.log1p(small), recent, *shares)
