"""How failures travel: per failure mode, which kinds of edges carry it, which way, and how strongly.

An edge says that its source depends on or belongs to its target. `TO_SOURCE` carries a failure of the target to
the source, `TO_TARGET` the other way. A row without a strength uses the edge's own. A kind without a row does not
carry the failure. The table is ours; the kinds of edges that matter follow the providers' dependency documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from domain.resource import RelationshipKind, Strength
from graph.references import KINDS, STRENGTHS
from graph.snapshot import Rows, Snapshot


class FailureMode(StrEnum):
    """What happens to the resource at the centre."""

    DELETE = "delete"
    DENY_ACCESS = "deny_access"
    NETWORK_BLOCK = "network_block"
    KEY_DISABLE = "key_disable"


class Way(StrEnum):
    """Which end of an edge is hit."""

    TO_SOURCE = "to_source"
    TO_TARGET = "to_target"


@dataclass(frozen=True, slots=True)
class Carrier:
    """One kind of edge that carries a failure; `strength` None is the edge's own."""

    kind: RelationshipKind
    way: Way = Way.TO_SOURCE
    strength: Strength | None = None


_K = RelationshipKind
_SOFT = Strength.SOFT
PROPAGATION: Mapping[FailureMode, tuple[Carrier, ...]] = {
    FailureMode.DELETE: (
        Carrier(_K.CONTAINS),
        Carrier(_K.ATTACHED_TO),
        Carrier(_K.NETWORK),
        Carrier(_K.ROUTES_TO),
        Carrier(_K.ASSUMES),
        Carrier(_K.HAS_PERMISSION, strength=_SOFT),
        Carrier(_K.MEMBER_OF),
        Carrier(_K.ENCRYPTED_BY),
        Carrier(_K.BACKED_UP_BY, strength=_SOFT),
        Carrier(_K.MOUNTS),
        Carrier(_K.SECRET_USE),
        Carrier(_K.DEPLOYED_BY, strength=_SOFT),
        Carrier(_K.REFERENCES),
    ),
    FailureMode.DENY_ACCESS: (
        Carrier(_K.CONTAINS),
        Carrier(_K.ATTACHED_TO),
        Carrier(_K.ASSUMES),
        Carrier(_K.HAS_PERMISSION, strength=_SOFT),
        Carrier(_K.MEMBER_OF),
        Carrier(_K.ENCRYPTED_BY),
        Carrier(_K.SECRET_USE),
        Carrier(_K.MOUNTS),
        Carrier(_K.ROUTES_TO),
        Carrier(_K.BACKED_UP_BY, strength=_SOFT),
        Carrier(_K.REFERENCES),
    ),
    FailureMode.NETWORK_BLOCK: (
        Carrier(_K.CONTAINS),
        Carrier(_K.NETWORK),
        Carrier(_K.ATTACHED_TO),
        Carrier(_K.ROUTES_TO),
        Carrier(_K.ROUTES_TO, Way.TO_TARGET, _SOFT),
        Carrier(_K.SECRET_USE, strength=_SOFT),
        Carrier(_K.BACKED_UP_BY, strength=_SOFT),
    ),
    FailureMode.KEY_DISABLE: (
        Carrier(_K.ENCRYPTED_BY),
        Carrier(_K.SECRET_USE),
        Carrier(_K.MOUNTS),
        Carrier(_K.ATTACHED_TO),
        Carrier(_K.ROUTES_TO),
        Carrier(_K.CONTAINS),
        Carrier(_K.BACKED_UP_BY, strength=_SOFT),
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Arcs:
    """The edges that carry one failure, turned so that each leads from what fails to what it hits.

    Args:
        groups: for redundant arcs the number of the set of alternatives they belong to, else -1.
        group_sizes: how many alternatives each set has. group_hits: whom it keeps alive.

    Shapes:
        starts: int64 (n + 1,) over `hits`, `strengths`, `groups`, `numbers`, all (a,), ordered by origin.
    """

    starts: NDArray[np.int64]
    hits: Rows
    strengths: NDArray[np.uint8]
    groups: Rows
    numbers: Rows
    group_sizes: Rows
    group_hits: Rows


HARD, SOFT, REDUNDANT = (STRENGTHS.index(strength) for strength in (Strength.HARD, Strength.SOFT, Strength.REDUNDANT))


def arcs_of(snapshot: Snapshot, failure: FailureMode) -> Arcs:
    """The arcs of one failure mode, each pair of nodes once per strength, strongest first edge kept."""
    edges = snapshot.edges
    parts = []
    for carrier in PROPAGATION[failure]:
        numbers = np.flatnonzero(edges.kinds == KINDS.index(carrier.kind)).astype(np.int32)
        near, far = edges.sources[numbers], edges.targets[numbers]
        origins, hits = (far, near) if carrier.way is Way.TO_SOURCE else (near, far)
        own = edges.strengths[numbers]
        strengths = own if carrier.strength is None else np.full_like(own, STRENGTHS.index(carrier.strength))
        kinds = np.full(len(numbers), KINDS.index(carrier.kind), np.int32)
        parts.append((origins, hits, strengths, kinds, numbers))
    origins, hits, strengths, kinds, numbers = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _ordered(len(snapshot), origins, hits, strengths, kinds=kinds, numbers=numbers)


def _ordered(size: int, origins: Rows, hits: Rows, strengths: NDArray[np.uint8], *, kinds: Rows, numbers: Rows) -> Arcs:
    kept = origins != hits
    order = np.lexsort((numbers, strengths, hits, origins))
    order = order[kept[order]]
    origins, hits, strengths = origins[order], hits[order], strengths[order]
    starts = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(origins, minlength=size), out=starts[1:])
    groups = np.full(len(hits), -1, np.int32)
    redundant = np.flatnonzero(strengths == REDUNDANT)
    sets, inverse = np.unique(
        hits[redundant].astype(np.int64) * len(KINDS) + kinds[order][redundant], return_inverse=True
    )
    groups[redundant] = inverse
    pairs = np.unique(inverse.astype(np.int64) * size + origins[redundant])
    sizes = np.bincount(pairs // max(size, 1), minlength=len(sets)).astype(np.int32)
    hit_of_set = (sets // len(KINDS)).astype(np.int32)
    return Arcs(starts, hits, strengths, groups, numbers[order], sizes, hit_of_set)
