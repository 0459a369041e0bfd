"""Batches as bytes: JSON with a version, read back strictly, because one that is half understood is worse than none.

What stands in a stream was published by us. Batches from outside come through `connectors.stream.intake`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeVar

import orjson

from domain.change import ChangeBatch, ChangeEvent
from domain.clock import format_instant, parse_instant
from domain.errors import InputError
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId, resource_key
from domain.tenancy import TenantId
from domain.value import Json

VERSION: Final = 1
BATCH_BYTES_MAX: Final = 16 << 20
EVENTS_MAX: Final = 10_000
UID_LENGTH_MAX: Final = 4_096

T = TypeVar("T")
Document = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch as bytes, with a digest of what it says: its source and its events, not its id and its time."""

    payload: bytes
    digest: str


def encode(batch: ChangeBatch) -> Encoded:
    """Write a batch.

    Raises:
        InputError: it is empty or too large, or an event is of another tenant or another resource than its item.
    """
    if not 0 < len(batch.events) <= EVENTS_MAX:
        raise InputError(
            "a batch is too large or empty",
            batch=batch.batch_id,
            got=len(batch.events),
            expected=f"1 to {EVENTS_MAX} events",
            todo="Publish several batches",
        )
    for event in batch.events:
        require_consistent(event, batch.tenant)
    events = _events_bytes(batch.events)
    payload = orjson.dumps(
        {
            "version": VERSION,
            "tenant": batch.tenant,
            "batch_id": batch.batch_id,
            "source": batch.source,
            "published_at": format_instant(batch.published_at),
            "events": orjson.Fragment(events),
        }
    )
    if len(payload) > BATCH_BYTES_MAX:
        raise InputError(
            "a batch is too large",
            batch=batch.batch_id,
            got=len(payload),
            expected=f"at most {BATCH_BYTES_MAX} bytes",
            todo="Publish several batches",
        )
    return Encoded(payload, _digest(batch.source, events))


def decode(payload: bytes) -> ChangeBatch:
    """Read a batch that `encode` wrote.

    Raises:
        InputError: it is not one, or of a version that is not known.
    """
    try:
        document: Json = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise InputError("the batch is not JSON", got=str(error)[:100]) from None
    if not isinstance(document, dict):
        raise InputError("the batch is no object", got=type(document).__name__)
    if document.get("version") != VERSION:
        raise InputError(
            "the batch is of a version that is not known",
            got=document.get("version"),
            expected=VERSION,
            todo="Update this part of the platform",
        )
    tenant = TenantId(required(document, "tenant", str))
    return ChangeBatch(
        tenant,
        required(document, "batch_id", str),
        required(document, "source", str),
        instant(document, "published_at"),
        tuple(_event(each, tenant) for each in objects(document, "events")),
    )


def content_id(source: str, events: Sequence[ChangeEvent]) -> str:
    """An id for a batch by what it says: the same events of the same source are the same batch."""
    return _digest(source, _events_bytes(events))


def require_consistent(event: ChangeEvent, tenant: TenantId) -> None:
    """Raise unless an event speaks of one resource of this tenant.

    Raises:
        InputError: it does not.
    """
    item = event.item
    if not 0 < len(event.uid) <= UID_LENGTH_MAX:
        raise InputError("an event names no resource", got=event.uid[:80], expected=f"1 to {UID_LENGTH_MAX} characters")
    if event.at.tzinfo is None:
        raise InputError("an event's time has no zone", uid=event.uid, got=str(event.at))
    if item is not None and (item.tenant != tenant or resource_key(item.uid) != resource_key(event.uid)):
        raise InputError("an event and its item are not of one resource and tenant", uid=event.uid, got=item.uid)


def required(document: Document, key: str, kind: type[T]) -> T:
    """A member that must be there and of this type.

    Raises:
        InputError: it is not.
    """
    value = document.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InputError(f"`{key}` is missing or of the wrong type", expected=kind.__name__, got=type(value).__name__)
    return value


def objects(document: Document, key: str) -> list[Document]:
    """A member that is a list of objects.

    Raises:
        InputError: it is not.
    """
    values = required(document, key, list)
    found = [each for each in values if isinstance(each, dict)]
    if len(found) != len(values):
        raise InputError(f"`{key}` holds something that is no object")
    return list(found)


def instant(document: Document, key: str) -> datetime:
    """A member that is an instant.

    Raises:
        InputError: it is not.
    """
    return parse_instant(required(document, key, str))


def _event(document: Document, tenant: TenantId) -> ChangeEvent:
    item = document.get("item")
    event = ChangeEvent(
        ResourceId(required(document, "uid", str)),
        instant(document, "at"),
        None if item is None else item_of(required(document, "item", dict), tenant),
        required(document, "principal", str),
        required(document, "operation", str),
    )
    require_consistent(event, tenant)
    return event


def item_of(document: Document, tenant: TenantId) -> ConfigurationItem:
    """Read a state that `item_document` wrote.

    Raises:
        InputError: it is not one.
    """
    provider, captured_at = required(document, "provider", str), document.get("captured_at")
    if provider not in set(Provider):
        raise InputError("unknown provider", got=provider, expected=", ".join(Provider))
    origin = required(document, "origin", list)
    return ConfigurationItem(
        tenant,
        ResourceId(required(document, "uid", str)),
        Provider(provider),
        required(document, "type", str),
        required(document, "name", str),
        required(document, "scope", str),
        required(document, "region", str),
        {str(key): str(value) for key, value in required(document, "tags", dict).items()},
        required(document, "properties", dict),
        None if captured_at is None else instant(document, "captured_at"),
        required(document, "digest", str),
        Origin(str(origin[0]), int(origin[1])),
        tuple(str(each) for each in required(document, "unread", list)),
        required(document, "synthetic", bool),
    )


def _events_bytes(events: Sequence[ChangeEvent]) -> bytes:
    return orjson.dumps([_event_document(event) for event in events], option=orjson.OPT_SORT_KEYS)


def _event_document(event: ChangeEvent) -> dict[str, object]:
    return {
        "uid": event.uid,
        "at": format_instant(event.at),
        "principal": event.principal,
        "operation": event.operation,
        "item": None if event.item is None else item_document(event.item),
    }


def item_document(item: ConfigurationItem) -> dict[str, object]:
    """A resource's state as JSON can have it, without its tenant."""
    return {
        "uid": item.uid,
        "provider": item.provider,
        "type": item.type,
        "name": item.name,
        "scope": item.scope,
        "region": item.region,
        "tags": dict(item.tags),
        "properties": dict(item.properties),
        "captured_at": None if item.captured_at is None else format_instant(item.captured_at),
        "digest": item.digest,
        "origin": [item.origin.file, item.origin.line],
        "unread": list(item.unread),
        "synthetic": item.synthetic,
    }


def _digest(source: str, events: bytes) -> str:
    return sha256(source.encode() + b"\0" + events).hexdigest()
