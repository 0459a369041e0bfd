"""What parts of a graph say together, put together edge by edge: what a whole graph has to be equal to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from domain.resource import ResourceId, resource_key
from graph.edge_columns import EdgeColumns, circles_of, compressed, joined, strongest, without_circles
from graph.fold import numbers_of, order_of, resources_of
from graph.learn import rows_by_type
from graph.references import Dangling
from graph.snapshot import Snapshot
from graph.view import GraphView, columns_of


def union(parts: Sequence[GraphView]) -> Snapshot:
    """The whole graph, from all its parts after the same changes."""
    orders = [order_of(part.whole, part.overlay) for part in parts]
    first = parts[0]
    resources = resources_of(first.whole, first.overlay, orders[0])
    (size,) = {len(order) for order in orders}
    edges = strongest(joined([_numbered(part, order) for part, order in zip(parts, orders, strict=True)]))
    circles = circles_of(edges.sources, edges.targets, edges.kinds, size)
    standing, _ = without_circles(edges, circles, size)
    uids = resources.column("uid")
    return Snapshot(
        tenant=first.tenant,
        as_of=max(part.overlay.as_of for part in parts),
        resources=resources,
        edges=compressed(standing, size),
        tables={},
        rows_by_type=rows_by_type(resources),
        dangling=tuple(sorted((each for part in parts for each in part.dangling), key=_source)),
        cycles=tuple(tuple(ResourceId(uids[row].as_py()) for row in circle) for circle in circles),
        digest="",
        unproven=first.overlay.unproven,
    )


def _source(each: Dangling) -> str:
    return resource_key(each.source)


def _numbered(part: GraphView, order: NDArray[np.int64]) -> EdgeColumns:
    """A part's edges under the numbers of the whole graph."""
    rows = numbers_of(order, part.size)
    edges = columns_of(part)
    return replace(edges, sources=rows[edges.sources], targets=rows[edges.targets])
