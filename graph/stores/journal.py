"""What a write of observed changes did, as a record of the embedded store's journal and back.

A record is JSON; what orjson cannot hold goes through the standard library, and its first byte says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from domain.errors import IntegrityError
from domain.resource import (
    ConfigurationItem,
    Origin,
    Provider,
    Relationship,
    RelationshipKind,
    ResourceId,
    Strength,
)
from domain.tenancy import TenantId
from graph.stores.bodies import encode
from graph.stores.instants import instant_from_us, us_from_instant
from graph.stores.merge import NewVersion, Repeat
from graph.stores.sightings import Touch


@dataclass(frozen=True, slots=True)
class Entry:
    """One write.

    Args:
        sequence: grows by one with each entry.
        version: the store's version afterwards.
        number: of the first version in `added`; the others follow.
        sources: keys of the sources whose relationships are replaced.
    """

    sequence: int
    version: int
    number: int
    added: tuple[NewVersion | Repeat, ...] = ()
    touched: tuple[Touch, ...] = ()
    unknown_gone: tuple[tuple[str, datetime], ...] = ()
    stream: str = ""
    position: str = ""
    sources: frozenset[str] = frozenset()
    relationships: tuple[Relationship, ...] = ()

    @property
    def has_effect(self) -> bool:
        """Whether there is anything to be kept of it."""
        return bool(self.rows or self.unknown_gone or self.stream)

    @property
    def rows(self) -> int:
        """About how much work it is for the tables."""
        return len(self.added) + len(self.touched) + len(self.sources) + len(self.relationships)


def packed(entry: Entry) -> bytes:
    """An entry as bytes."""
    text, is_plain = encode(
        [
            [entry.sequence, entry.version, entry.number, entry.stream, entry.position],
            [_added(each) for each in entry.added],
            [[each.key, each.version, us_from_instant(each.seen_at), _item(each.item)] for each in entry.touched],
            [[key, us_from_instant(at)] for key, at in entry.unknown_gone],
            sorted(entry.sources),
            [[each.source, each.target, each.kind, each.strength, each.path] for each in entry.relationships],
        ]
    )
    return (b"p" if is_plain else b"o") + text


def unpacked(record: bytes, tenant: TenantId) -> Entry:
    """An entry from its bytes.

    Raises:
        IntegrityError: they are no entry.
    """
    try:
        text = record[1:]
        head, added, touched, gone, sources, relationships = (json if record[:1] == b"p" else orjson).loads(text)
        sequence, version, number, stream, position = head
        return Entry(
            sequence,
            version,
            number,
            tuple(_version(row, tenant) for row in added),
            tuple(Touch(key, was, _item_from(item, tenant), instant_from_us(at)) for key, was, at, item in touched),
            tuple((key, instant_from_us(at)) for key, at in gone),
            stream,
            position,
            frozenset(sources),
            tuple(_relationship(row) for row in relationships),
        )
    except (ValueError, TypeError) as error:
        raise IntegrityError("an entry of the store's journal cannot be read", reason=str(error)) from None


def _added(version: NewVersion | Repeat) -> list[Any]:
    seen_at = None if version.seen_at is None else us_from_instant(version.seen_at)
    more = [version.key, us_from_instant(version.valid_from), version.is_retired, version.is_told, seen_at]
    if isinstance(version, Repeat):
        return [*more, version.version]
    return [*more, version.fingerprint, _item(version.item)]


def _version(row: Sequence[Any], tenant: TenantId) -> NewVersion | Repeat:
    key, since, is_retired, is_told, seen, *state = row
    valid_from, seen_at = instant_from_us(since), None if seen is None else instant_from_us(seen)
    if len(state) == 1:
        return Repeat(key, state[0], valid_from, is_retired, is_told, seen_at)
    return NewVersion(key, _item_from(state[1], tenant), state[0], valid_from, is_retired, is_told, seen_at)


def _item(item: ConfigurationItem) -> list[Any]:
    captured_at = None if item.captured_at is None else us_from_instant(item.captured_at)
    place = [item.origin.file, item.origin.line]
    head = [item.uid, item.provider, item.type, item.name, item.scope, item.region, item.digest, item.synthetic]
    return [*head, captured_at, *place, item.unread, item.tags, item.properties]


def _item_from(row: Sequence[Any], tenant: TenantId) -> ConfigurationItem:
    uid, provider, type_, name, scope, region, digest, synthetic, captured_at, *more = row
    file, line, unread, tags, properties = more
    return ConfigurationItem(
        tenant=tenant,
        uid=ResourceId(uid),
        provider=Provider(provider),
        type=type_,
        name=name,
        scope=scope,
        region=region,
        tags=tags,
        properties=properties,
        captured_at=None if captured_at is None else instant_from_us(captured_at),
        digest=digest,
        origin=Origin(file, line),
        unread=tuple(unread),
        synthetic=synthetic,
    )


def _relationship(row: Sequence[str]) -> Relationship:
    source, target, kind, strength, path = row
    return Relationship(ResourceId(source), ResourceId(target), RelationshipKind(kind), Strength(strength), path)
