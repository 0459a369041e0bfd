"""Many observations become one state per resource, and what came before.

The newest `captured_at` wins, at equal time the last read; one without a time is older than any. An AWS item's facets
are merged one by one under the same rule. An observation that was replaced is kept as former where its digest differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from connectors.observation import EVERYTHING, FULL, SUMMARY, TAGS, Document, Observation, tag_map
from connectors.redaction import clean
from domain.resource import ConfigurationItem, Origin, Provider, ResourceId, resource_key
from domain.tenancy import TenantId

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Sighting:
    """An observation with what the reader knows of it; its document is clean."""

    seen: Observation
    captured_at: datetime | None
    order: int
    digest: str
    origin: Origin
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Merged:
    """The current items in order of key, the former ones oldest first, and how many observations repeated an id."""

    items: tuple[ConfigurationItem, ...]
    former: tuple[ConfigurationItem, ...]
    repeated: int


class Merger:
    """Collects sightings by resource, then merges them."""

    def __init__(self, tenant: TenantId) -> None:
        self._tenant = tenant
        self._sightings: dict[str, list[Sighting]] = {}
        self._count = 0

    def add(self, seen: Observation, captured_at: datetime | None, origin: Origin, *, synthetic: bool) -> str:
        """Take one observation; secrets leave its document here. Gives the resource's key."""
        document = seen.document
        if seen.facet not in _WHOLE or not isinstance(document, dict):
            document = {seen.facet: document}
        cleaned = clean(document)
        seen.document = document
        if cleaned.is_changed and seen.tags:
            _clean_tags(seen)
        self._count += 1
        key = resource_key(seen.uid)
        digest = hashlib.sha256(cleaned.content).hexdigest()
        sighting = Sighting(seen, captured_at, self._count, digest, origin, synthetic)
        held = self._sightings.get(key)
        if held is None:
            self._sightings[key] = [sighting]
        else:
            held.append(sighting)
        return key

    def merge(self) -> Merged:
        """Settle every resource."""
        self._join_short_ids()
        items: list[ConfigurationItem] = []
        former: list[ConfigurationItem] = []
        repeated = 0
        for key in sorted(self._sightings):
            sightings = self._sightings[key]
            if len(sightings) == 1 and sightings[0].seen.facet == FULL and not sightings[0].seen.absent:
                items.append(self._item(sightings[0], sightings[0].seen.document, sightings[0].digest))
                continue
            sightings.sort(key=_age)
            whole = [each for each in sightings if each.seen.facet == FULL]
            repeated += max(0, len(whole) - 1)
            former.extend(self._former(whole))
            current = self._settle(sightings, whole)
            if current:
                items.append(current)
        former.sort(key=lambda item: (item.captured_at or _NEVER, item.uid))
        return Merged(tuple(items), tuple(former), repeated)

    def _join_short_ids(self) -> None:
        """An AWS id stands for the ARN that ends in it, where exactly one resource of the type has such an ARN."""
        short = [key for key, each in self._sightings.items()
                 if each[0].seen.provider is Provider.AWS and not key.startswith("arn:")]  # fmt: skip
        if not short:
            return
        by_end: dict[tuple[str, str], list[str]] = {}
        for key, each in self._sightings.items():
            if key.startswith("arn:"):
                end = key.replace("/", ":").rpartition(":")[2]
                by_end.setdefault((each[0].seen.type, end), []).append(key)
        for key in short:
            matches = by_end.get((self._sightings[key][0].seen.type, key), [])
            if len(matches) == 1:
                self._sightings[matches[0]].extend(self._sightings.pop(key))

    def _former(self, whole: list[Sighting]) -> Iterator[ConfigurationItem]:
        """Each state that was replaced by another, from when it was first seen."""
        run: Sighting | None = None
        for each in whole:
            if run is not None and run.digest != each.digest and not run.seen.absent:
                yield self._item(run, run.seen.document, run.digest)
            if run is None or run.digest != each.digest:
                run = each

    def _settle(self, sightings: list[Sighting], whole: list[Sighting]) -> ConfigurationItem | None:
        """The current state: the newest whole document with the newest of each facet; None where it is gone."""
        base = whole[-1] if whole else None
        if base and base.seen.absent:
            return None
        by_facet = {each.seen.facet: each for each in sightings}
        summary, tags = by_facet.pop(SUMMARY, None), by_facet.pop(TAGS, None)
        by_facet.pop(FULL, None)
        base = base or summary or tags or next(iter(by_facet.values()))
        is_facet = base.seen.facet not in _WHOLE
        document: Document = {} if is_facet else dict(_document(base))
        for facet in sorted(by_facet):
            if not by_facet[facet].seen.absent:
                document.update(_document(by_facet[facet]))
        _borrow_tags(base, [by_facet.get("Tags"), tags, summary])
        unread = EVERYTHING if is_facet else tuple(key for key in base.seen.unread if key not in by_facet)
        newest = max(sightings, key=_age)
        content = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
        return self._item(base, document, hashlib.sha256(content).hexdigest(), newest.captured_at, unread)

    def _item(
        self,
        sighting: Sighting,
        document: object,
        digest: str,
        captured_at: datetime | None = None,
        unread: tuple[str, ...] | None = None,
    ) -> ConfigurationItem:
        seen = sighting.seen
        return ConfigurationItem(
            self._tenant,
            ResourceId(seen.uid),
            seen.provider,
            seen.type,
            seen.name,
            seen.scope,
            seen.region,
            seen.tags,
            document if isinstance(document, dict) else {},
            captured_at or sighting.captured_at,
            digest,
            sighting.origin,
            seen.unread if unread is None else unread,
            sighting.synthetic,
        )


_WHOLE = frozenset({FULL, SUMMARY, TAGS})


def _age(sighting: Sighting) -> tuple[datetime, int]:
    return sighting.captured_at or _NEVER, sighting.order


def _document(sighting: Sighting) -> Document:
    return sighting.seen.document if isinstance(sighting.seen.document, dict) else {}


def _borrow_tags(base: Sighting, others: list[Sighting | None]) -> None:
    """Tags that another call told, where the resource's own document holds none."""
    for other in others:
        if not base.seen.tags and other is not None and other is not base:
            base.seen.tags = other.seen.tags


def _clean_tags(seen: Observation) -> None:
    """Tags are a copy of a part of the document: what was removed there is removed here."""
    pairs: Document = dict(seen.tags)
    clean(pairs)
    seen.tags = tag_map(pairs)
