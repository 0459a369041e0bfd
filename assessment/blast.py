"""One failure, answered whole: what goes down, how likely, what it is worth, along which way, and what is not known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from assessment.failure_estate import FailureEstate
from domain.clock import format_instant
from domain.errors import InputError
from graph.chances import Chances, Estimate, chances
from graph.failing import Network
from graph.failure import REDUNDANT, FailureMode
from graph.references import KINDS, STRENGTHS
from graph.snapshot import Rows
from graph.spread import Spread, Trails, spread

Row: TypeAlias = "dict[str, Any]"

LIMIT_MAX: Final = 10_000
REASONS_MAX: Final = 5
PLACE_MODES: Final[Mapping[FailureMode, str]] = {FailureMode.ZONE_LOSS: "zone", FailureMode.REGION_LOSS: "region"}


@dataclass(frozen=True, slots=True)
class Blast:
    """What fails: one resource in a mode, or a zone or a region.

    Args:
        center: id of the resource, or name of the zone or region where the mode is the loss of one.
        limit: how many resources are named; `after` how many of them are passed over.
        seed: of the sampling.
    """

    center: str
    failure: FailureMode = FailureMode.DELETE
    limit: int = 100
    after: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """How much of the estate's worth goes down with one resource."""

    resource_id: str
    failure: FailureMode = FailureMode.DELETE
    seed: int = 0


def score(estate: FailureEstate, asked: Score) -> Row:
    """The score of one resource: the share of the estate's worth that fails with it, in percent.

    Raises:
        NotFound: the resource is not in the graph.
        InputError: the mode is the loss of a place, which no resource stands for.
    """
    if asked.failure in PLACE_MODES:
        todo = "Ask for the blast radius of the zone or region instead"
        raise InputError("a resource has no score for the loss of a place", got=asked.failure.value, todo=todo)
    found = blast(estate, Blast(asked.resource_id, asked.failure, limit=1, seed=asked.seed))
    shown = ("center", "mode", "as_of", "failed", "degraded", "monthly_cost", "worth", "likely", "reasons")
    return {"score": round(100 * found["worth_share"], 2), **{name: found[name] for name in shown}}


def blast(estate: FailureEstate, asked: Blast) -> Row:
    """Answer one question.

    Raises:
        NotFound: the resource, zone or region is not in the graph.
        InputError: the limit is not within bounds.
    """
    if not 0 < asked.limit <= LIMIT_MAX or asked.after < 0:
        raise InputError("the page is not within bounds", limit=asked.limit, after=asked.after, limit_max=LIMIT_MAX)
    seeds, head = center(estate, asked)
    network = estate.network(asked.failure)
    found = spread(network, seeds)
    likely = chances(network, seeds, value=estate.points, seed=asked.seed)
    down = np.concatenate([found.seeds, found.failed.rows])
    points, whole = estate.points, float(estate.points.sum())
    return {
        **head,
        "mode": asked.failure.value,
        "as_of": format_instant(estate.as_of),
        "failed": len(found.failed),
        "degraded": len(found.degraded),
        "monthly_cost": estate.money(down),
        "worth": round(float(points[down].sum()), 2),
        "worth_share": float(points[down].sum()) / whole if whole else 0.0,
        "likely": _likely(likely),
        "reasons": _reasons(network, found),
        **_resources(estate, network, found, likely, asked),
    }


def center(estate: FailureEstate, asked: Blast) -> tuple[Rows, Row]:
    """The rows that fail at once, and how an answer begins; the estate's edges are not asked.

    Raises:
        NotFound: the resource, zone or region is not in the graph.
    """
    place = PLACE_MODES.get(asked.failure)
    if place is None:
        row = estate.row(asked.center)
        return np.array([row], np.int32), {"center": named(estate, row), "lost_at_once": 1, "notes": _notes(estate)}
    zones = estate.places
    lost = zones.lost_with_zone(asked.center) if place == "zone" else zones.lost_with_region(asked.center)
    gone = estate.graph.gone
    rows = np.array([row for row in lost.rows.tolist() if row not in gone], np.int32)
    notes = _notes(estate)
    if lost.spread:
        notes.append(f"taken to survive, since they run elsewhere too: {lost.spread:,} resources")
    if lost.unplaced:
        notes.append(f"not counted, since they do not say in which zone they run: {lost.unplaced:,} of the region")
    return rows, {"center": {place: asked.center}, "lost_at_once": len(rows), "notes": notes}


def _notes(estate: FailureEstate) -> list[str]:
    return [] if estate.costs.currencies else ["no bill was read: nothing has a cost, and worth is by tags alone"]


def named(estate: FailureEstate, row: int) -> Row:
    """A resource as answers show it."""
    resource = estate.resource(row)
    standing = estate.standing(row)
    return {
        "resource_id": resource.uid,
        "resource_name": resource.name,
        "resource_type": resource.type,
        "scope": resource.scope,
        "criticality": standing.criticality,
        "data": standing.data,
        "monthly_cost": estate.money([row]),
    }


def _likely(found: Chances) -> Row:
    return {
        "failed": _estimate(found.failed),
        "worth": _estimate(found.value),
        "worlds": found.worlds,
        "is_capped": found.is_capped,
        "interval": 0.9,
    }


def _estimate(found: Estimate) -> Row:
    return {"mean": round(found.mean, 2), "low": round(found.low, 2), "high": round(found.high, 2)}


def _reasons(network: Network, found: Spread) -> list[Row]:
    """Over which kinds of relationships what fails is reached, most frequent first."""
    kinds = Counter(network.edges.kinds(found.failed.numbers).tolist())
    ordered = sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))[:REASONS_MAX]
    return [{"kind": KINDS[kind].value, "resources": count} for kind, count in ordered]


def _resources(estate: FailureEstate, network: Network, found: Spread, likely: Chances, asked: Blast) -> Row:
    """A page of what goes down: failed before degraded, the most valuable first."""
    rows = np.concatenate([found.failed.rows, found.degraded.rows])
    hops = np.concatenate([found.failed.hops, found.degraded.hops])
    is_degraded = np.arange(len(rows)) >= len(found.failed)
    order = np.lexsort((rows, -estate.points[rows], is_degraded))
    page = order[asked.after : asked.after + asked.limit].tolist()
    trails = Trails(found)
    odds = dict(zip(likely.rows.tolist(), range(len(likely.rows)), strict=True))
    end = asked.after + asked.limit
    return {
        "resources": [
            {
                **named(estate, int(rows[at])),
                "state": "degraded" if is_degraded[at] else "failed",
                "hops": int(hops[at]),
                **_odds(likely, odds.get(int(rows[at]))),
                "path": path(estate, network, trails, int(rows[at])),
            }
            for at in page
        ],
        "next_cursor": end if end < len(rows) else None,
    }


def _odds(likely: Chances, at: int | None) -> Row:
    """The probability to fail, with its interval; None where sampling stopped before it."""
    if at is None:
        return {"probability": None, "low": None, "high": None}
    figures = (likely.fails[at], likely.low[at], likely.high[at])
    return dict(zip(("probability", "low", "high"), (round(float(each), 3) for each in figures), strict=True))


def path(estate: FailureEstate, network: Network, trails: Trails, row: int) -> list[Row]:
    """The shortest way to a resource, from the centre outwards; `found_at` is where the edge is stated."""
    steps = []
    for node, number in trails.steps(row):
        link = network.edges.link(number)
        other = link.source if node == link.target else link.target
        steps.append(
            {
                "from": estate.resource(other).uid,
                "to": estate.resource(node).uid,
                "kind": KINDS[link.kind].value,
                "strength": STRENGTHS[link.strength].value,
                "stated_by": estate.resource(link.source).uid,
                "found_at": link.path,
                "alternatives": _alternatives(network, node, link.kind),
            }
        )
    return steps


def _alternatives(network: Network, node: int, kind: int) -> int:
    """How many alternatives a resource has for one kind of edge; 0 where its edges are not redundant."""
    arcs = network.into(np.array([node], np.int32))
    redundant = arcs.numbers[arcs.strengths == REDUNDANT]
    return int((network.edges.kinds(redundant) == kind).sum())
