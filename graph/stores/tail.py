"""What the journal holds and the tables do not have yet, as it is asked for while changes come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.resource import ConfigurationItem, Relationship, resource_key
from graph.stores.journal import Entry
from graph.stores.known import Known, unknown_gone
from graph.stores.merge import NewVersion, Past, Repeat

ROWS_MAX: Final = 4_096
BYTES_MAX: Final = 8 * 1024 * 1024


class Tail:
    """Entries in order, and what they come to.

    Attributes:
        known: the latest versions of the resources that the entries are about.
        past: versions that the entries added, by key.
        positions: of the streams that the entries name.
        related: the relationships of the sources that the entries name, by key.
        rows: how much there is to be taken into the tables.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.known: dict[str, Known] = {}
        self.past: dict[str, list[Past]] = {}
        self.positions: dict[str, str] = {}
        self.related: dict[str, list[Relationship]] = {}
        self.rows = 0
        self._items: dict[int, ConfigurationItem] = {}

    def take(self, entry: Entry, before: Mapping[str, Known]) -> None:
        """Add an entry.

        Args:
            before: the latest versions of its resources until now.
        """
        self.entries.append(entry)
        self.rows += entry.rows
        if entry.stream:
            self.positions[entry.stream] = entry.position
        self.related |= {key: [] for key in entry.sources}
        for each in entry.relationships:
            self.related[resource_key(each.source)].append(each)
        for touch in entry.touched:
            self._touch(touch.key, touch.version, touch.item, touch.seen_at, before)
        for number, version in enumerate(entry.added, entry.number):
            self._add(number, version, before)
        for key, at in entry.unknown_gone:
            self.known[key] = unknown_gone(at)

    def can_take(self, added: tuple[NewVersion | Repeat, ...], before: Mapping[str, Known]) -> bool:
        """Whether everything that is to be added is known here; what repeats an older version is not."""
        return all(
            isinstance(each, NewVersion) or (each.key in before and before[each.key].version == each.version)
            for each in added
        )

    def item(self, key: str) -> ConfigurationItem | None:
        """The latest item of a resource in `known` that is there; None where the entries do not hold it."""
        version = self.known[key].version
        return None if version is None else self._items.get(version)

    def _touch(
        self, key: str, number: int, item: ConfigurationItem, seen_at: datetime, before: Mapping[str, Known]
    ) -> None:
        known = self.known.get(key) or before[key]
        if known.version == number:
            seen = (item.captured_at, item.origin.file, item.origin.line)
            self.known[key] = replace(known, seen=seen, seen_at=seen_at)
        if number in self._items:
            self._items[number] = item

    def _add(self, number: int, version: NewVersion | Repeat, before: Mapping[str, Known]) -> None:
        former = self.known.get(version.key) or before.get(version.key)
        if isinstance(version, NewVersion):
            item = version.item
            mark, seen = version.fingerprint, (item.captured_at, item.origin.file, item.origin.line)
            self._items[number] = item
        else:
            candidates = (former, before[version.key])
            repeated = next(known for known in candidates if known is not None and known.version == version.version)
            mark, seen = repeated.fingerprint, repeated.seen
            if version.version in self._items:
                self._items[number] = self._items[version.version]
        past = Past(version.key, number, mark, version.valid_from, seen[0], version.is_retired)
        self.past.setdefault(version.key, []).append(past)
        if former is None or former.version is None or version.valid_from >= former.valid_from:
            seen_at = version.seen_at or version.valid_from
            facts = (mark, version.valid_from, seen, seen_at, version.is_retired, version.is_told)
            self.known[version.key] = Known(number, *facts)
