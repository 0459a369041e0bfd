"""Beginning the log that succeeds a frozen one: its first entry, and what the frozen log took and never published.

What was acknowledged is not lost: entries that the frozen log recorded behind its last checkpoint, because it could no
longer sign, are recorded in the successor as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from chain.entry import encode_event
from chain.envelope import read_envelope
from chain.keys.freeze import Marker
from chain.keys.signer import Signer
from chain.keys.succession import succession_body, succession_request_id
from chain.shard import ARTIFACTS, ShardLog
from chain.tree_hash import Twin
from domain.clock import format_instant
from domain.errors import ConflictError
from domain.evidence import EventType, EvidenceEvent

_OF_THE_LOG_ITSELF: Final = frozenset({EventType.BLOCK_SEALED, EventType.KEY_ADDED, EventType.KEY_RETIRED})


def succession_entry(frozen: ShardLog, successor: ShardLog, marker: Marker, *, at: datetime) -> bytes:
    """The successor's first entry.

    Raises:
        ConflictError: a key of the successor is one that is distrusted.
    """
    order, head = marker.order, frozen.head()
    good = _good_signers(frozen, successor, marker)
    body = succession_body(
        Twin(head.checkpoint, head.checkpoint_sha3),
        good,
        frozen_at=format_instant(order.at),
        reason=order.reason,
        by=order.by,
        distrusted=order.distrusted,
    )
    name = succession_request_id(frozen.origin)
    return encode_event(EvidenceEvent(successor.tenant, name, EventType.LOG_FROZEN, at, body), {})


def carried_entries(frozen: ShardLog, successor: ShardLog) -> Sequence[bytes]:
    """What the frozen log recorded and never published, with its artifacts; nothing where it could still write."""
    entries = [frozen.entry(index) for index in range(frozen.signed_head().size, frozen.size)]
    carried = []
    for entry in entries:
        envelope = read_envelope(entry)
        if envelope.type not in _OF_THE_LOG_ITSELF:
            for reference in envelope.artifacts:
                content = (frozen.place.state / ARTIFACTS / reference.sha256).read_bytes()
                successor.keep_artifact(reference.sha256, content)
            carried.append(entry)
    return carried


def _good_signers(frozen: ShardLog, successor: ShardLog, marker: Marker) -> list[Signer]:
    """The successor's key, and the frozen log's own where it is still good and there to sign."""
    order, own = marker.order, successor.signers()
    bad = {key.public for key in order.distrusted}
    reused = [key.text for key in (own.sha256.key, own.sha3_256.key) if key.public in bad]
    if reused:
        raise ConflictError(
            "successor's key is one of the distrusted",
            origin=successor.origin,
            keys=reused,
            todo="Name another key for the successor in the settings",
        )
    former = [frozen.signers().sha256] if order.can_write else []
    return [*(each for each in former if each.key.public not in bad), own.sha256]
