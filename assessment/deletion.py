"""In which order a resource and what cannot be without it are deleted, with what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from assessment.blast import named
from assessment.failure_estate import FailureEstate
from domain.clock import format_instant
from domain.errors import InputError
from graph.deletion import deletion_order
from graph.failing import Network
from graph.failure import FailureMode
from graph.references import KINDS, STRENGTHS
from graph.snapshot import Rows
from graph.spread import spread

Row: TypeAlias = "dict[str, Any]"
RESOURCES_MAX: Final = 10_000
LIMIT_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be deleted.

    Args:
        with_dependents: also everything that fails without them; otherwise just these.
        limit: how many resources are named.
    """

    resource_ids: tuple[str, ...]
    with_dependents: bool = True
    limit: int = 1_000


def removal(estate: FailureEstate, asked: Removal) -> Row:
    """The order, wave by wave.

    Raises:
        NotFound: one of the resources is not in the graph.
        InputError: none, or too many, are named.
    """
    if not 0 < len(asked.resource_ids) <= RESOURCES_MAX or not 0 < asked.limit <= LIMIT_MAX:
        raise InputError(
            "name the resources to delete",
            got=len(asked.resource_ids),
            limit=asked.limit,
            expected=f"1 to {RESOURCES_MAX} resources, a limit of 1 to {LIMIT_MAX}",
        )
    network = estate.network(FailureMode.DELETE)
    seeds = np.array(sorted({estate.row(uid) for uid in asked.resource_ids}), np.int32)
    rows = seeds
    if asked.with_dependents:
        rows = np.union1d(seeds, spread(network, seeds).failed.rows).astype(np.int32)
    order = deletion_order(network.edges, rows)
    return {
        "as_of": format_instant(estate.as_of),
        "asked": len(seeds),
        "resources": len(rows),
        "monthly_cost": estate.money(rows),
        "waves": len(order.waves),
        "items": _items(estate, order.waves, asked.limit),
        "cycles": [
            {
                "resources": [estate.resource(row).uid for row in cycle[: asked.limit].tolist()],
                "edges": [_edge(estate, network, number) for number in edges[: asked.limit].tolist()],
            }
            for cycle, edges in zip(order.cycles[: asked.limit], order.cycle_edges, strict=False)
        ],
        "cycles_total": len(order.cycles),
        "kept_users": [_edge(estate, network, number) for number in order.kept_users[: asked.limit].tolist()],
        "kept_users_total": len(order.kept_users),
        "unfollowed": order.unfollowed,
    }


def _items(estate: FailureEstate, waves: tuple[Rows, ...], limit: int) -> list[Row]:
    numbered = ((number, row) for number, wave in enumerate(waves, start=1) for row in wave.tolist())
    return [{"wave": number, **named(estate, row)} for _, (number, row) in zip(range(limit), numbered, strict=False)]


def _edge(estate: FailureEstate, network: Network, number: int) -> Row:
    link = network.edges.link(number)
    return {
        "source": estate.resource(link.source).uid,
        "target": estate.resource(link.target).uid,
        "kind": KINDS[link.kind].value,
        "strength": STRENGTHS[link.strength].value,
        "found_at": link.path,
    }
