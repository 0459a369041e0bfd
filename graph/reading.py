"""What one document says about other resources, and everything that it was looked up by.

Any string that names another item is a reference; its place and its target say what it means (rules in
`graph.reference_rules`). Containment comes from the ids themselves. The answer depends on the document and on what the
directory answers for it, on nothing else: where no such answer changes, the document need not be read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, TypeAlias

from domain.resource import ConfigurationItem, Provider, RelationshipKind, Strength
from graph.identifiers import DANGLING, HEADS, Directory, Identified, Spellings, nearest
from graph.reference_rules import FALLBACK, NAME_RULES, RULES, Direction, NameRule, Rule

KINDS: tuple[RelationshipKind, ...] = tuple(RelationshipKind)
STRENGTHS: tuple[Strength, ...] = tuple(Strength)
KIND_CODES = {kind: code for code, kind in enumerate(KINDS)}
CONTAINS = KIND_CODES[RelationshipKind.CONTAINS]

EdgeKey: TypeAlias = "tuple[int, int, int]"
"""Source, target and kind (an index into `KINDS`)."""
Bearing: TypeAlias = "tuple[int, str]"
"""Strength (an index into `STRENGTHS`) and the place of the id; the smallest of several counts."""
_Trail: TypeAlias = "tuple[Any, str] | None"
"""A place in a document: the place above it, and the last name; elements of an array are ``[*]``."""


@dataclass(slots=True)
class Reading:
    """What a document says.

    Args:
        claims: edges with the document's own resource at one end.
        dangling: place and text of ids that lead nowhere.
    """

    claims: dict[EdgeKey, Bearing] = field(default_factory=dict)
    dangling: list[tuple[str, str]] = field(default_factory=list)


class Reader:
    """Reads documents against a directory; what a place means is remembered per type and place."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._meanings: dict[tuple[str, str, str], Rule] = {}

    def read(self, row: int, item: ConfigurationItem) -> Reading:
        """What the document of a row's item says."""
        found = Reading()
        directory = self._directory
        self._contain(found, row, item)
        for text, trail in _candidates(item.properties, directory.spellings):
            named = directory.resolve(text)
            if named is None:
                continue
            target = nearest(directory, named, item.scope) if isinstance(named, tuple) else named
            if target == DANGLING:
                found.dangling.append((_path(trail), text))
            elif target != row:
                self._refer(found, row, target, _path(trail))
        self._name(found, row, item)
        return found

    def _refer(self, found: Reading, row: int, target: int, path: str) -> None:
        directory = self._directory
        key, other = directory.key(row), directory.key(target)
        if other.startswith(key) and other[len(key)] == "/":
            return
        rule = self._meaning(directory.kind(row), path, directory.kind(target))
        if key.startswith(other) and key[len(other)] == "/" and rule is FALLBACK:
            return
        if rule.direction is Direction.REVERSE:
            row, target = target, row
        _add(found, (row, target, KIND_CODES[rule.kind]), (_STRENGTH_CODES[rule.strength], path))

    def _contain(self, found: Reading, row: int, item: ConfigurationItem) -> None:
        for spelling in _containers(item, self._directory.key(row)):
            parent = self._directory.spellings.get(spelling)
            if isinstance(parent, int) and parent != row:
                _add(found, (row, parent, CONTAINS), (_STRENGTH_CODES[Strength.HARD], "@id"))
                return

    def _name(self, found: Reading, row: int, item: ConfigurationItem) -> None:
        for rule in _NAME_RULES_BY_SOURCE.get(item.type.lower(), ()):
            for name in _values(item.properties, rule.path.split(".")):
                target = self._directory.named(item.scope, rule.target, name.lower())
                if target is not None and target != row:
                    _add(found, (row, target, KIND_CODES[rule.kind]), (_STRENGTH_CODES[rule.strength], rule.path))

    def _meaning(self, source: str, path: str, target: str) -> Rule:
        place = (source, path, target)
        if place not in self._meanings:
            self._meanings[place] = _matching(source, path, target)
        return self._meanings[place]


def _add(found: Reading, key: EdgeKey, bearing: Bearing) -> None:
    before = found.claims.get(key)
    if before is None or bearing < before:
        found.claims[key] = bearing


def _candidates(document: object, spellings: Spellings) -> list[tuple[str, _Trail]]:
    """Strings of a document that could name something, each with its place."""
    found: list[tuple[str, _Trail]] = []
    pending: list[tuple[Any, _Trail]] = [(document, None)]
    while pending:
        node, trail = pending.pop()
        if isinstance(node, dict):
            if next(iter(node), "")[:1] == "/":  # a map by id, such as userAssignedIdentities
                found.extend((name, trail) for name in node)
            entries: Iterable[tuple[str, Any]] = node.items()
        else:
            entries = zip(repeat("[*]"), node)
        _sort_out(entries, trail, spellings, found, pending)
    return found


def _sort_out(
    entries: Iterable[tuple[str, Any]],
    trail: _Trail,
    spellings: Spellings,
    found: list[tuple[str, _Trail]],
    pending: list[tuple[Any, _Trail]],
) -> None:
    """Put strings that could name something on one list, and what is to be looked into on the other."""
    heads = HEADS
    for name, value in entries:
        kind = type(value)
        if kind is str:
            if value[:3] in heads or value in spellings:
                found.append((value, (trail, name)))
        elif kind in _CONTAINERS and value:
            pending.append((value, (trail, name)))


_CONTAINERS = frozenset({dict, list})
_STRENGTH_CODES = {strength: code for code, strength in enumerate(STRENGTHS)}


def _path(trail: _Trail) -> str:
    names = []
    while trail is not None:
        trail, name = trail
        names.append(name)
    return ".".join(reversed(names)).replace(".[*]", "[*]")


def _matching(source: str, path: str, target: str) -> Rule:
    place = f".{path.lower().replace('[*]', '')}."
    for rule in _ORDERED_RULES:
        if rule.source in {"", source} and rule.target in {"", target} and _stands(rule.path, place):
            return rule
    return FALLBACK


def _stands(path: str, place: str) -> bool:
    if path.endswith(".*"):
        return f".{path[:-2]}." in place
    return not path or place.endswith(f".{path}.")


def _specificity(rule: Rule) -> tuple[bool, int, bool]:
    return (bool(rule.source), len(rule.path.split(".")) if rule.path else 0, bool(rule.target))


_ORDERED_RULES: tuple[Rule, ...] = tuple(sorted(RULES, key=_specificity, reverse=True))


def _by_source(rules: Iterable[NameRule]) -> dict[str, tuple[NameRule, ...]]:
    grouped: dict[str, tuple[NameRule, ...]] = {}
    for rule in rules:
        grouped[rule.source] = (*grouped.get(rule.source, ()), rule)
    return grouped


_NAME_RULES_BY_SOURCE = _by_source(NAME_RULES)


def _values(node: object, path: Sequence[str]) -> Iterator[str]:
    """Strings at a path, through arrays, names compared without case."""
    if isinstance(node, list):
        for element in node:
            yield from _values(element, path)
    elif not path:
        if isinstance(node, str):
            yield node
    elif isinstance(node, dict):
        for name, value in node.items():
            if name.lower() == path[0]:
                yield from _values(value, path[1:])


def _containers(item: Identified, key: str) -> Iterator[str]:
    """Spellings of what may contain the item, nearest first."""
    if item.provider is Provider.AZURE:
        head = key.rpartition("/")[0].rpartition("/")[0]
        while head.count("/") >= 2:
            yield head.removesuffix("/providers")
            head = head.rpartition("/")[0].rpartition("/")[0]
    elif item.provider is Provider.GCP and key.startswith("//"):
        head = key[2:].partition("/")[2].rpartition("/")[0].rpartition("/")[0]
        while "/" in head:
            yield head
            head = head.rpartition("/")[0].rpartition("/")[0]
    if item.scope:
        yield item.scope
        yield item.scope.lower()
        yield "/".join(item.scope.rsplit("/", 2)[-2:])
