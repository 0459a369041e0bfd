"""Who is near whom: neighbour lists, everything within some hops, and samples of neighbourhoods, in numpy alone.

Lists are made from the pairs of a past, so nothing that came after its cut-off can be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.history import Codes
from training.state import Pairs


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """Neighbour lists one behind the other: node i's are `others[starts[i]:starts[i + 1]]`, ascending."""

    starts: NDArray[np.int64]
    others: Codes

    def of(self, node: int) -> Codes:
        """One node's neighbours."""
        return self.others[self.starts[node] : self.starts[node + 1]]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A drawn neighbourhood.

    Shapes:
        nodes: int32 (m,), the seeds first, in their order, then what was drawn, each once.
        sources, targets: int32 (e,), places in `nodes`: a message goes from a drawn neighbour to who drew it.
    """

    nodes: Codes
    sources: Codes
    targets: Codes


def adjacency(pairs: Pairs, size: int) -> Adjacency:
    """Make neighbour lists of pairs."""
    order = np.lexsort((pairs.others, pairs.ends))
    counts = np.bincount(pairs.ends, minlength=size)
    return Adjacency(np.concatenate((np.zeros(1, np.int64), counts.cumsum())), pairs.others[order])


def within(graph: Adjacency, start: int, *, hops_max: int, nodes_max: int) -> tuple[Codes, NDArray[np.uint8]]:
    """Nodes within some hops of one, nearest first, without itself; at most so many.

    Shapes:
        Returns int32 (m,) nodes and uint8 (m,) their hops.
    """
    known = np.array([start], np.int32)
    front, found, hops = known, [np.zeros(0, np.int32)], [np.zeros(0, np.uint8)]
    for hop in range(1, hops_max + 1):
        room = nodes_max - (len(known) - 1)
        reached = np.unique(np.concatenate([graph.of(int(node)) for node in front] or [np.zeros(0, np.int32)]))
        front = np.setdiff1d(reached, known, assume_unique=True)[:room]
        if not len(front):
            break
        known = np.concatenate((known, front))
        found.append(front)
        hops.append(np.full(len(front), hop, np.uint8))
    return np.concatenate(found), np.concatenate(hops)


def sample(graph: Adjacency, seeds: Codes, *, fan_outs: tuple[int, ...], draw: np.random.Generator) -> Sample:
    """Draw at most so many neighbours of each node, hop by hop, without repetition within a node.

    Args:
        fan_outs: the most neighbours per node, for each hop.
    """
    nodes, place = seeds.astype(np.int32), {int(node): at for at, node in enumerate(seeds)}
    front, sources, targets = nodes, [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for fan_out in fan_outs:
        owners, drawn = _drawn(graph, front, fan_out, draw)
        fresh = [int(node) for node in dict.fromkeys(drawn.tolist()) if node not in place]
        place.update({node: len(place) + at for at, node in enumerate(fresh)})
        sources.append(np.array([place[node] for node in drawn.tolist()], np.int32))
        targets.append(np.array([place[node] for node in front[owners].tolist()], np.int32))
        front = np.array(fresh, np.int32)
        nodes = np.concatenate((nodes, front))
    return Sample(nodes, np.concatenate(sources), np.concatenate(targets))


def _drawn(graph: Adjacency, front: Codes, fan_out: int, draw: np.random.Generator) -> tuple[NDArray[np.int64], Codes]:
    """For every node of a front, its drawn neighbours: random keys within each list, the smallest kept."""
    counts = graph.starts[front + 1] - graph.starts[front]
    owners = np.repeat(np.arange(len(front)), counts)
    first = np.repeat(graph.starts[front] - (counts.cumsum() - counts), counts)
    places = np.arange(len(owners)) + first
    order = np.lexsort((draw.random(len(owners)), owners))
    rank = np.arange(len(owners)) - np.repeat(counts.cumsum() - counts, counts)
    kept = order[rank < fan_out]
    return owners[kept], graph.others[places[kept]]
