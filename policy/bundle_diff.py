"""What differs between the documents of two bundles: added, removed, changed, and of what changed each field.

Documents are matched by kind and id, wherever their files are. In lists of objects that have an identity (a reference
id, a name), elements are matched by it; other lists are compared as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from domain.value import MISSING, Absent, Json, Value
from policy.bundle import Bundle
from policy.policy_set import Kind, identity_of

_IDENTITIES: Final = ("policyDefinitionReferenceId", "name", "id")
_LIST_LENGTH_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field; `before` or `after` is MISSING where it is not there."""

    path: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """One document: ``added``, ``removed`` or ``changed``, and then what of it."""

    kind: Kind
    identity: str
    action: str
    file: str
    fields: tuple[FieldChange, ...] = ()


def bundle_diff(before: Bundle | None, after: Bundle | None) -> tuple[DocumentChange, ...]:
    """What differs, in order of kind and id; None is a bundle without documents."""
    old, new = _by_identity(before), _by_identity(after)
    order = {kind: number for number, kind in enumerate(Kind)}
    keys = sorted({*old, *new}, key=lambda key: (order[key[0]], key[1]))
    return tuple(change for key in keys for change in _compared(key[0], old.get(key), new.get(key)))


def field_changes(before: Json, after: Json, path: str = "$") -> Iterator[FieldChange]:
    """Each field that differs, outermost first, in order of path."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _field(before.get(name, MISSING), after.get(name, MISSING), f"{path}.{name}")
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(before, after, path)
    elif not _same(before, after):
        yield FieldChange(path, before, after)


_Entry = tuple[str, str, Json]


def _by_identity(bundle: Bundle | None) -> dict[tuple[Kind, str], _Entry]:
    found: dict[tuple[Kind, str], _Entry] = {}
    for path, document in bundle.documents if bundle is not None else ():
        kind, identity = identity_of(document, origin=path)
        found[kind, identity.casefold()] = (identity, path, document)
    return found


def _compared(kind: Kind, before: _Entry | None, after: _Entry | None) -> Iterator[DocumentChange]:
    if before is None:
        assert after is not None
        yield DocumentChange(kind, after[0], "added", after[1])
    elif after is None:
        yield DocumentChange(kind, before[0], "removed", before[1])
    else:
        fields = tuple(field_changes(before[2], after[2]))
        if fields:
            yield DocumentChange(kind, after[0], "changed", after[1], fields)


def _field(before: Value, after: Value, path: str) -> Iterator[FieldChange]:
    if isinstance(before, Absent) or isinstance(after, Absent):
        yield FieldChange(path, before, after)
    else:
        yield from field_changes(before, after, path)


def _lists(before: list[Json], after: list[Json], path: str) -> Iterator[FieldChange]:
    name = _identity_of_all([*before, *after])
    if name is None or max(len(before), len(after)) > _LIST_LENGTH_MAX:
        if not _same(before, after):
            yield FieldChange(path, before, after)
        return
    old, new = _named(before, name), _named(after, name)
    if len(old) < len(before) or len(new) < len(after):
        if not _same(before, after):
            yield FieldChange(path, before, after)
        return
    for key in dict.fromkeys([*old, *new]):
        yield from _field(old.get(key, MISSING), new.get(key, MISSING), f"{path}[{key}]")


def _identity_of_all(elements: list[Json]) -> str | None:
    """A field that names every element of a list."""
    for name in _IDENTITIES:
        if elements and all(isinstance(each, dict) and isinstance(each.get(name), str) for each in elements):
            return name
    return None


def _named(elements: list[Json], name: str) -> Mapping[str, Json]:
    return {str(each[name]): each for each in elements if isinstance(each, dict)}


def _same(before: Json, after: Json) -> bool:
    """Equality that tells true from 1, whatever the order of keys."""
    return orjson.dumps(before, option=orjson.OPT_SORT_KEYS) == orjson.dumps(after, option=orjson.OPT_SORT_KEYS)
