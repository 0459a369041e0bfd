"""Lines from outside become batches: our own form, or a provider's change messages as they are.

What cannot be read is told line by line with its reason, and stops nothing. Secrets leave here, whoever published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import orjson

from connectors.aws import changes as aws
from connectors.azure import changes as azure
from connectors.change_message import Told, event_of
from connectors.gcp import changes as gcp
from connectors.redaction import clean, clean_text
from connectors.stream.codec import content_id, instant, objects, require_consistent, required
from domain.change import ChangeBatch, ChangeEvent
from domain.errors import InputError
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId
from domain.tenancy import TenantId
from domain.value import Json

EVENTS_PER_BATCH: Final = 500
AHEAD_MAX: Final = timedelta(hours=1)
"""A change may be this far in the future by our clock; later ones would win over everything that follows."""

NAME_LENGTH_MAX: Final = 200
_OWN: Final = "policycortex"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that could not become a batch.

    Args:
        line: its number, from 1.
    """

    line: int
    payload: bytes
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What some lines came to.

    Args:
        silent: messages that were understood and tell no change.
    """

    batches: tuple[ChangeBatch, ...]
    refusals: tuple[Refusal, ...]
    silent: int


@dataclass(frozen=True, slots=True)
class _Adapter:
    source: str
    is_message: Callable[[dict[str, Json]], bool]
    read: Callable[[dict[str, Json]], tuple[Told, ...]]


_ADAPTERS: Final = (
    _Adapter("gcp-asset-feed", gcp.is_message, gcp.read),
    _Adapter("azure-event-grid", azure.is_message, azure.read),
    _Adapter("aws-config", aws.is_message, aws.read),
)


def take_in(lines: Iterable[bytes], *, tenant: TenantId, now: datetime) -> Intake:
    """Read NDJSON lines; a line may hold one message, one batch, or a list of them.

    Provider's messages that follow each other are put together in batches whose id is their content, so that sending
    the same lines again publishes nothing new.
    """
    batches: list[ChangeBatch] = []
    refusals: list[Refusal] = []
    pending: dict[str, list[ChangeEvent]] = {}
    silent = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        for document in _documents(line):
            try:
                found = _read(document, tenant=tenant, now=now)
            except (InputError, RecursionError) as error:
                refusals.append(_refusal(number, line, document, error))
                continue
            if isinstance(found, ChangeBatch):
                batches.append(found)
            else:
                silent += not found.events
                pending.setdefault(found.source, []).extend(found.events)
    batches.extend(_gathered(pending, tenant=tenant, now=now))
    return Intake(tuple(batches), tuple(refusals), silent)


@dataclass(frozen=True, slots=True)
class _Understood:
    source: str
    events: tuple[ChangeEvent, ...]


def _documents(line: bytes) -> Iterator[Json]:
    """The members of a line; one that is not JSON has one member, which is no object."""
    try:
        found: Json = orjson.loads(line)
    except orjson.JSONDecodeError:
        yield None
        return
    if isinstance(found, list):
        yield from found
    else:
        yield found


def _refusal(number: int, line: bytes, document: Json, error: InputError | RecursionError) -> Refusal:
    """What is kept of a line for a person to look at, and to try again; secrets leave it as well."""
    reason = str(error) if isinstance(error, InputError) else "nested too deeply"
    return Refusal(number, _kept(line, document), _source(document), reason)


def _kept(line: bytes, document: Json) -> bytes:
    if not isinstance(document, dict):
        return clean_text(line.decode("utf-8", "replace")).encode()
    try:
        return clean(dict(gcp.carried(document))).content
    except RecursionError:
        return b"[removed: nested too deeply to look for secrets in it]"


def _read(document: Json, *, tenant: TenantId, now: datetime) -> ChangeBatch | _Understood:
    if not isinstance(document, dict):
        raise InputError("the line is no JSON object")
    if isinstance(document.get("events"), list):
        return _own_batch(document, tenant=tenant, now=now)
    for adapter in _ADAPTERS:
        if adapter.is_message(document):
            told = adapter.read(document)
            events = tuple(event_of(each, tenant=tenant, source=adapter.source) for each in told)
            for event in events:
                _require_possible(event, tenant, now)
            return _Understood(adapter.source, events)
    raise InputError(
        "no provider's change message is recognised in it",
        todo="Send batches in our own form, or messages of AWS Config, Event Grid or Cloud Asset Inventory",
    )


def _gathered(pending: Mapping[str, list[ChangeEvent]], *, tenant: TenantId, now: datetime) -> Iterator[ChangeBatch]:
    for source, events in pending.items():
        for start in range(0, len(events), EVENTS_PER_BATCH):
            part = tuple(events[start : start + EVENTS_PER_BATCH])
            yield ChangeBatch(tenant, content_id(source, part), source, now, part)


def _own_batch(document: Mapping[str, Json], *, tenant: TenantId, now: datetime) -> ChangeBatch:
    named = document.get("tenant")
    if named is not None and named != tenant:
        raise InputError("the batch is of another tenant", todo="Send it with that tenant's token")
    source = _name(document, "source", _OWN)
    events = tuple(_own_event(each, tenant) for each in objects(document, "events"))
    if not events:
        raise InputError("the batch is empty")
    for event in events:
        _require_possible(event, tenant, now)
    batch_id = _name(document, "batch_id", "") or content_id(source, events)
    return ChangeBatch(tenant, batch_id, source, now, events)


def _own_event(document: Mapping[str, Json], tenant: TenantId) -> ChangeEvent:
    item = document.get("item")
    if "item" not in document:
        raise InputError("the event is without `item`", todo="Write `null` where the resource was deleted")
    uid, at = ResourceId(required(document, "uid", str)), instant(document, "at")
    state = None if item is None else _own_item(required(document, "item", dict), uid, at, tenant)
    return ChangeEvent(uid, at, state, _optional(document, "principal"), _optional(document, "operation"))


def _own_item(document: Mapping[str, Json], uid: ResourceId, at: datetime, tenant: TenantId) -> ConfigurationItem:
    provider = required(document, "provider", str)
    if provider not in set(Provider):
        raise InputError("unknown provider", got=provider[:60], expected=", ".join(Provider))
    properties: dict[str, Json] = required(document, "properties", dict)
    tags: dict[str, Json] = dict(required(document, "tags", dict)) if "tags" in document else {}
    content = clean(properties).content
    clean(tags)
    unread = document.get("unread", [])
    return ConfigurationItem(
        tenant,
        ResourceId(_optional(document, "uid") or uid),
        Provider(provider),
        required(document, "type", str),
        _optional(document, "name") or uid.rpartition("/")[2],
        _optional(document, "scope"),
        _optional(document, "region"),
        {key: value if isinstance(value, str) else "" for key, value in tags.items()},
        properties,
        instant(document, "captured_at") if document.get("captured_at") else at,
        sha256(content).hexdigest(),
        Origin(_OWN),
        tuple(each for each in unread if isinstance(each, str)) if isinstance(unread, list) else (),
        document.get("synthetic") is True,
    )


def _require_possible(event: ChangeEvent, tenant: TenantId, now: datetime) -> None:
    require_consistent(event, tenant)
    if event.at > now + AHEAD_MAX:
        raise InputError(
            "the change lies in the future",
            uid=event.uid,
            at=event.at.isoformat(),
            now=now.isoformat(),
            todo="Set the clock of whoever published it",
        )


def _name(document: Mapping[str, Json], key: str, otherwise: str) -> str:
    value = _optional(document, key) or otherwise
    if len(value) > NAME_LENGTH_MAX or not value.isprintable():
        raise InputError(f"`{key}` is not a name", got=value[:60], expected=f"at most {NAME_LENGTH_MAX} characters")
    return value


def _optional(document: Mapping[str, Json], key: str) -> str:
    value = document.get(key)
    if value is None:
        return ""
    return required(document, key, str)


def _source(document: Json) -> str:
    if not isinstance(document, dict):
        return ""
    named = document.get("source")
    for adapter in _ADAPTERS:
        if adapter.is_message(document):
            return adapter.source
    return named[:NAME_LENGTH_MAX] if isinstance(named, str) else ""
