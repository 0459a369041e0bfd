"""A made-up truth behind a graph: which edges are real, which dependencies nobody wrote down, and what a fault does.

Synthetic, and labelled so wherever its figures stand. The truth is drawn with rates of its own, which the product does
not know; which way a kind of edge carries a failure is taken as known. A fault runs as a queue of events over objects,
not over columns, so that it shares no code with what it judges.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from graph.failing import Network
from graph.failure import HARD, SOFT


@dataclass(frozen=True, slots=True)
class Rates:
    """How the truth differs from what is written down.

    Args:
        hard, soft, redundant: share of the edges of each strength that are dependencies at all.
        escalates: share of soft dependencies that bring their user down.
        unseen: dependencies that nobody wrote down, for each edge that somebody did.
    """

    hard: float
    soft: float
    redundant: float
    escalates: float
    unseen: float


@dataclass(slots=True)
class Component:
    """One resource in the truth.

    Args:
        brings_down: who fails with it. pools: the pools that it is a member of.
    """

    brings_down: list[int] = field(default_factory=list)
    pools: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Truth:
    """What really depends on what. A pool has a user and bears so many losses."""

    components: list[Component]
    pool_user: list[int]
    pool_bears: list[int]

    def failing(self, seed: int) -> set[int]:
        """What fails when one component does, itself left out."""
        down, losses = {seed}, [0] * len(self.pool_user)
        events = deque([seed])
        while events:
            component = self.components[events.popleft()]
            hit = list(component.brings_down)
            for pool in component.pools:
                losses[pool] += 1
                if losses[pool] == self.pool_bears[pool] + 1:
                    hit.append(self.pool_user[pool])
            for each in hit:
                if each not in down:
                    down.add(each)
                    events.append(each)
        return down - {seed}


def truth_behind(network: Network, rates: Rates, random: np.random.Generator) -> Truth:
    """Draw a truth behind what a network shows."""
    arcs = network.arcs
    origins = np.repeat(np.arange(network.size), np.diff(arcs.starts)).tolist()
    real = random.random(len(origins)) < np.choose(arcs.strengths, [rates.hard, rates.soft, rates.redundant])
    escalates = random.random(len(origins)) < rates.escalates
    components = [Component() for _ in range(network.size)]
    users = arcs.group_hits.tolist()
    columns = (origins, arcs.hits.tolist(), arcs.strengths.tolist(), arcs.groups.tolist())
    for at, (origin, hit, strength, group) in enumerate(zip(*columns, strict=True)):
        if not real[at]:
            continue
        if strength == HARD or (strength == SOFT and escalates[at]):
            components[origin].brings_down.append(hit)
        elif strength != SOFT:
            components[origin].pools.append(group)
    for _ in range(int(rates.unseen * len(origins))):
        hit = int(random.integers(network.size))
        near = int(np.clip(hit + random.integers(-50, 50), 0, network.size - 1))
        components[near].brings_down.append(hit)
    return Truth(components, users, (arcs.group_losses - 1).tolist())
