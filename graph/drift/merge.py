"""Declarations of one resource become one: its own, and the aspects that stand beside it.

A tool may split one resource over several declarations: a security group and each of its rules, a bucket and its
policy. What an aspect declares replaces what the resource's own record said of it, which is older, and arrays of
several aspects make one. Where nothing declares the resource itself, its aspects are not the whole of any array.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from domain.drift import Declared
from domain.value import Json

Pair = tuple[str, Declared]
"""A declaration, with the name of its baseline before it."""


def merged(pairs: Iterable[Pair]) -> list[Pair]:
    """One declaration for each baseline that declares the resource; else one for each that declares an aspect."""
    owners: dict[str, Declared] = {}
    aspects: dict[str, list[Declared]] = {}
    for baseline, declared in pairs:
        if declared.is_aspect:
            aspects.setdefault(baseline, []).append(declared)
        else:
            owners.setdefault(baseline, declared)
    if not owners:
        return [(baseline, _joined(found)) for baseline, found in aspects.items()]
    everywhere = [each for found in aspects.values() for each in found]
    if not everywhere:
        return list(owners.items())
    extra = _joined(everywhere).properties
    return [
        (baseline, replace(owner, properties=owner.properties if owner.is_whole else _over(owner.properties, extra)))
        for baseline, owner in owners.items()
    ]


def _joined(aspects: list[Declared]) -> Declared:
    properties: dict[str, Json] = {}
    for aspect in aspects:
        properties = _union(properties, aspect.properties)
    address = aspects[0].address if len(aspects) == 1 else f"{aspects[0].address} and {len(aspects) - 1} more"
    return replace(aspects[0], address=address, properties=properties)


def _union(left: Mapping[str, Json], right: Mapping[str, Json]) -> dict[str, Json]:
    """Both documents: arrays one behind the other, objects member by member."""
    found = dict(left)
    for key, value in right.items():
        before = found.get(key)
        if isinstance(before, list) and isinstance(value, list):
            found[key] = [*before, *value]
        elif isinstance(before, dict) and isinstance(value, dict):
            found[key] = _union(before, value)
        else:
            found[key] = value
    return found


def _over(own: Mapping[str, Json], aspects: Mapping[str, Json]) -> dict[str, Json]:
    """The aspects' values instead of the resource's own; objects member by member."""
    found = dict(own)
    for key, value in aspects.items():
        before = found.get(key)
        found[key] = _over(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return found
