"""Strongly connected components: which nodes of a directed graph reach each other.

Nodes that cannot lie on a circle are peeled off in bulk first; what is left is usually small and goes through
Tarjan's algorithm, without recursion.
Source: R. Tarjan, Depth-first search and linear graph algorithms, 1972.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]


def components(sources: Rows, targets: Rows, size: int) -> Rows:
    """Label every node with the smallest node of its component.

    Shapes:
        sources, targets: int32 (e,), values in [0, size). Returns int32 (size,).
    """
    labels = np.arange(size, dtype=np.int32)
    sources, targets = _peeled(sources, targets, size)
    if len(sources):
        order = np.argsort(sources, kind="stable")
        starts = np.zeros(size + 1, np.int64)
        np.cumsum(np.bincount(sources, minlength=size), out=starts[1:])
        for group in _tarjan(starts.tolist(), targets[order].tolist(), np.unique(sources).tolist()):
            labels[group] = min(group)
    return labels


def _peeled(sources: Rows, targets: Rows, size: int) -> tuple[Rows, Rows]:
    """The edges that are left when nodes without a way in or without a way out are taken off, again and again."""
    kept = sources != targets
    sources, targets = sources[kept], targets[kept]
    while len(sources):
        on_the_way = np.zeros(size, bool)
        on_the_way[targets] = True
        has_exit = np.zeros(size, bool)
        has_exit[sources] = True
        on_the_way &= has_exit
        kept = on_the_way[sources] & on_the_way[targets]
        if kept.all():
            break
        sources, targets = sources[kept], targets[kept]
    return sources, targets


def _tarjan(starts: list[int], targets: list[int], nodes: list[int]) -> list[list[int]]:
    """Components with more than one node."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    open_nodes: list[int] = []
    is_open: set[int] = set()
    groups: list[list[int]] = []
    for root in nodes:
        if root in order:
            continue
        trail = [(root, starts[root])]
        order[root] = low[root] = len(order)
        open_nodes.append(root)
        is_open.add(root)
        while trail:
            node, edge = trail.pop()
            if edge < starts[node + 1]:
                trail.append((node, edge + 1))
                other = targets[edge]
                if other not in order:
                    order[other] = low[other] = len(order)
                    open_nodes.append(other)
                    is_open.add(other)
                    trail.append((other, starts[other]))
                elif other in is_open:
                    low[node] = min(low[node], order[other])
                continue
            if trail:
                low[trail[-1][0]] = min(low[trail[-1][0]], low[node])
            if low[node] == order[node]:
                cut = _position(open_nodes, node)
                group = open_nodes[cut:]
                del open_nodes[cut:]
                is_open.difference_update(group)
                if len(group) > 1:
                    groups.append(group)
    return groups


def _position(nodes: list[int], node: int) -> int:
    """Where the last occurrence stands, looked for from the end."""
    place = len(nodes) - 1
    while nodes[place] != node:
        place -= 1
    return place
