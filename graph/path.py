"""Paths into a configuration item, written one way so that they can name columns.

A path is lower-cased text. ``properties.sku.name`` goes into the provider's native document,
``properties.rules[*].port`` into each element of an array, ``properties['a.b']`` names a key with a dot,
``@tags.env`` goes into what every item has (``@id``, ``@name``, ``@fullname``, ``@type``, ``@location``,
``@tags``, and all of it as ``@document``), and
``microsoft.web/sites|properties.state`` exists only on items of that type (several are
joined by ``;``), and ``||`` joins paths of different types. Keys are compared without case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from domain.errors import InputError
from domain.resource import ConfigurationItem, Provider
from domain.value import MISSING, UNREAD, Json, Value

EACH: Final = "[*]"
"""The segment that stands for every element of an array."""

INSIDE: Final = "#"
"""A last segment that asks for an array's child table without the elements' own values."""

_SEGMENT = re.compile(r"\['((?:[^']|'')*)'\]|(\[\*\]|\[\d+\])|\.?([^.\[\]']+)")
_INDEX = re.compile(r"\[\d+\]")
_PLAIN = re.compile(r"[^.\[\]'|]+")


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path.

    Args:
        owners: the folded types that alone have it, or None.
        others: paths that stand in for it on other types, without ``[*]``.
    """

    owners: frozenset[str] | None
    segments: tuple[str, ...]
    others: tuple[Path, ...] = ()

    @property
    def arrays(self) -> tuple[int, ...]:
        """Where ``[*]`` stands among the segments."""
        return tuple(at for at, segment in enumerate(self.segments) if segment == EACH)

    def prefix(self, length: int) -> Path:
        """The path made of the first `length` segments."""
        return Path(self.owners, self.segments[:length])

    def is_of(self, kind: str) -> bool:
        """Whether items of a folded type can have it, leaving the others aside."""
        return self.owners is None or kind in self.owners

    def on(self, kind: str) -> Path | None:
        """The path as it is on a folded type, or None."""
        return next((path for path in (self, *self.others) if path.is_of(kind)), None)

    def __str__(self) -> str:
        shown = "".join(map(_written, self.segments)).removeprefix(".")
        owned = f"{';'.join(sorted(self.owners))}|{shown}" if self.owners else shown
        return "||".join([owned, *map(str, self.others)])


def fold(text: str) -> str:
    """The form in which two names are equal without case."""
    return text.casefold()


def _written(segment: str) -> str:
    if segment == EACH or _INDEX.fullmatch(segment):
        return segment
    return f".{segment}" if _PLAIN.fullmatch(segment) else "['" + segment.replace("'", "''") + "']"


@lru_cache(maxsize=65_536)
def parse_path(text: str) -> Path:
    """Read a path.

    Raises:
        InputError: brackets or quotes do not match, or a segment is empty.
    """
    if "||" in text:
        first, *others = (parse_path(part) for part in text.split("||"))
        return Path(first.owners, first.segments, tuple(others))
    owner, _, rest = text.rpartition("|") if "|" in text.partition("[")[0] else ("", "", text)
    segments: list[str] = []
    at = 0
    while at < len(rest):
        found = _SEGMENT.match(rest, at)
        if found is None:
            raise InputError(
                "path is not readable",
                got=text,
                at=at,
                expected="names separated by dots, [*] for array elements, ['name'] for a name with dots",
                todo="Write the path in that form",
            )
        quoted, each, plain = found.groups()
        segments.append(each or fold(plain or quoted.replace("''", "'")))
        at = found.end()
    return Path(frozenset(fold(owner).split(";")) if owner else None, tuple(segments))


def item_field(item: ConfigurationItem, name: str) -> Value:
    """What an item has whatever its provider, such as ``@type``; an empty one counts as not set."""
    if name == "@tags":
        return _tags(item)
    if name == "@document":
        return _whole(item)
    if name == "@fullname":
        return _full_name(item)
    known = {"@id": item.uid, "@name": item.name, "@type": item.type, "@location": item.region}
    found = known.get(name, "")
    if found:
        return found
    return UNREAD if "*" in item.unread else MISSING


def _whole(item: ConfigurationItem) -> Value:
    """Everything that is known of an item, for policies that are programs of their own."""
    tags = _tags(item)
    return {
        "id": item.uid,
        "type": item.type,
        "name": item.name,
        "location": item.region,
        "scope": item.scope,
        "tags": tags if isinstance(tags, dict) else {},
        "properties": dict(item.properties),
        "unread": list(item.unread),
    }


def _full_name(item: ConfigurationItem) -> Value:
    """Names of the parents and its own: ``server/database``."""
    given = step(_document(item), "fullname")
    if isinstance(given, str):
        return given
    _, _, below = item.uid.rpartition("/providers/") if item.provider is Provider.AZURE else ("", "", "")
    names = below.split("/")[2::2]
    return "/".join(names) or item.name or MISSING


def _tags(item: ConfigurationItem) -> Value:
    if item.tags:
        return dict(item.tags)
    native = step(dict(item.properties), "tags") if item.provider is Provider.AZURE else MISSING
    if native is not MISSING:
        return native
    return UNREAD if is_unread(item.unread, "tags") else MISSING


def step(value: Value, name: str) -> Value:
    """One key of an object, compared without case; of several spellings the first counts."""
    if isinstance(value, dict):
        exact = value.get(name, MISSING)
        if exact is not MISSING and sum(fold(key) == name for key in value) == 1:
            return exact
        for key, found in value.items():
            if fold(key) == name:
                return found
    return MISSING


def is_unread(unread: Iterable[str], first: str) -> bool:
    """Whether absence below this first segment means that nobody asked."""
    return any(name == "*" or fold(name) == first.removeprefix("@") for name in unread)


def read(item: ConfigurationItem, path: Path) -> Value:
    """What one item holds at a path without ``[*]``."""
    here = path.on(fold(item.type))
    if here is None:
        return MISSING
    path = here
    first = path.segments[0]
    if first.startswith("@"):
        value = item_field(item, first)
        rest = path.segments[1:]
    else:
        value = _document(item)
        rest = path.segments
    value = follow(value, rest)
    if value is MISSING and is_unread(item.unread, first):
        return UNREAD
    return value


def _document(item: ConfigurationItem) -> Json:
    return item.properties if isinstance(item.properties, dict) else dict(item.properties)


def follow(value: Value, segments: Iterable[str]) -> Value:
    """Go down by keys; UNREAD stays UNREAD."""
    for segment in segments:
        if value is UNREAD:
            return UNREAD
        value = element(value, segment) if segment.startswith("[") else step(value, segment)
    return value


def element(value: Value, segment: str) -> Value:
    """One element of an array, by a segment such as ``[0]``."""
    at = int(segment[1:-1])
    return value[at] if isinstance(value, list) and at < len(value) else MISSING
