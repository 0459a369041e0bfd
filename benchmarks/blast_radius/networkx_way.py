"""The same question asked of a networkx graph, node by node: what fails, what degrades, in how many steps, from where.

Written for the comparison alone. The graph holds what `graph.spread` reads: of each pair of nodes the strengths of its
arcs and their sets of alternatives. Answers are held against ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from graph.failing import Network
from graph.failure import HARD, SOFT
from graph.spread import Spread

Reached = dict[int, tuple[int, int]]
"""By node: steps, and the node it was reached from; -1 of a seed."""


def graph_of(network: Network) -> Any:
    """A networkx graph of all arcs: ``arcs`` of an edge are pairs of strength and set."""
    networkx = import_module("networkx")
    arcs = network.arcs
    origins = np.repeat(np.arange(network.size, dtype=np.int32), np.diff(arcs.starts))
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(network.size))
    columns = (origins, arcs.hits, arcs.strengths, arcs.groups)
    for origin, hit, strength, group in zip(*(column.tolist() for column in columns), strict=True):
        if graph.has_edge(origin, hit):
            graph[origin][hit]["arcs"].append((strength, group))
        else:
            graph.add_edge(origin, hit, arcs=[(strength, group)])
    return graph


def spread_in(graph: Any, losses: list[int], seed: int) -> tuple[Reached, Reached]:
    """What fails and what fails or degrades with one node, the seed included."""
    failed: Reached = {seed: (0, -1)}
    hit: Reached = {seed: (0, -1)}
    lost: Counter[int] = Counter()
    weak: Counter[int] = Counter()
    failing, hits, hops = [seed], [seed], 0
    while failing or hits:
        hops += 1
        to_fail = dict(_taken_down(graph, failing, lost, losses))
        to_hit = dict(_weakened(graph, failing, hits, weak, losses))
        failing = [node for node in to_fail if node not in failed]
        failed.update((node, (hops, to_fail[node])) for node in failing)
        hits = [node for node in {**to_hit, **to_fail} if node not in hit]
        hit.update((node, (hops, to_fail.get(node, to_hit.get(node, -1)))) for node in hits)
    return failed, hit


def _taken_down(graph: Any, failing: list[int], lost: Counter[int], losses: list[int]) -> Iterator[tuple[int, int]]:
    for node in failing:
        for target, edge in graph.adj[node].items():
            for strength, group in edge["arcs"]:
                if group >= 0:
                    lost[group] += 1
                if strength == HARD or (group >= 0 and lost[group] >= losses[group]):
                    yield target, node


def _weakened(
    graph: Any, failing: list[int], hits: list[int], weak: Counter[int], losses: list[int]
) -> Iterator[tuple[int, int]]:
    for node in failing:
        for target, edge in graph.adj[node].items():
            if any(strength == SOFT for strength, _ in edge["arcs"]):
                yield target, node
    for node in hits:
        for target, edge in graph.adj[node].items():
            for strength, group in edge["arcs"]:
                if group >= 0:
                    weak[group] += 1
                if strength == HARD or (group >= 0 and weak[group] >= losses[group]):
                    yield target, node


def differs(found: Spread, reached: tuple[Reached, Reached]) -> bool:
    """Whether both answers are not the same nodes in the same numbers of steps."""
    failed, hit = reached
    seeds = set(found.seeds.tolist())
    theirs = {node: steps for node, (steps, _) in failed.items() if node not in seeds}
    weaker = {node: steps for node, (steps, _) in hit.items() if node not in failed}
    pairs = ((found.failed, theirs), (found.degraded, weaker))
    return any(dict(zip(ours.rows.tolist(), ours.hops.tolist(), strict=True)) != other for ours, other in pairs)
