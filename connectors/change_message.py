"""What a provider's change message tells, and how it becomes an event: the vocabulary of the providers' adapters.

A message that tells nothing of a resource's state (a delivery report, a confirmation) tells no change. One that says
that something changed and not how cannot become an event: it is refused with what to subscribe to instead.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import orjson

from connectors.files.merge import Merger
from connectors.observation import FULL, Document, Observation
from domain.change import ChangeEvent
from domain.clock import parse_instant
from domain.errors import InputError
from domain.resource import Origin, ResourceId, resource_key
from domain.tenancy import TenantId
from domain.value import Json

ORIGIN_LENGTH_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Told:
    """What one message tells of one resource.

    Args:
        seen: the resource whole, and further facets of it; empty where it was deleted.
        message_id: the provider's own id of the message; empty where it has none.
    """

    uid: str
    at: datetime
    seen: tuple[Observation, ...] = ()
    principal: str = ""
    operation: str = ""
    message_id: str = ""


def event_of(told: Told, *, tenant: TenantId, source: str) -> ChangeEvent:
    """The event: the resource's state with its secrets removed, as a collection of files would have it.

    Raises:
        InputError: the message does not hold the resource's whole state.
    """
    if not told.seen:
        return ChangeEvent(ResourceId(told.uid), told.at, None, told.principal, told.operation)
    if not any(seen.facet == FULL for seen in told.seen):
        raise InputError(
            "the message holds a part of the resource only",
            uid=told.uid,
            got=", ".join(sorted(seen.facet for seen in told.seen)),
            todo="Let the feed deliver whole resources",
        )
    merger = Merger(tenant)
    origin = Origin(f"{source}#{told.message_id}"[:ORIGIN_LENGTH_MAX] if told.message_id else source)
    for seen in told.seen:
        merger.add(seen, told.at, origin, synthetic=False)
    items = [item for item in merger.merge().items if resource_key(item.uid) == resource_key(told.uid)]
    return ChangeEvent(
        ResourceId(told.uid), told.at, replace(items[0], captured_at=told.at), told.principal, told.operation
    )


def require_instant(value: Json, *, what: str) -> datetime:
    """When something happened, from a message that must say so.

    Raises:
        InputError: it does not, or not in a form that can be read.
    """
    if not isinstance(value, str) or not value:
        raise InputError("the message does not say when the resource changed", expected=what)
    return parse_instant(_microseconds(value))


def nested_json(value: Json, *, what: str) -> Document:
    """An object that a message carries as text.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, dict):
        return value
    try:
        found: Json = orjson.loads(value) if isinstance(value, str | bytes) else None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise InputError("a part of the message is not a JSON object", part=what)
    return found


def base64_text(value: Json, *, what: str) -> str:
    """Text that a message carries in base64.

    Raises:
        InputError: it is none.
    """
    try:
        return base64.b64decode(value if isinstance(value, str) else "!", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InputError("a part of the message is not base64 text", part=what) from None


def principal_in(claims: Json, keys: Sequence[str]) -> str:
    """The first of the names that a message gives for who did it."""
    if not isinstance(claims, dict):
        return ""
    for key in keys:
        value = claims.get(key)
        if isinstance(value, str) and value:
            return value
    return ""


def _microseconds(text: str) -> str:
    """Providers write up to nine places behind the point; six can be kept."""
    head, point, tail = text.partition(".")
    if not point:
        return text
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[: min(digits, 6)]}{tail[digits:]}"
