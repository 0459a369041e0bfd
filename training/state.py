"""What a past comes to at its cut-off: which nodes live, which edges join them, which violations are open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.history import DAY_US, Action, Codes, Flags, Past

Numbers = NDArray[np.float64]
Values = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Unordered pairs of distinct nodes, each once, both ways round: `ends[i]` is next to `others[i]`."""

    ends: Codes
    others: Codes

    def summed(self, values: Values, size: int) -> Numbers:
        """For each node, the sum of its neighbours' values."""
        return np.asarray(np.bincount(self.ends, values[self.others], size), np.float64)

    def largest(self, values: Values, size: int) -> Numbers:
        """For each node, the largest of its neighbours' values; 0 without neighbours."""
        found = np.zeros(size)
        np.maximum.at(found, self.ends, values[self.others])
        return found


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The tenant at the cut-off.

    Shapes:
        is_live: bool (n,). rows: int32 (m,), numbers of the live nodes that are scored, ascending.
        age_days, idle_days: float64 (n,), since the first event and since the last; 0 for nodes without one.
        open_violations: float64 (n,).
    """

    is_live: Flags
    rows: Codes
    age_days: Numbers
    idle_days: Numbers
    open_violations: Numbers
    joined: Pairs
    ever_joined: Pairs
    targets_of: Numbers
    sources_of: Numbers


def state_at(past: Past) -> State:
    """Fold a past."""
    size, events = len(past.nodes), past.events
    last = np.full(size, -1, np.int64)
    last[events.node] = np.arange(len(events.node))
    first = np.full(size, -1, np.int64)
    first[events.node[::-1]] = np.arange(len(events.node))[::-1]
    is_live = events.action[last] != Action.DELETE if size else np.zeros(0, np.bool_)
    live = live_edges(past, is_live)
    sources, targets = past.edges.source[live], past.edges.target[live]
    every_source, every_target = past.edges.source, past.edges.target
    return State(
        is_live, np.flatnonzero(is_live & past.nodes.is_scored).astype(np.int32),
        days_before(past, events.at[first]), days_before(past, events.at[last]), _open(past, size),
        pairs(sources, targets, size), pairs(every_source, every_target, size),
        np.bincount(sources, minlength=size).astype(np.float64),
        np.bincount(targets, minlength=size).astype(np.float64),
    )  # fmt: skip


def days_before(past: Past, at: NDArray[np.int64]) -> Numbers:
    """How long before the cut-off."""
    return (past.cutoff_us - at) / DAY_US


def pairs(sources: Codes, targets: Codes, size: int) -> Pairs:
    """Make pairs of edges: direction, repetition and loops dropped."""
    low, high = np.minimum(sources, targets).astype(np.int64), np.maximum(sources, targets).astype(np.int64)
    keys = np.unique((low * max(size, 1) + high)[low != high])
    one, other = keys // max(size, 1), keys % max(size, 1)
    return Pairs(np.concatenate((one, other)).astype(np.int32), np.concatenate((other, one)).astype(np.int32))


def live_edges(past: Past, is_live: Flags) -> NDArray[np.intp]:
    """Places, in the past's edges, of the latest addition of each edge that is there between live nodes."""
    edges = past.edges
    keys = edges.source.astype(np.int64) * max(len(is_live), 1) + edges.target
    _, reverse_first = np.unique(keys[::-1], return_index=True)
    last = len(keys) - 1 - reverse_first
    kept = last[edges.added[last]]
    return np.asarray(kept[is_live[edges.source[kept]] & is_live[edges.target[kept]]])


def _open(past: Past, size: int) -> Numbers:
    """Violations that opened and have not closed; an opening that repeats counts once."""
    findings = past.findings
    checks = int(findings.check.max(initial=0)) + 1
    keys = findings.node.astype(np.int64) * checks + findings.check
    _, reverse_first = np.unique(keys[::-1], return_index=True)
    last = len(keys) - 1 - reverse_first
    still = last[findings.opened[last]]
    return np.bincount(findings.node[still], minlength=size).astype(np.float64)
