"""How failures travel: per failure mode, which kinds of edges carry it, which way, and how strongly.

An edge says that its source depends on or belongs to its target. `TO_SOURCE` carries a failure of the target to
the source, `TO_TARGET` the other way. A row without a strength uses the edge's own. A kind without a row does not
carry the failure. The table is ours; the kinds of edges that matter follow the providers' dependency documents.
Decided elsewhere: how many of several alternatives must be lost (`graph.redundancy`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.resource import RelationshipKind, Strength
from graph.references import STRENGTHS


class FailureMode(StrEnum):
    """What happens to the resource at the centre, or to everything in one place."""

    DELETE = "delete"
    DENY_ACCESS = "deny_access"
    NETWORK_BLOCK = "network_block"
    KEY_DISABLE = "key_disable"
    ZONE_LOSS = "zone_loss"
    REGION_LOSS = "region_loss"


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


HARD, SOFT, REDUNDANT = (STRENGTHS.index(strength) for strength in (Strength.HARD, Strength.SOFT, Strength.REDUNDANT))

_K = RelationshipKind
_SOFT = Strength.SOFT
_OUTAGE = (
    Carrier(_K.CONTAINS),
    Carrier(_K.ATTACHED_TO),
    Carrier(_K.NETWORK),
    Carrier(_K.ROUTES_TO),
    Carrier(_K.ASSUMES),
    Carrier(_K.ENCRYPTED_BY),
    Carrier(_K.BACKED_UP_BY, strength=_SOFT),
    Carrier(_K.MOUNTS),
    Carrier(_K.SECRET_USE),
    Carrier(_K.REFERENCES, strength=_SOFT),
)
"""What is down but not gone: permissions, memberships and what things were made from stay as they are."""

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
    FailureMode.ZONE_LOSS: _OUTAGE,
    FailureMode.REGION_LOSS: _OUTAGE,
}
