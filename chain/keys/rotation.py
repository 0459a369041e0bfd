"""Replacing a log's keys: the entries that a rotation records, in both trees' names.

Three steps, each safe to repeat with the same occasion: the new pair is added and signs first, the former beside it;
checkpoints with both lines are published for as long as the readers need; the former pair is retired.
"""

from __future__ import annotations

import hashlib
from typing import Final

from chain.keys.history import KeyHistory
from chain.keys.key_event import Occasion, key_added_body, key_retired_body
from chain.keys.ring import add_key, first_ring, retire_key
from chain.keys.signer import Signer
from chain.note import VerifierKey
from chain.tree_hash import Twin
from domain.errors import ConflictError
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import TenantId
from domain.value import Json

KEY_REQUEST_PREFIXES: Final = (f"{EventType.KEY_ADDED}/", f"{EventType.KEY_RETIRED}/")
"""With which the request ids of entries about a log's keys begin; the log finds them by these."""


def addition_events(
    tenant: TenantId, history: Twin[KeyHistory], old: Twin[Signer], new: Twin[Signer], occasion: Occasion
) -> tuple[EvidenceEvent, EvidenceEvent]:
    """What to record so that the new pair signs.

    Raises:
        ConflictError: a rotation is under way, or the old pair is not the active one.
    """
    pairs = ((history.sha256, old.sha256, new.sha256), (history.sha3_256, old.sha3_256, new.sha3_256))
    for known, before, after in pairs:
        ring = known.ring or first_ring(before.key)
        if ring.active not in {before.key, after.key}:
            raise ConflictError("key is not the active one", expected=ring.active.text, got=before.key.text)
        if ring.active == before.key:
            add_key(ring, after.key)
    first, second = (
        _event(tenant, EventType.KEY_ADDED, after.key, key_added_body(before, after, occasion), occasion)
        for _, before, after in pairs
    )
    return first, second


def retirement_events(
    tenant: TenantId,
    history: Twin[KeyHistory],
    retired: Twin[VerifierKey],
    remaining: Twin[Signer],
    occasion: Occasion,
    *,
    published_size: int,
) -> tuple[EvidenceEvent, EvidenceEvent]:
    """What to record so that one pair of an overlap signs no more.

    Args:
        published_size: of the newest checkpoint that readers can get.

    Raises:
        ConflictError: there is no overlap, or readers have seen no checkpoint of it yet.
    """
    trees = (
        (history.sha256, retired.sha256, remaining.sha256),
        (history.sha3_256, retired.sha3_256, remaining.sha3_256),
    )
    for known, key, _ in trees:
        if known.ring is None:
            raise ConflictError("log has one key, which cannot be retired", key=key.text, todo="Add a key first")
        retire_key(known.ring, key)
        if published_size < known.spans[-1].first_size:
            raise ConflictError(
                "no checkpoint of the overlap is published yet",
                published_size=published_size,
                expected=known.spans[-1].first_size,
                todo="Publish the log with both keys first",
            )
    first, second = (
        _event(tenant, EventType.KEY_RETIRED, key, key_retired_body(key, signer, occasion), occasion)
        for _, key, signer in trees
    )
    return first, second


def _event(
    tenant: TenantId, kind: EventType, key: VerifierKey, body: dict[str, Json], occasion: Occasion
) -> EvidenceEvent:
    """The request id follows from the key, so that a repeated step is recorded once."""
    name = hashlib.sha256(key.text.encode()).hexdigest()
    return EvidenceEvent(tenant, f"{kind}/{name}", kind, occasion.at, body)
