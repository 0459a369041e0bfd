"""How likely it is that a failure spreads so far: sampled worlds, many at a time, from one seed number.

In each world every arc is a real dependency or not, and every soft one brings its user down or only weakens it. What
is believed about kinds of edges is itself uncertain: each block of 64 worlds draws the probabilities anew and its
arcs from them. So intervals hold both, that outcomes vary and that nobody knows the probabilities.

A world is one bit, a block one 64-bit word: a step over all arcs is a handful of operations on words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.beliefs import Beliefs
from graph.failing import ArcColumns, Network
from graph.failure import HARD, REDUNDANT, SOFT
from graph.references import KINDS, STRENGTHS
from graph.snapshot import Rows

BLOCK: Final = 64
BLOCKS_MAX: Final = 32
BLOCKS_MIN: Final = 4
NODES_MAX: Final = 50_000
_WORDS_MAX: Final = 4_000_000
_BITS: Final = 16
_CHUNK: Final = 2_048
_Z90: Final = 1.6449
_ALL: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """An expected value, and the interval that nine worlds of ten lie in."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Chances:
    """What may go down with the seeds, themselves left out: most likely to fail first, then by row.

    Args:
        failed: how many fail. value: what fails is worth, the seeds included.
        worlds: how many were sampled.
        is_capped: there was more to reach than is followed, so that everything is a lower bound.

    Shapes:
        rows: int32 (k,). fails: float64 (k,), with `low` and `high`, its interval of 90 %.
        hurts: float64 (k,), the probability to fail or to degrade.
    """

    rows: Rows
    fails: Floats
    low: Floats
    high: Floats
    hurts: Floats
    failed: Estimate
    value: Estimate
    worlds: int
    is_capped: bool


def chances(
    network: Network,
    seeds: Rows,
    *,
    value: Floats,
    seed: int = 0,
    beliefs: Beliefs | None = None,
    nodes_max: int = NODES_MAX,
) -> Chances:
    """Sample what fails when the seeds do.

    Args:
        seeds: distinct rows. seed: of the random numbers; equal calls give equal answers.

    Shapes:
        value: float64 (n,).
    """
    rows, arcs, is_capped = _within_reach(network, np.sort(seeds).astype(np.int32), nodes_max)
    blocks = int(np.clip(_WORDS_MAX // max(len(arcs), 1), BLOCKS_MIN, BLOCKS_MAX))
    worlds = _Worlds(network, rows, arcs, blocks, np.random.default_rng(seed))
    worlds.set_beliefs(beliefs or Beliefs())
    failed, hit = worlds.run(np.searchsorted(rows, np.sort(seeds)))
    return _summed(rows, seeds, failed, hit, value[rows], is_capped=is_capped)


def _within_reach(network: Network, seeds: Rows, nodes_max: int) -> tuple[Rows, ArcColumns, bool]:
    """Nodes that any arcs lead to, whatever their strength, in order; and the arcs between them, by hit."""
    seen = np.zeros(network.size, np.bool_)
    seen[seeds] = True
    frontier, found, parts = seeds, len(seeds), []
    is_capped = False
    while len(frontier):
        out = network.out(frontier)
        fresh = np.unique(out.hits[~seen[out.hits]])
        if found + len(fresh) > nodes_max:
            is_capped = True
            fresh = fresh[: nodes_max - found]
        seen[fresh] = True
        found += len(fresh)
        parts.append(out)
        frontier = fresh
    rows = np.flatnonzero(seen).astype(np.int32)
    arcs = [np.concatenate([getattr(part, name) for part in parts]) for name in ArcColumns.__slots__]
    order = np.lexsort((arcs[4], arcs[0], arcs[1]))
    order = order[seen[arcs[1][order]]]
    return rows, ArcColumns(*(column[order] for column in arcs)), is_capped


class _Worlds:
    """States of nodes and arcs, a row each, a column for each block."""

    def __init__(
        self, network: Network, rows: Rows, arcs: ArcColumns, blocks: int, random: np.random.Generator
    ) -> None:
        self._network = network
        self._arcs = arcs
        self._origins = np.searchsorted(rows, arcs.origins)
        self._hits = np.searchsorted(rows, arcs.hits)
        self._size = len(rows)
        self._blocks = blocks
        self._random = random
        self._is = {strength: arcs.strengths == strength for strength in (HARD, SOFT, REDUNDANT)}

    def set_beliefs(self, beliefs: Beliefs) -> None:
        """Draw which arcs are real in which worlds, and which soft ones bring their users down."""
        classes = self._network.edges.kinds(self._arcs.numbers).astype(np.int64) * len(STRENGTHS) + self._arcs.strengths
        known, of_arc = np.unique(classes, return_inverse=True)
        probabilities = np.empty((len(known), self._blocks))
        for at, number in enumerate(known.tolist()):
            kind, strength = divmod(number, len(STRENGTHS))
            belief = beliefs.of(KINDS[kind], STRENGTHS[strength])
            probabilities[at] = self._random.beta(belief.cases_for, belief.cases_against, self._blocks)
        self._real = self._drawn(probabilities, of_arc)
        self._brings_down = self._real.copy()
        soft = np.flatnonzero(self._is[SOFT])
        escalates = self._random.beta(beliefs.escalates.cases_for, beliefs.escalates.cases_against, (1, self._blocks))
        self._brings_down[soft] &= self._drawn(escalates, np.zeros(len(soft), np.int64))

    def run(self, seeds: NDArray[np.int64]) -> tuple[Words, Words]:
        """Follow arcs until nothing changes; which nodes fail, and which fail or degrade."""
        failed = np.zeros((self._size, self._blocks), np.uint64)
        failed[seeds] = _ALL
        hit = failed.copy()
        changed = np.zeros(self._size, np.bool_)
        changed[seeds] = True
        while changed.any():
            before_failed, before_hit = failed.copy(), hit.copy()
            at = np.flatnonzero(changed[self._origins])
            self._hand_on(failed, hit, at)
            self._lose_alternatives(failed, hit, at)
            hit |= failed
            changed = np.any((failed != before_failed) | (hit != before_hit), axis=1)
        return failed, hit

    def _hand_on(self, failed: Words, hit: Words, at: NDArray[np.int64]) -> None:
        alone = at[~self._is[REDUNDANT][at]]
        if not len(alone):
            return
        origins, hits = self._origins[alone], self._hits[alone]
        first = np.flatnonzero(np.append(True, hits[1:] != hits[:-1]))
        down = failed[origins] & self._brings_down[alone]
        weak = np.where(self._is[SOFT][alone, None], failed[origins], hit[origins]) & self._real[alone]
        failed[hits[first]] |= np.bitwise_or.reduceat(down, first, axis=0)
        hit[hits[first]] |= np.bitwise_or.reduceat(weak, first, axis=0)

    def _lose_alternatives(self, failed: Words, hit: Words, at: NDArray[np.int64]) -> None:
        touched = np.unique(self._arcs.groups[at[self._is[REDUNDANT][at]]])
        if not len(touched):
            return
        members = np.flatnonzero(self._is[REDUNDANT] & np.isin(self._arcs.groups, touched))
        members = members[np.argsort(self._arcs.groups[members], kind="stable")]
        groups = self._arcs.groups[members]
        first = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
        losses = self._network.losses(groups[first])
        owners = self._hits[members[first]]
        for plane in (failed, hit):
            lost = plane[self._origins[members]] & self._real[members]
            counts = np.add.reduceat(_bits(lost), first, axis=0, dtype=np.int32)
            np.bitwise_or.at(plane, owners, _packed(counts >= losses[:, None]))

    def _drawn(self, probabilities: Floats, rows: NDArray[np.int64]) -> Words:
        """Bits that are set with the probability of their row and block: its binary digits, from the last one."""
        digits = np.rint(probabilities * 2**_BITS).astype(np.int64)
        shape = (len(rows), self._blocks)
        drawn = np.zeros(shape, np.uint64)
        for digit in range(_BITS):
            random = self._random.integers(0, _ALL, shape, np.uint64, endpoint=True)
            is_set = np.where((digits >> digit) & 1, _ALL, np.uint64(0))[rows]
            drawn = (random & drawn) | (is_set & (random | drawn))
        certain = (digits >= 2**_BITS)[rows]
        drawn[certain] = _ALL
        return drawn


def _bits(words: Words) -> NDArray[np.uint8]:
    """One column for each world."""
    return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")


def _packed(bits: NDArray[np.bool_]) -> Words:
    return np.packbits(bits, axis=1, bitorder="little").view(np.uint64)


def _summed(rows: Rows, seeds: Rows, failed: Words, hit: Words, value: Floats, *, is_capped: bool) -> Chances:
    counts, worth = _per_world(failed, value)
    shares = np.bitwise_count(failed) / BLOCK
    fails = shares.mean(axis=1)
    margin = _Z90 * np.sqrt(_variance(shares, fails))
    hurts = (np.bitwise_count(hit) / BLOCK).mean(axis=1)
    others = np.flatnonzero((hurts > 0) & ~np.isin(rows, seeds))
    others = others[np.lexsort((rows[others], -hurts[others], -fails[others]))]
    return Chances(
        rows=rows[others],
        fails=fails[others],
        low=np.clip(fails - margin, 0, 1)[others],
        high=np.clip(fails + margin, 0, 1)[others],
        hurts=hurts[others],
        failed=_estimate(counts - len(seeds)),
        value=_estimate(worth),
        worlds=failed.shape[1] * BLOCK,
        is_capped=is_capped,
    )


def _per_world(failed: Words, value: Floats) -> tuple[Floats, Floats]:
    """How many nodes fail in each world, and what they are worth; some nodes at a time, for memory."""
    counts = np.zeros(failed.shape[1] * BLOCK)
    worth = counts.copy()
    for start in range(0, len(failed), _CHUNK):
        bits = _bits(failed[start : start + _CHUNK])
        counts += bits.sum(axis=0, dtype=np.int64)
        worth += value[start : start + _CHUNK] @ bits
    return counts, worth


def _variance(shares: Floats, mean: Floats) -> Floats:
    """Of a probability that nobody knows: what differs between blocks beyond chance, and the chance of the mean."""
    within = (shares * (1 - shares)).mean(axis=1) / (BLOCK - 1)
    unknown = np.maximum(shares.var(axis=1, ddof=1) - within, 0)
    found: Floats = unknown + mean * (1 - mean) / (BLOCK * shares.shape[1])
    return found


def _estimate(worlds: Floats) -> Estimate:
    low, high = np.percentile(worlds, [5, 95])
    return Estimate(float(worlds.mean()), float(low), float(high))
