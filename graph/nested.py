"""Child resources that stand only inside their parent's document, as exports of a parent alone have them.

Azure answers many children with their parent: security rules and subnets in a list named like the child type,
extensions of a machine in ``resources``. They are not items of an inventory (nothing judges them there), but they
are there when somebody looks for them, and a list that is empty proves that there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.resource import ConfigurationItem, Provider, ResourceId, resource_key
from domain.value import Json
from graph.path import fold, step

_MIXED: Final = "resources"


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """Children of one type.

    Args:
        items: those that are no items of their own, in order of their parents.
        listed: rows of the parents whose document lists all children of the type, ascending.
    """

    items: tuple[ConfigurationItem, ...]
    listed: tuple[int, ...]


def nested_children(
    ordered: Sequence[ConfigurationItem], rows_by_type: Mapping[str, Iterable[int]], kind: str
) -> Nested:
    """The children of a lower-case type inside the documents of the items of its parent type."""
    parent, _, last = kind.rpartition("/")
    own = {resource_key(ordered[row].uid) for row in rows_by_type.get(kind, ())}
    items: list[ConfigurationItem] = []
    listed: list[int] = []
    for row in rows_by_type.get(parent, ()):
        item = ordered[row]
        if item.provider is not Provider.AZURE:
            continue
        children = step(step(dict(item.properties), "properties"), last)
        if isinstance(children, list):
            listed.append(row)
            items += _new(_children(item, children, last), own)
        mixed = step(dict(item.properties), _MIXED)
        if isinstance(mixed, list):
            items += _new(_children(item, _of_kind(mixed, kind), last), own)
    return Nested(tuple(items), tuple(listed))


def _new(children: Iterable[ConfigurationItem], own: set[str]) -> Iterator[ConfigurationItem]:
    for child in children:
        key = resource_key(child.uid)
        if key not in own:
            own.add(key)
            yield child


def _of_kind(elements: Sequence[Json], kind: str) -> list[Json]:
    """Elements that say that they are of the type, whole or below their parent's."""
    found = []
    for element in elements:
        given = step(element, "type")
        if isinstance(given, str) and fold(given) in {kind, kind.rpartition("/")[2]}:
            found.append(element)
    return found


def _children(parent: ConfigurationItem, elements: Sequence[Json], last: str) -> Iterator[ConfigurationItem]:
    for element in elements:
        if not isinstance(element, dict):
            continue
        name, given, place = step(element, "name"), step(element, "id"), step(element, "location")
        uid = given if isinstance(given, str) else f"{parent.uid}/{last}/{name}" if isinstance(name, str) else ""
        if not resource_key(uid).startswith(f"{resource_key(parent.uid)}/"):
            continue
        yield replace(
            parent,
            uid=ResourceId(uid),
            type=f"{parent.type}/{last}",
            name=name if isinstance(name, str) else uid.rpartition("/")[2],
            region=place if isinstance(place, str) else "",
            tags={},
            properties=element,
            unread=parent.unread if "properties" in element else ("*",),
        )
