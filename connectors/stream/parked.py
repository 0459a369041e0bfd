"""Messages that were put aside, with the reason, for a person to look at and to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import orjson

from connectors.redaction import clean_text
from domain.clock import format_instant, parse_instant
from domain.errors import InputError
from domain.value import Json

PARKED_MAX: Final = 1_000
"""Messages kept aside for a tenant; beyond it the oldest go and are counted."""

_REASON_LENGTH_MAX: Final = 500
_REFUSED: Final = "refused-"


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """One message.

    Args:
        id: its position in the stream, or for one that never was there, a digest of it.
        source: who published it.
        payload: as it stood in the stream, or as it was received.
    """

    id: str
    source: str
    reason: str
    parked_at: datetime
    payload: bytes

    @property
    def is_batch(self) -> bool:
        """Whether it was in the stream, so that its payload is a batch in the stream's form."""
        return not self.id.startswith(_REFUSED)


@dataclass(frozen=True, slots=True)
class Parking:
    """What is aside, oldest first, and how many messages went because there were too many."""

    messages: tuple[ParkedMessage, ...]
    dropped: int


def refused(payload: bytes, *, source: str, reason: str, now: datetime) -> ParkedMessage:
    """A message that never became a batch."""
    return ParkedMessage(_REFUSED + sha256(payload).hexdigest()[:40], source, _shown(reason), now, payload)


def parked_batch(position: str, payload: bytes, reason: str, *, now: datetime) -> ParkedMessage:
    """A batch that its consumer could not apply."""
    return ParkedMessage(position, _source(payload), _shown(reason), now, payload)


def write_parked(message: ParkedMessage) -> bytes:
    """A message as it is kept; payloads need not be text."""
    return orjson.dumps(
        {
            "id": message.id,
            "source": message.source,
            "reason": message.reason,
            "parked_at": format_instant(message.parked_at),
            "payload": message.payload.decode("latin-1"),
        }
    )


def read_parked(content: bytes) -> ParkedMessage:
    """A message as `write_parked` wrote it."""
    kept: dict[str, str] = orjson.loads(content)
    return ParkedMessage(
        kept["id"],
        kept["source"],
        kept["reason"],
        parse_instant(kept["parked_at"]),
        kept["payload"].encode("latin-1"),
    )


def require_parked_id(parked_id: str) -> str:
    """An id that may name a file.

    Raises:
        InputError: it is not of the form of ids.
    """
    plain = parked_id.removeprefix(_REFUSED).replace("-", "")
    if not plain.isalnum() or not plain.isascii() or len(parked_id) > 100:
        raise InputError("not the id of a parked message", got=parked_id[:100], todo="Run: pcg changes parked")
    return parked_id


def _shown(reason: str) -> str:
    return clean_text(reason)[:_REASON_LENGTH_MAX]


def _source(payload: bytes) -> str:
    try:
        document: Json = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ""
    source = document.get("source") if isinstance(document, dict) else None
    return source if isinstance(source, str) else ""
