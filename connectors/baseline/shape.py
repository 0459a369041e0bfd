"""From a tool's attributes to the provider's document, by tables.

A table maps an attribute to where the provider has it. An attribute is found under its own name, and under the plural
and without underscores that Pulumi writes. What a table does not name is left over, for a looser comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson

from connectors.observation import Document
from domain.value import Json


@dataclass(frozen=True, slots=True)
class One:
    """A block that stands at most once: an object at `path`; an empty `path` puts its members beside it."""

    path: str
    members: Table


@dataclass(frozen=True, slots=True)
class Each:
    """A block that may be repeated: an array of objects at `path`."""

    path: str
    members: Table


@dataclass(frozen=True, slots=True)
class Wrapped:
    """An array of plain values: an array of objects with one member each."""

    path: str
    member: str


@dataclass(frozen=True, slots=True)
class Words:
    """A value in other words; what is not among them stays."""

    path: str
    words: Mapping[Json, Json]


@dataclass(frozen=True, slots=True)
class Text:
    """JSON as text: kept parsed."""

    path: str


Where: TypeAlias = "str | One | Each | Wrapped | Words | Text"
Table: TypeAlias = Mapping[str, Where]


@dataclass(frozen=True, slots=True)
class Shape:
    """How one of a tool's types looks at the provider.

    Args:
        type: the provider's type.
        attributes: the table.
        uid: template of the id over the attributes, where they do not hold it; ``{bucket}``.
        is_aspect: it declares a part of a resource that another declaration owns.
        ignored: attributes that mean nothing to the provider, or only how a tool works.
        finish: what a table cannot say: changes the document, given the attributes.
        parts: resources that come and go with this one: type, id and document of each.
    """

    type: str
    attributes: Table = field(default_factory=dict)
    uid: str = ""
    is_aspect: bool = False
    ignored: frozenset[str] = frozenset()
    finish: Callable[[Document, Mapping[str, Json]], None] | None = None
    parts: Callable[[Mapping[str, Json]], list[tuple[str, str, Document]]] | None = None


@dataclass(frozen=True, slots=True)
class Shaped:
    """A document in the provider's shape, and the attributes that no table names."""

    document: Document
    loose: Document


def shape(values: Mapping[str, Json], how: Shape) -> Shaped:
    """Attributes in the provider's shape."""
    document: Document = {}
    used = _fill(document, values, how.attributes)
    if how.finish is not None:
        how.finish(document, values)
    loose = {key: value for key, value in values.items() if key not in used and key not in how.ignored}
    return Shaped(document, loose)


def _fill(document: Document, values: Mapping[str, Json], table: Table) -> set[str]:
    used = set()
    for name, where in table.items():
        key = _spelt(values, name)
        if key is not None:
            used.add(key)
            _put(document, where, values[key])
    return used


def _spelt(values: Mapping[str, Json], name: str) -> str | None:
    return next((spelt for spelt in (name, camel(name), camel(name) + "s") if spelt in values), None)


def camel(name: str) -> str:
    """`kms_key_id` as `kmsKeyId`."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _put(document: Document, where: Where, value: Json) -> None:
    if isinstance(where, str):
        write(document, where, value)
    elif isinstance(where, One):
        _put_one(document, where, value)
    elif isinstance(where, Each):
        members = value if isinstance(value, list) else [value] if value is not None else []
        write(document, where.path, [_object(each, where.members) for each in members])
    elif isinstance(where, Wrapped):
        members = value if isinstance(value, list) else [value] if value else []
        write(document, where.path, [{where.member: each} for each in members])
    elif isinstance(where, Words):
        write(document, where.path, where.words.get(value, value) if isinstance(value, str | bool | int) else value)
    else:
        write(document, where.path, parsed(value))


def _put_one(document: Document, where: One, value: Json) -> None:
    block = value[0] if isinstance(value, list) and value else value
    if isinstance(block, dict):
        inner: Document = {}
        _fill(inner, block, where.members)
        if not where.path:
            for key, each in inner.items():
                write(document, key, each)
        else:
            write(document, where.path, inner)
    elif where.path:
        write(document, where.path, None)


def _object(value: Json, table: Table) -> Json:
    if not isinstance(value, dict):
        return value
    found: Document = {}
    _fill(found, value, table)
    return found


def parsed(value: Json) -> Json:
    """JSON in text as what it says; anything else as it is."""
    if not isinstance(value, str) or value[:1] not in "{[":
        return value
    try:
        found: Json = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    return found


def write(document: Document, path: str, value: Json) -> None:
    """Set what a path with dots names; objects on the way are made."""
    *parents, last = path.split(".")
    node = document
    for parent in parents:
        inner = node.setdefault(parent, {})
        if not isinstance(inner, dict):
            inner = node[parent] = {}
        node = inner
    former = node.get(last)
    node[last] = {**former, **value} if isinstance(former, dict) and isinstance(value, dict) else value


def listed(value: Json) -> list[Json]:
    """The value where it is an array, else none of anything."""
    return value if isinstance(value, list) else []


def objects(value: Json) -> list[Document]:
    """The objects of an array."""
    return [each for each in listed(value) if isinstance(each, dict)]
