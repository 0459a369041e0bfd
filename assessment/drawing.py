"""The graph as a console draws it: which resources, gathered how far, with worth and money on every node."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np

from assessment.blast import named
from assessment.failure_estate import FailureEstate
from domain.clock import format_instant
from domain.errors import InputError
from graph.collapse import Bundle, Drawn, Labels, Node, Summing, Sums, collapsed, sums_of
from graph.patched import PatchedEdges
from graph.references import KINDS
from graph.snapshot import Rows

Row: TypeAlias = "dict[str, Any]"
NODES_MAX: Final = 5_000
DEPTH_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class View:
    """Which part of the graph is wanted.

    Args:
        scope, type: only resources at or below this scope, of this type; without case.
        around: only resources within `depth` edges of this one, whichever way.
        opened: keys of gathered nodes whose members are wanted.
    """

    scope: str | None = None
    type: str | None = None
    around: str | None = None
    depth: int = 2
    opened: tuple[str, ...] = ()
    nodes_max: int = NODES_MAX


def drawing(estate: FailureEstate, view: View, summing: Summing | None = None) -> Row:
    """Nodes and edges to draw.

    Args:
        summing: sums the edges where the estate's graph has none; None sums those of the graph.

    Raises:
        NotFound: the resource in the middle is not in the graph.
        InputError: a bound is passed, or too much is opened.
    """
    if not 0 < view.nodes_max <= NODES_MAX or not 0 < view.depth <= DEPTH_MAX:
        raise InputError(
            "the view is not within bounds",
            nodes_max=view.nodes_max,
            depth=view.depth,
            expected=f"1 to {NODES_MAX} nodes, 1 to {DEPTH_MAX} steps",
        )
    edges = PatchedEdges(estate.graph.base.edges, estate.graph.patch)
    labels = _labels(estate, _chosen(estate, edges, view), view)
    sums = summing or partial(_sums, edges)
    found = collapsed(labels, sums, opened=view.opened, nodes_max=view.nodes_max)
    points = estate.points
    return {
        "as_of": format_instant(estate.as_of),
        "resources": len(labels.rows),
        "level": found.level,
        "nodes": [_node(estate, labels, node, float(points[labels.rows[node.members]].sum())) for node in found.nodes],
        "edges": [_edge(found.nodes, bundle) for bundle in found.bundles],
        "edges_inside": found.inside,
        "edges_left_out": found.left_out,
    }


def _sums(edges: PatchedEdges, drawn: Drawn) -> Sums:
    found = edges.out_of(drawn.rows)
    return sums_of(drawn.of(found.sources), drawn.of(found.targets), found.kinds)


def _chosen(estate: FailureEstate, edges: PatchedEdges, view: View) -> Rows:
    graph = estate.graph
    if view.around is None:
        rows = np.ones(graph.size, np.bool_)
    else:
        rows = np.zeros(graph.size, np.bool_)
        frontier = np.array([estate.row(view.around)], np.int32)
        for _ in range(view.depth + 1):
            rows[frontier] = True
            near = np.concatenate([edges.out_of(frontier).targets, edges.into(frontier).sources])
            frontier = np.unique(near[~rows[near]]).astype(np.int32)
    rows[list(graph.gone)] = False
    return np.flatnonzero(rows).astype(np.int32)


def _labels(estate: FailureEstate, rows: Rows, view: View) -> Labels:
    """What the rows are gathered by, of those in the scope and of the type."""
    uids, scopes, types = _columns(estate, rows)
    kept = [
        at
        for at in range(len(rows))
        if _is_below(scopes[at], view.scope) and (view.type is None or types[at].lower() == view.type.lower())
    ]
    return Labels(
        rows=rows[kept],
        uids=[uids[at] for at in kept],
        scopes=[scopes[at] for at in kept],
        types=[types[at].lower() for at in kept],
    )


def _columns(estate: FailureEstate, rows: Rows) -> tuple[list[str], list[str], list[str]]:
    """Id, scope and type of rows: of the base, but for those that are new or not as they were."""
    graph = estate.graph
    inside = rows[rows < len(graph.base)]
    uids, scopes, types = (
        [*graph.base.resources.column(name).take(inside).to_pylist(), *[""] * (len(rows) - len(inside))]
        for name in ("uid", "scope", "type")
    )
    changed = np.flatnonzero(np.isin(rows, np.fromiter(graph.changed, np.int32)))
    for at in changed.tolist():
        resource = estate.resource(int(rows[at]))
        uids[at], scopes[at], types[at] = resource.uid, resource.scope, resource.type
    return uids, scopes, types


def _is_below(scope: str, top: str | None) -> bool:
    if top is None:
        return True
    folded, wanted = scope.lower(), top.lower().rstrip("/")
    return folded == wanted or folded.startswith(f"{wanted}/")


def _node(estate: FailureEstate, labels: Labels, node: Node, worth: float) -> Row:
    shared = {
        "key": node.key,
        "level": node.level,
        "place": list(node.place),
        "seed": node.seed,
        "worth": round(worth, 2),
        "resources": len(node.members),
    }
    if node.row is not None:
        return {**shared, **named(estate, node.row)}
    return {**shared, "monthly_cost": estate.money(labels.rows[node.members])}


def _edge(nodes: tuple[Node, ...], bundle: Bundle) -> Row:
    return {
        "source": nodes[bundle.source].key,
        "target": nodes[bundle.target].key,
        "edges": bundle.count,
        "kinds": {KINDS[kind].value: count for kind, count in bundle.kinds},
    }
